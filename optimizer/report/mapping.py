"""Report of one mapping that was given by hand."""

from __future__ import annotations

import math

from rich.console import Group
from rich.table import Table
from rich.text import Text

from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import LayerCost
from optimizer.mapping.declared_space import outside_of_space
from optimizer.mapping.mapping import Mapping
from optimizer.mapping.reader import format_nest
from optimizer.report.layers import access_table, layer_heading, limits_table
from optimizer.results.layer_entry import mapped_layer
from optimizer.results.units import NORMALIZED, number_text
from optimizer.workload.layer import Layer


def evaluation_report(layer: Layer, hardware: Hardware, mapping: Mapping, cost: LayerCost) -> Group:
    """Loop nest, totals beside the limits, accesses, cycles per level, and whether the declared space has the nest."""
    entry = mapped_layer(layer, hardware, mapping, cost)
    unit = "pJ" if hardware.energy_unit_pj is not None else NORMALIZED
    return Group(
        layer_heading(entry),
        Text(format_nest(layer, hardware, mapping)),
        Text(),
        limits_table(entry, hardware.levels[0].name, unit),
        Text(),
        access_table(entry.accesses),
        Text(),
        cycles_table(hardware, cost),
        Text(),
        space_text(layer, mapping),
    )


def cycles_table(hardware: Hardware, cost: LayerCost) -> Table:
    """Cycles of the multipliers and of the busiest port of every level; the largest is the latency, rounded up."""
    table = Table("busy", "cycles", header_style="bold")
    table.columns[1].justify = "right"
    table.add_row("multipliers", number_text(cost.compute_cycles))
    for level, cycles in zip(hardware.levels, cost.level_cycles, strict=True):
        table.add_row(Text(level.name), number_text(float(cycles)))
    if cost.latency_cycles.denominator > 1:
        table.add_row("one run, in whole cycles", number_text(math.ceil(cost.latency_cycles)))
    return table


def space_text(layer: Layer, mapping: Mapping) -> Text:
    """Is the nest in the declared space, and if not, why?"""
    reason = outside_of_space(layer, mapping)
    if reason is None:
        return Text("declared space   inside: an OPTIMAL mapping for the same objective is at least as good")
    return Text(f"declared space   outside: {reason}; it may be better than an OPTIMAL mapping")
