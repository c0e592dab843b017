"""Matrix products: MatMul, Gemm and their quantized forms, as layers with dims (B) M N K."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes, name_tensors
from optimizer.onnx_import.layout import Layout, Read, aligned_read, grid_of, usual_layout
from optimizer.workload.layer import matmul
from optimizer.workload.vector_ops import vector_layer
from optimizer.workload.views import IDENTITY, IDENTITY_WINDOW


@dataclass(frozen=True)
class Contraction:
    """``O[b,m,n] = sum over k of left[b,m,k] * right[b,k,n]`` with these extents."""

    b: int
    m: int
    n: int
    k: int


@dataclass(frozen=True)
class Indices:
    """An index per axis of the factors and of the output; empty where the extent of a factor is 1."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    output: tuple[str, ...]

    def layout(self, tensor: tuple[str, ...]) -> Layout:
        """Axes of one of the tensors along which B and M of the layer run, if the left factor is I."""
        kept = [index for index in self.output if index in self.left and index in tensor]
        batch = tuple(tensor.index(index) for index in kept if index in self.right)
        return batch, tuple(tensor.index(index) for index in kept if index not in self.right), ()

    def turned(self) -> Indices:
        """The same product with its factors exchanged."""
        return Indices(self.right, self.left, self.output)


def import_matmul(graph: GraphBuilder, node: Any) -> None:
    """MatMul and MatMulInteger."""
    if node.op_type == "MatMulInteger":
        graph.widths.holds_sums(node.output[0])
    _import_product(graph, node, node.input[0], node.input[1])


def import_quantized_matmul(graph: GraphBuilder, node: Any) -> None:
    """QLinearMatMul: scale and zero point follow each factor."""
    _import_product(graph, node, node.input[0], node.input[3])


def import_gemm(graph: GraphBuilder, node: Any) -> None:
    """Gemm: a constant bias is part of a layer with weights; any other one is added by a vector layer."""
    left, right = node.input[0], node.input[1]
    given = attributes(node)
    rows = graph.shape(node, left)[:: -1 if given.get("transA", 0) else 1]
    columns = graph.shape(node, right)[:: -1 if given.get("transB", 0) else 1]
    bias = node.input[2] if len(node.input) > 2 else ""
    size = Contraction(1, rows[0], columns[1], rows[1])
    indices = matrix_indices(size, given.get("transA", 0), given.get("transB", 0))
    name, output = graph.name(node), node.output[0]
    learned = graph.words(node, bias) if bias and graph.tensors.is_learned(bias) else 0
    computed = not any(graph.tensors.is_constant(factor) for factor in (left, right))
    if not bias or (graph.tensors.is_constant(bias) and not (learned and computed)):
        add_product(graph, (left, right), output, size, name=name, indices=indices, learned=learned)
        return
    product, shape = f"{output}/product", graph.shape(node, output)
    add_product(graph, (left, right), product, size, name=name, indices=indices)
    layout = graph.layout(product) or usual_layout(shape)
    words, other = graph.words(node, output), graph.shape(node, bias)
    add = vector_layer(
        f"{name}/bias",
        "add",
        [words, graph.words(node, bias)],
        [words],
        words,
        bits=graph.widths.roles,
        grid=grid_of(layout, shape),
    )
    reads = [aligned_read(product, shape, shape, layout), aligned_read(bias, other, shape, layout)]
    graph.add(replace(add, parameters=learned), reads, [output], layout)


def broadcast_product(left: tuple[int, ...], right: tuple[int, ...]) -> Contraction:
    """The contraction of a NumPy-style ``left @ right``.

    Batch axes that only one factor has, or that are 1 in the other, become part of that factor's M or N, so
    that a shared factor is shared in the layer as well.
    """
    left = (1, *left) if len(left) == 1 else left
    right = (*right, 1) if len(right) == 1 else right
    b, m, n = 1, left[-2], right[-1]
    pairs = itertools.zip_longest(reversed(left[:-2]), reversed(right[:-2]), fillvalue=1)
    for ours, theirs in pairs:
        if ours == theirs:
            b *= ours
        elif theirs == 1:
            m *= ours
        else:
            n *= theirs
    return Contraction(b, m, n, left[-1])


def broadcast_indices(left: tuple[int, ...], right: tuple[int, ...]) -> Indices:
    """Indices of a NumPy-style ``left @ right``."""
    axes = range(max(len(left), len(right)) - 2, 0, -1)
    batch = [f"b{axis}" for axis in axes]
    ours, theirs = (["k"] if len(shape) == 1 else names for shape, names in ((left, ["m", "k"]), (right, ["k", "n"])))
    output = (*batch, *ours[:-1], *theirs[1:])
    return Indices(_named([*batch, *ours], left), _named([*batch, *theirs], right), output)


def matrix_indices(size: Contraction, left_turned: int, right_turned: int) -> Indices:
    """Indices of a product of two matrices, each of which may be given transposed."""
    extents = {"m": size.m, "n": size.n, "k": size.k}
    m, n, k = (index if extents[index] > 1 else "" for index in "mnk")
    return Indices((k, m) if left_turned else (m, k), (n, k) if right_turned else (k, n), (m, n))


def _named(indices: Sequence[str], shape: tuple[int, ...]) -> tuple[str, ...]:
    """The last of the indices, one per axis of the shape; an empty one where the extent is 1."""
    last = indices[len(indices) - len(shape) :]
    return tuple(index if extent > 1 else "" for index, extent in zip(last, shape, strict=True))


def _import_product(graph: GraphBuilder, node: Any, left: str, right: str) -> None:
    shapes = graph.shape(node, left), graph.shape(node, right)
    if () in shapes:
        raise Unsupported("a matrix product with a scalar")
    size, indices = broadcast_product(*shapes), broadcast_indices(*shapes)
    add_product(graph, (left, right), node.output[0], size, name=graph.name(node), indices=indices)


def add_product(
    graph: GraphBuilder,
    factors: tuple[str, str],
    output: str,
    size: Contraction,
    *,
    name: str,
    indices: Indices | None = None,
    learned: int = 0,
) -> None:
    """Append the product of the factors; the constant one is W, or else the right one.

    Without `indices` it is not known which axes of the tensors B and M are.
    """
    left, right = factors
    weights, inputs = right, left
    if graph.tensors.is_constant(left) and not graph.tensors.is_constant(right):
        weights, inputs = left, right
        size = replace(size, m=size.n, n=size.m)
        indices = None if indices is None else indices.turned()
    dims = {"B": size.b} if size.b > 1 else {}
    layer = matmul(name, {**dims, "M": size.m, "N": size.n, "K": size.k}, bits=graph.widths.roles)
    layer = name_tensors(layer, weights, inputs, output)
    if not graph.tensors.is_constant(weights):
        layer = replace(layer, parameters=learned)
    elif learned:
        layer = replace(layer, parameters=layer.parameter_count + learned)
    if indices is None:
        graph.add(layer, [Read(left), Read(right)], [output])
        return
    reads = [
        Read(inputs, indices.layout(indices.left), IDENTITY),
        Read(weights, indices.layout(indices.right), (IDENTITY_WINDOW, None, None)),
    ]
    graph.add(layer, reads, [output], indices.layout(indices.output))
