"""Where the nodes of a solution stand: the extents below them, and what they hold."""

from __future__ import annotations

from formulations.nest import Nest
from formulations.nest_check import nest_bits
from formulations.problem import LayerProblem, LayerSolution


def closing_extents(problem: LayerProblem, solution: LayerSolution, number: int) -> tuple[int, ...]:
    """Extents below all nodes of a block: its bottom, with the loops that a hoisted node stands above."""
    block, hoist = solution.levels[number], solution.hoist
    if hoist is None or not hoist.passes_loops_of(number):
        return block.bottom
    return tuple(
        top if lacking == hoist.tensor else bottom
        for top, bottom, lacking in zip(block.top, block.bottom, problem.irrelevant_to, strict=True)
    )


def node_extents(problem: LayerProblem, solution: LayerSolution, number: int) -> list[tuple[int, ...]]:
    """Extents below every node of a block, outermost first."""
    block = solution.levels[number]
    below = list(closing_extents(problem, solution, number))
    found = []
    for tensor in reversed(block.order):
        for d, lacking in enumerate(problem.irrelevant_to):
            if lacking == tensor:
                below[d] = block.top[d]
            elif tensor == 1 and problem.halo[d]:
                below[d] = max(below[d], block.input_tile[d])
        found.append(tuple(below))
    if solution.hoist is not None and solution.hoist.level == number:
        found[-1] = block.top
    return found[::-1]


def bits_held(problem: LayerProblem, solution: LayerSolution | Nest, level: int) -> int:
    """Bits that the tiles of a level fill (not of level 0, which is unbounded)."""
    if isinstance(solution, Nest):
        return nest_bits(problem, solution, level)
    tiles = zip(solution.levels[level].order, node_extents(problem, solution, level), strict=True)
    return sum(problem.footprint(tensor, tile) * problem.bits[tensor] for tensor, tile in tiles)
