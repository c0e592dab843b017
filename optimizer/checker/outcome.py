"""One check and what it found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

NOT_CHECKED = "not checked"
"""Name of a check that passes, and whose detail says what was left out."""


class Check(NamedTuple):
    """One check: its name, whether it passed (None: it cannot be decided), and what was found."""

    name: str
    ok: bool | None
    detail: str


def not_searched(what: str) -> Check:
    """An entry for a check that needs a search, if none is given."""
    return Check(NOT_CHECKED, True, f"{what} (nothing was searched again)")


def left_out(checks: Iterable[Check], label: str = "") -> Iterator[Check]:
    """The entries of checks that were not made, under a label."""
    of = f"{label}: " if label else ""
    yield from (check._replace(detail=of + check.detail) for check in checks if check.name == NOT_CHECKED)
