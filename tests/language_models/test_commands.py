"""Models on the command line: solve, verify, co-design, and the built-in names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import optimizer
from optimizer.language_models.load import model_names
from optimizer.workload.reader import network_data, network_from_data
from tests.support.command_line import bad, good
from tests.support.model_cases import DEEPSEEK, LLAMA, MAMBA, MIXTRAL, NEMOTRON, made
from tests.support.tiny_problem import ARCHITECTURE

ONE_LAYER = {
    "model_type": "llama",
    "hidden_size": 4,
    "intermediate_size": 4,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "vocab_size": 4,
}
"""Few shapes: all products with weights but those of keys and values are equal."""
DECODE = ("--phase", "decode", "--context", "3", "--batch", "2", "--bits", "W=4,I=8,KV=8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with models and a chip, and the working folder in it."""
    monkeypatch.chdir(tmp_path)
    Path("tiny-llama").mkdir()
    Path("tiny-llama", "config.json").write_text(json.dumps(ONE_LAYER))
    Path("tiny.facts.json").write_text(json.dumps(ONE_LAYER))
    Path("chip.yaml").write_text(ARCHITECTURE)


def test_solve_a_folder_and_verify_it() -> None:
    solved = good("solve", "tiny-llama", "-a", "chip.yaml", *DECODE, "--no-cache", "--workers", 1, "--out", "out")
    assert "OPTIMAL" in solved.stdout
    asked = ("--network", "tiny-llama", "-a", "chip.yaml")
    verified = good("verify", "out", *asked, *DECODE)
    assert "FAILED" not in verified.stdout
    other = good("show", "out")
    assert "layer0.q_proj" in other.stdout


@pytest.mark.slow
def test_solve_on_a_built_in_chip() -> None:
    solved = good("solve", "tiny.facts.json", "-a", "edge_small", *DECODE, "--no-cache", "--workers", 1, "--quiet")
    assert "OPTIMAL" in solved.stdout


def test_one_layer_of_a_model() -> None:
    shown = good(
        "map", "tiny.facts.json", "--layer", "layer0.scores", "-a", "chip.yaml", "--prompt", 5, "--no-cache", "--quiet"
    )
    assert "OPTIMAL" in shown.stdout


def test_a_file_and_a_folder_are_the_same_model() -> None:
    found = [optimizer.load(spec, phase="decode", context=3) for spec in ("tiny-llama", "tiny.facts.json")]
    assert [network.name for network in found] == ["tiny-llama-decode-3", "tiny-decode-3"]
    assert (found[0].macs, found[0].parameters) == (found[1].macs, found[1].parameters)


@pytest.mark.slow
def test_codesign_gives_each_network_the_options_that_it_has() -> None:
    Path("fc.yaml").write_text("name: fc\nlayers:\n  - {name: fc, type: matmul, dims: {M: 4, N: 10, K: 11}}\n")
    made_for_both = good(
        "codesign", "tiny-llama", "fc.yaml", "-a", "chip.yaml", "--prompt", 4, "--no-cache", "--workers", 1, "--quiet"
    )
    assert "OPTIMAL" in made_for_both.stdout


def test_conventions_are_refused_by_name() -> None:
    text = bad("solve", "tiny-llama", "-a", "chip.yaml", "--convention", "latent=absorbed")
    assert "convention latent" in text and "attention, logits" in text
    text = bad("solve", "tiny-llama", "-a", "chip.yaml", *("--convention", "logits=all", "--convention", "logits=last"))
    assert "given twice" in text
    assert "--phase with a language model" in bad("solve", "alexnet", "-a", "edge_small", "--phase", "decode")


def test_built_in_models_are_listed() -> None:
    listed = good("networks").stdout
    assert len(model_names()) >= 15
    assert all(name in listed for name in model_names())


def test_a_built_in_model() -> None:
    """8.0 B parameters; 7 504 658 432 products with weights, 32 layers * 32 heads * 256 per key, for 8 sequences."""
    network = optimizer.load("llama-3.1-8b", phase="decode", context=8192, batch=8)
    assert network.parameters == 8_030_261_248
    assert network.macs == 8 * (7_504_658_432 + 32 * 32 * 256 * 8192)
    assert "layer7.q_proj" in network.graph


@pytest.mark.parametrize("config", [LLAMA, MIXTRAL, DEEPSEEK, MAMBA, NEMOTRON], ids=lambda config: config["model_type"])
@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_networks_are_read_back_as_they_are_written(config: dict[str, object], phase: str) -> None:
    network = made(config, phase=phase)
    back = network_from_data(network_data(network))
    assert (back.macs, back.parameters) == (network.macs, network.parameters)
    assert list(back.layers()) == list(network.layers())
