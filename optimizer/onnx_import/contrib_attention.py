"""Attention of onnxruntime: its operators in terms of :mod:`optimizer.onnx_import.attention`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from optimizer.onnx_import.attention import Softmax, Tokens, add_attention, check_constants
from optimizer.onnx_import.attention_sizes import Sizes, sizes_of
from optimizer.onnx_import.contraction import Contraction, add_product, broadcast_indices
from optimizer.onnx_import.fused import rotary_tables
from optimizer.onnx_import.graph import GraphBuilder, Unsupported, attributes, optional_input
from optimizer.onnx_import.layout import Read
from optimizer.workload.layer import VectorLayer
from optimizer.workload.vector_ops import ROTARY


def import_multi_head_attention(graph: GraphBuilder, node: Any) -> None:
    """MultiHeadAttention: as Attention; a constant bias is part of the layers before, or else of a vector layer."""
    sizes = _sizes(graph, node)
    if optional_input(node, 9):
        raise Unsupported("MultiHeadAttention with a cache of several beams (cache_indirection)")
    name, outputs = graph.name(node), [*node.output, "", "", ""]
    query, keys, values = _tokens(graph, node, sizes, (6, 7))
    query, key, value = _added_bias(graph, node, name, sizes, (query, keys.new, values.new))
    keys, values = replace(keys, new=key), replace(values, new=value)
    softmax = Softmax(tuple(filter(None, (optional_input(node, 4), optional_input(node, 5)))))
    _, weights = add_attention(graph, node, name, sizes, query, keys, values, softmax)
    if outputs[3]:
        graph.alias(weights, outputs[3])


def _tokens(graph: GraphBuilder, node: Any, sizes: Sizes, past: tuple[int, int]) -> tuple[str, Tokens, Tokens]:
    """Queries, keys and values with their caches; what is left out is packed with what is before it."""
    query, outputs = node.input[0], [*node.output, "", ""]
    key = optional_input(node, 1) or query
    value = optional_input(node, 2) or key
    keys = Tokens(key, optional_input(node, past[0]), outputs[1])
    values = Tokens(value, optional_input(node, past[1]), outputs[2])
    changed = attributes(node).get("do_rotary", 0) or (node.op_type == "MultiHeadAttention" and optional_input(node, 3))
    if changed and any(graph.tensors.is_constant(one) for one in (query, key, value)):
        raise Unsupported(f"{node.op_type} that changes constant queries, keys or values")
    check_constants(graph, node, sizes, query, keys, values)
    return query, keys, values


def _sizes(graph: GraphBuilder, node: Any) -> Sizes:
    return sizes_of(node, graph.tensors, lambda name: graph.shape(node, name))


def _added_bias(
    graph: GraphBuilder, node: Any, name: str, sizes: Sizes, tensors: tuple[str, str, str]
) -> tuple[str, str, str]:
    """Queries, keys and values with their bias: three tensors, of which some may be the same."""
    bias, (query, key, _) = optional_input(node, 3), tensors
    if not bias:
        return tensors
    if not graph.tensors.is_constant(bias):
        raise Unsupported("MultiHeadAttention with a bias that is computed")
    if key != query and len(graph.shape(node, key)) == 4:
        raise Unsupported("MultiHeadAttention with a bias, and keys that are split into heads already")
    widths = sizes.heads * sizes.width, sizes.heads * sizes.width, sizes.heads * sizes.value_width
    if graph.words(node, bias) != sum(widths):
        raise Unsupported(f"MultiHeadAttention with a bias of {graph.words(node, bias)} words")
    rows = sizes.batch * sizes.queries, sizes.batch * sizes.new, sizes.batch * sizes.new
    result = []
    for tensor, width, count, part in zip(tensors, widths, rows, ("q", "k", "v"), strict=True):
        if graph.has_sources(tensor):
            graph.learn(tensor, width if graph.tensors.is_learned(bias) else 0)
            result.append(tensor)
            continue
        added = f"{node.output[0]}/{part}"
        streams = (count * width, graph.widths.of(tensor, "I")), (width, graph.widths.of(bias, "W"))
        layer = VectorLayer(
            f"{name}/{part}_bias",
            "add",
            streams,
            ((count * width, graph.widths.of(added, "O")),),
            count * width,
            parameters=width if graph.tensors.is_learned(bias) else 0,
        )
        graph.add(layer, [Read(tensor)], [added])
        result.append(added)
    return result[0], result[1], result[2]


def import_grouped_attention(graph: GraphBuilder, node: Any) -> None:
    """GroupQueryAttention: as Attention; the number of keys is total_sequence_length, or that of cache and input."""
    sizes, attribute = _sizes(graph, node), attributes(node)
    outputs = [*node.output, "", "", ""]
    _check_grouped(node, attribute, outputs[3])
    name = graph.name(node)
    query, keys, values = _tokens(graph, node, sizes, (3, 4))
    if attribute.get("do_rotary", 0):
        query, key = _rotary(graph, node, name, sizes, (query, keys.new))
        keys = replace(keys, new=key)
    masks = tuple(filter(None, [optional_input(node, 10)]))
    softmax = Softmax(
        masks, (optional_input(node, 5),), optional_input(node, 11), bool(attribute.get("smooth_softmax", 0))
    )
    _, weights = add_attention(graph, node, name, sizes, query, keys, values, softmax)
    if outputs[3]:
        graph.alias(weights, outputs[3])


def _check_grouped(node: Any, attribute: dict[str, Any], shown: str) -> None:
    """Refuse by name what is not counted."""
    quantized = [attribute.get(key, b"NONE") != b"NONE" for key in ("k_quant_type", "v_quant_type")]
    if any(quantized) or optional_input(node, 12) or optional_input(node, 13):
        raise Unsupported("GroupQueryAttention with a quantized cache (k_quant_type, v_quant_type)")
    if optional_input(node, 14) or optional_input(node, 15):
        raise Unsupported("GroupQueryAttention that normalizes queries and keys (q_norm_weight, k_norm_weight)")
    if attribute.get("sliding_window_cache", 0):
        raise Unsupported("GroupQueryAttention with a cache that slides (sliding_window_cache)")
    if shown and attribute.get("qk_output", 0) != 2:
        raise Unsupported(f"GroupQueryAttention that gives its scores (qk_output {attribute.get('qk_output', 0)})")


def _rotary(graph: GraphBuilder, node: Any, name: str, sizes: Sizes, tensors: tuple[str, str]) -> tuple[str, str]:
    """Append the rotary embedding of queries and new keys; the turned ones."""
    cosines, sines, positions = optional_input(node, 7), optional_input(node, 8), optional_input(node, 9)
    if not cosines or not sines:
        raise Unsupported("GroupQueryAttention with do_rotary, but without cos_cache and sin_cache")
    turned = 2 * graph.shape(node, cosines)[-1]
    if turned > sizes.width:
        raise Unsupported(f"rotary embeddings of {turned} of {sizes.width} features")
    tokens = sizes.heads * sizes.queries, sizes.shared * sizes.new
    words = [sizes.batch * count * sizes.width for count in tokens]
    rows = rotary_tables(graph, node, (cosines, sines), sizes.batch * max(sizes.queries, sizes.new))
    outputs = [f"{node.output[0]}/queries", f"{node.output[0]}/new_keys"]
    for tensor, output in zip(tensors, outputs, strict=True):
        graph.widths.same(tensor, output)
    computed = [one for one in (positions, cosines, sines) if one and not graph.tensors.is_constant(one)]
    read = tuple((count, graph.widths.of(tensor, "I")) for count, tensor in zip(words, tensors, strict=True))
    layer = VectorLayer(
        f"{name}/rotary",
        "rotary",
        (*read, *rows, *graph.streams(node, [one for one in computed if one == positions], "I")),
        tuple((count, graph.widths.of(output, "O")) for count, output in zip(words, outputs, strict=True)),
        ROTARY * sizes.batch * sum(tokens) * turned,
    )
    graph.add(layer, [Read(one) for one in dict.fromkeys((*tensors, *computed))], outputs)
    return outputs[0], outputs[1]


def import_merged_attention(graph: GraphBuilder, node: Any) -> None:
    """Attention and QAttention of onnxruntime: a product gives queries, keys and values, then as Attention."""
    sizes, quantized = _sizes(graph, node), node.op_type == "QAttention"
    bias, scales = optional_input(node, 2), [node.input[4]] if quantized else []
    if attributes(node).get("do_rotary", 0):
        raise Unsupported(f"{node.op_type} of com.microsoft with do_rotary")
    if bias and not graph.tensors.is_constant(bias):
        raise Unsupported(f"{node.op_type} of com.microsoft with a bias that is computed")
    data, weights = node.input[0], node.input[1]
    shape, (inner, columns) = graph.shape(node, data), graph.shape(node, weights)
    name, projected = graph.name(node), f"{node.output[0]}/qkv"
    size = Contraction(1, math.prod(shape[:-1]), columns, inner)
    learned = graph.learned_words(node, [one for one in (bias, *scales) if one])
    indices = broadcast_indices(shape, (inner, columns))
    factors = data, weights
    add_product(graph, factors, projected, size, name=f"{name}/qkv", indices=indices, learned=learned)
    past = optional_input(node, 8 if quantized else 4)
    masks = [optional_input(node, number) for number in ([5] if quantized else [3, 5])]
    tokens = Tokens(projected, past, node.output[1] if len(node.output) > 1 else "")
    softmax = Softmax(tuple(filter(None, masks)))
    add_attention(graph, node, name, sizes, projected, tokens, tokens, softmax)
