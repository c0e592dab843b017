"""Arrays of a layer over its extents."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from formulations.problem import I, LayerProblem, O
from optimizer.checker.again.nest_graph.lattice import Floats, Ints, Lattice, lattice_of, sliding_dims, words
from optimizer.checker.again.nest_graph.spread import Kind, Vector, copies, least_shares


@dataclass
class Layer:
    """Arrays of a layer, which do not depend on hardware: of `problem` only the shape is read."""

    problem: LayerProblem
    lattice: Lattice
    _kinds: dict[Vector, Kind] = field(default_factory=dict)
    _held: dict[tuple[Vector, ...], Floats] = field(default_factory=dict)

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
        self._points = np.arange(lattice.size)
        self.columns = self._columns()
        self.slides_from, self.slid, self.slid_words = self._all_slid()
        self.extents = np.array(problem.extents, np.int64)
        self.of_dims = np.stack([lattice.counts, lattice.strides, self.axis_of, self.coefficient]).astype(np.int64)
        trips = np.prod(self.extents // lattice.vectors, axis=1)
        columns = [lattice.vectors, self.tiles.T, self.width.T.astype(np.int64), trips[:, None]]
        self.of_points = np.ascontiguousarray(np.concatenate(columns, axis=1))
        self.lacks_bits = (self.lacks.astype(np.int64) << np.arange(dims)).sum(axis=1)
        loose = [self.least_share(None, None, v) for v in (-1, *range(3))]
        self.words = np.concatenate([self.traffic, [self.traffic[I] * share for share in loose]])

    def _columns(self) -> Ints:
        """Columns of ``lattice.smaller``, ended by -1: of all dims, of those that slide, of those each tensor lacks."""
        dim_of = self.lattice.dim_of
        rows = [np.ones(len(dim_of), np.bool_), self.axis_of[dim_of] >= 0, *(lack[dim_of] for lack in self.lacks)]
        found = np.full((len(rows), len(dim_of) + 1), -1, np.int64)
        for row, good in enumerate(rows):
            found[row, : good.sum()] = np.flatnonzero(good)
        return found

    def _all_slid(self) -> tuple[Ints, Ints, Floats]:
        """Where the extents inside of slides out of x begin, for every x; these extents; the words brought in."""
        some = [found for d in range(len(self.axis_of)) if self.axis_of[d] >= 0 for found in self._slid(d)]
        x, y = (np.concatenate([np.zeros(0, np.int64), *(one[n] for one in some)]) for n in (0, 1))
        brought, order = np.concatenate([np.zeros(0), *(one[2] for one in some)]), np.argsort(x, kind="stable")
        return np.searchsorted(x[order], np.arange(self.lattice.size + 1)), y[order], brought[order]

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

    def fits(self, tensor: int, level: int, capacity_bits: int | None) -> NDArray[np.bool_]:
        """The extents whose tile of a tensor fits a level of this capacity."""
        if capacity_bits is None or level == 0:
            return np.ones(self.lattice.size, np.bool_)
        found: NDArray[np.bool_] = self.tiles[tensor] * self.problem.bits[tensor] <= capacity_bits
        return found

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

    def kind(self, vector: Vector) -> Kind:
        """The kind of a fan-out with these factors."""
        if vector not in self._kinds:
            problem = self.problem
            shares = least_shares(problem, vector)
            self._kinds[vector] = Kind(shares, copies(problem, vector, O), math.prod(vector))
        return self._kinds[vector]

    def held_inputs(self, factors: tuple[Vector, ...]) -> Floats:
        """Least words of the input that a level outside of a fan-out reads for nodes held right inside of it.

        With extents z outside of the fan-out and factors s, the tiles have the extents z / s. All of them bring in
        ``traffic(z / s)`` words, of which the share of distinct tiles is read, and a slide lowers that by no more than
        the share of a width that a step is. Dims that the input lacks divide it by what stands inside, and nothing
        else: so the least over s is taken once for them all.
        """
        if factors not in self._held:
            self._held[factors] = self._held_inputs(factors)
        return self._held[factors]

    def _held_inputs(self, factors: tuple[Vector, ...]) -> Floats:
        lattice = self.lattice
        lacks = np.flatnonzero(self.lacks[I])
        best = np.full(lattice.size, np.inf)
        for v in {tuple(1 if d in lacks else f for d, f in enumerate(v)) for v in factors} | {(1,) * len(self.extents)}:
            x, z = spread_over(lattice, v)
            good = (lattice.vectors[z][:, lacks] == 1).all(axis=1)
            x, z = x[good], z[good]
            read = self.traffic[I, x] * self.least_share(x, z, -1) * self.distinct_inputs(v, x) / math.prod(v)
            best[z] = np.minimum(best[z], read)
        index = (np.arange(lattice.size)[:, None] // lattice.strides) % lattice.counts
        base = np.arange(lattice.size) - (index[:, lacks] * lattice.strides[lacks]).sum(axis=1)
        times = np.prod(lattice.vectors[:, lacks], axis=1)
        found: Floats = np.maximum(self.held[I], np.maximum(self.held[I], best)[base] / times)
        return found


@lru_cache(maxsize=16)
def _layer_of(problem: LayerProblem) -> Layer:
    return Layer(problem, lattice_of(problem.extents))


def layer_of(problem: LayerProblem) -> Layer:
    """The arrays of a layer, kept for statements about it on other hardware.

    Levels and rules are taken away first, so what they would change cannot be kept.
    """
    bits, cycles = (problem.bits, problem.step_bits), problem.step_cycles
    extents, lacks, axes = problem.extents, problem.irrelevant_to, problem.input_axes
    return _layer_of(LayerProblem(extents, lacks, axes, *bits, cycles, (), step_energy=0, drain_reads=False))


def spread_over(lattice: Lattice, factors: Vector) -> tuple[Ints, Ints]:
    """The extents inside of a fan-out, and those outside of it, where its factors divide them."""
    inside, outside = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for d, s in enumerate(factors):
        values = [int(n) for n in lattice.values[d, : lattice.counts[d]]]
        pairs = np.array([(i, values.index(n * s)) for i, n in enumerate(values) if n * s in values], np.int64)
        inside = (inside[:, None] + pairs[:, 0] * lattice.strides[d]).ravel()
        outside = (outside[:, None] + pairs[:, 1] * lattice.strides[d]).ravel()
    return inside, outside


def codes_of(lattice: Lattice, some: list[Vector]) -> Ints:
    """Indices of factors among the divisors of their dims."""
    rows = [[list(lattice.values[d, : lattice.counts[d]]).index(s) for d, s in enumerate(v)] for v in some]
    return np.array(rows, np.int64).reshape(len(some), len(lattice.counts))
