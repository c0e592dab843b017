"""Multi-head latent attention (DeepSeek-AI 2024, DeepSeek-V2, section 2.1) as layers, in two forms.

Expanded: keys and values of all heads are computed from the latent vectors; in decode they are cached. Absorbed (decode
only): the latent vectors are cached; the up projection of keys is applied to the queries, and that of values to the
results. All heads then share one matrix of keys, of which the values are a part.
"""

from __future__ import annotations

from optimizer.language_models.attention import SCALE, Extents
from optimizer.language_models.builder import TransformerBuilder
from optimizer.language_models.description import LatentAttention
from optimizer.networks.builder import BuilderTensor


def latent_attention(
    net: TransformerBuilder,
    name: str,
    x: BuilderTensor,
    part: LatentAttention,
    extents: Extents,
    *,
    absorbed: bool,
) -> BuilderTensor:
    """Latent attention of a sequence, with its projections."""
    q = _queries(net, name, x, part)
    down = net.linear(f"{name}.kv_a_proj", x, part.latent + part.rotary, bias=part.bias)
    latent = net.norm(f"{name}.kv_a_norm", net.columns(down, part.latent), "rms")
    net.rotary(f"{name}.k_rotary", net.columns(down, part.rotary), part.rotary)  # kept beside the keys or latents
    attend = _absorbed if absorbed else _expanded
    y = attend(net, name, q, latent, part, extents)
    return net.linear(f"{name}.o_proj", y, x.shape[1], bias=part.bias)


def _queries(net: TransformerBuilder, name: str, x: BuilderTensor, part: LatentAttention) -> BuilderTensor:
    width = part.heads * part.key
    if part.query_rank is None:
        q = net.linear(f"{name}.q_proj", x, width, bias=False)
    else:
        q = net.linear(f"{name}.q_a_proj", x, part.query_rank, bias=part.bias)
        q = net.linear(f"{name}.q_b_proj", net.norm(f"{name}.q_a_norm", q, "rms"), width, bias=False)
    return net.rotary(f"{name}.q_rotary", q, part.rotary, part.heads * part.rotary)


def _expanded(
    net: TransformerBuilder,
    name: str,
    q: BuilderTensor,
    latent: BuilderTensor,
    part: LatentAttention,
    extents: Extents,
) -> BuilderTensor:
    """Every head has keys and values of its own. The rotary part of the keys is repeated for every head."""
    heads, tokens, context = part.heads, extents.tokens, extents.context
    up = net.linear(f"{name}.kv_b_proj", latent, heads * (part.plain + part.value), bias=False)
    k = v = up
    if extents.cached:
        k = net.input(context, heads * part.key, name=f"{name}.keys")
        v = net.input(context, heads * part.value, name=f"{name}.values")
    widths = part.key, part.value
    y = net.attention(name, (q, k, v), groups=heads, rows=tokens, context=context, widths=widths, more=SCALE)
    return net.tokens(y, tokens)


def _absorbed(
    net: TransformerBuilder,
    name: str,
    q: BuilderTensor,
    latent: BuilderTensor,
    part: LatentAttention,
    extents: Extents,
) -> BuilderTensor:
    """All heads are rows of one product with the latent vectors.

    The weights of the up projection are in two layers: those of keys before the scores, those of values at the end.
    """
    heads, tokens, context = part.heads, extents.tokens, extents.context
    q_latent = net.head_product(f"{name}.q_absorbed", net.columns(q, heads * part.plain), heads, part.latent)
    q_latent = net.with_shape(q_latent, q_latent.shape)  # heads are rows of the product
    keys = net.input(context, part.latent + part.rotary, name=f"{name}.latents")
    qkv, widths = (q_latent, keys, keys), (part.latent + part.rotary, part.latent)
    y = net.attention(name, qkv, groups=1, rows=heads * tokens, context=context, widths=widths, more=SCALE)
    y = net.tokens(y, tokens)
    return net.head_product(f"{name}.v_absorbed", y, heads, part.value)
