"""The extents inside of a place of a nest: vectors of divisors, numbered so that arrays can be filled over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formulations.primes import divisors, factorize
from formulations.problem import I, LayerProblem

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lattice:
    """All vectors x with x_d a divisor of D_d. The divisors of a dim are in ascending order and the code of a vector is
    ``sum_d index_d * stride_d``, so a vector's divisors have smaller codes.

    Attributes
    ----------
    counts : array of int, shape (dims,)
        Divisors of every dim.
    values : array of int, shape (dims, most divisors)
        The divisors.
    strides : array of int, shape (dims,)
    quotient : array of int, shape (dims, most divisors, most divisors)
        Index of ``values[i] / values[j]``, or -1.
    vectors : array of int, shape (size, dims)
        The vector of every code.
    smaller : array of int, shape (size, primes)
        Per prime of a dim the code with this prime taken away, or -1.
    dim_of : array of int, shape (primes,)
    index : array of int, shape (size, dims)
        The index of every divisor of a vector.
    """

    counts: Ints
    values: Ints
    strides: Ints
    quotient: Ints
    vectors: Ints
    smaller: Ints
    dim_of: Ints
    index: Ints

    @property
    def size(self) -> int:
        """Number of vectors."""
        return len(self.vectors)

    def code(self, vector: tuple[int, ...]) -> int:
        """The code of a vector."""
        place = [list(self.values[d, : self.counts[d]]).index(e) for d, e in enumerate(vector)]
        return int(sum(i * int(s) for i, s in zip(place, self.strides, strict=True)))

    def divisors_of(self, some: Ints) -> NDArray[np.bool_]:
        """Is a vector a divisor of one of some vectors (codes)?"""
        found = np.zeros(self.size, np.bool_)
        found[some] = True
        grid = found.reshape([int(n) for n in self.counts])
        for d in range(grid.ndim):
            lines = np.moveaxis(grid, d, 0)
            for high in range(len(lines) - 1, 0, -1):
                for low in np.flatnonzero(self.quotient[d, high, :high] >= 0):
                    lines[low] |= lines[high]
        return found

    def times(self, some: list[tuple[int, ...]]) -> Ints:
        """Indices of the divisors of every dim times the factors of vectors, or -1; shape (vectors, dims, most)."""
        dims, most = self.values.shape
        known = {
            (d, s): [list(self.values[d]).index(n * s) if n and n * s in self.values[d] else -1 for n in self.values[d]]
            for d in range(dims)
            for s in {v[d] for v in some}
        }
        rows = [[known[d, s] for d, s in enumerate(v)] for v in some]
        return np.array(rows, np.int64).reshape(len(some), dims, most)


def lattice_of(extents: tuple[int, ...]) -> Lattice:
    """The lattice of a layer."""
    lists = [divisors(extent) for extent in extents]
    counts, most = [len(one) for one in lists], max((len(one) for one in lists), default=1)
    dims = len(extents)
    values, quotient = np.zeros((dims, most), np.int64), np.full((dims, most, most), -1, np.int64)
    strides = np.ones(dims, np.int64)
    for d, one in enumerate(lists):
        values[d, : len(one)] = one
        strides[d] = int(np.prod(counts[d + 1 :], dtype=np.int64))
        for i, a in enumerate(one):
            for j, b in enumerate(one):
                if a % b == 0:
                    quotient[d, i, j] = one.index(a // b)
    size = int(np.prod(counts, dtype=np.int64))
    codes = np.arange(size)
    places = [(codes // strides[d]) % counts[d] for d in range(dims)]
    vectors = np.ones((size, dims), np.int64)
    columns, dim_of = [], []
    for d, one in enumerate(lists):
        vectors[:, d] = values[d][places[d]]
        for prime in factorize(extents[d]):
            step = quotient[d, :, one.index(prime)][places[d]]
            columns.append(np.where(step >= 0, codes + (step - places[d]) * strides[d], -1))
            dim_of.append(d)
    smaller = np.stack(columns, axis=1) if columns else np.zeros((size, 0), np.int64)
    index = np.stack(places, axis=1) if places else np.zeros((size, 0), np.int64)
    primes = np.array(dim_of, np.int64)
    return Lattice(np.array(counts, np.int64), values, strides, quotient, vectors, smaller, primes, index)


def words(problem: LayerProblem, lattice: Lattice) -> Ints:
    """Words of a tile of every tensor with these extents, shape (3, size)."""
    found = np.ones((3, lattice.size), np.int64)
    for tensor in range(3):
        if tensor == I:
            for axis in problem.input_axes:
                found[I] *= 1 + sum(c * (lattice.vectors[:, d] - 1) for d, c in axis.terms)
        else:
            for d in problem.relevant(tensor):
                found[tensor] *= lattice.vectors[:, d]
    return found


def sliding_dims(problem: LayerProblem) -> tuple[tuple[int, int, int], ...]:
    """(dim, its axis, its coefficient) of axes with two terms: only there a sliding tile keeps words.

    On an axis of one term c x_d the tile is ``1 + c (x_d - 1)`` wide and moves by ``c x_d`` or more.
    """
    return tuple((d, a, c) for a, axis in enumerate(problem.input_axes) if len(axis.terms) > 1 for d, c in axis.terms)
