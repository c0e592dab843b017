"""Random small nests, and a walk of them that keeps every tile as a set of words."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import strategies as st

from optimizer.architecture.hardware import Hardware, Level
from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.workload.layer import ROLES, Layer, Operand, conv, matmul

Words = frozenset[tuple[int, ...]]


@dataclass(frozen=True)
class Nest:
    """A layer with a legal mapping of it."""

    layer: Layer
    hardware: Hardware
    mapping: Mapping


def plain_level(name: str, mesh: tuple[int, int] = (1, 1)) -> Level:
    """A level without limits; reads, fills and updates cost 2, 3 and 5."""
    return Level(name, None, mesh, access_bits=16, read_energy=2, fill_energy=3, update_energy=5)


def plain_hardware(levels: int, fanouts: dict[int, tuple[int, int]] | None = None) -> Hardware:
    """Unlimited levels with the given fan-outs below them."""
    made, mesh = [], (1, 1)
    for index in range(levels):
        made.append(plain_level(f"L{index}", mesh))
        x, y = (fanouts or {}).get(index, (1, 1))
        mesh = mesh[0] * x, mesh[1] * y
    return Hardware(tuple(made), mesh, mac_energy=1)


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Small products, convolutions with strides and dilations, and depthwise convolutions."""
    small = st.integers(1, 4)
    kind = draw(st.sampled_from(["matmul", "conv", "dwconv"]))
    if kind == "matmul":
        return matmul("layer", {dim: draw(small) for dim in "MNK"})
    dims = "KCPRS" if kind == "conv" else "GPQR"
    step = (draw(st.integers(1, 3)), draw(st.integers(1, 2)))
    spread = (draw(st.integers(1, 2)), 1)
    extents = {dim: draw(small) for dim in dims}
    return conv("layer", extents, stride=step, dilation=spread)


@st.composite
def nests(draw: st.DrawFn, levels: int = 3) -> Nest:
    """A layer, cut and ordered at random; every operand is kept where it pleases, at its own place."""
    layer = draw(layers())
    spatial: dict[int, list[Item]] = {level: [] for level in range(levels)}
    temporal: dict[int, list[Item]] = {level: [] for level in range(levels)}
    for dim, extent in layer.dims:
        for bound in _factors(draw(st.integers(extent, extent + 1))):
            level, axis = draw(st.integers(0, levels - 1)), draw(st.sampled_from([None, None, "X", "Y"]))
            (temporal if axis is None else spatial)[level].append(Loop(dim, bound, level, axis))
    items: list[Item] = [Node(role, 0) for role in ROLES]
    for level in range(levels):
        kept = [Node(role, level) for role in ROLES if level and draw(st.booleans())]
        items += draw(st.permutations([*kept, *temporal[level]]))
        items += draw(st.permutations(spatial[level]))
    items = hoist(items, layer, draw)
    fanouts = {
        level: tuple(
            math.prod(loop.bound for loop in loops if isinstance(loop, Loop) and loop.axis == axis) for axis in "XY"
        )
        for level, loops in spatial.items()
    }
    hardware = plain_hardware(levels, {level: (x, y) for level, (x, y) in fanouts.items()})
    limited = [replace(level, shared_bits_per_cycle=Fraction(24), leak_energy=1) for level in hardware.levels]
    return Nest(layer, replace(hardware, levels=tuple(limited)), Mapping(tuple(items)))


def hoist(items: list[Item], layer: Layer, draw: st.DrawFn) -> list[Item]:
    """Move some nodes out, each as far as drawn.

    In front of the fan-out of an outer level a node moves above loops only that leave its tile where it is.
    """
    for node in [item for item in items if isinstance(item, Node) and item.level > 0]:
        place, dims = items.index(node), layer.operand(node.role).dims
        for _ in range(draw(st.sampled_from([0, 0, 0, 2, 9]))):
            above = items[place - 1]
            if isinstance(above, Node) and (above.role == node.role or above.level == 0):
                break
            fans = [item for item in items[place:] if isinstance(item, Loop) and item.axis is not None]
            ahead = any(fan.level < node.level and fan.bound > 1 for fan in fans)
            if isinstance(above, Loop) and above.axis is None and above.dim in dims and ahead:
                break
            items[place - 1 : place + 1] = [node, above]
            place -= 1
    return items


def _factors(number: int) -> list[int]:
    for factor in range(2, number + 1):
        if number % factor == 0:
            return [factor, *_factors(number // factor)]
    return []


def tile_words(operand: Operand, nest: Nest, position: int, indices: dict[int, int]) -> Words:
    """Words of the tile below item `position` when the loops at the given positions are at these trips.

    Loops of the fan-outs outside of a node's level tell its instances apart.
    """
    items = nest.mapping.items
    level = items[position].level if position < len(items) else len(nest.hardware.levels)
    low = dict.fromkeys(nest.layer.extents, 0)
    high = dict.fromkeys(nest.layer.extents, 0)
    for place, item in enumerate(items):
        if isinstance(item, Loop):
            deeper = [other for other in items[place + 1 :] if isinstance(other, Loop)]
            inside = math.prod(other.bound for other in deeper if other.dim == item.dim)
            low[item.dim] += indices.get(place, 0) * inside
            inner = place > position and (item.axis is None or item.level >= level)
            last = item.bound - 1 if inner else indices.get(place, 0)
            high[item.dim] += last * inside
    ranges = [
        range(sum(c * low[d] for d, c in axis.terms), sum(c * high[d] for d, c in axis.terms) + 1)
        for axis in operand.axes
    ]
    return frozenset(itertools.product(*ranges))


def tile_sequence(operand: Operand, nest: Nest, position: int) -> list[tuple[int, Words]]:
    """(position of the loop that advanced, tile) for every iteration of the temporal loops outside."""
    outside = [
        place
        for place, item in enumerate(nest.mapping.items[:position])
        if isinstance(item, Loop) and item.axis is None
    ]
    sequence, before = [], None
    for trips in itertools.product(*(range(nest.mapping.items[place].bound) for place in outside)):  # type: ignore[union-attr]
        indices = dict(zip(outside, trips, strict=True))
        advanced = next((place for place in outside if before and before[place] != indices[place]), -1)
        sequence.append((advanced, tile_words(operand, nest, position, indices)))
        before = indices
    return sequence


def naive_fetched(operand: Operand, nest: Nest, position: int, reuse: str) -> int:
    """Words fetched by one instance of the node at item `position`, tile after tile."""
    sequence = tile_sequence(operand, nest, position)
    running = [
        place
        for place, item in enumerate(nest.mapping.items[:position])
        if isinstance(item, Loop) and item.axis is None and item.bound > 1
    ]
    tile = sequence[0][1]
    words, last_shift = len(tile), None
    for advanced, following in sequence[1:]:
        shift = tuple(b - a for a, b in zip(min(tile), min(following), strict=True))
        if reuse == "innermost":
            slides = advanced == running[-1] and any(shift)
            words += len(following - tile) if slides else len(following)
        elif following != tile:
            fresh = last_shift in (None, shift)
            words += len(following - tile) if fresh else len(following)
            last_shift = shift if fresh else None
        tile = following
    return words


def naive_children(operand: Operand, nest: Nest, outer: int, inner: int) -> int:
    """Different tiles of the children that one instance of a level has, fan-out by fan-out, as sets of words."""
    total = 1
    for level in range(outer, inner):
        loops = {
            place: item.bound
            for place, item in enumerate(nest.mapping.items)
            if isinstance(item, Loop) and item.axis is not None and item.level == level
        }
        tiles = set()
        for trips in itertools.product(*(range(bound) for bound in loops.values())):
            indices = dict(zip(loops, trips, strict=True))
            tiles.add(tile_words(operand, nest, max(loops, default=0), indices))
        total *= len(tiles)
    return total
