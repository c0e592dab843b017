"""Check that one hardware point is at least as good as others in every respect: then its lower bounds hold for them.

The points of menus too long to list are looked at menu by menu: what a point has of a level or of an array depends on
few menus each, so it is seen on points that differ in these alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

from optimizer.architecture.boxes import Box
from optimizer.architecture.hardware import Hardware, Level
from optimizer.architecture.menu_grid import MenuGrid
from optimizer.checker.claims.solve import Claim


def worse(corner: Hardware, point: Hardware) -> Iterator[str]:
    """Respects in which the optimistic corner of a box is worse than one of its points; none if it is valid."""
    for number, (best, level) in enumerate(zip(corner.levels, point.levels, strict=True)):
        for axis, most, need in zip("XY", corner.fanout(number), point.fanout(number), strict=True):
            if most < need:
                yield f"{level.name} fans out to {most} along {axis}, a point of the box to {need}"
        yield from (f"{level.name}.{name} is worse than a point of the box" for name in _worse_level(best, level))
    costs = ("mac_energy", "vector_energy", "area_um2")
    yield from (name for name in costs if getattr(corner, name) > getattr(point, name))
    if any(least > need for least, need in zip(corner.resources, point.resources, strict=True)):
        yield "more resources of the device than a point of the box"
    widths = zip((*corner.mac_mesh, corner.vector_lanes), (*point.mac_mesh, point.vector_lanes), strict=True)
    if any(most < need for most, need in widths):
        yield "fewer multipliers or lanes than a point of the box"
    if (corner.fewest_multipliers or corner.macs_per_cycle) > point.macs_per_cycle:
        yield "shares of more multipliers than a point of the box has"


def _worse_level(best: Level, level: Level) -> Iterator[str]:
    costs = ("read_energy", "fill_energy", "update_energy", "leak_energy")
    yield from (name for name in costs if getattr(best, name) > getattr(level, name))
    sizes = ("usable_bits", "read_bits_per_cycle", "write_bits_per_cycle", "shared_bits_per_cycle")
    for name in sizes:
        most, need = getattr(best, name), getattr(level, name)
        if most is not None and (need is None or most < need):
            yield name
    same = ("name", "access_bits", "must_keep", "must_bypass", "spatial_x", "spatial_y")
    yield from (name for name in same if getattr(best, name) != getattr(level, name))


def box_faults(claim: Claim, best: Hardware, box: Box, *, areas: bool = True) -> Iterator[tuple[str, object]]:
    """Respects in which hardware is worse than some point of a box, each with the entries that show it.

    Without `areas` the area is left aside: bounds on energy and cycles do not depend on it.
    """
    if claim.points.is_listed:
        for point in claim.points.inside(box):
            shown = best if areas else replace(best, area_um2=min(best.area_um2, point.area_um2))
            yield from ((fault, dict(point.choices)) for fault in worse(shown, point))
        return
    if areas and best.area_um2 > least_area(claim, box):
        yield "area_um2", "the least of every part"
    for point in _shown(claim, box):
        yield from ((fault, dict(point.choices)) for fault in worse(replace(best, area_um2=0), point))


def least_area(claim: Claim, box: Box) -> int:
    """The least area of a box: of its points, or where they are not listed of every part of the chip by itself."""
    if claim.points.is_listed:
        return min(point.area_um2 for point in claim.points.inside(box))
    architecture, shown = claim.architecture, list(_shown(claim, box))
    area = architecture.fixed_area_um2 + architecture.lane_area_um2 * min(point.vector_lanes for point in shown)
    meshes = [[point.mac_mesh for point in shown]]
    parts = [architecture.pe_area_um2]
    for number, spec in enumerate(architecture.levels):
        meshes.append([point.levels[number].mesh for point in shown])
        parts.append(min(spec.instance_area_um2(bits) for bits in {point.levels[number].size_bits for point in shown}))
    for part, known in zip(parts, meshes, strict=True):
        area += part * min(x for x, _ in known) * min(y for _, y in known)
    return math.ceil(area)


def _shown(claim: Claim, box: Box) -> Iterator[Hardware]:
    """Points of the menus that show every entry of a box, and all of its meshes; they may break constraints."""
    grid = MenuGrid(claim.architecture)
    lows = tuple(low for low, _ in box)
    for axes in ({(axis,) for axis in range(len(box))} | {grid.mesh_axes(way) for way in "xy"}) - {()}:
        for chosen in itertools.product(*(range(box[axis][0], box[axis][1] + 1) for axis in axes)):
            at = dict(zip(axes, chosen, strict=True))
            index = tuple(at.get(axis, low) for axis, low in enumerate(lows))
            yield claim.architecture.point(grid.chosen(index))
