"""Why no hardware serves all networks: the fewest that exclude each other, and how far a cap would have to give way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from optimizer.architecture.boxes import Box
from optimizer.bodies.infeasibility import JointInfeasibility, NetworkRelaxation
from optimizer.multi_network.explorations import Explorations
from optimizer.multi_network.search import Findings
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.budget_text import rounded_up
from optimizer.problem.goal import INFEASIBLE_COST, Goal
from optimizer.problem.progress import Watch
from optimizer.search.branch_and_bound import Report
from optimizer.search.incumbents import Incumbent, Logs
from optimizer.search.infeasibility import explain
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.search.progress import Reporter
from optimizer.search.rule_blame import ruled_out
from optimizer.search.threads import asker


class First:
    """Keeps the first design; then every box is closed."""

    reach = math.inf

    def __init__(self) -> None:
        self._found: list[Incumbent] = []

    @property
    def designs(self) -> Sequence[Incumbent]:
        """The design, if there is one."""
        return self._found

    def limit(self, box: Box) -> Fraction | None:
        """No objective is below zero."""
        return Fraction(-1) if self._found else None

    def closes(self, box: Box, bound: Fraction) -> bool:
        """Is there a design?"""
        return bool(self._found)

    def cutoffs(self, shape: tuple[int, ...]) -> Logs:
        """No cutoff before there is a design; then no point can improve."""
        return np.full(shape, -np.inf if self._found else np.inf)

    def offer(self, found: Incumbent) -> None:
        """Keep it if it is the first."""
        self._found = self._found or [found]


@dataclass(frozen=True)
class Only(Aggregate):
    """The value of one network alone; the others only have to keep their caps."""

    number: int = 0

    def value(self, values: Sequence[Fraction]) -> Fraction:
        """That of the network."""
        return values[self.number]

    def logarithm(self, logarithms: Sequence[Logs]) -> Logs:
        """That of the network."""
        return logarithms[self.number]

    def limit(self, number: int, bounds: Sequence[Fraction], best: Fraction | None) -> Fraction | None:
        """The best value for the network, none for the others."""
        return best if number == self.number else None


def explain_joint(
    explorations: Explorations,
    found: Findings,
    workers: int,
    started: float,
    watch: Watch | None,
    *,
    asked: bool = False,
) -> JointInfeasibility:
    """What stands under ``infeasible`` in a result.

    Either networks that have no design even alone, each with its reason (``alone``), or the networks that exclude each
    other (``networks``: none of them can be left out) with the least relaxation of single caps (``relaxations``).
    ``complete`` is false where the time did not suffice. Networks that cannot keep their caps, as is proved without a
    search, are searched for their least relaxations only if that is `asked` for
    (:func:`optimizer.search.infeasibility.explain`).
    """
    team = explorations.team
    total = team.points.total

    def reports(prepared: PreparedProblem | None, purpose: str) -> Report | None:
        return None if watch is None else Reporter(watch, started, total, "", None, purpose)

    if found.hopeless:
        reasons = {}
        for prepared, name in ((team.prepared_problems[n], team.names[n]) for n in found.hopeless):
            reason = ruled_out(prepared, explorations.deadline) if prepared.rules else None
            ask = asker(prepared, workers, explorations.deadline, reports)
            reasons[name] = reason or explain(prepared, ask, asked=asked)
        complete = all(reason.complete for reason in reasons.values())
        return JointInfeasibility(networks=tuple(reasons), alone=reasons, relaxations=(), complete=complete)
    kept, complete = list(range(len(team.names))), True
    for number in range(len(team.names)):
        others = [n for n in kept if n != number]
        report = reports(None, f"no design for all; leaving out {team.names[number]}")
        state = explorations.run(others, aggregate=_any(others), incumbents=First(), report=report)
        complete = complete and (state.complete or state.found is not None)
        kept = others if state.complete and state.found is None else kept
    relaxations = [] if not complete else [it for n in kept for it in _relaxations(explorations, kept, n)]
    return JointInfeasibility(
        networks=tuple(team.names[n] for n in kept),
        alone={},
        relaxations=tuple(relaxations),
        complete=complete and not explorations.stopped,
    )


def _any(numbers: Sequence[int]) -> Aggregate:
    """Some aggregate: only whether there is a design is asked."""
    return Aggregate("max", tuple(Fraction(1) for _ in numbers))


def _relaxations(explorations: Explorations, kept: list[int], number: int) -> Iterator[NetworkRelaxation]:
    """The least cap on latency or energy of one network that lets a design through, all others as they are."""
    team = explorations.team
    goal, budgets = team.prepared_problems[number].goal, team.prepared_problems[number].architecture.budgets
    point = team.points.some
    options = (
        ("latency_ms", budgets.latency_ms, "ms", Goal("latency", INFEASIBLE_COST, goal.energy_cap, goal.power_cap)),
        ("energy_mj", budgets.energy_mj, "mJ", Goal("energy", goal.latency_cap, INFEASIBLE_COST, goal.power_cap)),
    )
    for name, limit, unit, relaxed in options:
        if limit is None:
            continue
        network_bounds = [team.network_bounds[n] for n in kept]
        network_bounds[kept.index(number)] = replace(network_bounds[kept.index(number)], goal=relaxed)
        aggregate = Only("weighted", tuple(Fraction(1) for _ in kept), kept.index(number))
        state = explorations.run(kept, aggregate=aggregate, network_bounds=network_bounds)
        if not state.complete or state.value is None:
            continue
        if name == "latency_ms":
            exact = math.ceil(state.value) * 1000 / (point.clock_mhz * 10**6)
        else:
            exact = state.value * (point.energy_unit_pj or Fraction(1)) / 10**9
        least = rounded_up(exact)
        yield NetworkRelaxation(
            network=team.names[number],
            budget=name,
            limit=float(limit),
            least=float(least),
            exact=True,
            text=f"{team.names[number]} needs {least.normalize():f} {unit} beside the others",
        )
