"""Solving the program of kept and recomputed activations, with proof."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from ortools.sat.python import cp_model

from formulations.checkpointing import CheckpointProgram, TrainingMemory
from formulations.solver import STATUS, Status, whole_bound

Goal = Literal["overhead", "peak"]
Choice = Literal["keep", "chip", "redo", "drop"]


PATIENCE_S = 5.0
"""Seconds that the second objective may take beyond the time of the first."""


@dataclass(frozen=True)
class Limits:
    """Caps on the peak off chip (bits) and on the overhead; None is no cap."""

    peak_bits: int | None = None
    overhead: int | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True)
class MemoryOutcome:
    """What a search has shown.

    ``value`` and ``bound`` are of the objective, ``second`` of the other one; ``second_proved`` says whether no answer
    with the same value has a lower one. ``choices`` is empty where there is no answer.
    """

    status: Status
    choices: tuple[Choice, ...]
    value: int
    bound: int
    second: int
    second_proved: bool
    wall_s: float


def solve_memory(
    memory: TrainingMemory, goal: Goal = "overhead", limits: Limits = NO_LIMITS, *,
    hint: tuple[Choice, ...] = (), time_limit_s: float | None = None, workers: int = 1, seed: int = 0,
) -> MemoryOutcome:  # fmt: skip
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
    """
    started = time.perf_counter()
    program = CheckpointProgram(memory)
    if limits.peak_bits is not None:
        program.model.add(program.peak <= limits.peak_bits)
    if limits.overhead is not None:
        program.model.add(program.overhead <= limits.overhead)
    main, other = program.overhead, program.peak
    if goal == "peak":
        main, other = other, main
    run = _Run(program, time_limit_s, workers, seed, started)
    start = run.start_from(hint) if hint else None
    status, solver = run.minimize(main)
    if status is Status.UNKNOWN and start is not None:
        value, bound = start.value(main), whole_bound(solver.best_objective_bound)
        return MemoryOutcome(Status.FEASIBLE, hint, value, bound, start.value(other), False, run.spent)
    if status is Status.UNKNOWN or status is Status.INFEASIBLE:
        return MemoryOutcome(status, (), 0, whole_bound(solver.best_objective_bound), 0, False, run.spent)
    value = solver.value(main)
    bound = value if status is Status.OPTIMAL else whole_bound(solver.best_objective_bound)
    choices, second = read_choices(program, solver), solver.value(other)
    if status is not Status.OPTIMAL:
        return MemoryOutcome(status, choices, value, bound, second, False, run.spent)
    program.model.add(main <= value)
    _suggest(program, solver)
    refined, again = run.minimize(other, most_s=run.spent + PATIENCE_S)
    if refined in (Status.OPTIMAL, Status.FEASIBLE) and again.value(other) <= second:
        choices, second = read_choices(program, again), again.value(other)
    return MemoryOutcome(status, choices, value, bound, second, refined is Status.OPTIMAL, run.spent)


@dataclass(frozen=True)
class _Run:
    """Time, threads and seed of the two calls."""

    program: CheckpointProgram
    limit: float | None
    workers: int
    seed: int
    started: float

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
        if STATUS.get(status) not in (Status.OPTIMAL, Status.FEASIBLE):
            return None
        _suggest(program, solver)
        return solver

    def _solver(self, most_s: float | None = None) -> cp_model.CpSolver:
        """A solver for what is left of the time, or for `most_s`."""
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = self.workers
        solver.parameters.random_seed = self.seed
        solver.parameters.relative_gap_limit = 0.0
        left = [] if self.limit is None else [max(0.01, self.limit - self.spent)]
        left += [] if most_s is None else [most_s]
        if left:
            solver.parameters.max_time_in_seconds = min(left)
        return solver

    def minimize(
        self, expression: cp_model.LinearExprT, *, most_s: float | None = None
    ) -> tuple[Status, cp_model.CpSolver]:
        """Solve for the least value of an expression, within what is left of the time and `most_s`."""
        self.program.model.minimize(expression)
        solver = self._solver(most_s)
        code = solver.solve(self.program.model)
        if code not in STATUS:
            raise RuntimeError(f"the solver rejected the program: {self.program.model.validate()}")
        return STATUS[code], solver


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
