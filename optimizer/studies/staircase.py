"""Staircase of a study: which design is best within which limits, proved by the closed boxes.

The metrics of the designs kept cut every range into pieces, and the ranges together into *cells*, within each of which
the same designs are admitted. The best of these is the optimum of the cell if no closed box with a point admitted in
the cell has a lower bound; boxes that were left open count as well, so the bound holds for a study that was stopped.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from optimizer.problem.disagreement import disagreement
from optimizer.search.exploration import BOUNDING, Closed
from optimizer.search.incumbents import Incumbent
from optimizer.studies.metrics import Place, Range
from optimizer.studies.steps import Places

Placed = tuple[Place, Incumbent]
Held = tuple[Sequence[Place], Fraction]
Corner = tuple[int, ...]
"""The number of a piece, per range."""


@dataclass(frozen=True)
class StaircaseCell:
    """Limits from `start` (included) up to `below` (excluded; None: the end of the range), axis by axis.

    ``found`` is the best design found, ``bound`` a lower bound on the objective (None: there is no design).
    """

    start: Place
    below: tuple[Fraction | None, ...]
    found: Incumbent | None
    bound: Fraction | None

    @property
    def status(self) -> str:
        """OPTIMAL, FEASIBLE, INFEASIBLE or UNKNOWN."""
        if self.found is None:
            return "INFEASIBLE" if self.bound is None else "UNKNOWN"
        return "OPTIMAL" if self.bound is not None and self.bound >= self.found.value else "FEASIBLE"


class Staircase:
    """All cells of a study.

    Parameters
    ----------
    ranges : sequence of Range
    placed : sequence of (Place, Incumbent)
        The designs found, with the least limits that admit each.
    held : iterable of (sequence of Place, Fraction)
        Lower bounds: designs admitted by limits not below some of the places have at least this objective.

    Raises
    ------
    InternalDisagreementError
        If an optimum rises where a limit does: then the search is wrong.
    """

    def __init__(self, ranges: Sequence[Range], placed: Sequence[Placed], held: Iterable[Held]) -> None:
        self.ranges, self._placed = tuple(ranges), list(placed)
        self._places = {found.rank: place for place, found in placed}
        self.edges = [_edges(varied, [place[axis] for place, _ in placed]) for axis, varied in enumerate(ranges)]
        self._found = self._designs()
        self._bounds = self._lowest(held)
        self.cells = tuple(self._cell(corner) for corner in self._corners())
        self._check()

    @property
    def steps(self) -> list[Incumbent]:
        """The designs that are best in some cell, worst first."""
        chosen = {cell.found.rank: cell.found for cell in self.cells if cell.found is not None}
        return sorted(chosen.values(), key=lambda found: found.rank, reverse=True)

    def place(self, found: Incumbent) -> Place:
        """The least limits that admit a design."""
        return self._places[found.rank]

    def cell(self, corner: Corner) -> StaircaseCell | None:
        """The cell at a corner, if there is one."""
        if any(not 0 <= n < len(edges) for n, edges in zip(corner, self.edges, strict=True)):
            return None
        return self.cells[self._number(corner)]

    def corner(self, place: Place) -> Corner:
        """The corner of the cell that admits a place exactly."""
        return tuple(bisect_right(edges, value) - 1 for edges, value in zip(self.edges, place, strict=True))

    def _number(self, corner: Corner) -> int:
        number = 0
        for n, edges in zip(corner, self.edges, strict=True):
            number = number * len(edges) + n
        return number

    def _corners(self) -> Iterable[Corner]:
        return itertools.product(*(range(len(edges)) for edges in self.edges))

    def _smaller(self, corner: Corner) -> Iterable[Corner]:
        """The corners one piece below, axis by axis."""
        for axis, n in enumerate(corner):
            if n:
                yield (*corner[:axis], n - 1, *corner[axis + 1 :])

    def _designs(self) -> dict[Corner, Incumbent]:
        """The best design admitted in every cell that has one."""
        best: dict[Corner, Incumbent] = {}
        for place, found in self._placed:
            if self._covers(place):
                corner = self.corner(place)
                best[corner] = min(best.get(corner, found), found, key=lambda f: f.rank)
        for corner in self._corners():
            known = [best[c] for c in (corner, *self._smaller(corner)) if c in best]
            if known:
                best[corner] = min(known, key=lambda found: found.rank)
        return best

    def _covers(self, place: Place) -> bool:
        return all(varied.covers(value) for varied, value in zip(self.ranges, place, strict=True))

    def _lowest(self, held: Iterable[Held]) -> dict[Corner, Fraction]:
        """The least bound of the boxes with a point that may be admitted in the cell."""
        lowest: dict[Corner, Fraction] = {}
        for places, bound in held:
            for place in filter(self._covers, places):
                corner = tuple(max(0, n) for n in self.corner(place))
                lowest[corner] = min(lowest.get(corner, bound), bound)
        for corner in self._corners():
            known = [lowest[c] for c in (corner, *self._smaller(corner)) if c in lowest]
            if known:
                lowest[corner] = min(known)
        return lowest

    def _cell(self, corner: Corner) -> StaircaseCell:
        pairs = list(zip(corner, self.edges, strict=True))
        below = tuple(edges[n + 1] if n + 1 < len(edges) else None for n, edges in pairs)
        start = tuple(edges[n] for n, edges in pairs)
        return StaircaseCell(start, below, self._found.get(corner), self._bounds.get(corner))

    def _check(self) -> None:
        """Looser limits never make the optimum or its bound worse."""
        for corner in self._corners():
            cell = self.cells[self._number(corner)]
            for other in self._smaller(corner):
                tighter = self.cells[self._number(other)]
                worse = tighter.found is not None and (cell.found is None or cell.found.value > tighter.found.value)
                if worse or (tighter.bound is not None and (cell.bound is None or cell.bound > tighter.bound)):
                    place = ", ".join(map(str, cell.start))
                    raise disagreement(f"the optimum rises at {place}")


def staircase_of(places: Places, designs: Sequence[Incumbent], closed: Sequence[Closed]) -> Staircase:
    """The staircase of an exploration over limits on the hardware; the boxes hold every point once."""
    placed = [(places.of(found.box), found) for found in designs]
    held = [(places.least(entry.box), entry.bound) for entry in closed if entry.by in BOUNDING]
    return Staircase(places.ranges, placed, held)


def _edges(varied: Range, values: Iterable[Fraction]) -> list[Fraction]:
    """Where the pieces of a range start."""
    inside = {value for value in values if varied.covers(value)}
    return sorted(inside | ({varied.low} if varied.low is not None else set()))
