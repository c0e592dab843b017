"""Encoders of text, models of images and of speech, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.model_cases import BERT, WHISPER, counts, layer, made

BERT_LAYER = 288 + 212 + 32
TABLES = (10 + 16 + 2) * 8 + 16
"""Three tables of embeddings and a norm."""
ENCODER = 4 * (2 * (4 * 64 + 2 * 96)) + 2 * 2 * 8 * 16
"""4 tokens: products, and 8 features for each of 16 pairs, twice per layer."""


@pytest.mark.parametrize(
    ("head", "macs", "parameters"),
    [("none", 0, 0), ("pooler", 64, 72), ("mlm", 4 * (64 + 80), 72 + 16 + 10)],
)
def test_bert(head: str, macs: int, parameters: int) -> None:
    found = counts(BERT, prompt=4, conventions={"head": head})
    assert found == (ENCODER + macs, TABLES + 2 * BERT_LAYER + parameters)


def test_the_head_is_what_the_architectures_say() -> None:
    assert "pooler" in made(BERT, prompt=4).graph
    assert "mlm_decoder" in made({**BERT, "architectures": ["BertForMaskedLM"]}, prompt=4).graph


def test_albert_layers_share_their_weights() -> None:
    """Embeddings of width 3 (norm 6) and their projection, one layer of parameters, two layers of work."""
    config = {**BERT, "model_type": "albert", "embedding_size": 3}
    macs, parameters = counts(config, prompt=4, conventions={"head": "none"})
    assert parameters == 28 * 3 + 6 + (24 + 8) + BERT_LAYER
    assert macs == ENCODER + 4 * 24


VIT: dict[str, Any] = {
    "model_type": "vit",
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "image_size": 4,
    "patch_size": 2,
    "num_labels": 3,
}


def test_vit() -> None:
    """4 patches of 12 words and a class token: 5 tokens."""
    macs = 4 * 96 + 5 * (4 * 64 + 2 * 96) + 2 * 8 * 25 + 24
    parameters = 96 + 8 + 8 + 40 + BERT_LAYER + 16 + 27
    assert counts(VIT) == (macs, parameters)


def test_classes_that_are_not_stated_are_a_warning() -> None:
    network = made({key: value for key, value in VIT.items() if key != "num_labels"})
    assert "1000 classes" in network.warnings[0]
    assert not made({**VIT, "id2label": {"0": "cat"}}).warnings


def test_swin() -> None:
    """Stage 0: 16 tokens of width 4 in 4 windows; stage 1: 4 tokens of width 8 in one window, merged from 16 words.

    Windows have 2 x 2 tokens, so 9 relative positions per head.
    """
    config = {
        "model_type": "swin",
        "image_size": 8,
        "patch_size": 2,
        "num_channels": 1,
        "embed_dim": 4,
        "depths": [1, 1],
        "num_heads": [1, 2],
        "window_size": 2,
        "mlp_ratio": 2.0,
        "num_labels": 3,
    }
    stage0 = 16 * (4 * 16 + 2 * 32) + 2 * 4 * 16 * 4
    stage1 = 4 * (4 * 64 + 2 * 128) + 2 * 8 * 4 * 4
    macs = 16 * 16 + stage0 + 4 * 16 * 8 + stage1 + 24
    block0 = 4 * (16 + 4) + (32 + 8 + 32 + 4) + 16 + 9
    block1 = 4 * (64 + 8) + (128 + 16 + 128 + 8) + 32 + 18
    parameters = (16 + 4 + 8) + block0 + (32 + 128) + block1 + 16 + 27
    assert counts(config) == (macs, parameters)


SELF = 4 * 64 + 2 * 96
"""Products with weights of attention and feed-forward part, per token."""


def test_whisper_prefill() -> None:
    """Encoder: 12 frames, 6 positions. Decoder: 3 tokens, keys and values of the speech once per layer."""
    encoder = 12 * 5 * 8 * 3 + 6 * 64 * 3 + 6 * SELF + 2 * 8 * 36
    layer_of_decoder = 3 * (SELF + 2 * 64) + 6 * 2 * 64 + 2 * 8 * (9 + 18)
    macs = encoder + 2 * layer_of_decoder + 3 * 80
    block = 4 * 64 + 24 + (96 + 12 + 96 + 8) + 32
    parameters = (120 + 8) + (192 + 8) + 48 + block + 16 + 80 + 32 + 2 * (block + 4 * 64 + 24 + 16) + 16
    assert counts(WHISPER, prompt=3) == (macs, parameters)


def test_whisper_decode_is_the_decoder_alone() -> None:
    network = made(WHISPER, phase="decode", context=4)
    assert network.macs == 2 * (SELF + 2 * 64 + 2 * 8 * (4 + 6)) + 80
    assert not [name for name in network.graph if name.startswith("encoder")]
    assert layer(network, "decoder.layer0.cross.scores").operand("W").tensor == "decoder.layer0.cross.keys"


UNET: dict[str, Any] = {
    "_class_name": "UNet2DConditionModel",
    "sample_size": 4,
    "in_channels": 1,
    "out_channels": 1,
    "block_out_channels": [2, 4],
    "layers_per_block": 1,
    "attention_head_dim": 2,
    "cross_attention_dim": 3,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
}


def test_unet_blocks_read_what_was_kept() -> None:
    """Up: the widths of the concatenated images are those of the block below and of the way down."""
    network = made(UNET)
    assert layer(network, "conv_in").macs == 16 * 2 * 9
    assert [layer(network, f"up0.residual{n}.conv1").extents["C"] for n in (0, 1)] == [4 + 4, 4 + 2]
    assert [layer(network, f"up1.residual{n}.conv1").extents["C"] for n in (0, 1)] == [4 + 2, 2 + 2]
    assert layer(network, "down0.downsample").extents["P"] == 2
    assert layer(network, "up0.upsample_conv").extents["P"] == 4
    assert layer(network, "down0.attention0.cross.k_proj").extents == {"M": 77, "N": 2, "K": 3}
    assert layer(network, "conv_out").macs == 16 * 2 * 9
    linear = made({**UNET, "use_linear_projection": True})
    assert (linear.macs, linear.parameters) == (network.macs, network.parameters)
