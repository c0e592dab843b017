"""What a constraint on mappings costs, as a table."""

from __future__ import annotations

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.bodies.solve import DroppedRule
from optimizer.results.units import energy_text, number_text, percent_text

BINDING = {
    True: "The constraint binds: without it there is a better design.",
    False: "The constraint does not bind: the optimum is the same without it.",
    None: "Not proved: whether the constraint binds.",
}


def dropped_report(dropped: DroppedRule, unit: str) -> list[RenderableType]:
    """The design that keeps the constraint beside the one without it."""
    title = Text(f"What the constraint {dropped.constraint} costs", style="bold")
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in ("", "without", "with", "increase"):
        table.add_column(name, justify="right" if name else "left")
    before, after, more = dropped.without, dropped.kept, dropped.increase
    table.add_row("status", before.status, after.status, "")
    table.add_row(
        "energy", *(energy_text(one.energy_pj, unit) for one in (before, after)), percent_text(more.energy_pj)
    )
    for name, values, share in (
        ("cycles", (before.latency_cycles, after.latency_cycles), more.latency_cycles),
        ("DRAM words", (before.dram_words, after.dram_words), more.dram_words),
    ):
        table.add_row(name, *(number_text(value) for value in values), percent_text(share))
    choices = [" ".join(f"{path}={entry}" for path, entry in (one.hardware or {}).items()) for one in (before, after)]
    if any(choices):
        table.add_row("hardware", *choices, "")
    return [table, Text(BINDING[dropped.binds])]
