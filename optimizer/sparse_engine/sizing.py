"""The sizing program's answer: a design with its proof, or why there is none."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from formulations.layer.solver import SolverStatus
from formulations.sparse.sizing import SizingOutcome, solve_sizing
from optimizer.problem.disagreement import disagreement
from optimizer.problem.versions import versions
from optimizer.results.result import SparseResult
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
    """A status of the four, the engine if there is one, and everything else as plain data."""

    status: str
    engine: Engine | None
    data: dict[str, Any]


def run(request: SizingRequest, options: Options) -> SparseResult:
    """Best engine of a request as a result; errors are those of :func:`size`."""
    return SparseResult.of(size(request, options).data)


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
        If there are too many candidates to list.
    InternalDisagreementError
        If the independent check refuses the design.
    """
    started = time.perf_counter()
    workers, seed = options.workers, options.seed

    def solve(asked: SizingRequest, goals: tuple[str, ...]) -> tuple[SizingOutcome, Engine | None, Multiplier | None]:
        junctions = candidates(asked)
        left = None if options.time_limit_s is None else options.time_limit_s - (time.perf_counter() - started)
        found = solve_sizing(lower(asked, junctions), goals, time_limit_s=left, workers=workers, seed=seed)
        if found.rows is None:
            return found, None, None
        return found, *lift(asked, junctions, found.rows, found.width, found.timing)

    outcome, engine, multiplier = solve(request, GOALS[request.objective])
    data: dict[str, Any] = {
        "kind": "sparse sizing",
        "status": outcome.status.name,
        "objective": _objective(request, request.objective, outcome),
        "request": _asked(request),
    }
    if engine is not None and multiplier is not None:
        data["design"] = describe(engine, request.input_bits) | {"multiplier": multiplier.kind}
        faults = violations(data)
        if faults:
            raise disagreement(f"the design breaks its own rules: {'; '.join(faults)}")
    if outcome.status is SolverStatus.INFEASIBLE:
        data["infeasible"] = explain(request, _only_outcome(solve))
    spent = round(time.perf_counter() - started, 3)
    data |= {"seed": seed, "workers": workers, "wall_s": spent, "versions": versions()}
    return Sizing(outcome.status.name, engine, data)


def _only_outcome(
    solve: Callable[[SizingRequest, tuple[str, ...]], tuple[SizingOutcome, Engine | None, Multiplier | None]],
) -> Callable[[SizingRequest, tuple[str, ...]], tuple[SolverStatus, int | None, Engine | None]]:
    def solved(request: SizingRequest, goals: tuple[str, ...]) -> tuple[SolverStatus, int | None, Engine | None]:
        outcome, engine, _ = solve(request, goals)
        return outcome.status, outcome.value, engine

    return solved


def _objective(request: SizingRequest, name: str, outcome: SizingOutcome) -> dict[str, Any]:
    """Value and bound in the unit of the objective, and the gap between them."""
    value, bound = outcome.value, outcome.bound
    gap = None if value is None or bound is None else abs(Fraction(value - bound, max(abs(value), 1)))
    return {
        "name": name,
        "sense": "max" if name == "density" else "min",
        "unit": UNITS[name],
        "value": _shown(_scaled(request, name, value)),
        "bound": _shown(_scaled(request, name, bound)),
        "exact": None
        if value is None
        else {
            "value": str(_scaled(request, name, value)),
            "bound": str(_scaled(request, name, bound)),
        },
        "gap": None if gap is None else float(gap),
    }


def _scaled(request: SizingRequest, name: str, number: int | None) -> Fraction | None:
    """A number of the program in the unit of the objective."""
    if number is None:
        return None
    dense = sum(a * b for a, b in itertools.pairwise(request.neurons))
    return Fraction(number, {"time": request.units_per_us, "density": dense}.get(name, 1))


def _shown(number: Fraction | None) -> float | int | None:
    """A JSON number; it may be rounded."""
    return number if number is None else int(number) if number.denominator == 1 else float(number)


def _asked(request: SizingRequest) -> dict[str, Any]:
    return {
        "neurons": list(request.neurons),
        "out_degrees": [list(menu) for menu in request.out_degrees],
        "widths_bits": list(request.widths_bits),
        "multipliers": [
            {"kind": m.kind, "clock_mhz": str(m.clock_mhz), "stages": m.stages} for m in request.multipliers
        ],
        "budgets": dict(request.budgets),
        "rules": list(request.rules),
        "input_bits": request.input_bits,
        "max_time_us": None if request.max_time_us is None else str(request.max_time_us),
    }
