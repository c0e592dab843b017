"""Operators that are not understood: an error, or an opaque vector layer with a warning."""

from __future__ import annotations

from typing import Any

from optimizer.errors import SpecError
from optimizer.files.names import one_line
from optimizer.onnx_import.graph import GraphBuilder
from optimizer.onnx_import.labels import node_label
from optimizer.onnx_import.layout import Read
from optimizer.onnx_import.operators import DOMAINS, handler_of
from optimizer.onnx_import.signatures import signature_of
from optimizer.workload.layer import VectorLayer

_REASONS = {
    "Loop": "a Loop (how often its body runs, and on what, is not followed)",
    "Scan": "a Scan (its body is not written out)",
    "NonMaxSuppression": "NonMaxSuppression (how many boxes it compares depends on the data)",
}


def reason_against(graph: GraphBuilder, node: Any) -> str:
    """Why an operator is not understood; empty if it has a handler, and the model's opset defines it."""
    if handler_of(node) is not None:
        defined = graph.tensors.schema(node) is not None or signature_of(node) is not None
        return "" if defined else "an operator that the opset of the model does not define"
    if node.domain not in ("", "ai.onnx"):
        return "the operator"
    if node.op_type != "If":
        return _REASONS.get(node.op_type, "the operator")
    bodies = ", ".join(f"{attribute.name} of {len(attribute.g.node)} nodes" for attribute in node.attribute)
    return f"an If whose condition {node.input[0]} is no constant: {bodies}"


def import_opaque(graph: GraphBuilder, node: Any, reason: str, allow_unknown: bool) -> None:
    """Append the node as an opaque layer that moves the tensors whose shapes are known.

    Raises
    ------
    SpecError
        Unless `allow_unknown`, naming the node, the operator and its domain.
    """
    domain, label = node.domain or "ai.onnx", node_label(node)
    if not allow_unknown:
        raise SpecError(
            f"not understood: {reason}",
            file=graph.file,
            field=label,
            value=f"operator {node.op_type} of domain {domain}",
            allowed="; ".join(f"{', '.join(sorted(known))} of domain {name}" for name, known in DOMAINS.items()),
            remedy="export the model with other operators, or count this one as tensor traffic only with "
            "--allow-unknown",
        )
    inputs = [*graph.activations(node), *_captured(graph, node)]
    outputs, tables = graph.outputs(node), graph.tables(node)
    layout = graph.usual_layout(outputs)
    layer = VectorLayer(
        graph.name(node),
        node.op_type.lower(),
        (*graph.streams(node, _known(graph, inputs), "I"), *graph.streams(node, _known(graph, tables), "W")),
        graph.streams(node, _known(graph, outputs), "O"),
        0,
        parameters=graph.learned_words(node, tables),
        grid=graph.grid(outputs, layout),
    )
    graph.add(layer, [Read(name) for name in inputs], outputs, layout)
    unknown = [name for name in outputs if graph.tensors.known_shape(name) is None]
    lost = f"; shape not known: {', '.join(unknown)}" if unknown else ""
    warning = (
        f"{label}: not understood: {reason}, operator {node.op_type} of domain {domain}; counted as tensor "
        f"traffic without operations{lost}"
    )
    graph.network.warnings.append(one_line(warning))
    graph.network.uncounted += (layer.name,)


def _known(graph: GraphBuilder, tensors: list[str]) -> list[str]:
    """The tensors whose shapes are known."""
    return [name for name in tensors if graph.tensors.known_shape(name) is not None]


def _captured(graph: GraphBuilder, node: Any) -> list[str]:
    """Tensors of the graph that the node's subgraphs read."""
    bodies = [a.g for a in node.attribute if a.HasField("g")] + [g for a in node.attribute for g in a.graphs]
    read = dict.fromkeys(name for body in bodies for inner in body.node for name in inner.input)
    return [
        name
        for name in read
        if name in graph.tensors and name not in node.input and not graph.tensors.is_constant(name)
    ]
