"""Where the nodes of a loop nest stand: the extents inside of a place, and how far out a node keeps its tile."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from formulations.nest import FanOutItem, Item, LoopItem, NodeItem
from formulations.problem import LayerProblem


def extents_of(problem: LayerProblem, items: Sequence[Item], outer: int = 0) -> list[int]:
    """The product of the factors of items per dim, but for fan-outs of levels outside of one."""
    extents = [1] * len(problem.extents)
    for item in items:
        if isinstance(item, LoopItem):
            extents[item.dim] *= item.trips
        elif isinstance(item, FanOutItem) and item.level >= outer:
            extents = [e * f for e, f in zip(extents, item.factors, strict=True)]
    return extents


def raised(problem: LayerProblem, items: Sequence[Item]) -> tuple[Item, ...]:
    """A nest with every node above the loops and fan-outs outside of it that do not move it: its tile stays there.

    Neighbouring loops over a dim are one then, but for dims along which the input has a window or a stride.
    """
    found: list[Item] = []
    for item in items:
        place = best = len(found)
        if isinstance(item, NodeItem):
            while place > 0 and _passes(problem, item, found[place - 1]):
                place -= 1
                if isinstance(found[place], LoopItem):
                    best = place
        found.insert(best, item)
    return tuple(_joined(problem, found))


def _joined(problem: LayerProblem, items: Sequence[Item]) -> Iterator[Item]:
    """The items with neighbouring loops over a dim as one, where no tile slides along it."""
    for dim, group in itertools.groupby(items, key=lambda item: item.dim if isinstance(item, LoopItem) else None):
        if dim is None or problem.halo[dim]:
            yield from group
        else:
            yield LoopItem(dim, math.prod(item.trips for item in group if isinstance(item, LoopItem)))


def _passes(problem: LayerProblem, node: NodeItem, other: Item) -> bool:
    """May a node move above what stands right outside of it?"""
    if isinstance(other, NodeItem):
        return other.tensor != node.tensor
    return isinstance(other, FanOutItem) or problem.irrelevant_to[other.dim] == node.tensor
