"""What is refused, and what the messages name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import optimizer
from optimizer.errors import SpecError
from optimizer.language_models.families import DECODERS
from optimizer.language_models.files import is_configuration
from tests.support.model_cases import BERT, DEEPSEEK, LLAMA, MAMBA, MIXTRAL, NEMOTRON, made

VIT = {
    "model_type": "vit",
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "image_size": 4,
    "patch_size": 2,
}


def refusal(config: dict[str, Any], **asked: Any) -> SpecError:
    """The error that a configuration and a request lead to."""
    with pytest.raises(SpecError) as caught:
        made(config, **asked)
    return caught.value


def test_an_unknown_family_names_key_value_and_what_is_known() -> None:
    error = refusal({**LLAMA, "model_type": "rwkv"})
    assert (error.file, error.field, error.value) == ("config.json", "model_type", "rwkv")
    assert all(name in str(error.allowed) for name in (*DECODERS, "bert", "vit", "whisper"))
    assert refusal({"hidden_size": 8}).field == "model_type"
    assert refusal({"_class_name": "VQModel"}).value == "VQModel"


@pytest.mark.parametrize(
    ("config", "key"),
    [
        *((LLAMA, key) for key in LLAMA if key not in ("model_type", "num_key_value_heads", "max_position_embeddings")),
        (MIXTRAL, "num_local_experts"),
        (MIXTRAL, "num_experts_per_tok"),
        (DEEPSEEK, "kv_lora_rank"),
        (DEEPSEEK, "first_k_dense_replace"),
        (MAMBA, "state_size"),
        (NEMOTRON, "hybrid_override_pattern"),
        ({**LLAMA, "model_type": "qwen3", "head_dim": 2}, "head_dim"),
        (BERT, "type_vocab_size"),
    ],
)
def test_a_missing_key_is_named(config: dict[str, Any], key: str) -> None:
    """A value of null is missing as well."""
    for lacking in ({name: value for name, value in config.items() if name != key}, {**config, key: None}):
        error = refusal(lacking)
        assert (error.field, error.problem) == (key, "the configuration lacks a key")


@pytest.mark.parametrize(
    ("config", "key", "value"),
    [
        (LLAMA, "num_hidden_layers", 10**6),
        (LLAMA, "hidden_size", 0),
        (LLAMA, "hidden_size", -8),
        (LLAMA, "hidden_size", 8.5),
        (LLAMA, "hidden_size", "8"),
        (LLAMA, "hidden_size", True),
        (LLAMA, "vocab_size", 10**30),
        (LLAMA, "num_attention_heads", 3),
        (LLAMA, "hidden_act", "mish"),
        (LLAMA, "tie_word_embeddings", "yes"),
        (MIXTRAL, "num_experts_per_tok", 5),
        (DEEPSEEK, "first_k_dense_replace", 3),
        (DEEPSEEK, "topk_method", "best"),
        (NEMOTRON, "hybrid_override_pattern", "M*E"),
        (NEMOTRON, "hybrid_override_pattern", "M*"),
        (BERT, "position_embedding_type", "relative_key"),
        (VIT, "image_size", 5),
        ({**LLAMA, "model_type": "mistral"}, "layer_types", ["full_attention"]),
        ({**LLAMA, "model_type": "mistral"}, "layer_types", ["full_attention", "linear_attention"]),
    ],
)
def test_a_wrong_value_is_named(config: dict[str, Any], key: str, value: object) -> None:
    error = refusal({**config, key: value})
    assert error.field == key
    assert error.allowed


@pytest.mark.parametrize(
    ("config", "asked", "field"),
    [
        (LLAMA, {"phase": "train"}, "phase"),
        (LLAMA, {"prompt": 0}, "prompt"),
        (LLAMA, {"prompt": 65}, "prompt"),
        (LLAMA, {"phase": "decode", "context": 65}, "context"),
        (LLAMA, {"phase": "decode", "prompt": 4}, "prompt"),
        (LLAMA, {"context": 4}, "context"),
        (LLAMA, {"batch": 0}, "batch"),
        (LLAMA, {"conventions": {"mask": "dense"}}, "convention mask"),
        (LLAMA, {"conventions": {"attention": "sparse"}}, "convention attention"),
        (LLAMA, {"conventions": {"experts": "same"}}, "convention experts"),
        (LLAMA, {"phase": "decode", "conventions": {"logits": "last"}}, "convention logits"),
        (DEEPSEEK, {"conventions": {"latent": "absorbed"}}, "convention latent"),
        (LLAMA, {"bits": {"KV": 0}}, "bits.KV"),
        (LLAMA, {"bits": {"X": 8}}, "bits.X"),
        (BERT, {"phase": "decode"}, "phase"),
        (BERT, {"prompt": 17}, "prompt"),
        (VIT, {"prompt": 5}, "prompt"),
    ],
)
def test_a_request_that_does_not_fit_is_named(config: dict[str, Any], asked: dict[str, Any], field: str) -> None:
    assert refusal(config, **asked).field == field


@pytest.mark.parametrize("text", ["{", "[1]", "{'model_type': 'llama'}", '{"a": 1, "a": 2}', "\xff"])
def test_files_that_are_no_configuration(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(SpecError) as caught:
        optimizer.load(str(file))
    assert caught.value.file == str(file)


def test_what_can_be_no_path_is_no_configuration() -> None:
    assert not is_configuration("x" * 5000)
    assert not is_configuration("a\0b")


def test_a_folder_without_a_configuration(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file") as caught:
        optimizer.load(str(tmp_path))
    assert caught.value.file == str(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("spec", "asked", "field"),
    [
        ("llama-3.1-8b", {"sequence": 8}, "sequence"),
        ("llama-3.1-8b", {"dims": {"n": 1}}, "dims"),
        ("llama-3.1-8b", {"training": "sgd"}, "training"),
        ("gpt2", {"phase": "decode"}, "phase"),
        ("gpt2", {"conventions": {"logits": "last"}}, "conventions"),
        ("alexnet", {"prompt": 4}, "prompt"),
        ("alexnet", {"bits": {"KV": 8}}, "bits.KV"),
        ("lama-3.1-8b", {}, "network"),
    ],
)
def test_options_of_other_networks(spec: str, asked: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        optimizer.load(spec, **asked)
    assert caught.value.field == field


def test_a_name_that_is_nearly_right() -> None:
    with pytest.raises(SpecError, match=r"did you mean llama-3\.1-8b"):
        optimizer.load("lama_3.1-8b")
