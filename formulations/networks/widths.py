"""Channel widths of a network: which width every class of tied channels has.

Data: for every class c its candidate widths ``W_c``; *axes*, each a sum of classes (a class alone is the usual one, a
concatenation has several, and one class may be in it more than once); *tables* over one axis or two, with a number of
learned words and of multiply-accumulates for every entry; a range for the totals of both; *pairings*, each a set of
pairs of totals that two axes may have together. Costs of entries are given
with every solve, since they are found out piece by piece: a cost may be exact or a lower bound.

Variables: ``x[c, w]`` Boolean, class c has width w; ``y[a, v]`` Boolean, axis a has the total v; ``z[t, u, v]``
Boolean, table t over two axes is read at (u, v).

1. ``sum_w x[c, w] == 1`` for every class.
2. ``sum_v y[a, v] == 1`` and ``sum_v v y[a, v] == sum_c m_ac sum_w w x[c, w]`` for an axis that adds up several
   classes, where ``m_ac`` is how often it has class c. For a class alone ``y`` is ``x``.
3. ``sum_v z[t, u, v] == y[a, u]`` and ``sum_u z[t, u, v] == y[b, v]`` for a table over axes a and b. Tables over the
   same pair are one. A table over one axis is read by ``y``.
4. ``low <= sum of words at the entries read <= high``, and the same for multiply-accumulates.
5. ``sum z[t, u, v] over the pairs (u, v) not in S == 0`` for a pairing S of axes a and b, where z is that of a table
   over both (of one without costs, if there is none).
6. ``z == 0`` (``y == 0``) for entries that are forbidden: no mapping fits.
7. Minimize the sum of costs at the entries read.

Where all costs are lower bounds, so is the optimum, for every choice of widths. Where those that are read are exact,
the optimum is: every other choice costs at least its own sum of bounds, which is no less.

:mod:`formulations.networks.width_bound` bounds the sum of costs, in all and for choices that use a given literal. What
cannot be part of a good choice is left out of the program, which makes it small.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from ortools.sat.python import cp_model

from formulations.cp_sat import STATUS, SolverStatus, exact_solver, whole_bound
from formulations.stop import Stop

POLL_S = 0.1
"""Seconds between two looks at a request to stop."""

MOST = 1 << 60
"""Largest sum of costs, in units of their common divisor, that the solver takes."""

Range = tuple[int, int]
Values = tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """Words and multiply-accumulates of every entry, in the order of :meth:`WidthProblem.entries`."""

    axes: tuple[int, ...]
    words: tuple[int, ...]
    macs: tuple[int, ...]


@dataclass(frozen=True)
class Pairing:
    """The pairs of totals that two axes may have together."""

    axes: tuple[int, int]
    allowed: frozenset[Values]


@dataclass(frozen=True)
class WidthProblem:
    """Classes with their candidate widths, axes as sums of classes, tables, the ranges of both totals, pairings."""

    widths: tuple[Values, ...]
    axes: tuple[Values, ...]
    tables: tuple[Table, ...]
    words: Range
    macs: Range
    pairings: tuple[Pairing, ...] = ()

    def totals(self, axis: int) -> Values:
        """All totals that an axis can take, ascending."""
        sums = {0}
        for number, times in Counter(self.axes[axis]).items():
            sums = {total + times * width for total in sums for width in self.widths[number]}
        return tuple(sorted(sums))

    def entries(self, axes: tuple[int, ...]) -> list[Values]:
        """Totals of the axes for every entry of a table over them."""
        return list(itertools.product(*(self.totals(axis) for axis in axes)))


@dataclass(frozen=True)
class WidthOutcome:
    """Status, the width of every class and the entry read of every table (empty if none), a bound on the cost."""

    status: SolverStatus
    widths: Values
    entries: Values
    bound: int


@dataclass(frozen=True)
class LimitRow:
    """``low <= sum of coefficient * literal <= high`` over the columns named."""

    columns: Values
    coefficients: Values
    low: int
    high: int


class WidthProgram:
    """The program as rows over numbered literals; costs are given with every solve.

    ``read[t]`` names the literals by which table t is read, in the order of its entries; ``columns`` is their number.
    """

    def __init__(self, problem: WidthProblem) -> None:
        self.problem, self.columns = problem, 0
        self.rows: list[LimitRow] = []
        always = self._literals(1)  # no row is empty, whatever the tables
        self._one(always)
        self._x = [self._literals(len(widths)) for widths in problem.widths]
        for literals in self._x:
            self._one(literals)  # (1)
        self._y = [self._axis(number) for number in range(len(problem.axes))]
        self._z: dict[Values, list[int]] = {}
        self.read = [self._entries(table.axes) for table in problem.tables]
        every = [*always, *(literal for literals in self.read for literal in literals)]
        for (low, high), rows in (
            (problem.words, [table.words for table in problem.tables]),
            (problem.macs, [table.macs for table in problem.tables]),
        ):  # (4)
            self._row(every, [0, *(number for row in rows for number in row)], low, high)
        for pairing in problem.pairings:  # (5)
            pairs = zip(self._entries(pairing.axes), problem.entries(pairing.axes), strict=True)
            others = [literal for literal, totals in pairs if totals not in pairing.allowed]
            self._row([*always, *others], [0] + [1] * len(others), 0, 0)

    def _literals(self, count: int) -> list[int]:
        self.columns += count
        return list(range(self.columns - count, self.columns))

    def _row(self, columns: Sequence[int], coefficients: Sequence[int], low: int, high: int) -> None:
        """Add a row; a literal that is named twice has the sum of its coefficients."""
        total: dict[int, int] = {}
        for column, coefficient in zip(columns, coefficients, strict=True):
            total[column] = total.get(column, 0) + coefficient
        self.rows.append(LimitRow(tuple(total), tuple(total.values()), low, high))

    def _one(self, literals: Sequence[int], less: Sequence[int] = ()) -> None:
        """The sum of the literals is 1, or that of another one."""
        self._row((*literals, *less), [1] * len(literals) + [-1] * len(less), int(not less), int(not less))

    def _axis(self, number: int) -> list[int]:
        """The literals of an axis (2)."""
        classes = self.problem.axes[number]
        if len(classes) == 1:
            return self._x[classes[0]]
        totals = self.problem.totals(number)
        literals = self._literals(len(totals))
        self._one(literals)
        parts = [(x, -w) for c in classes for x, w in zip(self._x[c], self.problem.widths[c], strict=True)]
        self._row([*literals, *(x for x, _ in parts)], [*totals, *(w for _, w in parts)], 0, 0)
        return literals

    def _entries(self, axes: Values) -> list[int]:
        """The literals by which tables over these axes are read (3)."""
        if len(axes) == 1:
            return self._y[axes[0]]
        if axes not in self._z:
            first, second = (self._y[axis] for axis in axes)
            cells = [self._literals(len(second)) for _ in first]
            for literal, row in zip(first, cells, strict=True):
                self._one(row, [literal])
            for literal, column in zip(second, zip(*cells, strict=True), strict=True):
                self._one(column, [literal])
            self._z[axes] = [literal for row in cells for literal in row]
        return self._z[axes]

    def objective(self, costs: Sequence[Sequence[int]]) -> list[int]:
        """Cost of every literal (7), from those of the entries of every table."""
        total = [0] * self.columns
        for literals, row in zip(self.read, costs, strict=True):
            for literal, cost in zip(literals, row, strict=True):
                total[literal] += cost
        return total

    def least(
        self, costs: Sequence[Sequence[int]], allowed: Collection[int], stop: Stop, *, workers: int = 1, seed: int = 0
    ) -> WidthOutcome:
        """Widths of the least sum of costs that use no literals but those allowed (6).

        Parameters
        ----------
        costs : sequence of sequence of int
            Per table the cost of every entry.
        allowed : collection of int
        stop : Stop
            A request ends the search, with the bound known by then.
        workers, seed : int
            Threads and random seed of the solver.

        Raises
        ------
        OverflowError
            If the costs are beyond the integers of the solver.
        """
        prices = self.objective(costs)
        common = math.gcd(*prices) or 1
        if sum(max(row, default=0) for row in costs) // common > MOST:
            raise OverflowError("costs beyond the integers of the solver")
        model = cp_model.CpModel()
        literal = {column: model.new_bool_var(f"c{column}") for column in allowed}
        for row in self.rows:
            kept = [(literal[n], a) for n, a in zip(row.columns, row.coefficients, strict=True) if n in literal]
            model.add_linear_constraint(_weighted(kept), row.low, row.high)
        model.minimize(_weighted([(x, prices[n] // common) for n, x in literal.items() if prices[n]]))
        solver = exact_solver(workers, seed)
        solver.parameters.catch_sigint_signal = False  # whoever asked for the search stops it
        status = STATUS[_solved(solver, model, stop)]
        if status in (SolverStatus.INFEASIBLE, SolverStatus.UNKNOWN):
            known = 0 if status is SolverStatus.INFEASIBLE else max(0, whole_bound(solver.best_objective_bound))
            return WidthOutcome(status, (), (), common * known)

        def place(literals: Sequence[int]) -> int:
            """The literal that is true."""
            return next(n for n, c in enumerate(literals) if c in literal and solver.boolean_value(literal[c]))

        widths = tuple(ws[place(xs)] for xs, ws in zip(self._x, self.problem.widths, strict=True))
        entries = tuple(place(literals) for literals in self.read)
        value = sum(row[entry] for row, entry in zip(costs, entries, strict=True))
        bound = value if status is SolverStatus.OPTIMAL else common * whole_bound(solver.best_objective_bound)
        return WidthOutcome(status.settled(value, bound), widths, entries, bound)


def _weighted(terms: Sequence[tuple[cp_model.IntVar, int]]) -> cp_model.LinearExprT:
    return cp_model.LinearExpr.weighted_sum([x for x, _ in terms], [a for _, a in terms])


def _solved(solver: cp_model.CpSolver, model: cp_model.CpModel, stop: Stop) -> cp_model.CpSolverStatus:
    """Run the solver until it ends, or soon after a request to stop."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(solver.solve, model)
        try:
            while not wait([future], timeout=POLL_S).done:
                if stop.requested:
                    solver.stop_search()
        except BaseException:
            solver.stop_search()
            raise
        code = future.result()
    if code not in STATUS:
        raise RuntimeError(f"the solver rejected the program: {model.validate()}")
    return code
