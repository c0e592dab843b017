"""What a study varies: numbers that every hardware point has, before anything is mapped to it, and their ranges.

=============== ====== ====================================================================================
name            unit   of a hardware point
=============== ====== ====================================================================================
``area-mm2``    mm2    area of the chip
``dram-gbps``   GB/s   bandwidth of the outermost level, 10^9 bytes per second
``buffer-kib``  KiB    capacity of the level below the outermost one, all instances together
``storage-kib`` KiB    capacity of all levels below the outermost one, all instances together
=============== ====== ====================================================================================

``latency-ms`` and ``energy-mj`` are limits as well; they depend on the mappings and are varied by another search
(:mod:`optimizer.studies.front`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.budgets import UM2_PER_MM2
from optimizer.architecture.hardware import Hardware, Level
from optimizer.bodies.study import CONSTRAINT
from optimizer.errors import SpecError, check_one_of
from optimizer.files.arguments import Checked

KIB = 8 * 2**10
Place = tuple[Fraction, ...]
"""Values of the varied metrics."""


@dataclass(frozen=True)
class Metric:
    """A number of hardware points, exact, in the unit that users write."""

    name: str
    unit: str
    of: Callable[[Hardware], Fraction]


def _area(point: Hardware) -> Fraction:
    return Fraction(point.area_um2, UM2_PER_MM2)


def _dram(point: Hardware) -> Fraction:
    return (point.levels[0].shared_bits_per_cycle or Fraction(0)) * point.clock_mhz / 8000


def _kib(level: Level) -> Fraction:
    return Fraction((level.size_bits or 0) * math.prod(level.mesh), KIB)


STATIC = {
    metric.name: metric
    for metric in (
        Metric("area-mm2", "mm2", _area),
        Metric("dram-gbps", "GB/s", _dram),
        Metric("buffer-kib", "KiB", lambda point: _kib(point.levels[1])),
        Metric("storage-kib", "KiB", lambda point: sum((_kib(level) for level in point.levels[1:]), Fraction(0))),
    )
}
DYNAMIC = {"latency-ms": "ms", "energy-mj": "mJ"}
"""Limits on the energy and latency of a design, and their units."""

NAMES = (*STATIC, *DYNAMIC)


@dataclass(frozen=True)
class Range(Checked):
    """A limit that is varied: its name and the ends of its range, both included; None: open."""

    name: str
    low: Fraction | None = None
    high: Fraction | None = None

    @property
    def unit(self) -> str:
        """Unit of the limit."""
        if self.name.startswith(CONSTRAINT):
            return "broken"
        return STATIC[self.name].unit if self.name in STATIC else DYNAMIC[self.name]

    def of(self, point: Hardware) -> Fraction:
        """The varied metric of a hardware point."""
        return STATIC[self.name].of(point)

    def place(self, value: Fraction) -> Fraction:
        """The least limit in the range that admits this value."""
        return value if self.low is None else max(value, self.low)

    def covers(self, limit: Fraction) -> bool:
        """Is a limit in the range?"""
        return (self.low is None or limit >= self.low) and (self.high is None or limit <= self.high)


def check_range(varied: Range, architecture: Architecture) -> None:
    """Refuse what cannot be varied on an architecture.

    Raises
    ------
    SpecError
        On an unknown name, an empty range, power; area without areas; bandwidth that is no menu; capacities without
        a bounded level.
    """
    if varied.name.startswith(CONSTRAINT):
        return
    _check_name(varied.name)
    field = f"--vary {varied.name}"
    if varied.low is not None and varied.high is not None and varied.low > varied.high:
        raise SpecError(
            "the range is empty",
            field=field,
            value=[varied.low, varied.high],
            allowed="LOW <= HIGH",
            remedy="write the smaller limit first",
        )
    if varied.name == "area-mm2":
        _check_area(field, architecture)
    elif varied.name == "dram-gbps":
        _check_bandwidth(field, architecture)
    elif varied.name in STATIC:
        _check_capacity(varied.name, field, architecture)


def _check_name(name: str) -> None:
    if name == "power-w":
        raise SpecError(
            "power cannot be varied: a design idles until it keeps the limit, so the optimum changes with every limit",
            field="--vary",
            value=name,
            allowed=", ".join(NAMES),
            remedy="solve with --power-w for the limits of interest",
        )
    check_one_of(name, NAMES, "this cannot be varied", "--vary")


def _check_area(field: str, architecture: Architecture) -> None:
    if architecture.plan is not None:
        raise SpecError(
            "a device has resources, no area",
            file=architecture.file,
            field=field,
            value=architecture.plan.device.name,
            allowed="dram-gbps, buffer-kib, storage-kib, latency-ms, energy-mj on a device",
            remedy="vary one of these, or drop the device",
        )
    if not any(point.area_um2 for point in architecture.menu_points):
        raise SpecError(
            "this technology has no areas",
            file=architecture.file,
            field=field,
            value=architecture.technology.name,
            allowed="a technology with areas",
            remedy="choose another technology, or vary something else",
        )


def _check_bandwidth(field: str, architecture: Architecture) -> None:
    band = architecture.levels[0].bandwidth
    if band.shared is None or not band.shared.listed or band.read is not None or band.write is not None:
        raise SpecError(
            "off-chip bandwidth is no menu: under a budget it takes any value, and the optimum changes with every one",
            file=architecture.file,
            field=field,
            value=architecture.name,
            allowed="an outermost level with `bandwidth: {shared: [4 GB/s, 8 GB/s, ...]}` and no other port",
            remedy="make its shared bandwidth a menu",
        )


def _check_capacity(name: str, field: str, architecture: Architecture) -> None:
    levels = architecture.levels[1:2] if name == "buffer-kib" else architecture.levels[1:]
    unbounded = [level.name for level in levels if None in level.size.values]
    if not levels or unbounded:
        raise SpecError(
            "there is no capacity to vary",
            file=architecture.file,
            field=field,
            value=unbounded,
            allowed="levels with sizes below the outermost one",
            remedy="give the levels sizes",
        )
