"""Every loop nest of a tiny layer problem, by exhaustion."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from formulations.nest import FanOutItem, Item, LoopItem, Nest, NodeItem
from formulations.nest_check import is_nest_of
from formulations.nest_cost import costed
from formulations.primes import factorize
from formulations.problem import LayerProblem

Prime = tuple[int, int]
"""A dim and a prime of its extent."""


def every_nest(problem: LayerProblem, most: int) -> list[Nest] | None:
    """All nests with their costs; None if there are more than so many sequences to look at."""
    found, looked = [], 0
    tops: list[Item] = [NodeItem(tensor, int(pinned)) for tensor, pinned in enumerate(problem.pinned)]
    for items in _multisets(problem):
        looked += math.factorial(len(items))
        if looked > most:
            return None
        for order in set(itertools.permutations(items)):
            nest = Nest((*tops, *_joined(order)), 0, 1)
            if is_nest_of(problem, nest):
                found.append(costed(problem, nest.items))
    return found


def _multisets(problem: LayerProblem) -> Iterator[list[Item]]:
    """The items of nests: nodes inside of the outermost level, a loop or a place in a fan-out for every prime."""
    primes = [(d, p) for d, e in enumerate(problem.extents) for p, n in factorize(e).items() for _ in range(n)]
    fans = [n for n, level in enumerate(problem.levels) if math.prod(level.fanout) > 1]
    for keep in itertools.product(*(level.keep_options for level in problem.levels[1:])):
        nodes: list[Item] = [NodeItem(t, n) for n, row in enumerate(keep, 1) for t in range(3) if row[t]]
        for places in set(itertools.product([None, *fans], repeat=len(primes))):
            loops: list[Item] = [LoopItem(d, p) for (d, p), place in zip(primes, places, strict=True) if place is None]
            yield [*nodes, *loops, *_fan_outs(problem, primes, places)]


def _fan_outs(problem: LayerProblem, primes: list[Prime], places: tuple[int | None, ...]) -> Iterator[FanOutItem]:
    for level in sorted({place for place in places if place is not None}):
        factors = [1] * len(problem.extents)
        for (d, p), place in zip(primes, places, strict=True):
            factors[d] *= p if place == level else 1
        yield FanOutItem(level, tuple(factors))


def _joined(items: tuple[Item, ...]) -> Iterator[Item]:
    """Neighbouring loops over one dim are one loop."""
    for dim, group in itertools.groupby(items, key=lambda item: item.dim if isinstance(item, LoopItem) else -1):
        if dim < 0:
            yield from group
        else:
            yield LoopItem(dim, math.prod(item.trips for item in group if isinstance(item, LoopItem)))
