"""One layer on fixed hardware: the best of all loop nests, by CP-SAT alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from ortools.sat.python import cp_model

from formulations.cp_sat import STATUS, SolverStatus, exact_solver, suggest, whole_bound
from formulations.faults import FaultError
from formulations.nest import Nest
from formulations.nest_program.magnitudes import check_magnitudes
from formulations.nest_program.program import NestProgram
from formulations.nest_program.sizing import SizedProblem
from formulations.problem import LayerProblem
from formulations.rows import LARGEST, Quantity, bounded, rejection
from formulations.spread import fewest_cycles
from formulations.stop import Stop

POLL_S = 0.05
"""How often a running solver is told that it should stop."""
Objective = Literal["energy", "latency", "weighted"]
Limits = dict[Objective, int]
"""The most that objectives may be."""


@dataclass(frozen=True)
class ProgramOutcome:
    """Outcome of a solve.

    Attributes
    ----------
    status : SolverStatus
        ``OPTIMAL``: proved, ties included. ``FEASIBLE``: a nest, not proved. ``INFEASIBLE``: none is within the limits.
        ``UNKNOWN``: the solve ended before any nest was found.
    solution : Nest or None
    bound : int
        No nest within the limits has a smaller objective, in energy units or (whole) cycles.
    """

    status: SolverStatus
    solution: Nest | None
    bound: int


def solve(
    problem: LayerProblem,
    objective: Objective = "energy",
    *,
    weight: int = 0,
    cap: int | None = None,
    below: int | None = None,
    stop: Stop | None = None,
    time_limit_s: float | None = None,
    workers: int = 1,
    seed: int = 0,
) -> ProgramOutcome:
    """The best nest of a layer on fixed hardware.

    Parameters
    ----------
    problem : LayerProblem
    objective : {"energy", "latency", "weighted"}
        Ties of energy are broken by latency, those of latency by energy; weighted is energy + weight x cycles.
    weight : int
        Energy units per cycle, objective weighted.
    cap : int, optional
        Most (whole) cycles.
    below : int, optional
        Only nests of a smaller objective are of interest.
    stop : Stop, optional
        Through which another thread may end the solve; then the outcome is not proved.
    time_limit_s : float, optional
        Seconds after which it ends in the same way.
    workers, seed : int
        Threads and random seed of the solver.

    Raises
    ------
    StoppedError
        If it was stopped before it began.
    OverflowError
        If numbers may leave the integers of the solver.
    FaultError
        If program and cost of a nest disagree.
    """
    until = None if time_limit_s is None else time.perf_counter() + time_limit_s
    calls = _Calls(stop or Stop(), until, workers, seed)
    calls.stop.check()
    search = _Search(problem, weight if objective == "weighted" else 0, calls)
    limits: Limits = {} if cap is None else {"latency": cap}
    if below is not None:
        limits[objective] = min(below - 1, limits.get(objective, below - 1))
    first = search.least(objective, limits)
    if first.status is not SolverStatus.OPTIMAL or objective == "weighted":
        return first
    return search.break_ties(objective, first, limits)


def find_below(
    problem: LayerProblem,
    objective: Literal["energy", "latency"],
    value: int,
    *,
    latency_cap: int | None = None,
    time_limit_s: float | None = None,
    seed: int = 0,
) -> ProgramOutcome:
    """Some nest of a layer whose objective is below a value, or the proof that there is none.

    A decision is easier than an optimum, and clauses decide it several times faster than linear relaxations do, so
    the solver has one thread and no relaxation.

    Parameters
    ----------
    problem : LayerProblem
    objective : {"energy", "latency"}
    value : int
        Energy or latency units.
    latency_cap : int, optional
        Only nests of at most this latency (latency units).
    time_limit_s : float, optional
    seed : int
        Of the solver.

    Returns
    -------
    ProgramOutcome
        ``INFEASIBLE``: no nest is below the value, which is the ``bound``. ``FEASIBLE``: the nest is. ``UNKNOWN``: time
        ran out.

    Raises
    ------
    OverflowError
        If costs exceed the solver's integers.
    """
    check_magnitudes([problem])
    until = None if time_limit_s is None else time.perf_counter() + time_limit_s
    calls = _Calls(Stop(), until, 1, seed)
    for machine in SizedProblem((problem,)).machines():
        if calls.over:
            return ProgramOutcome(SolverStatus.UNKNOWN, None, 0)
        program = NestProgram(machine)
        cost = program.costs.energy if objective == "energy" else program.costs.latency
        program.model.add(cost.expression < max(0, min(value, cost.high + 1)))
        if latency_cap is not None:
            program.model.add(program.costs.latency.expression <= min(latency_cap, program.costs.latency.high))
        status, solver = calls.solve(program.model)
        if status is SolverStatus.UNKNOWN:
            return ProgramOutcome(status, None, 0)
        if status is not SolverStatus.INFEASIBLE:
            nest = program.nest(solver.value)
            if (nest.energy if objective == "energy" else nest.latency) >= value:
                raise FaultError(f"the program says that a nest has {objective} below {value}, but its cost is not")
            return ProgramOutcome(SolverStatus.FEASIBLE, nest, 0)
    return ProgramOutcome(SolverStatus.INFEASIBLE, None, value)


@dataclass(frozen=True)
class _Calls:
    """How the solver is called: a single thread works without linear relaxations, which is several times faster."""

    stop: Stop
    until: float | None
    workers: int
    seed: int

    @property
    def over(self) -> bool:
        """Is there no time left?"""
        return self.stop.requested or (self.until is not None and time.perf_counter() >= self.until)

    def solve(self, model: cp_model.CpModel) -> tuple[SolverStatus, cp_model.CpSolver]:
        """Solve a model.

        Raises
        ------
        OverflowError
            If its numbers exceed the solver's integers.
        """
        left = None if self.until is None else self.until - time.perf_counter()
        solver = exact_solver(self.workers, self.seed, left)
        if self.workers == 1:
            solver.parameters.linearization_level = 0
        with _ended_by(self.stop, solver):
            code = solver.solve(model)
        if code not in STATUS:
            raise rejection(model)
        return STATUS[code], solver


class _Search:
    """The programs behind one answer: one per set of fan-outs that bound regions."""

    def __init__(self, problem: LayerProblem, weight: int, calls: _Calls) -> None:
        check_magnitudes([problem], weight)
        self._unit, self._weight, self._calls = problem.latency_unit, weight, calls
        self._machines = SizedProblem((problem,)).machines()
        self._hints: dict[int, cp_model.CpSolver] = {}

    def least(self, objective: Objective, limits: Limits) -> ProgramOutcome:
        """The best nest within limits: of every further machine it has to be better than that of those before."""
        best, proved, bounds = None, True, []
        for number, machine in enumerate(self._machines):
            within = dict(limits)
            if best is not None:
                within[objective] = min(within.get(objective, LARGEST), self.value(objective, best) - 1)
            if fewest_cycles(machine.widest) > within.get("latency", LARGEST):
                continue
            found = self._on(number, objective, within)
            best = found.solution or best
            proved &= found.status in (SolverStatus.OPTIMAL, SolverStatus.INFEASIBLE)
            if found.status is not SolverStatus.INFEASIBLE:
                bounds.append(found.bound)
        if best is None:
            status = SolverStatus.INFEASIBLE if proved else SolverStatus.UNKNOWN
            return ProgramOutcome(status, None, min(bounds, default=0))
        bound = min([*bounds, self.value(objective, best)])
        return ProgramOutcome(SolverStatus.OPTIMAL if proved else SolverStatus.FEASIBLE, best, bound)

    def break_ties(self, objective: Objective, first: ProgramOutcome, limits: Limits) -> ProgramOutcome:
        """Of the nests as good as an optimum, that of the least cycles, or energy."""
        if first.solution is None:
            return first
        other: Objective = "latency" if objective == "energy" else "energy"
        most = {objective: first.bound, other: self.value(other, first.solution) - 1}
        within = {**most, "latency": min(most["latency"], limits.get("latency", LARGEST))}
        second = self.least(other, within)
        proved = second.status in (SolverStatus.OPTIMAL, SolverStatus.INFEASIBLE)
        status = SolverStatus.OPTIMAL if proved else SolverStatus.FEASIBLE
        return ProgramOutcome(status, second.solution or first.solution, first.bound)

    def value(self, objective: Objective, nest: Nest) -> int:
        """An objective of a nest."""
        cycles = -(-nest.latency // self._unit)
        return cycles if objective == "latency" else nest.energy + (objective == "weighted") * self._weight * cycles

    def _on(self, number: int, objective: Objective, limits: Limits) -> ProgramOutcome:
        """The best nest on one machine."""
        if self._calls.over:
            return ProgramOutcome(SolverStatus.UNKNOWN, None, 0)
        program = NestProgram(self._machines[number])
        goals = self._goals(program)
        for name, most in limits.items():
            program.model.add(goals[name].expression <= max(-1, min(most, goals[name].high)))
        if number in self._hints:
            suggest(program.model, self._hints[number])
        program.model.minimize(goals[objective].expression)
        status, solver = self._calls.solve(program.model)
        if status is SolverStatus.INFEASIBLE:
            return ProgramOutcome(status, None, 0)
        bound = max(0, whole_bound(solver.best_objective_bound))
        if status is SolverStatus.UNKNOWN:
            return ProgramOutcome(status, None, bound)
        nest, reached = program.nest(solver.value), solver.value(goals[objective].expression)
        value = self.value(objective, nest)
        if value > reached or (status is SolverStatus.OPTIMAL and value != reached):
            raise FaultError(f"the program says that a nest has {objective} {reached}, but it is {value}")
        self._hints[number] = solver
        bound = value if status is SolverStatus.OPTIMAL else min(bound, value)
        return ProgramOutcome(status.settled(value, bound), nest, bound)

    def _goals(self, program: NestProgram) -> dict[Objective, Quantity]:
        energy, cycles, weight = program.costs.energy, program.costs.cycles, self._weight
        high = bounded(energy.high + weight * cycles.high)
        weighted = Quantity(energy.expression + weight * cycles.expression, energy.low, high)
        return {"energy": energy, "latency": cycles, "weighted": weighted}


@contextmanager
def _ended_by(stop: Stop, solver: cp_model.CpSolver) -> Iterator[None]:
    """A solver that runs inside is told to end once a stop is requested."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL_S):
            if stop.requested:
                solver.stop_search()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
