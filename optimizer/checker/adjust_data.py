"""Checks of ``adjust.json`` besides the widths: the problem, the tables, and the exported ONNX model."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from optimizer.checker.claims.solve import hash_fault, rebuild
from optimizer.checker.design_checks import differences, verdict
from optimizer.checker.outcome import NOT_CHECKED, Check
from optimizer.checker.stored import StoredResult
from optimizer.interop.onnx_writer import CannotWriteError, onnx_bytes
from optimizer.results.folder import place_of
from optimizer.results.formats import ADJUST_ACCURACY, ADJUST_FORMAT, ADJUST_SPACE, ADJUSTED_ONNX
from optimizer.workload.network import Network

Data = dict[str, Any]
UNPROVED = "adjust.json: that no other widths cost less (objective.bound, largest_gain, status OPTIMAL)"
NO_WIDTHS = (
    "adjust.json: that no widths keep the limits; before, layers, objective (the design of the network as it was is "
    "not in the folder)"
)
UNSEEN = "adjust.json: classes.candidates, resolution.searched, effort"
CLOSE = 1e-9
"""What rounding to floats may leave."""
FIGURES = ("dims", "energy_pj", "latency_cycles")


def data_checks(data: Data) -> Iterator[Check]:
    """Checks that need no design."""
    problem = data["problem"]
    faults = hash_fault(data)
    claim = rebuild({"problem": problem}, {"boxes": []})
    stated = {
        "format": ADJUST_FORMAT,
        "accuracy": ADJUST_ACCURACY,
        "accounting": problem["accounting"],
        "space": ADJUST_SPACE + claim.space,
        "architecture": claim.architecture.name,
        "network": claim.network.name,
        "request": problem["request"],
        "limits": _limits(data, claim.network),
    }
    faults += differences({key: data[key] for key in stated}, stated)
    if data["objective"]["name"] != problem["objective"]:
        faults.append(f"the objective is {data['objective']['name']}")
    if data["status"] not in ("OPTIMAL", "FEASIBLE", "INFEASIBLE", "UNKNOWN") or (
        ("after" in data) != (data["status"] in ("OPTIMAL", "FEASIBLE"))
    ):
        faults.append(f"the status is {data['status']}")
    yield verdict("problem", faults, f"hash {data['problem_hash'][:16]} recomputed; limits and words follow")
    yield Check(NOT_CHECKED, True, UNSEEN)
    yield Check(NOT_CHECKED, True, UNPROVED if "after" in data else NO_WIDTHS)


def _limits(data: Data, network: Network) -> Data:
    totals = {"parameters": network.parameters, "macs": network.macs}
    found: Data = {}
    for key, total in totals.items():
        low, high = (total * (1 + Fraction(text)) for text in data["request"][key])
        found[key] = [-(-low.numerator // low.denominator), high.numerator // high.denominator]
    return found


def table_checks(data: Data, before: StoredResult, after: StoredResult) -> Iterator[Check]:
    """Compare the tables with both designs."""
    problem = {key: value for key, value in data["problem"].items() if key != "request"}
    faults = [] if before.data["problem"] == problem else ["the design before is about another problem"]
    rows = {entry["name"]: {"after": {key: entry[key] for key in FIGURES}} for entry in after.data["layers"]}
    expected = [
        {"name": entry["name"], "type": entry["type"], "before": {key: entry[key] for key in FIGURES}}
        | rows.get(entry["name"], {})
        for entry in before.data["layers"]
    ]
    if data["layers"] != expected:
        faults.append("layers do not repeat what both designs state")
    choices = {"array": after.data["hardware"]["array"], "choices": after.data["hardware"]["choices"]}
    if data["hardware"] != choices:
        faults.append(f"hardware is {data['hardware']}, the design has {choices}")
    for key, result in (("before", before), ("after", after)):
        if data[key]["latency_ms"] != result.data["latency_ms"]:
            faults.append(f"{key}.latency_ms is {data[key]['latency_ms']}, it should be {result.data['latency_ms']}")
    faults += _objective_faults(data, before, after)
    yield verdict("tables", faults, "layers, hardware and objective as both designs state them")


def _objective_faults(data: Data, before: StoredResult, after: StoredResult) -> Iterator[str]:
    goal = data["objective"]
    for key, right in (("unit", after.data["objective"]["unit"]), ("original_status", before.status)):
        if goal[key] != right:
            yield f"objective.{key} is {goal[key]}, it should be {right}"
    for key, base in (("gap", goal["value"]), ("largest_gain", goal["original"])):
        right = float(1 - Fraction(goal["bound"]) / Fraction(base))
        if abs(goal[key] - right) > CLOSE:
            yield f"objective.{key} is {goal[key]}, it should be {right}"


def onnx_checks(data: Data, folder: Path, network: Network) -> Iterator[Check]:
    """The ONNX model is the adjusted network, byte for byte; or why there is none."""
    try:
        made = onnx_bytes(network)
    except CannotWriteError as error:
        fine = data.get("onnx") == f"not written: {error}"
        yield Check(ADJUSTED_ONNX, fine, f"cannot be written: {error}")
        return
    path = place_of(folder, ADJUSTED_ONNX)
    stated = path.read_bytes() if path.is_file() else b""
    yield Check(
        ADJUSTED_ONNX,
        stated == made,
        "the adjusted network, written again" if stated == made else "is not the adjusted network",
    )
