"""Decoders with grouped-query attention, counted by hand."""

from __future__ import annotations

import pytest

from tests.support.model_cases import LLAMA, counts, layer, made

LINEAR = 2 * (64 + 64 + 64 + 288) + 80
"""Products with weights per token of the invented Llama: two layers and the output projection."""
PARAMETERS = 2 * (64 + 64 + 64 + 288 + 16) + 8 + 80 + 80


def test_llama_prefill() -> None:
    """3 tokens: scores and weighted values are 4 heads * (2 + 2) * 3 * 3 in each of 2 layers."""
    assert (3 * LINEAR + 288, PARAMETERS) == (3408, 1160) == counts(LLAMA, prompt=3)


def test_llama_decode() -> None:
    """One token against 5 keys, for each of 2 samples."""
    assert counts(LLAMA, phase="decode", context=5, batch=2) == (2 * (LINEAR + 2 * 4 * 4 * 5), PARAMETERS)


def test_logits_of_the_last_token_only() -> None:
    assert counts(LLAMA, prompt=3, conventions={"logits": "last"})[0] == 3408 - 2 * 80


def test_heads_of_a_group_are_rows() -> None:
    """2 groups for each of 2 samples; 2 heads * 3 tokens are rows; keys are 5 tokens of width 2, once per group."""
    network = made(LLAMA, phase="decode", context=5, batch=2)
    scores = layer(network, "layer1.scores")
    assert scores.extents == {"B": 4, "M": 2, "N": 5, "K": 2}
    assert scores.operand("W").footprint(scores.extents) == 2 * (5 * 4)
    assert scores.operand("W").tensor == "layer1.keys"
    assert layer(made(LLAMA, prompt=3), "layer0.scores").extents == {"B": 2, "M": 6, "N": 3, "K": 2}


def test_keys_of_a_prompt_are_computed_and_those_of_a_context_are_inputs() -> None:
    prefill, decode = made(LLAMA, prompt=3), made(LLAMA, phase="decode", context=5)
    assert set(prefill.graph.predecessors("layer0.scores")) == {"layer0.q_rotary", "layer0.k_rotary"}
    assert set(decode.graph.predecessors("layer0.scores")) == {"layer0.q_rotary"}
    assert not list(decode.graph.successors("layer0.k_rotary"))


def test_precision_of_cached_keys_and_values() -> None:
    stated = layer(made(LLAMA, bits={"W": 4, "I": 8, "KV": 6}), "layer0.scores")
    default = layer(made(LLAMA, bits={"W": 4, "I": 8}), "layer0.context")
    assert [operand.bits for operand in stated.operands] == [6, 8, 16]
    assert [operand.bits for operand in default.operands] == [8, 8, 16]


def test_tied_embeddings() -> None:
    assert counts({**LLAMA, "tie_word_embeddings": True}, prompt=3) == (3408, 1160 - 80)


def test_biases_of_llama() -> None:
    """Attention: 8 + 4 + 4 + 8; feed-forward: 12 + 12 + 8."""
    assert counts({**LLAMA, "attention_bias": True, "mlp_bias": True}, prompt=3)[1] == 1160 + 2 * (24 + 32)


def test_qwen2_has_biases_of_queries_keys_and_values() -> None:
    assert counts({**LLAMA, "model_type": "qwen2"}, prompt=3) == (3408, 1160 + 2 * 16)


def test_qwen3_normalizes_heads_of_any_width() -> None:
    """Width 3: q 96, k and v 48 each, o 96; two scales of 3; 4 * (3 + 3) per pair of query and key."""
    found = counts({**LLAMA, "model_type": "qwen3", "head_dim": 3}, prompt=3)
    assert found == (3 * (2 * (288 + 288) + 80) + 2 * 24 * 9, 2 * (288 + 288 + 16 + 6) + 8 + 160)


def test_windows_are_ignored_unless_they_are_asked_for() -> None:
    config = {**LLAMA, "model_type": "mistral", "sliding_window": 2}
    dense = made(config, phase="decode", context=5)
    assert dense.macs == LINEAR + 160
    assert "skip no work" in dense.warnings[0]
    used = made(config, phase="decode", context=5, conventions={"attention": "windowed"})
    assert used.macs == LINEAR + 2 * 4 * 4 * 2
    assert not used.warnings


def test_a_window_in_prefill_is_a_band_of_blocks() -> None:
    """7 tokens, window 3: 3 blocks of 3 queries, each with 3 + 3 - 1 keys, for each of 2 groups; 2 heads are rows."""
    config = {**LLAMA, "model_type": "mistral", "sliding_window": 3}
    network = made(config, prompt=7, conventions={"attention": "windowed"})
    assert layer(network, "layer0.scores").extents == {"B": 6, "M": 6, "N": 5, "K": 2}


def test_windows_by_layer() -> None:
    types = ["full_attention", "sliding_attention"]
    config = {**LLAMA, "model_type": "mistral", "sliding_window": 2, "layer_types": types}
    network = made(config, phase="decode", context=5, conventions={"attention": "windowed"})
    assert [layer(network, f"layer{n}.scores").extents["N"] for n in (0, 1)] == [5, 2]


def test_qwen_windows_only_where_they_are_used() -> None:
    config = {**LLAMA, "model_type": "qwen2", "sliding_window": 2, "max_window_layers": 1}
    for used, keys in ((False, [5, 5]), (True, [5, 2])):
        network = made(
            {**config, "use_sliding_window": used}, phase="decode", context=5, conventions={"attention": "windowed"}
        )
        assert [layer(network, f"layer{n}.scores").extents["N"] for n in (0, 1)] == keys


def test_gemma2_normalizes_before_and_after_and_alternates_windows() -> None:
    config = {**LLAMA, "model_type": "gemma2", "head_dim": 2, "sliding_window": 2, "final_logit_softcapping": 30}
    found = made(config, phase="decode", context=5, conventions={"attention": "windowed"})
    assert found.parameters == 1160 - 80 + 2 * 16
    assert [layer(found, f"layer{n}.scores").extents["N"] for n in (0, 1)] == [2, 5]
    assert "lm_head_cap" in found.graph


def test_gemma3_normalizes_heads_and_has_full_attention_at_the_end_of_a_pattern() -> None:
    """Two scales of 2 per layer besides the norms of Gemma 2."""
    config = {**LLAMA, "model_type": "gemma3_text", "head_dim": 2, "sliding_window": 2, "num_hidden_layers": 3}
    asked = {"phase": "decode", "context": 5, "conventions": {"attention": "windowed"}}
    found = made({**config, "sliding_window_pattern": 3}, **asked)
    assert found.parameters == 3 * (480 + 32 + 4) + 8 + 80
    assert [layer(found, f"layer{n}.scores").extents["N"] for n in (0, 1, 2)] == [2, 2, 5]
    types = ["full_attention", "sliding_attention", "full_attention"]
    found = made({**config, "layer_types": types}, **asked)
    assert [layer(found, f"layer{n}.scores").extents["N"] for n in (0, 1, 2)] == [5, 2, 5]


FALCON = {
    "model_type": "falcon",
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 10,
}


@pytest.mark.parametrize(
    ("more", "groups", "norms"),
    [
        ({"new_decoder_architecture": True, "num_kv_heads": 2}, 2, 2),
        ({"multi_query": True}, 1, 1),
        ({"multi_query": False, "parallel_attn": False}, 4, 2),
    ],
)
def test_falcon(more: dict[str, object], groups: int, norms: int) -> None:
    """Width 2 per head; q and o 64 each, k and v 16 per group each, feed-forward 2 * 8 * 32; norms have 16 words."""
    per_layer = 128 + 2 * 16 * groups + 512
    found = counts({**FALCON, **more}, prompt=3)
    assert found == (3 * (2 * per_layer + 80) + 288, 2 * (per_layer + 16 * norms) + 16 + 80)


def test_parallel_parts_read_the_same_input() -> None:
    network = made({**FALCON, "new_decoder_architecture": True, "num_kv_heads": 2}, prompt=3)
    first = set(network.graph.predecessors("layer1.attention_norm"))
    assert first == set(network.graph.predecessors("layer1.mlp_norm")) == {"layer0.add2"}
    older = made(FALCON, prompt=3)
    assert set(older.graph.successors("layer1.input_norm")) == {
        "layer1.q_proj",
        "layer1.k_proj",
        "layer1.v_proj",
        "layer1.up_proj",
    }
