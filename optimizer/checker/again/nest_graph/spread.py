"""Fan-outs: the vectors of spatial factors that fit, and how many tiles of the children differ."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from formulations.primes import divisors
from formulations.problem import I, LayerProblem, O, W, distinct_sums

Vector = tuple[int, ...]


class Kind(NamedTuple):
    """What costs inside of a fan-out depend on: shares of distinct tiles, copies of outputs, and instances."""

    shares: tuple[float, float, float]
    copies: int
    instances: int


def vectors(problem: LayerProblem, level: int) -> list[Vector]:
    """Every vector of factors that divides the extents and is a product of one that fits along X and one along Y."""
    spec = problem.levels[level]
    return _vectors(problem.extents, (spec.spatial_x, spec.fanout[0]), (spec.spatial_y, spec.fanout[1]))


Axis = tuple[tuple[bool, ...], int]


@lru_cache(maxsize=64)
def _vectors(extents: Vector, axis_x: Axis, axis_y: Axis) -> list[Vector]:
    found = set()
    along_y = _along(extents, *axis_y)
    for x in _along(extents, *axis_x):
        for y in along_y:
            both = tuple(a * b for a, b in zip(x, y, strict=True))
            if all(extent % factor == 0 for extent, factor in zip(extents, both, strict=True)):
                found.add(both)
    return sorted(found)


def _along(extents: Vector, allowed: tuple[bool, ...], room: int) -> list[Vector]:
    found: list[Vector] = [()]
    for extent, may in zip(extents, allowed, strict=True):
        factors = divisors(extent) if may else [1]
        found = [(*v, f) for v in found for f in factors if math.prod(v) * f <= room]
    return found


def copies(problem: LayerProblem, vector: Vector, tensor: int) -> int:
    """Children that hold the same tile of a tensor: the product of the factors of dims that it lacks."""
    return math.prod(f for f, lacking in zip(vector, problem.irrelevant_to, strict=True) if lacking == tensor)


def least_shares(problem: LayerProblem, vector: Vector) -> tuple[float, float, float]:
    """Of every tensor the least that distinct tiles are of all children, whatever the extents inside.

    W and O: one over the copies. I: along an axis of two terms the ``m n`` children start at ``a i + b j``; with b / g
    and a / g at least 1, at most ``(m - 1)(n - 1)`` of them repeat another one.
    """
    share = 1.0
    for axis in problem.input_axes:
        if len(axis.terms) == 2:
            (m, n) = (vector[d] for d, _ in axis.terms)
            share *= (m + n - 1) / (m * n)
    return 1 / copies(problem, vector, W), share / copies(problem, vector, I), 1 / copies(problem, vector, O)


def distinct(problem: LayerProblem, vector: Vector, inside: Vector, tensor: int) -> int:
    """Distinct tiles of the children of a fan-out, with these extents inside of it."""
    if tensor != I:
        return math.prod(vector) // copies(problem, vector, tensor)
    found = 1
    for axis in problem.input_axes:
        found *= distinct_sums([(c * inside[d], vector[d]) for d, c in axis.terms])
    return found
