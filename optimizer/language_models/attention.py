"""Attention as layers: projections, rotary embeddings, and two batched products with a softmax between.

The query heads of a group share keys and values. They are folded into rows: per group one product of
``heads / kv_heads x tokens`` rows, so that the words of keys and values are counted once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from optimizer.language_models.builder import TransformerBuilder
from optimizer.language_models.description import Attention
from optimizer.language_models.operations import SOFTCAP
from optimizer.networks.builder import BuilderTensor

SCALE = 1
"""Operations per score besides the softmax: the scale."""


@dataclass(frozen=True)
class Extents:
    """Tokens that are computed, tokens of the context with them, and whether sliding windows skip keys."""

    tokens: int
    context: int
    windowed: bool = False

    @property
    def cached(self) -> bool:
        """Whether keys and values of earlier tokens come from a cache."""
        return self.context > self.tokens


@dataclass(frozen=True)
class Band:
    """How the scores of a layer are cut: `blocks` products of `rows` queries and `keys` keys each."""

    blocks: int
    rows: int
    keys: int


def band(extents: Extents, window: int | None) -> Band:
    """All queries with all keys, or where windows skip keys, blocks of queries with the keys that they meet.

    A prompt of T tokens with a window of w < T becomes ceil(T / w) blocks of equally many queries (rounded up); a block
    of r queries meets r + w - 1 keys at most. In decode the one query meets the last w keys.
    """
    tokens, context = extents.tokens, extents.context
    if not extents.windowed or window is None or window >= context:
        return Band(1, tokens, context)
    if tokens == 1:
        return Band(1, 1, window)
    blocks = math.ceil(tokens / window)
    rows = math.ceil(tokens / blocks)
    return Band(blocks, rows, min(context, rows + window - 1))


def attention(net: TransformerBuilder, name: str, x: BuilderTensor, part: Attention, extents: Extents) -> BuilderTensor:
    """Grouped-query attention of a sequence, with its projections.

    In decode, keys and values of the context are inputs of the network; those of the new token are its outputs.
    """
    hidden = x.shape[1]
    width, kv_width = part.heads * part.head_dim, part.kv_heads * part.head_dim
    q = net.linear(f"{name}.q_proj", x, width, bias=part.qkv_bias)
    k = net.linear(f"{name}.k_proj", x, kv_width, bias=part.qkv_bias)
    v = net.linear(f"{name}.v_proj", x, kv_width, bias=part.qkv_bias)
    if part.qk_norm:
        q = net.head_norm(f"{name}.q_norm", q, part.head_dim)
        k = net.head_norm(f"{name}.k_norm", k, part.head_dim)
    if part.rotary:
        q = net.rotary(f"{name}.q_rotary", q, part.head_dim)
        k = net.rotary(f"{name}.k_rotary", k, part.head_dim)
    cut = band(extents, part.window)
    if extents.cached:
        k, v = (net.input(cut.keys, kv_width, name=f"{name}.{which}") for which in ("keys", "values"))
    y = grouped(net, name, (q, k, v), part, cut)
    return net.linear(f"{name}.o_proj", y, hidden, bias=part.out_bias)


def grouped(
    net: TransformerBuilder,
    name: str,
    qkv: tuple[BuilderTensor, BuilderTensor, BuilderTensor],
    part: Attention,
    cut: Band,
) -> BuilderTensor:
    """Scores, softmax and weighted values of grouped-query attention; the result has its padding rows removed."""
    q, k, v = qkv
    shared = part.heads // part.kv_heads
    groups, rows = part.kv_heads * cut.blocks, shared * cut.rows
    shape = q.shape
    if shared > 1 or cut.blocks > 1:  # rows of the product are not those of the sequence
        q = net.with_shape(q, shape)
    y = net.attention(
        name,
        (q, k, v),
        groups=groups,
        rows=rows,
        context=cut.keys,
        widths=(part.head_dim, part.head_dim),
        more=SCALE + (SOFTCAP if part.softcap else 0),
        learned=part.heads if part.sinks else 0,
    )
    return net.with_shape(y, shape)
