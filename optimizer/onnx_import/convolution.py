"""Convolutions: Conv (1-D, 2-D, 3-D; grouped, depthwise, strided, dilated) and its quantized forms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes, name_tensors
from optimizer.onnx_import.layout import Read, spatial_layout, spatial_read
from optimizer.workload.layer import Layer, conv
from optimizer.workload.views import Window


def import_conv(graph: GraphBuilder, node: Any) -> None:
    """Conv and ConvInteger: inputs are data, weights, and a bias (Conv only)."""
    if node.op_type == "ConvInteger":
        graph.widths.holds_sums(node.output[0])
    _convolution(graph, node, 0, 1, node.input[2] if node.op_type == "Conv" and len(node.input) > 2 else "")


def import_quantized_conv(graph: GraphBuilder, node: Any) -> None:
    """QLinearConv: scales and zero points stand between data, weights and bias."""
    _convolution(graph, node, 0, 3, node.input[8] if len(node.input) > 8 else "")


def conv_dims(
    batch: int, channels: tuple[int, int], groups: int, outputs: tuple[int, ...], kernel: tuple[int, ...]
) -> dict[str, int]:
    """Dims of a convolution.

    Parameters
    ----------
    batch : int
        Images.
    channels : (int, int)
        Output channels of all groups, input channels of one group.
    groups : int
        Groups; where each has one input and one output channel the layer is depthwise: no K and C.
    outputs, kernel : tuple of int
        Extents of the output and of the kernel along one to three spatial axes.
    """
    spatial = dict(zip("PQZ", outputs, strict=False)) | dict(zip("RST", kernel, strict=False))
    if groups == 1:
        return {"N": batch, "K": channels[0], "C": channels[1], **spatial}
    if channels == (groups, 1):
        return {"N": batch, "G": groups, **spatial}
    return {"N": batch, "G": groups, "K": channels[0] // groups, "C": channels[1], **spatial}


def with_learned_words(layer: Layer, graph: GraphBuilder, node: Any, weights: str, bias: str) -> Layer:
    """The layer with its bias counted as learned, and its weights unless another layer computes them."""
    words = 0 if graph.has_sources(weights) else layer.parameter_count
    return replace(layer, parameters=words + (graph.words(node, bias) if bias else 0))


def per_axis(values: Any, spatial: int) -> tuple[int, ...]:
    """Stride or dilation along every spatial axis, from an attribute with a value for each; 1 where it is missing."""
    return tuple(int(value) for value in values or [1] * spatial)


def check_spatial(graph: GraphBuilder, node: Any, data: str) -> int:
    """Number of spatial axes of the data: one to three.

    Raises
    ------
    Unsupported
        If there are others.
    """
    spatial = len(graph.shape(node, data)) - 2
    if spatial not in (1, 2, 3):
        raise Unsupported(f"a convolution with {spatial} spatial axes")
    return spatial


def sliding_windows(
    given: dict[str, Any], image: Sequence[int], kernel: Sequence[int], output: Sequence[int]
) -> list[Window | None]:
    """The window of a convolution or pooling along each spatial axis.

    Parameters
    ----------
    given : dict
        Attributes of the node: ``strides``, ``dilations``, ``pads`` or ``auto_pad``.
    image, kernel, output : sequence of int
        Extents along the spatial axes.

    Returns
    -------
    list of Window or None
        None where ``auto_pad`` has an unknown value.
    """
    count = len(image)
    automatic = given.get("auto_pad", b"NOTSET").decode()
    strides, dilations = ([int(v) for v in given.get(key) or [1] * count] for key in ("strides", "dilations"))
    pads = given.get("pads") or [0] * 2 * count
    windows: list[Window | None] = []
    for stride, dilation, before, taps, rows, outputs in zip(
        strides, dilations, pads[:count], kernel, image, output, strict=True
    ):
        reach = dilation * (taps - 1) + 1
        over = max(0, stride * (outputs - 1) + reach - rows)
        padding = {"NOTSET": int(before), "VALID": 0, "SAME_UPPER": over // 2, "SAME_LOWER": over - over // 2}
        windows.append(Window(stride, reach, padding[automatic]) if automatic in padding else None)
    return windows


def _convolution(graph: GraphBuilder, node: Any, data_at: int, weights_at: int, bias: str) -> None:
    data, weights = node.input[data_at], node.input[weights_at]
    spatial = check_spatial(graph, node, data)
    given, groups = attributes(node), attributes(node).get("group", 1)
    kernel, output = graph.shape(node, weights), graph.shape(node, node.output[0])
    if len(kernel) != spatial + 2:
        raise Unsupported(f"weights of shape {kernel} for {spatial} spatial axes")
    dims = conv_dims(output[0], (kernel[0], kernel[1]), groups, output[2:], kernel[2:])
    layer = conv(
        graph.name(node),
        dims,
        stride=per_axis(given.get("strides"), spatial),
        dilation=per_axis(given.get("dilations"), spatial),
        bits=graph.widths.roles,
    )
    layer = name_tensors(layer, weights, data, node.output[0])
    layer = with_learned_words(layer, graph, node, weights, bias)
    expected = math.prod(output) * math.prod(kernel[1:])
    if layer.macs != expected:
        raise Unsupported(f"weights of shape {kernel} with {groups} groups")
    image = graph.shape(node, data)
    windows = sliding_windows(given, image[2:], kernel[2:], output[2:])
    reads = [spatial_read(data, image, windows), Read(weights)]
    graph.add(layer, reads, graph.outputs(node), spatial_layout(output))
