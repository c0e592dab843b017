"""The hardware points of an architecture as boxes of menu entries, and the optimistic corner of a box.

Without constraints every combination of menu entries is a point. Constraints leave some of them out: a box then stands
for the points in it only, and a box without any is not looked at.

Few points are listed, one by one. Menus with more than `LISTED` combinations are not: see
:mod:`optimizer.architecture.menu_points`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.box import Box, Index, PointSet, carve, difference, size
from optimizer.architecture.hardware import Hardware, Level
from optimizer.architecture.menu_points import MenuPoints

__all__ = ["Box", "Index", "ListedPoints", "PointSet", "carve", "point_set", "points_of", "size"]

LISTED = 10_000
"""Combinations of menu entries up to which points are listed."""


@dataclass(frozen=True)
class ListedPoints(PointSet):
    """All points of an architecture, one by one.

    Parameters
    ----------
    paths, labels, points, some
        See :class:`PointSet`.
    """

    paths: tuple[str, ...]
    labels: tuple[tuple[object, ...], ...]
    points: dict[Index, Hardware]
    some: Hardware
    _corners: dict[Box, Hardware] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_listed(self) -> bool:
        """They are."""
        return True

    @cached_property
    def _by_choices(self) -> dict[frozenset[tuple[str, object]], Index]:
        return {frozenset(point.choices): index for index, point in self.points.items()}

    def place(self, choices: Mapping[str, object]) -> Index:
        """See :meth:`PointSet.place`."""
        return self._by_choices[frozenset(choices.items())]

    def largest(self, within: Box, allowed: Callable[[Hardware], bool]) -> Index | None:
        """The largest point that is allowed."""
        fitting = [(p.area_um2, sum(p.resources), index) for index, p in self.indexed(within) if allowed(p)]
        return max(fitting)[2] if fitting else None

    def samples(self) -> Sequence[Hardware]:
        """All points."""
        return list(self.points.values())

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

    def corner(self, box: Box) -> Hardware:
        """See :meth:`PointSet.corner`."""
        if box not in self._corners:
            members = list(self.inside(box))
            self._corners[box] = members[0] if len(members) == 1 else _best(members)
        return self._corners[box]

    def leader(self, box: Box) -> Box | None:
        """See :meth:`PointSet.leader`."""
        corner = replace(self.corner(box), choices=())
        same = (index for index, point in self.indexed(box) if replace(point, choices=()) == corner)
        found = next(same, None)
        return None if found is None or not self.has_optimistic_corner(box) else tuple((n, n) for n in found)

    def has_optimistic_corner(self, box: Box) -> bool:
        """See :meth:`PointSet.has_optimistic_corner`."""
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

    def _spread(self, box: Box, axis: int) -> float:
        low, high = box[axis]
        if low == high:
            return -1.0
        first = tuple(entry[0] for entry in box)
        ends = [(*first[:axis], end, *first[axis + 1 :]) for end in (low, high)]
        if all(index in self.points for index in ends):
            return difference(*(self.points[index] for index in ends))
        sides = [(*box[:axis], (end, end), *box[axis + 1 :]) for end in (low, high)]
        held = [self.corner(side) for side in self.occupied(sides)]
        return difference(*held) if len(held) == 2 else 0.0


def points_of(architecture: Architecture) -> PointSet:
    """The points of an architecture that keep its constraints.

    Points on a device are listed however many they are: what they take of it follows no order of the menus.
    """
    if architecture.plan is None and architecture.combinations > LISTED:
        return MenuPoints(architecture)
    return point_set(list(architecture.menu_points), architecture.keeps if architecture.constraints else None)


def point_set(grid: Sequence[Hardware], keeps: Callable[[Hardware], bool] | None = None) -> ListedPoints:
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
        return ListedPoints((), (), {}, grid[0])
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
    return ListedPoints(tuple(kept), tuple(tuple(x) for x in labels), points, hardware[0])


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
