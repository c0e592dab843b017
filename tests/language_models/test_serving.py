"""Figures for those who use a language model: bytes that stay in memory, time, speed and energy per token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import optimizer
from optimizer.architecture.reader import parse_architecture
from optimizer.errors import SpecError
from optimizer.files.exact_yaml import load_exact
from optimizer.report.layers import equal_layers, layers_of
from optimizer.report.serving import bytes_text, serving_rows
from optimizer.workload.reader import parse_network
from optimizer.workload.serving import Serving
from tests.support.model_cases import BERT, DEEPSEEK, LLAMA, MAMBA, NEMOTRON, WHISPER, made
from tests.support.tiny_problem import ARCHITECTURE


@pytest.mark.parametrize(
    ("config", "asked", "words"),
    [
        (LLAMA, {"prompt": 3}, 2 * 2 * 4 * 3),
        (LLAMA, {"phase": "decode", "context": 5, "batch": 3}, 3 * 2 * 2 * 4 * 5),
        ({**LLAMA, "model_type": "mistral", "sliding_window": 2}, {"prompt": 5}, 2 * 2 * 4 * 5),
        (
            {**LLAMA, "model_type": "mistral", "sliding_window": 2},
            {"prompt": 5, "conventions": {"attention": "windowed"}},
            2 * 2 * 4 * 2,
        ),
        (DEEPSEEK, {"phase": "decode", "context": 7}, 2 * 2 * (5 + 4) * 7),
        (DEEPSEEK, {"phase": "decode", "context": 7, "conventions": {"latent": "absorbed"}}, 2 * 8 * 7),
        (MAMBA, {"prompt": 5}, 2 * 8 * (3 + 1)),
        (NEMOTRON, {"prompt": 5}, 16 * 3 + 28 + 2 * 4 * 5),
        (WHISPER, {"prompt": 3}, 2 * 2 * 8 * (3 + 6)),
    ],
)
def test_words_that_are_kept(config: dict[str, Any], asked: dict[str, Any], words: int) -> None:
    serving = made(config, **asked, bits={"W": 4, "I": 8, "KV": 6}).serving
    assert serving is not None
    assert serving.cache_bits == 6 * words
    assert serving.phase == asked.get("phase", "prefill")


def test_bits_of_weights_and_tokens_of_a_run() -> None:
    prefill, decode = (made(LLAMA, phase=phase, batch=3, bits={"W": 4}).serving for phase in ("prefill", "decode"))
    assert prefill is not None and decode is not None
    assert prefill.weight_bits == decode.weight_bits == 4 * 1160
    assert (prefill.computed, decode.computed) == (3 * 64, 3)


def test_encoders_serve_nobody() -> None:
    assert made(BERT, prompt=4).serving is None


NETWORK = """
name: pair
serving: {phase: PHASE, batch: 2, tokens: 5, weight_bits: 9, cache_bits: 8000}
layers:
  - {name: fc, type: matmul, dims: {M: 4, N: 6, K: 5}}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("phase", "computed"), [("prefill", 10), ("decode", 2)])
def test_figures_of_a_design(phase: str, computed: int, tmp_path: Path) -> None:
    network = parse_network(NETWORK.replace("PHASE", phase))
    chip = parse_architecture(load_exact(ARCHITECTURE))
    result = optimizer.solve(network, chip, workers=1)
    entry, design = result.body.serving, result.body.design
    assert entry is not None and design is not None
    assert entry.tokens_per_s == computed * 1e3 / design.latency_ms
    assert entry.energy_per_token_j == design.energy_pj * 1e-12 / computed
    time = entry.first_token_ms if phase == "prefill" else entry.output_token_ms
    assert (time, entry.weight_bytes, entry.cache_bytes) == (design.latency_ms, 2, 1000)
    rows = dict(serving_rows(entry))
    assert rows["memory"] == "weights 2 B, keys, values and states 1 kB"
    assert ("time to first token" in rows) == (phase == "prefill")
    optimizer.save(result, tmp_path / "out")
    assert optimizer.verify(tmp_path / "out").ok


def test_verify_computes_the_figures_again(tmp_path: Path) -> None:
    network, chip = parse_network(NETWORK.replace("PHASE", "decode")), parse_architecture(load_exact(ARCHITECTURE))
    optimizer.save(optimizer.solve(network, chip, workers=1), tmp_path / "out")
    file = tmp_path / "out" / "result.json"
    data = json.loads(file.read_text())
    data["serving"]["tokens_per_s"] *= 2
    file.write_text(json.dumps(data))
    assert not optimizer.verify(tmp_path / "out").ok


@pytest.mark.parametrize(
    "change", [("decode", "train"), ("batch: 2", "batch: 0"), ("tokens: 5, ", ""), ("batch", "sequences")]
)
def test_a_file_with_wrong_figures(change: tuple[str, str]) -> None:
    with pytest.raises(SpecError, match="serving"):
        parse_network(NETWORK.replace("PHASE", "decode").replace(*change))


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (16_060_522_496, "16.06 GB")])
def test_bytes(count: int, text: str) -> None:
    assert bytes_text(count) == text


def test_a_network_without_figures_states_none() -> None:
    assert Serving("decode", 1, 2, 3, 4).data()["cache_bits"] == 4
    assert parse_network("layers:\n  - {name: fc, type: matmul, dims: {M: 4, N: 6, K: 5}}\n").serving is None


def test_equal_vector_layers_share_a_row_of_the_report() -> None:
    vector = "type: vector, kind: silu, reads: [24], writes: [24], operations: 96"
    text = f"layers:\n  - {{name: fc, type: matmul, dims: {{M: 4, N: 6, K: 5}}}}\n  - {{name: a, {vector}}}\n"
    network = parse_network(f"{text}  - {{name: b, {vector}, multiplicity: 2}}\n  - {{name: c, {vector}}}\n")
    layers = layers_of(optimizer.solve(network, parse_architecture(load_exact(ARCHITECTURE)), workers=1).body)
    runs = {name: sum(entry.multiplicity for entry in equal) for name, equal in equal_layers(layers).items()}
    assert runs == {"fc": 1, "a": 2, "b": 2}
