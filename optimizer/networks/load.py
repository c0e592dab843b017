"""Networks by one string: a built-in name, an ONNX file or a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from optimizer.errors import SpecError
from optimizer.networks.catalog import CATALOG, build, unknown_network
from optimizer.onnx_import import import_onnx
from optimizer.training.bits import TrainingBits
from optimizer.training.step import training_step
from optimizer.training.updates import optimizer_named
from optimizer.workload import Network
from optimizer.workload_yaml import load_network

OPTIONS = {"batch": "--batch", "sequence": "--sequence", "dims": "--dim", "allow_unknown": "--allow-unknown"}


def load(
    spec: str,
    *,
    batch: int | None = None,
    sequence: int | None = None,
    bits: object = None,
    dims: Mapping[str, int] | None = None,
    allow_unknown: bool = False,
    training: str | None = None,
    training_bits: TrainingBits | None = None,
) -> Network:
    """The network that `spec` names.

    Parameters
    ----------
    spec : str
        The name of a built-in network, or the path of a ``.onnx``, ``.yaml`` or ``.yml`` file.
    batch, sequence : int, optional
        For built-in networks only.
    bits : int or mapping of role to int, optional
        Bits per element of W, I and O where a file says nothing; 16 by default.
    dims : mapping of str to int, optional
        Extents of symbolic dims; for ONNX files only.
    allow_unknown : bool, optional
        Keep unknown operators as tensor traffic; for ONNX files only.
    training : str, optional
        Optimizer: one step of training of the network, instead of the network.
    training_bits : TrainingBits, optional
        Precision of the tensors of that step.

    Raises
    ------
    SpecError
        If nothing goes by that name, or an option does not apply.
    """
    if training is not None:
        known = optimizer_named(training).name
        network = _load(spec, batch, sequence, bits, dims, allow_unknown, training=True)
        return training_step(network, optimizer=known, bits=training_bits)
    if training_bits is not None:
        raise SpecError(
            "there is no training", field="training_bits", value=training_bits.data(),
            allowed="--training-bits with --training", remedy="name an optimizer, or leave it out",
        )  # fmt: skip
    return _load(spec, batch, sequence, bits, dims, allow_unknown, training=False)


def _load(
    spec: str, batch: int | None, sequence: int | None, bits: object, dims: Mapping[str, int] | None,
    allow_unknown: bool, *, training: bool,
) -> Network:  # fmt: skip
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
        return import_onnx(spec, dims=dims or {}, allow_unknown=allow_unknown, bits=bits, training=training)
    if suffix in (".yaml", ".yml"):
        _refuse(built_in | onnx_only, "a built-in network or an ONNX file", "write the extents into the file")
        return load_network(spec, bits=bits)
    raise unknown_network(spec)


def _refuse(options: Mapping[str, object], owner: str, remedy: str = "leave it out") -> None:
    for name, value in options.items():
        if value is not None:
            raise SpecError(
                f"this option needs {owner}", field=name, value=value, allowed=f"{OPTIONS[name]} with {owner}",
                remedy=remedy,
            )  # fmt: skip
