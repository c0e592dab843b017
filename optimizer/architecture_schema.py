"""JSON Schemas (draft 2020-12) of architecture and technology files.

``description`` says what is allowed and ``$comment`` how to mend a bad value; both reach the user's error message
and editors that use the schema.
"""

from __future__ import annotations

from typing import Any

from optimizer.quantities import BANDWIDTH_PATTERN, SIZE_PATTERN

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"
ROLES = ["W", "I", "O"]


def json_schema() -> Schema:
    """JSON Schema of an architecture file."""
    return {
        "$schema": DRAFT,
        "title": "Tilewright architecture",
        **_object(
            {
                "name": _text("a name"),
                "description": _text("one line"),
                "technology": _text("a technology preset or the path of a .yaml file"),
                "clock_mhz": _positive("clock in MHz; default: the technology's"),
                "accounting": {"enum": ["timeloop", "looptree"]},
                "word_bits": _count("bits of a word, for sizes and bandwidths in words; default 16"),
                "array": _array(),
                "mac": _mac(),
                "vector": _vector(),
                "area": _object({
                    "fixed_mm2": _number("mm2 of the chip that no menu changes (controller, interfaces)"),
                    "pe_um2": _number("um2 of a PE besides its multiplier and memories; default: the technology's"),
                }),
                "budgets": _budgets(),
                "levels": {
                    "type": "array", "minItems": 1, "items": _level(),
                    "description": "memory levels, outermost (off-chip) first", "$comment": "list at least one level",
                },
            },
            required=["name", "technology", "array", "levels"],
        ),
    }  # fmt: skip


def technology_schema() -> Schema:
    """JSON Schema of a technology file."""
    source = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
        "description": "one or more keys of `sources`", "$comment": "cite where the number comes from",
    }  # fmt: skip
    mac = {
        "type": {"enum": ["int", "float"]}, "bits": _count("bits of an operand"),
        "energy": _number("energy of one multiply-accumulate"), "area_um2": _number("um2"), "source": source,
    }  # fmt: skip
    return {
        "$schema": DRAFT,
        "title": "Tilewright technology",
        **_object(
            {
                "name": _text("a name"),
                "description": _text("one line"),
                "node_nm": _positive("feature size in nm"),
                "energy_unit": _text("pJ, or what a normalized 1 is"),
                "units_per_energy": _count("integer energy units per energy_unit, e.g. 1000 (fJ) for pJ"),
                "clock_mhz": _positive("default clock in MHz"),
                "sources": {
                    "type": "object", "minProperties": 1, "additionalProperties": {"type": "string"},
                    "description": "citation per key", "$comment": "cite every source under a short key",
                },
                "mac": {
                    "type": "array", "minItems": 1, "items": _object(mac, required=["type", "bits", "energy", "source"]),
                    "description": "at least one multiplier", "$comment": "add a multiplier",
                },
                "pe_overhead": _object(
                    {"area_um2": _number("um2"), "source": source}, required=["area_um2", "source"]
                ),
                "vector": _object(
                    {"energy": _number("per operation"), "lane_um2": _number("um2"), "source": source},
                    required=["energy", "lane_um2", "source"],
                ),
                "components": {
                    "type": "object", "minProperties": 1, "additionalProperties": _component(source),
                    "description": "memories by name", "$comment": "add a memory",
                },
            },
            required=[
                "name", "description", "node_nm", "energy_unit", "units_per_energy", "clock_mhz", "sources", "mac",
                "pe_overhead", "vector", "components",
            ],
        ),
    }  # fmt: skip


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    return {
        "type": "object", "properties": properties, "required": required or [], "additionalProperties": False,
        "description": f"a mapping with keys {', '.join(properties)}", "$comment": "write it as `key: value` lines",
    }  # fmt: skip


def _text(what: str) -> Schema:
    return {"type": "string", "minLength": 1, "description": f"text: {what}", "$comment": "write a short text"}


def _number(what: str) -> Schema:
    return {"type": "number", "minimum": 0, "description": f"a number >= 0: {what}",
            "$comment": "write a plain number without a unit"}  # fmt: skip


def _positive(what: str) -> Schema:
    return {"type": "number", "exclusiveMinimum": 0, "description": f"a number > 0: {what}",
            "$comment": "write a plain number without a unit"}  # fmt: skip


def _count(what: str) -> Schema:
    return {"type": "integer", "minimum": 1, "description": f"an integer >= 1: {what}",
            "$comment": "write a whole number without a decimal point"}  # fmt: skip


def _menu(entry: Schema, what: str, remedy: str) -> Schema:
    tie = {"type": "string", "minLength": 1, "description": "menus of the same tie advance together"}
    ends = {"from": entry, "to": entry, "tie": tie}
    factor = {"type": "number", "description": "a number > 1", "$comment": "use e.g. 2"}
    return {
        "anyOf": [
            entry,
            {"type": "array", "items": entry},
            {**_object({"values": {"type": "array", "items": entry}, "tie": tie}), "required": ["values"]},
            {**_object({**ends, "factor": factor}), "required": ["from", "to", "factor"]},
            {**_object({**ends, "step": entry}), "required": ["from", "to", "step"]},
        ],
        "description": f"{what}; a list of them; {{from, to, factor}}; {{from, to, step}}; or {{values, tie}}",
        "$comment": remedy,
    }


def _counts(what: str) -> Schema:
    return _menu({"type": "integer", "minimum": 1}, f"an integer >= 1 ({what})", "write e.g. 16 or [8, 16, 32]")


def _axes(entry: Schema, what: str) -> Schema:
    return {**_object({"x": entry, "y": entry}), "description": what}


def _unroll() -> Schema:
    dims = {
        "type": "array", "uniqueItems": True, "items": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"},
        "description": "a list of different dims in upper case, e.g. [K, C]; absent: any dim",
        "$comment": "write dims such as N, K, C, P, Q, R, S, M",
    }  # fmt: skip
    return _axes(dims, "dims that may be unrolled along each axis")


def _array() -> Schema:
    extents = {"x": _counts("multipliers along X"), "y": _counts("multipliers along Y")}
    below = _text("name of the level that the array's fan-out sits below; default: the last but one")
    return _object({**extents, "below": below, "unroll": _unroll()}, required=["x", "y"])


def _mac() -> Schema:
    return _object({
        "type": {"enum": ["int", "float"]}, "bits": _count("bits of an operand; default: word_bits"),
        "energy": _number("energy of one multiply-accumulate, in the technology's unit"),
        "area_um2": _number("um2 of one multiplier"),
    })  # fmt: skip


def _vector() -> Schema:
    return _object({
        "lanes": _counts("scalar operations per cycle"),
        "energy": _number("energy of one scalar operation, in the technology's unit"),
        "lane_um2": _number("um2 of one lane"),
    })  # fmt: skip


def _budgets() -> Schema:
    return _object({
        "area_mm2": _positive("largest chip area in mm2"),
        "dram_gbps": _positive("largest off-chip bandwidth in GB/s"),
        "power_w": _positive("largest average power in W"),
        "latency_ms": _positive("longest latency in ms"),
        "energy_mj": _positive("largest energy in mJ"),
    })  # fmt: skip


def _level() -> Schema:
    roles = {
        "type": "array", "uniqueItems": True, "items": {"enum": ROLES},
        "description": "a list of W (weights), I (input), O (output)", "$comment": "write e.g. [I, O]",
    }  # fmt: skip
    size = _menu(
        {"type": "string", "pattern": f"{SIZE_PATTERN}|^unbounded$"},
        "a size with a unit (bits, B, KiB, MiB, GiB, words) or 'unbounded'", "write e.g. 108 KiB or [64 KiB, 128 KiB]",
    )  # fmt: skip
    bandwidth = _menu(
        {"type": "string", "pattern": BANDWIDTH_PATTERN},
        "a bandwidth with a unit (words/cycle, bits/cycle, B/cycle, GB/s, MB/s)", "write e.g. 4 words/cycle or 8 GB/s",
    )  # fmt: skip
    instances = _menu(
        {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "array"}]},
        "an integer >= 1, or 'array' for as many as the array is long", "write e.g. 4 or array",
    )  # fmt: skip
    return _object(
        {
            "name": _text("a name"),
            "component": _text("a memory of the technology"),
            "energy": _level_energy(),
            "area_um2": _number("um2 of one instance; default: the component's"),
            "size": size,
            "word_bits": _count("bits of a word at this level; default: the architecture's"),
            "access_bits": _count("bits one access moves; default: the component's width"),
            "bandwidth": _object({"read": bandwidth, "write": bandwidth, "shared": bandwidth}),
            "ports": _count("ports of each kind; multiplies the bandwidths; default 1"),
            "double_buffered": {"type": "boolean", "description": "true or false", "$comment": "write true or false"},
            "must_keep": roles,
            "must_bypass": roles,
            "instances": _axes(instances, "instances on the whole chip along x and y"),
            "unroll": _unroll(),
            "leakage": {
                "anyOf": [{"type": "number", "minimum": 0}, {"const": "technology"}],
                "description": "a number >= 0 (energy per used instance and cycle) or 'technology'; default 0",
                "$comment": "write e.g. 0.01 or technology",
            },
        },
        required=["name"],
    )  # fmt: skip


def _level_energy() -> Schema:
    def actions(*names: str) -> Schema:
        return {**_object({name: _number("energy of one access") for name in names}), "required": list(names)}

    return {
        "anyOf": [actions("access"), actions("read", "write"), actions("read", "fill", "update")],
        "description": "{access}, {read, write} or {read, fill, update}: energy >= 0 of one access of access_bits",
        "$comment": "write e.g. {read: 6, fill: 6, update: 6}, numbers without units",
    }


def _component(source: Schema) -> Schema:
    energies = {
        "word_bits": _count("bits of one access"), "read": _number("energy of one read"),
        "write": _number("energy of one write"),
    }  # fmt: skip
    constant = {
        "kind": {"const": "constant"}, **energies, "area_fixed_um2": _number("um2"),
        "area_um2_per_bit": _number("um2 per bit"), "source": source,
    }  # fmt: skip
    row = {
        "size": {"type": "string", "pattern": SIZE_PATTERN, "description": "a size with a unit"},
        "read": energies["read"], "write": energies["write"], "area_um2": _number("um2"),
        "leakage_uw": _number("uW"), "source": source,
    }  # fmt: skip
    rows = {"type": "array", "minItems": 2, "items": _object(row, ["size", "read", "write", "area_um2", "source"])}
    table = {"kind": {"const": "table"}, "word_bits": energies["word_bits"], "rows": rows, "source": source}
    return {
        "type": "object",
        "properties": {"kind": {"enum": ["constant", "table"]}},
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "table"}}},
        "then": _object(table, ["kind", "word_bits", "rows"]),
        "else": _object(constant, ["kind", "word_bits", "read", "write", "source"]),
    }
