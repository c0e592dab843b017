"""What a list of constraints on mappings may look like, as a JSON Schema."""

from __future__ import annotations

from optimizer.files.schema_parts import Schema, count, text
from optimizer.workload.partial_nests import partial_schema

KINDS = ("keep", "bypass", "unroll", "spatial", "temporal", "tile", "order", "stationary", "utilization", "partial")
NUMBERS = ("equals", "at_least", "at_most", "multiple_of")
TENSORS = ("W", "I", "O")
MOST = 2**62
DIM = "^[A-Z][A-Z0-9_]*$"


def mapping_schema() -> Schema:
    """JSON Schema of a list of constraints on mappings."""
    tensor = {"enum": list(TENSORS)}
    dim = {"type": "string", "pattern": DIM, "description": "a dim in upper case", "$comment": "write e.g. K"}
    several = {"anyOf": [tensor, {"type": "array", "minItems": 1, "uniqueItems": True, "items": tensor}]}
    dims = {"type": "array", "uniqueItems": True, "items": dim, "description": "a list of different dims"}
    names = {"anyOf": [text("a name"), {"type": "array", "minItems": 1, "items": text("a name")}]}
    values = {
        "keep": several | {"description": "W, I, O, or a list of them", "$comment": "write e.g. keep: [I, O]"},
        "bypass": several | {"description": "W, I, O, or a list of them", "$comment": "write e.g. bypass: W"},
        "unroll": dims | {"$comment": "write the dims that may be unrolled, [] for none"},
        "spatial": dim,
        "temporal": dim,
        "tile": tensor,
        "order": dims | {"minItems": 2, "$comment": "write at least two dims, outermost first"},
        "stationary": tensor,
        "partial": partial_schema(tensor, dim),
        "utilization": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "a share of the multipliers, above 0 and at most 1",
            "$comment": "write e.g. utilization: 0.5",
        },
    }
    entry = {
        "type": "object",
        "properties": {
            **values,
            "name": text("a name"),
            "layers": names | {"description": "a pattern of layer names, or a list", "$comment": 'write e.g. "conv*"'},
            "level": text("the name of a level"),
            "axis": {"enum": ["x", "y"]},
            "dim": dim,
            **{name: count("a number of trips, or words, up to 2^62") | {"maximum": MOST} for name in NUMBERS},
        },
        "additionalProperties": False,
        "description": f"a mapping with one of the keys {', '.join(KINDS)}",
        "$comment": "write e.g. {stationary: W, level: RF}",
    }
    return {
        "type": "array",
        "items": entry,
        "description": "what the mappings of layers must keep",
        "$comment": "write e.g. [{stationary: W, level: RF}]",
    }
