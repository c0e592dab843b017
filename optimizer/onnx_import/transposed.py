"""Transposed convolutions of ONNX models, cut into phases (:mod:`optimizer.workload.phases`)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from optimizer.onnx_import.convolution import check_spatial, conv_dims, pair, with_learned_words
from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes, name_tensors
from optimizer.onnx_import.layout import Read, spatial_layout, spatial_read
from optimizer.workload.layer import conv
from optimizer.workload.phases import phases


def import_conv_transpose(graph: GraphBuilder, node: Any) -> None:
    """ConvTranspose in one or two dimensions: one layer per combination of phases of its axes.

    A phase computes every stride-th position of the output. So the output has no layout, unless one layer computes it
    all.
    """
    data, weights = node.input[0], node.input[1]
    spatial = check_spatial(graph, node, data)
    given = attributes(node)
    groups = given.get("group", 1)
    image, kernel = graph.shape(node, data), graph.shape(node, weights)
    output = graph.shape(node, node.output[0])
    stride, dilation = pair(given.get("strides"), spatial), pair(given.get("dilations"), spatial)
    padding = paddings(given, image[2:], kernel[2:], output[2:], stride=stride, dilation=dilation)
    axes = [phases(output[2 + a], kernel[2 + a], stride[a], dilation[a], padding[a]) for a in range(spatial)]
    stem, bias = graph.name(node), node.input[2] if len(node.input) > 2 else ""
    several = math.prod(len(axis) for axis in axes) > 1
    for number, parts in enumerate(itertools.product(*axes)):
        dims = conv_dims(
            output[0],
            (kernel[1] * groups, kernel[0] // groups),
            groups,
            tuple(part.outputs for part in parts),
            tuple(len(part.taps) for part in parts),
        )
        first, second = [*(part.dilation for part in parts), 1][:2]
        name = f"{stem}/phase{number}" if several else stem
        layer = conv(name, dims, dilation=(first, second), bits=graph.bits)
        layer = name_tensors(layer, weights, data, node.output[0])
        layer = with_learned_words(layer, graph, node, weights, bias if number == 0 else "")
        reads = [spatial_read(data, image, [part.window for part in parts]), Read(weights)]
        alone = not several and all(part.outputs == output[2 + a] for a, part in enumerate(parts))
        graph.add(layer, reads, graph.outputs(node), spatial_layout(output) if alone else None)


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
