"""Invented configurations of models, small enough to count by hand."""

from __future__ import annotations

from typing import Any

from optimizer.language_models.families import network_of
from optimizer.language_models.fields import Fields
from optimizer.language_models.request import Conventions, Request
from optimizer.workload.layer import AnyLayer
from optimizer.workload.network import Network

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 10,
    "max_position_embeddings": 64,
}
"""Head width 2. Per layer: q 64, k and v 32 each, o 64, feed-forward 3 * 96 = 288, two norms of 8."""

MIXTRAL: dict[str, Any] = {**LLAMA, "model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2}
"""Per layer 4 experts of 288, a router of 32."""

DEEPSEEK: dict[str, Any] = {
    "model_type": "deepseek_v3",
    "hidden_size": 8,
    "intermediate_size": 12,
    "moe_intermediate_size": 3,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "q_lora_rank": 5,
    "kv_lora_rank": 6,
    "qk_nope_head_dim": 3,
    "qk_rope_head_dim": 2,
    "v_head_dim": 4,
    "first_k_dense_replace": 1,
    "n_routed_experts": 5,
    "n_shared_experts": 2,
    "num_experts_per_tok": 2,
    "vocab_size": 10,
}
"""Attention: q 8*5 + 5*(2*5) = 90, kv 8*(6+2) + 6*2*(3+4) = 148, o 2*4*8 = 64, norms of 5 and 6."""

MAMBA: dict[str, Any] = {
    "model_type": "mamba",
    "hidden_size": 4,
    "num_hidden_layers": 2,
    "state_size": 3,
    "conv_kernel": 2,
    "expand": 2,
    "time_step_rank": 1,
    "vocab_size": 10,
}
"""8 channels. Products: in 4*16, x 8*(1+6), dt 1*8, out 8*4 = 64 + 56 + 8 + 32 = 160; convolution 16."""

NEMOTRON: dict[str, Any] = {
    "model_type": "nemotron_h",
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 3,
    "hybrid_override_pattern": "M*-",
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "mamba_num_heads": 4,
    "mamba_head_dim": 4,
    "ssm_state_size": 3,
    "n_groups": 2,
    "conv_kernel": 2,
    "vocab_size": 10,
}
"""Mamba-2: 16 channels, 12 words of vectors; in 8 * (16 + 28 + 4) = 384, out 128, convolution 28 * 2 = 56."""

BERT: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "vocab_size": 10,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
}
"""Per layer: 4 * (64 + 8) = 288, 96 + 12 + 96 + 8 = 212, two norms of 16."""

WHISPER: dict[str, Any] = {
    "model_type": "whisper",
    "d_model": 8,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 12,
    "decoder_ffn_dim": 12,
    "num_mel_bins": 5,
    "max_source_positions": 6,
    "max_target_positions": 4,
    "vocab_size": 10,
}


def made(config: dict[str, Any], **asked: Any) -> Network:
    """The network of a configuration; `conventions` is a dict of names and values."""
    conventions = Conventions.from_names(asked.pop("conventions", {}).items())
    return network_of(Fields(config, "config.json"), "model", Request(**asked, conventions=conventions))


def counts(config: dict[str, Any], **asked: Any) -> tuple[int, int]:
    """Multiply-accumulates and parameters."""
    network = made(config, **asked)
    return network.macs, network.parameters


def layer(network: Network, name: str) -> Any:
    """One layer."""
    found: AnyLayer = network.graph.nodes[name]["layer"]
    return found
