"""Solve a network on an architecture: explore, conclude, and say why where there is no design."""

from __future__ import annotations

import time
from dataclasses import replace

from optimizer.problem.problem import Problem
from optimizer.problem.progress import Watch
from optimizer.problem.status import Termination
from optimizer.results.comparison import comparison, figures
from optimizer.results.kinds import SolveResult
from optimizer.results.solve_result import make_result, search_entry
from optimizer.results.totals import unit_value
from optimizer.scaling.options import Options
from optimizer.search.branch_and_bound import Report
from optimizer.search.infeasibility import explain, patience
from optimizer.search.prepared_problem import PreparedProblem, begun, prepare
from optimizer.search.progress import Reporter, Show
from optimizer.search.rule_blame import ruled_out
from optimizer.search.threads import asker, explore_on_threads


def run(request: Problem, options: Options) -> SolveResult:
    """Best hardware of an architecture's menus and best mapping of every layer, with a proof.

    Where the search and the cost model disagree (a fault of Tilewright) ``result.disagreements`` says so: the best
    design found is kept, FEASIBLE, with the bound that holds without a search.

    Raises
    ------
    SpecError
        On inputs that make no sense.
    """
    started = time.perf_counter()
    prepared = prepare(request, cache_dir=options.cache_dir, workers=options.workers)
    deadline = begun(prepared, options, started)

    def reports(other: PreparedProblem, purpose: str = "") -> Report | None:
        return None if options.progress is None else _reporter(other, started, options.progress, purpose)

    state = explore_on_threads(prepared, options.workers, deadline, reports(prepared))
    result = make_result(prepared, state, seed=options.seed, wall_s=time.perf_counter() - started)
    result.body = replace(result.body, search=search_entry(prepared))
    if result.status == "INFEASIBLE":
        patient = patience([prepared], started, deadline)
        ask = asker(prepared, options.workers, patient, reports)
        reason = ruled_out(prepared, patient) if prepared.rules else None
        reason = reason or explain(prepared, ask, asked=deadline is not None)
        result.body = replace(result.body, infeasible=reason, wall_s=round(time.perf_counter() - started, 3))
    return result


def compare(request: Problem, options: Options) -> SolveResult:
    """Best design with fusion, and the best one layer by layer beside it, each on its own best hardware.

    The time limit is for each. Errors are those of :func:`run`.
    """
    alone, fused = run(replace(request, fusion=None), options), run(request, options)
    both = comparison(*(figures(one.status, one.body.objective.value, one.design) for one in (alone, fused)))
    body = replace(fused.body, comparison=both)
    faults = (*alone.disagreements, *fused.disagreements)
    if faults:
        body = replace(body, disagreements=faults, termination=Termination.DISAGREEMENT)
    return SolveResult(body, fused.certificate, alone)


def _reporter(prepared: PreparedProblem, started: float, watch: Watch, purpose: str = "") -> Reporter:
    """Reports an exploration; the values of one with a purpose besides the main one are not those of the problem."""
    unit, worth = unit_value(prepared.goal.objective, prepared.points.some)
    show: Show | None = None if purpose else lambda value: float(value * worth)
    total, first = prepared.points.total, purpose or "solving a first hardware point"
    return Reporter(watch, started, total, unit, show, purpose, first)
