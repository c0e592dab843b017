"""Branch and bound over boxes of hardware points, for one network or several.

A box is bounded by its ideal corner: a hardware at least as good as every point of the box. A box whose bound
exceeds what its designs must beat, or whose least area or use of a resource exceeds the budget, is closed; another is
split in two; a single point is solved exactly. Every closed box becomes an entry of the certificate.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from threading import Timer

from formulations.stop import Stop, StoppedError
from optimizer.aggregate import Aggregate
from optimizer.archive import Archive, Best, Found
from optimizer.design import Goal, Pick
from optimizer.fabric import Caps, Vector, exceeded
from optimizer.hardware import Hardware
from optimizer.part import Part, View
from optimizer.points import Box, PointSet, size
from optimizer.pricing import NEVER

Report = Callable[["Exploration"], None]


@dataclass(frozen=True)
class Closed:
    """A closed box: why, its least area, the bound on its objective, and the bounds per layer it rests on.

    ``by`` is ``area`` or a resource of the device (the least of the box exceeds it), ``bound``, ``solved``,
    ``infeasible`` (some layer or cap cannot be met) or ``open`` (time ran out; the bound still holds).
    ``energy_floors`` and ``latency_floors`` are per pricer, network by network, energy units and cycles of one run on
    the box's ideal corner. ``resources`` is the least use of every resource, empty without a device. ``bounds`` are
    those of the single networks on it; empty where none was looked at.
    """

    box: Box
    by: str
    area_um2: int
    bound: Fraction
    energy_floors: tuple[int, ...] = ()
    latency_floors: tuple[int, ...] = ()
    resources: Vector = ()
    bounds: tuple[Fraction, ...] = ()


@dataclass
class Exploration:
    """State and outcome: the designs kept, the proved bound, and the closed boxes."""

    goal: Goal
    total: int
    archive: Archive
    started: float = field(default_factory=time.perf_counter)
    closed: list[Closed] = field(default_factory=list)
    bound: Fraction = Fraction(0)
    complete: bool = False

    @property
    def found(self) -> Found | None:
        """The best design."""
        return next(iter(self.archive.designs), None)

    @property
    def best(self) -> Pick | None:
        """What the (first) network costs in the best design."""
        return None if self.found is None else self.found.picks[0]

    @property
    def best_point(self) -> Hardware | None:
        """Hardware of the best design."""
        return None if self.found is None else self.found.point

    @property
    def best_box(self) -> Box | None:
        """The box that holds just the hardware of the best design."""
        return None if self.found is None else self.found.box

    @property
    def value(self) -> Fraction | None:
        """Objective of the best design."""
        return None if self.found is None else self.found.value

    def points(self, by: str) -> int:
        """Points in boxes closed for one reason."""
        return sum(size(entry.box) for entry in self.closed if entry.by == by)


@dataclass(order=True)
class _Open:
    """A box to visit, with the floors of the box it was split from, per part and pricer."""

    bound: Fraction
    order: int
    box: Box = field(compare=False)
    energy: list[list[int]] = field(compare=False)
    latency: list[list[int]] = field(compare=False)

    def closed(
        self, by: str, corner: Hardware, views: Sequence[View] = (), bound: Fraction | None = None,
        bounds: Sequence[Fraction] = (),
    ) -> Closed:  # fmt: skip
        """The entry of the certificate, with the floors of views where there are any."""
        energy = [view.energy for view in views] or self.energy
        latency = [view.latency for view in views] or self.latency
        return Closed(
            self.box, by, corner.area_um2, self.bound if bound is None else bound,
            tuple(min(floor, NEVER) for floors in energy for floor in floors),
            tuple(floor for floors in latency for floor in floors),
            corner.resources, tuple(bounds or (view.bound for view in views)),
        )  # fmt: skip


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
    """

    def __init__(
        self, parts: Sequence[Part], points: PointSet, area_cap_um2: int | None, aggregate: Aggregate | None = None,
        workers: int = 2, limits: Caps = (), archive: Archive | None = None, within: Box | None = None,
    ) -> None:  # fmt: skip
        self.parts, self.points, self.area_cap = parts, points, area_cap_um2
        self.aggregate, self.archive = aggregate or Aggregate(), archive or Best()
        self.whole = points.whole if within is None else within
        self._workers, self._limits = workers, limits
        self._numbers = itertools.count()

    def run(self, *, deadline: float | None = None, report: Report | None = None) -> Exploration:
        """Explore until all boxes are closed, the deadline (``time.perf_counter``) passes, or Ctrl-C.

        Either gives running searches up; what is left stays open with the bounds known.
        """
        state = Exploration(self.parts[0].goal, size(self.whole), self.archive)
        heap = [self._first(self.whole)]
        stop = Stop()
        for pricer in itertools.chain.from_iterable(part.pricers for part in self.parts):
            pricer.stop = stop
        alarm = None if deadline is None else Timer(max(0.0, deadline - time.perf_counter()), stop.request)
        if alarm is not None:
            alarm.daemon = True
            alarm.start()
        with ThreadPoolExecutor(self._workers) as pool, suppress(KeyboardInterrupt, StoppedError):
            try:
                self._start(state, pool)
                if report and state.best is not None:
                    report(state)
                while heap:
                    stop.check()
                    self._step(heap, state, pool)
                    if report:
                        report(state)
            finally:
                stop.request()
                if alarm is not None:
                    alarm.cancel()
        if heap and len(self.parts) == 1 and len(self.parts[0].pricers) == 1:
            self._salvage(heap[0], state)
        for left in heap:
            state.closed.append(left.closed("open", self.points.corner(left.box)))
        state.complete = not heap
        bounds = [c.bound for c in state.closed if c.by in ("bound", "open", "solved")]
        state.bound = min(bounds + ([state.value] if state.value is not None else []), default=Fraction(0))
        return state

    def _first(self, box: Box) -> _Open:
        """A box of which nothing is known."""
        zeros = [[0] * len(part.pricers) for part in self.parts]
        return _Open(Fraction(0), next(self._numbers), box, zeros, zeros)

    def _salvage(self, entry: _Open, state: Exploration) -> None:
        """Keep what the search of a whole network had found when it was given up: a design, and a bound on its box."""
        part = self.parts[0]
        pricer, goal = part.pricers[0], part.goal
        given_up = pricer.given_up
        if given_up is None:
            return
        point, (energy, latency) = given_up.hardware, part.vector_cost(given_up.hardware)
        pick = Pick(energy + given_up.price.energy, latency + given_up.price.latency, (given_up.price,))
        index = next((index for index, known in self.points.points.items() if known == point), None)
        if index is not None and goal.allows(pick.energy, pick.latency):
            self._offer(state, (pick,), point, tuple((n, n) for n in index))
        if self.points.has_ideal_corner(entry.box) and self.points.corner(entry.box) == point and not given_up.weight:
            entry.latency = [[max(entry.latency[0][0], pricer.latency_floor(point))]]
            if given_up.objective == "latency":
                entry.latency = [[max(entry.latency[0][0], given_up.bound)]]
            else:
                entry.energy = [[max(entry.energy[0][0], given_up.bound)]]
            entry.bound = max(entry.bound, goal.value(energy + entry.energy[0][0], latency + entry.latency[0][0]))

    def _step(self, heap: list[_Open], state: Exploration, pool: ThreadPoolExecutor) -> None:
        """Visit the box with the least bound; if that is given up, it stays as it was."""
        done = len(state.closed)
        try:
            halves = self._visit(heap[0], state, pool)
        except (KeyboardInterrupt, StoppedError):
            del state.closed[done:]
            raise
        heapq.heappop(heap)
        for half in halves:
            heapq.heappush(heap, half)
        known = [x for x in (heap[0].bound if heap else None, state.value) if x is not None]
        state.bound = min(known, default=state.bound)

    def _start(self, state: Exploration, pool: ThreadPoolExecutor) -> None:
        """Solve one point, the largest within the budgets, so that there is a design to beat."""
        fitting = [
            (point.area_um2, sum(point.resources), index)
            for index, point in self.points.indexed(self.whole) if self._excess(point) is None
        ]  # fmt: skip
        if fitting:
            self._visit(self._first(tuple((n, n) for n in max(fitting)[2])), state, pool)
            state.closed.clear()

    def _excess(self, hardware: Hardware) -> str | None:
        """The first budget of a chip that this one exceeds: ``area``, or a resource of the device."""
        if self.area_cap is not None and hardware.area_um2 > self.area_cap:
            return "area"
        return exceeded(hardware.resources, self._limits)

    def _visit(self, entry: _Open, state: Exploration, pool: ThreadPoolExecutor) -> list[_Open]:
        """Bound a box; close it, or return its halves."""
        corner = self.points.corner(entry.box)
        excess, limit = self._excess(corner), state.archive.limit(corner)
        if excess is not None or (limit is not None and entry.bound > limit):
            state.closed.append(entry.closed(excess or "bound", corner))
            return []
        if not self.points.has_ideal_corner(entry.box):
            return self._halves(entry.box, entry.bound, entry.energy, entry.latency)
        known = zip(self.parts, entry.energy, entry.latency, strict=True)
        views = [part.view(corner, energy, latency, pool) for part, energy, latency in known]
        if any(view.least_latency > view.goal.latency_cap for view in views):
            state.closed.append(entry.closed("infeasible", corner, views, entry.bound))
            return []
        reason = self._tighten(views, limit)
        bounds = [view.bound for view in views]
        bound = self.aggregate.value(bounds)
        if reason is None and size(entry.box) == 1:
            reason, bounds = self._solve(entry.box, corner, views, state)
            bound = self.aggregate.value(bounds)
        elif reason != "infeasible":
            bound = max(bound, entry.bound)
        if reason is None:
            floors = [view.energy for view in views], [view.latency for view in views]
            return self._halves(entry.box, bound, *floors)
        state.closed.append(entry.closed(reason, corner, views, bound, bounds))
        return []

    def _halves(
        self, box: Box, bound: Fraction, energy: list[list[int]], latency: list[list[int]]
    ) -> list[_Open]:  # fmt: skip
        """Both halves of a box, with what is known about the whole."""
        return [_Open(bound, next(self._numbers), half, energy, latency) for half in self.points.split(box)]

    def _tighten(self, views: Sequence[View], limit: Fraction | None) -> str | None:
        """Bound the networks one after the other; why the box is closed, if it is."""
        for number, view in enumerate(views):
            view.tighten(self.aggregate.limit(number, [other.bound for other in views], limit))
            if not view.fits:
                return "infeasible"
            if view.pick is None:
                return "bound"
        return None

    def _solve(
        self, box: Box, point: Hardware, views: Sequence[View], state: Exploration
    ) -> tuple[str, list[Fraction]]:  # fmt: skip
        """Solve a single point, offer its best design; why it is closed, and the bounds proved."""
        limit = state.archive.limit(point)
        bounds, picks = [view.bound for view in views], []
        for number, view in enumerate(views):
            pick, bounds[number] = view.solve(self.aggregate.limit(number, bounds, limit))
            if pick is None:
                return "infeasible", bounds
            picks.append(pick)
            if number + 1 < len(views) and limit is not None and self.aggregate.value(bounds) > limit:
                return "solved", bounds
        self._offer(state, tuple(picks), point, box)
        return "solved", bounds

    def _offer(self, state: Exploration, picks: tuple[Pick, ...], point: Hardware, box: Box) -> None:
        """Hand a design to the archive."""
        pairs = [(part.goal, pick) for part, pick in zip(self.parts, picks, strict=True)]
        value = self.aggregate.value([goal.value(pick.energy, pick.latency) for goal, pick in pairs])
        cycles = tuple(goal.stretched(pick.energy, pick.latency) for goal, pick in pairs)
        rank = (value, cycles, tuple(pick.energy for pick in picks), box)
        state.archive.offer(Found(value, picks, point, box, rank))
