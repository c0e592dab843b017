"""Random loop nests of a layer problem."""

from __future__ import annotations

import random

from formulations.nest import FanOutItem, Item, LoopItem, Nest, NodeItem
from formulations.nest_check import is_nest_of
from formulations.nest_cost import costed
from formulations.primes import factorize
from formulations.problem import LayerProblem
from formulations.spatial_vectors import spatial_vectors


def random_nest(problem: LayerProblem, rng: random.Random, tries: int = 200) -> Nest | None:
    """A nest with its costs; None if so many draws are not legal."""
    vectors = [spatial_vectors(problem, level) for level in range(len(problem.levels))]
    for _ in range(tries):
        left, fans = problem.extents, list[FanOutItem]()
        for level, rows in enumerate(vectors):
            fitting = rows[(left % rows == 0).all(axis=1)]
            factors = tuple(int(factor) for factor in fitting[rng.randrange(len(fitting))])
            left = tuple(e // f for e, f in zip(left, factors, strict=True))
            if max(factors) > 1:
                fans.append(FanOutItem(level, factors))
        items: list[Item] = [*fans]
        innermost = bool(fans) and fans[-1].level + 1 == len(problem.levels)
        for d, extent in enumerate(left):
            for prime, exponent in factorize(extent).items():
                for _ in range(exponent):
                    items.insert(rng.randint(0, len(items) - innermost), LoopItem(d, prime))
        tops: list[Item] = [NodeItem(tensor, int(pinned)) for tensor, pinned in enumerate(problem.pinned)]
        nest = Nest((*tops, *_joined(_with_nodes(problem, rng, items))), 0, 1)
        if is_nest_of(problem, nest):
            return costed(problem, nest.items)
    return None


def _with_nodes(problem: LayerProblem, rng: random.Random, items: list[Item]) -> list[Item]:
    """Nodes of kept tensors anywhere above the fan-out of their level, most of them below those further out."""
    keep = [rng.choice(level.keep_options) for level in problem.levels]
    for tensor in range(3):
        above = 0
        for level in range(1, len(problem.levels)):
            if not keep[level][tensor]:
                continue
            fans = [(place, item.level) for place, item in enumerate(items) if isinstance(item, FanOutItem)]
            last = min((place for place, fan in fans if fan >= level), default=len(items))
            first = max((place + 1 for place, fan in fans if fan < level), default=0)
            place = rng.randint(max(above, first if rng.random() < 0.7 else 0), last)
            items.insert(place, NodeItem(tensor, level))
            above = place + 1
    return items


def _joined(items: list[Item]) -> list[Item]:
    """Neighbouring loops over one dim are one loop."""
    found: list[Item] = []
    for item in items:
        last = found[-1] if found else None
        if isinstance(item, LoopItem) and isinstance(last, LoopItem) and last.dim == item.dim:
            found[-1] = LoopItem(item.dim, last.trips * item.trips)
        else:
            found.append(item)
    return found
