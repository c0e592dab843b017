"""Fused groups of a result: what runs together, the nest of each group, and the comparison with layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.bodies.layers import GroupEntry, GroupRun
from optimizer.bodies.solve import Comparison
from optimizer.files.quantities import size_text
from optimizer.mapping.reader import nest_text
from optimizer.report.layers import layer_in
from optimizer.results.units import energy_text, number_text, percent_text
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network

Groups = Sequence[GroupEntry]


def groups_table(groups: Groups, unit: str) -> Table:
    """One row per fused group."""
    table = Table(title=Text("Fused groups", style="bold"), title_justify="left", header_style="bold")
    for name in ("group", "layers", "tiles", "halo", "resident", "held"):
        table.add_column(name, overflow="fold")
    for name in ("buffer", "DRAM words", "cycles", "energy"):
        table.add_column(name, justify="right")
    for number, group in enumerate(groups, 1):
        resident = [name for name, how in group.weights.items() if how == "resident"]
        table.add_row(
            str(number),
            ", ".join(group.layers),
            tiles_text(group),
            halo_text(group),
            ", ".join(resident) or "-",
            ", ".join(group.held) or "-",
            size_text(group.buffer_bits),
            number_text(group.dram_words),
            number_text(group.latency_cycles),
            energy_text(group.energy_pj, unit),
        )
    return table


def tiles_text(group: GroupEntry) -> str:
    """Number of tiles, and how they come about."""
    cut = [f"{number} {axis}" for axis, number in group.tile.parts.items() if number > 1]
    text = f"{group.tile.tiles} ({' x '.join(cut)})" if cut else "1"
    return text if group.slices is None else f"{text}, channels in {group.slices.number}"


def halo_text(group: GroupEntry) -> str:
    """Halo policy of the axes that are cut."""
    parts = group.tile.parts
    return ", ".join(f"{axis} {policy}d" for axis, policy in group.halo.items() if parts[axis] > 1) or "-"


def group_nests(groups: Groups, network: Network) -> list[RenderableType]:
    """The fused loop nest of every group."""
    found: list[RenderableType] = []
    for number, group in enumerate(groups, 1):
        layers = {name: layer_in(network, name) for name in group.layers}
        heading = Text(f"group {number}", style="bold")
        heading.append(f"  {', '.join(group.layers)}", style="default")
        found += [Text(), heading, Text("\n".join(_group_lines(group, layers)))]
    return found


def _group_lines(group: GroupEntry, layers: dict[str, Any]) -> list[str]:
    lines = [f"keep weights of {name} [resident]" for name, how in group.weights.items() if how == "resident"]
    indent = ""
    for axis, number in group.tile.parts.items():
        if number > 1:
            lines.append(f"{indent}for tile of {axis} in {number}")
            indent += "  "
    sliced = () if group.slices is None else group.slices.layers
    for name in group.layers:
        if group.slices is not None and name in sliced[:1]:
            lines.append(f"{indent}for slice of channels in {group.slices.number}")
        within = indent + "  " if name in sliced else indent
        runs = sorted((run for run in group.runs if run.layer == name), key=lambda run: -run.count)
        if not runs:
            lines.append(f"{within}{name}: vector layer, part by part")
            continue
        lines += [f"{within}{line}" for line in _run_lines(name, layers[name], runs, group)]
    return lines


def _run_lines(name: str, layer: Layer, runs: list[GroupRun], group: GroupEntry) -> list[str]:
    """The most frequent run of a layer.

    The others differ in extents, by the borders, or in that they do not add to partial sums.
    """
    run, others = runs[0], len({tuple(run.extents.items()) for run in runs}) - 1
    pinned = f", {' '.join(run.pinned)} in the buffer" if run.pinned else ""
    strips = group.strips.get(name)
    more = f", in {strips} strips of rows" if strips else ""
    more += ", adding to partial sums" if run.resumes else ""
    rest = f" (and {others} other shapes at borders)" if others else ""
    nest = nest_text(layer.with_extents(run.extents), list(run.mapping)).splitlines()
    times = "1 run" if run.count == 1 else f"{number_text(run.count)} runs"
    return [f"{name}: {times}{pinned}{more}{rest}", *(f"  {line}" for line in nest)]


def comparison_table(both: Comparison, unit: str) -> Table:
    """Fused beside layer by layer."""
    table = Table(title=Text("Fused against layer by layer", style="bold"), title_justify="left", header_style="bold")
    for name in ("", "layer by layer", "fused", "reduction"):
        table.add_column(name, justify="right" if name else "left")
    before, after, less = both.layer_by_layer, both.fused, both.reduction
    table.add_row("status", before.status, after.status, "")
    energies = (energy_text(figures.energy_pj, unit) for figures in (before, after))
    table.add_row("energy", *energies, percent_text(less.energy_pj))
    for name, values, share in (
        ("cycles", (before.latency_cycles, after.latency_cycles), less.latency_cycles),
        ("DRAM words", (before.dram_words, after.dram_words), less.dram_words),
    ):
        table.add_row(name, *(number_text(value) for value in values), percent_text(share))
    return table


def groups_report(groups: Groups, network: Network, unit: str) -> Group:
    """Everything about the groups of a design."""
    return Group(groups_table(groups, unit), *group_nests(groups, network))
