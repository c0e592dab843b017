"""The hardware points of an architecture as boxes of menu entries, and the optimistic corner of a box.

Without constraints every combination of menu entries is a point. Constraints leave some of them out: a box then stands
for the points in it only, and a box without any is not looked at.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.hardware import Hardware, Level

Box = tuple[tuple[int, int], ...]
"""Per menu the first and last entry, both included."""


@dataclass(frozen=True)
class PointSet:
    """All points of an architecture.

    Parameters
    ----------
    paths : tuple of str
    labels : tuple of tuple
        The menus and their entries.
    points : dict of (tuple of int) to Hardware
        The points by the numbers of their entries; combinations that break a constraint are left out.
    some : Hardware
        Any point of the menus, even where none keeps the constraints: all have the same levels, clock and energy unit.
    """

    paths: tuple[str, ...]
    labels: tuple[tuple[object, ...], ...]
    points: dict[tuple[int, ...], Hardware]
    some: Hardware
    _corners: dict[Box, Hardware] = field(default_factory=dict, repr=False, compare=False)

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

    def indexed(self, box: Box) -> Iterator[tuple[tuple[int, ...], Hardware]]:
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

    @cached_property
    def is_grid(self) -> bool:
        """Is every combination of entries a point?"""
        return len(self.points) == size(self.whole)

    def count(self, box: Box) -> int:
        """Number of points in a box."""
        return size(box) if self.is_grid else sum(1 for _ in self.indexed(box))

    def occupied(self, boxes: Iterable[Box]) -> list[Box]:
        """The boxes that hold a point."""
        return list(boxes) if self.is_grid else [box for box in boxes if any(True for _ in self.indexed(box))]

    def inside(self, box: Box) -> Iterator[Hardware]:
        """The points of a box, in menu order."""
        return (point for _, point in self.indexed(box))

    def corner(self, box: Box) -> Hardware:
        """A hardware point at least as good as every point of the box, in every respect.

        Largest capacities, meshes and bandwidths with the smallest energies, leakage, area and use of every resource:
        its costs are lower bounds on those of every point of the box.
        """
        if box not in self._corners:
            members = list(self.inside(box))
            self._corners[box] = members[0] if len(members) == 1 else _best(members)
        return self._corners[box]

    def leader(self, box: Box) -> Box | None:
        """The box of a point that is the optimistic corner itself: at least as good as all other points of the box."""
        corner = replace(self.corner(box), choices=())
        same = (index for index, point in self.indexed(box) if replace(point, choices=()) == corner)
        found = next(same, None)
        return None if found is None else tuple((n, n) for n in found)

    def has_optimistic_corner(self, box: Box) -> bool:
        """Is the corner's fan-out at every level at least that of every point?

        Where the instances of an inner level are a menu, the largest mesh there has the smallest fan-out below.
        """
        corner = self.corner(box)
        return all(
            point.fanout(n)[axis] <= corner.fanout(n)[axis]
            for point in self.inside(box)
            for n in range(len(corner.levels))
            for axis in (0, 1)
        )

    def even(self, box: Box) -> bool:
        """Do all points of a box have equal capacities and energies at every level?"""
        corner = self.corner(box)
        return all(map(_stores_alike, itertools.repeat(corner), self.inside(box)))

    def split(self, box: Box) -> list[Box]:
        """The halves of a box along the menu whose entries differ most; those that hold a point."""
        axis = max(range(len(box)), key=lambda n: (self._spread(box, n), -n))
        low, high = box[axis]
        middle = (low + high) // 2
        return self.occupied(
            [
                (*box[:axis], (low, middle), *box[axis + 1 :]),
                (*box[:axis], (middle + 1, high), *box[axis + 1 :]),
            ]
        )

    def carve(self, box: Box, inner: Box) -> list[Box]:
        """A box in pieces that hold points, of which one is `inner`, a part of it; that comes first."""
        return self.occupied(carve(box, inner))

    def _spread(self, box: Box, axis: int) -> float:
        low, high = box[axis]
        if low == high:
            return -1.0
        first = tuple(entry[0] for entry in box)
        ends = [(*first[:axis], end, *first[axis + 1 :]) for end in (low, high)]
        if all(index in self.points for index in ends):
            return _difference(*(self.points[index] for index in ends))
        sides = [(*box[:axis], (end, end), *box[axis + 1 :]) for end in (low, high)]
        held = [self.corner(side) for side in self.occupied(sides)]
        return _difference(*held) if len(held) == 2 else 0.0

    def describe(self, box: Box) -> dict[str, list[object]]:
        """Labels of the entries of a box, by menu."""
        return {
            path: list(labels[low : high + 1])
            for path, labels, (low, high) in zip(self.paths, self.labels, box, strict=True)
        }


def size(box: Box) -> int:
    """Number of combinations of entries in a box."""
    total = 1
    for low, high in box:
        total *= high - low + 1
    return total


def carve(box: Box, inner: Box) -> list[Box]:
    """A box in pieces, of which one is `inner`, a part of it; that comes first."""
    rest: list[Box] = []
    left = box
    for axis, ((low, high), (first, last)) in enumerate(zip(box, inner, strict=True)):
        sides = [side for side in ((low, first - 1), (last + 1, high)) if side[0] <= side[1]]
        rest += [(*left[:axis], side, *left[axis + 1 :]) for side in sides]
        left = (*left[:axis], (first, last), *left[axis + 1 :])
    return [left, *rest]


def points_of(architecture: Architecture) -> PointSet:
    """The points of an architecture that keep its constraints."""
    return point_set(list(architecture.menu_points), architecture.keeps if architecture.constraints else None)


def point_set(grid: Sequence[Hardware], keeps: Callable[[Hardware], bool] | None = None) -> PointSet:
    """Arrange hardware points by their choices.

    Entries that no point takes are left out, and so is a menu that always moves with an earlier one: a tied menu, or
    one that constraints tie.

    Parameters
    ----------
    grid : sequence of Hardware
        All combinations of menu entries; at least one.
    keeps : callable, optional
        Does a combination keep the constraints? Without it all of them are points.
    """
    hardware = list(grid if keeps is None else filter(keeps, grid))
    if not hardware:
        return PointSet((), (), {}, grid[0])
    columns = {path: [dict(point.choices)[path] for point in hardware] for path, _ in hardware[0].choices}
    kept: list[str] = []
    for path, values in columns.items():
        if not any(_moves_with(columns[other], values) for other in kept):
            kept.append(path)
    taken = {path: set(columns[path]) for path in kept}
    every = {path: columns[path] if keeps is None else [dict(point.choices)[path] for point in grid] for path in kept}
    labels = [[label for label in dict.fromkeys(every[path]) if label in taken[path]] for path in kept]
    points = {}
    for number, point in enumerate(hardware):
        points[tuple(known.index(columns[path][number]) for path, known in zip(kept, labels, strict=True))] = point
    return PointSet(tuple(kept), tuple(tuple(x) for x in labels), points, hardware[0])


def _moves_with(first: list[object], second: list[object]) -> bool:
    pairs = set(zip(first, second, strict=True))
    return len(pairs) == len(set(first)) == len(set(second))


def _largest(meshes: list[tuple[int, int]]) -> tuple[int, int]:
    return max(m[0] for m in meshes), max(m[1] for m in meshes)


def _most(values: list[Fraction | None]) -> Fraction | None:
    known = [v for v in values if v is not None]
    return max(known) if len(known) == len(values) else None


def _stores_alike(one: Hardware, other: Hardware) -> bool:
    names = ("size_bits", "read_energy", "fill_energy", "update_energy", "leak_energy")
    pairs = zip(one.levels, other.levels, strict=True)
    return one.mac_energy == other.mac_energy and all(getattr(a, n) == getattr(b, n) for a, b in pairs for n in names)


def _best(members: list[Hardware]) -> Hardware:
    fewest, most = min(p.macs_per_cycle for p in members), _largest([p.mac_mesh for p in members])
    return replace(
        members[0],
        levels=tuple(_best_level(list(copies)) for copies in zip(*(p.levels for p in members), strict=True)),
        mac_mesh=most,
        mac_energy=min(p.mac_energy for p in members),
        area_um2=min(p.area_um2 for p in members),
        vector_lanes=max(p.vector_lanes for p in members),
        vector_energy=min(p.vector_energy for p in members),
        choices=(),
        resources=tuple(map(min, zip(*(p.resources for p in members), strict=True))),
        fewest_multipliers=fewest if fewest < math.prod(most) else None,
    )


def _best_level(copies: list[Level]) -> Level:
    first = copies[0]
    sizes = [level.size_bits for level in copies if level.size_bits is not None]
    return replace(
        first,
        size_bits=max(sizes) if len(sizes) == len(copies) else None,
        mesh=_largest([level.mesh for level in copies]),
        read_energy=min(level.read_energy for level in copies),
        fill_energy=min(level.fill_energy for level in copies),
        update_energy=min(level.update_energy for level in copies),
        leak_energy=min(level.leak_energy for level in copies),
        read_bits_per_cycle=_most([level.read_bits_per_cycle for level in copies]),
        write_bits_per_cycle=_most([level.write_bits_per_cycle for level in copies]),
        shared_bits_per_cycle=_most([level.shared_bits_per_cycle for level in copies]),
    )


def _difference(a: Hardware, b: Hardware) -> float:
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
