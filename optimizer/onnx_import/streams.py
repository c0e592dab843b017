"""What streaming operators need of their inputs: windows of pooling, the same position, or everything.

Every function returns the layout of the node's first output and how the node reads those of its inputs of which
it does not need everything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from optimizer.onnx_import.convolution import sliding_windows
from optimizer.onnx_import.graph import GraphBuilder, attributes
from optimizer.onnx_import.layout import Layout, Read, aligned_read, spatial_layout, spatial_read, usual_layout

Geometry = tuple[Layout | None, list[Read]]


def stream_geometry(graph: GraphBuilder, node: Any) -> Geometry:
    """Layout and reads of a streaming operator; the usual layout, and no reads, where nothing better is known."""
    known = _GEOMETRY.get(node.op_type)
    return (None, []) if known is None else known(graph, node)


def elementwise(
    graph: GraphBuilder, node: Any, inputs: list[str], mixed: Collection[int] = ()
) -> tuple[Layout, list[Read]]:
    """An operator whose output has the layout of an input of its shape, or else the usual one.

    Parameters
    ----------
    graph, node
        The operator.
    inputs : list of str
        Inputs with the axes of the output, or broadcast along them.
    mixed : collection of int
        Axes along which an element depends on other elements of the inputs than the same one.
    """
    output = graph.shape(node, node.output[0])
    shapes = {name: graph.shape(node, name) for name in inputs}
    layouts = (graph.layout(name) for name, shape in shapes.items() if _same_but(shape, output, mixed))
    layout = next((layout for layout in layouts if layout is not None), None) or usual_layout(output)
    return layout, [aligned_read(name, shape, output, layout, mixed) for name, shape in shapes.items()]


def _same_but(shape: tuple[int, ...], output: tuple[int, ...], mixed: Collection[int]) -> bool:
    """Whether two shapes are equal, apart from these axes."""
    return len(shape) == len(output) and all(
        axis in mixed or extent == output[axis] for axis, extent in enumerate(shape)
    )


def _pooling(graph: GraphBuilder, node: Any) -> Geometry:
    """The windows that the attributes describe; a last one that reaches over the border needs nothing there."""
    image, output = graph.shape(node, node.input[0]), graph.shape(node, node.output[0])
    if len(image) not in (3, 4):
        return None, []
    given = attributes(node)
    windows = sliding_windows(given, image[2:], given["kernel_shape"], output[2:])
    return spatial_layout(output), [spatial_read(node.input[0], image, windows)]


def _global_pooling(graph: GraphBuilder, node: Any) -> Geometry:
    """An image of the batch needs the whole of the same image, and nothing of the others."""
    image, output = graph.shape(node, node.input[0]), graph.shape(node, node.output[0])
    if len(image) not in (3, 4):
        return None, []
    return spatial_layout(output), [spatial_read(node.input[0], image, [None, None])]


def _concat(graph: GraphBuilder, node: Any) -> Geometry:
    rank = len(graph.shape(node, node.output[0]))
    return elementwise(graph, node, graph.activations(node), {attributes(node)["axis"] % rank})


def _over_axes(axes: Callable[[GraphBuilder, Any, int], Collection[int]]) -> Callable[[GraphBuilder, Any], Geometry]:
    """The geometry of an operator on its first input that mixes elements along some axes."""

    def geometry(graph: GraphBuilder, node: Any) -> Geometry:
        rank = len(graph.shape(node, node.input[0]))
        return elementwise(graph, node, [node.input[0]], axes(graph, node, rank) if rank else ())

    return geometry


def _softmax_axes(graph: GraphBuilder, node: Any, rank: int) -> Collection[int]:
    """One axis, by default the last; before opset 13 that axis and all after it, by default from the second on."""
    schema = graph.tensors.schema(node)
    if schema is None or schema.since_version < 13:
        return range(attributes(node).get("axis", 1) % rank, rank)
    return {attributes(node).get("axis", -1) % rank}


def _axes_to_the_end(graph: GraphBuilder, node: Any, rank: int) -> Collection[int]:
    return range(attributes(node).get("axis", -1) % rank, rank)


def _listed_axes(graph: GraphBuilder, node: Any, rank: int) -> Collection[int]:
    return {axis % rank for axis in attributes(node).get("axes", [0, 2, 3])}


_GEOMETRY: Mapping[str, Callable[[GraphBuilder, Any], Geometry]] = {
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), _pooling),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"), _global_pooling),
    "Concat": _concat,
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), _over_axes(_softmax_axes)),
    **dict.fromkeys(
        ("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"), _over_axes(_axes_to_the_end)
    ),
    "LpNormalization": _over_axes(lambda graph, node, rank: {attributes(node).get("axis", -1) % rank}),
    "LRN": _over_axes(lambda graph, node, rank: {1}),
    "InstanceNormalization": _over_axes(lambda graph, node, rank: range(2, rank)),
    "GroupNormalization": _over_axes(lambda graph, node, rank: range(1, rank)),
    "MeanVarianceNormalization": _over_axes(_listed_axes),
}
