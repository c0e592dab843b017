"""Sizes of attention operators, from the shapes of their inputs: ONNX's own, and those of onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.onnx_import.graph import Unsupported, attributes, optional_input
from optimizer.onnx_import.misfits import Shape, misfit
from optimizer.onnx_import.signatures import MICROSOFT
from optimizer.onnx_import.tensors import Tensors


@dataclass(frozen=True)
class Sizes:
    """Extents of an attention.

    Parameters
    ----------
    batch, queries : int
        Samples; queries of each.
    new, past, keys : int
        Keys that the operator is given; those in its cache; those that every query meets.
    heads, shared : int
        Heads of queries; heads of keys and values, each for ``heads / shared`` heads of queries.
    width, value_width : int
        Features of a query and of a key in one head; of a value.
    capacity : int
        Keys that the cache has place for after the operator.
    """

    batch: int
    queries: int
    new: int
    past: int
    keys: int
    heads: int
    shared: int
    width: int
    value_width: int
    capacity: int

    @property
    def group(self) -> int:
        """Heads of queries that share a head of keys."""
        return self.heads // self.shared


ShapeOf = Callable[[str], Shape]
IntegersOf = Callable[[str], tuple[int, ...] | None]


def sizes_of(node: Any, tensors: Tensors, shape: ShapeOf) -> Sizes:
    """The sizes of an attention operator.

    Parameters
    ----------
    node : NodeProto
        The operator.
    tensors : Tensors
        For the values of constants, and shapes that are of no harm if they are not known.
    shape : function
        Gives the shape of a tensor, or raises an error.

    Raises
    ------
    Unsupported
        If a length is not known, or the shapes are of another kind.
    SpecError
        If the shapes do not fit together.
    """
    kind = node.op_type if node.domain == MICROSOFT else "ai.onnx"
    readers = {
        "ai.onnx": _onnx,
        "MultiHeadAttention": _multi_head,
        "GroupQueryAttention": _grouped,
        "Attention": _merged,
        "QAttention": _merged,
    }
    found = readers[kind](node, tensors, shape)
    if found.heads % found.shared:
        raise misfit("heads of queries cannot share those of keys", "heads", [found.heads, found.shared], "a multiple")
    if min(found.batch, found.queries, found.keys, found.width, found.value_width) < 1:
        raise Unsupported("an attention of nothing")
    return found


def _part(words: int, parts: int, what: str) -> int:
    """Features of one of the equal parts."""
    if parts < 1 or words % parts:
        raise misfit(f"the features of the {what} are not those of whole heads", what, words, f"a multiple of {parts}")
    return words // parts


def _ranked(name: str, shape: ShapeOf, ranks: Sequence[int], what: str) -> Shape:
    """The shape of an input that has one of these numbers of axes."""
    if not name:
        raise Unsupported(f"an attention without {what}")
    found = shape(name)
    if len(found) not in ranks:
        raise Unsupported(f"an attention with {what} of shape {found}")
    return found


def _past(name: str, shape: ShapeOf, like: Shape) -> int:
    """Length of a cache of batch, heads, keys and features."""
    if not name:
        return 0
    found = _ranked(name, shape, (4,), "a cache")
    if (*found[:2], found[3]) != like:
        wanted = [like[0], like[1], "keys", like[2]]
        raise misfit("the cache does not fit heads and features", f"tensor {name}", list(found), f"{wanted}")
    return found[2]


def _same(value: object, other: object, what: str) -> None:
    if value != other:
        raise misfit(f"{what} do not fit together", what, [value, other], "equal extents")


def _onnx(node: Any, tensors: Tensors, shape: ShapeOf) -> Sizes:
    """Attention of ONNX: heads are axis 1 of four, or parts of the last of three."""
    attribute = attributes(node)
    q, k, v = (
        _ranked(optional_input(node, number), shape, (3, 4), what)
        for number, what in enumerate(("queries", "keys", "values"))
    )
    _same((len(q), len(q)), (len(k), len(v)), "numbers of axes")
    if len(q) == 3:
        heads, shared = int(attribute.get("q_num_heads", 0)), int(attribute.get("kv_num_heads", 0))
        q = (q[0], heads, q[1], _part(q[2], heads, "queries"))
        k, v = ((one[0], shared, one[1], _part(one[2], shared, what)) for one, what in ((k, "keys"), (v, "values")))
    _same((q[0], q[3], *k[:3]), (k[0], k[3], *v[:3]), "queries, keys and values")
    past = _past(optional_input(node, 4), shape, (k[0], k[1], k[3]))
    _same(past, _past(optional_input(node, 5), shape, (v[0], v[1], v[3])), "the caches")
    keys = past + k[2]
    return Sizes(q[0], q[2], k[2], past, keys, q[1], k[1], q[3], v[3], keys)


def _multi_head(node: Any, tensors: Tensors, shape: ShapeOf) -> Sizes:
    """MultiHeadAttention: queries, keys and values apart, or packed with the features of a head last."""
    heads = int(attributes(node)["num_heads"])
    q = _ranked(optional_input(node, 0), shape, (3, 5), "queries")
    if len(q) == 5:
        _same(q[2:4], (heads, 3), "packed queries, keys and values")
        batch, new, width, value_width = q[0], q[1], q[4], q[4]
    else:
        width = _part(q[2], heads, "queries")
        k = _ranked(optional_input(node, 1), shape, (3, 4, 5), "keys")
        batch = k[0]
        if len(k) == 5:
            _same(k[2:], (heads, 2, width), "packed keys and values")
            new, value_width = k[1], width
        else:
            v = _ranked(optional_input(node, 2), shape, (len(k),), "values")
            axis = 1 if len(k) == 3 else 2
            new, value_width = k[axis], _part(v[2], heads, "values") if len(v) == 3 else v[3]
            _same((k[axis], k[0]), (v[axis], v[0]), "keys and values")
            _same(k[2] if len(k) == 3 else (k[1], k[3]), q[2] if len(k) == 3 else (heads, width), "queries and keys")
    _same(q[0], batch, "batches")
    past = _past(optional_input(node, 6), shape, (batch, heads, width))
    _same(past, _past(optional_input(node, 7), shape, (batch, heads, value_width)), "the caches")
    used = _used(node, tensors, 8, past)
    capacity = past if optional_input(node, 8) and past else past + new
    return Sizes(batch, q[1], new, used, used + new, heads, heads, width, value_width, capacity)


def _used(node: Any, tensors: Tensors, number: int, past: int) -> int:
    """Keys in a cache: all, or the constant ``past_sequence_length`` where the cache has place for more."""
    name = optional_input(node, number)
    if not name or not past:
        return past
    value = tensors.integers(name)
    if value is None or len(value) != 1:
        raise Unsupported(f"{node.op_type} whose past_sequence_length ({name}) is no constant")
    if not 0 <= value[0] <= past:
        raise misfit("more keys than the cache holds", f"tensor {name}", value[0], f"0 to {past}")
    return value[0]


def _grouped(node: Any, tensors: Tensors, shape: ShapeOf) -> Sizes:
    """GroupQueryAttention: a packed query, or keys and values apart; the cache may have place for more keys."""
    attribute = attributes(node)
    heads, shared = int(attribute["num_heads"]), int(attribute["kv_num_heads"])
    q = _ranked(optional_input(node, 0), shape, (3,), "queries")
    new = q[1]
    if not optional_input(node, 1):
        width = _part(q[2], heads + 2 * shared, "packed queries, keys and values")
    else:
        width = _part(q[2], heads, "queries")
        for number, what in ((1, "keys"), (2, "values")):
            one = _ranked(optional_input(node, number), shape, (3,), what)
            _same((one[0], one[2]), (q[0], shared * width), f"queries and {what}")
            new = one[1]
    past = _past(optional_input(node, 3), shape, (q[0], shared, width))
    _same(past, _past(optional_input(node, 4), shape, (q[0], shared, width)), "the caches")
    keys, capacity = _total(node, tensors, past, new)
    return Sizes(q[0], q[1], new, max(0, keys - new), keys, heads, shared, width, width, capacity)


def _total(node: Any, tensors: Tensors, past: int, new: int) -> tuple[int, int]:
    """Keys that the queries meet, and the length of the cache afterwards."""
    name = optional_input(node, 6)
    value = tensors.integers(name)
    if value is not None and len(value) == 1:
        if not new <= value[0] <= past + new:
            allowed = f"{new} to {past + new}: the new ones, and those in the cache"
            raise misfit("total_sequence_length does not fit the cache", f"tensor {name}", value[0], allowed)
        return value[0], past + new if value[0] == past + new else max(past, value[0])
    present = tensors.known_shape(node.output[1]) if len(node.output) > 1 and node.output[1] else None
    if past and present is not None and len(present) == 4 and present[2] == past:
        raise Unsupported(
            f"GroupQueryAttention whose total_sequence_length ({name}) is no constant, with a cache of {past} keys "
            "that need not be full"
        )
    return past + new, past + new


def _merged(node: Any, tensors: Tensors, shape: ShapeOf) -> Sizes:
    """Attention of onnxruntime: one product gives queries, keys and values."""
    attribute = attributes(node)
    heads = int(attribute["num_heads"])
    data = _ranked(optional_input(node, 0), shape, (3,), "an input")
    weights = _ranked(optional_input(node, 1), shape, (2,), "weights")
    _same(data[2], weights[0], "input and weights")
    parts = [int(entry) for entry in attribute.get("qkv_hidden_sizes") or [_part(weights[1], 3, "weights")] * 3]
    if len(parts) != 3 or sum(parts) != weights[1] or parts[0] != parts[1] or min(parts) < 1:
        allowed = f"{weights[1]} in all"
        raise misfit("qkv_hidden_sizes do not fit the weights", "attribute qkv_hidden_sizes", parts, allowed)
    width, value_width = _part(parts[0], heads, "queries"), _part(parts[2], heads, "values")
    quantized, past = node.op_type == "QAttention", 0
    name = optional_input(node, 8 if quantized else 4)
    if name:
        cache = _ranked(name, shape, (5,), "a cache")
        _same((*cache[:3], cache[4], width), (2, data[0], heads, width, value_width), "cache and heads")
        past = cache[3]
    shares = bool(attribute.get("past_present_share_buffer", 0))
    if shares and past and (quantized or not optional_input(node, 6)):
        raise Unsupported(f"{node.op_type} with a shared buffer, but without past_sequence_length")
    used = _used(node, tensors, 6, past) if shares else past
    capacity = past if shares and past else past + data[1]
    return Sizes(data[0], data[1], data[1], used, used + data[1], heads, heads, width, value_width, capacity)
