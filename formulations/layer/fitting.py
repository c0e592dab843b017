"""Does a solution have the form that a problem asks for? Asked of what is read from files."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from formulations.layer.node_tiles import bits_held, closing_extents, node_extents
from formulations.layer.spread import spreads
from formulations.nest import Nest
from formulations.nest_check import is_nest_of
from formulations.problem import Hoist, LayerProblem, LayerSolution


def fits(problem: LayerProblem, solution: LayerSolution | Nest) -> bool:
    """Is it a mapping of this problem: its levels, dims and factors, nodes, fan-outs and capacities?

    What it costs, and whether it is the best, is not asked.
    """
    if isinstance(solution, Nest):
        return is_nest_of(problem, solution)
    if len(solution.levels) != len(problem.levels) or not _in_range(problem, solution):
        return False
    inside = [level.top for level in solution.levels[1:]] + [(1,) * len(problem.extents)]
    cuts = [problem.extents]
    for number, (level, below) in enumerate(zip(solution.levels, inside, strict=True)):
        cuts += [level.top, *(node_extents(problem, solution, number) if number else [])]
        cuts += [closing_extents(problem, solution, number), level.bottom]
        spread = tuple(f * extent for f, extent in zip(level.spatial, below, strict=True))
        if level.bottom != spread or not spreads(problem, number, level.spatial):
            return False
        capacity = problem.levels[number].capacity_bits
        if number and capacity is not None and bits_held(problem, solution, number) > capacity:
            return False
    if solution.levels[0].top != problem.extents:
        return False
    return all(o % i == 0 for pair in itertools.pairwise(cuts) for o, i in zip(*pair, strict=True))


def _in_range(problem: LayerProblem, solution: LayerSolution) -> bool:
    """Are all numbers those of extents, tensors, dims and levels that there are?"""
    dims, levels, hoist = len(problem.extents), len(problem.levels), solution.hoist

    def extents(*rows: Sequence[int]) -> bool:
        return all(len(row) == dims and all(0 < e <= math.prod(problem.extents) for e in row) for row in rows)

    for spec, level in zip(problem.levels, solution.levels, strict=True):
        kept = tuple(tensor in level.order for tensor in range(3))
        if kept not in spec.keep_options or len(level.order) != sum(kept) or not -1 <= level.window < dims:
            return False
        if not extents(level.top, level.bottom, level.input_tile, level.spatial):
            return False
    if hoist is None or (0 <= hoist.outer < hoist.level < levels and _stands_first(solution, hoist)):
        return solution.energy >= 0 and solution.latency > 0
    return False


def _stands_first(solution: LayerSolution, hoist: Hoist) -> bool:
    return solution.levels[hoist.level].order[:1] == (hoist.tensor,)
