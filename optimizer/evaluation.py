"""Report of one mapping that was given by hand."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from optimizer.cost import LayerCost
from optimizer.declared_space import outside_of_space
from optimizer.hardware import Hardware
from optimizer.limits import lower_bounds
from optimizer.mapping import Mapping
from optimizer.mapping_yaml import format_nest
from optimizer.report_layers import access_table, layer_heading, limits_table
from optimizer.report_units import NORMALIZED, number_text
from optimizer.workload import Layer


def accesses_of(cost: LayerCost, hardware: Hardware) -> dict[str, dict[str, dict[str, int]]]:
    """Counts per level and tensor, as they stand in a result."""
    accesses: dict[str, dict[str, dict[str, int]]] = {}
    for (level, role), access in sorted(cost.counts.items()):
        accesses.setdefault(hardware.levels[level].name, {})[role] = {
            "reads": access.reads, "fills": access.fills, "updates": access.updates,
            "tile_words": access.tile_words, "instances": access.instances,
        }  # fmt: skip
    return accesses


def layer_record(layer: Layer, hardware: Hardware, cost: LayerCost) -> dict[str, Any]:
    """Totals, counts and limits of one run of a layer, as they stand in a result."""
    latency = cost.latency_cycles
    return {
        "name": layer.name, "type": layer.kind, "dims": layer.extents, "mapping": [],
        "energy_pj": hardware.energy_pj(cost.energy),
        "latency_cycles": int(latency) if latency.denominator == 1 else float(latency),
        "compute_cycles": cost.compute_cycles, "utilization": float(cost.utilization),
        "accesses": accesses_of(cost, hardware), "lower_bounds": lower_bounds(layer, hardware),
    }  # fmt: skip


def evaluation_report(layer: Layer, hardware: Hardware, mapping: Mapping, cost: LayerCost) -> Group:
    """Loop nest, totals beside the limits, accesses, cycles per level, and whether a search would have seen the nest."""
    record = layer_record(layer, hardware, cost)
    data = {
        "energy_unit": "pJ" if hardware.energy_unit_pj is not None else NORMALIZED,
        "hardware": {"levels": [{"name": level.name} for level in hardware.levels]},
    }
    return Group(
        layer_heading(data, record), Text(format_nest(layer, hardware, mapping)), Text(), limits_table(data, record),
        Text(), access_table(record["accesses"]), Text(), cycles_table(hardware, cost), Text(), space_text(layer, mapping),
    )  # fmt: skip


def cycles_table(hardware: Hardware, cost: LayerCost) -> Table:
    """Cycles of the multipliers and of the busiest port of every level; the largest is the latency."""
    table = Table("busy", "cycles", header_style="bold")
    table.columns[1].justify = "right"
    table.add_row("multipliers", number_text(cost.compute_cycles))
    for level, cycles in zip(hardware.levels, cost.level_cycles, strict=True):
        table.add_row(Text(level.name), number_text(float(cycles)))
    return table


def space_text(layer: Layer, mapping: Mapping) -> Text:
    """Is the nest in the declared space, and if not, why?"""
    reason = outside_of_space(layer, mapping)
    if reason is None:
        return Text("declared space   inside: an OPTIMAL mapping for the same objective is at least as good")
    return Text(f"declared space   outside: {reason}; it may be better than an OPTIMAL mapping")
