"""Random mappings of the declared space, quickly: every draw keeps fan-outs and, where it can, capacities."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

from formulations.layer.node_tiles import node_extents
from formulations.primes import factorize
from formulations.problem import Hoist, I, LayerProblem, LayerSolution, LevelTiling
from formulations.spatial_vectors import spatial_vectors
from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting
from optimizer.mapping.mapping import Item, Loop, Mapping
from optimizer.pricing.lowering import lift, lower
from optimizer.workload.layer import Layer

Vector = tuple[int, ...]
Keep = tuple[tuple[bool, bool, bool], ...]


class MappingSampler:
    """Draws mappings of one layer on one hardware point.

    First the tensors kept at every level and the hoisted node, if any. Then level by level from the inside: a
    vector of spatial factors that fit the fan-out and divide what is left, an order of the nodes, and loops added
    prime by prime in random order where the tiles still fit; in half of the blocks until nothing more fits. At
    last the loops between two nodes of a level are put in random order.
    """

    def __init__(self, layer: Layer, hardware: Hardware, accounting: Accounting, rng: random.Random) -> None:
        self._layer, self._rng = layer, rng
        self._problem = lower(layer, hardware, accounting=accounting)
        self._vectors = [spatial_vectors(self._problem, level) for level in range(len(self._problem.levels))]

    def draw(self) -> Mapping | None:
        """A mapping, or None where a level cannot hold the tiles of the levels inside of it."""
        problem, rng = self._problem, self._rng
        keep = tuple(rng.choice(level.keep_options) for level in problem.levels)
        hoist = rng.choice([None, *_hoists(problem, keep)])
        below: Vector = (1,) * len(problem.extents)
        blocks: list[LevelTiling] = []
        for level in reversed(range(len(problem.levels))):
            block = self._block(level, keep, hoist, below)
            if not _fits(problem, level, block, hoist):
                return None
            if level and (hoist is None or not hoist.outer < level < hoist.level):
                block = self._grown(level, block, hoist)
            blocks.insert(0, block)
            below = block.top
        mapping = lift(self._layer, problem, LayerSolution(tuple(blocks), 0, 0, hoist))
        return Mapping(tuple(self._shuffled(mapping.items)))

    def _block(self, level: int, keep: Keep, hoist: Hoist | None, below: Vector) -> LevelTiling:
        """A block without loops of its own, but for level 0, which takes all that are left."""
        extents, vectors = self._problem.extents, self._vectors[level]
        left = [extent // inner for extent, inner in zip(extents, below, strict=True)]
        fitting = vectors[(left % vectors == 0).all(axis=1)]
        spatial = tuple(int(factor) for factor in fitting[self._rng.randrange(len(fitting))])
        bottom = tuple(inner * factor for inner, factor in zip(below, spatial, strict=True))
        top = bottom if level else extents
        return LevelTiling(self._order(level, keep, hoist), top, bottom, top, spatial)

    def _order(self, level: int, keep: Keep, hoist: Hoist | None) -> Vector:
        """A random order of the nodes: a hoisted one comes first, and last in the block that it is hoisted to."""
        order = [tensor for tensor in range(3) if keep[level][tensor]]
        if level == 0:
            return tuple(order)
        self._rng.shuffle(order)
        if hoist is not None and level == hoist.level:
            order.sort(key=lambda tensor: tensor != hoist.tensor)
        if hoist is not None and level == hoist.outer:
            order.sort(key=lambda tensor: tensor == hoist.tensor)
        return tuple(order)

    def _grown(self, level: int, block: LevelTiling, hoist: Hoist | None) -> LevelTiling:
        problem, rng = self._problem, self._rng
        passed = hoist.tensor if hoist is not None and hoist.outer == level else -1
        steps = [
            (d, prime)
            for d, (extent, inner) in enumerate(zip(problem.extents, block.bottom, strict=True))
            if _may_loop(problem, block.order, passed, d)
            for prime, exponent in factorize(extent // inner).items()
            for _ in range(exponent)
        ]
        rng.shuffle(steps)
        if rng.random() < 0.5:
            steps = steps[: rng.randrange(len(steps) + 1)]
        for d, prime in steps:
            top, tile = _times(block.top, d, prime), block.input_tile
            if not _tile_is_free(problem, block.order, d) or rng.random() < 0.5:
                tile = _times(tile, d, prime)
            larger = replace(block, top=top, input_tile=tile)
            if _fits(problem, level, larger, hoist):
                block = larger
        return block

    def _shuffled(self, items: tuple[Item, ...]) -> list[Item]:
        """The same nest with the temporal loops of a level that follow each other in random order."""
        result: list[Item] = []
        for (temporal, _), run in itertools.groupby(items, key=lambda item: (_is_temporal(item), item.level)):
            loops = list(run)
            if temporal:
                self._rng.shuffle(loops)
            result += loops
        return result


def _is_temporal(item: Item) -> bool:
    return isinstance(item, Loop) and item.axis is None


def _times(vector: Vector, place: int, factor: int) -> Vector:
    return (*vector[:place], vector[place] * factor, *vector[place + 1 :])


def _hoists(problem: LayerProblem, keep: Keep) -> Iterator[Hoist]:
    """Every node that may be hoisted, and how far (rules 1 and 5 of :class:`Hoist`)."""
    for tensor in set(problem.irrelevant_to) - {-1}:
        keepers = [level for level, kept in enumerate(keep) if kept[tensor]]
        for outside, level in itertools.pairwise(keepers):
            for outer in range(outside, level):
                if tensor != I or outer == 0:
                    yield Hoist(tensor, level, outer)


def _may_loop(problem: LayerProblem, order: Vector, passed: int, dim: int) -> bool:
    """Does any tensor kept here, or the one that is hoisted to here, profit from a loop over the dim?"""
    lacking = problem.irrelevant_to[dim]
    return lacking in order or (problem.halo[dim] and I in order) or lacking == passed >= 0


def _tile_is_free(problem: LayerProblem, order: Vector, dim: int) -> bool:
    """May loops over the dim stand on either side of the input's node?"""
    lacking = problem.irrelevant_to[dim]
    return problem.halo[dim] and I in order and lacking in order[: order.index(I)]


def _fits(problem: LayerProblem, level: int, block: LevelTiling, hoist: Hoist | None) -> bool:
    capacity = problem.levels[level].capacity_bits
    if level == 0 or capacity is None:
        return True
    alone = LayerSolution((block,) * (level + 1), 0, 0, hoist)  # tiles depend on their own block only
    tiles = zip(block.order, node_extents(problem, alone, level), strict=True)
    return sum(problem.footprint(tensor, tile) * problem.bits[tensor] for tensor, tile in tiles) <= capacity
