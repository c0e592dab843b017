"""JSON Schema of technology files."""

from __future__ import annotations

from optimizer.files.quantities import SIZE_PATTERN
from optimizer.files.schema_parts import DRAFT, Schema, count, mapping, number, positive, text


def technology_schema() -> Schema:
    """JSON Schema of a technology file."""
    return {"$schema": DRAFT, "title": "Tilewright technology", **technology_mapping()}


def technology_mapping() -> Schema:
    """The part of it that also stands inside the schema of an architecture."""
    source = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
        "description": "one or more keys of `sources`",
        "$comment": "cite where the number comes from",
    }
    mac = {
        "type": {"enum": ["int", "float"]},
        "bits": count("bits of an operand"),
        "energy": number("energy of one multiply-accumulate"),
        "area_um2": number("um2"),
        "source": source,
    }
    return mapping(
        {
            "name": text("a name"),
            "description": text("one line"),
            "node_nm": positive("feature size in nm"),
            "energy_unit": text("pJ, or what a normalized 1 is"),
            "units_per_energy": count("integer energy units per energy_unit, e.g. 1000 (fJ) for pJ"),
            "clock_mhz": positive("default clock in MHz"),
            "sources": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"type": "string"},
                "description": "citation per key",
                "$comment": "cite every source under a short key",
            },
            "mac": {
                "type": "array",
                "minItems": 1,
                "items": mapping(mac, required=["type", "bits", "energy", "source"]),
                "description": "at least one multiplier",
                "$comment": "add a multiplier",
            },
            "pe_overhead": mapping({"area_um2": number("um2"), "source": source}, required=["area_um2", "source"]),
            "vector": mapping(
                {"energy": number("per operation"), "lane_um2": number("um2"), "source": source},
                required=["energy", "lane_um2", "source"],
            ),
            "components": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": _component(source),
                "description": "memories by name",
                "$comment": "add a memory",
            },
        },
        required=[
            "name",
            "description",
            "node_nm",
            "energy_unit",
            "units_per_energy",
            "clock_mhz",
            "sources",
            "mac",
            "pe_overhead",
            "vector",
            "components",
        ],
    )


def _component(source: Schema) -> Schema:
    energies = {
        "word_bits": count("bits of one access"),
        "read": number("energy of one read"),
        "write": number("energy of one write"),
    }
    constant = {
        "kind": {"const": "constant"},
        **energies,
        "area_fixed_um2": number("um2"),
        "area_um2_per_bit": number("um2 per bit"),
        "source": source,
    }
    row = {
        "size": {"type": "string", "pattern": SIZE_PATTERN, "description": "a size with a unit"},
        "read": energies["read"],
        "write": energies["write"],
        "area_um2": number("um2"),
        "leakage_uw": number("uW"),
        "source": source,
    }
    required = ["size", "read", "write", "area_um2", "source"]
    rows = {"type": "array", "minItems": 2, "items": mapping(row, required)}
    table = {"kind": {"const": "table"}, "word_bits": energies["word_bits"], "rows": rows, "source": source}
    return {
        "type": "object",
        "properties": {"kind": {"enum": ["constant", "table"]}},
        "required": ["kind"],
        "allOf": [
            {"if": _kind("table"), "then": mapping(table, ["kind", "word_bits", "rows"])},
            {
                "if": _kind("constant"),
                "then": mapping(constant, ["kind", "word_bits", "read", "write", "source"]),
            },
        ],
    }


def _kind(name: str) -> Schema:
    return {"properties": {"kind": {"const": name}}, "required": ["kind"]}
