"""Adjust the channel widths of a network to hardware, with a proof."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.reader import parse_architecture
from optimizer.architecture.selection import at
from optimizer.bodies.head import Head
from optimizer.errors import SpecError
from optimizer.network_adjustment.adjustment import Adjustment
from optimizer.network_adjustment.pricer import WidthPrice
from optimizer.network_adjustment.request import AdjustRequest
from optimizer.network_adjustment.result_data import adjust_result
from optimizer.network_adjustment.search import SizeSearch, best_of, merged
from optimizer.network_adjustment.ties import find_ties, resized
from optimizer.problem.disagreement import disagreement
from optimizer.problem.exact_json import decode_exact
from optimizer.problem.problem import Problem
from optimizer.problem.status import Status
from optimizer.results.kinds import AdjustResult, SolveResult
from optimizer.results.result import Result
from optimizer.scaling.options import Options
from optimizer.search.exploration import Exploration
from optimizer.search.off_chip import refuse_excess
from optimizer.search.prepared_problem import begun, prepare
from optimizer.solving.run import run as solve
from optimizer.store.store import Store
from optimizer.workload.network import Network


def run(request: AdjustRequest, options: Options) -> AdjustResult:
    """Channel widths that cost least on an architecture, parameters and work within the request's tolerances.

    Where the architecture has menus, the hardware point is chosen together with the widths. The cost is that of every
    layer by itself under its best mapping; the network as it is gets its own best hardware, to compare with. The time
    limit is that of the search for widths and resolution; the network as it is gets as much again.

    Raises
    ------
    SpecError
        On inputs that make no sense, budgets of latency, energy or power, and hardware that does not run the network
        as it is.
    InternalDisagreementError
        If the adjusted network, solved by itself, does not cost what the search says.
    """
    return adjust_result(adjustment(request, options))


def adjustment(request: AdjustRequest, options: Options) -> Adjustment:
    """Everything that :func:`run` finds."""
    started = time.perf_counter()
    network, architecture, objective, changes, engine = (
        request.network,
        request.architecture,
        request.objective,
        request.changes,
        request.engine,
    )
    cache_dir, workers, seed = options.cache_dir, options.workers, options.seed
    _check_budgets(architecture)
    ties = find_ties(network, changes.freeze)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if cache_dir is None else cache_dir
        prepared = prepare(Problem(network, architecture, objective, engine=engine), cache_dir=folder)
        refuse_excess(prepared)
        deadline = begun(prepared, options, started)
        search = SizeSearch(
            prepared,
            ties,
            changes,
            store=Store(folder),
            workers=workers,
            seed=seed,
            started=started,
            show=options.progress,
        )
        sizes = search.run(deadline)
        state, chosen = merged(sizes), best_of(sizes)

        def solved(subject: Network, where: Architecture, limit: float | None = None) -> SolveResult:
            asked = Problem(subject, where, objective, engine=engine)
            return solve(asked, Options(limit, workers=workers, seed=seed, cache_dir=folder))

        before, after, adjusted, widths = solved(network, architecture, options.time_limit_s), None, None, ties.widths
        if before.status is Status.UNKNOWN:  # a design to compare with takes the time of one hardware point
            before = solved(network, at(architecture, dict(prepared.points.some.choices)))
            if before.status is Status.INFEASIBLE:
                before = solved(network, architecture)
        if before.status is Status.INFEASIBLE:
            raise SpecError(
                "the hardware does not run the network as it is, within its limits",
                file=architecture.file,
                field="--architecture",
                value=architecture.name,
                allowed="an architecture with a design for the network, to which the adjusted one is compared",
                remedy="loosen a limit; `tilewright solve` with the same options says which are to blame",
            )
        if state.best is not None and state.best_point is not None:
            (found,) = state.best.prices
            assert isinstance(found, WidthPrice)
            widths = found.widths
            adjusted = resized(chosen.network, ties, widths, name=f"{network.name}_adjusted")
            after = solved(adjusted, at(architecture, dict(state.best_point.choices)))
            _confirm(state, after)
    wall_s = time.perf_counter() - started
    return Adjustment(network, changes, prepared, ties, sizes, state, before, after, adjusted, widths, seed, wall_s)


def _check_budgets(architecture: Architecture) -> None:
    for name in ("latency_ms", "energy_mj", "power_w"):
        limit = getattr(architecture.budgets, name)
        if limit is not None:
            raise SpecError(
                "while widths are adjusted this budget is not supported",
                file=architecture.file,
                field=f"budgets.{name}",
                value=str(limit),
                allowed="budgets of area, off-chip bandwidth and a device",
                remedy="drop the budget, and check the adjusted network against it",
            )


def _confirm(state: Exploration, after: SolveResult) -> None:
    """The adjusted network, solved by itself, costs what the search says; unproved, it may cost less."""
    value, stated = after.certificate.value, state.value
    assert value is not None
    if stated is None or value > stated or (state.complete and state.bound >= stated and value != stated):
        error = disagreement(f"the search for widths says {stated}, the design {value}")
        error.result = after
        raise error


def hardware_of(result: Result, file: str) -> Architecture:
    """The architecture of a result with only the chosen point; of its budgets only that of bandwidth is kept.

    Parameters
    ----------
    result : Result
    file : str
        Where it comes from, for messages.

    Raises
    ------
    SpecError
        If the result holds no design, or is damaged.
    """
    body = result.body
    if result.hardware is None or not isinstance(body, Head):
        raise SpecError(
            "the result has no design",
            file=file,
            field="status",
            value=str(result.status),
            allowed="OPTIMAL or FEASIBLE",
            remedy="give the folder of a solve that found hardware",
        )
    try:
        problem = body.problem
        bandwidth = problem["budgets"].get("dram_gbps")
        budgets = Budgets(dram_gbps=None if bandwidth is None else Fraction(bandwidth))
        architecture = replace(
            parse_architecture(decode_exact(problem["architecture"])), budgets=budgets, accounting=problem["accounting"]
        )
        return at(architecture, result.hardware.choices)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SpecError(
            f"the result is damaged: {type(error).__name__} {error}",
            file=file,
            allowed="a result as it was written",
            remedy="check it with `tilewright verify`, or solve again",
        ) from error
