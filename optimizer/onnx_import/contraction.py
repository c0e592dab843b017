"""Matrix products: MatMul, Gemm, Einsum and their quantized forms, as layers with dims (B) M N K."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes, name_tensors
from optimizer.vector_ops import vector_layer
from optimizer.workload import matmul


@dataclass(frozen=True)
class Contraction:
    """``O[b,m,n] = sum over k of left[b,m,k] * right[b,k,n]`` with these extents."""

    b: int
    m: int
    n: int
    k: int


def import_matmul(graph: GraphBuilder, node: Any) -> None:
    """MatMul and MatMulInteger."""
    _import_product(graph, node, node.input[0], node.input[1])


def import_quantized_matmul(graph: GraphBuilder, node: Any) -> None:
    """QLinearMatMul: scale and zero point follow each factor."""
    _import_product(graph, node, node.input[0], node.input[3])


def import_gemm(graph: GraphBuilder, node: Any) -> None:
    """Gemm: a constant bias is part of the layer, one that is computed is added by a vector layer."""
    left, right = node.input[0], node.input[1]
    given = attributes(node)
    rows = graph.shape(node, left)[:: -1 if given.get("transA", 0) else 1]
    columns = graph.shape(node, right)[:: -1 if given.get("transB", 0) else 1]
    bias = node.input[2] if len(node.input) > 2 else ""
    size = Contraction(1, rows[0], columns[1], rows[1])
    name, output = graph.name(node), node.output[0]
    if not bias or graph.tensors.is_constant(bias):
        learned = graph.words(node, bias) if bias and graph.tensors.is_learned(bias) else 0
        _add_product(graph, (left, right), output, size, name=name, learned=learned)
        return
    product, words = f"{output}/product", graph.words(node, output)
    _add_product(graph, (left, right), product, size, name=name)
    reads = [words, graph.words(node, bias)]
    add = vector_layer(f"{name}/bias", "add", reads, [words], words, bits=graph.bits)
    graph.add(add, [product, bias], [output])


def import_einsum(graph: GraphBuilder, node: Any) -> None:
    """Einsum of two factors in which every index is batched, kept from one factor, or summed over both."""
    if len(node.input) != 2:
        raise Unsupported(f"an Einsum of {len(node.input)} tensors")
    equation = attributes(node)["equation"].decode().replace(" ", "")
    left, right = node.input
    size = contraction(equation, graph.shape(node, left), graph.shape(node, right))
    _add_product(graph, (left, right), node.output[0], size, name=graph.name(node))


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


def contraction(equation: str, left: tuple[int, ...], right: tuple[int, ...]) -> Contraction:
    """The contraction that an einsum equation such as ``bhid,bhjd->bhij`` stands for.

    Raises
    ------
    Unsupported
        For diagonals, and indices that are summed over in one factor alone.
    """
    terms, arrow, output = equation.partition("->")
    first, _, second = terms.partition(",")
    extents_left, extents_right = _indices(first, left), _indices(second, right)
    if not arrow:
        single = [i for i in (*extents_left, *extents_right) if (i in extents_left) != (i in extents_right)]
        kept = {*single, *(i for i in (*extents_left, *extents_right) if i.startswith("."))}
    else:
        kept = {*output.replace("...", ""), *(i for i in (*extents_left, *extents_right) if i[0] == ".")}
    size = {"b": 1, "m": 1, "n": 1, "k": 1}
    for index in dict.fromkeys((*extents_left, *extents_right)):
        ours, theirs = extents_left.get(index, 1), extents_right.get(index, 1)
        if index in kept:
            size["b" if ours == theirs else "m" if theirs == 1 else "n"] *= max(ours, theirs)
        elif ours == theirs:
            size["k"] *= ours
        else:
            raise Unsupported(f"an Einsum that sums over {index!r} in one factor alone")
    return Contraction(**size)


def _indices(term: str, shape: tuple[int, ...]) -> dict[str, int]:
    """Extent of every index of one factor; axes of an ellipsis are called ``.1``, ``.2`` ... from the end."""
    before, dots, after = term.partition("...")
    hidden = len(shape) - len(before) - len(after) if dots else 0
    names = [*before, *(f".{n}" for n in range(hidden, 0, -1)), *after]
    if len(set(names)) < len(names) or len(names) != len(shape):
        raise Unsupported(f"the Einsum term {term!r}")
    return dict(zip(names, shape, strict=True))


def _import_product(graph: GraphBuilder, node: Any, left: str, right: str) -> None:
    size = broadcast_product(graph.shape(node, left), graph.shape(node, right))
    _add_product(graph, (left, right), node.output[0], size, name=graph.name(node))


def _add_product(
    graph: GraphBuilder, factors: tuple[str, str], output: str, size: Contraction, *, name: str,
    learned: int = 0,
) -> None:  # fmt: skip
    """Append the product of the factors; the constant one is W, or else the right one."""
    left, right = factors
    weights, inputs = right, left
    if graph.tensors.is_constant(left) and not graph.tensors.is_constant(right):
        weights, inputs = left, right
        size = replace(size, m=size.n, n=size.m)
    dims = {"B": size.b} if size.b > 1 else {}
    layer = matmul(name, {**dims, "M": size.m, "N": size.n, "K": size.k}, bits=graph.bits)
    layer = name_tensors(layer, weights, inputs, output)
    if not graph.tensors.is_constant(weights):
        layer = replace(layer, parameters=learned)
    elif learned:
        layer = replace(layer, parameters=layer.parameter_count + learned)
    graph.add(layer, [left, right], [output])
