"""Is a loop nest one of a layer problem? Asked of what is read from files."""

from __future__ import annotations

import math

from formulations.nest import FanOutItem, LoopItem, Nest, NodeItem
from formulations.nest_places import extents_of
from formulations.nest_rule_check import keeps_rules
from formulations.problem import LayerProblem
from formulations.spread import spreads


def is_nest_of(problem: LayerProblem, nest: Nest) -> bool:
    """Do its extents, nodes, fan-outs and capacities fit a problem? What it costs is not asked."""
    if nest.energy < 0 or nest.latency <= 0 or not _in_range(problem, nest):
        return False
    extents = tuple(extents_of(problem, nest.items))
    sound = extents == problem.extents and _in_order(problem, nest) and _has_room(problem, nest)
    return sound and keeps_rules(problem, nest)


def _in_range(problem: LayerProblem, nest: Nest) -> bool:
    """Are all numbers those of dims, tensors and levels that there are, with factors that fan-outs have room for?"""
    dims, levels, most = range(len(problem.extents)), range(len(problem.levels)), math.prod(problem.extents)
    for item in nest.items:
        if isinstance(item, NodeItem):
            good = item.tensor in range(3) and item.level in levels
        elif isinstance(item, LoopItem):
            good = item.dim in dims and 0 < item.trips <= most
        else:
            good = item.level in levels and len(item.factors) == len(dims)
            good = (
                good
                and all(0 < factor <= most for factor in item.factors)
                and spreads(problem, item.level, item.factors)
            )
        if not good:
            return False
    return True


def _in_order(problem: LayerProblem, nest: Nest) -> bool:
    """Do a tensor's nodes and the fan-outs go inwards, nodes above the fan-outs of their level and of those inside; are
    the tensors kept as the levels ask? No loop is inside of all levels. Fan-outs that are not used have no place.
    """
    fans = [item.level for item in nest.items if isinstance(item, FanOutItem)]
    if fans != sorted(set(fans)):
        return False
    kept = [[False] * 3 for _ in problem.levels]
    passed = -1
    last = [-1] * 3
    for item in nest.items:
        if isinstance(item, FanOutItem):
            passed = item.level if _is_used(item) else passed
        elif isinstance(item, NodeItem):
            if item.level <= max(passed, last[item.tensor]):
                return False
            last[item.tensor] = item.level
            kept[item.level][item.tensor] = True
        elif passed + 1 == len(problem.levels) and item.trips > 1:
            return False
    if not all(_stays(problem, nest, place) for place in range(len(nest.items))):
        return False
    tops = [list(level) for level in kept]
    for tensor, pinned in enumerate(problem.pinned):
        if not kept[int(pinned)][tensor]:
            return False
        tops[0][tensor] = True
        if pinned:
            tops[1][tensor] = False
    return all(tuple(row) in level.keep_options for row, level in zip(tops, problem.levels, strict=True))


def _stays(problem: LayerProblem, nest: Nest, place: int) -> bool:
    """Do no loops move a node's tile that stand above fan-outs of levels further out?"""
    node = nest.items[place]
    if not isinstance(node, NodeItem):
        return True
    inside = list(enumerate(nest.items))[place + 1 :]
    passed = [n for n, item in inside if isinstance(item, FanOutItem) and item.level < node.level and _is_used(item)]
    above = nest.items[place + 1 : max(passed, default=place)]
    return all(
        problem.irrelevant_to[item.dim] == node.tensor or item.trips == 1
        for item in above
        if isinstance(item, LoopItem)
    )


def _is_used(item: FanOutItem) -> bool:
    return any(factor > 1 for factor in item.factors)


def _has_room(problem: LayerProblem, nest: Nest) -> bool:
    """Do all tiles fit their levels?"""
    for number, level in enumerate(problem.levels):
        if number and level.capacity_bits is not None and nest_bits(problem, nest, number) > level.capacity_bits:
            return False
    return True


def nest_bits(problem: LayerProblem, nest: Nest, level: int) -> int:
    """Bits of all tiles that an instance of a level holds, but for tensors that it holds as a whole from outside."""
    total = 0
    for place, node in enumerate(nest.items):
        if not isinstance(node, NodeItem) or node.level != level or (problem.pinned[node.tensor] and level == 1):
            continue
        tile = tuple(extents_of(problem, nest.items[place + 1 :], level))
        total += problem.footprint(node.tensor, tile) * problem.bits[node.tensor]
    return total
