"""Check that one hardware point is at least as good as another in every respect: then its lower bounds hold for the
other.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.architecture.hardware import Hardware, Level


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
