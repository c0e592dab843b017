"""Operators that ONNX defines by other operators (Attention, RotaryEmbedding ...), written out."""

from __future__ import annotations

from typing import Any

import onnx

from optimizer.onnx_import.tensors import Tensors


def expand(node: Any, tensors: Tensors) -> list[Any]:
    """The nodes that ONNX's own definition of the operator puts in the place of `node`.

    Parameters
    ----------
    node : NodeProto
        The operator.
    tensors : Tensors
        Types of its inputs.

    Returns
    -------
    list of NodeProto
        With tensors named as in the graph, inner ones under the name of the first output; empty if the
        operator is not defined by others.
    """
    schema = tensors.schema(node)
    if schema is None:
        return []
    if schema.has_context_dependent_function:
        types = [tensors.type_of(name).SerializeToString() for name in node.input]
        encoded = schema.get_context_dependent_function(node.SerializeToString(), types)
    elif schema.has_function:
        encoded = schema.function_body.SerializeToString()
    else:
        return []
    body = onnx.FunctionProto.FromString(encoded)
    names = dict.fromkeys(body.input, "") | dict(zip(body.input, node.input, strict=False))
    names |= {inner: outer for inner, outer in zip(body.output, node.output, strict=False) if outer}
    given = {attribute.name: attribute for attribute in node.attribute}
    return [_rename(inner, names, given, node) for inner in body.node]


def _rename(inner: Any, names: dict[str, str], given: dict[str, Any], node: Any) -> Any:
    """A copy of a node of a definition with the caller's tensors and attributes."""
    result = onnx.NodeProto()
    result.CopyFrom(inner)
    stem = node.name or node.op_type
    result.name = f"{stem}/{inner.name or f'{inner.op_type}_{inner.output[0]}'}"

    def actual(name: str) -> str:
        return names.setdefault(name, f"{node.output[0]}/{name}") if name else ""

    result.input[:] = [actual(name) for name in inner.input]
    result.output[:] = [actual(name) for name in inner.output]
    del result.attribute[:]
    for attribute in inner.attribute:
        if not attribute.ref_attr_name:
            result.attribute.add().CopyFrom(attribute)
        elif attribute.ref_attr_name in given:
            passed = result.attribute.add()
            passed.CopyFrom(given[attribute.ref_attr_name])
            passed.name = attribute.name
    return result
