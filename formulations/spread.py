"""Spatial factors on the two axes of a fan-out: the most children they fill, and a split that fits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

from formulations.primes import divisors, factorize, largest_exponent
from formulations.problem import LayerProblem


@lru_cache(maxsize=1 << 16)
def widest(
    extents: tuple[int, ...], fanout: tuple[int, int], along_x: tuple[bool, ...], along_y: tuple[bool, ...]
) -> int:
    """The largest product of spatial factors of all dims that fits a fan-out.

    A product ``a`` of factors along X and ``b`` along Y can be had exactly if for every prime the exponents in ``a``,
    in ``b`` and in both together are within those of the dims that may be unrolled along X, along Y and along either.
    So the work depends on the extents alone, however large the fan-out is. The prime with the largest exponent comes
    last: what is left of both axes says how much of it fits.

    Parameters
    ----------
    extents : tuple of int
    fanout : (int, int)
    along_x, along_y : tuple of bool
        Per dim: may its loops be unrolled along the axis?
    """
    most = {2: (0, 0, 0)}
    for extent, on_x, on_y in zip(extents, along_x, along_y, strict=True):
        for prime, exponent in factorize(extent).items():
            x, y, either = most.get(prime, (0, 0, 0))
            most[prime] = x + exponent * on_x, y + exponent * on_y, either + exponent * (on_x or on_y)
    *others, (last, (x, y, either)) = sorted(most.items(), key=lambda entry: entry[1][2])
    fitting = [(1, 1)]
    for prime, highest in others:
        fitting = [pair for a, b in fitting for pair in _multiples((a, b), prime, highest, fanout)]

    def filled(a: int, b: int) -> int:
        left = (largest_exponent(last, axis // used) for axis, used in zip(fanout, (a, b), strict=True))
        filling: int = last ** min(either, sum(map(min, (x, y), left)))
        return a * b * filling

    return max(filled(a, b) for a, b in fitting)


def _multiples(
    pair: tuple[int, int], prime: int, highest: tuple[int, int, int], fanout: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Products along X and Y with more of a prime, up to its exponents along X, along Y and in both together."""
    (a, b), (x, y, either) = pair, highest
    for i in range(min(x, largest_exponent(prime, fanout[0] // a)) + 1):
        for j in range(min(y, either - i, largest_exponent(prime, fanout[1] // b)) + 1):
            yield a * prime**i, b * prime**j


def split_axes(problem: LayerProblem, level: int, vector: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A split of a spatial vector over X and Y that fits (the first in lexicographic order).

    Raises
    ------
    ValueError
        If none fits.
    """
    spec = problem.levels[level]
    shares: list[tuple[int, ...]] = [()]
    for d, factor in enumerate(vector):
        options = divisors(factor) if spec.spatial_x[d] else [1]
        shares = [
            (*v, f)
            for v in shares
            for f in options
            if math.prod(v) * f <= spec.fanout[0] and (spec.spatial_y[d] or f == factor)
        ]
    total = math.prod(vector)
    for share in shares:
        if total // math.prod(share) <= spec.fanout[1]:
            return share, tuple(f // x for f, x in zip(vector, share, strict=True))
    raise ValueError(f"spatial factors {vector} do not fit the fan-out {spec.fanout}")


def spreads(problem: LayerProblem, level: int, vector: tuple[int, ...]) -> bool:
    """Does a spatial vector fit the axes of a fan-out, and keep the rules?"""
    if not problem.rules.spread(level, vector):
        return False
    try:
        split_axes(problem, level, vector)
    except ValueError:
        return False
    return True


def fewest_cycles(problem: LayerProblem) -> int:
    """Lower bound on the cycles of any mapping: work over the most instances, least traffic over bandwidth."""
    most = math.prod(widest(problem.extents, lv.fanout, lv.spatial_x, lv.spatial_y) for lv in problem.levels)
    return max(-(-problem.work // most), -(-problem.port_floor // problem.latency_unit))
