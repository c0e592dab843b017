"""The layers of a design as a table."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from optimizer.bodies.solve import Design
from optimizer.report.layers import dram_words, equal_layers
from optimizer.report.tables import plain_table
from optimizer.results.units import dims_text, energy_text, number_text, percent_text, ratio_text
from optimizer.workload.layer import ROLES, Layer
from optimizer.workload.network import Network
from optimizer.workload.precision import DEFAULT_BITS
from optimizer.workload.sparsity import dense

LEGEND = "x roofline: cycles over the limit beside it; x DRAM bound: off-chip words over the least any mapping moves"


def layer_table(design: Design, network: Network, unit: str) -> Table:
    """One row per different layer: its share of the energy, and its distance from the limits.

    Bits per element have a column where some layer has others than by default.
    """
    widths = {layer.name: bits_text(layer) for layer in network.mac_layers()}
    stated = bool(set(widths.values()) - {"/".join([str(DEFAULT_BITS)] * len(ROLES))})
    columns = ["layer", "type", "dims", *(["W/I/O bits"] if stated else [])]
    numbers = ("runs", "energy", "share", "cycles", "util.", "x roofline", "limit", "x DRAM bound")
    table = plain_table("Layers", *columns, *numbers, left=len(columns))
    outer = design.hardware.levels[0].name
    for equal in equal_layers(design.layers).values():
        entry, times = equal[0], sum(one.multiplicity for one in equal)
        bounds = entry.lower_bounds
        words = None if entry.mapping is None else dram_words(entry.accesses.get(outer))
        work = dims_text(entry.dims) if entry.dims else f"{number_text(entry.operations)} operations"
        work += f" ({entry.sparsity})" if entry.sparsity else ""
        energy = entry.energy_pj * times
        table.add_row(
            Text(entry.name),
            Text(entry.kind),
            Text(work),
            *([Text(widths.get(entry.name, "-"))] if stated else []),
            number_text(times),
            energy_text(energy, unit),
            percent_text(energy / design.energy_pj if design.energy_pj else None),
            number_text(float(entry.latency_cycles) * times),
            percent_text(entry.utilization if entry.dims else None),
            ratio_text(entry.latency_cycles, bounds.latency_cycles),
            Text(bounds.latency_limit or "-"),
            ratio_text(words, bounds.dram_words_bound),
        )
    return table


def bits_text(layer: Layer) -> str:
    """Bits per element of W, I and O, e.g. ``8/8/32``."""
    return "/".join(str(operand.bits) for operand in dense(layer).operands)
