"""Arrays of a layer over its extents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formulations.primes import factorize
from formulations.problem import I, LayerProblem
from optimizer.checker.again.nest_graph.lattice import Floats, Ints, Lattice, sliding_dims, words
from optimizer.checker.again.nest_graph.spread import Vector


@dataclass
class Layer:
    """Arrays of a layer."""

    problem: LayerProblem
    lattice: Lattice

    def __post_init__(self) -> None:
        problem, lattice = self.problem, self.lattice
        self.tiles = words(problem, lattice)
        outside = np.prod(np.array(problem.extents, np.float64) / lattice.vectors, axis=1)
        self.traffic = self.tiles * outside
        dims = len(problem.extents)
        self.axis_of, self.coefficient = np.full(dims, -1, np.int64), np.ones(dims, np.int64)
        for d, axis, c in sliding_dims(problem):
            self.axis_of[d], self.coefficient[d] = axis, c
        self.width = np.ones((max(1, len(problem.input_axes)), lattice.size))
        for a, one in enumerate(problem.input_axes):
            for d, c in one.terms:
                self.width[a] += c * (lattice.vectors[:, d] - 1)
        self.terms = np.full((len(problem.input_axes), 4), -1, np.int64)
        for a, one in enumerate(problem.input_axes):
            self.terms[a, : 2 * len(one.terms)] = [n for term in one.terms for n in term]
        self.slides = bool((self.axis_of >= 0).any())
        self.lacks = np.array([[lack == t for lack in problem.irrelevant_to] for t in range(3)], np.bool_)
        self.lacks = self.lacks.reshape(3, dims)
        sitting = np.prod(
            np.where(self.lacks[I], np.array(problem.extents) / lattice.vectors, 1.0), axis=1, dtype=np.float64
        )
        self.held = self.traffic.astype(np.float64).copy()
        self.held[I] = problem.least_words(I) * sitting
        self.steps = [self._steps(d) for d in range(dims)]
        self.slid = [found for d in range(dims) if self.axis_of[d] >= 0 for found in self._slid(d)]
        self._fits: dict[tuple[int, int], NDArray[np.bool_]] = {}
        self._points = np.arange(lattice.size)

    def _steps(self, d: int) -> list[tuple[int, int]]:
        """Pairs of divisors of a dim that are a prime apart, as indices, (larger, smaller), in ascending order."""
        lattice = self.lattice
        values = [int(n) for n in lattice.values[d, : lattice.counts[d]]]
        return [(i, values.index(n // p)) for i, n in enumerate(values) for p in sorted(set(factorize(n)))]

    def _slid(self, d: int) -> Iterator[tuple[Ints, Ints, Floats]]:
        """Extents x, extents y inside of a loop over d, and the least words of the input that its node right inside of
        such a loop brings in, where that are fewer than without the loop; per number of trips."""
        lattice, a = self.lattice, self.axis_of[d]
        codes = np.arange(lattice.size)
        index = (codes // lattice.strides[d]) % lattice.counts[d]
        for j in range(1, lattice.counts[d]):
            q = lattice.quotient[d, :, j][index]
            x = codes[q >= 0]
            y = x + (q[q >= 0] - index[x]) * lattice.strides[d]
            n = lattice.values[d, j]
            step = np.minimum(1.0, self.coefficient[d] * lattice.vectors[y, d] / self.width[a, y])
            share = (1.0 + (n - 1) * step) / n
            good = share < 1.0
            if good.any():
                yield x[good], y[good], (self.traffic[1, y] * share)[good]

    def fits(self, tensor: int, level: int) -> NDArray[np.bool_]:
        """The extents whose tile of a tensor fits a level."""
        key = int(tensor), int(level)
        if key not in self._fits:
            capacity = self.problem.levels[key[1]].capacity_bits
            bits = self.tiles[key[0]] * self.problem.bits[key[0]]
            self._fits[key] = np.ones(len(bits), np.bool_) if capacity is None or level == 0 else bits <= capacity
        return self._fits[key]

    def distinct_inputs(self, factors: Vector, x: Ints) -> Ints:
        """Distinct tiles of the input among the children of a fan-out, with extents x inside of it."""
        found = np.ones(len(x), np.int64)
        for axis in self.problem.input_axes:
            if len(axis.terms) == 1:
                found *= factors[axis.terms[0][0]]
                continue
            (d, c), (e, b) = axis.terms
            p, q = c * self.lattice.vectors[x, d], b * self.lattice.vectors[x, e]
            g = np.gcd(p, q)
            found *= factors[d] * factors[e] - np.maximum(0, factors[d] - q // g) * np.maximum(0, factors[e] - p // g)
        return found

    def least_share(self, x: Ints | None, z: Ints | None, tensor: int) -> Floats:
        """Least share of its words that the input's tile with extents x brings in per trip of a loop right outside of
        extents z that slides it: n trips of a step bring in ``1 + (n - 1) min(1, step / width)`` tiles, which is least
        for all trips that are left. With a tensor only loops over its dims slide. None: all extents."""
        x, z = (self._points if some is None else some for some in (x, z))
        share, extents = np.ones(len(x)), self.problem.extents
        for d in range(len(extents)):
            a = self.axis_of[d]
            if a >= 0 and (tensor < 0 or self.lacks[tensor, d]):
                inside = self.lattice.vectors[z, d]
                n = extents[d] // inside
                step = np.minimum(1.0, self.coefficient[d] * inside / self.width[a, x])
                share = np.minimum(share, (1.0 + (n - 1) * step) / n)
        return share


def codes_of(lattice: Lattice, some: list[Vector]) -> Ints:
    """Indices of factors among the divisors of their dims."""
    rows = [[list(lattice.values[d, : lattice.counts[d]]).index(s) for d, s in enumerate(v)] for v in some]
    return np.array(rows, np.int64).reshape(len(some), len(lattice.counts))
