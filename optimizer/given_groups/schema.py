"""JSON Schema of files with user-given fused groups."""

from __future__ import annotations

from optimizer.files.schema_parts import DRAFT, Schema, count, mapping, text
from optimizer.problem.fusion_options import HALO
from optimizer.workload.views import TILE_AXES

STATED = (
    "buffer_bits",
    "buffer_words",
    "peak_bits",
    "macs",
    "dram_words",
    "latency_cycles",
    "energy_pj",
    "moves",
    "runs",
)
"""What a result states of a group besides its decisions."""


def groups_schema() -> Schema:
    """JSON Schema of a groups file; a group has its decisions only, without the figures that follow from them."""
    groups = {
        "type": "array",
        "items": _group(),
        "description": "a list of groups",
        "$comment": "write one group per entry, e.g. - {layers: [conv1, conv2], tile: {parts: {rows: 4}}}",
    }
    return {"$schema": DRAFT, "title": "Tilewright groups", **mapping({"groups": groups}, required=["groups"])}


def _group() -> Schema:
    policy = {"enum": list(HALO), "$comment": "write cache or recompute"}
    parts = {axis: count(f"equal parts of the outputs along {axis}; default 1") for axis in TILE_AXES}
    return mapping(
        {
            "layers": {
                "type": "array",
                "items": text("the name of a layer"),
                "minItems": 2,
                "description": "a list of two names of layers or more",
                "$comment": "leave the group out for a layer that runs by itself",
            },
            "tile": mapping({"parts": mapping(parts)}),
            "halo": mapping(dict.fromkeys(TILE_AXES[1:], policy)),
            "weights": _by_layer(
                {"enum": ["resident", "streamed"], "$comment": "write resident or streamed"}, "resident or streamed"
            ),
            "held": {
                "type": "array",
                "items": text("the name of a layer"),
                "uniqueItems": True,
                "description": "a list of different names of layers outside of the group",
                "$comment": "write e.g. [conv1]",
            },
            "strips": _by_layer(count("strips of rows"), "an integer >= 1"),
            "slices": {"anyOf": [{"type": "null"}, _slices()]},
        },
        required=["layers"],
    )


def _slices() -> Schema:
    layers = {
        "type": "array",
        "items": text("the name of a layer"),
        "minItems": 2,
        "description": "a list of two names of layers or more",
        "$comment": "write e.g. [conv1, conv2]",
    }
    gathers = {
        "type": "boolean",
        "description": "does the buffer gather the sums? default false",
        "$comment": "write true or false",
    }
    return mapping(
        {"layers": layers, "number": count("slices of the channels"), "gathers": gathers},
        required=["layers", "number"],
    )


def _by_layer(entry: Schema, what: str) -> Schema:
    return {
        "type": "object",
        "additionalProperties": entry,
        "description": f"a mapping of a layer's name to {what}",
        "$comment": "write it as `layer: value` lines",
    }
