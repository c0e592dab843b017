"""Operators that read an image at computed places: GridSample, RoiAlign, DeformConv.

A sample that is interpolated costs a multiply-add (two operations) per tap, as in Resize; a place costs an operation
per tap for its weight, and what takes it into the image. The image counts as read once.
"""

from __future__ import annotations

import math
from typing import Any

from optimizer.onnx_import.convolution import conv_dims, with_learned_words
from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes, name_tensors, optional_input
from optimizer.onnx_import.layout import Read, grid_of, spatial_layout, spatial_read, squeezed
from optimizer.onnx_import.misfits import misfit
from optimizer.workload.layer import VectorLayer, conv
from optimizer.workload.views import IDENTITY, IDENTITY_WINDOW

_TAPS = {"nearest": 0, "linear": 2, "bilinear": 2, "cubic": 4, "bicubic": 4}
"""Taps per axis that are weighted."""
_CORNERS = 4
"""Taps of a bilinear sample."""
_SCALED = 2
"""Per coordinate of a grid: a product and a sum."""


def import_grid_sample(graph: GraphBuilder, node: Any) -> None:
    """GridSample: a multiply-add per tap and output element, and per place the weights and its coordinates."""
    mode = attributes(node).get("mode", b"linear").decode(errors="replace")
    if mode not in _TAPS:
        raise misfit("no way of sampling", "attribute mode", mode, ", ".join(_TAPS))
    output, grid = graph.shape(node, node.output[0]), graph.shape(node, node.input[1])
    axes = len(output) - 2
    taps = _TAPS[mode] ** axes
    places = math.prod(grid[:-1])
    operations = 2 * taps * math.prod(output) + places * (taps + _SCALED * axes)
    reads = []
    if axes == 2:
        reads = [Read(node.input[1], squeezed(((0,), (1,), (2,)), grid), IDENTITY)]
    graph.stream(node, operations, reads=reads)


def import_roi_align(graph: GraphBuilder, node: Any) -> None:
    """RoiAlign with a fixed sampling_ratio: bilinear samples, and an operation each that pools them."""
    ratio = int(attributes(node).get("sampling_ratio", 0))
    if ratio < 1:
        raise Unsupported("RoiAlign whose number of samples depends on the regions (sampling_ratio 0)")
    output = graph.shape(node, node.output[0])
    places = output[0] * math.prod(output[2:]) * ratio**2
    graph.stream(node, places * (output[1] * (2 * _CORNERS + 1) + _CORNERS + 2 * _SCALED))


def import_deformable_conv(graph: GraphBuilder, node: Any) -> None:
    """DeformConv: a vector layer that samples a column per tap and position, and a product with the columns."""
    weights, bias = node.input[1], optional_input(node, 3)
    image, kernel, output = (graph.shape(node, name) for name in (*node.input[:2], node.output[0]))
    _check_deformable(graph, node)
    if bias and not graph.tensors.is_constant(bias):
        raise Unsupported("DeformConv with a bias that is computed")
    name, columns = graph.name(node), f"{node.output[0]}/columns"
    layout, taps = spatial_layout(output), math.prod(kernel[2:])
    _add_samples(graph, node, f"{name}/samples", columns)
    groups = int(attributes(node).get("group", 1))
    dims = conv_dims(output[0], (kernel[0], kernel[1] * taps), groups, output[2:], (1, 1))
    layer = name_tensors(conv(name, dims, bits=graph.widths.roles), weights, columns, node.output[0])
    layer = with_learned_words(layer, graph, node, weights, bias)
    read = spatial_read(columns, (image[0], image[1] * taps, *output[2:]), [IDENTITY_WINDOW, IDENTITY_WINDOW])
    graph.add(layer, [read, Read(weights)], graph.outputs(node), layout)


def _check_deformable(graph: GraphBuilder, node: Any) -> None:
    """Weights, offsets and mask fit groups, taps and output."""
    image, kernel, output = (graph.shape(node, name) for name in (*node.input[:2], node.output[0]))
    if len(image) != 4 or len(kernel) != 4:
        raise Unsupported(f"DeformConv with {len(image) - 2} spatial axes")
    groups, parts = (int(attributes(node).get(key, 1)) for key in ("group", "offset_group"))
    if kernel[1] * groups != image[1] or kernel[0] % groups:
        raise misfit("the weights do not fit the groups", f"tensor {node.input[1]}", list(kernel), f"{groups} groups")
    for name, each in ((node.input[2], 2), (optional_input(node, 4), 1)):
        shape = (image[0], parts * math.prod(kernel[2:]) * each, *output[2:])
        if name and graph.shape(node, name) != shape:
            problem = "the tensor does not fit taps and output"
            raise misfit(problem, f"tensor {name}", list(graph.shape(node, name)), f"{list(shape)}")


def _add_samples(graph: GraphBuilder, node: Any, name: str, columns: str) -> None:
    """Append the layer that samples the image for every tap and position."""
    data, offset, mask = node.input[0], node.input[2], optional_input(node, 4)
    image, output = graph.shape(node, data), graph.shape(node, node.output[0])
    taps = math.prod(graph.shape(node, node.input[1])[2:])
    words = image[0] * image[1] * taps * math.prod(output[2:])
    places = graph.words(node, offset) // 2
    read = [one for one in (data, offset, mask) if one]
    computed = [one for one in read if not graph.tensors.is_constant(one)]
    tables = [one for one in read if one not in computed]
    layout = spatial_layout(output)
    layer = VectorLayer(
        name,
        "sample",
        (*graph.streams(node, computed, "I"), *graph.streams(node, tables, "W")),
        ((words, graph.widths.of(columns, "O")),),
        words * (2 * _CORNERS + bool(mask)) + places * (_CORNERS + 2),
        parameters=graph.learned_words(node, tables),
        grid=grid_of(layout, output),
    )
    aligned = [Read(one, spatial_layout(graph.shape(node, one)), IDENTITY) for one in (offset, mask) if one]
    graph.add(layer, [Read(data), *aligned], [columns], layout)
