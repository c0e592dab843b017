"""A few large parts of every extent, in the place of its primes.

Nests whose loops and factors are products of these parts are some of all nests. A search over them takes milliseconds,
whatever the extents, and finds a first nest that is often good. It proves nothing about the others.
"""

from __future__ import annotations

import math

from formulations.primes import divisors
from formulations.problem import LayerProblem
from formulations.shortest_path.tables import Parts

FEW = 3
"""So many dims that are not 1 may have three parts each, more of them two."""


def coarse_parts(problem: LayerProblem) -> Parts:
    """Parts of every extent: the largest one that a fan-out's axis takes, then about the root of what is left."""
    widest = max(max(level.fanout) for level in problem.levels)
    three = sum(extent > 1 for extent in problem.extents) <= FEW
    return tuple(_parts(extent, widest, three) for extent in problem.extents)


def _parts(extent: int, widest: int, three: bool) -> tuple[int, ...]:
    spread = max(d for d in divisors(extent) if d <= widest)
    left = extent // spread
    inner = max(d for d in divisors(left) if d <= math.isqrt(left)) if three else 1
    return tuple(part for part in sorted((spread, inner, left // inner)) if part > 1)
