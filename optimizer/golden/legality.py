"""Legality of a mapping on a hardware point; every breach is one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator

from optimizer.architecture.hardware import Hardware
from optimizer.golden.rules import broken_rules
from optimizer.golden.tiles import kept_extents
from optimizer.mapping.mapping import Loop, Mapping, Node
from optimizer.workload.layer import ROLES, Layer


def structural(layer: Layer, hardware: Hardware, mapping: Mapping, pinned: frozenset[str] = frozenset()) -> list[str]:
    """Breaches that make the nest ambiguous, so that nothing can be counted.

    Pinned operands have their outermost node at level 1, which must be outside of all loops too.
    """
    breaches = [*_items(layer, hardware, mapping)]
    return breaches or [*_keepers(mapping, pinned), *_pinned(mapping, pinned), *_order(layer, hardware, mapping)]


def limits(
    layer: Layer,
    hardware: Hardware,
    mapping: Mapping,
    pinned: frozenset[str] = frozenset(),
    room_bits: int | None = None,
) -> list[str]:
    """Breaches of extents, keep and bypass rules, fan-outs, capacities and the layer's rules by a sound nest.

    Of level 1 the tiles of operands that are not pinned may fill `room_bits`.
    """
    return [
        *_extents(layer, mapping),
        *_keep_rules(hardware, mapping, pinned),
        *_fanouts(hardware, mapping),
        *_capacities(layer, hardware, mapping, pinned, room_bits),
        *broken_rules(layer, hardware, mapping),
    ]


def _items(layer: Layer, hardware: Hardware, mapping: Mapping) -> Iterator[str]:
    for position, item in enumerate(mapping.items):
        if not 0 <= item.level < len(hardware.levels):
            yield f"item {position}: level {item.level} does not exist"
        if isinstance(item, Node):
            if item.role not in ROLES:
                yield f"item {position}: unknown operand {item.role}"
            continue
        if item.dim not in layer.extents:
            yield f"item {position}: the layer has no dim {item.dim}"
        if item.bound < 1:
            yield f"item {position}: bound {item.bound} of the loop over {item.dim} is below 1"
        if item.axis not in (None, "X", "Y"):
            yield f"item {position}: unknown axis {item.axis}"


def _pinned(mapping: Mapping, pinned: frozenset[str]) -> Iterator[str]:
    looped = False
    for item in mapping.items:
        looped = looped or (isinstance(item, Loop) and item.bound > 1)
        if isinstance(item, Node) and item.role in pinned and item.level == 1 and looped:
            yield f"a loop stands outside of the pinned {item.role}"


def _keepers(mapping: Mapping, pinned: frozenset[str]) -> Iterator[str]:
    for role in ROLES:
        keepers = mapping.keepers(role)
        if role in pinned:
            if keepers[:1] != (1,):
                yield f"{role} is pinned to level 1, but its outermost node is not there"
        elif keepers[:1] != (0,):
            yield f"{role} is not kept at the outermost level"
        if list(keepers) != sorted(set(keepers)):
            yield f"the nodes of {role} do not go from outer to inner levels, each once: {keepers}"


def _order(layer: Layer, hardware: Hardware, mapping: Mapping) -> Iterator[str]:
    """Fan-outs go from outer to inner levels; all items of a level stand before its fan-out.

    A node may stand before the fan-outs of outer levels, if no temporal loop between there and them moves its tile.
    Between two fan-outs there is no order of levels.
    """
    fanned, deepest, looped = -1, 0, False
    dims = {operand.role: operand.dims for operand in layer.operands}
    for position, item in enumerate(mapping.items):
        name = hardware.levels[item.level].name
        if isinstance(item, Loop):
            if item.bound == 1:
                continue
            looped = True
            if item.axis is not None and item.level < max(deepest, fanned):
                yield f"a spatial loop over {item.dim} below {name} stands inside of a deeper level"
            if item.axis is None and item.level <= fanned:
                yield f"the loop over {item.dim} of {name} stands inside of the fan-out below {name} or deeper"
            fanned = fanned if item.axis is None else max(fanned, item.level)
            deepest = max(deepest, item.level)
            continue
        if item.level == 0 and looped:
            yield f"a loop stands outside of {item.role} at the outermost level {name}"
        if item.level <= fanned:
            yield f"the node of {item.role} at {name} stands inside of the fan-out below {name} or deeper"
        for loop in _before_outer_fan_outs(mapping, position, item.level):
            if loop.axis is None and loop.bound > 1 and loop.dim in dims[item.role]:
                yield f"the loop over {loop.dim} moves the hoisted tile of {item.role} at {name}"


def _before_outer_fan_outs(mapping: Mapping, position: int, level: int) -> list[Loop]:
    """Loops from a place to the last fan-out of a level outside of `level`."""
    inside = [item for item in mapping.items[position:] if isinstance(item, Loop)]
    fans = [n for n, loop in enumerate(inside) if loop.axis is not None and loop.bound > 1 and loop.level < level]
    return inside[: max(fans, default=0)]


def _extents(layer: Layer, mapping: Mapping) -> Iterator[str]:
    padded = mapping.extents(layer.extents)
    for dim, extent in layer.dims:
        if padded[dim] < extent:
            yield f"the loops over {dim} make {padded[dim]} trips, the layer needs {extent}"


def _keep_rules(hardware: Hardware, mapping: Mapping, pinned: frozenset[str]) -> Iterator[str]:
    for index, level in enumerate(hardware.levels):
        kept = {role for role in ROLES if index in mapping.keepers(role)}
        for role in sorted(level.must_keep - kept - (pinned if index == 0 else set())):
            yield f"{level.name} must keep {role}"
        for role in sorted(level.must_bypass & kept):
            yield f"{level.name} must not keep {role}"


def _fanouts(hardware: Hardware, mapping: Mapping) -> Iterator[str]:
    for index, level in enumerate(hardware.levels):
        loops = [loop for loop in mapping.loops if loop.level == index and loop.axis is not None]
        allowed_dims = {"X": level.spatial_x, "Y": level.spatial_y}
        for axis, limit in zip("XY", hardware.fanout(index), strict=True):
            used = math.prod(loop.bound for loop in loops if loop.axis == axis)
            if used > limit:
                yield f"the fan-out below {level.name} has {limit} children along {axis}, {used} are used"
            allowed = allowed_dims[axis]
            for loop in loops:
                if loop.axis == axis and loop.bound > 1 and allowed is not None and loop.dim not in allowed:
                    yield f"{loop.dim} may not be unrolled along {axis} below {level.name}"


def _capacities(
    layer: Layer, hardware: Hardware, mapping: Mapping, pinned: frozenset[str], room_bits: int | None
) -> Iterator[str]:
    filled = dict.fromkeys(range(len(hardware.levels)), 0)
    for position, item in enumerate(mapping.items):
        if isinstance(item, Node) and (item.level, item.role) not in {(1, role) for role in pinned}:
            operand = layer.operand(item.role)
            words = operand.footprint(kept_extents(mapping, position, layer.extents))
            filled[item.level] += operand.bits * words
    for index, level in enumerate(hardware.levels):
        usable = room_bits if index == 1 and room_bits is not None else level.usable_bits
        if usable is not None and filled[index] > usable:
            yield f"the tiles at {level.name} take {filled[index]} bits, {usable} are usable"
