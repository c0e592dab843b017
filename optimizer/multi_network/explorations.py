"""Explorations of some networks of a co-design, on the threads of this process or spread over a pool."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from optimizer.architecture.boxes import Box
from optimizer.architecture.hardware import Hardware
from optimizer.multi_network.request import Team, at_point
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.status import Termination
from optimizer.results.reconciliation import reconciled
from optimizer.scaling.pool import Payload, Pool
from optimizer.search.box_evaluation import BoxEvaluation, OpenBox
from optimizer.search.branch_and_bound import Explorer, Report
from optimizer.search.exploration import Exploration
from optimizer.search.incumbents import Incumbents
from optimizer.search.network_bounds import NetworkBounds
from optimizer.search.point_solver import Pick
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.search.processes import WIDTH, evaluation_payload, explore_spread, joint_problem, run_evaluations
from optimizer.search.threads import explore_on_threads


@dataclass(frozen=True)
class CrossCell:
    """A network on a hardware point: the best design there, and its objective.

    ``status`` is OPTIMAL, INFEASIBLE (a cap is broken, or a layer does not fit) or UNKNOWN (time ran out).
    """

    status: str
    pick: Pick | None = None
    value: Fraction | None = None


class Explorations:
    """Runs explorations until a common deadline; once one is interrupted, the others are not begun.

    Parameters
    ----------
    team : Team
    workers : int
        Threads, where there is no pool.
    deadline : float or None
        ``time.perf_counter``.
    pool : Pool, optional
        Runs the evaluations of boxes; by default they run here, on threads.
    cache_dir : Path, optional
        Folder of the store, for the pool.
    """

    def __init__(
        self, team: Team, workers: int, deadline: float | None, pool: Pool | None, cache_dir: Path | None
    ) -> None:
        self.team, self.deadline = team, deadline
        self.workers, self._pool, self._cache_dir = workers, pool, cache_dir
        self._network_bounds = team.network_bounds

    @property
    def stopped(self) -> bool:
        """Is there no time left?"""
        return self.deadline is not None and time.perf_counter() >= self.deadline

    def run(
        self,
        numbers: Sequence[int],
        *,
        aggregate: Aggregate | None = None,
        incumbents: Incumbents | None = None,
        within: Box | None = None,
        network_bounds: Sequence[NetworkBounds] | None = None,
        deadline: float | None = None,
        report: Report | None = None,
    ) -> Exploration:
        """Explore for the networks of these numbers.

        With ``network_bounds`` (networks under other goals than those of the problem) the exploration runs on threads.
        ``deadline`` may be earlier than that of the whole run.
        """
        until = self.deadline if deadline is None else deadline
        if self._pool is None or network_bounds is not None:
            state = self._here(
                network_bounds or [self._network_bounds[n] for n in numbers],
                aggregate,
                incumbents,
                within,
                until,
                report,
            )
        else:
            seconds = None if until is None else max(0.0, until - time.perf_counter())
            state = explore_spread(
                [self.team.prepared_problems[n].problem for n in numbers],
                pool=self._pool,
                aggregate=aggregate,
                incumbents=incumbents,
                cache_dir=self._cache_dir,
                time_limit_s=seconds,
                within=within,
                report=report,
            )
        stopped = state.ended in (Termination.INTERRUPTED, Termination.TIME_LIMIT, Termination.MEMORY_LIMIT)
        if stopped and (until is None or time.perf_counter() < until):
            self.deadline = time.perf_counter()  # Ctrl-C
        return state

    def unsought(self, number: int) -> Exploration:
        """The exploration of a network that was not begun."""
        return self._here([self._network_bounds[number]], None, None, None, time.perf_counter(), None)

    def _here(
        self,
        network_bounds: Sequence[NetworkBounds],
        aggregate: Aggregate | None,
        incumbents: Incumbents | None,
        within: Box | None,
        until: float | None,
        report: Report | None,
    ) -> Exploration:
        explorer = Explorer(
            network_bounds,
            self.team.points,
            self.team.area_cap_um2,
            aggregate,
            self.workers,
            self.team.resource_caps,
            incumbents,
            within,
            width=WIDTH,
        )
        return explorer.run(deadline=until, report=report)

    def distrust(self, state: Exploration, aggregate: Aggregate) -> None:
        """Forget what searches of all networks proved."""
        team = self.team
        Explorer(self._network_bounds, team.points, team.area_cap_um2, aggregate, limits=team.resource_caps).distrust(
            state
        )

    def cells(self, box: Box) -> list[CrossCell]:
        """All networks on the point of a box, each with its own caps."""
        if self._pool is None:
            return [self._cell_here(number, box) for number in range(len(self._network_bounds))]
        payloads = [self._payload(number, box) for number in range(len(self._network_bounds))]
        evaluations = run_evaluations(payloads, self._pool, self._cache_dir)
        return [
            _cell(network, evaluation) for network, evaluation in zip(self._network_bounds, evaluations, strict=True)
        ]

    def _cell_here(self, number: int, box: Box) -> CrossCell:
        state = self.run([number], within=box)
        if not state.complete:
            return CrossCell("UNKNOWN")
        if state.best is None:
            return CrossCell("INFEASIBLE")
        counted = reconciled(self.team.prepared_problems[number], state)
        return CrossCell("UNKNOWN") if counted.best is None else CrossCell("OPTIMAL", counted.best, counted.value)

    def _payload(self, number: int, box: Box) -> Payload:
        """Payload of the evaluation of a point without earlier bounds."""
        zeros = [[0] * len(self._network_bounds[number].pricers)]
        seconds = None if self.deadline is None else max(0.0, self.deadline - time.perf_counter())
        shared = joint_problem([self.team.prepared_problems[number].problem], Aggregate())
        return evaluation_payload(
            shared, OpenBox(Fraction(0), ((), ()), 0, box, zeros, zeros, tight=True), None, seconds
        )

    def on_point(self, number: int, point: Hardware) -> tuple[PreparedProblem, Exploration]:
        """A network with the menus cut down to one point, solved here, whatever the time."""
        prepared = at_point(self.team.prepared_problems[number], point)
        return prepared, explore_on_threads(prepared, self.workers, None)


def _cell(network: NetworkBounds, evaluation: BoxEvaluation | None) -> CrossCell:
    """The cell of the cross table from the evaluation of a point."""
    if evaluation is None:
        return CrossCell("UNKNOWN")
    if evaluation.picks is None:
        return CrossCell("INFEASIBLE")
    (pick,) = evaluation.picks
    return CrossCell("OPTIMAL", pick, network.goal.value(pick.energy, pick.latency))
