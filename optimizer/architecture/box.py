"""Boxes of menu entries, and what a set of hardware points says about the points of a box."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from optimizer.architecture.hardware import Hardware

Box = tuple[tuple[int, int], ...]
"""Per menu the first and last entry, both included."""

Index = tuple[int, ...]
"""A point by the numbers of its entries."""


class PointSet(ABC):
    """The hardware points of an architecture.

    Attributes
    ----------
    paths : tuple of str
    labels : tuple of tuple
        The menus and their entries.
    points : mapping of (tuple of int) to Hardware
        The points by the numbers of their entries; combinations that break a constraint are left out. Going through it
        is only for sets that are known to be small.
    some : Hardware
        Any point of the menus, even where none keeps the constraints: all have the same levels, clock and energy unit.
    """

    paths: tuple[str, ...]
    labels: tuple[tuple[object, ...], ...]
    points: Mapping[Index, Hardware]
    some: Hardware

    @property
    def whole(self) -> Box:
        """The box of all points."""
        return tuple((0, len(labels) - 1) for labels in self.labels)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the menus."""
        return tuple(len(labels) for labels in self.labels)

    @property
    def single_boxes(self) -> Iterator[Box]:
        """Boxes of one point each, in menu order."""
        return (tuple((n, n) for n in index) for index, _ in self.indexed(self.whole))

    @property
    def total(self) -> int:
        """Number of points."""
        return self.count(self.whole)

    @property
    def empty(self) -> bool:
        """Is there no point at all?"""
        return not self.occupied([self.whole])

    def indexed(self, box: Box) -> Iterator[tuple[Index, Hardware]]:
        """The points of a box with their entry numbers, in menu order.

        Raises
        ------
        KeyError
            If the box reaches out of the menus.
        """
        if any(low < 0 or high >= size for (low, high), size in zip(box, self.shape, strict=True)):
            raise KeyError(box)
        for index in itertools.product(*(range(low, high + 1) for low, high in box)):
            if index in self.points:
                yield index, self.points[index]

    def inside(self, box: Box) -> Iterator[Hardware]:
        """The points of a box, in menu order."""
        return (point for _, point in self.indexed(box))

    def carve(self, box: Box, inner: Box) -> list[Box]:
        """A box in pieces that hold points, of which one is `inner`, a part of it; that comes first."""
        return self.occupied(carve(box, inner))

    def split(self, box: Box, *, tense: bool = False) -> list[Box]:
        """The halves of a box along the menu whose entries differ most; those that hold a point.

        With `tense`, menus with an entry as good as all others come last.
        """

        def rank(axis: int) -> tuple[bool, float, int]:
            return not (tense and self._has_best(box, axis)), self._spread(box, axis), -axis

        axis = max((n for n, (low, high) in enumerate(box) if low < high), key=rank)
        return self.occupied(halves(box, axis))

    def describe(self, box: Box) -> dict[str, list[object]]:
        """Labels of the entries of a box, by menu."""
        return {
            path: list(labels[low : high + 1])
            for path, labels, (low, high) in zip(self.paths, self.labels, box, strict=True)
        }

    @property
    @abstractmethod
    def is_listed(self) -> bool:
        """Are the points listed, so that going through all of them is cheap?"""

    @abstractmethod
    def place(self, choices: Mapping[str, object]) -> Index:
        """The numbers of the entries of a point, from its choices.

        Raises
        ------
        KeyError
            If no point makes them.
        """

    @abstractmethod
    def count(self, box: Box) -> int:
        """Number of points in a box."""

    @abstractmethod
    def occupied(self, boxes: Iterable[Box]) -> list[Box]:
        """The boxes that hold a point."""

    @abstractmethod
    def corner(self, box: Box) -> Hardware:
        """A hardware point at least as good as every point of the box, in every respect.

        Largest capacities, meshes and bandwidths with the smallest energies, leakage, area and use of every resource:
        its costs are lower bounds on those of every point of the box.
        """

    @abstractmethod
    def leader(self, box: Box) -> Box | None:
        """The box of a point that is the optimistic corner itself: at least as good as all other points of the box.

        None if there is no such point, or if the corner has smaller fan-outs than some point.
        """

    @abstractmethod
    def has_optimistic_corner(self, box: Box) -> bool:
        """Is the corner's fan-out at every level at least that of every point?

        Where the instances of an inner level are a menu, the largest mesh there has the smallest fan-out below.
        """

    @abstractmethod
    def even(self, box: Box) -> bool:
        """Do all points of a box have equal capacities and energies at every level?"""

    @abstractmethod
    def largest(self, within: Box, allowed: Callable[[Hardware], bool]) -> Index | None:
        """A point of a box that is `allowed`, of as much area and resources as is found quickly; None without one.

        A hardware point that is at least as good as another one is allowed if the other one is.
        """

    @abstractmethod
    def samples(self) -> Sequence[Hardware]:
        """Hardware points that show all that any point of the menus has of a level, and all fan-outs."""

    def _has_best(self, box: Box, axis: int) -> bool:
        """Is the first or last entry of a menu as good as all others of a box, areas aside?"""
        return False

    @abstractmethod
    def _spread(self, box: Box, axis: int) -> float:
        """How much points of a box differ along a menu; negative where it has one entry."""


def size(box: Box) -> int:
    """Number of combinations of entries in a box."""
    total = 1
    for low, high in box:
        total *= high - low + 1
    return total


def halves(box: Box, axis: int) -> list[Box]:
    """The two halves of a box along a menu that has several entries in it."""
    low, high = box[axis]
    middle = (low + high) // 2
    return [(*box[:axis], side, *box[axis + 1 :]) for side in ((low, middle), (middle + 1, high))]


def carve(box: Box, inner: Box) -> list[Box]:
    """A box in pieces, of which one is `inner`, a part of it; that comes first."""
    rest: list[Box] = []
    left = box
    for axis, ((low, high), (first, last)) in enumerate(zip(box, inner, strict=True)):
        sides = [side for side in ((low, first - 1), (last + 1, high)) if side[0] <= side[1]]
        rest += [(*left[:axis], side, *left[axis + 1 :]) for side in sides]
        left = (*left[:axis], (first, last), *left[axis + 1 :])
    return [left, *rest]


def difference(a: Hardware, b: Hardware) -> float:
    """How much two points may differ in cost: energies weigh most, then capacities, then the array."""

    def ratio(x: float, y: float) -> float:
        return max(1.0, x, y) / max(1.0, min(x, y)) - 1

    total = 0.0
    for one, other in zip(a.levels, b.levels, strict=True):
        total += 2 * ratio(one.read_energy, other.read_energy)
        total += 0.1 * ratio(one.size_bits or 1, other.size_bits or 1)
        bandwidths = (one.shared_bits_per_cycle, other.shared_bits_per_cycle)
        total += 0.01 * ratio(float(bandwidths[0] or 1), float(bandwidths[1] or 1))
    return total + 0.2 * ratio(a.mac_mesh[0] * a.mac_mesh[1], b.mac_mesh[0] * b.mac_mesh[1])
