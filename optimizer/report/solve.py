"""Results as tables and text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.bodies.evaluation import EvaluationBody
from optimizer.bodies.hardware import DeviceEntry, HardwareEntry, PortWidths
from optimizer.bodies.solve import Design, EngineEffort, PointCounts, SolveBody, Space
from optimizer.files.quantities import size_text
from optimizer.problem.exact_json import decode_exact
from optimizer.problem.status import Status
from optimizer.report.dropped import dropped_report
from optimizer.report.groups import comparison_table, groups_report
from optimizer.report.infeasible import infeasible_text
from optimizer.report.layer_table import LEGEND, layer_table
from optimizer.report.layers import (
    equal_layers,
    layer_heading,
    layer_nest,
    layer_report,
    network_in,
)
from optimizer.report.phases import phase_table
from optimizer.report.serving import caps_line, serving_rows
from optimizer.report.tables import plain_table
from optimizer.results.units import (
    NORMALIZED,
    energy_text,
    energy_unit,
    number_text,
    percent_text,
)
from optimizer.workload.mapping_constraints import read_mapping_constraints

Body = SolveBody | EvaluationBody
HASH_DIGITS = 16


def to_text(renderable: RenderableType, width: int = 120) -> str:
    """A renderable as plain text."""
    console = Console(width=width, color_system=None, highlight=False)
    text = "".join(segment.text for segment in console.render(renderable))
    return "\n".join(line.rstrip() for line in text.splitlines())


def full_report(body: Body) -> Group:
    """Everything about a result: headline, totals, hardware, layers, loop nests, warnings."""
    design, unit = body.design, energy_unit(body.objective.unit)
    parts: list[RenderableType] = [headline(body)]
    if isinstance(body, SolveBody) and body.infeasible is not None:
        parts.append(infeasible_text(body.infeasible, body.problem.get("budgets")))
    parts += [Text(), summary_table(body)]
    if design is not None:
        parts += [Text(), hardware_table(design.hardware, unit)]
        parts += [] if design.device is None else [Text(), device_table(design.device)]
    if body.comparison is not None:
        parts += [Text(), comparison_table(body.comparison, unit)]
    if isinstance(body, SolveBody) and body.dropped is not None:
        parts += [Text(), *dropped_report(body.dropped, unit)]
    if design is not None:
        parts += _layer_parts(body, design, unit)
    parts += [Text(), space_text(body.space)]
    parts += [Text(f"warning: {line}", style="yellow") for line in body.warnings]
    if isinstance(body, SolveBody):
        parts += [Text(line, style="red") for line in body.disagreements or ()]
    return Group(*parts)


def _layer_parts(body: Body, design: Design, unit: str) -> list[RenderableType]:
    """The groups, phases and layers of a design, and the loop nests of layers that run by themselves."""
    parts: list[RenderableType] = []
    network = network_in(body)
    if design.groups:
        parts += [Text(), groups_report(design.groups, network, unit)]
    if body.training is not None:
        parts += [Text(), phase_table(design.layers, network, unit)]
    parts += [Text(), layer_table(design, network, unit), Text(LEGEND, style="dim")]
    for entry, *others in equal_layers(design.layers).values():
        if entry.group is None:
            parts += [Text(), layer_heading(entry, others), Text(layer_nest(entry, network))]
    return parts


def headline(body: Body) -> Text:
    """Status, objective and gap in one line."""
    goal = body.objective
    unit = energy_unit(goal.unit)

    def text(value: float) -> str:
        return energy_text(value, unit) if goal.name == "energy" else unit_text(value, goal.unit)

    return status_line(body.status, goal.name, text, goal.value, goal.bound, goal.gap)


def status_line(
    status: Status,
    name: str,
    text_of: Callable[[float], str],
    value: float | None,
    bound: float | None,
    gap: float | None,
) -> Text:
    """Status, objective, its bound where that is not the same, and the gap between the two."""
    styles = {Status.OPTIMAL: "bold green", Status.FEASIBLE: "bold yellow", Status.EVALUATED: "bold"}
    text = Text(status.value, style=styles.get(status, "bold red"))
    if value is not None:
        text.append(f"  {name} {text_of(value)}", style="default")
    if status in (Status.FEASIBLE, Status.UNKNOWN) and bound is not None:
        text.append(f"  bound {text_of(bound)}", style="default")
    if gap is not None:
        text.append(f"  gap {percent_text(gap)}", style="default")
    return text


def unit_text(value: float, unit: str | None) -> str:
    """A number with its unit."""
    return f"{number_text(value)} {unit or ''}".rstrip()


def summary_table(body: Body) -> Table:
    """Totals of the design and what was done to prove it."""
    return facts_table(_summary_rows(body))


def facts_table(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and values; rows without a value are left out."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in rows:
        if value:
            table.add_row(Text(name, style="bold"), Text(value))
    return table


def _summary_rows(body: Body) -> list[tuple[str, str]]:
    rows, design, unit = [], body.design, energy_unit(body.objective.unit)
    if body.training is not None:
        widths = ", ".join(f"{name} {bits}" for name, bits in body.training.bits.items())
        rows.append(("training", f"one step, {body.training.optimizer}; bits: {widths}"))
    if design is not None:
        rows.append(("energy", energy_text(design.energy_pj, unit)))
        rows.append(("latency", f"{number_text(design.latency_cycles)} cycles ({design.latency_ms:.4g} ms)"))
        rows.append(("area", area_text(design.area_um2)))
    if design is not None and design.power_w is not None and unit != NORMALIZED:
        rows.append(("power", f"{design.power_w:.4g} W"))
    rows += serving_rows(body.serving) if isinstance(body, SolveBody) and body.serving is not None else []
    budgets = {name: value for name, value in (body.problem.get("budgets") or {}).items() if value is not None}
    limits = (f"{name} <= {number_text(float(Fraction(value)))}" for name, value in budgets.items())
    rows.append(("budgets", ", ".join(limits)))
    rows.append(("caps", caps_line(body.problem)))
    rows.append(("constraints", constraints_line(body.problem["architecture"].get("constraints", ()))))
    rows.append(("rules", rules_line(body.problem)))
    seed = ""
    if isinstance(body, SolveBody):
        rows.append(("hardware points", points_text(body.hardware_points)))
        rows.append(("search", search_text(body.search or ())))
        seed = f", seed {body.seed}"
    rows.append(("accounting", body.accounting))
    rows.append(("problem", hash_text(body.problem_hash)))
    rows.append(("time", f"{body.wall_s:.1f} s{seed}"))
    return rows


def constraints_line(stated: Sequence[str | Mapping[str, Any]]) -> str:
    """Constraints on the sizes as a problem states them, in one line."""
    return "; ".join(
        one if isinstance(one, str) else f"{one.get('name', 'allowed')} ({len(one['allowed'])} combinations)"
        for one in stated
    )


def rules_line(problem: Mapping[str, Any]) -> str:
    """Constraints on mappings as a problem states them, in one line."""
    stated = [rule for part in ("architecture", "network") for rule in problem.get(part, {}).get("mapping", ())]
    return "; ".join(one.title for one in read_mapping_constraints(decode_exact(stated), None, None))


def area_text(area_um2: int) -> str:
    """An area in mm2; empty where there is none."""
    return f"{area_um2 / 1e6:.4g} mm2" if area_um2 else ""


def hash_text(problem_hash: str) -> str:
    """The beginning of the hash of the problem."""
    return problem_hash[:HASH_DIGITS]


def points_text(points: PointCounts) -> str:
    """How the hardware points of the menus were closed."""
    counts = {
        "solved": points.solved,
        "closed by a bound": points.closed_by_bound,
        "closed by area": points.closed_by_area,
        "beyond the device": points.closed_by_device,
        "without room off chip": points.closed_by_memory,
        "too small for a layer": points.closed_by_size,
        "beyond the caps": points.closed_by_caps,
        "open": points.open,
    }
    parts = [f"{number_text(count)} {name}" for name, count in counts.items() if count]
    return f"{number_text(points.total)}: {', '.join(parts) or 'none closed'}"


def search_text(efforts: Sequence[EngineEffort]) -> str:
    """What the searches of loop nests did, in one line."""
    return "; ".join(f"{one.engine}: {_effort_text(one)}" for one in efforts)


def _effort_text(effort: EngineEffort) -> str:
    counts = {
        "partial nests looked at": effort.seen,
        "kept": effort.kept,
    }
    parts = [f"{number_text(effort.searches)} {'search' if effort.searches == 1 else 'searches'}"]
    return ", ".join(parts + [f"{number_text(count)} {name}" for name, count in counts.items() if count])


def hardware_table(hardware: HardwareEntry, unit: str) -> Table:
    """The levels and the array; a size taken from a menu is marked with a star."""
    chosen = set(hardware.choices)
    table = plain_table(
        "Hardware", "level", "instances", "size", "bits/access", f"read/fill/update ({unit})", "bits/cycle"
    )
    for level in hardware.levels:
        energies = (level.read_energy_pj, level.fill_energy_pj, level.update_energy_pj)
        table.add_row(
            Text(level.name),
            _mesh_text(level.mesh, starred=_starred(chosen, level.name, "instances")),
            size_text(level.size_bits) + _starred(chosen, level.name, "size"),
            number_text(level.access_bits),
            " / ".join(number_text(energy) for energy in energies),
            _bandwidth_text(level.bits_per_cycle) + _starred(chosen, level.name, "bandwidth"),
        )
    star = "*" if any(path.startswith("array") for path in chosen) else ""
    table.add_row(Text("PE array"), _mesh_text(hardware.array, starred=star))
    if chosen:
        table.caption = Text("* chosen from a menu")
        table.caption_justify = "left"
    return table


def device_table(device: DeviceEntry) -> Table:
    """Use of every resource of the device, and the kinds of memory of every level."""
    table = plain_table(f"Device {device.name}", "resource", "used", "available", "share")
    for name, counts in device.resources.items():
        share = percent_text(counts.used / counts.available if counts.available else None)
        table.add_row(Text(name), number_text(counts.used), number_text(counts.available), share)
    made = (f"{level} of {number_text(made.blocks)} {made.kind}" for level, made in device.memories.items())
    table.caption, table.caption_justify = Text(", ".join(made)), "left"
    return table


def _starred(chosen: set[str], level: str, kind: str) -> str:
    return "*" if any(path.startswith(f"{level}.{kind}") for path in chosen) else ""


def _mesh_text(mesh: tuple[int, int], *, starred: str) -> str:
    return f"{mesh[0]} x {mesh[1]}{starred}"


def _bandwidth_text(ports: PortWidths) -> str:
    widths = {"read": ports.read, "write": ports.write, "shared": ports.shared}
    parts = [f"{name} {number_text(value)}" for name, value in widths.items() if value is not None]
    return ", ".join(parts) or "unlimited"


def space_text(space: Space) -> Text:
    """The declared space in which the design is optimal, with its paddings."""
    text = Text(f"Space: {space.text}", style="dim")
    for layer, padding in (space.padding or {}).items():
        extents = ", ".join(f"{dim} to {' or '.join(map(str, sizes))}" for dim, sizes in padding.items())
        text.append(f"\n  {layer} may be padded: {extents}")
    return text


__all__ = [
    "full_report",
    "hardware_table",
    "headline",
    "infeasible_text",
    "layer_report",
    "points_text",
    "space_text",
    "summary_table",
    "to_text",
]
