"""Exact bounds on the cost of widths, by linear duality.

The rows of the program (:mod:`formulations.networks.widths`) are ``l_i <= sum_j a_ij c_j <= h_i`` over literals
``0 <= c_j <= 1``, the costs ``p_j``. For *any* numbers ``d_i`` every choice costs

    sum_j p_j c_j = sum_i d_i (sum_j a_ij c_j) + sum_j r_j c_j,    r_j = p_j - sum_i d_i a_ij
                 >= sum_i (d_i l_i if d_i > 0 else d_i h_i) + sum_j min(0, r_j) = bound

and, if it uses literal j, ``bound + max(0, r_j)``: the *toll* of the literal. The ``d_i`` are the dual values of the
linear relaxation, found in floating point and rounded to multiples of ``1 / SCALE``; all that is computed from them is
exact, so rounding can only make the bound worse, never wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ortools.linear_solver.python import model_builder

from formulations.networks.widths import WidthProgram

SCALE = 1 << 44
"""Parts of a unit of cost per row that dual values are rounded to."""

USED = 1e-6
"""Value above which a literal counts as used by the relaxation."""


@dataclass(frozen=True)
class WidthBound:
    """Every choice costs at least `bound`, and with a literal at least its toll more; what the relaxation uses."""

    bound: int
    tolls: tuple[int, ...]
    used: frozenset[int]

    def within(self, toll: int) -> list[int]:
        """Literals of at most this toll."""
        return [column for column, extra in enumerate(self.tolls) if extra <= toll]


class WidthRelaxation:
    """The linear relaxation of a program; costs are given with every solve."""

    def __init__(self, program: WidthProgram) -> None:
        self._program = program
        self._model = model_builder.Model()
        self._columns = [self._model.new_num_var(0.0, 1.0, f"c{n}") for n in range(program.columns)]
        self._rows = [
            self._model.add_linear_constraint(
                model_builder.LinearExpr.weighted_sum([self._columns[n] for n in row.columns], list(row.coefficients)),
                row.low,
                row.high,
            )
            for row in program.rows
        ]

    def forbid(self, columns: Collection[int]) -> None:
        """No choice may use these literals."""
        for column in columns:
            self._columns[column].upper_bound = 0.0

    def bound(self, costs: Sequence[Sequence[int]]) -> WidthBound:
        """The bound that the relaxation leads to, and the tolls; a poor bound where it cannot be solved."""
        prices = self._program.objective(costs)
        unit = max(1, max(prices, default=0) >> 20)
        self._model.minimize(model_builder.LinearExpr.weighted_sum(self._columns, [price / unit for price in prices]))
        solver = model_builder.Solver("GLOP")
        status = solver.solve(self._model)
        if status != model_builder.SolveStatus.OPTIMAL:
            return self._exact(prices, [0] * len(self._rows), frozenset())
        duals = [round(solver.dual_value(row) * unit * SCALE) for row in self._rows]
        used = frozenset(n for n, column in enumerate(self._columns) if solver.value(column) > USED)
        return self._exact(prices, duals, used)

    def _exact(self, prices: Sequence[int], duals: Sequence[int], used: frozenset[int]) -> WidthBound:
        """Bound and tolls of these duals, in whole numbers of 1 / SCALE, rounded down to units."""
        left = [SCALE * price for price in prices]
        total = 0
        for row, dual in zip(self._program.rows, duals, strict=True):
            total += dual * (row.low if dual > 0 else row.high)
            if dual:
                for column, coefficient in zip(row.columns, row.coefficients, strict=True):
                    left[column] -= dual * coefficient
        total += sum(min(0, extra) for extra in left)
        return WidthBound(-(-total // SCALE), tuple(max(0, extra) // SCALE for extra in left), used)
