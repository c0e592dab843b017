"""All vectors of spatial factors of a fan-out."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from formulations.primes import divisors
from formulations.problem import LayerProblem

Ints = NDArray[np.int64]


def factor_vectors(lists: list[list[int]], allowed: tuple[bool, ...], limit: int) -> Ints:
    """Every vector of divisors, one from each list where it is allowed (else 1), of a product within a limit."""
    vectors: list[tuple[int, ...]] = [()]
    for d, values in enumerate(lists):
        options = values if allowed[d] else [1]
        vectors = [(*v, f) for v in vectors for f in options if math.prod(v) * f <= limit]
    return np.array(vectors, np.int64)


def spatial_vectors(problem: LayerProblem, level: int) -> Ints:
    """Every vector of factors that fits the two axes of a fan-out, shape (rows, dims), least product first."""
    spec = problem.levels[level]
    return _vectors(problem.extents, spec.fanout, spec.spatial_x, spec.spatial_y)


@lru_cache(maxsize=4096)
def _vectors(
    extents: tuple[int, ...], fanout: tuple[int, int], along_x: tuple[bool, ...], along_y: tuple[bool, ...]
) -> Ints:
    lists = [divisors(e) for e in extents]
    x = factor_vectors(lists, along_x, fanout[0])
    y = factor_vectors(lists, along_y, fanout[1])
    pairs = (x[:, None, :] * y[None, :, :]).reshape(-1, x.shape[1])
    fits = (np.array(extents, np.int64) % pairs == 0).all(axis=1)
    vectors = np.unique(pairs[fits], axis=0)
    vectors = vectors[np.argsort(vectors.prod(axis=1), kind="stable")]
    vectors.setflags(write=False)
    return vectors
