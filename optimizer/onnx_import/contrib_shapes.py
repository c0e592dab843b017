"""Types of the outputs of operators that ONNX's own inference does not know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from onnx import TensorProto, helper

from optimizer.onnx_import.attention_sizes import sizes_of
from optimizer.onnx_import.graph import Unsupported
from optimizer.onnx_import.misfits import Shape, misfit
from optimizer.onnx_import.signatures import signature_of
from optimizer.onnx_import.tensors import Tensors

Shapes = list[Shape | None]


def contrib_types(node: Any, tensors: Tensors) -> dict[str, Any]:
    """Types of the node's outputs by name; none for operators and shapes that are not known.

    Raises
    ------
    SpecError
        If the shapes of the inputs do not fit together.
    """
    if signature_of(node) is None:
        return {}
    typed = node.input[3 if node.op_type == "QAttention" else 0]  # of quantized inputs the scale says the type
    element = tensors.type_of(typed).tensor_type.elem_type
    shapes = _SHAPES.get(node.op_type, _like_first)(node, tensors)
    types = {}
    for number, (name, shape) in enumerate(zip(node.output, shapes, strict=False)):
        if name and shape is not None:
            statistics = number in (1, 2) and node.op_type in _NORMS
            kind = TensorProto.FLOAT if statistics else element
            if number in (1, 2) and node.op_type == "GroupQueryAttention" and node.input[3]:
                kind = tensors.type_of(node.input[3]).tensor_type.elem_type  # the cache has a type of its own
            types[name] = helper.make_tensor_type_proto(kind, list(shape))
    return types


def turned(shape: Shape, by: int) -> Shape:
    """The shape of a matrix or of several, with the last two axes exchanged if `by` is not 0."""
    return (*shape[:-2], shape[-1], shape[-2]) if by and len(shape) > 1 else shape


def product_shape(left: Shape, right: Shape) -> Shape:
    """Shape of a NumPy-style ``left @ right``.

    Raises
    ------
    SpecError
        If there is no such product.
    """
    wide, tall = (1, *left) if len(left) == 1 else left, (*right, 1) if len(right) == 1 else right
    fits = left and right and wide[-1] == tall[-2]
    length = max(len(wide), len(tall)) - 2
    ours, theirs = ((1,) * (length + 2 - len(shape)) + shape[:-2] for shape in (wide, tall))
    if not fits or any(a != b and 1 not in (a, b) for a, b in zip(ours, theirs, strict=True)):
        raise misfit("the factors of the product do not fit together", "inputs", [list(left), list(right)], "a product")
    batch = tuple(b if a == 1 else a for a, b in zip(ours, theirs, strict=True))
    rows = () if len(left) == 1 else (wide[-2],)
    return (*batch, *rows, *(() if len(right) == 1 else (tall[-1],)))


def _attribute(node: Any, name: str, default: int) -> int:
    return next((int(one.i) for one in node.attribute if one.name == name), default)


def _like_first(node: Any, tensors: Tensors) -> Shapes:
    return [tensors.known_shape(node.input[0])]


def _normalization(node: Any, tensors: Tensors) -> Shapes:
    """The result, statistics over the axes from ``axis`` on, and the sum with what is skipped."""
    shape = tensors.known_shape(node.input[0])
    if not shape:
        return [shape]
    axis = _attribute(node, "axis", -1)
    if not -len(shape) <= axis < len(shape):
        raise misfit("no axis of the input", "attribute axis", axis, f"{-len(shape)} to {len(shape) - 1}")
    axis %= len(shape)
    statistics = (*shape[:axis], *(1 for _ in shape[axis:]))
    return [shape, statistics, statistics, shape]


def _product(node: Any, tensors: Tensors) -> Shapes:
    left, right = (tensors.known_shape(name) for name in node.input[:2])
    if left is None or right is None or _attribute(node, "transBatchA", 0) or _attribute(node, "transBatchB", 0):
        return [None]
    return [product_shape(turned(left, _attribute(node, "transA", 0)), turned(right, _attribute(node, "transB", 0)))]


def _product_of_blocks(node: Any, tensors: Tensors) -> Shapes:
    """Rows of the input times N columns; what is packed has the size that the attributes say."""
    columns, inner = _attribute(node, "N", 1), _attribute(node, "K", 1)
    shape = tensors.known_shape(node.input[0])
    if shape is not None and (not shape or shape[-1] != inner):
        raise misfit("the input does not have K columns", f"tensor {node.input[0]}", list(shape), f"{inner} columns")
    return [None if shape is None else (*shape[:-1], columns)]


def _attention(node: Any, tensors: Tensors) -> Shapes:
    """The result, the caches afterwards, and the scores; nothing where a length is not known."""

    def shape(name: str) -> Shape:
        found = tensors.known_shape(name)
        if found is None:
            raise Unsupported(f"an attention whose tensor {name} has no known shape")
        return found

    try:
        sizes = sizes_of(node, tensors, shape)
    except Unsupported:
        return []  # the handler of the operator says what is missing
    result = sizes.batch, sizes.queries, sizes.heads * sizes.value_width
    cache = sizes.batch, sizes.shared, sizes.capacity
    if node.op_type in ("Attention", "QAttention"):
        return [result, (2, *cache, sizes.width)]
    if node.op_type == "GroupQueryAttention" and sizes.past and tensors.integers(node.input[6]) is None:
        return [result]  # what the model declares of the cache says whether it has place for more keys
    scores = sizes.batch, sizes.heads, sizes.queries, sizes.keys
    return [result, (*cache, sizes.width), (*cache, sizes.value_width), scores]


def _quantized_lstm(node: Any, tensors: Tensors) -> Shapes:
    """States of all steps, and the last state and cell."""
    data, recurrent = tensors.known_shape(node.input[0]), tensors.known_shape(node.input[2])
    if data is None or recurrent is None or len(data) != 3 or len(recurrent) != 3:
        return []
    last = recurrent[0], data[1], recurrent[1]
    return [(data[0], *last), last, last]


_NORMS = {
    "LayerNormalization",
    "SimplifiedLayerNormalization",
    "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
}
_SHAPES: Mapping[str, Callable[[Any, Tensors], Shapes]] = {
    **dict.fromkeys(_NORMS, _normalization),
    **dict.fromkeys(("FusedMatMul", "TransposeMatMul"), _product),
    "MatMulNBits": _product_of_blocks,
    "DynamicQuantizeLSTM": _quantized_lstm,
    **dict.fromkeys(("Attention", "QAttention", "MultiHeadAttention", "GroupQueryAttention"), _attention),
}
"""Shapes of the outputs, None where they are not known; operators that are not listed: the shape of the first input."""
