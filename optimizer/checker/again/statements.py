"""Proofs of statements about single layers: by the checker's own search over every nest, by the CP-SAT program of a
layer, else by the search that the result came from, with fresh tables.

Energy units per cycle are lost in the same way as leakage of the outermost level, which has a single instance: a
weighted cost is the energy of a machine that leaks more.

The checker's own search knows no rules for nests. What no nest costs none that keeps rules costs either; so it proves
statements without the rules, but what it finds then refutes nothing. The program takes all rules: it decides statements
that hold under them alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, NamedTuple

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
    statement: Statement, accounting: Accounting, engine: Engine, *, seconds: float, until: float | None
) -> Decision:
    """Prove or refute a statement: by the checker's own search and then CP-SAT, for some seconds each, and then by the
    search of an engine until a ``time.perf_counter()`` (None: no limit).
    """
    for ask in (by_own_search, by_program):
        left = seconds if until is None else min(seconds, until - time.perf_counter())
        found = ask(statement, accounting, left) if left > 0 else None
        if found is not None:
            return found
    return by_engine(statement, accounting, engine, until)


def by_own_search(statement: Statement, accounting: Accounting, seconds: float) -> Decision | None:
    """Prove or refute a statement by the checker's own search; None if that needs more time or memory, or cannot be
    done, and if rules for nests decide it.
    """
    until = time.perf_counter() + seconds
    for problem in problems(statement, accounting):
        value, cap = _limits(problem, statement)
        left, plain = until - time.perf_counter(), replace(problem, rules=NO_RULES)
        try:
            found = decide_floor(plain, _objective(statement), value, latency_cap=cap, time_limit_s=left)
        except MemoryError:
            return None
        if found.nest is not None and problem.rules == NO_RULES:
            return Decision(None, _costs(problem, statement, found.nest.energy, found.nest.latency))
        if found.verdict is not Verdict.PROVED:
            return None
    return Decision(Route.CHECKER)


def by_program(statement: Statement, accounting: Accounting, seconds: float) -> Decision | None:
    """Prove or refute a statement by CP-SAT alone; None if that needs more time or larger integers."""
    until = time.perf_counter() + seconds
    for problem in problems(statement, accounting):
        value, cap = _limits(problem, statement)
        try:
            found = find_below(
                problem,
                _objective(statement),
                value,
                latency_cap=cap,
                time_limit_s=max(0.0, until - time.perf_counter()),
                seed=OTHER_SEED,
            )
        except OverflowError:
            return None
        if found.solution is not None:
            return Decision(None, _costs(problem, statement, found.solution.energy, found.solution.latency))
        if found.status is not SolverStatus.INFEASIBLE:
            return None
    return Decision(Route.CP_SAT)


def by_engine(statement: Statement, accounting: Accounting, engine: Engine, until: float | None) -> Decision:
    """Prove or refute a statement by the search of an engine with fresh tables, or say why it does neither."""
    try:
        with limited(None if until is None else max(0.0, until - time.perf_counter())) as stop:
            for problem in problems(statement, accounting):
                value, cap = _limits(problem, statement)
                most = INFEASIBLE_COST if cap is None else min(cap, INFEASIBLE_COST)
                if statement.weight is None:
                    cutoff, most = None, min(value - 1, most)
                else:
                    cutoff = (min(value, INFEASIBLE_COST), 0)
                found = engine.solve(problem, _objective(statement), latency_cap=most, cutoff=cutoff, stop=stop)
                if found is not None:
                    return Decision(None, _costs(problem, statement, found.energy, found.latency))
    except StoppedError:
        return Decision(None, why=TIME)
    except OverflowError:
        return Decision(None, why=SIZE)
    return Decision(Route.PATH)


def _objective(statement: Statement) -> Literal["energy", "latency"]:
    return "latency" if statement.weight is None else "energy"


def _limits(problem: LayerProblem, statement: Statement) -> tuple[int, int | None]:
    """The cost that a refutation must be below, and its largest latency, in units of the problem; cycles are whole."""
    unit = problem.latency_unit
    value = (statement.lower_bound - 1) * unit + 1 if statement.weight is None else statement.lower_bound
    return value, None if statement.cap is None else statement.cap * unit


def _costs(problem: LayerProblem, statement: Statement, energy: int, latency: int) -> str:
    cycles = -(-latency // problem.latency_unit)
    if statement.weight is None:
        return f"{cycles} cycles"
    return f"{energy - statement.weight * cycles} energy units and {cycles} cycles"
