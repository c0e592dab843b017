"""Costs of a network on one hardware point with user-given groups, and layer by layer for comparison."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.hardware import Hardware
from optimizer.architecture.selection import single_point
from optimizer.bodies.evaluation import EvaluatedDesign, EvaluatedObjective, EvaluatedPart, EvaluationBody
from optimizer.bodies.solve import Space
from optimizer.errors import SpecError
from optimizer.fusion.network_pricer import Fused, NetworkPricer, joined
from optimizer.fusion.tile_pricer import Runs
from optimizer.given_groups.pricing import price_given
from optimizer.given_groups.reader import GivenGroup, load_groups, parse_groups
from optimizer.mapping.vector_cost import vector_cost
from optimizer.pricing.price import Price
from optimizer.problem.fusion_options import check_buffer, check_fusible
from optimizer.problem.goal import Aim
from optimizer.problem.problem import Problem
from optimizer.problem.status import Status
from optimizer.problem.versions import versions
from optimizer.results.comparison import comparison, figures, off_chip_words
from optimizer.results.formats import EVALUATION_FORMAT, GIVEN_SPACE
from optimizer.results.solve_result import Parts, fused_parts, layers_alone, training_entry
from optimizer.results.totals import hardware_entry, number, totals, unit_value
from optimizer.search.prepared_problem import PreparedProblem, prepare
from optimizer.store.store import Store
from optimizer.workload.network import Network

OBJECTIVES = ("energy", "latency")


def evaluate_groups(
    network: Network,
    architecture: Architecture,
    groups: str | Path | dict[str, Any],
    *,
    objective: str = "energy",
    cache_dir: Path | None = None,
) -> EvaluationBody:
    """Costs of a given hardware point with given groups, and of the same point layer by layer.

    Hardware, groups, tiles and policies are taken as they are; only the loop nests inside of every run are searched,
    and are proved optimal. The numbers of groups are checked by an independent walk.

    Parameters
    ----------
    network : Network
    architecture : Architecture
        One hardware point (see :func:`optimizer.architecture.selection.select`). Of its budgets only that of bandwidth
        counts.
    groups : path or dict
        A groups file, or its contents (see :mod:`optimizer.given_groups.reader`).
    objective : {"energy", "latency"}
        What the loop nests minimize.
    cache_dir : Path, optional
        Folder of the layer store; without it results are kept in memory only.

    Returns
    -------
    EvaluationBody
        What ``evaluation.json`` holds: energies in pJ (or MAC energies), cycles, words at the outermost level.

    Raises
    ------
    SpecError
        On invalid inputs, menus with more than one entry, an architecture without a single buffer, and tiles or layers
        that do not fit.
    """
    started = time.perf_counter()
    _check_objective(objective)
    hardware = single_point(architecture)
    check_buffer(hardware, architecture.file)
    check_fusible(network.mac_layers())
    prepared = prepare(Problem(network, priced_under(architecture), objective), cache_dir=cache_dir)
    ruled = prepared.network
    given = load_groups(groups, ruled) if isinstance(groups, str | Path) else parse_groups(groups, ruled)
    prepared = replace(prepared, problem=prepared.problem | {"groups": [group.decisions for group in given]})
    prices = _prices(prepared, hardware)
    alone, fused = _costs(prepared, hardware, given, cache_dir)
    before = _part(prepared, alone, hardware, (None, layers_alone(prepared, prices, hardware)))
    after = _part(prepared, fused, hardware, fused_parts(prepared, fused, hardware))
    return _body(prepared, before, after, time.perf_counter() - started)


def _body(prepared: PreparedProblem, before: EvaluatedPart, after: EvaluatedPart, wall_s: float) -> EvaluationBody:
    """What ``evaluation.json`` holds."""
    network = prepared.network
    space = GIVEN_SPACE.format(objective=prepared.goal.objective) + prepared.space
    return EvaluationBody(
        format=EVALUATION_FORMAT,
        status=Status.EVALUATED,
        accounting=prepared.accounting,
        space=Space(text=space, padding={}, reuse="innermost"),
        network=network.name,
        training=training_entry(network),
        architecture=prepared.architecture.name,
        warnings=tuple(network.warnings),
        versions=versions(),
        problem=prepared.problem,
        problem_hash=prepared.problem_hash,
        objective=after.objective,
        design=after.design,
        layer_by_layer=before,
        comparison=comparison(*(figures(one.status, one.objective.value, one.design) for one in (before, after))),
        wall_s=round(wall_s, 3),
    )


def priced_under(architecture: Architecture) -> Architecture:
    """The architecture with only the bandwidth budget, the one budget that changes costs."""
    return architecture.with_budgets(Budgets(dram_gbps=architecture.budgets.dram_gbps))


def _check_objective(objective: str) -> None:
    if objective not in OBJECTIVES:
        problem = "a run has no energy-delay product of its own" if objective == "edp" else "unknown objective"
        raise SpecError(
            problem,
            field="objective",
            value=objective,
            allowed=", ".join(OBJECTIVES),
            remedy="evaluate by energy or by latency: both totals are stated",
        )


def _prices(prepared: PreparedProblem, hardware: Hardware) -> list[Price]:
    """Prices of the layers by themselves, in the order of the session's pricers."""
    found = []
    for pricer in prepared.pricers:
        price = pricer.price(hardware, prepared.goal.objective)
        if price is None and pricer.layer.rules:
            raise SpecError(
                "no loop nest of the layer by itself keeps the constraints on mappings, so there is nothing to compare "
                "the groups with",
                file=prepared.architecture.file,
                field="mapping",
                value=[rule.title for rule in pricer.layer.rules],
                allowed=f"constraints that some loop nest of {pricer.layer.name} keeps",
                remedy="leave one of them out",
            )
        if price is None:
            raise SpecError(
                "no loop nest of the layer fits the hardware",
                file=prepared.architecture.file,
                field="levels",
                value=pricer.layer.name,
                allowed="levels that hold a word of every tensor that they must keep",
                remedy="enlarge the levels, or drop must_keep",
            )
        found.append(price)
    return found


def _costs(
    prepared: PreparedProblem, hardware: Hardware, given: Sequence[GivenGroup], cache_dir: Path | None
) -> tuple[Fused, Fused]:
    """The network layer by layer, and with the given groups."""
    aim, accounting = Aim(prepared.goal.objective), prepared.accounting
    runs = Runs(accounting, Store(cache_dir))
    by_shape = {pricer.layer.shape_key(): pricer for pricer in prepared.pricers}
    pricers = {layer.name: by_shape[layer.shape_key()] for layer in prepared.network.mac_layers()}
    network = NetworkPricer(
        prepared.network, pricers, [], runs, lambda layer, point: vector_cost(layer, point, accounting)
    )
    singles = network.singles(hardware, aim)
    assert singles is not None
    return joined([], singles), joined([price_given(group, runs, hardware, aim) for group in given], singles)


def _part(prepared: PreparedProblem, costs: Fused, hardware: Hardware, parts: Parts) -> EvaluatedPart:
    """Totals and parts of one way to run the network."""
    name = prepared.goal.objective
    unit, worth = unit_value(name, hardware)
    value = number(Aim(name).value(costs.energy, costs.latency) * worth)
    groups, layers = parts
    found = totals(hardware, costs.energy, Fraction(costs.latency))
    design = EvaluatedDesign(
        hardware=hardware_entry(hardware),
        area_um2=hardware.area_um2,
        **asdict(found),
        groups=groups,
        layers=layers,
        dram_words=0,
    )
    return EvaluatedPart(
        status=Status.EVALUATED,
        objective=EvaluatedObjective(name=name, unit=unit, value=value),
        design=replace(design, dram_words=off_chip_words(design)),
    )
