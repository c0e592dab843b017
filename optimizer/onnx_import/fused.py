"""Operators that stand for a few small ones: normalizations of sums, and rotary embeddings."""

from __future__ import annotations

import math
from typing import Any

from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes
from optimizer.onnx_import.layout import Layout, Read
from optimizer.onnx_import.signatures import MICROSOFT
from optimizer.onnx_import.streams import elementwise
from optimizer.workload.layer import VectorLayer
from optimizer.workload.vector_ops import LAYER_NORM, RMS_NORM, ROTARY

Streams = tuple[tuple[int, int], ...]


def import_skip_normalization(graph: GraphBuilder, node: Any) -> None:
    """Sum of two tensors and a bias, and its normalization: a vector layer that writes the outputs that have names."""
    output = graph.shape(node, node.output[0])
    simple = node.op_type == "SkipSimplifiedLayerNormalization"
    bias_at = 3 if simple else 4
    biased = len(node.input) > bias_at and bool(node.input[bias_at])
    operations = (RMS_NORM if simple else LAYER_NORM) + 1 + biased
    summed = [name for name in node.input[:2] if name in graph.activations(node)]
    layout, reads = elementwise(graph, node, summed, {len(output) - 1})
    graph.stream(node, operations * math.prod(output), layout=layout, reads=reads)


def import_rotary_embedding(graph: GraphBuilder, node: Any) -> None:
    """RotaryEmbedding: three operations per element that is turned, and a row of each table per position.

    The tables of sines and cosines are read but not learned. What is not turned is moved.
    """
    ours = node.domain == MICROSOFT
    data, positions = node.input[0], node.input[1 if ours else 3] if len(node.input) > 3 else ""
    cosines, sines = node.input[2:4] if ours else node.input[1:3]
    given, shape = attributes(node), graph.shape(node, data)
    if len(shape) not in (3, 4):
        raise Unsupported(f"rotary embeddings of a tensor of shape {shape}")
    if given.get("is_packed_batching", 0):
        raise Unsupported("rotary embeddings of packed batches")
    tokens = shape[0] * (shape[1] if len(shape) == 3 else shape[2])
    turned = _turned_words(graph, node, data, cosines)
    rows = tokens
    if ours and graph.words(node, positions) == 1:
        rows //= shape[0]  # all samples are at the same positions
    tables = rotary_tables(graph, node, (cosines, sines), rows)
    streams = (*graph.streams(node, [data], "I"), *tables)
    others = [name for name in (positions,) if name and not graph.tensors.is_constant(name)]
    _add_rotary(graph, node, data, (*streams, *graph.streams(node, others, "I")), ROTARY * turned)


def rotary_tables(graph: GraphBuilder, node: Any, tables: tuple[str, str], rows: int) -> Streams:
    """What is read of the tables of cosines and sines: `rows` rows of each."""
    found = []
    for table in tables:
        shape = graph.shape(node, table)
        if not shape or not shape[-1]:
            raise Unsupported(f"a table of rotary embeddings of shape {shape}")
        role = "W" if graph.tensors.is_constant(table) else "I"
        found.append((rows * shape[-1], graph.widths.of(table, role)))
    return tuple(found)


def _turned_words(graph: GraphBuilder, node: Any, data: str, cosines: str) -> int:
    """Elements that are turned: all, or ``rotary_embedding_dim`` of every head."""
    given, shape = attributes(node), graph.shape(node, data)
    part = int(given.get("rotary_embedding_dim", 0))
    if not part:
        return math.prod(shape)
    heads = shape[1] if len(shape) == 4 else int(given.get("num_heads", 0))
    width = shape[-1] if len(shape) == 4 else shape[-1] // heads if heads else 0
    if not heads or part > width or 2 * graph.shape(node, cosines)[-1] != part:
        raise Unsupported(f"rotary embeddings of {part} of the {width} features of {heads} heads")
    return heads * part * shape[0] * (shape[1] if len(shape) == 3 else shape[2])


def _add_rotary(graph: GraphBuilder, node: Any, data: str, reads: Streams, operations: int) -> None:
    rank = len(graph.shape(node, data))
    layout: Layout
    layout, aligned = elementwise(graph, node, [data], {rank - 1})
    outputs = graph.outputs(node)
    layer = VectorLayer(
        graph.name(node),
        "rotary",
        tuple(stream for stream in reads if stream[0]),
        graph.streams(node, outputs, "O"),
        operations,
        grid=graph.grid(outputs, layout),
    )
    others = [Read(name) for name in graph.activations(node) if name != data]
    graph.add(layer, [*aligned, *others], outputs, layout)
