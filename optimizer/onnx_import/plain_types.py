"""Number types that an operator of ONNX does not take, such as int8 of Conv: shapes are inferred as for float."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx

from optimizer.onnx_import.labels import short

_NAMES = {
    number: name
    for name, number in onnx.TensorProto.DataType.items()
    if number and not name.startswith(("STRING", "BOOL", "COMPLEX"))
}
PLAIN = "tensor(float)"


def plain_types(schema: Any, node: Any, types: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]] | None:
    """Types under which ONNX can infer the shapes of a node whose own types its operator does not take.

    Returns
    -------
    (types, sources) or None
        Float in the place of every number type of an operand group (operands that ONNX gives one type) with a type
        that the operator does not take, or with several; and by group the tensor whose type the group has. None where
        that is not what is wrong.
    """
    groups: dict[str, list[str]] = {}
    for number, name in enumerate(node.input):
        if name:
            groups.setdefault(schema.inputs[min(number, len(schema.inputs) - 1)].type_str, []).append(name)
    allowed = {one.type_param_str: set(one.allowed_type_strs) for one in schema.type_constraints}
    changed, sources = dict(types), {}
    for group, names in groups.items():
        given = {_text(types[name]) for name in names}
        takes = allowed.get(group, set())
        if (given <= takes and len(given) == 1) or PLAIN not in takes or None in given:
            continue
        sources[group] = names[0]
        for name in names:
            changed[name] = retyped(types[name], onnx.TensorProto.FLOAT)
    return (changed, sources) if sources else None


def retyped(kind: Any, element: int) -> Any:
    """A type with another element type."""
    copy = onnx.TypeProto()
    copy.CopyFrom(kind)
    copy.tensor_type.elem_type = element
    return copy


def type_note(node: Any, types: Mapping[str, Any]) -> str:
    """A note on the types of a node, for :func:`optimizer.onnx_import.foreign.types_warning`."""
    names = dict.fromkeys(_NAMES.get(types[name].tensor_type.elem_type, "?") for name in node.input if name)
    return f"{' and '.join(names)} of {short(node.op_type)}"


def _text(kind: Any) -> str | None:
    """A number type as schemas write it; None for any other."""
    name = _NAMES.get(kind.tensor_type.elem_type)
    return None if name is None else f"tensor({name.lower()})"
