"""What other tools write into ONNX files that ONNX does not define: attributes, and types that operators do not take.

Neither changes what is computed as ONNX defines it, so both are left out of account, and warnings name them. What some
version of an operator does define is not foreign: a model whose opset does not know it is broken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

import onnx

from optimizer.onnx_import.cleaning import graphs_of
from optimizer.onnx_import.labels import short

MOST_NAMES = 8
"""Names in a warning."""


def without_foreign_attributes(model: Any) -> list[str]:
    """Remove attributes that no version of their operator defines, in place; a warning that names them, if any."""
    functions = {
        (one.domain, one.name): {*one.attribute, *(known.name for known in one.attribute_proto)}
        for one in model.functions
    }
    found: Counter[str] = Counter()
    for graph in graphs_of(model):
        for node in graph.node:
            domain = "" if node.domain == "ai.onnx" else node.domain
            known = functions.get((node.domain, node.op_type), _defined().get((domain, node.op_type)))
            foreign = [one for one in node.attribute if known is not None and one.name not in known]
            for attribute in foreign:
                found[f"{short(attribute.name)} of {short(node.op_type)}"] += 1
                node.attribute.remove(attribute)
    if not found:
        return []
    text = "attributes that ONNX does not define are left out of account"
    return [f"{text}: {_listed(found)}; if they state precisions, say these with --bits"]


def types_warning(notes: Iterable[str]) -> list[str]:
    """A warning about types that operators do not take, from notes (:mod:`optimizer.onnx_import.plain_types`)."""
    found = Counter(notes)
    if not found:
        return []
    text = "types that ONNX does not define for their operators are taken as they stand"
    return [f"{text}: {_listed(found)}; a result has the type that is declared, or that of the first input"]


@cache
def _defined() -> dict[tuple[str, str], set[str]]:
    """Names of the attributes of every operator of ONNX, in any version."""
    known: dict[tuple[str, str], set[str]] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        known.setdefault((schema.domain, schema.name), set()).update(schema.attributes)
    return known


def _listed(found: Counter[str]) -> str:
    """Names with how often they occur, the first ones."""
    named = [name if count == 1 else f"{name} ({count} nodes)" for name, count in list(found.items())[:MOST_NAMES]]
    return ", ".join(named) + (f" and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES else "")
