"""Building blocks of the JSON Schemas (draft 2020-12).

``description`` says what is allowed and ``$comment`` how to mend a bad value; both reach the user's error
message and editors that use the schema.
"""

from __future__ import annotations

from typing import Any

from optimizer.files.names import CONTROL

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def mapping(properties: Schema, required: list[str] | None = None) -> Schema:
    """A mapping with exactly these properties, some of them required."""
    return {
        "type": "object",
        "properties": properties,
        "required": required or [],
        "additionalProperties": False,
        "description": f"a mapping with keys {', '.join(properties)}",
        "$comment": "write it as `key: value` lines",
    }


def text(what: str) -> Schema:
    """A non-empty line of text."""
    return {
        "type": "string",
        "minLength": 1,
        "not": {"pattern": CONTROL},
        "description": f"text: {what}",
        "$comment": "write a text, one line without control characters",
    }


def number(what: str) -> Schema:
    """A number of at least 0."""
    return {
        "type": "number",
        "minimum": 0,
        "description": f"a number >= 0: {what}",
        "$comment": "write a plain number without a unit",
    }


def positive(what: str) -> Schema:
    """A number above 0."""
    return {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": f"a number > 0: {what}",
        "$comment": "write a plain number without a unit",
    }


def count(what: str) -> Schema:
    """A whole number of at least 1."""
    return {
        "type": "integer",
        "minimum": 1,
        "description": f"an integer >= 1: {what}",
        "$comment": "write a whole number without a decimal point",
    }


def menu(entry: Schema, what: str, remedy: str) -> Schema:
    """One entry, or a menu of entries: a list, a range, or tied values."""
    tie = {"type": "string", "minLength": 1, "description": "menus of the same tie advance together"}
    ends = {"from": entry, "to": entry, "tie": tie}
    factor = {"type": "number", "description": "a number > 1", "$comment": "use e.g. 2"}
    return {
        "anyOf": [
            entry,
            {"type": "array", "items": entry},
            {**mapping({"values": {"type": "array", "items": entry}, "tie": tie}), "required": ["values"]},
            {**mapping({**ends, "factor": factor}), "required": ["from", "to", "factor"]},
            {**mapping({**ends, "step": entry}), "required": ["from", "to", "step"]},
        ],
        "description": f"{what}; a list; {{from, to, factor}}; {{from, to, step}}; or {{values, tie}}",
        "$comment": remedy,
    }


def counts(what: str) -> Schema:
    """A whole number of at least 1, or a menu of them."""
    entry = {"type": "integer", "minimum": 1}
    return menu(entry, f"an integer >= 1 ({what})", "write e.g. 16 or [8, 16, 32]")


def axes(entry: Schema, what: str) -> Schema:
    """The same entry for X and for Y."""
    return {**mapping({"x": entry, "y": entry}), "description": what}
