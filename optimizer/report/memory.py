"""Memory of a training step as text: the peak, memory over time, the largest tensors, what is computed again."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.bodies.memory import KeepAll, MemoryBody, MemoryObjective, Moments, SavedTensor
from optimizer.files.quantities import size_text
from optimizer.problem.status import Status
from optimizer.report.solve import facts_table, hash_text, status_line
from optimizer.report.tables import plain_table
from optimizer.results.units import number_text, percent_text

CHART_ROWS = 24
CHART_WIDTH = 48
LARGEST = 12
WORDS = {"keep": "off chip", "chip": "on chip", "redo": "computed again", "drop": "dropped"}


def memory_report(body: MemoryBody) -> Group:
    """Everything about a plan of memory."""
    parts: list[RenderableType] = [memory_headline(body), Text(), _summary(body), Text(), _kinds(body.keep_all)]
    parts += [Text(), *_chart(body), Text(), _tensors(body.tensors)]
    return Group(*parts)


def memory_headline(body: MemoryBody) -> Text:
    """Status, objective and gap in one line; the least peak where no choice keeps the budgets."""
    goal, least = body.objective, body.least_peak
    if goal is None:
        text = status_line(body.status, "", str, None, None, None)
        return text.append(f"  peak {size_text(body.keep_all.peak_off_chip_bits)}", style="default")
    text = status_line(body.status, goal.name, lambda value: _value(goal, int(value)), goal.value, goal.bound, goal.gap)
    if least is not None:
        budget = f"no choice keeps the budget of {size_text(body.budgets.off_chip_bits)} off chip; "
        found = least.bits is not None
        known = f"the least that can be met is {size_text(least.bits)}" if found else "no answer yet"
        proved = "" if least.status is Status.OPTIMAL else f" (bound {size_text(max(0, least.bound_bits))})"
        text.append(f"  {budget}{known}{proved}", style="default")
    return text


def _value(goal: MemoryObjective, value: int) -> str:
    return size_text(value) if goal.unit == "bits" else f"{number_text(value)} {goal.unit}"


def _summary(body: MemoryBody) -> Table:
    every, chosen, goal, reserve = body.keep_all, body.chosen, body.objective, body.budgets.on_chip_reserve_bits
    rows = [("peak, all kept", f"{size_text(every.peak_off_chip_bits)} at {every.peak_at}")]
    if chosen is not None:
        less = 1 - chosen.peak_off_chip_bits / every.peak_off_chip_bits
        peak = f"{size_text(chosen.peak_off_chip_bits)} at {chosen.peak_at} ({percent_text(less)} less)"
        rows.append(("peak, as chosen", peak))
        overhead = f"{number_text(chosen.overhead)} {chosen.overhead_unit}"
        rows.append(("overhead", f"{overhead} ({percent_text(chosen.overhead_of_step)} of the step)"))
        macs = f"{number_text(chosen.macs)} MACs ({percent_text(chosen.macs_of_step)} of the step's)"
        rows.append(("computed again", f"{len(chosen.recomputed)} layers, {macs}"))
    if chosen is not None and goal is not None and goal.tie is not None:
        rows.append(("among equals", "proved the least" if goal.tie.proved else "not proved the least"))
    if reserve:
        used = "" if chosen is None else f"{size_text(chosen.peak_on_chip_bits)} of "
        rows.append(("on chip", f"{used}{size_text(reserve)}"))
    rows.append(("problem", hash_text(body.problem_hash)))
    rows.append(("time", f"{body.wall_s:.1f} s, seed {body.seed}"))
    return facts_table(rows)


def _kinds(keep_all: KeepAll) -> Table:
    peak = keep_all.peak_off_chip_bits
    table = plain_table("All kept: what the peak is made of", "tensors", "size", "share")
    for kind, bits in keep_all.peak_by_kind_bits.items():
        if kind == "most activations":
            table.add_row("activations at their most", size_text(bits), "")
        else:
            table.add_row(kind, size_text(bits), percent_text(bits / peak if peak else None))
    return table


def _chart(body: MemoryBody) -> list[Text]:
    """Bars of the most off-chip memory in equal stretches of steps: all kept, and as chosen."""
    steps = body.over_time.steps
    place = {name: number for number, name in enumerate(steps)}
    scale = max(1, body.keep_all.peak_off_chip_bits)
    rows = min(CHART_ROWS, len(steps))
    series = [("#", _by_step(body.keep_all, place))]
    series += [] if body.chosen is None else [("o", _by_step(body.chosen, place))]
    title = "Off-chip memory over time (#: all kept" + ("; o: as chosen)" if len(series) > 1 else ")")
    lines = [Text(title, style="bold")]
    width = max(len(name) for name in steps)
    for row in range(rows):
        low, high = row * len(steps) // rows, (row + 1) * len(steps) // rows
        most = [(mark, max(values[low:high])) for mark, values in series]
        bars = _overlaid([(mark, round(CHART_WIDTH * bits / scale)) for mark, bits in most])
        lines.append(Text(f"{steps[low]:<{width}} {bars:<{CHART_WIDTH}} " + "  ".join(size_text(b) for _, b in most)))
    return lines


def _by_step(replayed: Moments, place: dict[str, int]) -> list[int]:
    """Most bits per step; what is computed again before a step counts for that step."""
    most = [0] * len(place)
    waiting = 0
    for layer, again, bits, _ in replayed.moments:
        waiting = max(waiting, bits)
        if not again:
            most[place[layer]] = waiting
            waiting = 0
    return most


def _overlaid(bars: list[tuple[str, int]]) -> str:
    """Bars on one line; the last one is in front."""
    line = ""
    for mark, length in bars:
        line = mark * length + line[length:]
    return line


def _tensors(tensors: Sequence[SavedTensor]) -> Table:
    table = plain_table("Largest saved activations", "tensor", "lives until", "choice", "size", left=3)
    saved = sorted((tensor for tensor in tensors if tensor.saved), key=lambda tensor: -tensor.bits)
    for tensor in saved[:LARGEST]:
        table.add_row(Text(tensor.name), Text(tensor.last), WORDS[tensor.choice], size_text(tensor.bits))
    return table
