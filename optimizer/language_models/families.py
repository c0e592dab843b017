"""The families of models by ``model_type``: who reads the configuration and makes the network."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.errors import SpecError
from optimizer.language_models import dense_readers, expert_readers, state_space_readers
from optimizer.language_models.decoder import decoder_network
from optimizer.language_models.description import Decoder
from optimizer.language_models.diffusion import unet
from optimizer.language_models.fields import Fields
from optimizer.language_models.images import swin, vit
from optimizer.language_models.request import Request
from optimizer.language_models.speech import whisper
from optimizer.language_models.text_encoders import text_encoder
from optimizer.workload.network import Network

DECODERS: dict[str, Callable[[Fields], Decoder]] = {
    "llama": dense_readers.llama,
    "mistral": dense_readers.mistral,
    "phi3": dense_readers.mistral,
    "qwen2": dense_readers.qwen,
    "qwen3": dense_readers.qwen,
    "gemma": dense_readers.gemma,
    "gemma2": dense_readers.gemma2,
    "gemma3_text": dense_readers.gemma3,
    "falcon": dense_readers.falcon,
    "mixtral": expert_readers.mixtral,
    "qwen3_moe": expert_readers.qwen_moe,
    "gpt_oss": expert_readers.gpt_oss,
    "deepseek_v2": expert_readers.deepseek,
    "deepseek_v3": expert_readers.deepseek,
    "kimi_k2": expert_readers.deepseek,
    "mamba": state_space_readers.mamba,
    "mamba2": state_space_readers.mamba2,
    "nemotron_h": state_space_readers.nemotron_h,
}
"""Models that compute one token after the other."""

Maker = Callable[[Fields, str, Request], Network]
TEXT_ENCODERS: dict[str, Maker] = {"bert": text_encoder, "albert": text_encoder}
"""Models that read a text at once."""
SPEECH: dict[str, Maker] = {"whisper": whisper}
"""Models with an encoder and a decoder."""
IMAGES: dict[str, Maker] = {"vit": vit, "swin": swin, "UNet2DConditionModel": unet}
"""Models of images."""


def network_of(fields: Fields, name: str, request: Request) -> Network:
    """The network of a configuration.

    Raises
    ------
    SpecError
        On an unknown ``model_type``, a key that is missing or wrong, and requests that do not fit the model.
    """
    kind = family(fields)
    if kind in DECODERS:
        return decoder_network(DECODERS[kind](fields), name, request)
    return {**TEXT_ENCODERS, **SPEECH, **IMAGES}[kind](fields, name, request)


def family(fields: Fields) -> str:
    """The ``model_type`` of a configuration; of diffusion models, which have none, the ``_class_name``.

    Raises
    ------
    SpecError
        If it is missing or unknown.
    """
    key = "model_type" if fields.given("model_type") or not fields.given("_class_name") else "_class_name"
    known = (*DECODERS, *TEXT_ENCODERS, *SPEECH, *IMAGES)
    value = fields.data.get(key)
    if value is None:
        raise fields.missing("model_type")
    if not isinstance(value, str) or value not in known:
        raise SpecError(
            "no such family of models",
            file=fields.file,
            field=key,
            value=value,
            allowed=", ".join(known),
            remedy="use a model of one of these families, or write the network as ONNX or YAML",
        )
    return value
