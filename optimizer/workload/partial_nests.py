"""Partial loop nests: for some levels the tensors kept and the loops, as a mapping file states them, with parts open.

One entry per level, in any order; what an entry does not say is open::

    - {level: GLB, keep: [I, O], temporal: [[K, 2], [Q, open]], spatial: [[P, 14, X], [R, 3, Y]]}
    - {level: RF, temporal: {C: 4, S: 3}}

``keep``: the level keeps exactly these tensors. ``temporal``: its block has exactly these loops, in this order; written
as a mapping, in any order. ``spatial``: the fan-out below it has exactly these. ``open`` as the trips leaves them open.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optimizer.files.schema_parts import Schema, count, text

OPEN = "open"
AXES = ("X", "Y")


@dataclass(frozen=True)
class PartialLoop:
    """A loop; trips None: open, axis None: in time."""

    dim: str
    trips: int | None
    axis: str | None = None


@dataclass(frozen=True)
class PartialLevel:
    """What is fixed of a level; None: open. `ordered` says whether the temporal loops stand in this order; `place` is
    the field that it was read from.
    """

    level: str
    keep: tuple[str, ...] | None
    temporal: tuple[PartialLoop, ...] | None
    ordered: bool
    spatial: tuple[PartialLoop, ...] | None
    place: str = field(compare=False)

    @property
    def unordered(self) -> str:
        """The temporal loops as a file states them without an order."""
        dims = dict.fromkeys(loop.dim for loop in self.temporal or ())
        trips = {dim: [loop.trips for loop in self.temporal or () if loop.dim == dim] for dim in dims}
        known = {dim: OPEN if None in some else math.prod(n or 1 for n in some) for dim, some in trips.items()}
        return f"temporal: {{{', '.join(f'{dim}: {number}' for dim, number in known.items())}}}"


@dataclass(frozen=True)
class PartialNest:
    """A nest to be completed; `file` is where it was read, for messages."""

    title: str
    levels: tuple[PartialLevel, ...]
    file: str | None = field(default=None, compare=False)


def partial_schema(tensor: Schema, dim: Schema) -> Schema:
    """JSON Schema of the entries of a partial nest."""
    trips = {"anyOf": [count("a number of trips"), {"const": OPEN}], "description": "a number of trips, or open"}

    def loop(*parts: Schema) -> Schema:
        size = len(parts)
        return {"type": "array", "prefixItems": list(parts), "minItems": size, "maxItems": size, "items": False}

    ordered = {"type": "array", "items": loop(dim, trips)}
    unordered = {"type": "object", "propertyNames": {"pattern": dim["pattern"]}, "additionalProperties": trips}
    level = {
        "type": "object",
        "properties": {
            "level": text("the name of a level"),
            "keep": {"type": "array", "uniqueItems": True, "items": tensor},
            "temporal": {
                "anyOf": [ordered, unordered],
                "description": "a list of [dim, trips], outermost first; or without an order {dim: trips}",
                "$comment": "write e.g. [[K, 2], [C, open]]",
            },
            "spatial": {
                "type": "array",
                "items": loop(dim, trips, {"enum": list(AXES)}),
                "description": "a list of [dim, trips, axis]",
                "$comment": "write e.g. [[K, 16, X]]",
            },
        },
        "required": ["level"],
        "additionalProperties": False,
        "description": "a mapping with the key level, and keep, temporal and spatial as far as they are fixed",
        "$comment": "write e.g. {level: GLB, keep: [I, O], temporal: [[K, 2], [Q, open]]}",
    }
    return {
        "type": "array",
        "minItems": 1,
        "items": level,
        "description": "what is fixed of a nest, one entry per level",
        "$comment": "write e.g. [{level: GLB, keep: [I, O]}]",
    }


def read_partial(raw: Sequence[Mapping[str, Any]], place: str) -> tuple[PartialLevel, ...]:
    """The entries of a partial nest that has passed the schema."""
    return tuple(_level(entry, f"{place}[{number}]") for number, entry in enumerate(raw))


def _level(entry: Mapping[str, Any], place: str) -> PartialLevel:
    temporal, spatial = entry.get("temporal"), entry.get("spatial")
    pairs = temporal.items() if isinstance(temporal, Mapping) else temporal or ()
    return PartialLevel(
        entry["level"],
        tuple(entry["keep"]) if "keep" in entry else None,
        None if temporal is None else tuple(PartialLoop(dim, _trips(trips)) for dim, trips in pairs),
        not isinstance(temporal, Mapping),
        None if spatial is None else tuple(PartialLoop(dim, _trips(trips), axis) for dim, trips, axis in spatial),
        place,
    )


def _trips(stated: int | str) -> int | None:
    return None if isinstance(stated, str) else stated
