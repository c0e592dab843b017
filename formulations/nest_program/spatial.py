"""Spatial factors of the fan-outs and the instances they use."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ortools.sat.python import cp_model

from formulations.primes import Powers, extents_in_primes, largest_exponent, value
from formulations.problem import LayerProblem, ProblemLevel
from formulations.rows import Literal, Quantity, constant, power


class FanOuts:
    """Variables: ``share[l, a, d, p]``, the exponent of prime p in the factor of dim d along axis a (X or Y) of
    the fan-out below level l; 0 where that axis may not unroll the dim or has a single child.

    1. ``sum_{l, a} share[l, a, d, p] <= v_p(D_d)``: stated by the extents of regions (:mod:`nodes`)
    2. ``prod_{d, p} p ** share[l, a, d, p] <= fanout[l][a]`` (a table of the products that fit; where a menu
       offers several fan-outs, the entry chosen excludes the rows above its own).
    """

    def __init__(
        self, model: cp_model.CpModel, problem: LayerProblem, menus: list[list[tuple[ProblemLevel, Literal]]]
    ) -> None:
        self._model = model
        self._problem = problem
        self._powers = extents_in_primes(problem)
        self._share: dict[tuple[int, int, int, int], cp_model.IntVar] = {}
        self._instances: dict[int, Quantity] = {}
        self.widest = [tuple(max(spec.fanout[a] for spec, _ in menu) for a in (0, 1)) for menu in menus]
        for level, menu in enumerate(menus):
            for axis in (0, 1):
                self._add_axis(level, axis, menu)

    def _add_axis(self, level: int, axis: int, menu: list[tuple[ProblemLevel, Literal]]) -> None:
        limit = self.widest[level][axis]
        spec = self._problem.levels[level]
        allowed = (spec.spatial_x, spec.spatial_y)[axis]
        columns: dict[int, cp_model.LinearExprT] = {}
        highest: Powers = {}
        for d, powers in enumerate(self._powers):
            for prime, exponent in powers.items():
                high = min(exponent, largest_exponent(prime, limit))
                if not allowed[d] or high == 0:
                    continue
                share = self._model.new_int_var(0, high, "share")
                self._share[level, axis, d, prime] = share
                columns[prime] = columns.get(prime, 0) + share
                highest[prime] = highest.get(prime, 0) + high
        used = power(self._model, columns, highest, value, limit=limit)  # (2)
        for entry, chosen in menu:
            for literal, number in used.rows:
                if number > entry.fanout[axis] and chosen is not False:
                    self._model.add_bool_or([literal.negated(), *([] if chosen is True else [chosen.negated()])])

    def share(self, level: int, axis: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the share of one axis."""
        return self._share.get((level, axis, dim, prime), 0)

    def exponent(self, level: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the spatial factor of a dim, both axes together."""
        return self.share(level, 0, dim, prime) + self.share(level, 1, dim, prime)

    def above(self, level: int, dims: Iterable[int], prime: int) -> cp_model.LinearExprT:
        """Exponent of the product of the factors of `dims` in all fan-outs outside of a level."""
        return sum(self.exponent(n, d, prime) for n in range(level) for d in dims)

    def most(self, level: int, dim: int) -> int:
        """A bound on the spatial factor of a dim."""
        spec = self._problem.levels[level]
        along = [self.widest[level][a] if (spec.spatial_x, spec.spatial_y)[a][dim] else 1 for a in (0, 1)]
        return math.prod(along)

    def highest_above(self, level: int, dims: Iterable[int]) -> Powers:
        """Bounds on the exponents of :meth:`above`."""
        highest: Powers = {}
        for d in dims:
            most = math.prod(self.most(n, d) for n in range(level))
            for prime, exponent in self._powers[d].items():
                high = min(exponent, largest_exponent(prime, most))
                highest[prime] = highest.get(prime, 0) + high
        return highest

    def instances(self, level: int) -> Quantity:
        """Used instances of a level: the product of all spatial factors outside of it (the MACs for the last)."""
        if level not in self._instances:
            most = math.prod(math.prod(self.widest[n]) for n in range(level))
            dims = range(len(self._problem.extents))
            highest = self.highest_above(level, dims)
            columns = {p: self.above(level, dims, p) for p in highest}
            self._instances[level] = (
                power(self._model, columns, highest, value, limit=most) if level and most > 1 else constant(1)
            )
        return self._instances[level]
