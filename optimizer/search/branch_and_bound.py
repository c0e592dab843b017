"""Branch and bound over boxes of hardware points, for one network or several.

A box is bounded by its ideal corner: a hardware at least as good as every point of the box. A box whose bound
exceeds what its designs must beat, or whose least area or use of a resource exceeds the budget, is closed; another is
split in two; a single point is solved exactly. Every closed box becomes an entry of the certificate.

The box with the least bound is next. Before it is searched, the part of it that may be of interest is cut out
(:mod:`optimizer.search.screening`); a point that is the ideal corner of its box is solved first, and what is proved of
it holds for the others.
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
from optimizer.architecture.boxes import Box, PointSet, carve, size
from optimizer.architecture.fabric import Caps, exceeded
from optimizer.architecture.hardware import Hardware
from optimizer.errors import InternalDisagreementError
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.goal import INFEASIBLE_COST, Goal
from optimizer.problem.status import Termination
from optimizer.search.box_visit import Ahead, BoxNode, Visit, Visitor
from optimizer.search.exploration import Closed, Exploration
from optimizer.search.incumbents import Archive, Best, Found
from optimizer.search.network_bounds import NetworkBounds
from optimizer.search.point_solver import Pick
from optimizer.search.screening import Screen

Report = Callable[["Exploration"], None]
Asked = tuple[BoxNode, Fraction | None]
"""A box to visit, and the objective above which its designs are of no interest."""


Visits = Callable[[Sequence[Asked]], Iterable[Visit | None]]
"""Visits the boxes of a round: outcomes in order, None for a visit that was given up."""


class Explorer:
    """Runs the branch and bound.

    Parameters
    ----------
    parts : sequence of Part
        One per network.
    points : PointSet
    area_cap_um2 : int or None
    aggregate : Aggregate, optional
        How the objectives of several networks become one.
    workers : int
        Threads; the answer does not depend on their number.
    limits : Caps
        Budgets of a device's resources; empty without a device.
    archive : Archive, optional
        What is kept of the designs; by default the best one.
    within : Box, optional
        Only the points of this box; by default all.
    visits : callable, optional
        Visits boxes elsewhere; by default they are visited here, on `workers` threads.
    width : int
        Boxes visited in a round, side by side where `visits` does so; the boxes closed depend on it.
    """

    def __init__(
        self,
        parts: Sequence[NetworkBounds],
        points: PointSet,
        area_cap_um2: int | None,
        aggregate: Aggregate | None = None,
        workers: int = 2,
        limits: Caps = (),
        archive: Archive | None = None,
        within: Box | None = None,
        visits: Visits | None = None,
        width: int = 1,
    ) -> None:
        self.parts, self.points, self.area_cap = parts, points, area_cap_um2
        self.aggregate, self.archive = aggregate or Aggregate(), archive or Best()
        self.whole = points.whole if within is None else within
        self._visits, self._width, self._workers, self._limits = visits, width, workers, limits
        self._numbers = itertools.count()
        self._screen = Screen(parts, points, self.aggregate, lambda point: self._excess(point) is None)
        self._given_up: list[BoxNode] = []

    def run(self, *, deadline: float | None = None, report: Report | None = None) -> Exploration:
        """Explore until all boxes are closed, the deadline (``time.perf_counter``) passes, or Ctrl-C.

        Either gives running searches up; what is left stays open with the bounds known.
        """
        state = Exploration(self.parts[0].goal, size(self.whole), self.archive)
        heap, self._given_up = [self._node(self.whole)], []
        stop = Stop()
        for pricer in itertools.chain.from_iterable(part.pricers for part in self.parts):
            pricer.stop, pricer.given_up = stop, None  # of an earlier exploration nothing is salvaged
        alarm = stop.after(None if deadline is None else deadline - time.perf_counter())
        with alarm, ThreadPoolExecutor(self._workers) as pool, suppress(KeyboardInterrupt):
            visits = self._visits or self._here(pool)
            try:
                if deadline is not None and time.perf_counter() >= deadline:
                    stop.request()
                stop.check()
                self._start(state, visits)
                if report and state.best is not None:
                    report(state)
                while heap:
                    stop.check()
                    self._round(heap, state, visits)
                    if report:
                        report(state)
                state.ended = Termination.COMPLETE
            except StoppedError:
                state.ended = Termination.TIME_LIMIT
            except InternalDisagreementError as error:
                state.disagreements, state.ended = (str(error),), Termination.DISAGREEMENT
            finally:
                stop.request()
        if state.disagreements:
            self.distrust(state)
            return state
        if heap and len(self.parts) == 1 and len(self.parts[0].pricers) == 1:
            self._salvage(heap[0], state)
        heap += self._given_up
        heap += [self._node(piece, left) for left in heap for piece in left.behind]
        state.closed += [self._closed(left, self._known_reason(left) or "open", left) for left in heap]
        state.complete = not any(entry.by == "open" for entry in state.closed)
        if state.complete:
            state.ended = Termination.COMPLETE
        elif state.ended is Termination.COMPLETE:
            state.ended = Termination.GIVEN_UP
        state.settle()
        return state

    def distrust(self, state: Exploration) -> None:
        """Forget what searches proved: one open box holds all points, with the bound that holds without a search."""
        node = self._node(self.whole)
        state.closed, state.complete = [self._closed(node, "open", node)], False
        state.ended = Termination.DISAGREEMENT
        state.bound = node.bound if state.value is None else min(node.bound, state.value)

    def _here(self, pool: Executor) -> Visits:
        """Visits in this process."""
        visitor = Visitor(self.parts, self.points, self.aggregate)
        return lambda asked: (visitor.visit(node, limit, pool) for node, limit in asked)

    def _node(
        self, box: Box, around: BoxNode | None = None, behind: tuple[Box, ...] = (), ahead: Ahead | None = None
    ) -> BoxNode:
        """A box, given what is known of one around it; without an ideal corner nothing is."""
        energy = latency = [[0] * len(part.pricers) for part in self.parts]
        if not self.points.has_ideal_corner(box):
            return BoxNode(Fraction(0), next(self._numbers), box, energy, latency)
        if around is not None:
            energy, latency = around.energy, around.latency
        corner = self.points.corner(box)
        known = zip(self.parts, energy, latency, strict=True)
        views = [part.view(corner, energies, latencies) for part, energies, latencies in known]
        bounds = tuple(view.bound for view in views)
        return BoxNode(
            self.aggregate.value(bounds),
            next(self._numbers),
            box,
            [view.energy for view in views],
            [view.latency for view in views],
            bounds,
            all(view.fits for view in views),
            around is None or around.fresh,
            around is not None and around.even,
            around is not None and around.tight and around.box == box,
            behind,
            around.ahead if ahead is None and around is not None else ahead,
        )

    def _salvage(self, entry: BoxNode, state: Exploration) -> None:
        """Keep what the search of a network had found when it was given up: a bound on its box, a design if any."""
        part = self.parts[0]
        pricer, goal = part.pricers[0], part.goal
        given_up = pricer.given_up
        if given_up is None:
            return
        point, (energy, latency) = given_up.hardware, part.fixed(given_up.hardware)
        index = next((index for index, known in self.points.points.items() if known == point), None)
        if index is not None and given_up.price is not None:
            pick = Pick(energy + given_up.price.energy, latency + given_up.price.latency, (given_up.price,))
            if goal.allows(pick.energy, pick.latency):
                self._offer((pick,), tuple((n, n) for n in index))
        if self.points.has_ideal_corner(entry.box) and self.points.corner(entry.box) == point and not given_up.weight:
            entry.latency = [[max(entry.latency[0][0], pricer.latency_floor(point))]]
            if given_up.objective == "latency":
                entry.latency = [[max(entry.latency[0][0], given_up.bound)]]
            else:
                entry.energy = [[max(entry.energy[0][0], given_up.bound)]]
            entry.bound = max(entry.bound, goal.value(energy + entry.energy[0][0], latency + entry.latency[0][0]))

    def _round(self, heap: list[BoxNode], state: Exploration, visits: Visits) -> None:
        """Visit the boxes with the least bounds; those that are given up stay as they were, and are not tried again."""
        asked: list[Asked] = []
        left: list[BoxNode] = []
        try:
            while heap and len(asked) < self._width:
                node = heapq.heappop(heap)
                left.append(node)
                if self._settled(node, heap, state):
                    left.remove(node)
                else:
                    asked.append((node, self.archive.limit(node.box)))
            for (node, _), visit in zip(asked, visits(asked) if asked else (), strict=True):
                if visit is None:
                    self._given_up.append(node)
                else:
                    self._merge(node, visit, heap, state)
                left.remove(node)
        finally:
            for node in left:
                heapq.heappush(heap, node)
        known = [node.bound for node in (*heap[:1], *self._given_up)]
        known += [] if state.value is None else [state.value]
        state.bound = min(known, default=state.bound)

    def _settled(self, node: BoxNode, heap: list[BoxNode], state: Exploration) -> bool:
        """Close or split a box that needs no visit."""
        reason, ahead = self._known_reason(node), None
        if reason is None:
            reason, ahead = "bound", node.ahead
            if ahead is None or not self.archive.closes(node.box, ahead.bound):
                return self._cut(node, heap)
        self._close(node, reason, ahead or node, heap, state)
        return True

    def _known_reason(self, node: BoxNode) -> str | None:
        """Why a box needs no visit: its least area or use of a resource, a cap out of reach, its bound."""
        reason = self._excess(self.points.corner(node.box)) or (None if node.fit else "infeasible")
        return reason or ("bound" if self.archive.closes(node.box, node.bound) else None)

    def _cut(self, node: BoxNode, heap: list[BoxNode]) -> bool:
        """Split a box that needs no search: what may be of interest from the rest, or in half if much is lacking."""
        if size(node.box) == 1:
            return False
        if node.bounds:
            found = self._screen.open_part(node, self.archive.cutoffs(self.points.shape))
            if found is not None and found[0] != node.box:
                self._push([self._node(piece, node) for piece in carve(node.box, found[0])], heap)
                return True
            if found is not None and self._hopeful(node, found[1]):
                return False
        self._split(node, heap)
        return True

    def _hopeful(self, node: BoxNode, rise: float) -> bool:
        """May a search close a box, or tell more of its points than any other?"""
        if node.fresh or rise <= self.archive.reach:
            return not node.tight
        return not node.even and self.points.even(node.box)

    def _merge(self, node: BoxNode, visit: Visit, heap: list[BoxNode], state: Exploration) -> None:
        """Keep what a visit found: a design, and a closed box or one to look at again with better floors."""
        if visit.picks is not None:
            self._offer(visit.picks, node.box)
        known = replace(
            node,
            energy=visit.energy,
            latency=visit.latency,
            fresh=False,
            tight=True,
            even=node.even or self.points.even(node.box),
        )
        if visit.by is None:
            self._push([self._node(node.box, known, node.behind)], heap)
            return
        proved = Ahead(node.box, self.aggregate.value(visit.bounds), visit.bounds)
        self._close(known, visit.by, proved, heap, state)

    def _split(self, node: BoxNode, heap: list[BoxNode]) -> None:
        """Both halves of a box, of equal bounds the upper one first; or a point that leads all others, and these."""
        leader = self.points.leader(node.box) if node.bounds else None
        if leader is not None:
            first, *rest = carve(node.box, leader)
            self._push([self._node(first, node, tuple(rest))], heap)
        else:
            self._push([self._node(half, node) for half in reversed(self.points.split(node.box))], heap)

    @staticmethod
    def _push(nodes: Sequence[BoxNode], heap: list[BoxNode]) -> None:
        """Put boxes on the heap at once, so that Ctrl-C finds all of them there or none."""
        heap += nodes
        heapq.heapify(heap)

    def _close(self, node: BoxNode, by: str, proved: Ahead | BoxNode, heap: list[BoxNode], state: Exploration) -> None:
        """Close a box; what stands behind it is next."""
        ahead = proved if isinstance(proved, Ahead) and by == "solved" else None
        behind = [self._node(piece, node, ahead=ahead) for piece in node.behind]
        state.closed.append(self._closed(node, by, proved))
        self._push(behind, heap)

    def _closed(self, node: BoxNode, by: str, proved: Ahead | BoxNode) -> Closed:
        """An entry of the certificate."""
        corner = self.points.corner(node.box)
        return Closed(
            node.box,
            by,
            corner.area_um2,
            proved.bound,
            tuple(min(floor, INFEASIBLE_COST) for floors in node.energy for floor in floors),
            tuple(floor for floors in node.latency for floor in floors),
            corner.resources,
            proved.bounds,
            proved.box if proved.box != node.box else None,
        )

    def _start(self, state: Exploration, visits: Visits) -> None:
        """Solve one point, the largest within the budgets, so that there is a design to beat."""
        fitting = [
            (point.area_um2, sum(point.resources), index)
            for index, point in self.points.indexed(self.whole)
            if self._excess(point) is None
        ]
        if fitting:
            node = self._node(tuple((n, n) for n in max(fitting)[2]))
            for visit in visits([(replace(node, tight=True), self.archive.limit(node.box))]):
                if visit is not None and visit.picks is not None:
                    self._offer(visit.picks, node.box)

    def _excess(self, hardware: Hardware) -> str | None:
        """The first budget of a chip that this one exceeds: ``area``, or a resource of the device."""
        if self.area_cap is not None and hardware.area_um2 > self.area_cap:
            return "area"
        return exceeded(hardware.resources, self._limits)

    def _offer(self, picks: tuple[Pick, ...], box: Box) -> None:
        """Hand the design of a point to the archive."""
        goals = [part.goal for part in self.parts]
        self.archive.offer(as_found(self.points, goals, self.aggregate, picks, box))


def as_found(points: PointSet, goals: Sequence[Goal], aggregate: Aggregate, picks: tuple[Pick, ...], box: Box) -> Found:
    """The design of a point (the box that holds just it), with its place in the order of designs."""
    pairs = list(zip(goals, picks, strict=True))
    value = aggregate.value([goal.value(pick.energy, pick.latency) for goal, pick in pairs])
    cycles = tuple(goal.stretched(pick.energy, pick.latency) for goal, pick in pairs)
    rank = (value, cycles, tuple(pick.energy for pick in picks), box)
    return Found(value, picks, points.points[tuple(low for low, _ in box)], box, rank)
