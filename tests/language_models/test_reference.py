"""Published configurations of the reference folder, and our own facts, against exact counts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from optimizer.interop.reference_cases import VARIABLE
from optimizer.language_models.families import network_of
from optimizer.language_models.files import read_configuration
from optimizer.language_models.load import load_model
from optimizer.language_models.request import Conventions, Request
from optimizer.workload.network import Network

FOLDER = Path(os.environ[VARIABLE]) / "models" if os.environ.get(VARIABLE) else None
EXPECTED: dict[str, Any] = {}
if FOLDER is not None and (FOLDER / "expected.json").is_file():
    EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))["models"]
NONE = pytest.param(None, marks=pytest.mark.skip(reason=f"{VARIABLE} names no folder with models"), id="no-models")
DECODERS = [name for name, entry in EXPECTED.items() if "linear" in entry.get("decode", {})] or [NONE]
RECURRENT = [name for name in DECODERS if EXPECTED.get(str(name), {}).get("decode", {}).get("recurrence")]
IMAGES = [name for name, entry in EXPECTED.items() if "decode" not in entry and "total_dense" in entry["prefill"]]
ENCODERS = [name for name, entry in EXPECTED.items() if "encoder_total" in entry["prefill"]] or [NONE]

PRESETS = {
    "albert-base": "albert-base-v1.config.json",
    "deepseek-v3": "DeepSeek-V3.config.json",
    "falcon-40b": "falcon-40b.config.json",
    "gemma-2-2b": "gemma-2-2b.facts.json",
    "gpt-oss-20b": "gpt-oss-20b.config.json",
    "kimi-k2": "Kimi-K2-Instruct.config.json",
    "llama-2-7b": "llama-2-7b.facts.json",
    "llama-3.1-405b": "Meta-Llama-3.1-405B.config.json",
    "llama-3.1-8b": "Meta-Llama-3.1-8B.config.json",
    "mamba-2.8b": "mamba-2.8b.facts.json",
    "mistral-7b": "Mistral-7B-Instruct-v0.3.config.json",
    "mixtral-8x7b": "Mixtral-8x7B-v0.1.config.json",
    "nemotron-h-56b": "Nemotron-H-56B-Base-8K.config.json",
    "qwen2.5-7b": "Qwen2.5-7B-Instruct.config.json",
    "qwen3-0.6b": "Qwen3-0.6B.config.json",
    "qwen3-30b-a3b": "Qwen3-30B-A3B.config.json",
    "qwen3-8b": "Qwen3-8B.config.json",
    "sd-1.5-unet": "stable-diffusion-v1-5-unet.config.json",
    "swin-tiny": "swin-tiny-patch4-window7-224.facts.json",
    "whisper-large-v2": "whisper-large-v2.facts.json",
}


def _network(file: str, request: Request) -> Network:
    assert FOLDER is not None
    return network_of(*read_configuration(str(FOLDER / file)), request)


def _asked(entry: dict[str, Any], phase: str, **more: str) -> Request:
    """The reference counts the recurrences of state-space parts as multiply-accumulates."""
    if entry["prefill"].get("recurrence"):
        more["recurrence"] = "macs"
    length = {"context": entry["decode"]["context"]} if phase == "decode" else {"prompt": entry["prefill"]["tokens"]}
    return Request(phase, **length, conventions=Conventions(**more))


@pytest.mark.parametrize("file", DECODERS)
def test_decoder(file: str) -> None:
    entry = EXPECTED[file]
    prefill, decode = (_network(file, _asked(entry, phase)) for phase in ("prefill", "decode"))
    assert (prefill.macs, prefill.parameters) == (entry["prefill"]["total_dense"], entry["params_total"])
    assert (decode.macs, decode.parameters) == (entry["decode"]["total_dense"], entry["params_total"])


@pytest.mark.parametrize("file", RECURRENT)
def test_default_conventions_leave_out_the_recurrence_alone(file: str) -> None:
    entry = EXPECTED[file]
    network = _network(file, Request("decode", context=1024))
    assert network.macs == entry["decode"]["total_dense"] - entry["decode"]["recurrence"]


@pytest.mark.parametrize("file", [name for name in DECODERS if "decode_absorbed" in EXPECTED.get(str(name), {})])
def test_absorbed(file: str) -> None:
    network = _network(file, _asked(EXPECTED[file], "decode", latent="absorbed"))
    expected = EXPECTED[file]["decode_absorbed"], EXPECTED[file]["params_total"]
    assert (network.macs, network.parameters) == expected


@pytest.mark.parametrize(
    "file", [name for name in DECODERS if "sinks" in EXPECTED.get(str(name), {}).get("params_by", {})]
)
def test_windows_in_decode(file: str) -> None:
    network = _network(file, _asked(EXPECTED[file], "decode", attention="windowed"))
    assert network.macs == EXPECTED[file]["decode"]["total_masked"]


@pytest.mark.parametrize("file", IMAGES)
def test_image(file: str) -> None:
    network = _network(file, Request())
    assert (network.macs, network.parameters) == (
        EXPECTED[file]["prefill"]["total_dense"],
        EXPECTED[file]["params_total"],
    )


@pytest.mark.parametrize("file", ENCODERS)
def test_encoder(file: str) -> None:
    """The reference counts the work with the head for masked words, and the parameters with the pooler."""
    entry = EXPECTED[file]
    body, pooler, words = (
        _network(file, Request(prompt=512, conventions=Conventions(head=head))) for head in ("none", "pooler", "mlm")
    )
    assert body.macs == entry["prefill"]["encoder_total"]
    assert pooler.macs - body.macs == entry["prefill"]["pooler"]
    assert words.macs == entry["prefill"]["total_with_mlm_head"]
    assert pooler.parameters == entry["params_total"]


@pytest.mark.parametrize("file", [name for name, entry in EXPECTED.items() if "encoder_30s" in entry["prefill"]])
def test_speech(file: str) -> None:
    """Decode has no encoder, and keys and values of the speech are cached: their weights are no part of it."""
    entry = EXPECTED[file]
    prefill, decode = _network(file, Request("prefill")), _network(file, Request("decode"))
    assert (prefill.macs, prefill.parameters) == (entry["prefill"]["total_dense"], entry["params_total"])
    assert decode.macs == entry["decode"]["total_dense"]
    absent = [
        layer.parameter_count
        for layer in prefill.layers()
        if layer.name.startswith("encoder.") or layer.name.endswith((".cross.k_proj", ".cross.v_proj"))
    ]
    assert decode.parameters == entry["params_total"] - sum(absent)


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS if EXPECTED else [NONE])
def test_built_in_models_are_these(name: str) -> None:
    expected = _network(PRESETS[name], Request())
    found = load_model(name, Request())
    assert (found.macs, found.parameters, len(found.graph)) == (
        expected.macs,
        expected.parameters,
        len(expected.graph),
    )
