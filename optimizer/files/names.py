"""Names are one line of visible text: control characters could forge lines of a report, or colour a terminal."""

from __future__ import annotations

import re

from optimizer.errors import SpecError

CONTROL = "[\\x00-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]"
"""Regular expression of a character that breaks lines or turns the direction of text, also for JSON Schema."""


def one_line(name: str) -> str:
    """A name with an underscore in the place of every control character."""
    return re.sub(CONTROL, "_", name)


def check_name(name: str, *, file: str | None, field: str) -> None:
    """Refuse a name with control characters.

    Raises
    ------
    SpecError
    """
    if re.search(CONTROL, name):
        raise SpecError(
            "a name with control characters",
            file=file,
            field=field,
            value=name,
            allowed="one line of visible characters",
            remedy="remove line breaks, tabs and escapes from the name",
        )
