"""Vector layers: operators that stream their tensors, with the scalar operations each of them takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from optimizer.onnx_import.graph import GraphBuilder, attributes
from optimizer.onnx_import.layout import Read
from optimizer.onnx_import.streams import stream_geometry
from optimizer.workload.layer import VectorLayer
from optimizer.workload.vector_ops import LAYER_NORM, LRN_FIXED, RMS_NORM, SOFTMAX

_TAPS = {"nearest": 1, "linear": 2, "cubic": 4}
"""Input elements per axis that one output element of Resize is interpolated from."""


DYNAMIC_QUANTIZE = 4
"""Per element: least and largest value; product with the scale, sum with the zero point."""


def _moves(graph: GraphBuilder, node: Any) -> int:
    """Data movement only."""
    return 0


def _per_input(count: int) -> Callable[[GraphBuilder, Any], int]:
    return lambda graph, node: count * graph.words(node, node.input[0])


def _pooling(graph: GraphBuilder, node: Any) -> int:
    window = math.prod(attributes(node)["kernel_shape"])
    return int(window * graph.words(node, node.output[0]))


def _response_normalization(graph: GraphBuilder, node: Any) -> int:
    """Local response normalization: a square and a sum per channel of the window."""
    return (2 * int(attributes(node)["size"]) + LRN_FIXED) * graph.words(node, node.input[0])


def _resize(graph: GraphBuilder, node: Any) -> int:
    """One multiply-add (two operations) per tap along the resized axes; nothing for the nearest element."""
    taps = _TAPS.get(attributes(node).get("mode", b"nearest").decode(), 2)
    before, after = graph.shape(node, node.input[0]), graph.shape(node, node.output[0])
    resized = sum(int(a != b) for a, b in zip(before, after, strict=True))
    return 0 if taps == 1 else int(2 * taps**resized * graph.words(node, node.output[0]))


def _top_k(graph: GraphBuilder, node: Any) -> int:
    """Comparisons of a heap of the k largest."""
    axis = attributes(node).get("axis", -1)
    k = graph.shape(node, node.output[0])[axis]
    return graph.words(node, node.input[0]) * max(1, math.ceil(math.log2(k)))


OPERATIONS: Mapping[str, Callable[[GraphBuilder, Any], int]] = {
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), _pooling),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"), _per_input(1)),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _per_input(SOFTMAX)),
    **dict.fromkeys(
        (
            "LayerNormalization",
            "InstanceNormalization",
            "GroupNormalization",
            "MeanVarianceNormalization",
        ),
        _per_input(LAYER_NORM),
    ),
    **dict.fromkeys(("RMSNormalization", "SimplifiedLayerNormalization"), _per_input(RMS_NORM)),
    "LRN": _response_normalization,
    **dict.fromkeys(("LpNormalization", "Hardmax"), _per_input(3)),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"), _per_input(1)),
    **dict.fromkeys(
        ("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp", "CumSum"),
        _per_input(2),
    ),
    **dict.fromkeys(("ArgMax", "ArgMin"), _per_input(1)),
    "TopK": _top_k,
    "DynamicQuantizeLinear": _per_input(DYNAMIC_QUANTIZE),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    **dict.fromkeys(
        (
            "Concat",
            "Pad",
            "Tile",
            "GatherElements",
            "GatherND",
            "ScatterElements",
            "ScatterND",
            "OneHot",
            "Trilu",
            "ReverseSequence",
        ),
        _moves,
    ),
}
"""Scalar operations of every streaming operator."""


def import_streaming(graph: GraphBuilder, node: Any) -> None:
    """An operator of :data:`OPERATIONS`: reads its inputs once, writes its outputs once."""
    layout, reads = stream_geometry(graph, node)
    graph.stream(node, OPERATIONS[node.op_type](graph, node), layout=layout, reads=reads)


def import_view(graph: GraphBuilder, node: Any) -> None:
    """Operators that only index their input differently; the consumer reads it in that order at no cost."""
    graph.view(node)


def import_gather(graph: GraphBuilder, node: Any) -> None:
    """Gather: reads the rows it selects, not the whole table. One constant index is a view."""
    table, indices = node.input[0], node.input[1]
    one = graph.tensors.is_constant(indices) and graph.tensors.known_shape(indices)
    if not graph.tensors.is_constant(table) and one is not False and one is not None and math.prod(one) == 1:
        graph.view(node)
        return
    words, outputs = graph.words(node, node.output[0]), graph.outputs(node)
    chosen_by = () if graph.tensors.is_constant(indices) else graph.streams(node, [indices], "I")
    if graph.tensors.is_constant(table):
        streams = (*chosen_by, (words, graph.widths.of(table, "W")))
    else:
        streams = ((words, graph.widths.of(table, "I")), *chosen_by)
    layout = graph.usual_layout(outputs)
    layer = VectorLayer(
        graph.name(node),
        "gather",
        tuple(stream for stream in streams if stream[0]),
        graph.streams(node, outputs[:1], "O"),
        0,
        parameters=graph.learned_words(node, [table]),
        grid=graph.grid(outputs, layout),
    )
    graph.add(layer, [Read(name) for name in graph.activations(node)], outputs, layout)
