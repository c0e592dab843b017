r"""Exact fronts in (energy, latency) over all hardware points and mappings: branch and bound of its own.

A box of points is bounded on its optimistic corner by *lines* :math:`E + w L \ge v_w`, one for every weight w tried,
with :math:`v_w` the sum over the layers of their optima under that weight, and by its least latency. No design of the
box is uncovered if no gap (:mod:`optimizer.studies.frontier`) lies above all lines, at any place of its points: then
the box is closed. Lines are added while a gap is open, each between the best designs found on both sides of it; a box
that stays open is split, a single point is solved: its whole front is summed from those of its layers
(:mod:`optimizer.studies.sums`).

With a tolerance h every design of the space is within 1 + h, in energy and latency both, of a reported one at a place
within its own: 9/20 of h go to closing boxes and to the sums, 9/20 to leaving out designs in the end, and
:math:`(1 + 9h/20)^2 \le 1 + h` for :math:`h \le 0.3`.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction

from formulations.stop import Stop, StoppedError
from optimizer.architecture.boxes import Box, size
from optimizer.problem.goal import INFEASIBLE_COST
from optimizer.problem.status import Termination
from optimizer.search.network_bounds import NetworkBounds
from optimizer.search.point_solver import Pick, Site
from optimizer.studies.frontier import Cost, Frontier, Gap, Line, open_gap
from optimizer.studies.steps import Places
from optimizer.studies.sums import Ends, network_front

SHARE = Fraction(9, 20)
LINES = 4
"""Lines tried on a box of several points before it is split."""

POINT_LINES = 8
"""Lines tried on a point before its front is summed."""


@dataclass(frozen=True)
class Bounded:
    """Bounds of a box: per weight the optimum of one run of every layer, and their least cycles.

    ``lines`` are (weight, values per layer); INFEASIBLE_COST: a layer does not fit.
    """

    lines: tuple[tuple[int, tuple[int, ...]], ...] = ()
    latency: tuple[int, ...] = ()


@dataclass(frozen=True)
class Covered:
    """A closed box: why (``area``, ``covered``, ``solved``, ``infeasible``, ``open``), and what that rests on.

    ``fixed`` are energy units and cycles of the vector layers on the optimistic corner that the numbers belong to.
    """

    box: Box
    by: str
    points: int
    area_um2: int
    known: Bounded
    fixed: Cost


@dataclass
class FrontState:
    """State and outcome."""

    frontier: Frontier
    total: int
    started: float = field(default_factory=time.perf_counter)
    closed: list[Covered] = field(default_factory=list)
    complete: bool = False
    ended: Termination = Termination.INTERRUPTED

    def points(self, by: str) -> int:
        """Points in boxes closed for one reason."""
        return sum(entry.points for entry in self.closed if entry.by == by)


@dataclass(order=True)
class _Open:
    bound: int
    order: int
    box: Box = field(compare=False)
    known: Bounded = field(compare=False)
    fixed: Cost = field(compare=False)


class FrontExplorer:
    """Runs the branch and bound.

    Parameters
    ----------
    network : NetworkBounds
        The network; its goal holds the caps.
    places : Places
        Of what is varied besides energy and latency.
    area_cap_um2 : int or None
    tolerance : Fraction
    workers : int
        Threads.
    """

    def __init__(
        self,
        network: NetworkBounds,
        places: Places,
        area_cap_um2: int | None,
        tolerance: Fraction = Fraction(0),
        workers: int = 2,
    ) -> None:
        self.network, self.places, self.points, self._area_cap = network, places, places.points, area_cap_um2
        self.tolerance, self._workers = tolerance * SHARE, workers
        self._numbers = itertools.count()
        self._counts = [pricer.count for pricer in network.pricers]

    def run(self, *, deadline: float | None = None, report: Callable[[FrontState], None] | None = None) -> FrontState:
        """Explore until all boxes are closed, the deadline passes, or Ctrl-C."""
        goal = self.network.goal
        state = FrontState(Frontier(goal.energy_cap, goal.latency_cap), self.points.total)
        stop = Stop()
        for pricer in self.network.pricers:
            pricer.stop = stop
        alarm = stop.after(None if deadline is None else deadline - time.perf_counter())
        heap = [
            _Open(0, next(self._numbers), box, Bounded(), (0, 0)) for box in self.points.occupied([self.points.whole])
        ]
        with alarm, ThreadPoolExecutor(self._workers) as pool, suppress(KeyboardInterrupt):
            try:
                while heap:
                    stop.check()
                    self._step(heap, state, pool)
                    if report:
                        report(state)
                state.ended = Termination.COMPLETE
            except StoppedError:
                state.ended = Termination.MEMORY_LIMIT if stop.ran_out else Termination.TIME_LIMIT
            finally:
                stop.request()
        for left in heap:
            known = left.known.lines and self._gap(left.box, state, left.known, left.fixed) is None
            state.closed.append(self._closed(left, "covered" if known else "open", left.known, left.fixed))
        state.complete = not any(entry.by == "open" for entry in state.closed)
        if state.complete:
            state.ended = Termination.COMPLETE
        elif state.ended is Termination.COMPLETE:
            state.ended = Termination.GIVEN_UP
        return state

    def _step(self, heap: list[_Open], state: FrontState, pool: Executor) -> None:
        """Evaluate the box with the least energy; if the evaluation is stopped, the box stays as it was."""
        node = heap[0]
        corner = self.points.corner(node.box)
        by, known, fixed = None, node.known, node.fixed
        if self._area_cap is not None and corner.area_um2 > self._area_cap:
            by = "area"
        elif known.lines and self._gap(node.box, state, known, fixed) is None:
            by = "covered"
        elif self.points.has_optimistic_corner(node.box):
            known, fixed = self._at_once(node.box)
            covered = self._gap(node.box, state, known, fixed) is None
            by, known, fixed = ("covered", known, fixed) if covered else self._evaluation(node.box, state, pool)
        heapq.heappop(heap)
        if by is not None:
            state.closed.append(self._closed(node, by, known, fixed))
            return
        bound = max(node.bound, self._least(known, fixed)[0]) if known.lines else node.bound
        for half in reversed(self.points.split(node.box)):
            heapq.heappush(heap, _Open(bound, next(self._numbers), half, known, fixed))

    def _closed(self, node: _Open, by: str, known: Bounded, fixed: Cost) -> Covered:
        corner = self.points.corner(node.box)
        return Covered(node.box, by, self.points.count(node.box), corner.area_um2, known, fixed)

    def _at_once(self, box: Box) -> tuple[Bounded, Cost]:
        """Bounds of a box without a search."""
        corner = self.points.corner(box)
        layer_bounds = Bounded(((0, self.network.energy_bounds(corner)),), self.network.latency_bounds(corner))
        return layer_bounds, self.network.fixed(corner)

    def _evaluation(self, box: Box, state: FrontState, pool: Executor) -> tuple[str | None, Bounded, Cost]:
        """Add lines to a box until it is covered or the number of lines is reached; sum the front of a point."""
        corner = self.points.corner(box)
        site = Site(self.network.pricers, corner, self.network.fixed(corner), pool)
        search = _Lines(site, self._counts)
        single = size(box) == 1
        if not search.start():
            return "infeasible", search.known, site.fixed
        while True:
            if single:
                state.frontier.offer(search.costs, self.places.of(box), box)
            gap = self._gap(box, state, search.known, site.fixed)
            if gap is None:
                return "covered", search.known, site.fixed
            tried = len(search.known.lines) >= (POINT_LINES if single else LINES)
            if tried or gap[0] >= state.frontier.most_latency or not search.aim(gap[0]):
                break
        if single:
            self._sum(box, site, search.known, state)
        return ("solved" if single else None), search.known, site.fixed

    def _sum(self, box: Box, site: Site, known: Bounded, state: FrontState) -> None:
        """Offer the whole front of a point."""
        place = self.places.of(box)
        ends = Ends(known.lines[0][1], known.latency, site.fixed)
        costs = network_front(site, ends, state.frontier.gaps(place), self.tolerance)
        state.frontier.offer(costs, place, box)

    def _gap(self, box: Box, state: FrontState, known: Bounded, fixed: Cost) -> Gap | None:
        """A gap at some place of a box that its designs may reach."""
        lines = lines_of(known, self._counts, fixed)
        least = self._least(known, fixed)[1]
        for place in self.places.least(box):
            gap = open_gap(state.frontier.gaps(place, self.tolerance), lines, least)
            if gap is not None:
                return gap
        return None

    def _least(self, known: Bounded, fixed: Cost) -> Cost:
        """Lower bounds on energy and latency."""
        energy = next(values for weight, values in known.lines if weight == 0)
        sums = [sum(c * v for c, v in zip(self._counts, values, strict=True)) for values in (energy, known.latency)]
        return fixed[0] + sums[0], fixed[1] + sums[1]


def lines_of(known: Bounded, counts: Sequence[int], fixed: Cost) -> list[Line]:
    """The lines of the network from the optima of its layers."""
    return [
        (weight, fixed[0] + weight * fixed[1] + sum(c * v for c, v in zip(counts, values, strict=True)))
        for weight, values in known.lines
    ]


class _Lines:
    """Lines of one hardware point, added one by one: least energy, least latency, then weights between designs."""

    def __init__(self, site: Site, counts: Sequence[int]) -> None:
        self._site, self._counts = site, counts
        self._picks: list[Pick] = []
        self._lines: list[tuple[int, tuple[int, ...]]] = []
        self._latency = tuple(pricer.latency_bound(site.hardware) for pricer in site.pricers)

    @property
    def known(self) -> Bounded:
        """The bounds proved so far."""
        return Bounded(tuple(self._lines), self._latency)

    @property
    def costs(self) -> list[Cost]:
        """Energy and latency of the designs found."""
        return [(pick.energy, pick.latency) for pick in self._picks]

    def start(self) -> bool:
        """Find the least energy and the least latency; False if some layer does not fit."""
        if not self._add(0):
            self._lines.append((0, (INFEASIBLE_COST,) * len(self._counts)))
            return False
        fastest = self._site.each(lambda pricer: pricer.price(self._site.hardware, "latency"))
        assert fastest is not None
        self._latency = tuple(price.latency for price in fastest)
        self._picks.append(self._site.total(fastest))
        return True

    def aim(self, latency: int) -> bool:
        """Add a line for a gap at this latency; False if no weight is left to try, or it is beyond the integers."""
        totals = lines_of(self.known, self._counts, self._site.fixed)
        weight = self._site.next_weight(self._picks, totals, Fraction(latency))
        try:
            return weight is not None and self._add(weight)
        except OverflowError:
            return False

    def _add(self, weight: int) -> bool:
        prices = self._site.each(lambda pricer: pricer.price(self._site.hardware, weight=weight))
        if prices is None:
            return False
        self._lines.append((weight, tuple(price.value for price in prices)))
        self._picks.append(self._site.total(prices))
        return True
