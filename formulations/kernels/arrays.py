"""The arrays that the compiled kernels work on: a layer's divisor lattice and a hardware point's numbers."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.problem import Problem

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
UNBOUNDED = 1 << 60


class Lattice(NamedTuple):
    """A layer: dims, tensors and every vector of divisors (a *point*).

    ``digit[p, d]`` is the position of point p's extent among the divisors of dim d; ``quotient[d, a, b]`` and
    ``multiple[d, a, b]`` are the positions of the quotient and product of two divisors, or -1.
    """

    extent: Int
    irrelevant_to: Int
    halo: Bool
    axis: Int  # (axes, 4): dim, coefficient, second dim or -1, its coefficient
    axis_of: Int  # per dim: number of the input axis it lies on, or -1
    step: Int  # per dim: coefficient on that axis
    bits: Int
    volume: Int
    divisor: Int
    count: Int
    stride: Int
    digit: Int
    point: Int
    quotient: Int
    multiple: Int
    macs: int


class Machine(NamedTuple):
    """A hardware point. ``word_*`` are energies per word, scaled by ``scale`` so that they are integers."""

    capacity: Int
    keep: Bool
    word_read: Int
    word_fill: Int
    word_update: Int
    read: Int
    fill: Int
    update: Int
    access_bits: Int
    leak: Int
    port: Int  # (levels, 3, 2): multiplier, divisor of the read, write and shared port
    drain: bool
    mac_energy: int
    scale: int
    latency_unit: int


class Spatial(NamedTuple):
    """Spatial factor vectors of every fan-out, concatenated; fan-out l owns rows start[l] to start[l + 1]."""

    vector: Int
    digit: Int
    product: Int
    start: Int


def divisors(number: int) -> list[int]:
    """All divisors, ascending."""
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return sorted({*small, *(number // d for d in small)})


def lattice(problem: Problem) -> Lattice:
    """The divisor lattice of a layer."""
    dims = len(problem.extents)
    lists = [divisors(e) for e in problem.extents]
    longest = max((len(x) for x in lists), default=1)
    divisor = np.ones((dims, longest), np.int64)
    quotient = np.full((dims, longest, longest), -1, np.int64)
    multiple = np.full((dims, longest, longest), -1, np.int64)
    for d, values in enumerate(lists):
        divisor[d, : len(values)] = values
        position = {v: i for i, v in enumerate(values)}
        for i, a in enumerate(values):
            for j, b in enumerate(values):
                quotient[d, i, j] = position[a // b] if a % b == 0 else -1
                multiple[d, i, j] = position.get(a * b, -1)
    count = np.array([len(x) for x in lists], np.int64)
    stride = np.ones(dims, np.int64)
    for d in range(dims - 2, -1, -1):
        stride[d] = stride[d + 1] * count[d + 1]
    total = int(np.prod(count)) if dims else 1
    digit = np.array(np.unravel_index(np.arange(total), tuple(count)), np.int64).T.copy() if dims else np.zeros((1, 0), np.int64)
    point = np.array([divisor[d, digit[:, d]] for d in range(dims)], np.int64).T.copy() if dims else np.zeros((1, 0), np.int64)
    axis = np.full((len(problem.input_axes), 4), -1, np.int64)
    axis_of, step = np.full(dims, -1, np.int64), np.zeros(dims, np.int64)
    for a, spec in enumerate(problem.input_axes):
        for t, (d, c) in enumerate(spec.terms):
            axis[a, 2 * t], axis[a, 2 * t + 1] = d, c
            axis_of[d], step[d] = a, c
    return Lattice(
        np.array(problem.extents, np.int64), np.array(problem.irrelevant_to, np.int64), np.array(problem.halo, np.bool_),
        axis, axis_of, step, np.array(problem.bits, np.int64),
        np.array([problem.volume(t) for t in range(3)], np.int64),
        divisor, count, stride, digit, point, quotient, multiple, problem.macs,
    )  # fmt: skip


def machine(problem: Problem, keep: tuple[tuple[bool, bool, bool], ...]) -> Machine:
    """The hardware numbers under one choice of kept tensors per level."""
    levels = problem.levels
    scale = math.lcm(*(level.access_bits for level in levels))
    per_word = np.array([[bits * scale // level.access_bits for bits in problem.bits] for level in levels], np.int64)
    read, fill, update = (
        np.array([getattr(level, name) for level in levels], np.int64)
        for name in ("read_energy", "fill_energy", "update_energy")
    )
    port = np.array([[(p.multiplier, p.divisor) for p in level.ports] for level in levels], np.int64)
    return Machine(
        np.array([UNBOUNDED if level.capacity_bits is None else level.capacity_bits for level in levels], np.int64),
        np.array(keep, np.bool_),
        per_word * read[:, None], per_word * fill[:, None], per_word * update[:, None], read, fill, update,
        np.array([level.access_bits for level in levels], np.int64),
        np.array([level.leak_energy for level in levels], np.int64),
        port, problem.drain_reads, problem.mac_energy, scale, problem.latency_unit,
    )  # fmt: skip


def _factor_vectors(lists: list[list[int]], allowed: tuple[bool, ...], limit: int) -> list[tuple[int, ...]]:
    vectors: list[tuple[int, ...]] = [()]
    for d, values in enumerate(lists):
        options = values if allowed[d] else [1]
        vectors = [(*v, f) for v in vectors for f in options if math.prod(v) * f <= limit]
    return vectors


def spatial_vectors(problem: Problem, level: int) -> list[tuple[int, ...]]:
    """Every vector of factors that fits the two axes of a fan-out and divides the extents."""
    spec = problem.levels[level]
    lists = [divisors(e) for e in problem.extents]
    along_x = _factor_vectors(lists, spec.spatial_x, spec.fanout[0])
    along_y = _factor_vectors(lists, spec.spatial_y, spec.fanout[1])
    x = np.array(along_x, np.int64).reshape(len(along_x), -1)
    y = np.array(along_y, np.int64).reshape(len(along_y), -1)
    pairs = (x[:, None, :] * y[None, :, :]).reshape(-1, x.shape[1])
    fits = (np.array(problem.extents, np.int64) % pairs == 0).all(axis=1)
    return [tuple(int(f) for f in row) for row in np.unique(pairs[fits], axis=0)]


def split_axes(problem: Problem, level: int, vector: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A split of a spatial vector over X and Y that fits (the first in lexicographic order)."""
    spec = problem.levels[level]
    shares: list[tuple[int, ...]] = [()]
    for d, factor in enumerate(vector):
        options = divisors(factor) if spec.spatial_x[d] else [1]
        shares = [
            (*v, f) for v in shares for f in options
            if math.prod(v) * f <= spec.fanout[0] and (spec.spatial_y[d] or f == factor)
        ]  # fmt: skip
    total = math.prod(vector)
    for share in shares:
        if total // math.prod(share) <= spec.fanout[1]:
            return share, tuple(f // s for f, s in zip(vector, share, strict=True))
    raise ValueError(f"spatial factors {vector} do not fit the fan-out {spec.fanout}")


def spatial(problem: Problem, tables: Lattice, chosen: list[list[tuple[int, ...]]] | None = None) -> Spatial:
    """Spatial vectors of every fan-out as arrays; `chosen` replaces the full lists."""
    lists = chosen or [spatial_vectors(problem, level) for level in range(len(problem.levels))]
    dims = len(problem.extents)
    vector = np.array([v for rows in lists for v in rows], np.int64).reshape(-1, dims)
    digit = np.zeros_like(vector)
    for d in range(dims):
        digit[:, d] = np.searchsorted(tables.divisor[d, : tables.count[d]], vector[:, d])
    start = np.cumsum([0, *(len(rows) for rows in lists)]).astype(np.int64)
    return Spatial(vector, digit, vector.prod(axis=1).astype(np.int64), start)
