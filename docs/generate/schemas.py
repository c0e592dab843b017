"""File formats, from the JSON Schemas that files are checked against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from markdown_parts import cell, code, table

from optimizer.architecture.constraints import file_schema
from optimizer.architecture.device import device_schema
from optimizer.architecture.fabric_reader import fabric_schema
from optimizer.architecture.schema import json_schema
from optimizer.architecture.technology_schema import technology_schema
from optimizer.files.schema_parts import Schema
from optimizer.given_groups.schema import groups_schema

SCHEMAS: Mapping[str, Callable[[], Schema]] = {
    "architecture": json_schema,
    "technology": technology_schema,
    "device": device_schema,
    "fabric": fabric_schema,
    "constraints": file_schema,
    "groups": groups_schema,
}
"""Schemas by the word that ``tilewright schema`` takes."""

ELSEWHERE = frozenset(("technology", "device"))
"""Keys that may hold a whole file of another format, which has a table of its own."""


def reference(kind: str) -> str:
    """All keys of a format.

    Raises
    ------
    LookupError
        If there is no such schema.
    """
    if kind not in SCHEMAS:
        raise LookupError(f"there is no schema of {kind}")
    return table(["key", "", "what is allowed"], _rows(SCHEMAS[kind](), ""))


def _rows(schema: Schema, path: str) -> Iterator[list[str]]:
    for name, inner in schema.get("properties", {}).items():
        place = f"{path}{name}"
        needed = "required" if name in schema.get("required", ()) else ""
        yield [code(place), needed, cell(_allowed(inner))]
        if name not in ELSEWHERE:
            yield from _below(inner, place)
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        yield [code(f"{path}NAME"), "", cell(_allowed(more))]
        yield from _below(more, f"{path}NAME")


def _below(schema: Schema, place: str) -> Iterator[list[str]]:
    """Keys of the mapping or list that stands at a place; menus are described in one line."""
    for variant in (schema, *schema.get("anyOf", ())[:1], schema.get("then", {})):
        yield from _rows(variant, f"{place}.")
    for kind in schema.get("allOf", ()):
        name = kind["if"]["properties"]["kind"]["const"]
        yield from _rows(kind["then"], f"{place}(kind: {name}).")
    items = schema.get("items")
    if isinstance(items, dict):
        yield from _rows(items, f"{place}[].")


def _allowed(schema: Schema) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return f"{schema['const']}"
    if "description" in schema:
        return str(schema["description"])
    if "items" in schema:
        return "a list"
    variants = [*schema.get("anyOf", ()), schema.get("else", {}), schema.get("then", {})]
    said = [_allowed(variant) for variant in variants if variant]
    return "; or ".join(said) or {"object": "a mapping", "string": "text"}.get(schema.get("type", ""), "anything")
