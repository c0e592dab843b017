"""Solve a network on an architecture: explore, conclude, and say why where there is no design."""

from __future__ import annotations

import time
from dataclasses import replace

from optimizer.architecture.constrain import without_constraints
from optimizer.bodies.infeasibility import BlamedCap, Infeasibility
from optimizer.errors import SpecError
from optimizer.files.records import Json
from optimizer.problem.cap_blame import Needed, blamed_caps
from optimizer.problem.layer_rules import rules_of
from optimizer.problem.problem import Problem
from optimizer.problem.progress import Watch
from optimizer.problem.status import Termination
from optimizer.results.comparison import comparison, dropped, figures
from optimizer.results.kinds import SolveResult
from optimizer.results.settled_nests import with_settled_nests
from optimizer.results.solve_result import make_result, search_entry
from optimizer.results.totals import unit_value
from optimizer.scaling.options import Options
from optimizer.search.branch_and_bound import Report
from optimizer.search.infeasibility import explain, patience
from optimizer.search.off_chip import closed_at_once, excess_in, memory_reason
from optimizer.search.prepared_problem import PreparedProblem, begun, prepare
from optimizer.search.progress import Reporter, Show
from optimizer.search.rule_blame import ruled_out
from optimizer.search.threads import asker, explore_on_threads


def run(request: Problem, options: Options, more: Json | None = None) -> SolveResult:
    """Best hardware of an architecture's menus and best mapping of every layer, with a proof.

    The result answers the request, and what it asks for besides (`more`).

    Where the search and the cost model disagree (a fault of Tilewright) ``result.disagreements`` says so: the best
    design found is kept, FEASIBLE, with the bound that holds without a search.

    Raises
    ------
    SpecError
        On inputs that make no sense.
    """
    started = time.perf_counter()
    prepared = prepare(request, cache_dir=options.cache_dir, workers=options.workers)
    prepared = replace(prepared, problem=prepared.problem | (more or {}))

    def reports(other: PreparedProblem, purpose: str = "") -> Report | None:
        return None if options.progress is None else _reporter(other, started, options.progress, purpose)

    excess = excess_in(prepared)
    if excess is not None:
        result = make_result(
            prepared, closed_at_once(prepared), seed=options.seed, wall_s=time.perf_counter() - started
        )
        result.body = replace(result.body, search=search_entry(prepared), infeasible=memory_reason(prepared, excess))
        return result
    deadline = begun(prepared, options, started)
    state = explore_on_threads(prepared, options.workers, deadline, reports(prepared))
    state = with_settled_nests(prepared, state, deadline)
    result = make_result(prepared, state, seed=options.seed, wall_s=time.perf_counter() - started)
    result.body = replace(result.body, search=search_entry(prepared))
    if result.status == "INFEASIBLE":
        patient = patience([prepared], started, deadline)
        ask = asker(prepared, options.workers, patient, reports)
        reason = ruled_out(prepared, patient) if prepared.rules else None
        reason = in_units_of_users(reason or explain(prepared, ask, asked=deadline is not None), request)
        result.body = replace(result.body, infeasible=reason, wall_s=round(time.perf_counter() - started, 3))
    return result


def in_units_of_users(reason: Infeasibility, request: Problem) -> Infeasibility:
    """A reason with the caps of a language model that stand behind its budgets."""
    serving = request.network.serving
    if request.caps is None or serving is None:
        return reason
    needed = {entry.budget: Needed(entry.least, entry.exact) for entry in reason.relaxations}
    found = tuple(BlamedCap(**one._asdict()) for one in blamed_caps(request.caps, serving, reason.budgets, needed))
    return replace(reason, caps=found or None)


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


def without_rule(request: Problem, rule: str, options: Options) -> SolveResult:
    """Best design under all constraints, and beside it the best one without one constraint on mappings.

    The time limit is for each. Errors are those of :func:`run`, and one if there is no such constraint.
    """
    less = dropping(request, rule)
    free, kept = run(less, options), run(request, options, {"dropped": rule})
    ends = kept.certificate.value, free.certificate.value
    figured = (figures(one.status, one.body.objective.value, one.design) for one in (kept, free))
    body = replace(kept.body, dropped=dropped(rule, *figured, same=ends[0] == ends[1]))
    faults = (*free.disagreements, *kept.disagreements)
    if faults:
        body = replace(body, disagreements=faults, termination=Termination.DISAGREEMENT)
    return SolveResult(body, kept.certificate, free)


def dropping(request: Problem, rule: str) -> Problem:
    """The problem without one constraint on mappings, which its architecture or its network states.

    Raises
    ------
    SpecError
        If neither states one of this title.
    """
    network, architecture = request.network, request.architecture
    titles = [one.title for one in rules_of(network, architecture)]
    if rule not in titles:
        raise SpecError(
            "there is no constraint on mappings of this name",
            file=architecture.file,
            field="--constraint",
            value=rule,
            allowed="; ".join(titles) or "none: there are no constraints on mappings",
            remedy="name one as results do: by its name, or by its text",
        )
    place = titles.index(rule) - len(architecture.mapping)
    if place < 0:
        return replace(request, architecture=without_constraints(architecture, [rule]))
    left = tuple(one for number, one in enumerate(network.mapping) if number != place)
    return replace(request, network=replace(network, mapping=left))


def _reporter(prepared: PreparedProblem, started: float, watch: Watch, purpose: str = "") -> Reporter:
    """Reports an exploration; the values of one with a purpose besides the main one are not those of the problem."""
    unit, worth = unit_value(prepared.goal.objective, prepared.points.some)
    show: Show | None = None if purpose else lambda value: float(value * worth)
    total, first = prepared.points.total, purpose or "solving a first hardware point"
    return Reporter(watch, started, total, unit, show, purpose, first)
