"""Branch and bound over boxes of hardware points.

A box is bounded by its ideal corner: a hardware at least as good as every point of the box. A box whose bound
reaches the best design, or whose least area or use of a resource exceeds the budget, is closed; another is split in
two; a single point is solved exactly. Every closed box becomes an entry of the certificate.
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
from optimizer.design import Goal, Pick, Site
from optimizer.fabric import Caps, Vector, exceeded
from optimizer.hardware import Hardware
from optimizer.points import Box, PointSet, size
from optimizer.pricing import NEVER, Prices

VectorCost = Callable[[Hardware], tuple[int, int]]
Report = Callable[["Exploration"], None]


@dataclass(frozen=True)
class Closed:
    """A closed box: why, its least area, the bound on its objective, and the bounds per layer it rests on.

    ``by`` is ``area`` or a resource of the device (the least of the box exceeds it), ``bound``, ``solved``,
    ``infeasible`` (some layer or cap cannot be met) or ``open`` (time ran out; the bound still holds).
    ``energy_floors`` and ``latency_floors`` are per pricer, energy units and cycles of one run on the box's ideal
    corner. ``resources`` is the least use of every resource, empty without a device.
    """

    box: Box
    by: str
    area_um2: int
    bound: Fraction
    energy_floors: tuple[int, ...] = ()
    latency_floors: tuple[int, ...] = ()
    resources: Vector = ()


@dataclass
class Exploration:
    """State and outcome: the best design, the proved bound, and the closed boxes."""

    goal: Goal
    total: int
    started: float = field(default_factory=time.perf_counter)
    best: Pick | None = None
    best_point: Hardware | None = None
    best_box: Box | None = None
    closed: list[Closed] = field(default_factory=list)
    bound: Fraction = Fraction(0)
    complete: bool = False

    @property
    def value(self) -> Fraction | None:
        """Objective of the best design."""
        return None if self.best is None else self.goal.value(self.best.energy, self.best.latency)

    def points(self, by: str) -> int:
        """Points in boxes closed for one reason."""
        return sum(size(entry.box) for entry in self.closed if entry.by == by)


@dataclass(order=True)
class _Open:
    bound: Fraction
    order: int
    box: Box = field(compare=False)
    energy: list[int] = field(compare=False)
    latency: list[int] = field(compare=False)


class Explorer:
    """Runs the branch and bound.

    Parameters
    ----------
    pricers : sequence of Prices
    points : PointSet
    goal : Goal
    area_cap_um2 : int or None
    vector_cost : callable
        Energy units and cycles of the vector layers on a hardware.
    workers : int
        Threads; the answer does not depend on their number.
    limits : Caps
        Budgets of a device's resources; empty without a device.
    """

    def __init__(
        self, pricers: Sequence[Prices], points: PointSet, goal: Goal, area_cap_um2: int | None,
        vector_cost: VectorCost, workers: int = 2, limits: Caps = (),
    ) -> None:  # fmt: skip
        self.pricers, self.points, self.goal, self.area_cap = pricers, points, goal, area_cap_um2
        self._vector_cost, self._workers, self._limits = vector_cost, workers, limits
        self._numbers = itertools.count()

    def run(self, *, deadline: float | None = None, report: Report | None = None) -> Exploration:
        """Explore until all boxes are closed, the deadline (``time.perf_counter``) passes, or Ctrl-C.

        Either gives running searches up; what is left stays open with the bounds known.
        """
        state = Exploration(self.goal, size(self.points.whole))
        zeros = [0] * len(self.pricers)
        heap = [_Open(Fraction(0), next(self._numbers), self.points.whole, zeros, zeros)]
        stop = Stop()
        for pricer in self.pricers:
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
        if heap and len(self.pricers) == 1:
            self._salvage(heap[0], state)
        for left in heap:
            corner = self.points.corner(left.box)
            floors = tuple(left.energy), tuple(left.latency)
            state.closed.append(Closed(left.box, "open", corner.area_um2, left.bound, *floors, corner.resources))
        state.complete = not heap
        bounds = [c.bound for c in state.closed if c.by in ("bound", "open", "solved")]
        state.bound = min(bounds + ([state.value] if state.value is not None else []), default=Fraction(0))
        return state

    def _salvage(self, entry: _Open, state: Exploration) -> None:
        """Keep what the search of a whole network had found when it was given up: a design, and a bound on its box."""
        given_up = self.pricers[0].given_up
        if given_up is None:
            return
        point, (energy, latency) = given_up.hardware, self._vector_cost(given_up.hardware)
        pick = Pick(energy + given_up.price.energy, latency + given_up.price.latency, (given_up.price,))
        index = next((index for index, known in self.points.points.items() if known == point), None)
        better = state.best is None or self.goal.rank(pick) < self.goal.rank(state.best)
        if index is not None and better and self.goal.allows(pick.energy, pick.latency):
            state.best, state.best_point, state.best_box = pick, point, tuple((n, n) for n in index)
        if self.points.has_ideal_corner(entry.box) and self.points.corner(entry.box) == point and not given_up.weight:
            entry.latency = [max(entry.latency[0], self.pricers[0].latency_floor(point))]
            if given_up.objective == "latency":
                entry.latency = [max(entry.latency[0], given_up.bound)]
            else:
                entry.energy = [max(entry.energy[0], given_up.bound)]
            entry.bound = max(entry.bound, self.goal.value(energy + entry.energy[0], latency + entry.latency[0]))

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
            for index, point in self.points.points.items() if self._excess(point) is None
        ]  # fmt: skip
        if fitting:
            zeros = [0] * len(self.pricers)
            box = tuple((n, n) for n in max(fitting)[2])
            self._visit(_Open(Fraction(0), -1, box, zeros, zeros), state, pool)
            state.closed.clear()

    def _excess(self, hardware: Hardware) -> str | None:
        """The first budget of a chip that this one exceeds: ``area``, or a resource of the device."""
        if self.area_cap is not None and hardware.area_um2 > self.area_cap:
            return "area"
        return exceeded(hardware.resources, self._limits)

    def _visit(self, entry: _Open, state: Exploration, pool: ThreadPoolExecutor) -> list[_Open]:
        """Bound a box; close it, or return its halves."""
        corner = self.points.corner(entry.box)

        def close(by: str, bound: Fraction, energy: list[int], latency: list[int]) -> list[_Open]:
            floors = tuple(energy), tuple(latency)
            state.closed.append(Closed(entry.box, by, corner.area_um2, bound, *floors, corner.resources))
            return []

        excess = self._excess(corner)
        if excess is not None:
            return close(excess, entry.bound, entry.energy, entry.latency)
        limit = state.value
        if limit is not None and entry.bound > limit:
            return close("bound", entry.bound, entry.energy, entry.latency)
        if not self.points.has_ideal_corner(entry.box):
            return self._halves(entry.box, entry.bound, entry.energy, entry.latency)
        site = Site(self.pricers, corner, self._vector_cost(corner), pool)
        latency = [max(a, p.latency_floor(corner)) for a, p in zip(entry.latency, self.pricers, strict=True)]
        least = site.fixed[1] + sum(p.count * f for p, f in zip(self.pricers, latency, strict=True))
        if least > self.goal.latency_cap:
            return close("infeasible", entry.bound, entry.energy, latency)
        energy, pick = entry.energy, None
        if self.goal.objective == "latency" and not self.goal.capped:
            pick, latency = site.sum_within("latency", latency, NEVER if limit is None else int(limit) + 1)
            bound = Fraction(site.fixed[1] + sum(p.count * f for p, f in zip(self.pricers, latency, strict=True)))
            unfit = NEVER in latency
        else:
            pick, energy = site.sum_within("energy", energy, self._energy_limit(limit, least))
            unfit = NEVER in energy
            spent = site.fixed[0] + sum(p.count * f for p, f in zip(self.pricers, energy, strict=True))
            bound = self.goal.value(spent, least)
            unfit = unfit or not self.goal.allows(spent, least)
        if unfit:
            return close("infeasible", bound, [min(x, NEVER) for x in energy], latency)
        if pick is None:
            return close("bound", max(bound, entry.bound), energy, latency)
        if size(entry.box) == 1:
            proved = self._solve(entry.box, corner, site, pick, state)
            return close("infeasible" if proved is None else "solved", proved or bound, energy, latency)
        return self._halves(entry.box, max(bound, entry.bound), energy, latency)

    def _halves(self, box: Box, bound: Fraction, energy: list[int], latency: list[int]) -> list[_Open]:
        """Both halves of a box, with what is known about the whole."""
        return [_Open(bound, next(self._numbers), half, energy, latency) for half in self.points.split(box)]

    def _energy_limit(self, value: Fraction | None, least_latency: int) -> int:
        """Energy above which no design beats the best one."""
        if value is None:
            return min(self.goal.energy_cap + 1, NEVER)
        if self.goal.objective == "energy":
            return int(value) + 1
        if self.goal.objective == "edp":
            return min(int(value / max(1, least_latency)) + 1, NEVER)
        return NEVER

    def _solve(self, box: Box, point: Hardware, site: Site, cheapest: Pick, state: Exploration) -> Fraction | None:
        """Solve a single point, keep its best design if it is better; return the bound proved (None: no design)."""
        goal = self.goal
        candidates, proved = [cheapest], goal.value(cheapest.energy, cheapest.latency)
        if goal.objective == "edp" and not goal.capped:
            candidates, _, proved = site.hull(goal, cheapest, state.value)
        elif goal.capped and not (goal.objective == "energy" and goal.allows(cheapest.energy, cheapest.latency)):
            found = site.within_caps(goal)
            if found is None:
                return None
            candidates, proved = [found], goal.value(found.energy, found.latency)
        for pick in candidates:
            if goal.allows(pick.energy, pick.latency) and (
                state.best is None or goal.rank(pick) < goal.rank(state.best)
            ):
                state.best, state.best_point, state.best_box = pick, point, box
        return proved
