"""An adjustment of a network as text: the gain, resolution and widths before and after, what is frozen."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.report.solve import hash_text, plain_table
from optimizer.report.units import energy_text, energy_unit, number_text, percent_text

Data = dict[str, Any]
STYLES = {"OPTIMAL": "bold green", "FEASIBLE": "bold yellow"}


def adjust_report(data: Data) -> Group:
    """Everything about an adjustment."""
    parts: list[RenderableType] = [adjust_headline(data), Text()]
    if "after" not in data:
        return Group(*parts, Text(_why(data)), _hash(data))
    parts += [_totals(data), Text()]
    if "resolution" in data:
        parts += [_resolutions(data), Text()]
    parts += [_classes(data), Text()]
    frozen = [entry for entry in data["classes"] if entry["frozen"]]
    parts += [Text(f"frozen: {', '.join(entry['layers'])} ({entry['frozen']})") for entry in frozen]
    return Group(*parts, Text(data["accuracy"], style="bold"), _hash(data))


def _hash(data: Data) -> Text:
    return Text(f"problem {hash_text(data)}", style="dim")


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
        "--params, --macs or --range, use a smaller --multiple, or name more resolutions or ratios."
    )


def _totals(data: Data) -> Table:
    unit = energy_unit(data)
    table = plain_table("", "", "before", "after", "change", left=1)
    for name, key in (
        ("energy", "energy_pj"),
        ("cycles", "latency_cycles"),
        ("parameters", "parameters"),
        ("multiply-accumulates", "macs"),
    ):
        before, after = data["before"][key], data["after"][key]
        show = (lambda value: energy_text(value, unit)) if key == "energy_pj" else number_text
        table.add_row(name, show(before), show(after), f"{100 * (after - before) / before:+.2f} %")
    if "resolution" in data:
        before, after = data["resolution"]["before"], data["resolution"]["after"]
        table.add_row("input image", _image(before), _image(after))
    return table


def _resolutions(data: Data) -> Table:
    """What was found and proved at each resolution; a bound is enough where it is no better."""
    goal = data["objective"]
    table = plain_table("Resolutions", "image", "best widths", "bound", "", left=1)
    for entry in data["resolution"]["searched"]:
        value, bound = (None if entry[key] is None else _value(goal, entry[key]) for key in ("value", "bound"))
        note = "chosen" if entry["image"] == data["resolution"]["after"] else "" if entry["complete"] else "not ended"
        if bound is None:
            note = "no widths within the limits"
        table.add_row(_image(entry["image"]), value or "no better", bound or "", note)
    return table


def _image(image: list[int]) -> str:
    return f"{image[0]} x {image[1]}"


def _classes(data: Data) -> Table:
    table = plain_table("Widths", "layers", "before", "after", "candidates", left=1)
    for entry in data["classes"]:
        candidates = entry["candidates"]
        shown = "frozen" if entry["frozen"] else f"{candidates[0]} to {candidates[-1]} ({len(candidates)})"
        if "expansion" in entry:
            shown += ", ratio {before} to {after}".format(**entry["expansion"])
        style = "bold" if entry["after"] != entry["before"] else None
        layers = Text(", ".join(entry["layers"]))
        table.add_row(layers, str(entry["before"]), Text(str(entry["after"]), style=style or ""), shown)
    return table
