"""Solving the program of kept and recomputed activations, with proof."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from ortools.sat.python import cp_model

from formulations.cp_sat import STATUS, SolverStatus, exact_solver, whole_bound
from formulations.networks.checkpointing import CheckpointProgram, TrainingMemory

Goal = Literal["overhead", "peak"]
Choice = Literal["keep", "chip", "redo", "drop"]


TURN_S = 5.0
"""Seconds of the first turn of a search for the least peak."""

PATIENCE_S = 5.0
"""Seconds that the second objective may take beyond the time of the first."""


@dataclass(frozen=True)
class MemoryLimits:
    """Caps on the peak off chip (bits) and on the overhead; None is no cap."""

    peak_bits: int | None = None
    overhead: int | None = None


NO_LIMITS = MemoryLimits()


@dataclass(frozen=True)
class MemoryOutcome:
    """What a search has shown.

    ``value`` and ``bound`` are of the objective, ``second`` of the other one; ``second_proved`` says whether no answer
    with the same value has a lower one. ``choices`` is empty where there is no answer.
    """

    status: SolverStatus
    choices: tuple[Choice, ...]
    value: int
    bound: int
    second: int
    second_proved: bool
    wall_s: float


def solve_memory(
    memory: TrainingMemory,
    goal: Goal = "overhead",
    limits: MemoryLimits = NO_LIMITS,
    *,
    hint: tuple[Choice, ...] = (),
    time_limit_s: float | None = None,
    workers: int = 1,
    seed: int = 0,
) -> MemoryOutcome:
    """The best choice for every forward tensor of a training step.

    Parameters
    ----------
    memory : TrainingMemory
    goal : {"overhead", "peak"}
        What is minimized; the other one is minimized among all answers of the same value.
    limits : Limits
        Caps.
    hint : tuple of str, optional
        Choices to start from.
    time_limit_s : float, optional
        For both objectives together. Ctrl-C stops as well, with the best answer so far.
    workers, seed : int
        Threads and random seed of the solver.

    Returns
    -------
    MemoryOutcome

    Raises
    ------
    OverflowError
        If the bits or the costs of the step do not fit the solver's integers.
    """
    reach = memory.reach
    program = CheckpointProgram(memory)
    for limited, cap in ((program.peak, limits.peak_bits), (program.overhead, limits.overhead)):
        if cap is not None:
            program.model.add(limited <= max(-reach - 1, min(cap, reach)))  # a cap beyond all values is no cap
    run = _Run(program, time_limit_s, workers, seed, time.perf_counter())
    start = run.start_from(hint) if hint else None
    main, other = (program.peak, program.overhead) if goal == "peak" else (program.overhead, program.peak)
    found = run.least_peak(start) if goal == "peak" else run.least(main, start)
    if found.solver is None:
        return MemoryOutcome(found.status, (), 0, found.bound, 0, False, run.spent)
    value, second, choices = found.solver.value(main), found.solver.value(other), read_choices(program, found.solver)
    if found.status is not SolverStatus.OPTIMAL:
        return MemoryOutcome(found.status, choices, value, found.bound, second, False, run.spent)
    program.model.add(main <= value)
    again = run.least(other, found.solver, most_s=run.spent + PATIENCE_S)
    assert again.solver is not None
    choices, second = read_choices(program, again.solver), again.solver.value(other)
    return MemoryOutcome(found.status, choices, value, value, second, again.status is SolverStatus.OPTIMAL, run.spent)


@dataclass(frozen=True)
class _Found:
    """Status and proved bound of an objective, the solver that holds the best answer, whether the user stopped it."""

    status: SolverStatus
    bound: int
    solver: cp_model.CpSolver | None
    stopped: bool = False


@dataclass(frozen=True)
class _Run:
    """Time, threads and seed of the calls of the solver."""

    program: CheckpointProgram
    limit: float | None
    workers: int
    seed: int
    started: float

    @property
    def left_s(self) -> float:
        """Seconds left."""
        return math.inf if self.limit is None else self.limit - self.spent

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    def start_from(self, choices: tuple[Choice, ...]) -> cp_model.CpSolver | None:
        """Find the values of all variables under given choices and hint them; None if they break a cap."""
        program = self.program
        for choice, *literals in zip(choices, program.keep, program.chip, program.redo, strict=True):
            for name, literal in zip(("keep", "chip", "redo"), literals, strict=True):
                program.model.add_hint(literal, choice == name)
        program.model.minimize(program.peak)
        solver = self._solver()
        solver.parameters.fix_variables_to_their_hinted_value = True
        status = solver.solve(program.model)
        program.model.clear_hints()
        if STATUS.get(status) not in (SolverStatus.OPTIMAL, SolverStatus.FEASIBLE):
            return None
        _suggest(program, solver)
        return solver

    def _solver(self, most_s: float | None = None) -> cp_model.CpSolver:
        """A solver for what is left of the time, or for `most_s`."""
        left_s = min(self.left_s, math.inf if most_s is None else most_s)
        solver = exact_solver(self.workers, self.seed, left_s)
        solver.parameters.catch_sigint_signal = False  # the solver's own handler is not taken away afterwards
        return solver

    def _solve(
        self, model: cp_model.CpModel, most_s: float | None = None
    ) -> tuple[SolverStatus, cp_model.CpSolver, bool]:
        """Status, solver, and whether the user stopped it with Ctrl-C."""
        solver, stopped = self._solver(most_s), False
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(solver.solve, model)
            try:
                code = future.result()
            except KeyboardInterrupt:
                stopped = True
                solver.stop_search()
                code = future.result()
        if code not in STATUS:
            raise RuntimeError(f"the solver rejected the program: {model.validate()}")
        return STATUS[code], solver, stopped

    def least(
        self, expression: cp_model.LinearExprT, known: cp_model.CpSolver | None, *, most_s: float | None = None
    ) -> _Found:
        """The least value of an expression; `known` holds an answer to start from and to fall back to."""
        if known is not None:
            _suggest(self.program, known)
        self.program.model.minimize(expression)
        status, solver, stopped = self._solve(self.program.model, most_s)
        bound = whole_bound(solver.best_objective_bound)
        if status is SolverStatus.INFEASIBLE:
            return _Found(status, bound, None)
        if status is SolverStatus.OPTIMAL:
            return _Found(status, solver.value(expression), solver)
        if status is SolverStatus.UNKNOWN and known is None:
            return _Found(status, bound, None, stopped)
        if known is not None and (status is SolverStatus.UNKNOWN or known.value(expression) < solver.value(expression)):
            solver = known
        return _Found(SolverStatus.FEASIBLE.settled(solver.value(expression), bound), bound, solver, stopped)

    def least_peak(self, known: cp_model.CpSolver | None) -> _Found:
        """The least peak, in turns of growing length: a search for better answers, then caps that no answer may meet.

        With the cap a constant all sizes of a row have a common divisor, and the proof takes much less time than with
        the peak a variable. Caps are right below the best answer, and halfway between the bound and it.
        """
        most_s = TURN_S
        found = self.least(self.program.peak, known, most_s=None if known is None else most_s)
        while found.status is SolverStatus.FEASIBLE and not found.stopped and self.left_s > 0:
            found = self._below(found, 1, most_s)
            if found.status is SolverStatus.FEASIBLE and not found.stopped:
                found = self._below(found, 2, most_s / 2)
            if found.status is SolverStatus.FEASIBLE and not found.stopped:
                again = self.least(self.program.peak, found.solver, most_s=2 * most_s)
                found = self._joined(found, again)
            most_s *= 2
        return found

    def _joined(self, found: _Found, again: _Found) -> _Found:
        """An answer at least as good as an earlier one, with the better of both bounds."""
        assert again.solver is not None
        if again.status is SolverStatus.OPTIMAL:
            return again
        bound = max(found.bound, again.bound)
        return replace(again, bound=bound, status=again.status.settled(again.solver.value(self.program.peak), bound))

    def _below(self, found: _Found, parts: int, most_s: float) -> _Found:
        """Ask for a peak right below the best one (`parts` 1), or for one that is a part of the gap above the bound."""
        assert found.solver is not None
        value = found.solver.value(self.program.peak)
        cap = value - 1 if parts == 1 else found.bound + (value - 1 - found.bound) // parts
        trial = self.program.model.clone()
        trial.clear_objective()
        trial.add(self.program.peak <= cap)
        status, solver, stopped = self._solve(trial, most_s)
        bound, best = found.bound, found.solver
        if status is SolverStatus.INFEASIBLE:
            bound = max(bound, cap + 1)
        elif status in (SolverStatus.OPTIMAL, SolverStatus.FEASIBLE):
            best = self.start_from(read_choices(self.program, solver)) or best
        return _Found(SolverStatus.FEASIBLE.settled(best.value(self.program.peak), bound), bound, best, stopped)


def _suggest(program: CheckpointProgram, solver: cp_model.CpSolver) -> None:
    """Hint every variable with the value that a solver holds."""
    program.model.clear_hints()
    for index, number in enumerate(solver.response_proto.solution[: len(program.model.proto.variables)]):
        program.model.add_hint(program.model.get_int_var_from_proto_index(index), number)


def read_choices(program: CheckpointProgram, solver: cp_model.CpSolver) -> tuple[Choice, ...]:
    """The choice of every tensor in an answer."""

    def choice(t: int) -> Choice:
        if solver.boolean_value(program.keep[t]):
            return "keep"
        if solver.boolean_value(program.chip[t]):
            return "chip"
        return "redo" if solver.boolean_value(program.redo[t]) else "drop"

    return tuple(choice(t) for t in range(len(program.memory.tensors)))
