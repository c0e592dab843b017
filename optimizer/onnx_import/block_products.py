"""Products of onnxruntime: with factors turned, and with weights that are packed in blocks of a few bits."""

from __future__ import annotations

import math
from typing import Any

from onnx import TensorProto

from optimizer.onnx_import.contraction import (
    Contraction,
    Indices,
    add_product,
    broadcast_indices,
    broadcast_product,
)
from optimizer.onnx_import.contrib_shapes import turned
from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes
from optimizer.onnx_import.layout import Read
from optimizer.onnx_import.misfits import misfit
from optimizer.workload.layer import VectorLayer

DEQUANTIZE = 2
"""Per weight: difference to the zero point, product with the scale."""


def import_fused_product(graph: GraphBuilder, node: Any) -> None:
    """A product with factors that may be turned; the factor ``alpha`` costs nothing."""
    given = attributes(node)
    if given.get("transBatchA", 0) or given.get("transBatchB", 0):
        raise Unsupported(f"{node.op_type} with transBatchA or transBatchB")
    left, right = node.input[0], node.input[1]
    turns = given.get("transA", 0), given.get("transB", 0)
    ours, theirs = (turned(graph.shape(node, name), by) for name, by in zip((left, right), turns, strict=True))
    if not ours or not theirs:
        raise Unsupported("a matrix product with a scalar")
    found = broadcast_indices(ours, theirs)
    indices = Indices(_turned(found.left, turns[0]), _turned(found.right, turns[1]), found.output)
    add_product(
        graph, (left, right), node.output[0], broadcast_product(ours, theirs), name=graph.name(node), indices=indices
    )


def _turned(indices: tuple[str, ...], by: int) -> tuple[str, ...]:
    return (*indices[:-2], indices[-1], indices[-2]) if by and len(indices) > 1 else indices


def import_product_of_blocks(graph: GraphBuilder, node: Any) -> None:
    """A product with weights of ``bits`` bits, and a vector layer that reads their scales and zero points once.

    That layer counts two operations per weight. Scales, zero points and bias are learned words. Elements that fill the
    last block up are neither read nor counted.
    """
    given = attributes(node)
    columns, inner, bits = given["N"], given["K"], given.get("bits", 4)
    data, weights, scales, zeros, groups, bias = (*node.input, "", "", "")[:6]
    if not graph.tensors.is_constant(weights) or (bias and not graph.tensors.is_constant(bias)):
        raise Unsupported("MatMulNBits with weights or a bias that are computed")
    if graph.training:
        raise Unsupported("MatMulNBits in training")
    _check_blocks(graph, node, bits)
    graph.widths.packed(weights, bits)
    rows = graph.shape(node, data)[:-1]
    indices = broadcast_indices((*rows, inner), (inner, columns))
    size, name = Contraction(1, math.prod(rows), columns, inner), graph.name(node)
    learned = graph.words(node, bias) if bias else 0
    add_product(graph, (data, weights), node.output[0], size, name=name, indices=indices, learned=learned)
    blocks = columns * math.ceil(inner / given["block_size"])
    tables = [(blocks, graph.widths.of(scales, "W"))]
    if zeros:
        if graph.tensors.type_of(zeros).tensor_type.elem_type == TensorProto.UINT8:
            graph.widths.packed(zeros, bits)
        tables.append((blocks, graph.widths.of(zeros, "W")))
    if groups:
        tables.append((graph.words(node, groups), graph.widths.of(groups, "W")))
    layer = VectorLayer(
        f"{name}/scales",
        "dequantize",
        tuple(tables),
        (),
        DEQUANTIZE * columns * inner,
        parameters=blocks * sum(graph.tensors.is_constant(name) for name in (scales, zeros) if name),
    )
    graph.add(layer, [Read(name) for name in (scales, zeros) if name], [])


def _check_blocks(graph: GraphBuilder, node: Any, bits: int) -> None:
    """Packed weights, scales and zero points are as large as the attributes say."""
    given = attributes(node)
    columns, inner, block = given["N"], given["K"], given["block_size"]
    if block & (block - 1):
        raise misfit("the size of a block is no power of two", "attribute block_size", block, "16, 32, 64 ...")
    blocks = math.ceil(inner / block)
    wanted = {1: {columns * blocks * (block * bits // 8)}, 2: {columns * blocks}}
    wanted[3] = {columns * math.ceil(blocks * bits / 8), columns * blocks}
    wanted[5] = {columns}
    for number, allowed in wanted.items():
        name = node.input[number] if len(node.input) > number else ""
        if name and graph.words(node, name) not in allowed:
            text = " or ".join(f"{words}" for words in sorted(allowed))
            problem = "the tensor does not have the size that N, K, bits and block_size say"
            raise misfit(problem, f"tensor {name}", list(graph.shape(node, name)), f"{text} elements")
