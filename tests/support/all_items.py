"""Every loop nest of a tiny layer problem, by exhaustion."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from formulations.nest import FanOutItem, Item, LoopItem, Nest, NodeItem
from formulations.nest_check import is_nest_of
from formulations.nest_cost import costed
from formulations.problem import LayerProblem
from formulations.spread import spreads

Vector = tuple[int, ...]


def divisors(number: int) -> list[int]:
    """All of them, the least first."""
    return [d for d in range(1, number + 1) if number % d == 0]


def every_nest(problem: LayerProblem, most: int) -> list[Nest] | None:
    """All nests with their costs; None if there are more than so many sequences to look at.

    Of nodes next to one another, which cost the same in every order, one order is looked at.
    """
    tops: list[Item] = [NodeItem(tensor, int(pinned)) for tensor, pinned in enumerate(problem.pinned)]
    keeps = itertools.product(*(level.keep_options for level in problem.levels[1:]))
    nodes = ([NodeItem(t, n) for t in range(3) for n, row in enumerate(keep, 1) if row[t]] for keep in keeps)
    sequences = itertools.chain.from_iterable(_sequences(problem, tops, some, problem.extents) for some in nodes)
    looked = list(itertools.islice(sequences, most + 1))
    if len(looked) > most:
        return None
    nests = (Nest(tuple(items), 0, 1) for items in looked)
    return [costed(problem, nest.items) for nest in nests if is_nest_of(problem, nest)]


def _sequences(problem: LayerProblem, items: list[Item], nodes: list[NodeItem], rest: Vector) -> Iterator[list[Item]]:
    """All orders of these nodes, and of loops and fan-outs over what is left of the extents, from here on inwards."""
    if math.prod(rest) == 1 and not nodes:
        yield items
        return
    last, fan = items[-1], max((item.level for item in items if isinstance(item, FanOutItem)), default=-1)
    for node in nodes:
        first = all(node.level <= other.level for other in nodes if other.tensor == node.tensor)
        if first and (not isinstance(last, NodeItem) or len(items) == 3 or last.tensor <= node.tensor):
            others = [other for other in nodes if other != node]
            yield from _sequences(problem, [*items, node], others, rest)
    for d, extent in enumerate(rest) if fan + 1 < len(problem.levels) else ():
        if not (isinstance(last, LoopItem) and last.dim == d):
            for trips in divisors(extent)[1:]:
                inner = (*rest[:d], extent // trips, *rest[d + 1 :])
                yield from _sequences(problem, [*items, LoopItem(d, trips)], nodes, inner)
    for level in range(fan + 1, min((node.level for node in nodes), default=len(problem.levels))):
        if math.prod(problem.levels[level].fanout) > 1 and not any(_is_moved(problem, items, n, level) for n in items):
            for factors in itertools.product(*map(divisors, rest)):
                if math.prod(factors) > 1 and spreads(problem, level, factors):
                    inner = tuple(e // f for e, f in zip(rest, factors, strict=True))
                    yield from _sequences(problem, [*items, FanOutItem(level, factors)], nodes, inner)


def _is_moved(problem: LayerProblem, items: list[Item], node: Item, level: int) -> bool:
    """Does a loop move the tile of a node of a level inside of this one?"""
    if not isinstance(node, NodeItem) or node.level <= level:
        return False
    inside = items[items.index(node) :]
    return any(isinstance(item, LoopItem) and problem.irrelevant_to[item.dim] != node.tensor for item in inside)
