"""Operators that ONNX itself does not define: their inputs, outputs and attributes, as onnxruntime documents them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

MICROSOFT = "com.microsoft"
MOST = 1 << 20
"""Heads of an attention, features of a product."""


@dataclass(frozen=True)
class Signature:
    """What a node of an operator may look like.

    Parameters
    ----------
    inputs, outputs : (int, int)
        Least and most of them.
    needed : tuple of int
        Inputs that may not be left out.
    attributes : mapping of str to str
        Kind of every attribute.
    required : tuple of str
        Attributes that have no default.
    ranges : mapping of str to (int, int)
        Least and largest value of integer attributes.
    """

    inputs: tuple[int, int]
    outputs: tuple[int, int]
    needed: tuple[int, ...]
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    required: tuple[str, ...] = ()
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=lambda: MappingProxyType({}))


def _kinds(**names: str) -> dict[str, str]:
    """Kind by attribute, from the attributes of each kind."""
    return {name: kind for kind, listed in names.items() for name in listed.split()}


def _pointwise(inputs: tuple[int, int], **attributes: str) -> Signature:
    return Signature(inputs, (1, 1), tuple(range(inputs[0])), _kinds(**attributes))


_PRODUCT = Signature((2, 2), (1, 1), (0, 1), _kinds(INT="transA transB transBatchA transBatchB", FLOAT="alpha"))
_HEADS = {"num_heads": (1, MOST), "kv_num_heads": (1, MOST)}
_NORM = _kinds(INT="axis stash_type", FLOAT="epsilon")

SIGNATURES: Mapping[tuple[str, str], Signature] = {
    ("", "LayerNormalization"): Signature((2, 3), (1, 3), (0, 1), _NORM),
    **{
        (domain, "SimplifiedLayerNormalization"): Signature((2, 2), (1, 2), (0, 1), _NORM) for domain in ("", MICROSOFT)
    },
    (MICROSOFT, "SkipLayerNormalization"): Signature((3, 5), (1, 4), (0, 1, 2), _kinds(FLOAT="epsilon")),
    (MICROSOFT, "SkipSimplifiedLayerNormalization"): Signature((3, 4), (1, 4), (0, 1, 2), _kinds(FLOAT="epsilon")),
    (MICROSOFT, "Gelu"): _pointwise((1, 1)),
    (MICROSOFT, "BiasGelu"): _pointwise((2, 2)),
    (MICROSOFT, "FastGelu"): _pointwise((1, 2)),
    (MICROSOFT, "QuickGelu"): _pointwise((1, 1), FLOAT="alpha"),
    (MICROSOFT, "FusedMatMul"): _PRODUCT,
    (MICROSOFT, "TransposeMatMul"): _PRODUCT,
    (MICROSOFT, "MatMulNBits"): Signature(
        (3, 6),
        (1, 1),
        (0, 1, 2),
        _kinds(INT="K N accuracy_level bits block_size weight_prepacked"),
        ("K", "N", "block_size"),
        {"K": (1, 1 << 40), "N": (1, 1 << 40), "bits": (2, 8), "block_size": (16, MOST)},
    ),
    (MICROSOFT, "RotaryEmbedding"): Signature(
        (4, 4),
        (1, 1),
        (0, 1, 2, 3),
        _kinds(INT="interleaved is_packed_batching num_heads rotary_embedding_dim", FLOAT="scale"),
        (),
        {"num_heads": (0, MOST), "rotary_embedding_dim": (0, MOST)},
    ),
    (MICROSOFT, "Attention"): Signature(
        (2, 7),
        (1, 2),
        (0, 1),
        _kinds(
            INT="do_rotary num_heads past_present_share_buffer rotary_embedding_dim unidirectional",
            FLOAT="mask_filter_value scale",
            INTS="qkv_hidden_sizes",
        ),
        ("num_heads",),
        _HEADS,
    ),
    (MICROSOFT, "QAttention"): Signature(
        (5, 9),
        (1, 2),
        (0, 1, 2, 3, 4),
        _kinds(
            INT="do_rotary num_heads past_present_share_buffer rotary_embedding_dim unidirectional",
            FLOAT="mask_filter_value scale",
        ),
        ("num_heads",),
        _HEADS,
    ),
    (MICROSOFT, "DynamicQuantizeLSTM"): Signature(
        (12, 12),
        (1, 3),
        (0, 1, 2, 8, 9, 10, 11),
        _kinds(
            INT="hidden_size input_forget",
            FLOAT="clip",
            STRING="direction",
            FLOATS="activation_alpha activation_beta",
            STRINGS="activations",
        ),
    ),
    (MICROSOFT, "MultiHeadAttention"): Signature(
        (1, 10),
        (1, 4),
        (0,),
        _kinds(INT="num_heads unidirectional", FLOAT="mask_filter_value scale"),
        ("num_heads",),
        _HEADS,
    ),
    (MICROSOFT, "GroupQueryAttention"): Signature(
        (7, 16),
        (1, 4),
        (0, 5, 6),
        _kinds(
            INT="causal do_rotary kv_cache_bit_width kv_num_heads local_window_size num_heads qk_output "
            "rotary_interleaved sliding_window_cache smooth_softmax",
            FLOAT="qk_norm_epsilon scale softcap",
            STRING="k_quant_type v_quant_type",
        ),
        ("num_heads", "kv_num_heads"),
        _HEADS,
    ),
}
"""By domain and operator."""


def signature_of(node: Any) -> Signature | None:
    """The signature of a node's operator; None where it has none here."""
    return SIGNATURES.get(("" if node.domain == "ai.onnx" else node.domain, node.op_type))
