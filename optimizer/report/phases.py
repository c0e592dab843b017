"""Subtotals of a training step by phase."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from optimizer.report.layers import Layers, layer_in
from optimizer.results.units import energy_text, number_text, percent_text
from optimizer.workload.layer import Layer
from optimizer.workload.network import PHASES, Network


@dataclass
class PhaseTotals:
    """Number of layers, multiply-accumulates, energy and cycles of a phase."""

    layers: int = 0
    macs: int = 0
    energy_pj: float = 0.0
    latency_cycles: float = 0


def phase_totals(layers: Layers, network: Network) -> dict[str, PhaseTotals]:
    """The totals of every phase of a training step, in the order they run, from the layers of its design."""
    totals: dict[str, PhaseTotals] = {}
    for entry in layers:
        layer = layer_in(network, entry.name)
        total = totals.setdefault(network.phase(entry.name) or "", PhaseTotals())
        total.layers += 1
        total.macs += layer.macs * layer.multiplicity if isinstance(layer, Layer) else 0
        total.energy_pj += entry.energy_pj * entry.multiplicity
        total.latency_cycles += entry.latency_cycles * entry.multiplicity
    return {phase: totals[phase] for phase in (*PHASES, "") if phase in totals}


def phase_table(layers: Layers, network: Network, unit: str) -> Table:
    """One row per phase; `unit` is that of energies."""
    table = Table(title=Text("Phases", style="bold"), title_justify="left", header_style="bold")
    table.add_column("phase")
    for column in ("layers", "MACs", "energy", "share", "cycles", "share"):
        table.add_column(column, justify="right")
    totals = phase_totals(layers, network)
    energy = sum(total.energy_pj for total in totals.values())
    cycles = sum(total.latency_cycles for total in totals.values())
    for phase, total in totals.items():
        table.add_row(
            phase.replace("_", " "),
            number_text(total.layers),
            number_text(total.macs),
            energy_text(total.energy_pj, unit),
            percent_text(total.energy_pj / energy),
            number_text(total.latency_cycles),
            percent_text(total.latency_cycles / cycles),
        )
    return table
