"""Which function imports which ONNX operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from optimizer.onnx_import.attention import import_attention
from optimizer.onnx_import.block_products import import_fused_product, import_product_of_blocks
from optimizer.onnx_import.contraction import (
    import_gemm,
    import_matmul,
    import_quantized_matmul,
)
from optimizer.onnx_import.contrib_attention import (
    import_grouped_attention,
    import_merged_attention,
    import_multi_head_attention,
)
from optimizer.onnx_import.convolution import import_conv, import_quantized_conv
from optimizer.onnx_import.einsum import import_einsum
from optimizer.onnx_import.fused import import_rotary_embedding, import_skip_normalization
from optimizer.onnx_import.graph import GraphBuilder
from optimizer.onnx_import.pointwise import import_batch_normalization, import_identity, import_pointwise
from optimizer.onnx_import.recurrent import import_recurrent
from optimizer.onnx_import.sampling import import_deformable_conv, import_grid_sample, import_roi_align
from optimizer.onnx_import.signatures import MICROSOFT
from optimizer.onnx_import.transforms import import_dft, import_stft, import_tensor_scatter
from optimizer.onnx_import.transposed import import_conv_transpose
from optimizer.onnx_import.vector import OPERATIONS, import_gather, import_streaming, import_view

Handler = Callable[[GraphBuilder, Any], None]

_UNARY = (
    "Relu",
    "LeakyRelu",
    "PRelu",
    "ThresholdedRelu",
    "Clip",
    "Sigmoid",
    "HardSigmoid",
    "Tanh",
    "Gelu",
    "Erf",
    "HardSwish",
    "Swish",
    "Mish",
    "Elu",
    "Selu",
    "Celu",
    "Softplus",
    "Softsign",
    "Shrink",
    "Exp",
    "Log",
    "Sqrt",
    "Reciprocal",
    "Neg",
    "Abs",
    "Sign",
    "Floor",
    "Ceil",
    "Round",
    "Not",
    "IsNaN",
    "IsInf",
    "Sin",
    "Cos",
    "Tan",
    "Asin",
    "Acos",
    "Atan",
    "Sinh",
    "Cosh",
    "Asinh",
    "Acosh",
    "Atanh",
    "Cast",
    "CastLike",
    "QuantizeLinear",
    "DequantizeLinear",
)
_ELEMENTWISE = (
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Mod",
    "Max",
    "Min",
    "Sum",
    "Mean",
    "Where",
    "And",
    "Or",
    "Xor",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "BitShift",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "BitwiseNot",
)
_VIEWS = (
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Slice",
    "Split",
    "Expand",
    "DepthToSpace",
    "SpaceToDepth",
)

HANDLERS: Mapping[str, Handler] = {
    "Conv": import_conv,
    "ConvInteger": import_conv,
    "QLinearConv": import_quantized_conv,
    "ConvTranspose": import_conv_transpose,
    "Gemm": import_gemm,
    "MatMul": import_matmul,
    "MatMulInteger": import_matmul,
    "QLinearMatMul": import_quantized_matmul,
    "Einsum": import_einsum,
    "BatchNormalization": import_batch_normalization,
    "Gather": import_gather,
    "Attention": import_attention,
    "GridSample": import_grid_sample,
    "RoiAlign": import_roi_align,
    "DeformConv": import_deformable_conv,
    "DFT": import_dft,
    "STFT": import_stft,
    "TensorScatter": import_tensor_scatter,
    **dict.fromkeys(("LSTM", "GRU", "RNN"), import_recurrent),
    "RotaryEmbedding": import_rotary_embedding,
    **dict.fromkeys(("Identity", "Dropout"), import_identity),
    **dict.fromkeys((*_UNARY, *_ELEMENTWISE), import_pointwise),
    **dict.fromkeys(_VIEWS, import_view),
    **dict.fromkeys(OPERATIONS, import_streaming),
}
"""Operators of the default ONNX domain by type."""

MICROSOFT_HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(("Gelu", "BiasGelu", "FastGelu", "QuickGelu"), import_pointwise),
    **dict.fromkeys(("FusedMatMul", "TransposeMatMul"), import_fused_product),
    "MatMulNBits": import_product_of_blocks,
    **dict.fromkeys(("SkipLayerNormalization", "SkipSimplifiedLayerNormalization"), import_skip_normalization),
    "SimplifiedLayerNormalization": import_streaming,
    "RotaryEmbedding": import_rotary_embedding,
    "DynamicQuantizeLSTM": import_recurrent,
    **dict.fromkeys(("Attention", "QAttention"), import_merged_attention),
    "MultiHeadAttention": import_multi_head_attention,
    "GroupQueryAttention": import_grouped_attention,
}
"""Operators of onnxruntime's domain ``com.microsoft`` by type."""

DOMAINS: Mapping[str, Mapping[str, Handler]] = {"ai.onnx": HANDLERS, MICROSOFT: MICROSOFT_HANDLERS}
"""Operators that are understood, by domain and type."""


def handler_of(node: Any) -> Handler | None:
    """The handler of a node's operator; None where it is not understood."""
    return DOMAINS.get(node.domain or "ai.onnx", {}).get(node.op_type)
