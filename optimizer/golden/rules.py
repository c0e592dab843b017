"""Mapping rules of a layer, read off a loop nest by the reference model."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from optimizer.architecture.hardware import Hardware
from optimizer.golden.tiles import kept_extents
from optimizer.mapping.mapping import Loop, Mapping, Node
from optimizer.workload.layer import Layer
from optimizer.workload.mapping_rules import (
    FactorRule,
    KeepRule,
    MappingRule,
    OrderRule,
    StationaryRule,
    TileRule,
    UnrollRule,
    UtilizationRule,
)


def broken_rules(layer: Layer, hardware: Hardware, mapping: Mapping) -> Iterator[str]:
    """A sentence for every rule that a sound nest breaks."""
    names = [level.name for level in hardware.levels]
    for rule in layer.rules:
        level = -1 if isinstance(rule, UtilizationRule) else names.index(rule.level)
        if not _holds(rule, level, layer, hardware, mapping):
            yield f"the rule {rule.title} is broken"


def _holds(rule: MappingRule, level: int, layer: Layer, hardware: Hardware, mapping: Mapping) -> bool:
    loops = [loop for loop in mapping.loops if loop.bound > 1]
    spatial = [loop for loop in loops if loop.axis is not None]
    node = next((n for n, item in enumerate(mapping.items) if item == _node(rule, level)), None)
    if isinstance(rule, UtilizationRule):
        return math.prod(loop.bound for loop in spatial) >= rule.least * math.prod(hardware.mac_mesh)
    if isinstance(rule, KeepRule):
        return all((level == 0 or level in mapping.keepers(role)) == rule.kept for role in rule.tensors)
    if isinstance(rule, UnrollRule):
        below = [loop for loop in spatial if loop.level == level and rule.axis in (None, loop.axis)]
        return {loop.dim for loop in below} <= set(rule.dims)
    if isinstance(rule, FactorRule):
        counted = [loop for loop in spatial if loop.level == level] if rule.spatial else _region(loops, level)
        trips = math.prod(loop.bound for loop in counted if loop.dim == rule.dim)
        return rule.numbers.hold(trips)
    if isinstance(rule, OrderRule):
        places = [rule.dims.index(loop.dim) for loop in _region(loops, level) if loop.dim in rule.dims]
        return all(a <= b for a, b in itertools.pairwise(places))
    if node is None:
        return isinstance(rule, TileRule)
    operand = layer.operand(rule.tensor)
    if isinstance(rule, TileRule):
        tile = kept_extents(mapping, node, layer.extents)
        return rule.numbers.hold(operand.footprint(tile) if rule.dim is None else tile[rule.dim])
    above = [loop.dim in operand.dims for loop in mapping.items[:node] if _is_trip(loop)]  # type: ignore[union-attr]
    return above == sorted(above, reverse=True)


def _node(rule: MappingRule, level: int) -> Node | None:
    return Node(rule.tensor, level) if isinstance(rule, TileRule | StationaryRule) else None


def _is_trip(item: object) -> bool:
    """Is an item a temporal loop that moves on?"""
    return isinstance(item, Loop) and item.axis is None and item.bound > 1


def _region(loops: list[Loop], level: int) -> list[Loop]:
    """Temporal loops inside of the fan-outs outside of a level, and outside of its own and of deeper ones."""
    outer = [n for n, loop in enumerate(loops) if loop.axis is not None and loop.level < level]
    inner = [n for n, loop in enumerate(loops) if loop.axis is not None and loop.level >= level]
    found = loops[max(outer, default=-1) + 1 : min(inner, default=len(loops))]
    return [loop for loop in found if loop.axis is None]
