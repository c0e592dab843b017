"""Report of one mapping that was given by hand."""

from __future__ import annotations

import math
from typing import get_args

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting, LayerCost
from optimizer.mapping.held import HandReuse, priced
from optimizer.mapping.mapping import Mapping
from optimizer.mapping.reader import format_nest
from optimizer.report.layers import access_table, layer_heading, limits_table
from optimizer.results.layer_entry import mapped_layer
from optimizer.results.units import NORMALIZED, energy_text, number_text
from optimizer.workload.layer import Layer


def evaluation_report(
    layer: Layer, hardware: Hardware, given: Mapping, reuse: HandReuse, accounting: Accounting
) -> Group:
    """Loop nest, totals beside the limits, accesses, and cycles per level.

    Where the rules of reuse differ on the given nest, also the totals by each of them.
    """
    mapping, cost = priced(layer, hardware, given, reuse, accounting)
    totals = {rule: priced(layer, hardware, given, rule, accounting)[1] for rule in get_args(HandReuse)}
    entry = mapped_layer(layer, hardware, mapping, cost)
    unit = "pJ" if hardware.energy_unit_pj is not None else NORMALIZED
    return Group(
        layer_heading(entry),
        Text(format_nest(layer, hardware, mapping)),
        Text(),
        limits_table(entry, hardware.levels[0].name, unit),
        Text(),
        *rules_parts(hardware, totals, reuse, unit),
        access_table(entry.accesses),
        Text(),
        cycles_table(hardware, cost),
    )


def rules_parts(
    hardware: Hardware, totals: dict[HandReuse, LayerCost], reuse: HandReuse, unit: str
) -> list[RenderableType]:
    """Energy and cycles by every rule of reuse, the one of this report marked; nothing where all agree."""
    if len({(cost.energy, cost.latency_cycles) for cost in totals.values()}) == 1:
        return []
    table = Table("--reuse", "energy", "cycles", "", header_style="bold")
    table.columns[1].justify = table.columns[2].justify = "right"
    for rule, cost in totals.items():
        energy = energy_text(hardware.energy_pj(cost.energy), unit)
        table.add_row(rule, energy, number_text(float(cost.latency_cycles)), "this report" if rule == reuse else "")
    return [table, Text()]


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
