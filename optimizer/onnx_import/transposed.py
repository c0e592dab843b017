"""Transposed convolutions of ONNX models: few layers that read the input once (:mod:`optimizer.workload.upscaling`).

In training they are cut into phases (:mod:`optimizer.workload.phases`), whose gradients are layers again.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from optimizer.onnx_import.convolution import check_spatial, conv_dims, per_axis, with_learned_words
from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes, name_tensors
from optimizer.onnx_import.layout import Read, spatial_layout, spatial_read
from optimizer.workload.layer import Layer, conv
from optimizer.workload.upscaling import BlockPart, block_parts, phase_parts
from optimizer.workload.vector_ops import vector_layer

MOST_PARTS = 4096
"""Layers of one operator."""
LARGEST_STRIDE, MOST_MEETINGS = 1024, 1 << 20
"""Of an axis: the stride, and the rows of a block times the taps of the kernel, which are gone through one by one."""


def import_conv_transpose(graph: GraphBuilder, node: Any) -> None:
    """ConvTranspose in one to three dimensions: a layer per combination of parts of its axes.

    A part computes some positions of the output. So the output has no layout, unless one layer computes it all position
    by position. Positions that no tap reaches are written by a vector layer.
    """
    data, weights = node.input[0], node.input[1]
    spatial = check_spatial(graph, node, data)
    given = attributes(node)
    image, kernel = graph.shape(node, data), graph.shape(node, weights)
    output = graph.shape(node, node.output[0])
    stride, dilation = per_axis(given.get("strides"), spatial), per_axis(given.get("dilations"), spatial)
    padding = paddings(given, image[2:], kernel[2:], output[2:], stride=stride, dilation=dilation)
    _check_size(kernel[2:], stride, output[2:])
    cut = phase_parts if graph.training else block_parts
    axes = [cut(output[2 + a], kernel[2 + a], stride[a], dilation[a], padding[a]) for a in range(spatial)]
    stem = graph.name(node)
    if math.prod(len(axis) for axis in axes) > MOST_PARTS:
        raise Unsupported(f"a transposed convolution of stride {stride}, of more than {MOST_PARTS} parts")
    several = math.prod(len(axis) for axis in axes) > 1
    word = "phase" if graph.training else "part"
    for number, parts in enumerate(itertools.product(*axes)):
        layer = _layer(graph, node, f"{stem}/{word}{number}" if several else stem, parts)
        layer = _with_learned_words(graph, node, layer, math.prod(kernel), first=number == 0)
        reads = [spatial_read(data, image, [part.window for part in parts]), Read(weights)]
        alone = not several and all(part.blocks == output[2 + a] for a, part in enumerate(parts))
        graph.add(layer, reads, graph.outputs(node), spatial_layout(output) if alone else None)
    reached = math.prod(sum(len(part.rows) * part.blocks for part in axis) for axis in axes)
    rest = math.prod(output[:2]) * (math.prod(output[2:]) - reached)
    if rest:
        fill = vector_layer(f"{stem}/rest" if reached else stem, "fill", [], [rest], 0, bits=graph.widths.roles)
        graph.add(fill, [], graph.outputs(node))


def _check_size(kernel: Sequence[int], stride: Sequence[int], output: Sequence[int]) -> None:
    """Refuse what would take forever to cut, before it is begun."""
    for taps, step, rows in zip(kernel, stride, output, strict=False):
        if min(step, rows) > LARGEST_STRIDE or min(step, rows) * taps > MOST_MEETINGS:
            raise Unsupported(f"a transposed convolution of stride {step} with {taps} taps")


def _layer(graph: GraphBuilder, node: Any, name: str, parts: Sequence[BlockPart]) -> Layer:
    """The layer of one part along every axis; rows of blocks are output channels."""
    groups = attributes(node).get("group", 1)
    kernel, output = graph.shape(node, node.input[1]), graph.shape(node, node.output[0])
    channels = kernel[1] * groups, kernel[0] // groups
    dims = conv_dims(
        output[0], channels, groups, tuple(part.blocks for part in parts), tuple(part.taps for part in parts)
    )
    rows = math.prod(len(part.rows) for part in parts)
    if rows > 1:
        dims["K"] = dims.get("K", 1) * rows
    layer = conv(name, dims, dilation=tuple(part.dilation for part in parts), bits=graph.widths.roles)
    layer = replace(layer, real_taps=math.prod((part.real_taps for part in parts), start=Fraction(1)))
    return name_tensors(layer, node.input[1], node.input[0], node.output[0])


def _with_learned_words(graph: GraphBuilder, node: Any, layer: Layer, words: int, *, first: bool) -> Layer:
    """The layer with what is learned: phases have their own taps, parts share those of the operator."""
    bias = node.input[2] if len(node.input) > 2 else ""
    if not graph.training:
        layer = replace(layer, parameters=words if first else 0)
    return with_learned_words(layer, graph, node, node.input[1], bias if first else "")


def paddings(
    given: dict[str, Any],
    image: Sequence[int],
    kernel: Sequence[int],
    output: Sequence[int],
    *,
    stride: Sequence[int],
    dilation: Sequence[int],
) -> list[int]:
    """Rows that the operator cuts off at the beginning of each axis.

    They follow from ``pads``, or from the extent of the output where ``auto_pad`` or ``output_shape`` say
    how large it is.
    """
    automatic = given.get("auto_pad", b"NOTSET").decode()
    if automatic == "VALID":
        return [0] * len(image)
    if automatic == "NOTSET" and "output_shape" not in given:
        return [int(rows) for rows in given.get("pads", [0] * 2 * len(image))[: len(image)]]
    if automatic not in ("NOTSET", "SAME_UPPER", "SAME_LOWER"):
        raise Unsupported(f"auto_pad {automatic}")
    extra = given.get("output_padding", [0] * len(image))
    result = []
    for a, rows in enumerate(image):
        total = stride[a] * (rows - 1) + extra[a] + (kernel[a] - 1) * dilation[a] + 1 - output[a]
        total = max(total, 0)
        result.append(total // 2 if automatic == "SAME_UPPER" else total - total // 2)
    return result
