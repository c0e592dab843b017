"""Whole problems solved again by the search itself, with fresh tables: cells of a cross table, least values, designs
that several networks have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

from optimizer.architecture.boxes import Box
from optimizer.architecture.budgets import Budgets, Limits
from optimizer.checker.searches import CellSolver, Least
from optimizer.checker.stored import stored
from optimizer.multi_network.blame import First, Only
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.goal import INFEASIBLE_COST, Goal
from optimizer.problem.serving_caps import KEY as CAPS
from optimizer.results.solve_result import make_result
from optimizer.search.branch_and_bound import Explorer
from optimizer.search.exploration import Exploration
from optimizer.search.network_bounds import NetworkBounds
from optimizer.search.prepared_problem import PreparedProblem, prepare_again
from optimizer.search.threads import explore_on_threads, rebudgeted

Data = dict[str, Any]


def cell_solver(problems: Sequence[Data], *, keep: bool) -> CellSolver:
    """Best designs of networks on given hardware; `keep` the tables of all networks, or only of the last one."""
    prepared_problems: dict[int, PreparedProblem] = {}

    def solved(number: int, box: Box) -> tuple[int, int] | None:
        if number not in prepared_problems:
            if not keep:
                prepared_problems.clear()
            prepared_problems[number] = prepare_again(problems[number])
        prepared = prepared_problems[number]
        explorer = Explorer(
            [prepared.network_bounds], prepared.points, prepared.area_cap_um2, limits=prepared.resource_caps, within=box
        )
        best = explorer.run().best
        return None if best is None else (best.energy, best.latency)

    return solved


def least_value(problem: Data, own: Limits, limits: Limits, objective: str, until: float | None) -> Least:
    """The least latency or energy of a problem within other limits than its `own`."""
    budgets = {budget.name: getattr(limits, budget.name) for budget in fields(Budgets)}
    asked = {name: str(limit) for name, limit in budgets.items() if limit is not None}
    problem = {key: value for key, value in problem.items() if key != CAPS}  # they are among the limits
    problem |= {"objective": objective, "budgets": asked}
    if limits.constraints != own.constraints:
        stated = zip(problem["architecture"]["constraints"], own.constraints, strict=True)
        kept = [raw for raw, constraint in stated if constraint in limits.constraints]
        problem |= {"architecture": problem["architecture"] | {"constraints": kept}}
    prepared = prepare_again(problem)
    same_device = limits.resources == own.resources
    prepared = prepared if same_device else rebudgeted(prepared, limits, objective)
    state = explore_on_threads(prepared, 1, until)
    # a problem states the limits of its device only as they are
    found = make_result(prepared, state, seed=0, wall_s=0.0) if same_device else None
    return Least(state.value, state.bound, state.complete, None if found is None else stored(found))


class Common:
    """Designs that serve several networks of a co-design.

    Parameters
    ----------
    problems : sequence of dict
        Those of the networks.
    until : float or None
        When to stop (``time.perf_counter()``).
    """

    def __init__(self, problems: Sequence[Data], until: float | None) -> None:
        self._prepared_problems, self._until = [prepare_again(problem) for problem in problems], until

    def exist(self, numbers: Sequence[int]) -> bool | None:
        """Is there a design for these networks? None: not known in time."""
        aggregate = Aggregate("max", tuple(Fraction(1) for _ in numbers))
        state = self._explored([self._prepared_problems[n].network_bounds for n in numbers], aggregate, First)
        return None if state.found is None and not state.complete else state.found is not None

    def least(self, numbers: Sequence[int], number: int, budget: str) -> tuple[bool, Fraction | None]:
        """Was it settled; and the least value of one network where its own cap on `budget` is lifted, if any."""
        goal = self._prepared_problems[number].goal
        relaxed = {
            "latency_ms": Goal("latency", INFEASIBLE_COST, goal.energy_cap, goal.power_cap),
            "energy_mj": Goal("energy", goal.latency_cap, INFEASIBLE_COST, goal.power_cap),
        }[budget]
        parts, place = [self._prepared_problems[n].network_bounds for n in numbers], list(numbers).index(number)
        parts[place] = replace(parts[place], goal=relaxed)
        state = self._explored(parts, Only("weighted", tuple(Fraction(1) for _ in numbers), place))
        return state.complete, state.value if state.complete else None

    def _explored(
        self, parts: Sequence[NetworkBounds], aggregate: Aggregate, incumbents: Callable[[], First] | None = None
    ) -> Exploration:
        first = self._prepared_problems[0]
        explorer = Explorer(
            parts,
            first.points,
            first.area_cap_um2,
            aggregate,
            1,
            first.resource_caps,
            None if incumbents is None else incumbents(),
        )
        return explorer.run(deadline=self._until)
