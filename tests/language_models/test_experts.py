"""Mixtures of experts and latent attention, counted by hand."""

from __future__ import annotations

import pytest

from optimizer.language_models.feed_forward import Share, shares
from tests.support.model_cases import DEEPSEEK, LLAMA, MIXTRAL, counts, layer, made

ATTENTION = 64 + 64 + 64


def test_mixtral_prefill() -> None:
    """6 tokens take 12 places of 4 experts: 3 each."""
    found = counts(MIXTRAL, prompt=6)
    linear = 2 * (ATTENTION + 2 * 288 + 32) + 80
    assert found == (6 * linear + 2 * 16 * 36, 2 * (ATTENTION + 4 * 288 + 32 + 16) + 8 + 160)
    up = layer(made(MIXTRAL, prompt=6), "layer0.experts.up_proj")
    assert (up.extents, up.multiplicity) == ({"M": 3, "N": 12, "K": 8}, 4)


def test_decode_reads_the_experts_that_are_taken_and_counts_all() -> None:
    network = made(MIXTRAL, phase="decode", context=5)
    up = layer(network, "layer0.experts.up_proj")
    assert (up.extents["M"], up.multiplicity) == (1, 2)
    assert layer(network, "layer0.sum").parameters == 2 * 288
    assert network.parameters == counts(MIXTRAL, prompt=6)[1]
    assert network.macs == 2 * (ATTENTION + 2 * 288 + 32) + 80 + 2 * 16 * 5


def test_all_tokens_may_take_the_same_experts() -> None:
    network = made(MIXTRAL, prompt=6, conventions={"experts": "same"})
    up = layer(network, "layer0.experts.up_proj")
    assert (up.extents["M"], up.multiplicity) == (6, 2)
    assert (network.macs, network.parameters) == counts(MIXTRAL, prompt=6)


@pytest.mark.parametrize(
    ("count", "top_k", "tokens", "expected"),
    [
        (8, 2, 4, (Share(8, 1),)),
        (8, 2, 3, (Share(6, 1),)),
        (4, 2, 3, (Share(2, 2), Share(2, 1))),
        (384, 8, 1024, (Share(128, 22), Share(256, 21))),
    ],
)
def test_shares_are_even_and_sum_up(count: int, top_k: int, tokens: int, expected: tuple[Share, ...]) -> None:
    found = shares(count, top_k, tokens)
    assert found == expected
    assert sum(share.experts * share.tokens for share in found) == top_k * tokens


def test_uneven_shares_are_two_layers() -> None:
    network = made(MIXTRAL, prompt=3)
    found = [layer(network, f"layer0.experts{n}.down_proj") for n in (0, 1)]
    assert [(one.extents["M"], one.multiplicity) for one in found] == [(2, 2), (1, 2)]
    assert network.parameters == counts(MIXTRAL, prompt=6)[1]


def test_batch_is_in_the_tokens_of_experts() -> None:
    assert counts(MIXTRAL, prompt=3, batch=2)[0] == 2 * counts(MIXTRAL, prompt=3)[0]


def test_qwen_moe_has_dense_layers_where_it_says() -> None:
    config = {
        **LLAMA,
        "model_type": "qwen3_moe",
        "head_dim": 2,
        "num_experts": 4,
        "num_experts_per_tok": 1,
        "moe_intermediate_size": 5,
        "mlp_only_layers": [0],
    }
    attention = ATTENTION + 4
    found = counts(config, prompt=4)
    assert found[1] == 2 * (attention + 16) + 288 + (4 * 3 * 40 + 32) + 8 + 160
    assert found[0] == 4 * (2 * ATTENTION + 288 + 120 + 32 + 80) + 2 * 16 * 16


def test_gpt_oss_has_biases_and_sinks() -> None:
    """Biases 8 + 4 + 4 + 8 of attention, 4 sinks, router 32 + 4, experts of 288 + 12 + 12 + 8."""
    config = {**MIXTRAL, "model_type": "gpt_oss", "head_dim": 2, "sliding_window": 2}
    network = made(config, prompt=6, conventions={"attention": "dense"})
    assert network.parameters == 2 * (ATTENTION + 24 + 4 + 36 + 4 * 320 + 16) + 8 + 160
    assert network.macs == counts(MIXTRAL, prompt=6)[0]
    used = made(config, phase="decode", context=5, conventions={"attention": "windowed"})
    assert [layer(used, f"layer{n}.context").extents["K"] for n in (0, 1)] == [2, 5]


LATENT = 90 + 148 + 64
SHARED = 3 * 8 * 6
DENSE = 3 * 8 * 12
"""Words of the attention, of the two shared experts together, and of the dense part."""


def test_deepseek_prefill() -> None:
    """First layer dense, second with 5 experts of 72 and a router of 40 + 5; 5 + 4 per head and pair."""
    found = counts(DEEPSEEK, prompt=5)
    linear = 2 * LATENT + DENSE + (2 * 72 + 40 + SHARED) + 80
    parameters = 2 * (LATENT + 11 + 16) + DENSE + (5 * 72 + 45 + SHARED) + 8 + 160
    assert found == (5 * linear + 2 * 2 * 9 * 25, parameters)


def test_deepseek_decode_expanded_and_absorbed() -> None:
    """Expanded: 2 heads * (5 + 4) * 7 keys. Absorbed: 2 heads * (8 + 6) * 7 with the latent vectors."""
    linear = 2 * LATENT + DENSE + (2 * 72 + 40 + SHARED) + 80
    expanded = made(DEEPSEEK, phase="decode", context=7)
    absorbed = made(DEEPSEEK, phase="decode", context=7, conventions={"latent": "absorbed"})
    assert expanded.macs == linear + 2 * 2 * 9 * 7
    assert absorbed.macs == linear + 2 * 2 * 14 * 7
    assert expanded.parameters == absorbed.parameters == counts(DEEPSEEK, prompt=5)[1]
    assert layer(absorbed, "layer0.scores").extents == {"B": 1, "M": 2, "N": 7, "K": 8}


def test_queries_without_a_low_rank() -> None:
    config = {key: value for key, value in DEEPSEEK.items() if key != "q_lora_rank"}
    assert counts(config, prompt=5)[1] == counts(DEEPSEEK, prompt=5)[1] + 2 * (80 - 90 - 5)


def test_layers_that_predict_further_tokens_are_left_out_with_a_warning() -> None:
    network = made({**DEEPSEEK, "num_nextn_predict_layers": 1}, prompt=5)
    assert "num_nextn_predict_layers" in network.warnings[0]
    assert network.parameters == counts(DEEPSEEK, prompt=5)[1]


def test_only_routers_of_the_third_version_have_a_number_per_expert() -> None:
    assert counts({**DEEPSEEK, "model_type": "deepseek_v2"}, prompt=5)[1] == counts(DEEPSEEK, prompt=5)[1] - 5
