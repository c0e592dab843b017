"""Fourier transforms, and writing into a cache.

A transform of n points counts as a fast one: five operations per point and halving, ``5 n log2(n)`` with the logarithm
rounded up; half of them where the values before or after it are real.
"""

from __future__ import annotations

import math
from typing import Any

from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes, optional_input
from optimizer.onnx_import.layout import Read
from optimizer.workload.layer import VectorLayer

_PER_HALVING = 5
"""Operations per point: a complex product with a root of unity, shared by two points, and a complex sum each."""


def transform_operations(points: int, *, real: bool) -> int:
    """Operations of a fast Fourier transform."""
    whole = _PER_HALVING * points * (points - 1).bit_length()
    return -(-whole // 2) if real else whole


def import_dft(graph: GraphBuilder, node: Any) -> None:
    """DFT: a fast transform along one axis, for every other position."""
    attribute, shape = attributes(node), graph.shape(node, node.input[0])
    schema = graph.tensors.schema(node)
    axis: int = attribute.get("axis", 1)
    if schema is not None and schema.since_version >= 20:
        axis = _constant(graph, node, 2, "axis") if optional_input(node, 2) else -2
    if len(shape) < 2 or shape[-1] not in (1, 2) or not -len(shape) <= axis < len(shape):
        raise Unsupported(f"a DFT along axis {axis} of a tensor of shape {shape}")
    axis %= len(shape)
    points = _constant(graph, node, 1, "dft_length") if optional_input(node, 1) else shape[axis]
    if axis == len(shape) - 1 or points < 1:
        raise Unsupported(f"a DFT of {points} points along axis {axis} of a tensor of shape {shape}")
    lanes = math.prod(extent for number, extent in enumerate(shape[:-1]) if number != axis)
    real = shape[-1] == 1 or bool(attribute.get("onesided", 0))
    graph.stream(node, lanes * transform_operations(points, real=real), tables=[])


def import_stft(graph: GraphBuilder, node: Any) -> None:
    """STFT: a fast transform of every frame, after its product with the window."""
    signal, output = graph.shape(node, node.input[0]), graph.shape(node, node.output[0])
    window = optional_input(node, 2)
    if len(signal) not in (2, 3) or len(output) != 4:
        raise Unsupported(f"an STFT of a signal of shape {signal}")
    points = _constant(graph, node, 3, "frame_length") if optional_input(node, 3) else graph.words(node, window)
    if points < 1:
        raise Unsupported(f"an STFT of frames of {points} points")
    frames, parts = output[0] * output[1], signal[2] if len(signal) == 3 else 1
    operations = frames * (transform_operations(points, real=parts == 1) + (points * parts if window else 0))
    graph.stream(node, operations)


def _constant(graph: GraphBuilder, node: Any, number: int, what: str) -> int:
    """The value of an input that is one constant integer."""
    value = graph.tensors.integers(node.input[number])
    if value is None or len(value) != 1:
        raise Unsupported(f"{node.op_type} whose {what} ({node.input[number]}) is no constant")
    return value[0]


def import_tensor_scatter(graph: GraphBuilder, node: Any) -> None:
    """TensorScatter: what is new is read and written into the cache; the rest of the cache stays where it is."""
    cache, update, indices = node.input[0], node.input[1], optional_input(node, 2)
    words, outputs = graph.words(node, update), graph.outputs(node)
    graph.widths.same(cache, outputs[0])
    at = [indices] if indices and not graph.tensors.is_constant(indices) else []
    streams = (words, graph.widths.of(update, "I")), *graph.streams(node, at, "I")
    layer = VectorLayer(graph.name(node), "append", streams, ((words, graph.widths.of(outputs[0], "O")),), 0)
    graph.add(layer, [Read(name) for name in (update, *at)], outputs)
    graph.add_sources(cache, outputs[0])
