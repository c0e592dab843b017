r"""Incumbents of a study: for every limit in the range the best design within it.

Every hardware point p has a *place* m(p), its varied metrics; those below the low end of a range count as the low end.
(Points above the high end of a range of areas or bandwidths are left out by a budget.) Let v(p) be the least objective
on p. The optimum within limits x is

.. math:: f(x) = \min \{ v(p) : m(p) \le x \},

so f is a staircase that falls in every limit, and its steps are the points that no other point equals or beats in
objective and all metrics together. A box B of points can hold no further step once its bound b obeys

.. math:: b \ge \max_{p \in B} g(m(p)),

where g is f over the designs found so far: a design on p has at least b, and a design found within the limits of p has
no more. :meth:`StudySteps.limit` gives that maximum, so one branch and bound finds all steps, and its closed boxes
prove them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np

from optimizer.architecture.boxes import Box, PointSet
from optimizer.search.incumbents import SLACK, Incumbent, Logs, logarithm
from optimizer.studies.metrics import Place, Range

Index = tuple[int, ...]


def within(place: Place, limits: Place) -> bool:
    """Does a place keep limits?"""
    return all(mine <= limit for mine, limit in zip(place, limits, strict=True))


class Places:
    """Places of all hardware points.

    Parameters
    ----------
    points : PointSet
    ranges : sequence of Range
        Of metrics of the hardware.
    """

    def __init__(self, points: PointSet, ranges: Sequence[Range]) -> None:
        self.points, self.ranges = points, tuple(ranges)
        self._of: dict[Index, Place] = {}
        for index, point in points.points.items():
            self._of[index] = tuple(varied.place(varied.of(point)) for varied in ranges)
        self._least: dict[Box, tuple[Place, ...]] = {}

    def of(self, box: Box) -> Place:
        """The place of a box's first point."""
        return self._of[tuple(low for low, _ in box)]

    def least(self, box: Box) -> tuple[Place, ...]:
        """The places of a box's points that no other place of the box is within."""
        if box not in self._least:
            self._least[box] = tuple(minimal(self._of[index] for index, _ in self.points.indexed(box)))
        return self._least[box]


def minimal(places: Iterable[Place]) -> list[Place]:
    """The different places that no other one is within, in order."""
    kept: list[Place] = []
    for place in sorted(set(places)):
        if not any(within(other, place) for other in kept):
            kept.append(place)
    return kept


class StudySteps:
    """Incumbents: the best designs within all limits.

    Parameters
    ----------
    places : Places
    """

    reach = 1.5

    def __init__(self, places: Places) -> None:
        self.places = places
        shape = places.points.shape
        self._grid = np.full((*shape, len(places.ranges)), -np.inf)
        self._cutoffs = np.full(shape, -np.inf)
        for box in places.points.single_boxes:
            index = tuple(n for n, _ in box)
            self._grid[index], self._cutoffs[index] = [float(m) for m in places.of(box)], np.inf
        self._kept: list[tuple[Place, Incumbent]] = []

    @property
    def designs(self) -> Sequence[Incumbent]:
        """The designs kept, best objective first."""
        return [found for _, found in sorted(self._kept, key=lambda entry: entry[1].rank)]

    def best(self, limits: Place) -> Incumbent | None:
        """The best design within limits."""
        return min((f for place, f in self._kept if within(place, limits)), key=lambda f: f.rank, default=None)

    def limit(self, box: Box) -> Fraction | None:
        """The largest incumbent over the places of a box; None if some place has no design yet."""
        worst = Fraction(0)
        for place in self.places.least(box):
            found = self.best(place)
            if found is None:
                return None
            worst = max(worst, found.value)
        return worst

    def closes(self, box: Box, bound: Fraction) -> bool:
        """Does every place of a box have an incumbent as good as the bound?

        A box that contains an incumbent must have a worse bound, so that the point of each step is solved in the end.
        """
        limit = self.limit(box)
        if limit is None or bound < limit:
            return False
        return bound > limit or not any(_inside(found.box, box) for _, found in self._kept)

    def cutoffs(self, shape: tuple[int, ...]) -> Logs:
        """The objectives of the best designs within the places of the points; equal designs are dropped."""
        return self._cutoffs

    def offer(self, found: Incumbent) -> None:
        """Keep a design if no known one is as good within the same limits; drop those that it replaces."""
        place = self.places.of(found.box)
        if any(within(other, place) and _before(old, other, found, place) for other, old in self._kept):
            return
        self._kept = [
            (other, old)
            for other, old in self._kept
            if not (within(place, other) and _before(found, place, old, other))
        ]
        self._kept.append((place, found))
        within_it = (self._grid >= np.array(place, dtype=float)).all(axis=-1)
        self._cutoffs[within_it] = np.minimum(self._cutoffs[within_it], logarithm(found.value) - SLACK)


def _inside(point: Box, box: Box) -> bool:
    return all(low <= n <= high for (n, _), (low, high) in zip(point, box, strict=True))


def _before(one: Incumbent, here: Place, other: Incumbent, there: Place) -> bool:
    """Is one design, whose place is within the other's, better, or as good and within less or first by rank?"""
    if one.value != other.value or here != there:
        return one.value <= other.value
    return one.rank <= other.rank
