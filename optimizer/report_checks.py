"""The outcome of a verification as a table."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from optimizer.verify.claim import NOT_CHECKED


def checks_table(checks: Iterable[tuple[str, bool, str]]) -> Table:
    """One row per check: its name, whether it passed, and what was found."""
    table = Table("check", "outcome", "detail", header_style="bold")
    for name, ok, detail in checks:
        outcome = Text("ok", style="green") if ok else Text("FAILED", style="bold red")
        if name == NOT_CHECKED:
            outcome = Text("-", style="yellow")
        table.add_row(Text(name), outcome, Text(detail))
    return table
