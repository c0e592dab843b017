"""Configurations of decoders with mixtures of experts: Mixtral, Qwen MoE, gpt-oss, DeepSeek and Kimi."""

from __future__ import annotations

from dataclasses import replace

from optimizer.language_models.dense_readers import (
    activation,
    decoder,
    gated,
    grouped_attention,
    qwen_attention,
    qwen_windows,
    windows,
)
from optimizer.language_models.description import Decoder, Experts, FeedForward, LatentAttention, Part
from optimizer.language_models.fields import Fields


def mixtral(fields: Fields) -> Decoder:
    """Mixtral (Jiang et al. 2024): as Mistral, with experts in every layer."""
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    part = grouped_attention(fields, hidden, bias=False, out_bias=False)
    mixture = Experts(*_counts(fields, "num_local_experts"), gated(fields))
    entries: list[tuple[Part, ...]] = [(replace(part, window=w), mixture) for w in windows(fields, layers)]
    return decoder(fields, entries, hidden, tied=False)


def qwen_moe(fields: Fields) -> Decoder:
    """Qwen 3 with experts in every ``decoder_sparse_step``-th layer but those of ``mlp_only_layers``."""
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    part = qwen_attention(fields, hidden)
    step = fields.integer("decoder_sparse_step", default=1)
    dense = set(_layer_numbers(fields, "mlp_only_layers", layers))
    expert = FeedForward(fields.integer("moe_intermediate_size"), activation(fields, "hidden_act", default="silu"))
    mixture = Experts(*_counts(fields, "num_experts"), expert)
    entries: list[tuple[Part, ...]] = []
    for number, window in enumerate(qwen_windows(fields, layers)):
        sparse = number not in dense and (number + 1) % step == 0
        entries.append((replace(part, window=window), mixture if sparse else gated(fields)))
    return decoder(fields, entries, hidden, tied=False)


def gpt_oss(fields: Fields) -> Decoder:
    """gpt-oss (OpenAI 2025): biases everywhere, one learned logit per head, windows in every other layer."""
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    bias = fields.flag("attention_bias", default=True)
    if fields.given("head_dim") is None:
        raise fields.missing("head_dim")
    part = replace(grouped_attention(fields, hidden, bias=bias, out_bias=bias), sinks=True)
    fields.fixed("hidden_act", "silu")
    expert = FeedForward(fields.integer("intermediate_size"), "swiglu_clamped", bias=True)
    mixture = Experts(*_counts(fields, "num_local_experts"), expert, router_bias=True)
    entries: list[tuple[Part, ...]] = [
        (replace(part, window=w), mixture) for w in windows(fields, layers, every=2, default=128)
    ]
    return decoder(fields, entries, hidden, tied=False)


def deepseek(fields: Fields) -> Decoder:
    """DeepSeek V2 and V3, Kimi K2: latent attention; dense layers first, then experts with a shared one.

    The router of V3 (``topk_method: noaux_tc``) has one learned number per expert besides its weights. Layers that
    predict further tokens are left out.
    """
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    part = _latent(fields)
    kind = activation(fields, "hidden_act", default="silu")
    width = fields.integer("moe_intermediate_size")
    shared = fields.integer("n_shared_experts", default=0, least=0)
    usual = "greedy" if fields.data.get("model_type") == "deepseek_v2" else "noaux_tc"
    method = fields.name("topk_method", allowed=("noaux_tc", "greedy", "group_limited_greedy"), default=usual)
    count, top_k = _counts(fields, "n_routed_experts")
    mixture = Experts(
        count,
        top_k,
        FeedForward(width, kind),
        router_bias=method == "noaux_tc",
        shared=FeedForward(shared * width, kind) if shared else None,
    )
    first = fields.integer("first_k_dense_replace", least=0, most=layers)
    step = fields.integer("moe_layer_freq", default=1)
    entries: list[tuple[Part, ...]] = [
        (part, mixture if number >= first and number % step == 0 else gated(fields)) for number in range(layers)
    ]
    found = decoder(fields, entries, hidden, tied=False)
    further = fields.integer("num_nextn_predict_layers", default=0, least=0)
    if further:
        note = f"layers that predict further tokens are left out (num_nextn_predict_layers: {further})"
        found = replace(found, notes=(note,))
    return found


def _latent(fields: Fields) -> LatentAttention:
    heads = fields.integer("num_attention_heads")
    return LatentAttention(
        heads,
        fields.optional_integer("q_lora_rank"),
        fields.integer("kv_lora_rank"),
        fields.integer("qk_nope_head_dim"),
        fields.integer("qk_rope_head_dim"),
        fields.integer("v_head_dim"),
        fields.flag("attention_bias", default=False),
    )


def _counts(fields: Fields, key: str) -> tuple[int, int]:
    """Experts, and how many a token takes."""
    count = fields.integer(key)
    return count, fields.integer("num_experts_per_tok", "experts_per_token", most=count)


def _layer_numbers(fields: Fields, key: str, layers: int) -> tuple[int, ...]:
    """A list of layers, counted from 0."""
    value = fields.data.get(key)
    if value is None:
        return ()
    valid = isinstance(value, list) and all(type(entry) is int and 0 <= entry < layers for entry in value)
    if not valid or not isinstance(value, list):
        raise fields.wrong(key, f"a list of integers from 0 to {layers - 1}")
    return tuple(value)
