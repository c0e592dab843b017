"""Attention as two products and a softmax: scores of queries with keys, and the values weighted by them.

Heads of queries that share a head of keys are rows of one product, so that keys and values are read for all of them
together. Masks, causal ones and windows save no work: every query meets every key. Scales and caps of the scores cost
nothing, as other functions of a product. New keys and values are written to the cache once; what is in it stays there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from optimizer.onnx_import.attention_sizes import Sizes, sizes_of
from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes, name_tensors, optional_input
from optimizer.onnx_import.layout import Layout, Read, grid_of, squeezed
from optimizer.workload.layer import Layer, VectorLayer, matmul
from optimizer.workload.vector_ops import SOFTMAX
from optimizer.workload.views import IDENTITY, IDENTITY_WINDOW

SINK = 2
"""Per row of scores: an exponential and a sum more."""


@dataclass(frozen=True)
class Tokens:
    """Tensors of one kind of tokens: those that are new, their cache before and after; empty where there is none."""

    new: str
    past: str = ""
    present: str = ""


@dataclass(frozen=True)
class Softmax:
    """What a softmax reads beside the scores: what is added to them, lengths of sequences, and a sink per head."""

    masks: tuple[str, ...] = ()
    lengths: tuple[str, ...] = ()
    sinks: str = ""
    sunk: bool = False


def import_attention(graph: GraphBuilder, node: Any) -> None:
    """Attention: two products per head and a softmax; grouped heads share keys and values, masks save no work."""
    sizes = sizes_of(node, graph.tensors, lambda name: graph.shape(node, name))
    outputs = [*node.output, "", "", ""]
    mode, capped = int(attributes(node).get("qk_matmul_output_mode", 0)), attributes(node).get("softcap", 0.0) != 0
    if outputs[3] and (mode not in (0, 3) or (mode == 0 and capped)):
        raise Unsupported(f"Attention that gives its scores (qk_matmul_output_mode {mode})")
    keys, values = (Tokens(node.input[1 + n], optional_input(node, 4 + n), outputs[1 + n]) for n in (0, 1))
    softmax = Softmax(tuple(filter(None, [optional_input(node, 3)])), tuple(filter(None, [optional_input(node, 6)])))
    shown = add_attention(graph, node, graph.name(node), sizes, node.input[0], keys, values, softmax)
    if outputs[3]:
        graph.alias(shown[0 if mode == 0 else 1], outputs[3])


def add_attention(
    graph: GraphBuilder,
    node: Any,
    name: str,
    sizes: Sizes,
    query: str,
    keys: Tokens,
    values: Tokens,
    softmax: Softmax,
) -> tuple[str, str]:
    """Append the layers of an attention that computes the node's first output; the tensors before and after softmax."""
    check_constants(graph, node, sizes, query, keys, values)
    output = node.output[0]
    scores, weights = f"{output}/scores", f"{output}/weights"
    shape = (sizes.batch, sizes.shared, sizes.group, sizes.queries, sizes.keys)
    layout = squeezed(((0, 1), (2, 3), ()), shape)
    rows = _rows_layout(graph, query, sizes)
    reads = [Read(query) if rows is None else Read(query, rows, IDENTITY)]
    found, more = _cached(graph, node, f"{name}/keys", keys, sizes, sizes.width)
    first = _product(graph, f"{name}/scores", sizes, sizes.keys, sizes.width)
    graph.add(_with_tensors(graph, first, found, query, scores), [*reads, *more], [scores], layout)
    _add_softmax(graph, node, f"{name}/softmax", sizes, (scores, weights), layout, softmax)
    found, more = _cached(graph, node, f"{name}/values", values, sizes, sizes.value_width)
    second = _product(graph, f"{name}/context", sizes, sizes.value_width, sizes.keys)
    second = _with_tensors(graph, second, found, weights, output)
    graph.add(second, [Read(weights, layout, IDENTITY), *more], [output], _rows_layout(graph, output, sizes))
    return scores, weights


def check_constants(graph: GraphBuilder, node: Any, sizes: Sizes, query: str, keys: Tokens, values: Tokens) -> None:
    """Refuse an attention of constants whose learned words no layer would count.

    Raises
    ------
    Unsupported
        Before any layer is appended.
    """
    if graph.tensors.is_constant(query):
        raise Unsupported("an attention of constant queries")
    for tokens, width in ((keys, sizes.width), (values, sizes.value_width)):
        packed = graph.tensors.is_constant(tokens.new) and graph.words(node, tokens.new) != _new_words(sizes, width)
        if packed or (graph.tensors.is_constant(tokens.new) and (sizes.past or tokens.present)):
            raise Unsupported("an attention with constant keys or values that are packed or cached")


def _new_words(sizes: Sizes, width: int) -> int:
    """Words of the new keys, or of the new values."""
    return sizes.batch * sizes.shared * sizes.new * width


def _product(graph: GraphBuilder, name: str, sizes: Sizes, columns: int, inner: int) -> Layer:
    """A product per sample and head of keys; the rows are the queries of all heads that share it."""
    batch = sizes.batch * sizes.shared
    dims = {**({"B": batch} if batch > 1 else {}), "M": sizes.group * sizes.queries, "N": columns, "K": inner}
    return matmul(name, dims, bits=graph.widths.roles)


def _with_tensors(graph: GraphBuilder, layer: Layer, weights: str, inputs: str, output: str) -> Layer:
    """The product with its operands called as in the graph; keys and values are learned only if they are constant."""
    layer = name_tensors(layer, weights, inputs, output)
    return layer if graph.tensors.is_constant(weights) else replace(layer, parameters=0)


def _cached(
    graph: GraphBuilder, node: Any, name: str, tokens: Tokens, sizes: Sizes, width: int
) -> tuple[str, list[Read]]:
    """The tensor of all keys or values, and how it is read; new ones are appended to what is in the cache."""
    words = _new_words(sizes, width)
    if not sizes.past and sizes.capacity == sizes.new:
        if tokens.present:
            graph.alias(tokens.new, tokens.present)
        shape = graph.tensors.known_shape(tokens.new)
        if shape is None or len(shape) != 4:
            return tokens.new, [Read(tokens.new)]
        return tokens.new, [Read(tokens.new, squeezed(((0, 1), (), ()), shape), (IDENTITY_WINDOW, None, None))]
    whole = tokens.present or f"{node.output[0]}/{name.rpartition('/')[2]}"
    graph.widths.same(tokens.past, whole)
    streams = ((words, graph.widths.of(tokens.new, "I")),), ((words, graph.widths.of(whole, "O")),)
    graph.add(VectorLayer(name, "append", *streams, 0), [Read(tokens.new)], [whole])
    return whole, [Read(whole), Read(tokens.past)]


def _add_softmax(
    graph: GraphBuilder,
    node: Any,
    name: str,
    sizes: Sizes,
    tensors: tuple[str, str],
    layout: Layout,
    softmax: Softmax,
) -> None:
    """Append the softmax over the keys, with a sum per score and mask."""
    shape = (sizes.batch, sizes.shared, sizes.group, sizes.queries, sizes.keys)
    words = math.prod(shape)
    beside = [*softmax.masks, *softmax.lengths, *([softmax.sinks] if softmax.sinks else [])]
    computed = [one for one in dict.fromkeys(beside) if not graph.tensors.is_constant(one)]
    tables = [one for one in dict.fromkeys(beside) if graph.tensors.is_table(one)]
    operations = (SOFTMAX + len(softmax.masks)) * words
    if softmax.sinks or softmax.sunk:
        operations += SINK * words // sizes.keys
    layer = VectorLayer(
        name,
        "softmax",
        (
            (words, graph.widths.of(tensors[0], "I")),
            *graph.streams(node, computed, "I"),
            *graph.streams(node, tables, "W"),
        ),
        ((words, graph.widths.of(tensors[1], "O")),),
        operations,
        parameters=graph.learned_words(node, tables),
        grid=grid_of(layout, shape),
    )
    graph.add(layer, [Read(tensors[0], layout, IDENTITY), *map(Read, computed)], [tensors[1]], layout)


def _rows_layout(graph: GraphBuilder, tensor: str, sizes: Sizes) -> Layout | None:
    """Axes of queries, or of the result, along which the products run; None where they are parts of an axis."""
    shape = graph.tensors.known_shape(tensor)
    if shape is None or len(shape) not in (3, 4):
        return None
    if len(shape) == 3:
        return squeezed(((0,), (1,), ()), shape) if sizes.heads == 1 and shape[2] == sizes.width else None
    if sizes.group == 1:
        return squeezed(((0, 1), (2,), ()), shape)
    return squeezed(((0,), (1, 2), ()), shape) if sizes.shared == 1 else None
