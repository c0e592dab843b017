"""Comparison of a fused design with the best layer-by-layer design."""

from __future__ import annotations

from typing import Any

Data = dict[str, Any]
FIGURES = ("energy_pj", "latency_cycles", "dram_words")


def comparison(layer_by_layer: Data, fused: Data) -> Data:
    """The section ``comparison``: figures of both results, and the relative reduction by fusion.

    A figure is None where a result has no design. ``status`` says what is proved of each.
    """
    before, after = figures(layer_by_layer), figures(fused)
    return {"layer_by_layer": before, "fused": after, "reduction": reductions(before, after)}


def reductions(before: Data, after: Data) -> Data:
    """Relative reduction of every figure."""
    return {name: _reduction(before[name], after[name]) for name in FIGURES}


def figures(data: Data) -> Data:
    """Totals of a design: energy, latency, words that pass the outermost level, and the hardware chosen."""
    found: Data = {"status": data["status"], "objective": data["objective"]["value"]}
    found |= {name: data.get(name) for name in ("energy_pj", "latency_cycles")}
    found["dram_words"] = off_chip_words(data) if data.get("layers") else None
    found["hardware"] = data["hardware"]["choices"] if data.get("hardware") else None
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


def _reduction(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None or not before else 1 - after / before
