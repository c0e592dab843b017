"""An adjustment of a network as text: the gain, resolution and widths before and after, what is frozen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.bodies.adjust import AdjustBody, AdjustObjective, ImageChange, NetworkTotals, WidthClass
from optimizer.problem.status import Status
from optimizer.report.solve import hash_text
from optimizer.report.tables import plain_table
from optimizer.results.units import energy_text, energy_unit, number_text, percent_text

STYLES = {Status.OPTIMAL: "bold green", Status.FEASIBLE: "bold yellow"}


def adjust_report(body: AdjustBody) -> Group:
    """Everything about an adjustment."""
    parts: list[RenderableType] = [adjust_headline(body), Text()]
    if body.after is None:
        return Group(*parts, Text(_why(body)), _hash(body))
    parts += [_totals(body, body.after), Text()]
    if body.resolution is not None:
        parts += [_resolutions(body.objective, body.resolution), Text()]
    parts += [_classes(body.classes), Text()]
    frozen = [entry for entry in body.classes if entry.frozen]
    parts += [Text(f"frozen: {', '.join(entry.layers)} ({entry.frozen})") for entry in frozen]
    return Group(*parts, Text(body.accuracy, style="bold"), _hash(body))


def _hash(body: AdjustBody) -> Text:
    return Text(f"problem {hash_text(body.problem_hash)}", style="dim")


def adjust_headline(body: AdjustBody) -> Text:
    """Status, objective, gain and gap in one line."""
    status, goal = body.status, body.objective
    text = Text(status.value, style=STYLES.get(status, "bold red"))
    if goal.value is not None:
        text.append(f"  {goal.name} {_value(goal, goal.value)}", style="default")
        text.append(f"  {percent_text(goal.gain)} less than the network as it is", style="default")
        text.append(f"  gap {percent_text(goal.gap)}", style="default")
    if status is Status.FEASIBLE:
        text.append(f"  (no widths gain more than {percent_text(goal.largest_gain)})", style="default")
    return text


def _value(goal: AdjustObjective, value: float) -> str:
    return energy_text(value) if goal.unit == "pJ" else f"{number_text(value)} {goal.unit}"


def _why(body: AdjustBody) -> str:
    if body.status is Status.UNKNOWN:
        return "The search was stopped before it found widths."
    limits = (body.limits.parameters, body.limits.macs)
    words, macs = (f"{number_text(low)} to {number_text(high)}" for low, high in limits)
    return (
        f"No candidate widths give {words} parameters and {macs} multiply-accumulates, with layers that fit: widen "
        "--params, --macs or --range, use a smaller --multiple, or name more resolutions or ratios."
    )


def _totals(body: AdjustBody, after: NetworkTotals) -> Table:
    before, unit = body.before, energy_unit(body.objective.unit)
    table = plain_table("", "", "before", "after", "change", left=1)
    rows: tuple[tuple[str, float | None, float | None, Callable[[float | None], str]], ...] = (
        ("energy", before.energy_pj, after.energy_pj, lambda value: energy_text(value, unit)),
        ("cycles", before.latency_cycles, after.latency_cycles, number_text),
        ("parameters", before.parameters, after.parameters, number_text),
        ("multiply-accumulates", before.macs, after.macs, number_text),
    )
    for name, was, now, show in rows:
        change = f"{100 * (now - was) / was:+.2f} %" if was and now is not None else ""
        table.add_row(name, show(was), show(now), change)
    if body.resolution is not None and body.resolution.after is not None:
        table.add_row("input image", _image(body.resolution.before), _image(body.resolution.after))
    return table


def _resolutions(goal: AdjustObjective, images: ImageChange) -> Table:
    """What was found and proved at each resolution; a bound is enough where it is no better."""
    table = plain_table("Resolutions", "image", "best widths", "bound", "", left=1)
    for entry in images.searched:
        value, bound = (None if one is None else _value(goal, one) for one in (entry.value, entry.bound))
        note = "chosen" if entry.image == images.after else "" if entry.complete else "not ended"
        if bound is None:
            note = "no widths within the limits"
        table.add_row(_image(entry.image), value or "no better", bound or "", note)
    return table


def _image(image: Sequence[int]) -> str:
    return f"{image[0]} x {image[1]}"


def _classes(classes: Sequence[WidthClass]) -> Table:
    table = plain_table("Widths", "layers", "before", "after", "candidates", left=1)
    for entry in classes:
        candidates, change = entry.candidates, entry.expansion
        shown = "frozen" if entry.frozen else f"{candidates[0]} to {candidates[-1]} ({len(candidates)})"
        if change is not None:
            shown += f", ratio {change.before} to {change.after}"
        style = "bold" if entry.after != entry.before else None
        layers = Text(", ".join(entry.layers))
        table.add_row(layers, str(entry.before), Text(str(entry.after), style=style or ""), shown)
    return table
