"""Sizing of the sparse engine: one row per junction, a width and a timing, under budgets.

A *row* of junction i is one pair (out-degree, z) that keeps the rules of a single junction, with everything that
follows from it: edges W, clocks C, z itself, right neurons per clock, depth D, sweeps (the out-degree), and what it
takes of each resource.
A *timing* is a PROCTIME (clocks) with a clock period (time units), maybe for one largest in-degree only.

Variables:

    pick[i, k]   Boolean: junction i is built as row k
    width[w]     Boolean: words have the w-th width
    timing[m]    Boolean: the arithmetic is pipelined as the m-th timing
    C            clocks, the longest junction cycle
    longest[i]   Boolean: junction i takes C clocks (only where they may differ)
    time         time units per input
    use[r]       units of resource r
    edges        sum of W, which orders densities: the dense network is fixed

1. one row per junction, one width, one timing
2. ``sum_k C[i, k] pick[i, k] = C`` if *balanced*; else ``<= C``, and ``>= C`` where ``longest[i]``, for at least one i
3. if *right side*: ``sum_k z[i+1, k] pick[i+1, k] >= sum_k right[i, k] pick[i, k]``
4. if *hazard*: not both ``timing[m]`` and ``pick[i, k]`` where i >= 2, ``D[i, k] > 1`` and ``(1 + PROCTIME[m]) mod
   D[i, k] = 0``
5. if *fresh*: nor where i >= 2, ``sweeps[i, k] > 1`` and ``D[i, k] <= 1 + PROCTIME[m]``
6. a timing for the largest in-degree g (as ``ceil(log2)``) excludes rows above g and needs a row of g
7. ``timing[m]  =>  time = period[m] (C + 2 + PROCTIME[m])``
8. ``width[w]  =>  use[r] = sum_{i,k} use[i, k, w, r] pick[i, k]``
9. ``use[r] <= budget[r]``, ``time <= budget``

Minimize the first goal; hold it and minimize the next, and so on (``edges`` is maximized).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ortools.sat.python import cp_model

from formulations.cp_sat import STATUS, SolverStatus, exact_solver, whole_bound
from formulations.rows import LARGEST

TIME = "time"
EDGES = "edges"


@dataclass(frozen=True)
class JunctionRow:
    """A way to build a junction; ``use[w][r]`` for width w and resource r."""

    parallel: int
    edges: int
    cycles: int
    right: int
    depth: int
    sweeps: int
    fan_in_log: int
    use: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Timing:
    """PROCTIME in clocks, period in time units, and the largest in-degree it is for (None: any)."""

    proctime: int
    period: int
    fan_in_log: int | None = None


@dataclass(frozen=True)
class SparseSizing:
    """A sizing problem: rows per junction, number of widths, timings, resource names, budgets by name and rules."""

    rows: tuple[tuple[JunctionRow, ...], ...]
    widths: int
    timings: tuple[Timing, ...]
    resources: tuple[str, ...]
    budgets: Mapping[str, int] = field(default_factory=dict)
    balanced: bool = True
    right_side: bool = True
    hazard: bool = True
    fresh: bool = False


@dataclass(frozen=True)
class SizingOutcome:
    """The rows, width and timing chosen (None without a design), a proved bound of the first goal, and its value."""

    status: SolverStatus
    rows: tuple[int, ...] | None
    width: int
    timing: int
    value: int | None
    bound: int | None


class _Program:
    """The program and its expressions by goal."""

    def __init__(self, problem: SparseSizing, goals: Sequence[str]) -> None:
        self._problem = problem
        self.model = model = cp_model.CpModel()
        self.pick = [[model.new_bool_var("pick") for _ in rows] for rows in problem.rows]
        self.width = [model.new_bool_var("width") for _ in range(problem.widths)]
        self.timing = [model.new_bool_var("timing") for _ in problem.timings]
        for literals in (*self.pick, self.width, self.timing):
            model.add_exactly_one(literals)  # (1)
        self._cycle()
        self._pipeline()
        self._timings()
        self.goals: dict[str, cp_model.LinearExprT] = {EDGES: -self._sum("edges")}
        self._time()
        self._uses({*goals, *problem.budgets})
        for name, budget in problem.budgets.items():
            if budget <= LARGEST:  # no goal is larger
                model.add(self.goals[name] <= budget)  # (9)

    def _of(self, junction: int, name: str) -> cp_model.LinearExprT:
        rows = self._problem.rows[junction]
        return sum(getattr(row, name) * literal for row, literal in zip(rows, self.pick[junction], strict=True))

    def _sum(self, name: str) -> cp_model.LinearExprT:
        return sum(self._of(junction, name) for junction in range(len(self.pick)))

    def _cycle(self) -> None:
        longest = max(row.cycles for rows in self._problem.rows for row in rows)
        self.cycle = self.model.new_int_var(1, longest, "C")
        each = [self._of(junction, "cycles") for junction in range(len(self.pick))]
        if self._problem.balanced:
            for cycles in each:
                self.model.add(cycles == self.cycle)  # (2)
            return
        longest_one = [self.model.new_bool_var("longest") for _ in each]
        self.model.add_bool_or(longest_one)  # (2)
        for cycles, literal in zip(each, longest_one, strict=True):
            self.model.add(self.cycle >= cycles)  # (2)
            self.model.add(self.cycle <= cycles).only_enforce_if(literal)  # (2)

    def _pipeline(self) -> None:
        if self._problem.right_side:
            for junction in range(len(self.pick) - 1):
                self.model.add(self._of(junction + 1, "parallel") >= self._of(junction, "right"))  # (3)

    def _timings(self) -> None:
        for timing, chosen in zip(self._problem.timings, self.timing, strict=True):
            widest = []
            for junction, rows in enumerate(self._problem.rows):
                for row, literal in zip(rows, self.pick[junction], strict=True):
                    if junction > 0 and self._unsafe(row, 1 + timing.proctime):
                        self.model.add_implication(chosen, ~literal)  # (4), (5)
                    elif timing.fan_in_log is not None and row.fan_in_log > timing.fan_in_log:
                        self.model.add_implication(chosen, ~literal)  # (6)
                    elif row.fan_in_log == timing.fan_in_log:
                        widest.append(literal)
            if timing.fan_in_log is not None:
                self.model.add_bool_or([~chosen, *widest])  # (6)

    def _unsafe(self, row: JunctionRow, latency: int) -> bool:
        collides = row.depth > 1 and latency % row.depth == 0
        stale = row.sweeps > 1 and row.depth <= latency
        return (self._problem.hazard and collides) or (self._problem.fresh and stale)

    def _time(self) -> None:
        timings = self._problem.timings
        longest = max(row.cycles for rows in self._problem.rows for row in rows)
        most = max(timing.period * (longest + 2 + timing.proctime) for timing in timings)
        if most > LARGEST:
            raise OverflowError(f"a time of {most} units")
        spent = self.model.new_int_var(0, most, "time")
        for timing, chosen in zip(timings, self.timing, strict=True):
            clocks = self.cycle + 2 + timing.proctime
            self.model.add(spent == timing.period * clocks).only_enforce_if(chosen)  # (7)
        self.goals[TIME] = spent

    def _uses(self, needed: set[str]) -> None:
        problem = self._problem
        for index, name in enumerate(problem.resources):
            if name not in needed:
                continue
            most = sum(max(use[index] for row in rows for use in row.use) for rows in problem.rows)
            used = self.model.new_int_var(0, most, "use")
            for width, chosen in enumerate(self.width):
                total = sum(
                    row.use[width][index] * literal
                    for rows, literals in zip(problem.rows, self.pick, strict=True)
                    for row, literal in zip(rows, literals, strict=True)
                )
                self.model.add(used == total).only_enforce_if(chosen)  # (8)
            self.goals[name] = used


def solve_sizing(
    problem: SparseSizing, goals: Sequence[str], *, time_limit_s: float | None = None, workers: int = 1, seed: int = 0
) -> SizingOutcome:
    """Best engine by `goals` in this order.

    Parameters
    ----------
    problem : SparseSizing
    goals : sequence of str
        ``time``, ``edges`` (the most) or names of resources; none: any engine.
    time_limit_s : float, optional
    workers, seed : int
        Threads and random seed of the solver.

    Returns
    -------
    SizingOutcome
        OPTIMAL only if every goal was proved; value and bound are those of the first, ``edges`` with its sign.

    Raises
    ------
    OverflowError
        If times leave the integers of the solver.
    """
    if not all(problem.rows):
        return SizingOutcome(SolverStatus.INFEASIBLE, None, 0, 0, None, None)
    program, started = _Program(problem, goals), time.perf_counter()
    best = SizingOutcome(SolverStatus.UNKNOWN, None, 0, 0, None, None)
    for stage, goal in enumerate(goals or ("",)):
        expression = program.goals[goal] if goals else 0
        program.model.minimize(expression)
        left = None if time_limit_s is None else time_limit_s - (time.perf_counter() - started)
        solver = exact_solver(workers, seed, left)
        status = STATUS[solver.solve(program.model)]
        if status is SolverStatus.INFEASIBLE:
            return SizingOutcome(status, None, 0, 0, None, None)
        if status is SolverStatus.UNKNOWN:
            return SizingOutcome(*_kept(best))
        found = _read(program, solver)
        value = solver.value(expression)
        bound = value if status is SolverStatus.OPTIMAL else whole_bound(solver.best_objective_bound)
        status = status.settled(value, bound)
        if stage == 0:
            best = SizingOutcome(status, *found, -value if goal == EDGES else value, -bound if goal == EDGES else bound)
        else:
            best = SizingOutcome(status, *found, best.value, best.bound)
        if status is not SolverStatus.OPTIMAL:
            return best
        program.model.add(expression <= value)
    return best


def _kept(
    best: SizingOutcome,
) -> tuple[SolverStatus, tuple[int, ...] | None, int, int, int | None, int | None]:
    """What is known when time runs out in a later stage: a design whose ties are open."""
    status = SolverStatus.UNKNOWN if best.rows is None else SolverStatus.FEASIBLE
    return status, best.rows, best.width, best.timing, best.value, best.bound


def _read(program: _Program, solver: cp_model.CpSolver) -> tuple[tuple[int, ...], int, int]:
    """Rows, width and timing of a solution."""

    def place(literals: list[cp_model.IntVar]) -> int:
        return next(index for index, literal in enumerate(literals) if solver.boolean_value(literal))

    return tuple(place(literals) for literals in program.pick), place(program.width), place(program.timing)
