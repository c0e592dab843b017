"""Branch and bound over boxes of hardware points, for one network or several.

A box is bounded by its optimistic corner: hardware at least as good as every point of the box. A box is closed if its
bound exceeds the incumbent, or if its least area or use of a resource exceeds the budget. Other boxes are split in two;
a single point is solved exactly. Every closed box becomes an entry of the certificate.

What the search of a layer proves on one corner also holds for others (:mod:`optimizer.pricing.known_optima`), and its
mappings make designs on other points (:mod:`optimizer.search.known_designs`). A box that no search can close, as these
show, is split at once.

The box with the least bound is next. Before it is searched, it is cut down to the points that may improve on the
incumbent (:mod:`optimizer.search.screening`). If the optimistic corner of a box is one of its points, this point is
solved first, and its proved bound holds for the rest of the box.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

from formulations.stop import Stop, StoppedError
from optimizer.architecture.boxes import Box, Index, PointSet, size
from optimizer.architecture.fabric import Caps
from optimizer.architecture.hardware import Hardware
from optimizer.errors import InternalDisagreementError
from optimizer.pricing.layer_pricer import Pricer
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.goal import Goal
from optimizer.problem.status import Termination
from optimizer.search.box_evaluation import Ahead, BoxEvaluation, BoxEvaluator, OpenBox
from optimizer.search.exploration import Exploration
from optimizer.search.incumbents import Best, Incumbent, Incumbents
from optimizer.search.network_bounds import NetworkBounds
from optimizer.search.open_boxes import Boxes
from optimizer.search.point_solver import Pick
from optimizer.search.screening import Screening

Report = Callable[["Exploration"], None]
Asked = tuple[OpenBox, Fraction | None]
"""A box to evaluate, and the objective above which its designs are ignored."""


EvaluateBoxes = Callable[[Sequence[Asked]], Iterable[BoxEvaluation | None]]
"""Evaluates the boxes of a round: outcomes in order, None for an evaluation that was stopped."""


class Explorer:
    """Runs the branch and bound.

    Parameters
    ----------
    networks : sequence of NetworkBounds
        One per network.
    points : PointSet
    area_cap_um2 : int or None
    aggregate : Aggregate, optional
        How the objectives of several networks become one.
    workers : int
        Threads; the answer does not depend on their number.
    limits : Caps
        Budgets of a device's resources; empty without a device.
    incumbents : Incumbents, optional
        Which designs are kept; by default the best one.
    within : Box, optional
        Only the points of this box; by default all.
    evaluations : callable, optional
        Evaluates boxes elsewhere; by default they are evaluated in this process, on `workers` threads.
    width : int
        Boxes evaluated in a round, in parallel if `evaluations` does so. The certificate depends on it, the optimum
        does not.
    """

    def __init__(
        self,
        networks: Sequence[NetworkBounds],
        points: PointSet,
        area_cap_um2: int | None,
        aggregate: Aggregate | None = None,
        workers: int = 2,
        limits: Caps = (),
        incumbents: Incumbents | None = None,
        within: Box | None = None,
        evaluations: EvaluateBoxes | None = None,
        width: int = 1,
    ) -> None:
        self.networks, self.points, self.area_cap = networks, points, area_cap_um2
        self.aggregate, self.incumbents = aggregate or Aggregate(), incumbents or Best()
        self.whole = points.whole if within is None else within
        self._evaluations, self._width, self._workers, self._limits = evaluations, width, workers, limits
        self.boxes = Boxes(networks, points, self.aggregate, self.incumbents, area_cap_um2, limits)
        self._screening = Screening(networks, points, self.aggregate, self.boxes.allows)
        self._stopped: list[OpenBox] = []

    def run(self, *, deadline: float | None = None, report: Report | None = None) -> Exploration:
        """Explore until all boxes are closed, the deadline (``time.perf_counter``) passes, or Ctrl-C.

        The deadline and Ctrl-C stop running searches; boxes that are left stay open with the bounds proved so far.
        """
        state = Exploration(self.networks[0].goal, self.points.count(self.whole), self.incumbents)
        heap, self._stopped = [self.boxes.opened(box) for box in self.points.occupied([self.whole])], []
        stop = Stop()
        for pricer in itertools.chain.from_iterable(network.pricers for network in self.networks):
            pricer.stop, pricer.stopped_search = stop, None  # nothing is kept of earlier searches
        alarm = stop.after(None if deadline is None else deadline - time.perf_counter())
        with alarm, ThreadPoolExecutor(self._workers) as pool, suppress(KeyboardInterrupt):
            evaluations = self._evaluations or self._here(pool)
            try:
                if deadline is not None and time.perf_counter() >= deadline:
                    stop.request()
                stop.check()
                self._start(state, evaluations)
                if report and state.best is not None:
                    report(state)
                while heap:
                    stop.check()
                    self._round(heap, state, evaluations)
                    if report:
                        report(state)
                state.ended = Termination.COMPLETE
            except StoppedError:
                state.ended = Termination.MEMORY_LIMIT if stop.ran_out else Termination.TIME_LIMIT
            except InternalDisagreementError as error:
                state.disagreements, state.ended = (str(error),), Termination.DISAGREEMENT
            finally:
                stop.request()
        if state.disagreements:
            self.distrust(state)
            return state
        if heap and len(self.networks) == 1 and len(self.networks[0].pricers) == 1:
            self._salvage(heap[0], state)
        heap += self._stopped
        heap += [self.boxes.opened(piece, left) for left in heap for piece in left.behind]
        state.closed += [self.boxes.closed(left, self.boxes.known_reason(left) or "open", left) for left in heap]
        state.complete = not any(entry.by == "open" for entry in state.closed)
        if state.complete:
            state.ended = Termination.COMPLETE
        elif state.ended is Termination.COMPLETE:
            state.ended = Termination.GIVEN_UP
        state.settle()
        return state

    def distrust(self, state: Exploration) -> None:
        """Forget what searches proved: one open box holds all points, with the bound that holds without a search."""
        open_box = self.boxes.opened(self.whole)
        state.closed, state.complete = [self.boxes.closed(open_box, "open", open_box)], False
        state.ended = Termination.DISAGREEMENT
        state.bound = open_box.bound if state.value is None else min(open_box.bound, state.value)

    def _here(self, pool: Executor) -> EvaluateBoxes:
        """Evaluations in this process."""
        evaluator = BoxEvaluator(self.networks, self.points, self.aggregate)
        return lambda asked: (evaluator.evaluate(open_box, limit, pool) for open_box, limit in asked)

    def _salvage(self, entry: OpenBox, state: Exploration) -> None:
        """Keep the results of a stopped search of a whole network: a bound on its box, and its design if any."""
        network = self.networks[0]
        pricer, goal = network.pricers[0], network.goal
        stopped_search = pricer.stopped_search
        if stopped_search is None:
            return
        point, (energy, latency) = stopped_search.hardware, network.fixed(stopped_search.hardware)
        index = self._index_of(point)
        if index is not None and stopped_search.price is not None:
            pick = Pick(
                energy + stopped_search.price.energy, latency + stopped_search.price.latency, (stopped_search.price,)
            )
            if goal.allows(pick.energy, pick.latency):
                self._offer((pick,), tuple((n, n) for n in index))
        if (
            self.points.has_optimistic_corner(entry.box)
            and self.points.corner(entry.box) == point
            and not stopped_search.weight
        ):
            entry.latency = [[max(entry.latency[0][0], pricer.latency_bound(point))]]
            if stopped_search.objective == "latency":
                entry.latency = [[max(entry.latency[0][0], stopped_search.bound)]]
            else:
                entry.energy = [[max(entry.energy[0][0], stopped_search.bound)]]
            entry.bound = max(entry.bound, goal.value(energy + entry.energy[0][0], latency + entry.latency[0][0]))

    def _index_of(self, hardware: Hardware) -> Index | None:
        """The numbers of the entries of a point; None for an optimistic corner that is none."""
        try:
            index = self.points.place(dict(hardware.choices))
        except KeyError:
            return None
        return index if self.points.points[index] == hardware else None

    def _round(self, heap: list[OpenBox], state: Exploration, evaluations: EvaluateBoxes) -> None:
        """Evaluate the boxes with the least bounds; boxes whose evaluation was stopped keep their bounds and are not
        tried again.
        """
        asked: list[Asked] = []
        left: list[OpenBox] = []
        try:
            while heap and len(asked) < self._width:
                open_box = heapq.heappop(heap)
                left.append(open_box)
                if self._settled(open_box, heap, state):
                    left.remove(open_box)
                else:
                    asked.append((open_box, self.incumbents.limit(open_box.box)))
            for (open_box, _), evaluation in zip(asked, evaluations(asked) if asked else (), strict=True):
                if evaluation is None:
                    self._stopped.append(open_box)
                else:
                    self._merge(open_box, evaluation, heap, state)
                left.remove(open_box)
        finally:
            for open_box in left:
                heapq.heappush(heap, open_box)
        known = [open_box.bound for open_box in (*heap[:1], *self._stopped)]
        known += [] if state.value is None else [state.value]
        state.bound = min(known, default=state.bound)

    def _settled(self, open_box: OpenBox, heap: list[OpenBox], state: Exploration) -> bool:
        """Close or split a box that needs no evaluation; false if it needs one."""
        self.boxes.inform(open_box)
        reason, ahead = self.boxes.known_reason(open_box), None
        if reason is None:
            reason, ahead = "bound", open_box.ahead
            if ahead is None or not self.incumbents.closes(open_box.box, ahead.bound):
                return self._cut(open_box, heap)
        self._close(open_box, reason, ahead or open_box, heap, state)
        return True

    def _cut(self, open_box: OpenBox, heap: list[OpenBox]) -> bool:
        """Split a box before it is searched: off the points that cannot improve on the incumbent, or in half if its
        bound is far below the incumbent.
        """
        if size(open_box.box) == 1:
            return False
        if open_box.bounds and not self.points.is_listed:
            if self._hopeful(open_box, 1.0) and not self.boxes.is_vain(open_box):
                return False
        elif open_box.bounds:
            found = self._screening.promising_box(open_box, self.incumbents.cutoffs(self.points.shape))
            if found is not None and found[0] != open_box.box:
                pieces = self.points.carve(open_box.box, found[0])
                self._push([self.boxes.opened(piece, open_box) for piece in pieces], heap)
                return True
            if found is not None and self._hopeful(open_box, found[1]) and not self.boxes.is_vain(open_box):
                return False
        self._split(open_box, heap)
        return True

    def _hopeful(self, open_box: OpenBox, rise: float) -> bool:
        """May a search close the box, or raise the bounds of its points more than any other search?"""
        if open_box.fresh or rise <= self.incumbents.reach:
            return not open_box.tight
        return not open_box.even and self.points.even(open_box.box)

    def _merge(self, open_box: OpenBox, evaluation: BoxEvaluation, heap: list[OpenBox], state: Exploration) -> None:
        """Record an evaluation: its design, and the box, either closed or open with better layer bounds."""
        if evaluation.picks is not None:
            self._offer(evaluation.picks, open_box.box)
        elif self._evaluations is None:
            self._offer_known(open_box.box)
        known = replace(
            open_box,
            energy=evaluation.energy,
            latency=evaluation.latency,
            fresh=False,
            tight=True,
            splits=0,
            searched=open_box.searched if evaluation.least is None else evaluation.least,
            even=open_box.even or self.points.even(open_box.box),
        )
        if evaluation.by is None:
            self._push([self.boxes.opened(open_box.box, known, open_box.behind)], heap)
            return
        proved = Ahead(open_box.box, self.aggregate.value(evaluation.bounds), evaluation.bounds)
        self._close(known, evaluation.by, proved, heap, state)

    def _offer_known(self, box: Box) -> None:
        """Offer the best design near a box, or near the best design, that the mappings found so far make.

        Only one that is better: a point that was solved keeps the mappings that its own search found.
        """
        if not isinstance(self.incumbents, Best):
            return
        starts = [tuple(high for _, high in box)]
        starts += [tuple(low for low, _ in found.box) for found in self.incumbents.designs[:1]]
        for start in starts:
            found = self.boxes.designs.near(start, self.whole)
            best = self.incumbents.designs[0].rank[:3] if self.incumbents.designs else None
            if found is not None and (best is None or found[0] < best):
                self._offer(found[2], tuple((n, n) for n in found[1]))

    def _split(self, open_box: OpenBox, heap: list[OpenBox]) -> None:
        """Split a box in two halves, at equal bounds the upper one first; or into a point that dominates all others,
        and these.
        """
        leader = self.points.leader(open_box.box)
        if leader is not None:
            first, *rest = self.points.carve(open_box.box, leader)
            self._push([self.boxes.opened(first, open_box, tuple(rest))], heap)
        else:
            self._push([self.boxes.opened(half, open_box) for half in reversed(self._halves(open_box.box))], heap)

    def _halves(self, box: Box) -> list[Box]:
        """The halves of a box.

        Where no budget of the chip is in question, a menu with an entry best for all is not split before others: the
        half with it would be as good as the box.
        """
        largest = self.points.points.get(tuple(high for _, high in box))
        tense = largest is not None and self.boxes.excess(largest) is None
        return self.points.split(box, tense=tense)

    @staticmethod
    def _push(open_boxes: Sequence[OpenBox], heap: list[OpenBox]) -> None:
        """Put boxes on the heap at once, so that Ctrl-C finds all of them there or none."""
        heap += open_boxes
        heapq.heapify(heap)

    def _close(
        self, open_box: OpenBox, by: str, proved: Ahead | OpenBox, heap: list[OpenBox], state: Exploration
    ) -> None:
        """Close a box and open the boxes that waited behind it."""
        ahead = proved if isinstance(proved, Ahead) and by == "solved" else None
        behind = [self.boxes.opened(piece, open_box, ahead=ahead) for piece in open_box.behind]
        state.closed.append(self.boxes.closed(open_box, by, proved))
        self._push(behind, heap)

    def _start(self, state: Exploration, evaluations: EvaluateBoxes) -> None:
        """Solve one point, the largest within the budgets, as the first incumbent; a design of it is there at once."""
        found = self.points.largest(self.whole, self.boxes.allows)
        if found is not None:
            open_box = self.boxes.opened(tuple((n, n) for n in found))
            self._begin(self.points.points[found], open_box.box)
            for evaluation in evaluations([(replace(open_box, tight=True), self.incumbents.limit(open_box.box))]):
                if evaluation is not None and evaluation.picks is not None:
                    self._offer(evaluation.picks, open_box.box)

    def _begin(self, hardware: Hardware, box: Box) -> None:
        """Offer a design of first mappings, unless boxes are evaluated elsewhere."""
        if self._evaluations is None:
            for network in self.networks:
                objective = "latency" if network.goal.objective == "latency" else "energy"
                for pricer in network.pricers:
                    if isinstance(pricer, Pricer):
                        pricer.begin(hardware, objective)
            self._offer_known(box)

    def _offer(self, picks: tuple[Pick, ...], box: Box) -> None:
        """Offer the design of a point to the incumbents."""
        goals = [network.goal for network in self.networks]
        self.incumbents.offer(as_incumbent(self.points, goals, self.aggregate, picks, box))


def as_incumbent(
    points: PointSet, goals: Sequence[Goal], aggregate: Aggregate, picks: tuple[Pick, ...], box: Box
) -> Incumbent:
    """The design of a point (given as the box that holds only it), with its rank among designs."""
    pairs = list(zip(goals, picks, strict=True))
    value = aggregate.value([goal.value(pick.energy, pick.latency) for goal, pick in pairs])
    cycles = tuple(goal.stretched(pick.energy, pick.latency) for goal, pick in pairs)
    rank = (value, cycles, tuple(pick.energy for pick in picks), box)
    return Incumbent(value, picks, points.points[tuple(low for low, _ in box)], box, rank)
