"""Subtotals of a training step by phase."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from optimizer.problem.problem import network_of
from optimizer.report.layers import Body, layers_of
from optimizer.report.units import energy_text, energy_unit, number_text, percent_text
from optimizer.workload.layer import Layer
from optimizer.workload.network import PHASES


@dataclass
class PhaseTotals:
    """Number of layers, multiply-accumulates, energy and cycles of a phase."""

    layers: int = 0
    macs: int = 0
    energy_pj: float = 0.0
    latency_cycles: float = 0


def phase_totals(body: Body) -> dict[str, PhaseTotals]:
    """The totals of every phase of a result, in the order they run."""
    network = network_of(body.problem)
    totals: dict[str, PhaseTotals] = {}
    for entry in layers_of(body):
        layer = network.graph.nodes[entry.name]["layer"]
        total = totals.setdefault(network.phase(entry.name) or "", PhaseTotals())
        total.layers += 1
        total.macs += layer.macs * layer.multiplicity if isinstance(layer, Layer) else 0
        total.energy_pj += entry.energy_pj * entry.multiplicity
        total.latency_cycles += entry.latency_cycles * entry.multiplicity
    return {phase: totals[phase] for phase in (*PHASES, "") if phase in totals}


def phase_table(body: Body) -> Table:
    """One row per phase."""
    table = Table(title=Text("Phases", style="bold"), title_justify="left", header_style="bold")
    table.add_column("phase")
    for column in ("layers", "MACs", "energy", "share", "cycles", "share"):
        table.add_column(column, justify="right")
    totals, unit = phase_totals(body), energy_unit(body.objective.unit)
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
