"""Configurations of state-space models and of hybrids with attention: Mamba, Mamba-2, Nemotron-H."""

from __future__ import annotations

import math

from optimizer.language_models.dense_readers import activation, grouped_attention
from optimizer.language_models.description import Block, Decoder, FeedForward, Mamba, Mamba2, Part
from optimizer.language_models.fields import Fields

PATTERN = {"M": "a Mamba-2 part", "*": "attention", "-": "a feed-forward part"}
"""Letters of ``hybrid_override_pattern``, one per layer."""


def mamba(fields: Fields) -> Decoder:
    """Mamba (Gu and Dao 2023)."""
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    channels = fields.integer("intermediate_size", default=fields.ratio("expand", default=2) * hidden)
    if fields.data.get("time_step_rank") == "auto":
        rank = math.ceil(hidden / 16)
    else:
        rank = fields.integer("time_step_rank")
    part = Mamba(
        channels,
        fields.integer("state_size"),
        fields.integer("conv_kernel"),
        rank,
        fields.flag("use_bias", default=False),
        fields.flag("use_conv_bias", default=True),
    )
    fields.fixed("hidden_act", "silu")
    return _decoder(fields, hidden, (Block((part,)),) * layers, tied=True)


def mamba2(fields: Fields) -> Decoder:
    """Mamba-2 (Dao and Gu 2024)."""
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    heads, width = fields.integer("num_heads"), fields.integer("head_dim")
    expand = fields.ratio("expand", default=2)
    if heads * width != expand * hidden:
        raise fields.wrong("num_heads", f"expand * hidden_size / head_dim ({expand * hidden // width})")
    fields.fixed("hidden_act", "silu")
    part = _second_kind(fields, heads, width, state="state_size", bias="use_bias")
    return _decoder(fields, hidden, (Block((part,)),) * layers, tied=False)


def nemotron_h(fields: Fields) -> Decoder:
    """Nemotron-H (NVIDIA 2025): one part per layer, as ``hybrid_override_pattern`` says."""
    hidden, layers = fields.integer("hidden_size"), fields.layers("num_hidden_layers")
    pattern = fields.data.get("hybrid_override_pattern")
    if pattern is None:
        raise fields.missing("hybrid_override_pattern")
    if not isinstance(pattern, str) or len(pattern) != layers or set(pattern) - set(PATTERN):
        letters = ", ".join(f"{letter} ({meaning})" for letter, meaning in PATTERN.items())
        raise fields.wrong("hybrid_override_pattern", f"{layers} letters, each one of {letters}")
    bias = fields.flag("attention_bias", default=False)
    fields.fixed("mamba_hidden_act", "silu")
    parts: dict[str, Part] = {}
    if "M" in pattern:
        heads, width = fields.integer("mamba_num_heads"), fields.integer("mamba_head_dim")
        parts["M"] = _second_kind(fields, heads, width, state="ssm_state_size", bias="use_bias")
    if "*" in pattern:
        parts["*"] = grouped_attention(fields, hidden, bias=bias, out_bias=bias)
    if "-" in pattern:
        kind = activation(fields, "mlp_hidden_act", default="relu2")
        wide, mlp_bias = fields.integer("intermediate_size"), fields.flag("mlp_bias", default=False)
        parts["-"] = FeedForward(wide, kind, gated=False, bias=mlp_bias)
    return _decoder(fields, hidden, tuple(Block((parts[letter],)) for letter in pattern), tied=False)


def _second_kind(fields: Fields, heads: int, width: int, *, state: str, bias: str) -> Mamba2:
    groups = fields.integer("n_groups")
    fields.divided("n_groups" if heads % groups else "head_dim", "n_groups", heads, groups)
    return Mamba2(
        heads,
        width,
        fields.integer(state),
        groups,
        fields.integer("conv_kernel"),
        fields.flag(bias, default=False),
        fields.flag("use_conv_bias", default=True),
    )


def _decoder(fields: Fields, hidden: int, blocks: tuple[Block, ...], *, tied: bool) -> Decoder:
    return Decoder(
        hidden,
        fields.integer("vocab_size"),
        blocks,
        tied=fields.flag("tie_word_embeddings", default=tied),
        positions=fields.optional_integer("max_position_embeddings"),
    )
