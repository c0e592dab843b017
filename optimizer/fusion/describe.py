"""Groups and their layers as a result states them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optimizer.cost import Accounting, LayerCost, evaluate
from optimizer.errors import TilewrightError
from optimizer.fusion.plan import Plan, PricedRun
from optimizer.geometry import TILE_AXES
from optimizer.hardware import Hardware
from optimizer.lowering import lift, lower
from optimizer.mapping import Mapping
from optimizer.mapping_yaml import to_items
from optimizer.workload import AnyLayer, Layer, Network


def group_entry(network: Network, plan: Plan, hardware: Hardware, accounting: Accounting) -> dict[str, Any]:
    """One group: its tiles, what stays on chip, every run with its loop nest, totals."""
    layers = {name: network.graph.nodes[name]["layer"] for name in plan.members}
    runs, moved = [], sum(charge.dram_words for charge in plan.charges)
    for run in plan.runs:
        mapping, cost = price_again(layers[run.shape.layer], run, hardware, accounting)
        moved += run.shape.count * sum(c.reads + c.updates for (level, _), c in cost.counts.items() if level == 0)
        runs.append({
            "layer": run.shape.layer, "extents": dict(run.shape.extents), "count": run.shape.count,
            "pinned": sorted(run.pinned), "room_bits": run.room_bits, "mapping": to_items(mapping, hardware),
            "energy_pj": hardware.energy_pj(run.price.energy), "latency_cycles": run.price.latency,
        })  # fmt: skip
    charges = [
        {"kind": charge.kind, "name": charge.name, "energy_pj": hardware.energy_pj(charge.energy),
         "latency_cycles": charge.latency, "dram_words": charge.dram_words}
        for charge in plan.charges
    ]  # fmt: skip
    weighted = [name for name, layer in layers.items() if isinstance(layer, Layer) and layer.parameter_count]
    return {
        "layers": list(plan.members),
        "tile": {"parts": dict(zip(TILE_AXES, plan.cut.parts, strict=True)), "tiles": plan.cut.tiles},
        "halo": dict(zip(TILE_AXES[1:], plan.cut.halo, strict=True)),
        "weights": {name: "resident" if name in plan.choice.resident else "streamed" for name in weighted},
        "held": sorted(plan.choice.held),
        "strips": dict(sorted(plan.choice.strips)),
        "buffer_bits": plan.buffer_bits,
        "buffer_words": -(-plan.buffer_bits // max(o.bits for x in layers.values() for o in _operands(x))),
        "dram_words": moved,
        "latency_cycles": plan.latency,
        "energy_pj": hardware.energy_pj(plan.energy),
        "runs": runs,
        "charges": charges,
    }


def _operands(layer: AnyLayer) -> tuple[Any, ...]:
    return layer.operands if isinstance(layer, Layer) else ()


def price_again(
    layer: Layer, run: PricedRun, hardware: Hardware, accounting: Accounting
) -> tuple[Mapping, LayerCost]:  # fmt: skip
    """The loop nest of a run, and its cost by the cost model.

    Raises
    ------
    TilewrightError
        If the search and the cost model disagree.
    """
    cut = dict(run.shape.extents)
    small = replace(layer, dims=tuple((dim, cut.get(dim, extent)) for dim, extent in layer.dims))
    problem = lower(small, hardware, accounting=accounting, pinned=run.pinned, room_bits=run.room_bits)
    assert run.price.solution is not None
    mapping = lift(small, problem, run.price.solution)
    cost = evaluate(small, hardware, mapping, accounting=accounting)
    if cost.energy != run.price.energy or cost.latency_cycles * problem.latency_unit != run.price.solution.latency:
        raise TilewrightError(
            f"internal disagreement on a run of {layer.name}: the search says {run.price.energy}, "
            f"{run.price.solution.latency}; the cost model says {cost.energy}, {cost.latency_cycles}; please report it"
        )
    return mapping, cost


def member_entry(layer: AnyLayer, plan: Plan, group: int, hardware: Hardware) -> dict[str, Any]:
    """A layer of a group: its share of energy and cycles. Loop nests are with the group."""
    runs = [run for run in plan.runs if run.shape.layer == layer.name]
    charges = [charge for charge in plan.charges if (charge.kind, charge.name) == ("vector", layer.name)]
    energy = sum(run.shape.count * run.price.energy for run in runs) + sum(charge.energy for charge in charges)
    latency = sum(run.shape.count * run.price.latency for run in runs) + sum(charge.latency for charge in charges)
    dims, macs = (layer.extents, layer.macs) if isinstance(layer, Layer) else ({}, 0)
    return {
        "name": layer.name,
        "type": layer.kind,
        "dims": dims,
        "multiplicity": 1,
        "shared_with": [],
        "mapping": None,
        "group": group,
        "energy_pj": hardware.energy_pj(energy),
        "latency_cycles": latency,
        "accesses": {},
        **({} if isinstance(layer, Layer) else {"operations": layer.operations}),
        "utilization": macs / (hardware.macs_per_cycle * latency) if latency else 0.0,
        "lower_bounds": {},
    }
