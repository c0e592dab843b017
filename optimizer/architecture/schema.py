"""JSON Schema of architecture files."""

from __future__ import annotations

from optimizer.architecture.constraints import constraints_schema
from optimizer.architecture.device import device_mapping
from optimizer.architecture.fabric_reader import use_schema
from optimizer.architecture.technology_schema import technology_mapping
from optimizer.files.quantities import BANDWIDTH_PATTERN, SIZE_PATTERN
from optimizer.files.schema_parts import DRAFT, Schema, axes, count, counts, mapping, menu, number, positive, text
from optimizer.workload.mapping_schema import mapping_schema

ROLES = ["W", "I", "O"]


def json_schema() -> Schema:
    """JSON Schema of an architecture file."""
    return {
        "$schema": DRAFT,
        "title": "Tilewright architecture",
        **mapping(
            {
                "name": text("a name"),
                "description": text("one line"),
                "technology": _technology(),
                "clock_mhz": positive("clock in MHz; default: the technology's"),
                "accounting": {"enum": ["timeloop", "looptree"]},
                "word_bits": count("bits of a word, for sizes and bandwidths in words; default 16"),
                "array": _array(),
                "mac": _mac(),
                "sparsity": _sparsity(),
                "vector": _vector(),
                "area": mapping(
                    {
                        "fixed_mm2": number("mm2 of the chip that no menu changes (controller, interfaces)"),
                        "pe_um2": number("um2 of a PE without multiplier and memories; default: technology's"),
                    }
                ),
                "budgets": _budgets(),
                "constraints": constraints_schema(),
                "mapping": mapping_schema(),
                "device": _device(),
                "resources": mapping({name: use_schema() for name in ("mac", "pe", "lane", "fixed")}),
                "levels": {
                    "type": "array",
                    "minItems": 1,
                    "items": _level(),
                    "description": "memory levels, outermost (off-chip) first",
                    "$comment": "list at least one level",
                },
            },
            required=["name", "technology", "array", "levels"],
        ),
    }


def _technology() -> Schema:
    name = text("a technology preset or the path of a .yaml file; or the mapping that such a file holds")
    return {"if": {"type": "object"}, "then": technology_mapping(), "else": name}


def _device() -> Schema:
    name = text("an FPGA: a device preset or the path of a .yaml file; or the mapping that such a file holds")
    return {"if": {"type": "object"}, "then": device_mapping(), "else": name}


def _dims() -> Schema:
    return {
        "type": "array",
        "uniqueItems": True,
        "items": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"},
        "description": "a list of different dims in upper case, e.g. [K, C]; absent: any dim",
        "$comment": "write dims such as N, K, C, P, Q, R, S, M",
    }


def _unroll() -> Schema:
    return axes(_dims(), "dims that may be unrolled along each axis")


def _sparsity() -> Schema:
    mode = {
        "enum": ["skip", "gate"],
        "description": "skip: a cycle per stored element of an N:M block; gate: a cycle per element, idle or not",
        "$comment": "write mode: skip or mode: gate",
    }
    return mapping({"mode": mode, "dims": _dims()}, required=["mode"])


def _array() -> Schema:
    extents = {"x": counts("multipliers along X"), "y": counts("multipliers along Y")}
    below = text("name of the level that the array's fan-out sits below; default: the last but one")
    return mapping({**extents, "below": below, "unroll": _unroll()}, required=["x", "y"])


def _mac() -> Schema:
    return mapping(
        {
            "type": {"enum": ["int", "float"]},
            "bits": count("bits of an operand; default: word_bits"),
            "energy": number("energy of one multiply-accumulate, in the technology's unit"),
            "area_um2": number("um2 of one multiplier"),
            "multiplier": {"enum": ["dsp", "lut"], "description": "on an FPGA: dsp (default) or lut"},
        }
    )


def _vector() -> Schema:
    return mapping(
        {
            "lanes": counts("scalar operations per cycle"),
            "energy": number("energy of one scalar operation, in the technology's unit"),
            "lane_um2": number("um2 of one lane"),
        }
    )


def _budgets() -> Schema:
    return mapping(
        {
            "area_mm2": positive("largest chip area in mm2"),
            "dram_gbps": positive("largest off-chip bandwidth in GB/s"),
            "power_w": positive("largest average power in W"),
            "latency_ms": positive("longest latency in ms"),
            "energy_mj": positive("largest energy in mJ"),
        }
    )


def _level() -> Schema:
    roles = {
        "type": "array",
        "uniqueItems": True,
        "items": {"enum": ROLES},
        "description": "a list of W (weights), I (input), O (output)",
        "$comment": "write e.g. [I, O]",
    }
    size = menu(
        {"type": "string", "pattern": f"{SIZE_PATTERN}|^unbounded$"},
        "a size with a unit (bits, B, KiB, MiB, GiB, words) or 'unbounded'",
        "write e.g. 108 KiB or [64 KiB, 128 KiB]",
    )
    bandwidth = menu(
        {"type": "string", "pattern": BANDWIDTH_PATTERN},
        "a bandwidth with a unit (words/cycle, bits/cycle, B/cycle, GB/s, MB/s)",
        "write e.g. 4 words/cycle or 8 GB/s",
    )
    instances = menu(
        {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "array"}]},
        "an integer >= 1, or 'array' for as many as the array is long",
        "write e.g. 4 or array",
    )
    return mapping(
        {
            "name": text("a name"),
            "component": text("a memory of the technology"),
            "energy": _level_energy(),
            "area_um2": number("um2 of one instance; default: the component's"),
            "size": size,
            "capacity": {
                "type": "string",
                "pattern": SIZE_PATTERN,
                "description": "of the outermost level: what weights and caches have to fit into (GiB, MiB ...)",
                "$comment": "write e.g. 16 GiB",
            },
            "memory": {
                "anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {"type": "string"}}],
                "description": "on an FPGA: a kind of memory of the fabric (bram18, uram, lutram, ff), or several",
                "$comment": "write e.g. bram18",
            },
            "word_bits": count("bits of a word at this level; default: the architecture's"),
            "access_bits": count("bits one access moves; default: the component's width"),
            "bandwidth": mapping({"read": bandwidth, "write": bandwidth, "shared": bandwidth}),
            "ports": count("ports of each kind; multiplies the bandwidths; default 1"),
            "double_buffered": {
                "type": "boolean",
                "description": "true or false",
                "$comment": "write true or false",
            },
            "must_keep": roles,
            "must_bypass": roles,
            "instances": axes(instances, "instances on the whole chip along x and y"),
            "unroll": _unroll(),
            "leakage": {
                "anyOf": [{"type": "number", "minimum": 0}, {"const": "technology"}],
                "description": "a number >= 0 (energy per used instance and cycle) or 'technology'",
                "$comment": "write e.g. 0.01 or technology",
            },
        },
        required=["name"],
    )


def _level_energy() -> Schema:
    def actions(*names: str) -> Schema:
        return {**mapping({name: number("energy of one access") for name in names}), "required": list(names)}

    return {
        "anyOf": [actions("access"), actions("read", "write"), actions("read", "fill", "update")],
        "description": "{access}, {read, write} or {read, fill, update}: energies >= 0 of one access",
        "$comment": "write e.g. {read: 6, fill: 6, update: 6}, numbers without units",
    }
