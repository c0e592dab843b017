"""Solving the layer program, with proof."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from ortools.sat.python import cp_model

from formulations.layer.model import LayerProgram, layer_program
from formulations.layer.rows import LARGEST, rejection
from formulations.layer.sizing import SizedProblem
from formulations.problem import LayerProblem, LayerSolution

ObjectiveName = Literal["energy", "latency", "edp"]


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


@dataclass(frozen=True)
class LayerOutcome:
    """Outcome of a solve.

    ``bound`` is a proved lower bound of the objective (energy units, latency units, or their product); ``point`` is the
    number of the hardware point chosen (0 where there was no choice).
    """

    status: SolverStatus
    solution: LayerSolution | None
    bound: int
    wall_s: float
    point: int = 0


@dataclass
class _Clock:
    """Time, threads and seed of a series of calls of the solver."""

    limit: float | None
    workers: int
    seed: int
    started: float

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    def solver(self) -> cp_model.CpSolver:
        """A solver for the time that is left."""
        return exact_solver(self.workers, self.seed, None if self.limit is None else self.limit - self.spent)


def exact_solver(workers: int, seed: int, left_s: float | None = None) -> cp_model.CpSolver:
    """A solver that stops at no gap, for the seconds that are left (None: no limit)."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    solver.parameters.relative_gap_limit = 0.0
    if left_s is not None:
        solver.parameters.max_time_in_seconds = max(0.01, left_s)
    return solver


@dataclass(frozen=True)
class _Stage:
    """Result of one call: its status, the solver (which holds the values), the value reached and the bound proved."""

    status: SolverStatus
    solver: cp_model.CpSolver
    value: int
    bound: int

    @property
    def found(self) -> bool:
        """Is there a solution?"""
        return self.status in (SolverStatus.OPTIMAL, SolverStatus.FEASIBLE)


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


def _run(program: LayerProgram, solver: cp_model.CpSolver) -> SolverStatus:
    """Solve a program.

    Raises
    ------
    OverflowError
        If its numbers exceed the solver's integers.
    """
    code = solver.solve(program.model)
    if code not in STATUS:
        raise rejection(program.model)
    return STATUS[code]


def _minimize(program: LayerProgram, clock: _Clock, expression: cp_model.LinearExprT) -> _Stage:
    program.model.minimize(expression)
    solver = clock.solver()
    status = _run(program, solver)
    if status is SolverStatus.INFEASIBLE:
        return _Stage(status, solver, 0, 0)
    if status is SolverStatus.UNKNOWN:
        return _Stage(status, solver, 0, max(0, whole_bound(solver.best_objective_bound)))
    value = solver.value(expression)
    bound = value if status is SolverStatus.OPTIMAL else whole_bound(solver.best_objective_bound)
    return _Stage(status.settled(value, bound), solver, value, bound)


def suggest(model: cp_model.CpModel, solver: cp_model.CpSolver) -> None:
    """Hint every variable of a model with the value a solver holds."""
    model.clear_hints()
    for index, number in enumerate(solver.response_proto.solution[: len(model.proto.variables)]):
        model.add_hint(model.get_int_var_from_proto_index(index), number)


def solve_layer(
    problem: LayerProblem,
    objective: ObjectiveName = "energy",
    *,
    latency_cap: int | None = None,
    hint: LayerSolution | None = None,
    time_limit_s: float | None = None,
    workers: int = 1,
    seed: int = 0,
) -> LayerOutcome:
    """Best mapping of a layer on fixed hardware.

    Parameters
    ----------
    problem : Problem
    objective : {"energy", "latency", "edp"}
        Ties are broken by latency, energy and energy in this order.
    latency_cap : int, optional
        Only mappings of at most this latency (latency units).
    hint : LayerSolution, optional
        A mapping of the declared space to start from.
    time_limit_s : float, optional
    workers, seed : int
        Threads and random seed of the solver.

    Returns
    -------
    LayerOutcome
    """
    return solve_sized(
        SizedProblem((problem,)),
        objective,
        latency_cap=latency_cap,
        hint=hint,
        time_limit_s=time_limit_s,
        workers=workers,
        seed=seed,
    )


def find_below(
    problem: LayerProblem,
    objective: Literal["energy", "latency"],
    value: int,
    *,
    latency_cap: int | None = None,
    time_limit_s: float | None = None,
    seed: int = 0,
) -> LayerOutcome:
    """Some mapping of a layer whose objective is below a value, or the proof that there is none.

    A decision is easier than an optimum, and clauses decide it several times faster than linear relaxations do, so
    the solver has one thread and no relaxation.

    Parameters
    ----------
    problem : Problem
    objective : {"energy", "latency"}
    value : int
        Energy or latency units.
    latency_cap : int, optional
        Only mappings of at most this latency (latency units).
    time_limit_s : float, optional
    seed : int
        Of the solver.

    Returns
    -------
    LayerOutcome
        ``INFEASIBLE``: no mapping is below the value, which is the ``bound``. ``FEASIBLE``: the solution is.
        ``UNKNOWN``: time ran out.

    Raises
    ------
    OverflowError
        If costs exceed the solver's integers.
    """
    clock = _Clock(time_limit_s, 1, seed, time.perf_counter())
    program = layer_program(problem)
    costs = program.objective
    cost = costs.energy if objective == "energy" else costs.latency
    program.model.add(cost.expression < min(value, cost.high + 1))
    if latency_cap is not None:
        program.model.add(costs.latency.expression <= min(latency_cap, costs.latency.high))
    solver = clock.solver()
    solver.parameters.linearization_level = 0
    status = _run(program, solver)
    if status is SolverStatus.INFEASIBLE:
        return LayerOutcome(status, None, value, clock.spent)
    if status is SolverStatus.UNKNOWN:
        return LayerOutcome(status, None, 0, clock.spent)
    energy, latency = costs_of(problem, program.read(solver, 0, 0))
    return LayerOutcome(SolverStatus.FEASIBLE, program.read(solver, energy, latency), 0, clock.spent)


def solve_sized(
    sized: SizedProblem,
    objective: ObjectiveName = "energy",
    *,
    latency_cap: int | None = None,
    hint: LayerSolution | None = None,
    time_limit_s: float | None = None,
    workers: int = 1,
    seed: int = 0,
) -> LayerOutcome:
    """Best hardware point of a menu and mapping of a layer on it, as one program.

    Parameters are those of :func:`solve_layer`. Latencies and the cap are in ``sized.latency_unit`` units per cycle.
    """
    clock = _Clock(time_limit_s, workers, seed, time.perf_counter())
    search = _Search(sized, clock, latency_cap, hint)
    found = {"energy": search.energy, "latency": search.latency, "edp": search.edp}[objective]()
    return replace(found, wall_s=clock.spent)


class _Search:
    """The calls of the solver behind one answer."""

    def __init__(self, sized: SizedProblem, clock: _Clock, latency_cap: int | None, hint: LayerSolution | None) -> None:
        self._sized, self._clock, self._cap, self._hint = sized, clock, latency_cap, hint

    def energy(self) -> LayerOutcome:
        """Least energy, then least latency."""
        return self._two_stages("energy", self._cap, None)

    def latency(self) -> LayerOutcome:
        """Least latency, then least energy."""
        return self._two_stages("latency", self._cap, None)

    def edp(self) -> LayerOutcome:
        """Least product of energy and latency, then least energy: an exact sweep over caps on latency.

        With E the least energy within cap b and L the least latency at E, latencies in ``[L, b]`` have products of
        at least ``E * L``; a mapping better than the incumbent B within b has latency at most ``(B - 1) // E``. So
        ``b <- min(L - 1, (B - 1) // E)`` until no mapping is left whose energy is at most
        ``(B - 1) // (least latency)``. Energies rise along the sweep, hence the first of equal products has the
        least energy. No product is ever a number of the solver.
        """
        best: LayerOutcome | None = None
        cap = self._cap
        reached = 0
        while True:
            step = self._two_stages("energy", cap, None if best is None else best.bound - 1)
            if step.status is SolverStatus.INFEASIBLE:
                return best or step
            if step.status is not SolverStatus.OPTIMAL or step.solution is None:
                return _unproved(best, step, reached)
            energy, latency = step.solution.energy, step.solution.latency
            if best is None or energy * latency < best.bound:
                best = replace(step, bound=energy * latency)
            reached = energy
            cap = min(latency - 1, (best.bound - 1) // max(energy, 1))

    def _two_stages(self, first: Literal["energy", "latency"], cap: int | None, most: int | None) -> LayerOutcome:
        """Least `first`, then the least of the other; latency within `cap`, (energy * least latency) within `most`."""
        program = LayerProgram(self._sized)
        costs = program.objective
        if cap is not None:
            program.model.add(costs.latency.expression <= min(cap, LARGEST))
        if most is not None:
            program.model.add(costs.energy.expression <= min(most // costs.latency.low, LARGEST))
        if self._hint is not None:
            self._start_from(program, self._hint)
        main = costs.energy if first == "energy" else costs.latency
        stage = _minimize(program, self._clock, main.expression)
        if not stage.found:
            return LayerOutcome(stage.status, None, stage.bound, 0.0)
        other = costs.latency if first == "energy" else costs.energy
        program.model.add(main.expression <= stage.value)
        suggest(program.model, stage.solver)
        refined = _minimize(program, self._clock, other.expression)
        proved = stage.status is SolverStatus.OPTIMAL and refined.status is SolverStatus.OPTIMAL
        holder = refined.solver if refined.found else stage.solver
        point = program.chosen_point(holder)
        values = (stage.value, refined.value) if first == "energy" else (refined.value, stage.value)
        solution = program.read(holder, *values)
        if not proved:
            energy, latency = costs_of(program.points[point], solution)
            solution = replace(solution, energy=energy, latency=latency)
        return LayerOutcome(
            SolverStatus.OPTIMAL if proved else SolverStatus.FEASIBLE, solution, stage.bound, 0.0, point
        )

    def _start_from(self, program: LayerProgram, hint: LayerSolution) -> None:
        """Hint all of a mapping: the values of a twin of the program (same variables) with its decisions fixed."""
        twin = LayerProgram(self._sized)
        for expression, number in twin.decisions(hint):
            twin.model.add(expression == number)
        stage = _minimize(twin, self._clock, 0)
        if stage.found:
            suggest(program.model, stage.solver)


def _unproved(best: LayerOutcome | None, step: LayerOutcome, reached: int) -> LayerOutcome:
    """The better of two outcomes of a sweep that ran out of time at energy `reached`."""

    def product(outcome: LayerOutcome) -> int:
        assert outcome.solution is not None
        return outcome.solution.energy * outcome.solution.latency

    options = [outcome for outcome in (best, step) if outcome is not None and outcome.solution is not None]
    if not options:
        return replace(step, bound=0)
    return replace(min(options, key=product), status=SolverStatus.FEASIBLE, bound=reached)


def costs_of(problem: LayerProblem, solution: LayerSolution) -> tuple[int, int]:
    """(energy, latency) that the program's expressions take on one mapping.

    Raises
    ------
    ValueError
        If the mapping is not in the declared space.
    """
    program = layer_program(problem)
    for expression, number in program.decisions(solution):
        program.model.add(expression == number)
    costs = program.objective
    energy, latency = costs.energy.expression, costs.latency.expression
    stage = _minimize(program, _Clock(None, 1, 0, time.perf_counter()), energy + latency)
    if stage.status is not SolverStatus.OPTIMAL:
        raise ValueError("the mapping is not in the declared space")
    return stage.solver.value(energy), stage.solver.value(latency)


def expression_value(problem: LayerProblem, solution: LayerSolution, objective: ObjectiveName) -> int:
    """Value of the program's objective with all decisions fixed to those of a mapping."""
    energy, latency = costs_of(problem, solution)
    return {"energy": energy, "latency": latency, "edp": energy * latency}[objective]
