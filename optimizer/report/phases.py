"""Subtotals of a training step by phase."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from optimizer.problem.problem import network_of
from optimizer.report.units import energy_text, energy_unit, number_text, percent_text
from optimizer.workload.layer import Layer
from optimizer.workload.network import PHASES

Data = dict[str, Any]


def phase_totals(data: Data) -> dict[str, Data]:
    """Number of layers, multiply-accumulates, energy and cycles of every phase of a result, in the order they run."""
    network = network_of(data["problem"])
    totals: dict[str, Data] = {}
    for entry in data["layers"]:
        layer, runs = network.graph.nodes[entry["name"]]["layer"], entry.get("multiplicity") or 1
        total = totals.setdefault(
            network.phase(entry["name"]) or "", {"layers": 0, "macs": 0, "energy_pj": 0.0, "latency_cycles": 0}
        )
        total["layers"] += 1
        total["macs"] += layer.macs * layer.multiplicity if isinstance(layer, Layer) else 0
        total["energy_pj"] += (entry.get("energy_pj") or 0) * runs
        total["latency_cycles"] += (entry.get("latency_cycles") or 0) * runs
    return {phase: totals[phase] for phase in (*PHASES, "") if phase in totals}


def phase_table(data: Data) -> Table:
    """One row per phase."""
    table = Table(title=Text("Phases", style="bold"), title_justify="left", header_style="bold")
    table.add_column("phase")
    for column in ("layers", "MACs", "energy", "share", "cycles", "share"):
        table.add_column(column, justify="right")
    totals = phase_totals(data)
    energy, cycles = (sum(total[key] for total in totals.values()) for key in ("energy_pj", "latency_cycles"))
    for phase, total in totals.items():
        table.add_row(
            phase.replace("_", " "),
            number_text(total["layers"]),
            number_text(total["macs"]),
            energy_text(total["energy_pj"], energy_unit(data)),
            percent_text(total["energy_pj"] / energy),
            number_text(total["latency_cycles"]),
            percent_text(total["latency_cycles"] / cycles),
        )
    return table
