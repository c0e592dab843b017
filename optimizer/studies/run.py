"""Studies of limits on the hardware: prepare, explore once, make the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from optimizer.architecture.architecture import Architecture
from optimizer.bodies.study import CONSTRAINT, StudyBody
from optimizer.errors import InternalDisagreementError, SpecError
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.problem import Problem
from optimizer.problem.status import Status
from optimizer.results.formats import STUDY_FORMAT
from optimizer.results.kinds import StudyResult
from optimizer.results.reconciliation import distrusted, reconciled
from optimizer.results.settled_nests import with_settled_nests
from optimizer.results.solve_result import make_result, search_entry
from optimizer.results.totals import Totals, totals, unit_value
from optimizer.scaling.options import Options
from optimizer.search.exploration import Exploration
from optimizer.search.incumbents import Incumbent
from optimizer.search.off_chip import refuse_excess
from optimizer.search.prepared_problem import PreparedProblem, begun, prepare
from optimizer.search.processes import WIDTH, explore_spread
from optimizer.search.room import roomy
from optimizer.search.threads import explore_on_threads, priced
from optimizer.studies.dropped import freed
from optimizer.studies.metrics import STATIC, Place, Range, check_range
from optimizer.studies.progress import Watcher
from optimizer.studies.request import StudyRequest
from optimizer.studies.result_data import Describer, Scale, asking, limits_entry
from optimizer.studies.staircase import staircase_of
from optimizer.studies.steps import Places, StudySteps, minimal

MOST_AXES = 2


def run(request: StudyRequest, options: Options) -> StudyResult:
    """The optimum for every limit on one or two metrics of the hardware, with a proof.

    Returns
    -------
    StudyResult
        The result of ``solve`` under the loosest limits, and in its body under ``study`` all steps.

    Raises
    ------
    SpecError
        On inputs that make no sense.
    """
    started = time.perf_counter()
    workers = options.workers
    architecture, vary = freed(request.architecture, request.vary)
    objective = request.objective
    _check(vary, architecture)

    def prepare_under(ranges: Sequence[Range], under: Architecture) -> tuple[PreparedProblem, Places]:
        asked = Problem(request.network, under, objective, request.padding, request.fusion, request.engine)
        prepared = prepare(asked, cache_dir=options.cache_dir, workers=workers)
        return prepared, Places(prepared.points, ranges)

    def explored(prepared: PreparedProblem, places: Places) -> Exploration:
        watcher = None if options.progress is None else Watcher(prepared.points.total, started, options.progress)
        incumbents = StudySteps(places)
        if options.pool is None:
            return explore_on_threads(prepared, workers, deadline, watcher, incumbents=incumbents, width=WIDTH)
        seconds = None if deadline is None else max(0.0, deadline - time.perf_counter())
        return explore_spread(
            [prepared.problem],
            pool=options.pool,
            incumbents=incumbents,
            cache_dir=options.cache_dir,
            time_limit_s=seconds,
            report=watcher,
        )

    prepared, places = prepare_under(vary, budgeted(architecture, vary))
    refuse_excess(prepared)
    deadline = begun(prepared, options, started)
    state = explored(prepared, places)
    best = reconciled(prepared, with_settled_nests(prepared, priced(prepared, state, workers), deadline))
    if best.disagreements:
        state = replace(best, incumbents=state.incumbents)
    result = make_result(asking(prepared, vary), best, seed=options.seed, wall_s=time.perf_counter() - started)
    try:
        staircase = staircase_of(places, state.incumbents.designs, state.closed)
    except InternalDisagreementError as error:
        best = distrusted(prepared, best, error)
        error.result = make_result(asking(prepared, vary), best, seed=options.seed, wall_s=result.body.wall_s)
        raise
    some = prepared.points.some
    scale = Scale(Aggregate(), unit_value(objective, some)[1])
    described = Describer(
        staircase,
        prepared.points,
        [entry.box for entry in state.closed],
        scale,
        lambda found: takes(prepared, found),
        complete=state.complete,
    )
    section = described.section()
    if section.status is Status.INFEASIBLE:
        unlimited = [replace(varied, low=None, high=None) for varied in vary]
        relaxed = {"area_mm2": None} if any(varied.name == "area-mm2" for varied in vary) else {}
        wider, there = prepare_under(unlimited, architecture.with_budgets(replace(architecture.budgets, **relaxed)))
        beyond = _beyond(wider, there, explored)
        section = replace(section, least=tuple(limits_entry(unlimited, place) for place in beyond))
    wall_s = round(time.perf_counter() - started, 3)
    search = search_entry(prepared) if options.pool is None else None
    own = {"format": STUDY_FORMAT, "study": section, "wall_s": wall_s, "search": search}
    body = StudyBody(**vars(result.body) | own)
    return StudyResult(body, result.certificate)


def budgeted(architecture: Architecture, vary: Sequence[Range]) -> Architecture:
    """The architecture under the loosest limits of the ranges: areas and bandwidths beyond are left out."""
    names = {"area-mm2": "area_mm2", "dram-gbps": "dram_gbps"}
    budgets = architecture.budgets
    limits: dict[str, Any] = {}
    for varied in vary:
        name = names.get(varied.name)
        if name is not None and varied.high is not None:
            known = getattr(budgets, name)
            limits[name] = varied.high if known is None else min(known, varied.high)
    return architecture.with_budgets(replace(budgets, **limits)) if limits else architecture


def _check(vary: Sequence[Range], architecture: Architecture) -> None:
    if not 1 <= len(vary) <= MOST_AXES or len({varied.name for varied in vary}) < len(vary):
        raise SpecError(
            "a study varies one or two different limits",
            field="--vary",
            value=[varied.name for varied in vary],
            allowed=f"{', '.join(STATIC)}, {CONSTRAINT}NAME",
            remedy="name one, or two different ones",
        )
    for varied in vary:
        check_range(varied, architecture)


def takes(prepared: PreparedProblem, found: Incumbent) -> Totals:
    """Energy and latency of the design."""
    pick, point = found.picks[0], found.point
    cycles = prepared.goal.stretched(pick.energy, pick.latency)
    milliseconds = float(cycles * 1000 / (point.clock_mhz * 10**6))
    return replace(totals(point, pick.energy, cycles), latency_ms=milliseconds)


def _beyond(
    prepared: PreparedProblem, places: Places, explored: Callable[[PreparedProblem, Places], Exploration]
) -> list[Place]:
    """The tightest limits beyond the ranges under which a design exists, if there is none within them.

    Without caps and rules every point that holds all layers has a design, so no search is needed.
    """
    if not prepared.goal.capped and not prepared.rules:
        limits = prepared.architecture.limits
        holding = (
            tuple((n, n) for n in index)
            for index, point in roomy(prepared, prepared.points)
            if limits.allow(point.area_um2, point.resources)
        )
        return minimal(places.of(box) for box in holding)
    state = explored(prepared, places)
    return minimal(places.of(design.box) for design in state.incumbents.designs) if state.complete else []
