"""One layer on one hardware point as a result states it: counts, costs, lower bounds."""

from __future__ import annotations

from collections.abc import Mapping

from optimizer.architecture.hardware import Hardware
from optimizer.bodies.layers import AccessCounts, LayerEntry, LayerLowerBounds
from optimizer.mapping.cost import LayerCost
from optimizer.mapping.lower_bounds import layer_limits
from optimizer.mapping.mapping import Mapping as Nest
from optimizer.mapping.reader import to_items
from optimizer.results.totals import number
from optimizer.workload.layer import Layer


def accesses_of(cost: LayerCost, hardware: Hardware) -> dict[str, dict[str, AccessCounts]]:
    """Counts per level and tensor."""
    accesses: dict[str, dict[str, AccessCounts]] = {}
    for (level, role), access in sorted(cost.counts.items()):
        accesses.setdefault(hardware.levels[level].name, {})[role] = AccessCounts(
            reads=access.reads,
            fills=access.fills,
            updates=access.updates,
            tile_words=access.tile_words,
            instances=access.instances,
        )
    return accesses


def lower_bounds_of(layer: Layer, hardware: Hardware) -> LayerLowerBounds:
    """Bounds that hold for every mapping; energy in pJ (or normalized units)."""
    limits = layer_limits(layer, hardware)
    name, cycles = limits.roofline
    return LayerLowerBounds(
        compute_cycles=limits.compute_cycles,
        bandwidth_cycles={port: number(value) for port, value in limits.bandwidth_cycles.items()},
        latency_cycles=number(cycles),
        latency_limit=name,
        compulsory_dram_words=dict(limits.compulsory_dram_words),
        dram_words_bound=limits.dram_words,
        energy_pj=hardware.energy_pj(limits.energy),
    )


def mapped_layer(
    layer: Layer,
    hardware: Hardware,
    mapping: Nest,
    cost: LayerCost,
    *,
    padded: Mapping[str, int] | None = None,
) -> LayerEntry:
    """Totals, counts and limits of one run of a layer under a mapping."""
    return LayerEntry(
        name=layer.name,
        kind=layer.kind,
        dims=layer.extents,
        padded=padded,
        multiplicity=layer.multiplicity,
        mapping=tuple(to_items(mapping, hardware)),
        energy_pj=hardware.energy_pj(cost.energy),
        latency_cycles=number(cost.latency_cycles),
        compute_cycles=cost.compute_cycles,
        accesses=accesses_of(cost, hardware),
        utilization=float(cost.utilization),
        lower_bounds=lower_bounds_of(layer, hardware),
    )
