"""The menus of an architecture as axes of a grid, and the extremes of sizes, energies and areas in a box of it.

Nothing here goes through the points of a box. What a hardware point is made of depends on few axes: memories and ports
of a level on its own menus, the instances along X (or Y) on the array's menu and those of the levels. Extremes are
taken over the entries of these axes alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Generic, TypeVar

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.box import Box, Index
from optimizer.architecture.hardware import Hardware, Level
from optimizer.architecture.menus import AnyMenu, Menu, MenuEntry, tie_groups
from optimizer.architecture.relations import Interval
from optimizer.architecture.sizes import Size

KEPT = 4096
"""Hardware points, and extremes of a kind, that are kept."""

PORTS = ("read", "write", "shared")


@dataclass(frozen=True)
class Meshes:
    """Extremes along one axis of the chip: least and most instances per level (the multipliers last), largest fan-outs
    below the levels.
    """

    least: tuple[int, ...]
    most: tuple[int, ...]
    fanout: tuple[int, ...]


T = TypeVar("T")


class Memo(Generic[T]):
    """What was computed before; it forgets everything once there is too much of it."""

    def __init__(self) -> None:
        self._known: dict[object, T] = {}

    def of(self, key: object, make: Callable[[], T]) -> T:
        """The value of a key, made at first use."""
        if key not in self._known:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[key] = make()
        return self._known[key]


class MenuGrid:
    """All combinations of menu entries, whether or not they keep constraints.

    Tied menus are one axis, named by the first of them. Of the menus with a single entry the first one is an axis.

    Parameters
    ----------
    architecture : Architecture
    """

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self._points: Memo[Hardware] = Memo()
        self._meshes: Memo[Meshes] = Memo()
        self._levels: Memo[Level] = Memo()
        self._areas: Memo[Fraction] = Memo()
        self._intervals: Memo[Interval] = Memo()
        self._tables: dict[str, list[Fraction | int]] = {}
        self._every: dict[int, tuple[Level, ...]] = {}

    @cached_property
    def axes(self) -> tuple[tuple[AnyMenu, ...], ...]:
        """The menus of every axis."""
        groups = [group for group in tie_groups(self.architecture.menus) if any(menu.listed for menu in group)]
        single = [group for group in groups if len(group[0].entries) == 1]
        return tuple(tuple(group) for group in groups if len(group[0].entries) > 1 or group is single[0])

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(next(menu.path for menu in menus if menu.listed) for menus in self.axes)

    @cached_property
    def labels(self) -> tuple[tuple[object, ...], ...]:
        """Entries of the axes, as they are written."""
        named = (next(menu for menu in menus if menu.listed) for menus in self.axes)
        return tuple(tuple(entry.label for entry in menu.entries) for menu in named)

    @cached_property
    def whole(self) -> Box:
        """The box of all combinations."""
        return tuple((0, len(menus[0].entries) - 1) for menus in self.axes)

    @cached_property
    def axis_of(self) -> dict[str, int]:
        """The axis of every menu with several entries."""
        numbered = enumerate(self.axes)
        return {menu.path: number for number, menus in numbered for menu in menus if len(menu.entries) > 1}

    @cached_property
    def origin(self) -> Index:
        """The first entry of every menu."""
        return (0,) * len(self.axes)

    def chosen(self, index: Index) -> dict[str, MenuEntry[Any]]:
        """The entries of a combination, by menu."""
        found = {menu.path: menu.entries[0] for menu in self.architecture.menus}
        pairs = zip(self.axes, index, strict=True)
        return found | {menu.path: menu.entries[n] for menus, n in pairs for menu in menus}

    def hardware(self, index: Index) -> Hardware:
        """The hardware point of a combination."""
        return self._points.of(index, lambda: self._made(index))

    def _made(self, index: Index) -> Hardware:
        return self.architecture.point(self.chosen(index))

    def varied(self, axes: tuple[int, ...], box: Box) -> Iterator[Index]:
        """The combinations of a box along some axes, with the first entry of all others."""
        for chosen in itertools.product(*(range(box[axis][0], box[axis][1] + 1) for axis in axes)):
            at = dict(zip(axes, chosen, strict=True))
            yield tuple(at.get(axis, 0) for axis in range(len(self.axes)))

    @cached_property
    def samples(self) -> tuple[Hardware, ...]:
        """Points that show every entry of every menu, every size with the slowest ports, and all meshes."""
        apart = [index for axis in range(len(self.axes)) for index in self.varied((axis,), self.whole)]
        slow = [tuple(map(max, index, self._slowest)) for index in apart]
        together = [index for way in "xy" for index in self.varied(self.mesh_axes(way), self.whole)]
        return tuple(self._made(index) for index in sorted({*apart, *slow, *together}))

    @cached_property
    def _slowest(self) -> Index:
        """The slowest entry of every menu of bandwidths that is not tied; the first of all others."""
        slow = dict.fromkeys(range(len(self.axes)), 0)
        for axis, menus in enumerate(self.axes):
            if len(menus) == 1 and ".bandwidth." in menus[0].path:
                slow[axis] = menus[0].values.index(min(menus[0].values))
        return tuple(slow.values())

    def mesh_axes(self, way: str) -> tuple[int, ...]:
        """The axes that instances along X or Y depend on."""
        paths = [f"array.{way}", *(f"{level.name}.instances.{way}" for level in self.architecture.levels)]
        return tuple(sorted({self.axis_of[path] for path in paths if path in self.axis_of}))

    def meshes(self, way: str, box: Box) -> Meshes:
        """Extremes of the instances along X or Y in a box."""
        axes = self.mesh_axes(way)
        key = way, tuple(box[axis] for axis in axes)
        return self._meshes.of(key, lambda: self._spread(way, list(self.varied(axes, box))))

    def _spread(self, way: str, indices: list[Index]) -> Meshes:
        rows = [self._mesh(way, index) for index in indices]
        fanouts = ([inner // outer for outer, inner in itertools.pairwise(row)] for row in rows)
        columns = list(zip(*rows, strict=True))
        largest = tuple(map(max, zip(*fanouts, strict=True)))
        return Meshes(tuple(map(min, columns)), tuple(map(max, columns)), largest)

    def _mesh(self, way: str, index: Index) -> tuple[int, ...]:
        return tuple(mesh["xy".index(way)] for mesh in self.architecture.meshes(self.chosen(index)))

    def memories(self, number: int, box: Box) -> tuple[Level, ...]:
        """A level with each of the sizes it has in a box; its other menus at their first entries."""
        axis = self.axis_of.get(f"{self.architecture.levels[number].name}.size")
        if number not in self._every:
            axes = () if axis is None else (axis,)
            indices = self.varied(axes, self.whole)
            self._every[number] = tuple(self._made(index).levels[number] for index in indices)
        known = self._every[number]
        return known if axis is None else known[box[axis][0] : box[axis][1] + 1]

    def best_level(self, number: int, box: Box) -> Level:
        """A level with the largest size and bandwidths and the least energies in a box."""
        spec = self.architecture.capped_levels[number]
        paths = [f"{spec.name}.{name}" for name in ("size", *(f"bandwidth.{port}" for port in PORTS))]
        key = number, tuple(box[self.axis_of[path]] for path in paths if path in self.axis_of)
        return self._levels.of(key, lambda: self._best_level(number, box))

    def _best_level(self, number: int, box: Box) -> Level:
        memories = self.memories(number, box)
        sizes = [level.size_bits for level in memories if level.size_bits is not None]
        return replace(
            memories[0],
            size_bits=max(sizes) if len(sizes) == len(memories) else None,
            read_energy=min(level.read_energy for level in memories),
            fill_energy=min(level.fill_energy for level in memories),
            update_energy=min(level.update_energy for level in memories),
            leak_energy=min(level.leak_energy for level in memories),
            read_bits_per_cycle=self._fastest(number, "read", box),
            write_bits_per_cycle=self._fastest(number, "write", box),
            shared_bits_per_cycle=self._fastest(number, "shared", box),
        )

    def _fastest(self, number: int, port: str, box: Box) -> Fraction | None:
        menu: Menu[Fraction] | None = getattr(self.architecture.capped_levels[number].bandwidth, port)
        return None if menu is None else max(self._values(menu, box))

    def _values(self, menu: Menu[T], box: Box) -> tuple[T, ...]:
        axis = self.axis_of.get(menu.path)
        return menu.values if axis is None else menu.values[box[axis][0] : box[axis][1] + 1]

    def least_area_um2(self, box: Box) -> int:
        """A lower bound on the areas in a box: the least of every factor, by itself.

        All factors are at least 0. So it is the least area itself where no tie sets two of them against each other.
        """
        architecture, across, down = self.architecture, self.meshes("x", box).least, self.meshes("y", box).least
        area = architecture.fixed_area_um2 + architecture.pe_area_um2 * across[-1] * down[-1]
        area += architecture.lane_area_um2 * min(self._values(architecture.vector_lanes, box))
        for number in range(len(architecture.levels)):
            area += self._instance_area(number, box) * across[number] * down[number]
        return math.ceil(area)

    def _instance_area(self, number: int, box: Box) -> Fraction:
        spec = self.architecture.levels[number]
        axis = self.axis_of.get(spec.size.path)
        key = number, None if axis is None else box[axis]
        return self._areas.of(key, lambda: min(map(spec.instance_area_um2, self._values(spec.size, box))))

    def best(self, box: Box) -> Hardware:
        """Hardware at least as good as every combination of a box: the best of every respect, by itself.

        Largest sizes, meshes, bandwidths and lanes with the smallest energies, leakage and area.
        """
        across, down = self.meshes("x", box).most, self.meshes("y", box).most
        fewest = self.meshes("x", box).least[-1] * self.meshes("y", box).least[-1]
        some = self.hardware(self.origin)
        levels = (
            replace(self.best_level(number, box), mesh=(across[number], down[number]))
            for number in range(len(some.levels))
        )
        return replace(
            some,
            levels=tuple(levels),
            mac_mesh=(across[-1], down[-1]),
            area_um2=self.least_area_um2(box),
            vector_lanes=max(self._values(self.architecture.vector_lanes, box)),
            choices=(),
            fewest_multipliers=fewest if fewest < across[-1] * down[-1] else None,
        )

    def interval(self, size: Size, box: Box) -> Interval:
        """The least and the largest value of a size in a box."""
        axes = self.axes_of([size])
        key = size.path, tuple(box[axis] for axis in axes)
        return self._intervals.of(key, lambda: self._interval(size, axes, box))

    def _interval(self, size: Size, axes: tuple[int, ...], box: Box) -> Interval:
        if len(axes) > 1:
            values = [size.of(self._made(index)) for index in self.varied(axes, box)]
            return min(values), max(values)
        table = self.values(size, box)
        return min(table), max(table)

    def values(self, size: Size, box: Box) -> list[Fraction | int]:
        """The values in a box of a size that depends on one axis at most, entry by entry."""
        axes = self.axes_of([size])
        if size.path not in self._tables:
            self._tables[size.path] = [size.of(self._made(index)) for index in self.varied(axes, self.whole)]
        table = self._tables[size.path]
        return table[box[axes[0]][0] : box[axes[0]][1] + 1] if axes else table

    def axes_of(self, sizes: Iterable[Size]) -> tuple[int, ...]:
        """The axes that some sizes depend on."""
        return tuple(sorted({axis for size in sizes for axis in self._axes_of(size.path)}))

    def _axes_of(self, path: str) -> tuple[int, ...]:
        if ".instances." in path:
            return self.mesh_axes(path[-1])
        return (self.axis_of[path],) if path in self.axis_of else ()
