"""A machine, and the same without some of the fan-outs that bound its regions.

A fan-out that a nest does not use bounds no region: nodes of levels on both sides stand in any order. A program takes
all of its fan-outs for bounds, so there is one for every set of them (:meth:`SizedProblem.machines`). What uses a
fan-out is in the first.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import replace

from formulations.problem import LayerProblem


def subsets(levels: Collection[int]) -> Iterator[frozenset[int]]:
    """Every set of some levels, the empty one first."""
    for size in range(len(levels) + 1):
        yield from map(frozenset, itertools.combinations(levels, size))


def without(problem: LayerProblem, left_out: frozenset[int]) -> LayerProblem:
    """The problem with no fan-out below these levels."""
    levels = enumerate(problem.levels)
    return replace(
        problem, levels=tuple(replace(level, fanout=(1, 1)) if n in left_out else level for n, level in levels)
    )
