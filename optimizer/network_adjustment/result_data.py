"""An adjustment as ``adjust.json``."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from optimizer.architecture.hardware import Hardware
from optimizer.interop.onnx_writer import CannotWriteError, onnx_bytes
from optimizer.network_adjustment.adjustment import Adjustment
from optimizer.network_adjustment.bottlenecks import ratio_of
from optimizer.network_adjustment.resolution import image_of
from optimizer.network_adjustment.search import Size, best_of
from optimizer.problem.problem import problem_hash
from optimizer.problem.status import Termination
from optimizer.problem.versions import versions
from optimizer.results.formats import ADJUST_ACCURACY, ADJUST_FORMAT, ADJUST_SPACE
from optimizer.results.result import AdjustResult, Result
from optimizer.results.totals import number, status_of, unit_value
from optimizer.search.exploration import BOUNDING
from optimizer.workload.network import Network
from optimizer.workload.reader import dump_network


def adjust_data(found: Adjustment) -> dict[str, Any]:
    """Contents of ``adjust.json``; without ``after`` where there are no widths."""
    state, prepared = found.state, found.prepared
    point = state.best_point or prepared.points.corner(prepared.points.whole)
    unit, worth = unit_value(prepared.goal.objective, point)
    value = None if found.after is None else Fraction(found.after.certificate["value"])
    bound = state.bound if value is None else min(state.bound, value)
    before = Fraction(found.before.certificate["value"])
    limits = found.request.limits(found.network)
    problem = prepared.problem | {"request": found.request.data()}
    return {
        "format": ADJUST_FORMAT,
        "status": status_of(state).value,
        "termination": state.ended.value,
        "objective": {
            "name": prepared.goal.objective,
            "unit": unit,
            "value": None if value is None else number(value * worth),
            "bound": number(bound * worth),
            "gap": None if value is None else float((value - bound) / value),
            "original": number(before * worth),
            "original_status": found.before.status.value,
            "gain": None if value is None else float((before - value) / before),
            "largest_gain": float((before - bound) / before),
        },
        "accuracy": ADJUST_ACCURACY,
        "accounting": prepared.accounting,
        "space": ADJUST_SPACE + prepared.space,
        "architecture": prepared.architecture.name,
        "network": found.network.name,
        "request": found.request.data(),
        **_resolution(found, worth),
        "limits": {"parameters": list(limits[0]), "macs": list(limits[1])},
        "classes": _classes(found),
        "before": _totals(found.network, found.before),
        **({} if found.after is None or found.adjusted is None else {"after": _totals(found.adjusted, found.after)}),
        "layers": _layers(found),
        "hardware": None if state.best_point is None else _choices(state.best_point),
        "effort": {
            "rounds": sum(size.effort.rounds for size in found.sizes),
            "layers_priced": sum(size.effort.priced for size in found.sizes),
            "layers": sum(size.effort.layers for size in found.sizes),
            "hardware_points": state.total,
            "points_closed_by_bound": state.points("bound"),
        },
        "versions": versions(),
        "seed": found.seed,
        "wall_s": round(found.wall_s, 3),
        "problem": problem,
        "problem_hash": problem_hash(problem),
    }


def adjust_result(found: Adjustment) -> AdjustResult:
    """The result, with the adjusted network as files; where ONNX cannot hold it, ``onnx`` in the data says why."""
    data = adjust_data(found)
    results = [result.data for result in (found.before, found.after) if result is not None]
    faults = [fault for size in found.sizes for fault in size.state.disagreements]
    faults += [fault for one in results for fault in one.get("disagreements", ())]
    if faults:
        data |= {"disagreements": list(dict.fromkeys(faults)), "termination": Termination.DISAGREEMENT.value}
    if found.after is None or found.adjusted is None:
        return AdjustResult(data)
    onnx: bytes | None = None
    try:
        onnx = onnx_bytes(found.adjusted)
    except CannotWriteError as error:
        data["onnx"] = f"not written: {error}"
    return AdjustResult(
        data, original=found.before, adjusted=found.after, network_yaml=dump_network(found.adjusted), network_onnx=onnx
    )


def _choices(point: Hardware) -> dict[str, Any]:
    return {"array": list(point.mac_mesh), "choices": dict(point.choices)}


def _resolution(found: Adjustment, worth: Fraction) -> dict[str, Any]:
    """The resolution before and after, and the status of each; empty if the resolution was not varied."""
    if not found.request.resolutions:
        return {}
    chosen = None if found.after is None else best_of(found.sizes).image
    return {
        "resolution": {
            "before": list(image_of(found.network)),
            "after": None if chosen is None else list(chosen),
            "searched": [_searched(entry, worth) for entry in found.sizes],
        }
    }


def _searched(entry: Size, worth: Fraction) -> dict[str, Any]:
    """Outcome at a resolution: without a value it has no widths, or none better than those of other resolutions."""
    state = entry.state
    bounds = [closed.bound for closed in state.closed if closed.by in BOUNDING]
    return {
        "image": list(entry.image or ()),
        "value": None if state.value is None else number(state.value * worth),
        "bound": number(min(bounds) * worth) if bounds else None,
        "complete": state.complete,
    }


def _classes(found: Adjustment) -> list[dict[str, Any]]:
    """Every class with its layers, its widths, and why it is frozen; of a bottleneck what it expands, and how far."""
    space = found.sizes[0].space
    given = {pair.hidden: pair for pair in space.bottlenecks}

    def expansion(number: int) -> dict[str, Any]:
        if number not in given:
            return {}
        ratios = [str(ratio_of(given[number], widths)) for widths in (found.ties.widths, found.widths)]
        after = ratios[1] if found.after is not None else None
        return {"expansion": {"of": given[number].given, "before": ratios[0], "after": after}}

    return [
        {
            "layers": list(entry.layers),
            "before": entry.width,
            "after": width if found.after is not None else None,
            "candidates": list(options),
            "frozen": entry.frozen,
            **expansion(number),
        }
        for number, (entry, width, options) in enumerate(
            zip(found.ties.classes, found.widths, space.candidates, strict=True)
        )
    ]


def _totals(network: Network, result: Result) -> dict[str, Any]:
    keys = ("energy_pj", "latency_cycles", "latency_ms")
    return {"parameters": network.parameters, "macs": network.macs} | {key: result.data.get(key) for key in keys}


def _layers(found: Adjustment) -> list[dict[str, Any]]:
    """Costs of one run of every layer, before and after."""
    after = {} if found.after is None else {entry["name"]: entry for entry in found.after.data["layers"]}
    rows = []
    for entry in found.before.data.get("layers", []):
        row: dict[str, Any] = {"name": entry["name"], "type": entry["type"]}
        for label, source in (("before", entry), ("after", after.get(entry["name"]))):
            if source is not None:
                row[label] = {key: source[key] for key in ("dims", "energy_pj", "latency_cycles")}
        rows.append(row)
    return rows
