"""The declared space of one layer, written down a second time: every block, in plain Python, for tiny problems."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from formulations.problem import Hoist, I, LayerProblem, LayerSolution, LevelTiling

Pick = Callable[[list[Any]], Iterable[Any]]
Choices = Callable[[list[Hoist]], list[Any]]
Vector = tuple[int, ...]
Keep = tuple[tuple[bool, bool, bool], ...]


def divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]


def vectors(options: Iterable[list[int]]) -> list[Vector]:
    return list(itertools.product(*options))


def fits_mesh(problem: LayerProblem, level: int, vector: Vector) -> bool:
    spec = problem.levels[level]
    along_x = [
        [f for f in divisors(factor) if (spec.spatial_x[d] or f == 1) and (spec.spatial_y[d] or f == factor)]
        for d, factor in enumerate(vector)
    ]
    return any(
        math.prod(x) <= spec.fanout[0] and math.prod(vector) // math.prod(x) <= spec.fanout[1] for x in vectors(along_x)
    )


def passes(hoist: Hoist, level: int) -> bool:
    """May the hoisted node stand above loops of this block? (Rule 2.)"""
    return hoist.outer <= level < (hoist.outer + 1 if hoist.tensor == I else hoist.level)


def closing(problem: LayerProblem, hoist: Hoist | None, level: int, top: Vector, bottom: Vector) -> Vector:
    """Extents below all nodes of a block: its bottom, and the loops that a hoisted node passes."""
    if hoist is None or not passes(hoist, level):
        return bottom
    return tuple(
        t if lacking == hoist.tensor else b for t, b, lacking in zip(top, bottom, problem.irrelevant_to, strict=True)
    )


def node_tiles(
    problem: LayerProblem, order: Vector, top: Vector, bottom: Vector, tile: Vector, raised: bool
) -> list[Vector]:
    """Extents below every node, outermost first; `bottom` are those below all nodes. Is the first one hoisted?"""
    below = list(bottom)
    found = []
    for tensor in reversed(order):
        for d, lacking in enumerate(problem.irrelevant_to):
            if lacking == tensor:
                below[d] = top[d]
            elif tensor == I and problem.halo[d]:
                below[d] = max(below[d], tile[d])
        found.append(tuple(below))
    if raised:
        found[-1] = top
    return found[::-1]


def profiting(problem: LayerProblem, keep: Keep, hoist: Hoist | None, level: int) -> set[int]:
    """Tensors for whose sake a block may have loops: those kept there or at levels that its first node passes."""
    first = hoist.outer + 1 if hoist is not None and hoist.level == level else level
    return {tensor for n in range(first, level + 1) for tensor in range(3) if keep[n][tensor]}


def hoists(problem: LayerProblem, keep: Keep) -> list[Hoist]:
    """Every node that may be hoisted, and how far: rules 1 and 5."""
    found = []
    for tensor, level in itertools.product(range(3), range(1, len(keep))):
        for outer in range(level if keep[level][tensor] else 0):
            between = any(keep[n][tensor] for n in range(outer + 1, level))
            if not between and (tensor != I or outer == 0):
                found.append(Hoist(tensor, level, outer))
    return found


def orders_and_tiles(
    problem: LayerProblem, keep: Keep, hoist: Hoist | None, level: int, top: Vector, bottom: Vector, pick: Pick
) -> Iterator[tuple[Vector, Vector]]:
    halo = problem.halo
    kept = [t for t in range(3) if keep[level][t]]
    profit = profiting(problem, keep, hoist, level)  # rule 6
    passed = hoist.tensor if hoist is not None and passes(hoist, level) else -1
    for d, lacking in enumerate(problem.irrelevant_to):
        useful = lacking in profit or (halo[d] and I in profit) or (lacking == passed >= 0)
        if top[d] != bottom[d] and not useful:
            return
    orders = list(itertools.permutations(kept))
    if hoist is not None and hoist.level == level:  # rule 3
        orders = [order for order in orders if order[0] == hoist.tensor]
    if passed in kept:  # rule 4
        orders = [order for order in orders if order[-1] == passed]
    for order in pick(orders):
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
    problem: LayerProblem, keep: Keep, hoist: Hoist | None, level: int, top: Vector, pick: Pick
) -> Iterator[list[Block]]:
    spec = problem.levels[level]
    kept = [t for t in range(3) if keep[level][t]]
    last = level + 1 == len(problem.levels)
    between = hoist is not None and hoist.outer < level < hoist.level  # rule 2
    free = [not between or (passes(hoist, level) and lacking == hoist.tensor) for lacking in problem.irrelevant_to]
    for bottom in pick(vectors(divisors(t) if may else [t] for t, may in zip(top, free, strict=True))):
        if hoist is not None and hoist.outer == level and closing(problem, hoist, level, top, bottom) == bottom:
            continue  # no loops to stand above: the same as without the hoist
        forms: Iterable[tuple[Vector, Vector]] = [(tuple(kept), top)]
        if level:
            forms = orders_and_tiles(problem, keep, hoist, level, top, bottom, pick)
        for order, tile in forms:
            raised = hoist is not None and hoist.level == level
            tiles = node_tiles(problem, order, top, closing(problem, hoist, level, top, bottom), tile, raised)
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
                for rest in chains(problem, keep, hoist, level + 1, inner, pick):
                    yield [block, *rest]


class Runs:
    """Maximal series of temporal loops without a node or a fan-out in between, outermost first, as trips per dim."""

    def __init__(self, dims: int) -> None:
        self.trips: list[list[int]] = []
        self.seen: dict[int, int] = {}  # level -> innermost run outside of its input
        self._dims, self._open = dims, False

    def loops(self, outer: Vector, inner: Vector) -> None:
        """Loops between two extents."""
        if outer != inner:
            if not self._open:
                self.trips.append([1] * self._dims)
            self._open = True
            self.trips[-1] = [n * a // b for n, a, b in zip(self.trips[-1], outer, inner, strict=True)]

    def node(self, tensor: int, level: int) -> None:
        """A node below the loops so far."""
        self._open = False
        if tensor == I and level and self.trips:
            self.seen[level] = len(self.trips) - 1

    def part(self) -> None:
        """Loops below count as another run: those in the block of a node that is hoisted out of it.

        They cannot pay together with a window of the loops outside of the block: a loop without halo may as well close
        the block that the node is hoisted to, one with halo the last block before this one.
        """
        self._open = False

    def fan_out(self, spatial: Vector) -> None:
        """Spatial loops."""
        self._open = self._open and max(spatial) == 1


def runs_of(problem: LayerProblem, blocks: list[Block], hoist: Hoist | None) -> Runs:
    """The runs of a mapping, and which of them its input nodes see."""
    runs = Runs(len(problem.extents))
    for level, block in enumerate(blocks):
        outer = block.top
        inside = closing(problem, hoist, level, block.top, block.bottom)
        if level:
            raised = hoist is not None and hoist.level == level
            tiles = node_tiles(problem, block.order, block.top, inside, block.tile, raised)
            for tensor, tile in zip(block.order, tiles, strict=True):
                runs.loops(outer, tile)
                if hoist is None or (hoist.tensor, hoist.level) != (tensor, level):
                    runs.node(tensor, level)
                else:
                    runs.part()
                outer = tile
        runs.loops(outer, inside)
        if hoist is not None and hoist.outer == level:
            runs.node(hoist.tensor, hoist.level)
        runs.loops(inside, block.bottom)
        runs.fan_out(block.spatial)
    return runs


def windows(problem: LayerProblem, blocks: list[Block], hoist: Hoist | None, pick: Pick) -> Iterator[list[int]]:
    """The dim that moves the input innermost, per level: one choice per run of loops that some input node sees."""
    runs = runs_of(problem, blocks, hoist)
    movers = {
        run: [d for d, trips in enumerate(runs.trips[run]) if problem.halo[d] and trips > 1] or [-1]
        for run in set(runs.seen.values())
    }
    for combination in pick([dict(zip(movers, c, strict=True)) for c in itertools.product(*movers.values())]):
        yield [combination[runs.seen[level]] if level in runs.seen else -1 for level in range(len(blocks))]


def solutions(
    problem: LayerProblem,
    pick: Pick = iter,
    choices: Choices = lambda legal: [None, *legal],  # type: ignore[assignment]
) -> Iterator[LayerSolution]:
    """All mappings of the declared space (or those that `pick` selects from each list of options); costs are 0.

    `choices` selects from the legal hoists.
    """
    for keep in pick(list(itertools.product(*(level.keep_options for level in problem.levels)))):
        for hoist in pick(choices(hoists(problem, keep))):
            for blocks in chains(problem, keep, hoist, 0, problem.extents, pick):
                for chosen in windows(problem, blocks, hoist, pick):
                    yield LayerSolution(
                        tuple(
                            LevelTiling(b.order, b.top, b.bottom, b.tile, b.spatial, w)
                            for b, w in zip(blocks, chosen, strict=True)
                        ),
                        0,
                        0,
                        hoist,
                    )


def random_solution(
    problem: LayerProblem, rng: random.Random, tries: int = 2000, choices: Choices = lambda legal: [None, *legal]
) -> LayerSolution | None:
    """A random mapping of the space, or None if none was met."""

    def pick(options: list[Any]) -> list[Any]:
        return [rng.choice(options)] if options else []

    for _ in range(tries):
        for solution in solutions(problem, pick, choices):
            return solution
    return None
