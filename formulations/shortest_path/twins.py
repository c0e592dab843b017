"""Dims that a layer and a machine do not tell apart: the two axes of an image, for one (rule R6)."""

from __future__ import annotations

import numpy as np

from formulations.nest_rules import NO_RULES
from formulations.problem import LayerProblem
from formulations.shortest_path.tables import Flags, Ints, Lattice, Machine

SYMMETRY = True
"""Is one of two nests left out that differ by a swap of twins?"""


class Twins:
    """Pairs of dims whose swap, all pairs at once, leaves a problem as it is.

    They are the dims of two axes of the input with equal coefficients, extents and permissions to be spread.
    """

    def __init__(self, problem: LayerProblem, t: Lattice, m: Machine) -> None:
        pairs = _pairs(problem) if SYMMETRY and problem.rules == NO_RULES else ()
        self._seconds = [second for _, second in pairs]
        dims = [d for pair in pairs for d in pair]
        self._untouched: Flags = (t.place[dims] == t.place[dims, -1:]).all(axis=0) & bool(dims)
        self._ordered = np.ones(m.vectors.shape[1], bool)
        equal = np.ones(m.vectors.shape[1], bool)
        for d, e in pairs:
            self._ordered &= ~(equal & (m.vectors[d] < m.vectors[e]))
            equal &= m.vectors[d] == m.vectors[e]

    def untouched(self, points: Ints) -> Flags:
        """Points at which all twins have their whole extents."""
        found: Flags = self._untouched[points]
        return found

    def may_loop(self, points: Ints, dim: int) -> Flags:
        """May a loop over a dim come?"""
        return ~self.untouched(points) if dim in self._seconds else np.ones(len(points), bool)

    def may_spread(self, points: Ints, vectors: Ints) -> Flags:
        """May a fan-out with a vector come?"""
        found: Flags = self._ordered[vectors] | ~self.untouched(points)
        return found


def mirror_of(problem: LayerProblem, t: Lattice) -> Ints:
    """The point that a swap of twins makes of every point, which is the same point without twins.

    Both have the same bounds, to the last bit. A swap maps loops, nodes and the vectors of fan-outs to others that are
    there too, and it leaves words, widths, iterations and multicast as they are, which are products of integers. So
    values at a point and at its image are minima over the same sums of the same numbers.
    """
    place = t.place.copy()
    for d, e in _pairs(problem) if SYMMETRY and problem.rules == NO_RULES else ():
        place[[d, e]] = place[[e, d]]
    found: Ints = (place * t.stride[:, None]).sum(axis=0)
    return found


def _pairs(problem: LayerProblem) -> tuple[tuple[int, int], ...]:
    """The dims of the first two axes that are alike."""
    axes = problem.input_axes
    for n, a in enumerate(axes):
        for b in axes[n + 1 :]:
            pairs = tuple((d, e) for (d, _), (e, _) in zip(a.terms, b.terms, strict=False))
            alike = [c for _, c in a.terms] == [c for _, c in b.terms]
            if alike and all(_kind(problem, d) == _kind(problem, e) for d, e in pairs):
                return pairs
    return ()


def _kind(problem: LayerProblem, d: int) -> object:
    spread = tuple((level.spatial_x[d], level.spatial_y[d]) for level in problem.levels)
    return problem.extents[d], problem.irrelevant_to[d], problem.halo[d], spread
