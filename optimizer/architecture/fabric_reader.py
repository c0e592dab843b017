"""Read fabric files (``optimizer/data/fabrics/``): schema check, source check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.architecture.fabric import RESOURCES, Fabric, Memory, vector
from optimizer.architecture.technology_reader import check_sources
from optimizer.errors import SpecError
from optimizer.files.presets import read_spec
from optimizer.files.schema_check import check_schema
from optimizer.files.schema_parts import DRAFT, Schema, mapping, text
from optimizer.files.schema_parts import count as at_least_one


def use_schema() -> Schema:
    """Some of a device's resources."""
    return mapping({name: _count("how many") for name in RESOURCES})


def fabric_schema() -> Schema:
    """JSON Schema of a fabric file."""
    return {"$schema": DRAFT, "title": "Tilewright fabric", **fabric_mapping()}


def fabric_mapping() -> Schema:
    """The part of it that also stands inside the schemas of devices and architectures."""
    source = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
        "description": "one or more keys of `sources`",
        "$comment": "cite where the number comes from",
    }
    shape = mapping({"depth": at_least_one("words"), "width": at_least_one("bits of a word")}, ["depth", "width"])
    shapes = {"type": "array", "minItems": 1, "items": shape, "description": "at least one {depth, width}"}
    memory = mapping({"use": use_schema(), "shapes": shapes, "source": source}, ["use", "shapes", "source"])
    names = {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "names of `memories`"}
    mac = {
        "type": {"enum": ["int", "float"]},
        "bits": at_least_one("bits of an operand"),
        "multiplier": {"enum": ["dsp", "lut"]},
        "use": use_schema(),
        "source": source,
    }
    part = mapping({"use": use_schema(), "source": source}, ["use", "source"])
    keys = {
        "name": text("a name"),
        "description": text("one line"),
        "sources": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "string"},
            "description": "citation per key",
            "$comment": "cite every source under a short key",
        },
        "memories": _named(memory, "kinds of memory"),
        "components": _named(names, "kinds per component"),
        "mac": {
            "type": "array",
            "minItems": 1,
            "items": mapping(mac, ["type", "bits", "use", "source"]),
            "description": "at least one multiplier",
            "$comment": "add a multiplier",
        },
        "pe": part,
        "lane": part,
        "fixed": part,
    }
    return mapping(keys, [name for name in keys if name != "description"])


def _named(entry: Schema, what: str) -> Schema:
    return {"type": "object", "minProperties": 1, "additionalProperties": entry, "description": f"{what}, by name"}


def _count(what: str) -> Schema:
    return {
        "type": "integer",
        "minimum": 0,
        "description": f"an integer >= 0: {what}",
        "$comment": "write a whole number without a decimal point",
    }


def load_fabric(spec: str | Path, *, beside: str | None = None) -> Fabric:
    """A fabric by preset name or from a YAML file.

    Raises
    ------
    SpecError
        With file, field, value, allowed values and a remedy.
    """
    data, file = read_spec("fabrics", spec, beside=beside)
    return parse_fabric(data, file=file)


def parse_fabric(data: Any, *, file: str | None = None) -> Fabric:
    """A fabric from parsed YAML; errors are those of :func:`load_fabric`."""
    check_schema(data, fabric_schema(), file=file)
    check_sources(data, data["sources"], file)
    memories = {
        name: Memory(name, tuple((shape["depth"], shape["width"]) for shape in raw["shapes"]), vector(raw["use"]))
        for name, raw in data["memories"].items()
    }
    for component, kinds in data["components"].items():
        for kind in kinds:
            if kind not in memories:
                raise SpecError(
                    "there is no such kind of memory",
                    file=file,
                    field=f"components.{component}",
                    value=kind,
                    allowed=", ".join(memories),
                    remedy="use one of these, or add it to `memories`",
                )
    return Fabric(
        name=data["name"],
        description=data.get("description", ""),
        memories=memories,
        components={name: tuple(kinds) for name, kinds in data["components"].items()},
        macs={(mac["type"], mac["bits"], mac.get("multiplier", "dsp")): vector(mac["use"]) for mac in data["mac"]},
        pe=vector(data["pe"]["use"]),
        lane=vector(data["lane"]["use"]),
        fixed=vector(data["fixed"]["use"]),
        source=data,
    )
