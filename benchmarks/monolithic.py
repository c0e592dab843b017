"""The plain alternative: all layers and all hardware points as one CP-SAT program."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from benchmarks.merge import append, weighted
from formulations.cp_sat import STATUS, SolverStatus
from formulations.nest_program.program import NestProgram
from formulations.nest_program.sizing import SizedProblem
from optimizer.architecture.architecture import Architecture
from optimizer.pricing.lowering import lower
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network

Counted = tuple[SizedProblem, int]
"""A layer on every hardware point, and how often the network runs it."""


@dataclass(frozen=True)
class JointOutcome:
    """Outcome of the one program.

    ``value`` (None without a solution) and ``bound`` are energies in energy units, ``point`` is the number of the
    hardware point. ``wall_s`` holds the time to write the program down.
    """

    status: SolverStatus
    value: int | None
    bound: int
    point: int | None
    wall_s: float

    @property
    def gap(self) -> float | None:
        """(value - bound) / value; None without a solution."""
        return None if not self.value else max(0.0, (self.value - self.bound) / self.value)


@dataclass(frozen=True)
class JointProgram:
    """All layers in one model: the literals of the hardware points (empty if there is one) and the energy."""

    model: cp_model.CpModel
    points: list[cp_model.IntVar]
    energy: cp_model.LinearExprT


def sized_layers(network: Network, architecture: Architecture) -> list[Counted]:
    """The distinct multiply-accumulate layers of a network, each on every hardware point."""
    points = list(architecture.points())
    groups: dict[object, list[Layer]] = {}
    for layer in network.mac_layers():
        groups.setdefault(layer.shape_key(), []).append(layer)

    def sized(layer: Layer) -> SizedProblem:
        return SizedProblem(tuple(lower(layer, point, accounting=architecture.accounting) for point in points))

    return [(sized(members[0]), sum(member.multiplicity for member in members)) for members in groups.values()]


def joint_program(layers: Sequence[Counted]) -> JointProgram:
    """The one program. Of every layer n it holds the programs of its machines m, which leave fan-outs out
    (:mod:`formulations.nest_program.machines`), each with its menus, and

    1. exactly one ``on[n, m]``, the machine that prices layer n
    2. ``point[n, m, h] == point[0, 0, h]`` for every hardware point h: all run on the same one
    3. ``on[n, m]  =>  energy[n] >= energy[n, m]``
    4. minimize ``sum_n count_n * energy_n``.
    """
    model = cp_model.CpModel()
    shared: list[cp_model.IntVar] = []
    total: cp_model.LinearExprT = 0
    for sized, count in layers:
        priced = []
        for machine in sized.machines():
            program = NestProgram(machine)
            energy = program.costs.energy
            program.model.minimize(energy.expression)
            variables = append(model, program.model)
            points = [variables[literal.index] for literal in program.sizes.point if not isinstance(literal, bool)]
            for first, other in zip(shared, points, strict=bool(shared)):
                model.add(first == other)  # (2)
            shared = shared or points
            stored = program.model.proto.objective
            priced.append((weighted(variables, stored) + int(stored.offset), energy.high))
        on = [model.new_bool_var("on") for _ in priced]
        model.add_exactly_one(on)  # (1)
        least = model.new_int_var(0, max(high for _, high in priced), "energy")
        for chosen, (expression, _) in zip(on, priced, strict=True):
            model.add(least >= expression).only_enforce_if(chosen)  # (3)
        total += count * least
    model.minimize(total)  # (4)
    return JointProgram(model, shared, total)


def solve_joint(
    layers: Sequence[Counted], *, time_limit_s: float | None = None, workers: int = 1, seed: int = 0
) -> JointOutcome:
    """Least energy of a network over all hardware points, as one program.

    Parameters
    ----------
    layers : sequence of (SizedProblem, int)
        From :func:`sized_layers`.
    time_limit_s : float, optional
        For writing the program down and solving it.
    workers, seed : int
        Threads and random seed of the solver.
    """
    start = time.perf_counter()
    program = joint_program(layers)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.random_seed = workers, seed
    solver.parameters.relative_gap_limit = 0.0
    if time_limit_s is not None:
        solver.parameters.max_time_in_seconds = max(0.01, time_limit_s - (time.perf_counter() - start))
    status = STATUS[solver.solve(program.model)]
    wall = time.perf_counter() - start
    bound = max(0, math.floor(float(solver.best_objective_bound)))
    if status not in (SolverStatus.OPTIMAL, SolverStatus.FEASIBLE):
        return JointOutcome(status, None, bound, None, wall)
    value = int(solver.value(program.energy))
    point = next((n for n, literal in enumerate(program.points) if solver.boolean_value(literal)), 0)
    return JointOutcome(status, value, value if status is SolverStatus.OPTIMAL else bound, point, wall)
