"""Arrays of a layer over its extents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from formulations.problem import I, LayerProblem
from optimizer.checker.again.nest_graph.lattice import Ints, Lattice, sliding_dims, words
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


def codes_of(lattice: Lattice, some: list[Vector]) -> Ints:
    """Indices of factors among the divisors of their dims."""
    rows = [[list(lattice.values[d, : lattice.counts[d]]).index(s) for d, s in enumerate(v)] for v in some]
    return np.array(rows, np.int64).reshape(len(some), len(lattice.counts))
