"""The hardware points of menus too long to list: every question is answered for boxes.

A box is counted, or found to be empty, by splitting it until its constraints hold for all of its combinations or for
none. Corners come from the extremes of the menus (:mod:`optimizer.architecture.menu_grid`): of the combinations of the
box, whether or not they keep the constraints. So they are at least as good as its points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.box import Box, Index, PointSet, difference, halves, size
from optimizer.architecture.hardware import Hardware
from optimizer.architecture.menu_grid import Memo, MenuGrid
from optimizer.architecture.sizes import Size

FEW = 20_000
"""Combinations of a box that are counted one by one."""

TRIES = 20_000
"""Boxes looked at for a large point to start with."""


class _Points(Mapping[Index, Hardware]):
    """The points by their entries, made when they are asked for."""

    def __init__(self, known: MenuPoints) -> None:
        self._known = known

    def __getitem__(self, index: Index) -> Hardware:
        if index not in self:
            raise KeyError(index)
        return self._known.grid.hardware(index)

    def __contains__(self, index: object) -> bool:
        return isinstance(index, tuple) and self._known.holds(index)

    def __iter__(self) -> Iterator[Index]:
        return (index for index, _ in self._known.indexed(self._known.whole))

    def __len__(self) -> int:
        return self._known.total


class MenuPoints(PointSet):
    """The points of an architecture that keep its constraints, none of them listed.

    Parameters
    ----------
    architecture : Architecture
        Without a device.
    """

    def __init__(self, architecture: Architecture) -> None:
        grid = self.grid = MenuGrid(architecture)
        self.paths, self.labels = self.grid.paths, self.grid.labels
        self.points = _Points(self)
        self.some = self.grid.hardware(self.grid.origin)
        self._constraints = architecture.constraints
        self._axes = [self.grid.axes_of(constraint.sizes) for constraint in self._constraints]
        self._plain = all(len(grid.axes_of([one])) <= 1 for constraint in self._constraints for one in constraint.sizes)
        self._counts: Memo[int] = Memo()
        self._corners: Memo[Hardware] = Memo()

    @property
    def is_listed(self) -> bool:
        """They are not."""
        return False

    def holds(self, index: Index) -> bool:
        """Is a combination within the menus, and does it keep the constraints?"""
        if len(index) != len(self.labels) or any(n not in range(top) for n, top in zip(index, self.shape, strict=True)):
            return False
        return self._open(tuple((n, n) for n in index)) == []

    def place(self, choices: Mapping[str, object]) -> Index:
        """See :meth:`PointSet.place`."""
        pairs = zip(self.paths, self.labels, strict=True)
        if any(path not in choices or choices[path] not in labels for path, labels in pairs):
            raise KeyError(choices)
        index = tuple(labels.index(choices[path]) for path, labels in zip(self.paths, self.labels, strict=True))
        if dict(self.points[index].choices) != dict(choices):
            raise KeyError(choices)
        return index

    def _open(self, box: Box) -> list[int] | None:
        """The axes of the constraints that only a part of a box may keep; None if no combination keeps all of them."""
        axes: set[int] = set()
        for constraint, own in zip(self._constraints, self._axes, strict=True):
            kept = constraint.decided(lambda size: self.grid.interval(size, box))
            if kept is False:
                return None
            axes |= set(own) if kept is None else set()
        return sorted(axis for axis in axes if box[axis][0] < box[axis][1])

    def count(self, box: Box) -> int:
        """Number of points in a box: of all combinations where the constraints hold, else those of its halves.

        Along the menus that no open constraint names, every entry has as many points.
        """
        return self._counts.of(box, lambda: self._count(box))

    def _count(self, box: Box) -> int:
        axes = self._open(box)
        if axes is None:
            return 0
        if not axes:
            return size(box)
        few = math.prod(box[axis][1] - box[axis][0] + 1 for axis in axes)
        if few <= FEW and self._plain:
            return self._counted(box) * (size(box) // few)
        axis = max(axes, key=lambda n: (box[n][1] - box[n][0], -n))
        return sum(self._count(half) for half in halves(box, axis))

    def _counted(self, box: Box) -> int:
        """Combinations of the open menus of a box that keep the constraints, one by one; no other menu matters."""
        axes = self._open(box) or []

        def values(one: Size) -> NDArray[np.object_]:
            own = self.grid.axes_of([one])
            shape = [len(self.grid.values(one, box)) if axis in own else 1 for axis in axes]
            table = np.array(self.grid.values(one, box), dtype=object)
            return table.reshape(shape) if set(own) <= set(axes) else table[:1].reshape([1] * len(axes))

        kept: NDArray[np.bool_] = np.ones([box[axis][1] - box[axis][0] + 1 for axis in axes], dtype=np.bool_)
        for constraint in self._constraints:
            if constraint.decided(lambda one: self.grid.interval(one, box)) is None:
                kept &= np.asarray(constraint.kept(values), dtype=np.bool_)
        return int(kept.sum())

    def occupied(self, boxes: Iterable[Box]) -> list[Box]:
        """The boxes that hold a point."""
        return list(boxes) if not self._constraints else [box for box in boxes if self._first(box) is not None]

    def _first(self, box: Box) -> Box | None:
        """A part of a box whose combinations all are points; None if the box holds no point."""
        left = [box]
        while left:
            part = left.pop()
            axes = self._open(part)
            if axes is not None:
                if not axes:
                    return part
                left += halves(part, max(axes, key=lambda n: (part[n][1] - part[n][0], -n)))
        return None

    def corner(self, box: Box) -> Hardware:
        """See :meth:`PointSet.corner`; of a single point, that point."""
        return self._corners.of(box, lambda: self._corner(box))

    def _corner(self, box: Box) -> Hardware:
        if size(box) == 1:
            return self.grid.hardware(tuple(low for low, _ in box))
        return self.grid.best(box)

    def leader(self, box: Box) -> Box | None:
        """See :meth:`PointSet.leader`.

        It is sought among the first and last entries only.
        """
        if not self.has_optimistic_corner(box):
            return None
        corner = replace(self.corner(box), choices=())
        found: list[int] = []
        for axis, (low, high) in enumerate(box):
            best = next((n for n in (high, low) if self._as_good(box, axis, n)), None)
            if best is None:
                return None
            found.append(best)
        point = self.grid.hardware(tuple(found))
        same = replace(point, choices=(), area_um2=corner.area_um2) == corner and self.holds(tuple(found))
        return tuple((n, n) for n in found) if same else None

    def _has_best(self, box: Box, axis: int) -> bool:
        return any(self._as_good(box, axis, end) for end in box[axis])

    def _as_good(self, box: Box, axis: int, entry: int) -> bool:
        """Is the corner of a box the same, but for the area, if one menu is cut down to an entry?"""
        cut = (*box[:axis], (entry, entry), *box[axis + 1 :])
        return replace(self.grid.best(cut), area_um2=0) == replace(self.grid.best(box), area_um2=0)

    def has_optimistic_corner(self, box: Box) -> bool:
        """See :meth:`PointSet.has_optimistic_corner`; of all combinations, so the answer may be no where it could be
        yes.
        """
        for way in "xy":
            meshes = self.grid.meshes(way, box)
            pairs = zip(meshes.most, meshes.most[1:], strict=False)
            corner = (inner // outer for outer, inner in pairs)
            if any(need > most for need, most in zip(meshes.fanout, corner, strict=True)):
                return False
        return True

    def even(self, box: Box) -> bool:
        """See :meth:`PointSet.even`."""
        names = ("size_bits", "read_energy", "fill_energy", "update_energy", "leak_energy")
        for number in range(len(self.some.levels)):
            memories = self.grid.memories(number, box)
            if any(getattr(level, name) != getattr(memories[0], name) for level in memories for name in names):
                return False
        return True

    def largest(self, within: Box, allowed: Callable[[Hardware], bool]) -> Index | None:
        """The larger half first, as long as its corner is allowed and it holds a point; None after `TRIES` boxes."""
        left = self.occupied([within])
        for _ in range(TRIES):
            if not left:
                return None
            box = left.pop()
            if not allowed(self.corner(box)):
                continue
            if size(box) == 1:
                return tuple(low for low, _ in box)
            axis = max(range(len(box)), key=lambda n: (box[n][1] - box[n][0], -n))
            left += sorted(self.occupied(halves(box, axis)), key=self._area_of_last)
        return None

    def _area_of_last(self, box: Box) -> int:
        return self.grid.hardware(tuple(high for _, high in box)).area_um2

    def samples(self) -> Sequence[Hardware]:
        """Points of the menus that show every entry and all meshes, whether or not they keep the constraints."""
        return self.grid.samples

    def _spread(self, box: Box, axis: int) -> float:
        if box[axis][0] == box[axis][1]:
            return -1.0
        first = tuple(low for low, _ in box)
        ends = ((*first[:axis], end, *first[axis + 1 :]) for end in box[axis])
        return difference(*map(self.grid.hardware, ends))
