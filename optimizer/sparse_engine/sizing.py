"""The sizing program's answer: a design with its proof, or why there is none."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from formulations.cp_sat import SolverStatus
from formulations.sparse.sizing import SizingOutcome, solve_sizing
from optimizer.bodies.sparse import (
    SIZING,
    ExactObjective,
    OfferedMultiplier,
    SizingBody,
    SizingObjective,
    SizingQuestion,
)
from optimizer.errors import SpecError
from optimizer.files.records import to_json
from optimizer.problem.disagreement import disagreement
from optimizer.problem.status import Status
from optimizer.problem.versions import versions
from optimizer.results.formats import SPARSE_FORMAT
from optimizer.results.kinds import SparseResult
from optimizer.scaling.options import Options
from optimizer.sparse_engine.check import violations
from optimizer.sparse_engine.describe import describe
from optimizer.sparse_engine.engine import Engine, Multiplier
from optimizer.sparse_engine.explain import explain
from optimizer.sparse_engine.request import GOALS, SizingRequest, candidates, lift, lower

ONE_THREAD = Options(workers=1)
UNITS = {"time": "us", "density": "", "dsp": "slices", "bram18": "blocks", "lut": "tables", "input_bits": "bits/clock"}


@dataclass(frozen=True)
class Sizing:
    """The engine if there is one, and everything about it or about why there is none."""

    engine: Engine | None
    body: SizingBody

    @property
    def status(self) -> Status:
        """What is proved."""
        return self.body.status


def run(request: SizingRequest, options: Options) -> SparseResult:
    """Best engine of a request as a result; errors are those of :func:`size`."""
    return SparseResult(size(request, options).body)


def size(request: SizingRequest, options: Options = ONE_THREAD) -> Sizing:
    """Best engine of a request.

    Parameters
    ----------
    request : SizingRequest
    options : Options
        Time limit, threads and random seed of the solver; nothing else of them is used.

    Returns
    -------
    Sizing
        With value, bound and gap; INFEASIBLE names the smallest set of rules and budgets to blame.

    Raises
    ------
    SpecError
        If there are too many candidates to list, or clocks lie too far apart.
    InternalDisagreementError
        If the independent check refuses the design.
    """
    started = time.perf_counter()
    workers, seed = options.workers, options.seed

    def solve(asked: SizingRequest, goals: tuple[str, ...]) -> tuple[SizingOutcome, Engine | None, Multiplier | None]:
        junctions = candidates(asked)
        left = None if options.time_limit_s is None else options.time_limit_s - (time.perf_counter() - started)
        try:
            found = solve_sizing(lower(asked, junctions), goals, time_limit_s=left, workers=workers, seed=seed)
        except OverflowError as error:
            raise SpecError(
                f"the clocks lie too far apart for the integers of the solver: {error}",
                field="clock_mhz",
                value=[str(multiplier.clock_mhz) for multiplier in asked.multipliers],
                allowed="clocks whose periods have a common unit not far below the shortest one",
                remedy="round the clocks, or size an engine for each",
            ) from error
        if found.rows is None:
            return found, None, None
        return found, *lift(asked, junctions, found.rows, found.width, found.timing)

    outcome, engine, multiplier = solve(request, GOALS[request.objective])
    design = None
    if engine is not None and multiplier is not None:
        design = replace(describe(engine, request.input_bits), multiplier=multiplier.kind)
    infeasible = outcome.status is SolverStatus.INFEASIBLE
    body = SizingBody(
        format=SPARSE_FORMAT,
        kind=SIZING,
        status=Status(outcome.status.name),
        objective=_objective(request, request.objective, outcome),
        request=_question(request),
        design=design,
        infeasible=explain(request, _only_outcome(solve)) if infeasible else None,
        seed=seed,
        workers=workers,
        wall_s=round(time.perf_counter() - started, 3),
        versions=versions(),
    )
    faults = [] if design is None else violations(to_json(body))
    if faults:
        raise disagreement(f"the design breaks its own rules: {'; '.join(faults)}")
    return Sizing(engine, body)


def _only_outcome(
    solve: Callable[[SizingRequest, tuple[str, ...]], tuple[SizingOutcome, Engine | None, Multiplier | None]],
) -> Callable[[SizingRequest, tuple[str, ...]], tuple[SolverStatus, int | None, Engine | None]]:
    def solved(request: SizingRequest, goals: tuple[str, ...]) -> tuple[SolverStatus, int | None, Engine | None]:
        outcome, engine, _ = solve(request, goals)
        return outcome.status, outcome.value, engine

    return solved


def _objective(request: SizingRequest, name: str, outcome: SizingOutcome) -> SizingObjective:
    """Value and bound in the unit of the objective, and the gap between them."""
    found, least = outcome.value, outcome.bound
    gap = None if found is None or least is None else abs(Fraction(found - least, max(abs(found), 1)))
    value, bound = _scaled(request, name, found), _scaled(request, name, least)
    return SizingObjective(
        name=name,
        sense="max" if name == "density" else "min",
        unit=UNITS[name],
        value=_shown(value),
        bound=_shown(bound),
        exact=None if value is None or bound is None else ExactObjective(value=value, bound=bound),
        gap=None if gap is None else float(gap),
    )


def _scaled(request: SizingRequest, name: str, number: int | None) -> Fraction | None:
    """A number of the program in the unit of the objective."""
    if number is None:
        return None
    dense = sum(a * b for a, b in itertools.pairwise(request.neurons))
    return Fraction(number, {"time": request.units_per_us, "density": dense}.get(name, 1))


def _shown(number: Fraction | None) -> float | int | None:
    """A JSON number; it may be rounded."""
    return number if number is None else int(number) if number.denominator == 1 else float(number)


def _question(request: SizingRequest) -> SizingQuestion:
    return SizingQuestion(
        neurons=tuple(request.neurons),
        out_degrees=tuple(tuple(menu) for menu in request.out_degrees),
        widths_bits=tuple(request.widths_bits),
        multipliers=tuple(
            OfferedMultiplier(kind=m.kind, clock_mhz=m.clock_mhz, stages=m.stages) for m in request.multipliers
        ),
        budgets=dict(request.budgets),
        rules=tuple(request.rules),
        input_bits=request.input_bits,
        max_time_us=request.max_time_us,
    )
