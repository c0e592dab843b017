"""Explorations of a single network on the threads of this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from optimizer.architecture.boxes import Box, points_of
from optimizer.architecture.budgets import Limits
from optimizer.problem.goal import make_goal
from optimizer.search.branch_and_bound import Explorer, Report
from optimizer.search.exploration import Exploration
from optimizer.search.incumbents import Incumbents
from optimizer.search.infeasibility import Solve
from optimizer.search.prepared_problem import PreparedProblem

Reports = Callable[[PreparedProblem, str], Report | None]
"""Makes the progress report of an exploration of a prepared problem; the text says what it is for."""


def explore_on_threads(
    prepared: PreparedProblem,
    workers: int,
    deadline: float | None,
    report: Report | None = None,
    *,
    incumbents: Incumbents | None = None,
    within: Box | None = None,
    width: int = 1,
) -> Exploration:
    """Explore the points of a prepared problem (or of a box of them) until the deadline (``time.perf_counter``), on
    `workers` threads.
    """
    explorer = Explorer(
        [prepared.network_bounds],
        prepared.points,
        prepared.area_cap_um2,
        workers=workers,
        limits=prepared.resource_caps,
        incumbents=incumbents,
        within=within,
        width=width,
    )
    return explorer.run(deadline=deadline, report=report)


def priced(prepared: PreparedProblem, state: Exploration, workers: int) -> Exploration:
    """The exploration with the layer prices of its best design, which tasks do not return. Solves one point, without a
    deadline.
    """
    if state.found is None or state.found.picks[0].prices:
        return state
    return replace(state, incumbents=explore_on_threads(prepared, workers, None, within=state.found.box).incumbents)


def asker(prepared: PreparedProblem, workers: int, deadline: float | None, reports: Reports) -> Solve:
    """A function that explores the problem under other limits and objectives."""

    def ask(limits: Limits, objective: str, purpose: str) -> Exploration:
        other = rebudgeted(prepared, limits, objective)
        return explore_on_threads(other, workers, deadline, reports(other, purpose))

    return ask


def rebudgeted(prepared: PreparedProblem, limits: Limits, objective: str) -> PreparedProblem:
    """The same problem under other limits. They decide which points of the menus keep the constraints, and on a device
    which kinds of memory a point uses.
    """
    points = prepared.points
    architecture = prepared.architecture.within(replace(limits, dram_gbps=prepared.architecture.budgets.dram_gbps))
    own = prepared.architecture
    if (architecture.plan, architecture.constraints) != (own.plan, own.constraints):
        points = points_of(architecture)
    some = points.some
    return replace(prepared, architecture=architecture, points=points, goal=make_goal(objective, limits, some))
