"""What a position of an output needs: never less than it does, so that fused groups are right."""

from __future__ import annotations

from optimizer.workload.views import IDENTITY_WINDOW, WHOLE
from tests.support.model_cases import DEEPSEEK, LLAMA, made


def test_rows_of_heads_with_keys_of_their_own_are_those_of_the_sequence() -> None:
    network = made({**LLAMA, "num_key_value_heads": 4}, prompt=3)
    assert network.view("layer0.q_rotary", "layer0.scores")[1] == IDENTITY_WINDOW


def test_folded_heads_need_all_rows() -> None:
    network = made(LLAMA, prompt=3)
    assert network.view("layer0.q_rotary", "layer0.scores") == WHOLE
    assert network.view("layer0.softmax", "layer0.context")[1] == IDENTITY_WINDOW
    assert network.view("layer0.context", "layer0.o_proj") == WHOLE


def test_blocks_of_a_window_need_all_rows_where_the_numbers_agree() -> None:
    """2 heads * 4 rows of a block are as many as the 8 tokens."""
    config = {**LLAMA, "model_type": "mistral", "sliding_window": 4}
    network = made(config, prompt=8, conventions={"attention": "windowed"})
    assert network.graph.nodes["layer0.scores"]["layer"].extents["M"] == 8
    assert network.view("layer0.q_rotary", "layer0.scores") == WHOLE


def test_absorbed_heads_are_no_batch_where_the_numbers_agree() -> None:
    network = made(DEEPSEEK, phase="decode", context=7, batch=2, conventions={"latent": "absorbed"})
    assert network.view("layer0.q_absorbed", "layer0.scores") == WHOLE
