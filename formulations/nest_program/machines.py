"""A machine, and the same without some of the fan-outs that bound its regions."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

from formulations.problem import LayerProblem


def machines_of(problem: LayerProblem) -> list[LayerProblem]:
    """The problem with every set of its fan-outs between levels, all of them first.

    A fan-out that a nest does not use bounds no region: nodes of levels on both sides stand in any order. A program
    takes all of its fan-outs for bounds, so there is one for every set of them. What uses a fan-out is in the first.
    """
    inner = [n for n, level in enumerate(problem.levels[:-1]) if math.prod(level.fanout) > 1]
    sets = [set(some) for size in range(len(inner) + 1) for some in itertools.combinations(inner, size)]
    return [_without(problem, left_out) for left_out in sets]


def _without(problem: LayerProblem, left_out: set[int]) -> LayerProblem:
    levels = enumerate(problem.levels)
    return replace(
        problem, levels=tuple(replace(level, fanout=(1, 1)) if n in left_out else level for n, level in levels)
    )
