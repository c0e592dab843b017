"""Numbers of a problem as the kernels take them: few arrays with named rows, since every argument costs compile time.

``of_dims[row, d]``, ``of_points[x, column]`` (extents x, words of the three tiles, widths along the axes of the input,
trips outside of x), ``words[row, x]``, ``of_tensors[row, v]``, ``of_levels[row, level]``,
``of_criteria[k, column]`` and ``sizes[n]``; the names of rows and columns follow.
"""

from __future__ import annotations

import numpy as np

from formulations.problem import O
from optimizer.checker.again.nest_graph.canonical import dims_inside
from optimizer.checker.again.nest_graph.criteria import Criteria
from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.layer import Layer
from optimizer.checker.again.nest_graph.places import Machine

COUNT, STRIDE, AXIS, COEFFICIENT = range(4)
"""Of a dim: its divisors, the stride of its index in codes, the axis along which it may slide (or -1) and
the coefficient there."""
TRAFFIC, HELD = 0, 3
"""Of a point and a tensor: words that a node there brings in without any saving, and at least if it is held."""
WORD_BITS, BLOCK, MASK, USEFUL, SINGLE = range(5)
"""Of a tensor: bits of a word; dims whose loops may stand right inside of its nodes, and dims that it lacks, as bits;
is there a node further in than the region; is there at most one level from here on?"""
CAPACITY, ACCESS, READ, FILL, UPDATE = range(5)
"""Of a level: capacity in bits (-1: unlimited), bits of an access, energies of accesses."""
SCALE, IDLE, LIMIT, PRICES = 0, 1, 2, 3
"""Of a criterion (:class:`criteria.Criteria`); from PRICES on those of bits read, then written, per level."""
VOLUME, RESUMES, DRAINS, SLIDES, RULED, EVERYTHING, BOUNDED, SIZES = range(8)
"""Words of the outputs; do sums resume, are outputs drained, does the input slide; are loops only where the lemma has
them; all dims as bits; are bounds in use?"""


class Packed:
    """The arrays of a machine that do not change during a search."""

    def __init__(self, machine: Machine, layer: Layer, criteria: Criteria, held: Floats) -> None:
        problem = machine.problem
        self.of_dims, self.of_points = layer.of_dims, layer.of_points
        self.words = np.concatenate([layer.traffic, held]).astype(np.float64)
        self.of_levels = np.array(
            [(-1 if n == 0 or one.capacity_bits is None else one.capacity_bits, one.access_bits, one.read_energy,
              one.fill_energy, one.update_energy) for n, one in enumerate(problem.levels)],
            np.int64,
        ).T.copy()  # fmt: skip
        prices = criteria.price.reshape(len(criteria.scale), -1)
        first = np.stack([criteria.scale, criteria.idle, criteria.limit], axis=1)
        self.of_criteria = np.ascontiguousarray(np.concatenate([first, prices], axis=1))
        self._machine, self._layer = machine, layer

    def of_tensors(self, region: int, single: list[bool]) -> Ints:
        """What the kernels ask of tensors in a region."""
        problem = self._machine.problem
        deeper = [self._machine.deeper(region, v) for v in range(3)]
        return np.array([problem.bits, dims_inside(problem), self._layer.lacks_bits, deeper, single], np.int64)

    def sizes(self, *, ruled: bool, bounded: bool) -> Ints:
        """Single numbers."""
        problem, found = self._machine.problem, np.zeros(SIZES, np.int64)
        found[[VOLUME, RESUMES, DRAINS]] = problem.volume(O), problem.resumes, problem.drain_reads
        found[[SLIDES, RULED, BOUNDED]] = self._layer.slides, ruled, bounded
        found[EVERYTHING] = (1 << len(problem.extents)) - 1
        return found
