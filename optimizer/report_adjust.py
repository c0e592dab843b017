"""An adjustment of widths as text: the gain, the widths before and after, what is frozen."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.report import plain_table
from optimizer.report_units import energy_text, energy_unit, number_text, percent_text

Data = dict[str, Any]
STYLES = {"OPTIMAL": "bold green", "FEASIBLE": "bold yellow"}


def adjust_report(data: Data) -> Group:
    """Everything about an adjustment."""
    parts: list[RenderableType] = [adjust_headline(data), Text()]
    if "after" not in data:
        return Group(*parts, Text(_why(data)))
    parts += [_totals(data), Text(), _classes(data), Text()]
    frozen = [entry for entry in data["classes"] if entry["frozen"]]
    parts += [Text(f"frozen: {', '.join(entry['layers'])} ({entry['frozen']})") for entry in frozen]
    return Group(*parts, Text(data["accuracy"], style="bold"))


def adjust_headline(data: Data) -> Text:
    """Status, objective, gain and gap in one line."""
    status, goal = data["status"], data["objective"]
    text = Text(status, style=STYLES.get(status, "bold red"))
    if goal["value"] is not None:
        text.append(f"  {goal['name']} {_value(goal, goal['value'])}", style="default")
        text.append(f"  {percent_text(goal['gain'])} less than the network as it is", style="default")
        text.append(f"  gap {percent_text(goal['gap'])}", style="default")
    if status == "FEASIBLE":
        text.append(f"  (no widths gain more than {percent_text(goal['largest_gain'])})", style="default")
    return text


def _value(goal: Data, value: float) -> str:
    return energy_text(value) if goal["unit"] == "pJ" else f"{number_text(value)} {goal['unit']}"


def _why(data: Data) -> str:
    if data["status"] == "UNKNOWN":
        return "The search was stopped before it found widths."
    words, macs = (f"{number_text(low)} to {number_text(high)}" for low, high in data["limits"].values())
    return (
        f"No candidate widths give {words} parameters and {macs} multiply-accumulates, with layers that fit: widen "
        "--params, --macs or --range, or use a smaller --multiple."
    )


def _totals(data: Data) -> Table:
    unit = energy_unit(data)
    table = plain_table("", "", "before", "after", "change", left=1)
    for name, key in (
        ("energy", "energy_pj"), ("cycles", "latency_cycles"), ("parameters", "parameters"),
        ("multiply-accumulates", "macs"),
    ):  # fmt: skip
        before, after = data["before"][key], data["after"][key]
        show = (lambda value: energy_text(value, unit)) if key == "energy_pj" else number_text
        table.add_row(name, show(before), show(after), f"{100 * (after - before) / before:+.2f} %")
    return table


def _classes(data: Data) -> Table:
    table = plain_table("Widths", "layers", "before", "after", "candidates", left=1)
    for entry in data["classes"]:
        candidates = entry["candidates"]
        shown = "frozen" if entry["frozen"] else f"{candidates[0]} to {candidates[-1]} ({len(candidates)})"
        style = "bold" if entry["after"] != entry["before"] else None
        layers = Text(", ".join(entry["layers"]))
        table.add_row(layers, str(entry["before"]), Text(str(entry["after"]), style=style or ""), shown)
    return table
