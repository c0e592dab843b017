"""Random mappings of the declared space, quickly: every draw keeps fan-outs and, where it can, capacities."""

from __future__ import annotations

import random
from collections.abc import Iterable

from formulations.nest import FanOutItem, Item, LoopItem, Nest, NodeItem
from formulations.nest_check import nest_bits
from formulations.primes import factorize
from formulations.spatial_vectors import spatial_vectors
from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting
from optimizer.mapping.mapping import Mapping
from optimizer.pricing.lowering import lift, lower
from optimizer.workload.layer import Layer

Vector = tuple[int, ...]


class MappingSampler:
    """Draws mappings of one layer on one hardware point.

    First the tensors kept at every level. Then level by level from the inside: a vector of spatial factors that fit the
    fan-out and divide what is left, the nodes in random order, and loops added prime by prime at random places between
    them where the tiles still fit; in half of the levels until nothing more fits. The outermost level takes what is
    left, in random order.
    """

    def __init__(self, layer: Layer, hardware: Hardware, accounting: Accounting, rng: random.Random) -> None:
        self._layer, self._rng = layer, rng
        self._problem = lower(layer, hardware, accounting=accounting)
        self._vectors = [spatial_vectors(self._problem, level) for level in range(len(self._problem.levels))]

    def draw(self) -> Mapping | None:
        """A mapping, or None where a level cannot hold the tiles of the levels inside of it."""
        items: list[Item] = []
        left = self._problem.extents
        for level in reversed(range(len(self._problem.levels))):
            fan_out = FanOutItem(level, self._spread(level, left))
            left = _divided(left, fan_out.factors)
            block = [NodeItem(tensor, level) for tensor in self._kept(level)]
            items = [*block, fan_out, *items]
            if not self._has_room(level, items):
                return None
            if level:
                left, items = self._grown(level, items, left)
            else:
                items = [*block, *self._loops(left), *items[len(block) :]]
        return lift(self._layer, self._problem, Nest(tuple(items), 0, 0))

    def _kept(self, level: int) -> list[int]:
        option = self._rng.choice(self._problem.levels[level].keep_options)
        kept = [tensor for tensor in range(3) if option[tensor]]
        if level:
            self._rng.shuffle(kept)
        return kept

    def _spread(self, level: int, left: Vector) -> Vector:
        """Factors of the fan-out of a level that divide what is left."""
        vectors = self._vectors[level]
        fitting = vectors[(left % vectors == 0).all(axis=1)]
        return tuple(int(factor) for factor in fitting[self._rng.randrange(len(fitting))])

    def _loops(self, extents: Iterable[int]) -> list[Item]:
        loops: list[Item] = [LoopItem(dim, trips) for dim, trips in enumerate(extents) if trips > 1]
        self._rng.shuffle(loops)
        return loops

    def _grown(self, level: int, items: list[Item], left: Vector) -> tuple[Vector, list[Item]]:
        """More loops below the first node of a level and above its fan-out, while all tiles fit."""
        rng = self._rng
        steps = [
            (dim, prime)
            for dim, extent in enumerate(left)
            for prime, exponent in factorize(extent).items()
            for _ in range(exponent)
        ]
        rng.shuffle(steps)
        if rng.random() < 0.5:
            steps = steps[: rng.randrange(len(steps) + 1)]
        for dim, prime in steps if isinstance(items[0], NodeItem) else ():
            fan_out = next(place for place, item in enumerate(items) if isinstance(item, FanOutItem))
            place = rng.randint(1, fan_out)
            larger = [*items[:place], LoopItem(dim, prime), *items[place:]]
            if self._has_room(level, larger):
                items = larger
                left = tuple(n // prime if d == dim else n for d, n in enumerate(left))
        return left, items

    def _has_room(self, level: int, items: list[Item]) -> bool:
        capacity = self._problem.levels[level].capacity_bits
        nest = Nest(tuple(items), 0, 0)
        return level == 0 or capacity is None or nest_bits(self._problem, nest, level) <= capacity


def _divided(extents: Vector, factors: Vector) -> Vector:
    return tuple(extent // factor for extent, factor in zip(extents, factors, strict=True))
