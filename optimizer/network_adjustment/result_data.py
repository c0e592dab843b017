"""An adjustment as ``adjust.json``."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from optimizer.architecture.hardware import Hardware
from optimizer.bodies.adjust import (
    AdjustBody,
    AdjustEffort,
    AdjustObjective,
    ChosenPoint,
    ExpansionChange,
    ImageChange,
    LayerChange,
    LayerCosts,
    NetworkTotals,
    SearchedImage,
    SizeLimits,
    WidthClass,
)
from optimizer.bodies.layers import LayerEntry
from optimizer.interop.onnx_writer import CannotWriteError, onnx_maker
from optimizer.network_adjustment.adjustment import Adjustment
from optimizer.network_adjustment.bottlenecks import ratio_of
from optimizer.network_adjustment.resolution import image_of
from optimizer.network_adjustment.search import Size, best_of
from optimizer.problem.problem import problem_hash
from optimizer.problem.status import Termination
from optimizer.problem.versions import versions
from optimizer.results.formats import ADJUST_ACCURACY, ADJUST_FORMAT, ADJUST_SPACE
from optimizer.results.kinds import AdjustResult, SolveResult
from optimizer.results.totals import number, status_of, unit_value
from optimizer.search.exploration import BOUNDING
from optimizer.workload.network import Network
from optimizer.workload.reader import dump_network


def adjust_body(found: Adjustment) -> AdjustBody:
    """What ``adjust.json`` holds; without ``after`` where there are no widths."""
    state, prepared = found.state, found.prepared
    point = state.best_point or prepared.points.some
    unit, worth = unit_value(prepared.goal.objective, point)
    parameters, macs = found.request.limits(found.network)
    problem = prepared.problem | {"request": found.request.data()}
    faults = [fault for size in found.sizes for fault in size.state.disagreements]
    faults += [fault for one in (found.before, found.after) if one is not None for fault in one.disagreements]
    after = None if found.after is None or found.adjusted is None else _totals(found.adjusted, found.after)
    return AdjustBody(
        format=ADJUST_FORMAT,
        status=status_of(state).of_whole(counted=not found.network.uncounted),
        termination=Termination.DISAGREEMENT if faults else state.ended,
        objective=_objective(found, unit, worth),
        accuracy=ADJUST_ACCURACY,
        accounting=prepared.accounting,
        space=ADJUST_SPACE + prepared.space,
        architecture=prepared.architecture.name,
        network=found.network.name,
        request=found.request.data(),
        resolution=_resolution(found, worth) if found.request.resolutions else None,
        limits=SizeLimits(parameters=parameters, macs=macs),
        classes=_classes(found),
        before=_totals(found.network, found.before),
        after=after,
        layers=_layers(found),
        hardware=None if state.best_point is None else _choices(state.best_point),
        effort=_effort(found),
        versions=versions(),
        seed=found.seed,
        wall_s=round(found.wall_s, 3),
        problem=problem,
        problem_hash=problem_hash(problem),
        disagreements=tuple(dict.fromkeys(faults)) or None,
    )


def _objective(found: Adjustment, unit: str, worth: Fraction) -> AdjustObjective:
    """The objective against that of the network as it was."""
    state = found.state
    value = None if found.after is None else found.after.certificate.value
    bound = state.bound if value is None else min(state.bound, value)
    before = found.before.certificate.value
    assert before is not None
    return AdjustObjective(
        name=found.prepared.goal.objective,
        unit=unit,
        value=None if value is None else number(value * worth),
        bound=number(bound * worth),
        gap=None if value is None else float((value - bound) / value),
        original=number(before * worth),
        original_status=found.before.status,
        gain=None if value is None else float((before - value) / before),
        largest_gain=float((before - bound) / before),
    )


def _effort(found: Adjustment) -> AdjustEffort:
    return AdjustEffort(
        rounds=sum(size.effort.rounds for size in found.sizes),
        layers_priced=sum(size.effort.priced for size in found.sizes),
        layers=sum(size.effort.layers for size in found.sizes),
        hardware_points=found.state.total,
        points_closed_by_bound=found.state.points("bound"),
    )


def adjust_result(found: Adjustment) -> AdjustResult:
    """The result, with the adjusted network as files; where ONNX cannot hold it, ``onnx`` in the body says why."""
    body = adjust_body(found)
    if found.after is None or found.adjusted is None:
        return AdjustResult(body)
    result = AdjustResult(body, original=found.before, adjusted=found.after, network_yaml=dump_network(found.adjusted))
    try:
        return replace(result, make_onnx=onnx_maker(found.adjusted))
    except CannotWriteError as error:
        return replace(result, body=replace(body, onnx=f"not written: {error}"))


def _choices(point: Hardware) -> ChosenPoint:
    return ChosenPoint(array=point.mac_mesh, choices=dict(point.choices))


def _resolution(found: Adjustment, worth: Fraction) -> ImageChange:
    """The resolution before and after, and the outcome of each."""
    return ImageChange(
        before=image_of(found.network),
        after=None if found.after is None else best_of(found.sizes).image,
        searched=tuple(_searched(entry, worth) for entry in found.sizes),
    )


def _searched(entry: Size, worth: Fraction) -> SearchedImage:
    """Outcome at a resolution."""
    state = entry.state
    bounds = [closed.bound for closed in state.closed if closed.by in BOUNDING]
    return SearchedImage(
        image=entry.image or (),
        value=None if state.value is None else number(state.value * worth),
        bound=number(min(bounds) * worth) if bounds else None,
        complete=state.complete,
    )


def _classes(found: Adjustment) -> tuple[WidthClass, ...]:
    """Every class with its layers, its widths, and why it is frozen; of a bottleneck what it expands, and how far."""
    space = found.sizes[0].space
    given = {pair.hidden: pair for pair in space.bottlenecks}

    def expansion(number: int) -> ExpansionChange | None:
        if number not in given:
            return None
        before, after = (ratio_of(given[number], widths) for widths in (found.ties.widths, found.widths))
        return ExpansionChange(of=given[number].given, before=before, after=after if found.after is not None else None)

    return tuple(
        WidthClass(
            layers=tuple(entry.layers),
            before=entry.width,
            after=width if found.after is not None else None,
            candidates=tuple(options),
            frozen=entry.frozen,
            expansion=expansion(number),
        )
        for number, (entry, width, options) in enumerate(
            zip(found.ties.classes, found.widths, space.candidates, strict=True)
        )
    )


def _totals(network: Network, result: SolveResult) -> NetworkTotals:
    design = result.design
    return NetworkTotals(
        parameters=network.parameters,
        macs=network.macs,
        energy_pj=None if design is None else design.energy_pj,
        latency_cycles=None if design is None else design.latency_cycles,
        latency_ms=None if design is None else design.latency_ms,
    )


def _layers(found: Adjustment) -> tuple[LayerChange, ...]:
    """Costs of one run of every layer, before and after."""
    after = {} if found.after is None else {entry.name: entry for entry in found.after.layers}
    return tuple(
        LayerChange(
            name=entry.name,
            kind=entry.kind,
            before=_costs(entry),
            after=_costs(after[entry.name]) if entry.name in after else None,
        )
        for entry in found.before.layers
    )


def _costs(entry: LayerEntry) -> LayerCosts:
    return LayerCosts(dims=entry.dims, energy_pj=entry.energy_pj, latency_cycles=entry.latency_cycles)
