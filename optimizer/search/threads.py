"""Explorations of a single network on the threads of this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from optimizer.architecture.boxes import Box, point_set
from optimizer.architecture.budgets import Limits
from optimizer.problem.goal import make_goal
from optimizer.search.branch_and_bound import Explorer, Report
from optimizer.search.exploration import Exploration
from optimizer.search.incumbents import Archive
from optimizer.search.infeasibility import Solve
from optimizer.search.session import Session

Reports = Callable[[Session, str], Report | None]
"""What reports an exploration of a session; the text says what it is for."""


def explore_session(
    session: Session,
    workers: int,
    deadline: float | None,
    report: Report | None = None,
    *,
    archive: Archive | None = None,
    within: Box | None = None,
    width: int = 1,
) -> Exploration:
    """Explore the points of a session (or of a box) until the deadline (``time.perf_counter``), on so many threads."""
    explorer = Explorer(
        [session.part],
        session.points,
        session.area_cap_um2,
        workers=workers,
        limits=session.resource_caps,
        archive=archive,
        within=within,
        width=width,
    )
    return explorer.run(deadline=deadline, report=report)


def priced(session: Session, state: Exploration, workers: int) -> Exploration:
    """With the prices of the layers of the best design, which tasks do not hand back; one point, whatever the time."""
    if state.found is None or state.found.picks[0].prices:
        return state
    return replace(state, archive=explore_session(session, workers, None, within=state.found.box).archive)


def asker(session: Session, workers: int, deadline: float | None, reports: Reports) -> Solve:
    """Explores the problem of a session under other limits and objectives."""

    def ask(limits: Limits, objective: str, purpose: str) -> Exploration:
        other = rebudgeted(session, limits, objective)
        return explore_session(other, workers, deadline, reports(other, purpose))

    return ask


def rebudgeted(session: Session, limits: Limits, objective: str) -> Session:
    """The same problem under other limits; on a device they also decide which kinds of memory suit a point best."""
    points = session.points
    architecture = session.architecture.within(replace(limits, dram_gbps=session.architecture.budgets.dram_gbps))
    if architecture.plan != session.architecture.plan:
        points = point_set(list(architecture.points()))
    some = next(iter(points.points.values()))
    return replace(session, architecture=architecture, points=points, goal=make_goal(objective, limits, some))
