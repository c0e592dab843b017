"""Networks by one string: a built-in name, a configuration of a language model, an ONNX file or a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimizer.errors import SpecError
from optimizer.files.arguments import check_arguments
from optimizer.networks.catalog import CATALOG, build, unknown_network
from optimizer.training.bits import TrainingBits
from optimizer.training.step import training_step
from optimizer.training.updates import optimizer_named
from optimizer.workload.edges import width_warnings
from optimizer.workload.layer import ROLES
from optimizer.workload.network import Network
from optimizer.workload.reader import load_network
from optimizer.workload.sparsity import densify, sparsify
from optimizer.workload.sparsity_reader import NONE

OPTIONS = {
    "batch": "--batch",
    "sequence": "--sequence",
    "dims": "--dim",
    "allow_unknown": "--allow-unknown",
    "phase": "--phase",
    "prompt": "--prompt",
    "context": "--context",
    "conventions": "--convention",
    "training": "--training",
}


def load(
    spec: str,
    *,
    batch: int | None = None,
    sequence: int | None = None,
    bits: object = None,
    dims: Mapping[str, int] | None = None,
    allow_unknown: bool = False,
    sparsity: tuple[str, str] | str | None = None,
    training: str | None = None,
    training_bits: TrainingBits | None = None,
    phase: str | None = None,
    prompt: int | None = None,
    context: int | None = None,
    conventions: Mapping[str, str] | None = None,
) -> Network:
    """The network that `spec` names.

    Parameters
    ----------
    spec : str
        The name of a built-in network or language model, or the path of a ``.onnx``, ``.yaml``, ``.yml`` or ``.json``
        (``config.json``) file, or of a folder that holds a ``config.json``.
    batch : int, optional
        For built-in networks and language models only.
    sequence : int, optional
        For built-in networks only.
    bits : int or mapping of role to int, optional
        Bits per element of W, I and O where a file says nothing; 16 by default. Of language models also KV.
    dims : mapping of str to int, optional
        Extents of symbolic dims; for ONNX files only.
    allow_unknown : bool, optional
        Keep unknown operators as tensor traffic; for ONNX files only.
    sparsity : (role, ratio) or "none", optional
        ``("W", "2:4")``: put all layers in blocks that can be (:func:`optimizer.workload.sparsity.sparsify`);
        ``"none"``: none, whatever a file says.
    training : str, optional
        Optimizer: one step of training of the network, instead of the network.
    training_bits : TrainingBits, optional
        Precision of the tensors of that step.
    phase : {"prefill", "decode"}, optional
        Of a language model: read a prompt (default), or compute one token at the end of a context.
    prompt, context : int, optional
        Tokens of the prompt (prefill) or of the context with the new token (decode); 1024 by default.
    conventions : mapping of str to str, optional
        How a language model is counted (:class:`optimizer.language_models.request.Conventions`).

    Raises
    ------
    SpecError
        If there is no such network or file, or an option does not apply.
    """
    check_arguments(
        spec=(spec, str | Path),
        dims=(dims, Mapping[str, int] | None),
        sparsity=(sparsity, tuple[str, str] | str | None),
        conventions=(conventions, Mapping[str, str] | None),
        training_bits=(training_bits, TrainingBits | None),
    )
    if training is None and training_bits is not None:
        raise SpecError(
            "there is no training",
            field="training_bits",
            value=training_bits.data(),
            allowed="--training-bits with --training",
            remedy="name an optimizer, or leave it out",
        )
    rule = None if training is None else optimizer_named(training).name
    ours = {"batch": batch, "sequence": sequence, "dims": dims or None, "allow_unknown": allow_unknown or None}
    asked = {"phase": phase, "prompt": prompt, "context": context, "conventions": conventions or None}
    if spec not in CATALOG and _is_model(str(spec)):
        _refuse({**ours, "batch": None, "training": rule}, "another kind of network")
        network = _load_model(str(spec), batch, bits, asked)
    else:
        _refuse(asked, "a language model")
        network = _load(spec, batch, sequence, bits, dims, allow_unknown, training=rule is not None)
    network.warnings += [line for line in width_warnings(network) if line not in network.warnings]
    if sparsity is not None:
        network = _with_sparsity(network, sparsity)
    return network if rule is None else training_step(network, optimizer=rule, bits=training_bits)


def _with_sparsity(network: Network, rule: tuple[str, str] | str) -> Network:
    if rule == NONE:
        return densify(network)
    if isinstance(rule, str) or rule[0] not in ROLES:
        raise SpecError(
            "not a sparsity",
            field="--sparsity",
            value=rule,
            allowed="none, or W, I or O with a ratio",
            remedy="write e.g. W=2:4",
        )
    return sparsify(network, rule[1], rule[0], field="--sparsity")


def _is_model(spec: str) -> bool:
    from optimizer.language_models.load import is_model  # noqa: PLC0415

    return is_model(spec)


def _load_model(spec: str, batch: int | None, bits: object, asked: Mapping[str, Any]) -> Network:
    """A language model, or another model with a published configuration."""
    from optimizer.language_models.load import load_model  # noqa: PLC0415
    from optimizer.language_models.request import Conventions, Request  # noqa: PLC0415

    conventions = Conventions.from_names((asked["conventions"] or {}).items())
    samples = 1 if batch is None else batch
    return load_model(spec, Request(asked["phase"], asked["prompt"], asked["context"], samples, bits, conventions))


def _load(
    spec: str,
    batch: int | None,
    sequence: int | None,
    bits: object,
    dims: Mapping[str, int] | None,
    allow_unknown: bool,
    *,
    training: bool,
) -> Network:
    """The network itself, for inference or as the forward pass of training."""
    suffix = Path(spec).suffix.lower()
    built_in: dict[str, object] = {"batch": batch, "sequence": sequence}
    onnx_only: dict[str, object] = {"dims": dims or None, "allow_unknown": allow_unknown or None}
    if spec in CATALOG:
        _refuse(onnx_only, "an ONNX file")
        samples = 1 if batch is None else batch
        return build(spec, batch=samples, bits=bits, sequence=sequence, training=training)
    if suffix == ".onnx":
        _refuse(built_in, "a built-in network", "fix the model's own dims with --dim name=value")
        from optimizer.onnx_import import import_onnx  # noqa: PLC0415

        return import_onnx(spec, dims=dims or {}, allow_unknown=allow_unknown, bits=bits, training=training)
    if suffix in (".yaml", ".yml"):
        _refuse(built_in | onnx_only, "a built-in network or an ONNX file", "write the extents into the file")
        return load_network(spec, bits=bits)
    raise unknown_network(spec)


def _refuse(options: Mapping[str, object], owner: str, remedy: str = "leave it out") -> None:
    for name, value in options.items():
        if value is not None:
            raise SpecError(
                f"this option needs {owner}",
                field=name,
                value=value,
                allowed=f"{OPTIONS[name]} with {owner}",
                remedy=remedy,
            )
