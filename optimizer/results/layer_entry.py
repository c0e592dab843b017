"""One layer on one hardware point as plain data: counts, costs, lower bounds."""

from __future__ import annotations

from typing import Any

from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import LayerCost
from optimizer.mapping.lower_bounds import lower_bounds
from optimizer.workload.layer import Layer


def accesses_of(cost: LayerCost, hardware: Hardware) -> dict[str, dict[str, dict[str, int]]]:
    """Counts per level and tensor, as a result states them."""
    accesses: dict[str, dict[str, dict[str, int]]] = {}
    for (level, role), access in sorted(cost.counts.items()):
        accesses.setdefault(hardware.levels[level].name, {})[role] = {
            "reads": access.reads,
            "fills": access.fills,
            "updates": access.updates,
            "tile_words": access.tile_words,
            "instances": access.instances,
        }
    return accesses


def layer_record(layer: Layer, hardware: Hardware, cost: LayerCost) -> dict[str, Any]:
    """Totals, counts and limits of one run of a layer, as a result states them."""
    latency = cost.latency_cycles
    return {
        "name": layer.name,
        "type": layer.kind,
        "dims": layer.extents,
        "mapping": [],
        "energy_pj": hardware.energy_pj(cost.energy),
        "latency_cycles": int(latency) if latency.denominator == 1 else float(latency),
        "compute_cycles": cost.compute_cycles,
        "utilization": float(cost.utilization),
        "accesses": accesses_of(cost, hardware),
        "lower_bounds": lower_bounds(layer, hardware),
    }
