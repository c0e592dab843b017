"""The outcome of a verification as a table."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from optimizer.checker.outcome import NOT_CHECKED

OUTCOMES = {True: ("ok", "green"), False: ("FAILED", "bold red"), None: ("undecided", "bold yellow")}


def checks_table(checks: Iterable[tuple[str, bool | None, str]]) -> Table:
    """One row per check: its name, whether it passed (None: it cannot be decided), and what was found."""
    table = Table("check", "outcome", "detail", header_style="bold")
    for name, ok, detail in checks:
        text, style = ("-", "yellow") if name == NOT_CHECKED else OUTCOMES[ok]
        table.add_row(Text(name), Text(text, style=style), Text(detail))
    return table
