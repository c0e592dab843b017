"""If with a condition that is known beforehand: the nodes of the branch that is taken stand in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
from onnx import helper

from optimizer.onnx_import.inference import Inference


def taken_branch(node: Any, tensors: Inference) -> list[Any] | None:
    """The nodes of the branch that is taken; None for other operators, and where the condition is not known.

    The branch's own tensors are called after the first output of the node; its constants are added to `tensors`.
    """
    if node.op_type != "If" or node.domain not in ("", "ai.onnx"):
        return None
    value = tensors.integers(node.input[0])
    if value is None or len(value) != 1:
        return None
    wanted = "then_branch" if value[0] else "else_branch"
    body = next(attribute.g for attribute in node.attribute if attribute.name == wanted)
    first = next(name for name in node.output if name)
    own = [one.name for one in body.initializer] + [one.values.name for one in body.sparse_initializer]
    own += [name for inner in body.node for name in inner.output if name]
    called = {name: f"{first}/{name}" for name in own}
    for tensor in body.initializer:
        tensors.add_initializer(tensor, called[tensor.name])
    for sparse in body.sparse_initializer:
        tensors.add_constant(called[sparse.values.name], sparse.values.data_type, sparse.dims)
    parts = [_renamed(inner, called, node.name or node.op_type) for inner in body.node]
    for inner, outer in zip(body.output, node.output, strict=True):
        if outer:
            parts.append(helper.make_node("Identity", [called.get(inner.name, inner.name)], [outer]))
    return parts


def _renamed(inner: Any, called: Mapping[str, str], stem: str) -> Any:
    """A copy of a node of a branch that calls tensors as the graph does."""
    result = onnx.NodeProto()
    result.CopyFrom(inner)
    result.name = f"{stem}/{inner.name or f'{inner.op_type}_{next(iter(inner.output), str())}'}"
    _rename_all(result, called)
    return result


def _rename_all(node: Any, called: Mapping[str, str]) -> None:
    """Rename the tensors that a node and its subgraphs name, in place."""
    node.input[:] = [called.get(name, name) for name in node.input]
    node.output[:] = [called.get(name, name) for name in node.output]
    for attribute in node.attribute:
        for body in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
            for result in body.output:
                result.name = called.get(result.name, result.name)
            for inner in body.node:
                _rename_all(inner, called)
