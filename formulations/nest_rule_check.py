"""Does a loop nest keep the rules of its problem? Asked of what is read from files."""

from __future__ import annotations

import math

from formulations.nest import FanOutItem, LoopItem, Nest, NodeItem
from formulations.nest_places import extents_of
from formulations.nest_rules import NO_RULES, Order, Stationary, Tile
from formulations.problem import LayerProblem


def keeps_rules(problem: LayerProblem, nest: Nest) -> bool:
    """Does a nest keep all rules of its problem?"""
    rules = problem.rules
    if rules == NO_RULES:
        return True
    fans = {item.level: item.factors for item in nest.items if isinstance(item, FanOutItem)}
    alone = (1,) * len(problem.extents)
    used = math.prod(math.prod(factors) for factors in fans.values())
    return (
        used >= rules.least_used
        and all(rule.allowed.hold(fans.get(rule.level, alone)[rule.dim]) for rule in rules.spatial)
        and all(rule.allowed.hold(_trips(nest, rule.level, rule.dim)) for rule in rules.temporal)
        and all(_fits(problem, nest, rule) for rule in rules.tiles)
        and all(_is_ordered(nest, rule) for rule in rules.orders)
        and all(_stays(problem, nest, rule) for rule in rules.stationary)
    )


def _around(nest: Nest, level: int) -> list[LoopItem]:
    """The loops around a level."""
    fans = [(n, i.level) for n, i in enumerate(nest.items) if isinstance(i, FanOutItem) and math.prod(i.factors) > 1]
    first = max((n for n, fan in fans if fan < level), default=-1)
    last = min((n for n, fan in fans if fan >= level), default=len(nest.items))
    return [item for item in nest.items[first + 1 : last] if isinstance(item, LoopItem) and item.trips > 1]


def _trips(nest: Nest, level: int, dim: int) -> int:
    return math.prod(loop.trips for loop in _around(nest, level) if loop.dim == dim)


def _fits(problem: LayerProblem, nest: Nest, rule: Tile) -> bool:
    """Is a tile of a size that is allowed?"""
    for place, item in enumerate(nest.items):
        if not isinstance(item, NodeItem) or (item.tensor, item.level) != (rule.tensor, rule.level):
            continue
        tile = extents_of(problem, nest.items[place + 1 :], rule.level)
        size = problem.footprint(rule.tensor, tuple(tile)) if rule.dim is None else tile[rule.dim]
        return rule.allowed.hold(size)
    return True


def _is_ordered(nest: Nest, rule: Order) -> bool:
    """Do the loops around a level stand in the order of the rule?"""
    places = [rule.dims.index(loop.dim) for loop in _around(nest, rule.level) if loop.dim in rule.dims]
    return places == sorted(places)


def _stays(problem: LayerProblem, nest: Nest, rule: Stationary) -> bool:
    """Does every tile of the tensor come in once?"""
    turned = False
    for item in nest.items:
        if item == NodeItem(rule.tensor, rule.level):
            return True
        if isinstance(item, LoopItem) and item.trips > 1:
            lacks = problem.irrelevant_to[item.dim] == rule.tensor
            if turned and not lacks:
                return False
            turned = turned or lacks
    return False
