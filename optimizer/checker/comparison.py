"""Check of a comparison with the layer-by-layer design, which is checked as a result of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from optimizer.checker.design_checks import differences, verdict
from optimizer.checker.outcome import Check, left_out
from optimizer.checker.stored import StoredResult

Data = dict[str, Any]
Examine = Callable[[StoredResult], list[Check]]


def beside_checks(result: StoredResult, examine: Examine) -> Iterator[Check]:
    """All checks of the section ``comparison``; none if it is missing.

    Parameters
    ----------
    result : Result
        A fused result with the layer-by-layer result beside it.
    examine : callable
        All checks of a result.
    """
    data, beside = result.data, result.beside
    if "comparison" not in data:
        return
    if beside is None:
        yield Check("comparison", False, "the result layer by layer, which it is about, is missing")
        return
    yield verdict("comparison", list(_faults(data, beside.data)), "figures of both results, and what follows from them")
    yield from as_one("layer by layer", examine(beside))


def as_one(name: str, found: list[Check]) -> Iterator[Check]:
    """The checks of a result as one, and what they leave out."""
    faults = [f"{check.name}: {check.detail}" for check in found if check.ok is False]
    undecided = [check.name for check in found if check.ok is None]
    if undecided and not faults:
        yield Check(name, None, f"undecided: {', '.join(undecided)}")
    else:
        yield verdict(name, faults, f"all {len(found)} checks of a result pass")
    yield from left_out(found, name)


def _faults(data: Data, beside: Data) -> Iterator[str]:
    fused = dict(data["problem"])
    if fused.pop("fusion", None) is None:
        yield "the result is not fused"
    if beside["problem"] != fused:
        yield "the result layer by layer is about another problem"
    yield from comparison_faults(data["comparison"], beside, data)


def comparison_faults(stated: Data, before: Data, after: Data) -> Iterator[str]:
    """Check the figures of a comparison against its two designs."""
    expected = {"layer_by_layer": figures(before), "fused": figures(after)}
    expected["reduction"] = reductions(expected["layer_by_layer"], expected["fused"])
    yield from differences(stated, expected, "comparison")


def figures(data: Data) -> Data:
    """The figures that a comparison states of a design."""
    found: Data = {"status": data["status"], "objective": data["objective"]["value"]}
    found |= {name: data.get(name) for name in ("energy_pj", "latency_cycles")}
    found["dram_words"] = off_chip_words(data) if data.get("layers") else None
    found["hardware"] = data["hardware"]["choices"] if data.get("hardware") else None
    return found


def reductions(before: Data, after: Data) -> Data:
    """Relative reduction of every figure; None where one is missing."""
    found: Data = {}
    for name in ("energy_pj", "latency_cycles", "dram_words"):
        was, now = before[name], after[name]
        found[name] = None if was is None or now is None or not was else 1 - now / was
    return found


def off_chip_words(data: Data) -> int:
    """Words that pass the outermost level in one run of the network."""
    outer = data["hardware"]["levels"][0]["name"]
    total: int = sum(group["dram_words"] for group in data.get("groups", ()))
    for entry in data["layers"]:
        if entry.get("group") is None:
            accesses = entry["accesses"].get(outer, {}).values()
            words = sum((a["reads"] + a["updates"]) * a["instances"] for a in accesses)
            total += entry["multiplicity"] * (words + entry.get("dram_words", 0))
    return total
