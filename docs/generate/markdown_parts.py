"""Parts of Markdown pages."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def cell(text: object) -> str:
    """A cell of a table: one line, nothing in it is markup."""
    return html.escape(" ".join(str(text).split()), quote=False).replace("|", "&#124;").replace("*", "&#42;")


def code(text: object) -> str:
    """A cell in code type."""
    return f"<code>{cell(text)}</code>"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
