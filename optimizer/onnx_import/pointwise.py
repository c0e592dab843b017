"""Pointwise operators: activations, normalizations at inference, biases, scales and sums.

A pointwise operator is folded, at no cost, into the layer that computes its operand if all its operands are
pointwise functions of one tensor (``x * sigmoid(x)`` is) and its constants are scalars or vectors (a bias, a
scale per channel). This holds however often the operand is used: the function is applied where the tensor is
written or read. All other pointwise operators - two different activations, a constant as large as a mask or
a table of positions, an operand that is an input of the graph - are vector layers.
"""

from __future__ import annotations

from typing import Any

from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes
from optimizer.onnx_import.layout import Read
from optimizer.onnx_import.streams import elementwise
from optimizer.workload.vector_ops import BATCH_NORM, vector_layer

_KINDS = {"Sum": "add"}


def import_pointwise(graph: GraphBuilder, node: Any) -> None:
    """Any operator that works element by element, with broadcasting."""
    _pointwise(graph, node, graph.tables(node), graph.activations(node))


def import_batch_normalization(graph: GraphBuilder, node: Any) -> None:
    """BatchNormalization at inference: scale and shift are learned, mean and variance are not."""
    if graph.training:
        _batch_statistics(graph, node)
        return
    if attributes(node).get("training_mode", 0):
        raise Unsupported("BatchNormalization in training mode")
    tables = [name for name in node.input[1:3] if graph.tensors.is_table(name)]
    _pointwise(graph, node, tables, [node.input[0]])


def _batch_statistics(graph: GraphBuilder, node: Any) -> None:
    """BatchNormalization in training: reads its input twice, keeps the statistics that it computes."""
    data, result = node.input[0], node.output[0]
    words, channels = graph.words(node, data), graph.shape(node, data)[1]
    tables = [name for name in node.input[1:3] if graph.tensors.is_table(name)]
    layout = graph.layout(data) or graph.usual_layout([result])
    layer = vector_layer(
        graph.name(node),
        "batchnorm",
        [words, words],
        [words, 2 * channels],
        BATCH_NORM * words,
        bits=graph.widths.roles,
        constants=[graph.words(node, name) for name in tables],
        parameters=graph.learned_words(node, tables),
        grid=graph.grid([result], layout),
    )
    graph.add(layer, [Read(data)], [result], layout)


def import_identity(graph: GraphBuilder, node: Any) -> None:
    """Identity and Dropout at inference: another name for the first input."""
    graph.fold(node, node.input[0])


def _pointwise(graph: GraphBuilder, node: Any, tables: list[str], aligned: list[str]) -> None:
    """Fold the node or append it; `aligned` are the activations whose axes are those of the output."""
    inputs = graph.activations(node)
    output = graph.words(node, node.output[0])
    bases = {graph.base(name) for name in inputs}
    whole = all(graph.words(node, name) == output for name in inputs)
    vectors = all(_is_vector(graph, node, name) for name in tables)
    if whole and vectors and len(bases) == 1 and all(graph.has_sources(name) for name in inputs):
        graph.fold(node, inputs[0], graph.learned_words(node, tables))
    else:
        operands = len(inputs) + len(tables)
        kind = _KINDS.get(node.op_type, node.op_type.lower())
        layout, reads = elementwise(graph, node, aligned)
        graph.stream(node, output * max(1, operands - 1), kind=kind, tables=tables, layout=layout, reads=reads)


def _is_vector(graph: GraphBuilder, node: Any, name: str) -> bool:
    """Whether the tensor has at most one axis longer than 1."""
    return sum(extent > 1 for extent in graph.shape(node, name)) <= 1
