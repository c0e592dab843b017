"""Results of the sparse engine as tables and text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.errors import SpecError
from optimizer.report.solve import plain_table

Data = dict[str, Any]


def sparse_report(data: Data) -> RenderableType:
    """Whatever ``sparse.json`` holds.

    Raises
    ------
    SpecError
        If no command writes this.
    """
    reports: dict[str, Callable[[Data], RenderableType]] = {
        "sparse sizing": sizing_report,
        "sparse patterns": patterns_report,
        "sparse simulation": simulation_report,
        "sparse report": design_report,
        "sparse accuracy": accuracy_report,
    }
    if data.get("kind") not in reports:
        raise SpecError(
            "not a result of the sparse engine",
            field="kind",
            value=data.get("kind"),
            allowed=", ".join(reports),
            remedy="give the folder that a command of `tilewright sparse` wrote",
        )
    return reports[data["kind"]](data)


def sizing_report(data: Data) -> Group:
    """Headline, the design or what excludes every design."""
    parts: list[RenderableType] = [_sizing_headline(data)]
    if data.get("infeasible"):
        parts += _blame(data["infeasible"])
    if data.get("design"):
        parts += [Text(), design_report(data["design"], data["request"]["budgets"])]
    return Group(*parts)


def _sizing_headline(data: Data) -> Text:
    goal = data["objective"]
    text = Text(data["status"])
    if goal["value"] is not None:
        text.append(f"  {goal['name']} {goal['value']:.6g} {goal['unit']}".rstrip())
    if data["status"] == "FEASIBLE":
        text.append(f"  bound {goal['bound']:.6g}")
    if goal["gap"] is not None:
        text.append(f"  gap {100 * goal['gap']:.1f} %")
    return text


def _blame(found: Data) -> list[RenderableType]:
    lines: list[RenderableType] = [Text(f"to blame: {', '.join(found['blame']) or 'the layers themselves'}")]
    lines += [Text(f"  {relaxation['text']}") for relaxation in found["relaxations"]]
    if not found["complete"]:
        lines.append(Text("time ran out: fewer may be to blame"))
    if found["held"]:
        lines.append(Text(f"held (too many candidates without): {', '.join(found['held'])}"))
    return lines


def design_report(design: Data, budgets: Data | None = None) -> Group:
    """All about an engine."""
    against = design["against_dense"]
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in (
        ("layers", "-".join(map(str, design["neurons"]))),
        ("out-degrees, in-degrees", f"{_list(design['out_degrees'])}; {_list(design['in_degrees'])}"),
        ("density", f"{100 * design['density']:.4g} %"),
        ("z", _list(design["z"])),
        ("junction cycle C, memory depth D", f"{_list(design['cycles'])}; {_list(design['depths'])}"),
        ("block cycle", f"{design['block_cycle']} clocks (PROCTIME {design['proctime']})"),
        ("time per input", f"{design['time_us']:.4g} us at {design['clock_mhz']:g} MHz"),
        ("throughput", f"{design['inputs_per_s']:,.0f} inputs/s"),
        ("against one operation at a time", f"{design['speed_up']} x"),
        ("against the dense network: products", f"{against['products']:.4g} x fewer"),
        ("against the dense network: words", f"{against['storage']:.3g} x fewer"),
    ):
        facts.add_row(name, value)
    return Group(facts, Text(), _use_table(design, budgets or {}), Text(), _words_table(design), *_estimate(design))


def _table(title: str, *columns: str, left: int = 1) -> Table:
    """A table without lines."""
    table = plain_table(title, *columns, left=left)
    table.box, table.padding = None, (0, 2, 0, 0)
    return table


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _use_table(design: Data, budgets: Data) -> RenderableType:
    table = _table("Device use", "resource", "used", "budget")
    for name, used in design["device_use"].items():
        table.add_row(name, f"{used:,}", f"{budgets[name]:,}" if name in budgets else "-")
    for name, used in design["arithmetic_per_clock"].items():
        table.add_row(name, f"{used:,}", "-")
    return table


def _words_table(design: Data) -> RenderableType:
    table = _table(f"{design['width_bits']}-bit words kept", "kind", "words")
    for name, words in design["storage_words"].items():
        table.add_row(name, f"{words:,}")
    return table


def _estimate(design: Data) -> list[RenderableType]:
    early = design["early_estimate"]
    if early is None:
        return []
    figures = f"{early['multipliers']:,} multipliers, {early['dsp']:,} DSP, {early['memory_bits'] / 1e6:.7g} Mbit"
    return [Text(), Text(f"early estimator: {figures}")]


def patterns_report(data: Data) -> Group:
    """Status and figures of the pattern of every junction."""
    table = _table(
        "Access patterns", "junction", "status", "D", "spread", "bound", "type 1", "type 2", "type 3", left=2
    )
    for number, entry in enumerate(data["junctions"], 1):
        goal, counts = entry["objective"], entry["patterns"]
        reached = "-" if goal["value"] is None else str(goal["value"])
        table.add_row(
            str(number),
            entry["status"],
            str(entry["junction"]["depth"]),
            reached,
            str(goal["bound"]),
            *(counts[kind] for kind in ("1", "2", "3")),
        )
    parts: list[RenderableType] = [Text(data["status"]), Text(), table]
    for number, entry in enumerate(data["junctions"], 1):
        if "infeasible" in entry:
            parts.append(Text(f"junction {number}, to blame: {', '.join(entry['infeasible']) or 'z and the degrees'}"))
    return Group(*parts)


def simulation_report(data: Data) -> Group:
    """What the clocked simulator has shown."""
    text = (
        f"{data['inputs']} inputs in {data['clocks']:,} clocks ({data['blocks']} blocks of {data['block_cycle']}), "
        f"{data['accesses']:,} memory accesses"
    )
    hazards = f"{data['forwarded']:,} partial deltas forwarded" if data["forwarding"] else "no hazard"
    same = "equal" if data["equal"] else "DIFFER from"
    return Group(
        Text(text),
        Text(f"no bank conflict, {hazards}"),
        Text(f"weights, biases and outputs {same} those of the masked matrices"),
    )


def verification_report(found: Data) -> Group:
    """Faults, or what was proved again."""
    lines = [Text("FAILED" if found["faults"] else "PASSED"), Text(found["proved"])]
    return Group(*lines, *(Text(f"fault: {fault}") for fault in found["faults"]))


def accuracy_report(data: Data) -> RenderableType:
    """Accuracy by density (rows) and format (columns)."""
    formats = list(dict.fromkeys(entry["format"] for entry in data["accuracies"]))
    title = "Test accuracy, % (mean; least-most over seeds)"
    table = _table(title, "out-degrees", "density", "us/input", *formats)
    rows: dict[str, list[Data]] = {}
    for entry in data["accuracies"]:
        rows.setdefault(_list(entry["out_degrees"]), []).append(entry)
    for degrees, entries in rows.items():
        cells = [f"{100 * e['mean']:.1f} ({100 * e['least']:.1f}-{100 * e['most']:.1f})" for e in entries]
        table.add_row(degrees, f"{100 * entries[0]['density']:.4g} %", f"{entries[0]['time_us']:.3g}", *cells)
    return table
