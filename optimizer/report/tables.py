"""Tables of the reports."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text


def plain_table(title: str, *columns: str, left: int = 1) -> Table:
    """A table whose first `left` columns are text and the others numbers."""
    table = Table(title=Text(title, style="bold"), title_justify="left", header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left else "right", overflow="fold")
    return table
