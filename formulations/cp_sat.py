"""The CP-SAT solver: statuses, exact settings, bounds, hints."""

from __future__ import annotations

import math
from enum import Enum

from ortools.sat.python import cp_model


class SolverStatus(Enum):
    """What a solve has shown; never merged.

    ``OPTIMAL``: the solution is optimal, ties included. ``FEASIBLE``: a solution, not proved. ``INFEASIBLE``: there is
    none. ``UNKNOWN``: time ran out before any solution.
    """

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"

    def settled(self, value: int, bound: int) -> SolverStatus:
        """The status of an answer to a minimization whose value and proved bound are known: optimal where they meet."""
        return SolverStatus.OPTIMAL if self is SolverStatus.FEASIBLE and bound >= value else self


def exact_solver(workers: int, seed: int, left_s: float | None = None) -> cp_model.CpSolver:
    """A solver that stops at no gap, for the seconds that are left (None: no limit)."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    solver.parameters.relative_gap_limit = 0.0
    if left_s is not None:
        solver.parameters.max_time_in_seconds = max(0.01, left_s)
    return solver


STATUS = {
    cp_model.OPTIMAL: SolverStatus.OPTIMAL,
    cp_model.FEASIBLE: SolverStatus.FEASIBLE,
    cp_model.INFEASIBLE: SolverStatus.INFEASIBLE,
    cp_model.UNKNOWN: SolverStatus.UNKNOWN,
}
EXACT_FLOAT = 1 << 52


def whole_bound(bound: float) -> int:
    """A proved integer bound from a floating-point one: never larger than what was proved."""
    return math.floor(bound if abs(bound) < EXACT_FLOAT else bound - abs(bound) / EXACT_FLOAT)


def suggest(model: cp_model.CpModel, solver: cp_model.CpSolver) -> None:
    """Hint every variable of a model with the value a solver holds."""
    model.clear_hints()
    for index, number in enumerate(solver.response_proto.solution[: len(model.proto.variables)]):
        model.add_hint(model.get_int_var_from_proto_index(index), number)
