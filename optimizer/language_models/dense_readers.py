"""Configurations of decoders with grouped-query attention: Llama, Mistral, Phi 3, Qwen, Gemma, Falcon.

Defaults are those of the configuration classes of Hugging Face Transformers. Widths have none: they must be stated.
"""

from __future__ import annotations

from dataclasses import replace

from optimizer.language_models.description import Attention, Block, Decoder, FeedForward, Part
from optimizer.language_models.fields import Fields

ACTIVATIONS = {
    "silu": "silu",
    "swish": "silu",
    "gelu": "gelu",
    "gelu_new": "gelu",
    "gelu_fast": "gelu",
    "gelu_pytorch_tanh": "gelu",
    "relu": "relu",
    "relu2": "relu2",
}
"""Names of activation functions, and which of them is meant."""

LAYER_TYPES = ("full_attention", "sliding_attention")


def activation(fields: Fields, *keys: str, default: str) -> str:
    """The activation function of a feed-forward part."""
    return ACTIVATIONS[fields.name(*keys, allowed=tuple(ACTIVATIONS), default=default)]


def grouped_attention(fields: Fields, hidden: int, *, bias: bool, out_bias: bool) -> Attention:
    """Heads, groups and widths, under the keys that most families use."""
    heads = fields.integer("num_attention_heads")
    groups = fields.integer("num_key_value_heads", default=heads)
    fields.divided("num_attention_heads", "num_key_value_heads", heads, groups)
    width = fields.optional_integer("head_dim", "attention_head_dim")
    if width is None:
        width = fields.divided("hidden_size", "num_attention_heads", hidden, heads)
    return Attention(heads, groups, width, bias, out_bias)


def gated(fields: Fields, *, bias: bool = False) -> FeedForward:
    """A gated feed-forward part."""
    width = fields.integer("intermediate_size")
    return FeedForward(width, activation(fields, "hidden_activation", "hidden_act", default="silu"), bias=bias)


def windows(
    fields: Fields, layers: int, *, start: int = 0, every: int = 1, default: int | None = None
) -> list[int | None]:
    """The sliding window of every layer, None for full attention.

    ``layer_types`` says which layers have it; without that key all from `start` on, `every` one of them.
    """
    types = fields.names("layer_types", length=layers, allowed=LAYER_TYPES)
    window = fields.optional_integer("sliding_window")
    window = default if window is None and "sliding_window" not in fields.data else window
    if types is not None:
        if window is None and "sliding_attention" in types:
            raise fields.missing("sliding_window")
        return [window if kind == "sliding_attention" else None for kind in types]
    return [window if number >= start and (number - start) % every == 0 else None for number in range(layers)]


def decoder(
    fields: Fields, parts: list[tuple[Part, ...]], hidden: int, *, tied: bool, post_norm: bool = False
) -> Decoder:
    """A decoder with root-mean-square normalizations from the parts of its blocks."""
    return Decoder(
        hidden,
        fields.integer("vocab_size"),
        tuple(Block(entry, post_norm=post_norm) for entry in parts),
        tied=fields.flag("tie_word_embeddings", default=tied),
        positions=fields.optional_integer("max_position_embeddings"),
    )


def llama(fields: Fields) -> Decoder:
    """Llama (Touvron et al. 2023): grouped-query attention, gated feed-forward parts."""
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    bias = fields.flag("attention_bias", default=False)
    part = grouped_attention(fields, hidden, bias=bias, out_bias=bias)
    hidden_part = gated(fields, bias=fields.flag("mlp_bias", default=False))
    return decoder(fields, [(part, hidden_part)] * layers, hidden, tied=False)


def mistral(fields: Fields) -> Decoder:
    """Mistral (Jiang et al. 2023) and Phi 3: as Llama, with a sliding window in all layers where one is stated."""
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    part = grouped_attention(fields, hidden, bias=False, out_bias=False)
    entries: list[tuple[Part, ...]] = [(replace(part, window=w), gated(fields)) for w in windows(fields, layers)]
    return decoder(fields, entries, hidden, tied=False)


def qwen_windows(fields: Fields, layers: int) -> list[int | None]:
    """Windows of Qwen models: only where ``use_sliding_window`` says so, in layers from ``max_window_layers`` on."""
    if not fields.flag("use_sliding_window", default=False):
        return [None] * layers
    return windows(fields, layers, start=fields.integer("max_window_layers", least=0), default=4096)


def qwen_attention(fields: Fields, hidden: int) -> Attention:
    """Attention of Qwen models: biases of queries, keys and values in Qwen 2, normalized heads in Qwen 3."""
    if str(fields.data.get("model_type")).startswith("qwen2"):
        return grouped_attention(fields, hidden, bias=True, out_bias=False)
    bias = fields.flag("attention_bias", default=False)
    if fields.given("head_dim") is None:
        raise fields.missing("head_dim")
    return replace(grouped_attention(fields, hidden, bias=bias, out_bias=bias), qk_norm=True)


def qwen(fields: Fields) -> Decoder:
    """Qwen 2, 2.5 and 3."""
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    part = qwen_attention(fields, hidden)
    entries: list[tuple[Part, ...]] = [(replace(part, window=w), gated(fields)) for w in qwen_windows(fields, layers)]
    return decoder(fields, entries, hidden, tied=False)


def gemma(fields: Fields) -> Decoder:
    """Gemma: a wide gated part with GELU, tied embeddings."""
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    bias = fields.flag("attention_bias", default=False)
    part = grouped_attention(fields, hidden, bias=bias, out_bias=bias)
    return decoder(fields, [(part, _gemma_hidden(fields))] * layers, hidden, tied=True)


def gemma3(fields: Fields) -> Decoder:
    """The text part of Gemma 3: as Gemma 2, with normalized heads, no caps, and full attention in every sixth layer."""
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    if fields.given("head_dim") is None:
        raise fields.missing("head_dim")
    bias = fields.flag("attention_bias", default=False)
    part = replace(grouped_attention(fields, hidden, bias=bias, out_bias=bias), qk_norm=True)
    found = windows(fields, layers, default=4096)
    if fields.given("layer_types") is None:
        step = fields.integer("sliding_window_pattern", default=6)
        found = [None if (number + 1) % step == 0 else window for number, window in enumerate(found)]
    entries: list[tuple[Part, ...]] = [(replace(part, window=w), _gemma_hidden(fields)) for w in found]
    return decoder(fields, entries, hidden, tied=True, post_norm=True)


def gemma2(fields: Fields) -> Decoder:
    """Gemma 2: every other layer has a sliding window, parts are normalized before and after, scores are capped."""
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    bias = fields.flag("attention_bias", default=False)
    part = grouped_attention(fields, hidden, bias=bias, out_bias=bias)
    part = replace(part, softcap=fields.given("attn_logit_softcapping") is not None)
    entries: list[tuple[Part, ...]] = [
        (replace(part, window=w), _gemma_hidden(fields)) for w in windows(fields, layers, every=2, default=4096)
    ]
    found = decoder(fields, entries, hidden, tied=True, post_norm=True)
    return replace(found, softcap=fields.given("final_logit_softcapping") is not None)


def _gemma_hidden(fields: Fields) -> FeedForward:
    kind = activation(fields, "hidden_activation", "hidden_act", default="gelu_pytorch_tanh")
    return FeedForward(fields.integer("intermediate_size"), kind)


def falcon(fields: Fields) -> Decoder:
    """Falcon (Almazrouei et al. 2023): attention and feed-forward part side by side, few groups of keys and values.

    The newer form has ``num_kv_heads`` groups and a normalization before each of the two; the older one has one group
    (``multi_query``) or one per head, and one normalization.
    """
    hidden = fields.integer("hidden_size")
    layers = fields.layers("num_hidden_layers", "n_layer")
    heads = fields.integer("num_attention_heads", "n_head")
    width = fields.divided("hidden_size", "num_attention_heads", hidden, heads)
    newer = fields.flag("new_decoder_architecture", default=False)
    if newer:
        groups = fields.integer("num_kv_heads", "n_head_kv", default=heads)
    else:
        groups = 1 if fields.flag("multi_query", default=True) else heads
    fields.divided("num_attention_heads", "num_kv_heads", heads, groups)
    bias = fields.flag("bias", default=False)
    parallel = newer or fields.flag("parallel_attn", default=True)
    one_norm = parallel and fields.integer("num_ln_in_parallel_attn", default=2 if newer else 1) == 1
    rotary = not fields.flag("alibi", default=False)
    wide = fields.integer("ffn_hidden_size", default=4 * hidden)
    hidden_part = FeedForward(wide, activation(fields, "activation", default="gelu"), gated=False, bias=bias)
    parts = (Attention(heads, groups, width, bias, bias, rotary=rotary), hidden_part)
    return Decoder(
        hidden,
        fields.integer("vocab_size"),
        (Block(parts, parallel=parallel, one_norm=one_norm),) * layers,
        norm="layer",
        tied=fields.flag("tie_word_embeddings", default=True),
        positions=fields.optional_integer("max_position_embeddings"),
    )
