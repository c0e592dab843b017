"""The plain alternative: all layers and all hardware points as one CP-SAT program."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from benchmarks.merge import append, weighted
from formulations.layer.model import LayerProgram
from formulations.layer.sizing import SizedProblem
from formulations.layer.solver import STATUS, SolverStatus
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
    """The one program. It holds every layer's own with its menus (:mod:`formulations.layer.sizing`), and

    1. ``point[n, h] == point[0, h]`` for every layer n and hardware point h: all run on the same one
    2. minimize ``sum_n count_n * energy_n``.
    """
    model = cp_model.CpModel()
    shared: list[cp_model.IntVar] = []
    energy: cp_model.LinearExprT = 0
    for sized, count in layers:
        program = LayerProgram(sized)
        program.model.minimize(program.objective.energy.expression)
        variables = append(model, program.model)
        points = [variables[literal.index] for literal in program.sizes.point if not isinstance(literal, bool)]
        for first, other in zip(shared, points, strict=bool(shared)):
            model.add(first == other)  # (1)
        shared = shared or points
        stored = program.model.proto.objective
        energy += count * (weighted(variables, stored) + int(stored.offset))
    model.minimize(energy)  # (2)
    return JointProgram(model, shared, energy)


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
