"""State-space models and hybrids, counted by hand."""

from __future__ import annotations

from tests.support.model_cases import MAMBA, NEMOTRON, counts, layer, made

LINEAR = 2 * (160 + 16) + 40
"""Per token: products and convolution of two layers, the output projection with the weights of the embedding."""
PARAMETERS = 2 * (160 + 16 + 8 + 8 + 24 + 8 + 4) + 4 + 40
"""Besides products and convolution: biases of both, decay 8 * 3, direct path 8, norm 4."""


def test_mamba() -> None:
    assert counts(MAMBA, prompt=5) == (5 * LINEAR, PARAMETERS)
    assert counts(MAMBA, phase="decode", batch=3) == (3 * LINEAR, PARAMETERS)


def test_the_recurrence_is_a_vector_layer_or_three_products() -> None:
    """3 per token, channel and state word: 3 * 8 * 3 in each of two layers."""
    assert counts(MAMBA, prompt=5, conventions={"recurrence": "macs"}) == (5 * (LINEAR + 144), PARAMETERS)
    scan = layer(made(MAMBA, prompt=5), "layer0.scan")
    assert scan.kind == "scan" and scan.parameters == 32


def test_decode_reads_the_state_and_writes_it() -> None:
    network = made(MAMBA, phase="decode", batch=2, bits={"I": 8, "O": 8, "KV": 32})
    scan = layer(network, "layer0.scan")
    assert (2 * 24, 32) in scan.reads and (2 * 24, 32) in scan.writes
    assert (24, 16) not in layer(made(MAMBA, prompt=5), "layer0.scan").reads[:-1]


def test_nemotron_has_one_part_per_layer() -> None:
    """Mamba-2: convolution with 28 biases, 3 words per head, a norm of 16. Attention 192. Feed-forward 2 * 96."""
    linear = (384 + 128 + 56) + 192 + 192 + 80
    parameters = (384 + 128 + 56 + 28 + 12 + 16) + 192 + 192 + 4 * 8 + 160
    assert counts(NEMOTRON, prompt=5) == (5 * linear + 16 * 25, parameters)
    products = counts(NEMOTRON, prompt=5, conventions={"recurrence": "macs"})
    assert products == (5 * (linear + 3 * 16 * 3) + 16 * 25, parameters)


def test_mamba2() -> None:
    config = {
        "model_type": "mamba2",
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_heads": 4,
        "head_dim": 4,
        "expand": 2,
        "state_size": 3,
        "n_groups": 2,
        "conv_kernel": 2,
        "vocab_size": 10,
    }
    assert counts(config, prompt=5) == (5 * (2 * 568 + 80), 2 * (568 + 28 + 12 + 16 + 8) + 8 + 160)
