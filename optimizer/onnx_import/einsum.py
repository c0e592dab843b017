"""Einsum of ONNX with one, two or three tensors.

One tensor
    A permutation of its axes or a diagonal is a view; what sums over an axis is a vector layer with one operation per
    element that is read.
Two tensors
    A product, if every index is batched, kept from one of them, or summed over both.
Three tensors
    Two products. The pair that comes first is the one with the fewest multiply-accumulates in all; a line among the
    warnings states the order and the count. Indices that the third tensor and the result do not have are summed over
    in the first product.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from optimizer.files.names import one_line
from optimizer.onnx_import.contraction import Contraction, add_product
from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes
from optimizer.onnx_import.labels import node_label
from optimizer.onnx_import.layout import Read
from optimizer.workload.layer import VectorLayer

Extents = Mapping[str, int]
"""Extent of every index of a tensor."""


@dataclass(frozen=True)
class Equation:
    """Extents of the indices of every factor, and the indices that are kept."""

    factors: tuple[Extents, ...]
    kept: frozenset[str]


@dataclass(frozen=True)
class Order:
    """A pair of factors that comes first, its product, and the product with the third."""

    pair: tuple[int, int]
    third: int
    first: Contraction
    second: Contraction

    @property
    def macs(self) -> int:
        """Multiply-accumulates of both."""
        return _macs(self.first) + _macs(self.second)


def import_einsum(graph: GraphBuilder, node: Any) -> None:
    """Einsum of one to three tensors: a view or vector layer, a product, or two products in the cheaper order."""
    text = attributes(node)["equation"].decode(errors="replace").replace(" ", "")
    shapes = [graph.shape(node, name) for name in node.input]
    if len(shapes) == 1:
        _import_one(graph, node, text, shapes[0])
        return
    if len(shapes) > 3:
        raise Unsupported(f"an Einsum of {len(shapes)} tensors")
    equation = equation_of(text, shapes)
    if len(shapes) == 2:
        size = contract(equation.factors[0], equation.factors[1], equation.kept)
        add_product(graph, (node.input[0], node.input[1]), node.output[0], size, name=graph.name(node))
        return
    constant = [graph.tensors.is_constant(name) for name in node.input]
    order = cheapest_order(equation, constant)
    name, inner = graph.name(node), f"{node.output[0]}/product"
    left, right = (node.input[number] for number in order.pair)
    add_product(graph, (left, right), inner, order.first, name=f"{name}/first")
    add_product(graph, (inner, node.input[order.third]), node.output[0], order.second, name=f"{name}/second")
    graph.network.warnings.append(
        one_line(
            f"{node_label(node)}: an Einsum of three tensors, done as {left} with {right}, then "
            f"{node.input[order.third]}: {order.macs} multiply-accumulates"
        )
    )


def equation_of(text: str, shapes: list[tuple[int, ...]]) -> Equation:
    """The equation of several factors without diagonals.

    Raises
    ------
    Unsupported
        For a diagonal, and for terms that do not fit the tensors.
    """
    terms, arrow, output = text.partition("->")
    listed = terms.split(",")
    if len(listed) != len(shapes):
        raise Unsupported(f"the Einsum {text!r} of {len(shapes)} tensors")
    factors = tuple(extents_of(term, shape) for term, shape in zip(listed, shapes, strict=True))
    every = [index for factor in factors for index in factor]
    dots = {index for index in every if index[0] == "."}
    wanted = {*output.replace("...", "")} if arrow else {index for index in every if every.count(index) == 1}
    if not wanted <= set(every) or (arrow and dots and "..." not in output):
        raise Unsupported(f"the Einsum {text!r}, whose result does not fit the tensors")
    return Equation(factors, frozenset(wanted | dots))


def extents_of(term: str, shape: tuple[int, ...], *, diagonals: bool = False) -> dict[str, int]:
    """Extent of every index of one factor; axes of an ellipsis are called ``.1``, ``.2`` ... from the end."""
    before, dots, after = term.partition("...")
    hidden = len(shape) - len(before) - len(after) if dots else 0
    names = [*before, *(f".{n}" for n in range(hidden, 0, -1)), *after]
    if len(names) != len(shape) or (len(set(names)) < len(names) and not diagonals):
        raise Unsupported(f"the Einsum term {term!r}")
    found: dict[str, int] = {}
    for name, extent in zip(names, shape, strict=True):
        if found.setdefault(name, extent) != extent:
            raise Unsupported(f"the Einsum term {term!r} for a tensor of shape {shape}")
    return found


def contract(left: Extents, right: Extents, kept: Iterable[str]) -> Contraction:
    """The contraction of two factors.

    Raises
    ------
    Unsupported
        For an index that is summed over in one factor alone.
    """
    size, wanted = {"b": 1, "m": 1, "n": 1, "k": 1}, set(kept)
    for index in dict.fromkeys((*left, *right)):
        ours, theirs = left.get(index, 1), right.get(index, 1)
        if index in wanted:
            size["b" if ours == theirs else "m" if theirs == 1 else "n"] *= max(ours, theirs)
        elif ours == theirs:
            size["k"] *= ours
        else:
            raise Unsupported(f"an Einsum that sums over {index!r} in one factor alone")
    return Contraction(**size)


def cheapest_order(equation: Equation, constant: list[bool]) -> Order:
    """The order of two products with the fewest multiply-accumulates; constants alone are no pair.

    Raises
    ------
    Unsupported
        If an index is summed over in one factor alone, in every order.
    """
    found, refused = [], ""
    for pair, third in (((0, 1), 2), ((0, 2), 1), ((1, 2), 0)):
        if all(constant[number] for number in pair):
            continue
        left, right = (equation.factors[number] for number in pair)
        last = equation.factors[third]
        between = [index for index in dict.fromkeys((*left, *right)) if index in equation.kept or index in last]
        try:
            first = contract(left, right, between)
            inner = {index: max(left.get(index, 1), right.get(index, 1)) for index in between}
            found.append(Order(pair, third, first, contract(inner, last, equation.kept)))
        except Unsupported as reason:
            refused = str(reason)
    if not found:
        raise Unsupported(refused)
    return min(found, key=lambda order: order.macs)


def _macs(size: Contraction) -> int:
    return size.b * size.m * size.n * size.k


def _import_one(graph: GraphBuilder, node: Any, text: str, shape: tuple[int, ...]) -> None:
    """A view where no index is summed over, else a vector layer that reads the diagonal, or all."""
    term, arrow, output = text.partition("->")
    extents = extents_of(term, shape, diagonals=True)
    letters = term.replace("...", "")
    dots = {index for index in extents if index[0] == "."}
    kept = {*output.replace("...", "")} if arrow else {index for index in letters if letters.count(index) == 1}
    if not kept <= set(extents) or (arrow and dots and "..." not in output):
        raise Unsupported(f"the Einsum {text!r}, whose result does not fit the tensor")
    if kept | dots == set(extents):
        graph.view(node)
        return
    words, outputs = math.prod(extents.values()), graph.outputs(node)
    layout = graph.usual_layout(outputs)
    layer = VectorLayer(
        graph.name(node),
        "reduce",
        ((words, graph.widths.of(node.input[0], "I")),),
        graph.streams(node, outputs, "O"),
        words,
        grid=graph.grid(outputs, layout),
    )
    graph.add(layer, [Read(node.input[0])], outputs, layout)
