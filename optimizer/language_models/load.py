"""Models by one string: a built-in name, a configuration, or a folder that holds one."""

from __future__ import annotations

from collections.abc import Mapping

from optimizer.files.presets import preset_names, presets, read_spec
from optimizer.language_models.families import DECODERS, SPEECH, TEXT_ENCODERS, family, network_of
from optimizer.language_models.fields import Fields
from optimizer.language_models.files import is_configuration, read_configuration
from optimizer.language_models.request import Request
from optimizer.workload.network import Network

KIND = "language_models"
"""The folder of the built-in models."""


def model_names() -> list[str]:
    """Names of the built-in models."""
    return preset_names(KIND)


def model_table() -> list[tuple[str, str, str]]:
    """Name, description and family of every built-in model."""
    return [(name, description, family(_fields(name)[0])) for name, description in presets(KIND)]


def is_model(spec: str) -> bool:
    """Whether `spec` is a built-in model, or the path of a configuration or folder."""
    return spec in model_names() or is_configuration(spec)


def load_model(spec: str, request: Request) -> Network:
    """The network of a model.

    Parameters
    ----------
    spec : str
        The name of a built-in model, the path of a ``.json`` file, or of a folder with a ``config.json``.
    request : Request
        Phase, extents, batch, precision and conventions.

    Returns
    -------
    Network
        Its name is that of the model with the phase and the tokens, as in ``llama-3.1-8b-decode-8192``.

    Raises
    ------
    SpecError
        If the configuration cannot be read, or the request does not fit the model.
    """
    fields, name = _fields(spec)
    return network_of(fields, name, request)


def options_of(spec: str) -> tuple[str, ...]:
    """Names of the options that make a difference for a model."""
    kind = family(_fields(spec)[0])
    if kind in DECODERS or kind in SPEECH:
        return ("batch", "phase", "prompt", "context", "conventions")
    return ("batch", "prompt", "conventions") if kind in TEXT_ENCODERS else ("batch",)


def _fields(spec: str) -> tuple[Fields, str]:
    """The keys of a model, and its name."""
    if spec not in model_names():
        return read_configuration(spec)
    data, file = read_spec(KIND, spec)
    assert isinstance(data, Mapping)
    return Fields(data, file), spec
