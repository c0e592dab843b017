"""Results as tables and text. Every function takes the contents of ``result.json`` and returns renderables."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.files.quantities import size_text
from optimizer.report.groups import groups_report
from optimizer.report.layers import distinct_layers, dram_words, layer_heading, layer_nest, layer_report, runs
from optimizer.report.phases import phase_table
from optimizer.report.units import (
    NORMALIZED,
    dims_text,
    energy_text,
    energy_unit,
    number_text,
    percent_text,
    ratio_text,
)

Data = dict[str, Any]
LEGEND = "x roofline: cycles over the limit beside it; x DRAM bound: off-chip words over the least any mapping moves"

HASH_DIGITS = 16


def to_text(renderable: RenderableType, width: int = 120) -> str:
    """A renderable as plain text."""
    console = Console(width=width, color_system=None, highlight=False)
    text = "".join(segment.text for segment in console.render(renderable))
    return "\n".join(line.rstrip() for line in text.splitlines())


def plain_table(title: str, *columns: str, left: int = 1) -> Table:
    """A table whose first `left` columns are text and the others numbers."""
    table = Table(title=Text(title, style="bold"), title_justify="left", header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left else "right", overflow="fold")
    return table


def full_report(data: Data, *, nests: bool = True) -> Group:
    """Everything about a result: headline, totals, hardware, layers, loop nests, warnings."""
    parts: list[RenderableType] = [headline(data)]
    if data.get("infeasible"):
        parts.append(infeasible_text(data))
    parts += [Text(), summary_table(data)]
    if data.get("hardware"):
        parts += [Text(), hardware_table(data)]
    if data.get("device"):
        parts += [Text(), device_table(data)]
    if data.get("groups") or data.get("comparison"):
        parts.append(groups_report(data, nests=nests))
    if data.get("layers") and data.get("training"):
        parts += [Text(), phase_table(data)]
    if data.get("layers"):
        parts += [Text(), layer_table(data), Text(LEGEND, style="dim")]
        for entry in distinct_layers(data) if nests else []:
            if entry.get("group") is not None:
                continue
            parts += [Text(), layer_heading(data, entry), Text(layer_nest(data, entry["name"]))]
    if data.get("space"):
        parts += [Text(), space_text(data)]
    parts += [Text(f"warning: {line}", style="yellow") for line in data.get("warnings") or []]
    parts += [Text(line, style="red") for line in data.get("disagreements") or []]
    return Group(*parts)


def headline(data: Data) -> Text:
    """Status, objective and gap in one line."""
    status, goal = data["status"], data.get("objective") or {}
    styles = {"OPTIMAL": "bold green", "FEASIBLE": "bold yellow", "EVALUATED": "bold"}
    text = Text(status, style=styles.get(status, "bold red"))
    if goal.get("value") is not None:
        text.append(f"  {goal.get('name')} {_objective_text(data, goal['value'])}", style="default")
    if status in ("FEASIBLE", "UNKNOWN") and goal.get("bound") is not None:
        text.append(f"  bound {_objective_text(data, goal['bound'])}", style="default")
    if goal.get("gap") is not None:
        text.append(f"  gap {percent_text(goal['gap'])}", style="default")
    return text


def _objective_text(data: Data, value: float) -> str:
    goal = data["objective"]
    if goal.get("name") == "energy":
        return energy_text(value, energy_unit(data))
    return f"{number_text(value)} {goal.get('unit') or ''}".rstrip()


def summary_table(data: Data) -> Table:
    """Totals of the design and what was done to prove it."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in _summary_rows(data):
        table.add_row(Text(name, style="bold"), Text(value))
    return table


def _summary_rows(data: Data) -> list[tuple[str, str]]:
    rows = []
    if data.get("training"):
        widths = ", ".join(f"{name} {bits}" for name, bits in data["training"]["bits"].items())
        rows.append(("training", f"one step, {data['training']['optimizer']}; bits: {widths}"))
    if data.get("energy_pj") is not None:
        rows.append(("energy", energy_text(data["energy_pj"], energy_unit(data))))
    if data.get("latency_cycles") is not None:
        time_ms = f" ({data['latency_ms']:.4g} ms)" if data.get("latency_ms") is not None else ""
        rows.append(("latency", f"{number_text(data['latency_cycles'])} cycles{time_ms}"))
    if data.get("area_um2"):
        rows.append(("area", f"{data['area_um2'] / 1e6:.4g} mm2"))
    if data.get("power_w") is not None and energy_unit(data) != NORMALIZED:
        rows.append(("power", f"{data['power_w']:.4g} W"))
    budgets = {name: value for name, value in (_problem(data).get("budgets") or {}).items() if value is not None}
    if budgets:
        limits = (f"{name} <= {number_text(float(Fraction(value)))}" for name, value in budgets.items())
        rows.append(("budgets", ", ".join(limits)))
    if data.get("hardware_points"):
        rows.append(("hardware points", points_text(data)))
    rows.append(("accounting", str(data.get("accounting") or "")))
    rows.append(("problem", hash_text(data)))
    if data.get("wall_s") is not None:
        seed = f", seed {data['seed']}" if data.get("seed") is not None else ""
        rows.append(("time", f"{data['wall_s']:.1f} s{seed}"))
    return [(name, value) for name, value in rows if value]


def hash_text(data: Data) -> str:
    """The beginning of the hash of the problem."""
    return str(data.get("problem_hash") or "")[:HASH_DIGITS]


def _problem(data: Data) -> Data:
    problem: Data = data.get("problem") or {}
    return problem


def points_text(data: Data) -> str:
    """How the hardware points of the menus were closed."""
    points = data.get("hardware_points") or {}
    names = {
        "solved": "solved",
        "closed_by_bound": "closed by a bound",
        "closed_by_area": "closed by area",
        "closed_by_device": "beyond the device",
        "closed_by_size": "too small for a layer",
        "closed_by_caps": "beyond the caps",
        "open": "open",
    }
    parts = [f"{number_text(points[key])} {name}" for key, name in names.items() if points.get(key)]
    return f"{number_text(points.get('total'))}: {', '.join(parts) or 'none closed'}"


def hardware_table(data: Data) -> Table:
    """The levels and the array; a size taken from a menu is marked with a star."""
    hardware, unit = data["hardware"], energy_unit(data)
    chosen = set(hardware.get("choices") or {})
    table = plain_table(
        "Hardware", "level", "instances", "size", "bits/access", f"read/fill/update ({unit})", "bits/cycle"
    )
    for level in hardware["levels"]:
        energies = [level.get(f"{kind}_energy_pj") for kind in ("read", "fill", "update")]
        table.add_row(
            Text(level["name"]),
            _mesh_text(level.get("mesh"), starred=_starred(chosen, level["name"], "instances")),
            size_text(level.get("size_bits")) + _starred(chosen, level["name"], "size"),
            number_text(level.get("access_bits")),
            " / ".join(number_text(energy) for energy in energies),
            _bandwidth_text(level) + _starred(chosen, level["name"], "bandwidth"),
        )
    star = "*" if any(path.startswith("array") for path in chosen) else ""
    table.add_row(Text("PE array"), _mesh_text(hardware.get("array"), starred=star))
    if chosen:
        table.caption = Text("* chosen from a menu")
        table.caption_justify = "left"
    return table


def device_table(data: Data) -> Table:
    """Use of every resource of the device, and the kinds of memory of every level."""
    device = data["device"]
    table = plain_table(f"Device {device['name']}", "resource", "used", "available", "share")
    for name, counts in device["resources"].items():
        used, available = counts["used"], counts["available"]
        share = percent_text(used / available if available else None)
        table.add_row(Text(name), number_text(used), number_text(available), share)
    made = (f"{level} of {number_text(made['blocks'])} {made['kind']}" for level, made in device["memories"].items())
    table.caption, table.caption_justify = Text(", ".join(made)), "left"
    return table


def _starred(chosen: set[str], level: str, kind: str) -> str:
    return "*" if any(path.startswith(f"{level}.{kind}") for path in chosen) else ""


def _mesh_text(mesh: list[int] | None, *, starred: str) -> str:
    return (f"{mesh[0]} x {mesh[1]}" if mesh else "") + starred


def _bandwidth_text(level: Data) -> str:
    bandwidths = level.get("bits_per_cycle") or {}
    parts = [f"{name} {number_text(value)}" for name, value in bandwidths.items() if value is not None]
    return ", ".join(parts) or "unlimited"


def layer_table(data: Data) -> Table:
    """One row per different layer: its share of the energy, and its distance from the limits."""
    table = plain_table(
        "Layers",
        "layer",
        "type",
        "dims",
        "runs",
        "energy",
        "share",
        "cycles",
        "util.",
        "x roofline",
        "limit",
        "x DRAM bound",
        left=3,
    )
    entries = distinct_layers(data)
    total = data.get("energy_pj") or sum(_energy(data, entry) for entry in entries)
    for entry in entries:
        bounds = entry.get("lower_bounds") or {}
        mapped = entry.get("mapping") is not None
        work = dims_text(entry["dims"]) if entry.get("dims") else f"{number_text(entry.get('operations'))} operations"
        work += f" ({entry['sparsity']})" if entry.get("sparsity") else ""
        table.add_row(
            Text(entry["name"]),
            Text(entry["type"]),
            Text(work),
            number_text(runs(data, entry)),
            energy_text(_energy(data, entry), energy_unit(data)),
            percent_text(_energy(data, entry) / total if total else None),
            number_text(_cycles(data, entry)),
            percent_text(entry.get("utilization") if entry.get("dims") else None),
            ratio_text(entry.get("latency_cycles"), bounds.get("latency_cycles")),
            Text(bounds.get("latency_limit") or "-"),
            ratio_text(dram_words(data, entry) if mapped else None, bounds.get("dram_words_bound")),
        )
    return table


def _energy(data: Data, entry: Data) -> float:
    return float(entry.get("energy_pj") or 0) * runs(data, entry)


def _cycles(data: Data, entry: Data) -> float:
    return float(entry.get("latency_cycles") or 0) * runs(data, entry)


def space_text(data: Data) -> Text:
    """The declared space in which the design is optimal, with its paddings."""
    space = data["space"]
    text = Text(f"Space: {space.get('text')}", style="dim")
    for layer, padding in (space.get("padding") or {}).items():
        extents = ", ".join(f"{dim} to {' or '.join(map(str, sizes))}" for dim, sizes in padding.items())
        text.append(f"\n  {layer} may be padded: {extents}")
    return text


def infeasible_text(data: Data) -> Text:
    """Which budgets exclude every design, and the least relaxation of each that would admit one."""
    reason = data["infeasible"]
    budgets = [str(budget) for budget in reason.get("budgets") or []]
    if reason.get("layer"):
        blame = f"no hardware point of the menus can hold layer {reason['layer']}"
    else:
        blame = f"these budgets exclude it together: {', '.join(budgets)}" if budgets else "no budget is to blame"
    lines = [f"There is no design: {blame}."]
    relaxations = reason.get("relaxations") or []
    if relaxations:
        exact = all(relaxation.get("exact", True) for relaxation in relaxations)
        enough = "Any one of these would make it feasible:" if exact else "No design without one of these:"
        lines.append("It needs:" if reason.get("layer") else enough)
    for relaxation in relaxations:
        change = f"{number_text(relaxation.get('limit'))} -> {number_text(relaxation.get('least'))}"
        lines.append(f"  - {relaxation.get('budget')}: {relaxation.get('text') or change}")
    if reason.get("complete") is False:
        fewer = "fewer budgets may be to blame, and " if len(budgets) > 1 else ""
        lines.append(f"The reason was not sought to the end: {fewer}more may be needed (--time-limit gives it time).")
    return Text("\n".join(lines))


__all__ = [
    "full_report",
    "hardware_table",
    "headline",
    "infeasible_text",
    "layer_nest",
    "layer_report",
    "layer_table",
    "plain_table",
    "points_text",
    "space_text",
    "summary_table",
    "to_text",
]
