"""What stands in the graph of a model: nodes that are left after constants are computed and definitions written out.

:func:`resolve` runs in a guarded process: it is where ONNX's own code reads the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx
import onnx.inliner

from optimizer.errors import SpecError
from optimizer.onnx_import import guarded
from optimizer.onnx_import.branches import taken_branch
from optimizer.onnx_import.expansion import expand
from optimizer.onnx_import.inference import Inference
from optimizer.onnx_import.labels import node_label
from optimizer.onnx_import.node_check import check_node
from optimizer.onnx_import.operators import handler_of
from optimizer.onnx_import.tensors import Tensors, from_bytes

SECONDS, SECONDS_PER_NODE = 10.0, 0.05
"""What the guarded process may take."""
DEEPEST = 16
"""Definitions of operators by operators that are defined by others."""


def resolved(model: Any, file: str, nodes: int) -> tuple[list[Any], Tensors]:
    """The nodes that depend on the inputs, and the tensors of a model.

    Parameters
    ----------
    model : ModelProto
        A checked model, its dims fixed.
    file : str
        For error messages.
    nodes : int
        How many nodes it has when functions are inlined.

    Raises
    ------
    SpecError
        If ONNX's inference finds it inconsistent, or dies.
    """
    payload = file.encode(errors="surrogateescape") + b"\0" + model.SerializeToString()
    return from_bytes(guarded.call(resolve, payload, file=file, seconds=SECONDS + SECONDS_PER_NODE * nodes))


def resolve(payload: bytes) -> bytes:
    """The work of the guarded process: file name and model in, nodes and tensors out."""
    name, _, data = payload.partition(b"\0")
    file, model = name.decode(errors="surrogateescape"), onnx.ModelProto.FromString(data)
    if model.functions:
        guarded.note("local functions")
        model = onnx.inliner.inline_local_functions(model)
    guarded.note("graph")
    tensors = Inference(model, file)
    nodes = [kept for node in model.graph.node for kept in _kept(node, tensors, file, 0)]
    return tensors.to_bytes(nodes)


def _kept(node: Any, tensors: Inference, file: str, depth: int) -> Iterator[Any]:
    """The node, or those that define it; none if it does not depend on the graph's inputs."""
    label = node_label(node)
    guarded.note(label)
    try:
        check_node(node, tensors)
        parts = taken_branch(node, tensors)
        if parts is None:
            tensors.visit(node, label)
            if all(tensors.is_constant(name) for name in node.output if name):
                return
            parts = [] if handler_of(node) is not None or depth == DEEPEST else expand(node, tensors)
    except SpecError as error:
        raise placed(error, file, label) from error
    except MemoryError:
        raise
    except Exception as error:  # onnx's code raises errors without a common base
        raise unexpected(error, file, label) from error
    if not parts:
        yield node
    for part in parts:
        yield from _kept(part, tensors, file, depth + 1)


def placed(error: SpecError, file: str, label: str) -> SpecError:
    """The error with file and node, if it does not say where it is."""
    if error.file is not None:
        return error
    return SpecError(
        error.problem,
        file=file,
        field=f"{label}: {error.field}" if error.field else label,
        value=error.value,
        allowed=error.allowed,
        remedy=error.remedy,
    )


def unexpected(error: Exception, file: str, label: str) -> SpecError:
    """What is said of an error that nobody foresaw."""
    return SpecError(
        f"the node was not understood ({type(error).__name__}: {str(error).strip()})",
        file=file,
        field=label,
        allowed="operators in the forms that docs/reference/onnx-operators.md lists",
        remedy="check the model with onnx.checker; if it is valid this is a form that Tilewright does not know, or "
        "a fault of Tilewright: please report it",
    )
