"""Proofs of statements about single layers: by the checker's own search over every nest, by the CP-SAT program of a
layer, else by the search with fresh tables.

Energy units per cycle are lost in the same way as
leakage of the outermost level, which has a single instance: a weighted cost is the energy of a machine that leaks more.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from formulations.cp_sat import SolverStatus
from formulations.engines import Engine
from formulations.nest_program.solve import find_below
from formulations.nest_rules import NO_RULES
from formulations.problem import LayerProblem
from formulations.stop import StoppedError
from optimizer.checker.again.nest_graph import Verdict, decide_floor
from optimizer.checker.again.time_limit import limited
from optimizer.checker.claims.solve import Accounting
from optimizer.checker.effort import Route
from optimizer.checker.statements import Statement
from optimizer.pricing.lowering import lower
from optimizer.problem.goal import INFEASIBLE_COST

OTHER_SEED = 104729
TIME = "time ran out"
SIZE = "the numbers exceed the integers of both searches"


class Decision(NamedTuple):
    """The method of a proof; without a proof, the costs of a mapping that refutes the statement, or why it is
    undecided.
    """

    route: Route | None
    refuted: str = ""
    why: str = ""


def problems(statement: Statement, accounting: Accounting) -> Iterator[LayerProblem]:
    """The layer with each of its padded extents; its energy (or latency) is the cost."""
    for extents in statement.group.variants:
        problem = lower(statement.group.layer, statement.hardware, accounting=accounting, extents=extents)
        outer = problem.levels[0]
        outer = replace(outer, leak_energy=outer.leak_energy + (statement.weight or 0))
        yield replace(problem, levels=(outer, *problem.levels[1:]))


def decide(
    statement: Statement, accounting: Accounting, engine: Engine, *, program_s: float, search_s: float | None
) -> Decision:
    """Prove or refute a statement; `program_s` and `search_s` are the time limits of both routes (None: no limit)."""
    routes = set()
    until = time.perf_counter() + program_s
    for problem in problems(statement, accounting):
        found = _by_program(problem, statement, engine, until - time.perf_counter())
        if found is None:
            found = _by_search(problem, statement, engine, search_s)
        if found.route is None:
            return found
        routes.add(found.route)
    return Decision(Route.PATH if Route.PATH in routes else Route.CP_SAT)


def by_program(statement: Statement, accounting: Accounting, engine: Engine, seconds: float) -> Decision | None:
    """Prove or refute a statement by CP-SAT alone; None if that needs more time or larger
    integers.
    """
    until = time.perf_counter() + seconds
    for problem in problems(statement, accounting):
        found = _by_program(problem, statement, engine, until - time.perf_counter())
        if found is None or found.route is None:
            return found
    return Decision(Route.CP_SAT)


def by_own_search(statement: Statement, accounting: Accounting, seconds: float) -> Decision | None:
    """Prove or refute a statement by the checker's own search; None if that needs more time, or cannot be done."""
    until = time.perf_counter() + seconds
    for problem in problems(statement, accounting):
        value, cap = _limits(problem, statement)
        found = decide_floor(
            problem,
            "latency" if statement.weight is None else "energy",
            value,
            latency_cap=cap,
            time_limit_s=until - time.perf_counter(),
        )
        if found.nest is not None:
            return Decision(None, _costs(problem, statement, found.nest.energy, found.nest.latency))
        if found.verdict is not Verdict.PROVED:
            return None
    return Decision(Route.CHECKER)


def _limits(problem: LayerProblem, statement: Statement) -> tuple[int, int | None]:
    """The cost that a refutation must be below, and its largest latency, in units of the problem; cycles are whole."""
    unit = problem.latency_unit
    value = (statement.lower_bound - 1) * unit + 1 if statement.weight is None else statement.lower_bound
    return value, None if statement.cap is None else statement.cap * unit


def _by_program(problem: LayerProblem, statement: Statement, engine: Engine, seconds: float) -> Decision | None:
    if seconds <= 0 or problem.rules != NO_RULES:  # the program knows no rules for nests
        return None
    value, cap = _limits(problem, statement)
    try:
        found = find_below(
            problem,
            "latency" if statement.weight is None else "energy",
            value,
            latency_cap=cap,
            time_limit_s=seconds,
            seed=OTHER_SEED,
        )
    except OverflowError:
        return None
    if found.status is SolverStatus.INFEASIBLE:
        return Decision(Route.CP_SAT)
    if found.solution is None:
        return None
    return Decision(None, _costs(problem, statement, found.solution.energy, found.solution.latency))


def _by_search(problem: LayerProblem, statement: Statement, engine: Engine, seconds: float | None) -> Decision:
    value, cap = _limits(problem, statement)
    most = INFEASIBLE_COST if cap is None else min(cap, INFEASIBLE_COST)
    if statement.weight is None:
        goal, cutoff, most = "latency", None, min(value - 1, most)
    else:
        goal, cutoff = "energy", (min(value, INFEASIBLE_COST), 0)
    try:
        with limited(seconds) as stop:
            found = engine.solve(problem, goal, latency_cap=most, cutoff=cutoff, stop=stop)
    except StoppedError:
        return Decision(None, why=TIME)
    except OverflowError:
        return Decision(None, why=SIZE)
    if found is None:
        return Decision(Route.PATH)
    return Decision(None, _costs(problem, statement, found.energy, found.latency))


def _costs(problem: LayerProblem, statement: Statement, energy: int, latency: int) -> str:
    cycles = -(-latency // problem.latency_unit)
    if statement.weight is None:
        return f"{cycles} cycles"
    return f"{energy - statement.weight * cycles} energy units and {cycles} cycles"
