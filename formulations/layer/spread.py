"""Spatial factors on the two axes of a fan-out: the most children they fill, and a split that fits."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from formulations.primes import divisors
from formulations.problem import LayerProblem


@lru_cache(maxsize=1 << 16)
def widest(
    extents: tuple[int, ...], fanout: tuple[int, int], along_x: tuple[bool, ...], along_y: tuple[bool, ...]
) -> int:
    """The largest product of spatial factors of all dims that fits a fan-out.

    Dim by dim, all pairs (children along X, children along Y) that are reached are kept as a table.

    Parameters
    ----------
    extents : tuple of int
    fanout : (int, int)
    along_x, along_y : tuple of bool
        Per dim: may its loops be unrolled along the axis?
    """
    x, y = fanout
    reached = np.zeros((x + 1, y + 1), dtype=bool)
    reached[1, 1] = True
    for extent, on_x, on_y in zip(extents, along_x, along_y, strict=True):
        before = reached
        reached = np.zeros_like(before)
        for a in divisors(extent) if on_x else [1]:
            for b in divisors(extent // a) if on_y else [1]:
                if a <= x and b <= y:
                    reached[: x // a * a + 1 : a, : y // b * b + 1 : b] |= before[: x // a + 1, : y // b + 1]
    rows, columns = np.nonzero(reached)
    return int((rows * columns).max())


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
