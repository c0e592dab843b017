"""The declared space of one layer, written down a second time: every block, in plain Python, for tiny problems."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from formulations.problem import I, LayerSolution, LevelTiling, Problem

Pick = Callable[[list[Any]], Iterable[Any]]
Vector = tuple[int, ...]


def divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]


def vectors(options: Iterable[list[int]]) -> list[Vector]:
    return list(itertools.product(*options))


def fits_mesh(problem: Problem, level: int, vector: Vector) -> bool:
    spec = problem.levels[level]
    along_x = [
        [f for f in divisors(factor) if (spec.spatial_x[d] or f == 1) and (spec.spatial_y[d] or f == factor)]
        for d, factor in enumerate(vector)
    ]
    return any(
        math.prod(x) <= spec.fanout[0] and math.prod(vector) // math.prod(x) <= spec.fanout[1]
        for x in vectors(along_x)
    )  # fmt: skip


def node_tiles(problem: Problem, order: Vector, top: Vector, bottom: Vector, tile: Vector) -> list[Vector]:
    """Extents below every node, outermost first."""
    below = list(bottom)
    found = []
    for tensor in reversed(order):
        for d, lacking in enumerate(problem.irrelevant_to):
            if lacking == tensor:
                below[d] = top[d]
            elif tensor == I and problem.halo[d]:
                below[d] = max(below[d], tile[d])
        found.append(tuple(below))
    return found[::-1]


def orders_and_tiles(
    problem: Problem, kept: list[int], top: Vector, bottom: Vector, pick: Pick
) -> Iterator[tuple[Vector, Vector]]:
    halo = problem.halo
    for d, lacking in enumerate(problem.irrelevant_to):
        if top[d] != bottom[d] and lacking not in kept and not (halo[d] and I in kept):
            return
    for order in pick(list(itertools.permutations(kept))):
        choices = []
        for d, lacking in enumerate(problem.irrelevant_to):
            free = halo[d] and I in order and lacking in order[: order.index(I)]
            choices.append([bottom[d] * f for f in divisors(top[d] // bottom[d])] if free else [top[d]])
        for tile in pick(vectors(choices)):
            yield order, tile


@dataclass
class Block:
    order: Vector
    top: Vector
    bottom: Vector
    tile: Vector
    spatial: Vector


def chains(
    problem: Problem, keep: tuple[tuple[bool, bool, bool], ...], level: int, top: Vector, pick: Pick
) -> Iterator[list[Block]]:
    spec = problem.levels[level]
    kept = [t for t in range(3) if keep[level][t]]
    last = level + 1 == len(problem.levels)
    for bottom in pick(vectors(divisors(t) for t in top)):
        forms = [(tuple(kept), top)] if level == 0 else list(orders_and_tiles(problem, kept, top, bottom, pick))
        for order, tile in forms:
            tiles = node_tiles(problem, order, top, bottom, tile)
            words = sum(problem.footprint(t, tiles[n]) * problem.bits[t] for n, t in enumerate(order))
            if level and spec.capacity_bits is not None and words > spec.capacity_bits:
                continue
            fans = [bottom] if last else vectors(divisors(b) for b in bottom)
            for spatial in pick([v for v in fans if fits_mesh(problem, level, v)]):
                block = Block(order, top, bottom, tile, spatial)
                if last:
                    yield [block]
                    continue
                inner = tuple(b // s for b, s in zip(bottom, spatial, strict=True))
                for rest in chains(problem, keep, level + 1, inner, pick):
                    yield [block, *rest]


def windows(problem: Problem, blocks: list[Block], pick: Pick) -> Iterator[list[int]]:
    """The dim that moves the input innermost, per level: one choice per run of loops that some input node sees."""
    runs: list[Vector] = []  # trips per dim, outermost first
    seen: dict[int, int] = {}  # level -> run
    for level, block in enumerate(blocks):
        cuts = [block.top]
        tiles = node_tiles(problem, block.order, block.top, block.bottom, block.tile)
        for tensor, tile in zip(block.order, tiles, strict=True):
            if level == 0:
                continue
            runs.append(tuple(a // b for a, b in zip(cuts[-1], tile, strict=True)))
            if tensor == I:
                full = [n for n, trips in enumerate(runs) if max(trips, default=1) > 1]
                if full:
                    seen[level] = full[-1]
            cuts.append(tile)
        runs.append(tuple(a // b for a, b in zip(cuts[-1], block.bottom, strict=True)))
    movers = {
        run: [d for d, trips in enumerate(runs[run]) if problem.halo[d] and trips > 1] or [-1]
        for run in set(seen.values())
    }
    for combination in pick([dict(zip(movers, c, strict=True)) for c in itertools.product(*movers.values())]):
        yield [combination[seen[level]] if level in seen else -1 for level in range(len(blocks))]


def solutions(problem: Problem, pick: Pick = iter) -> Iterator[LayerSolution]:  # type: ignore[assignment]
    """All mappings of the declared space (or those that `pick` selects from each list of options); costs are 0."""
    for keep in pick(list(itertools.product(*(level.keep_options for level in problem.levels)))):
        for blocks in chains(problem, keep, 0, problem.extents, pick):
            for chosen in windows(problem, blocks, pick):
                yield LayerSolution(
                    tuple(
                        LevelTiling(b.order, b.top, b.bottom, b.tile, b.spatial, w)
                        for b, w in zip(blocks, chosen, strict=True)
                    ), 0, 0,
                )  # fmt: skip


def random_solution(problem: Problem, rng: random.Random, tries: int = 2000) -> LayerSolution | None:
    """A random mapping of the space, or None if none was met."""

    def pick(options: list[Any]) -> list[Any]:
        return [rng.choice(options)] if options else []

    for _ in range(tries):
        for solution in solutions(problem, pick):
            return solution
    return None
