"""Networks by one string: a built-in name, an ONNX file or a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from optimizer.errors import SpecError
from optimizer.networks.catalog import CATALOG, build, unknown_network
from optimizer.onnx_import import import_onnx
from optimizer.sparsity import densify, sparsify
from optimizer.sparsity_yaml import NONE
from optimizer.workload import ROLES, Network
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
    sparsity: tuple[str, str] | str | None = None,
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
    sparsity : (role, ratio) or "none", optional
        ``("W", "2:4")``: put all layers in blocks that can be (:func:`optimizer.sparsity.sparsify`); ``"none"``: none,
        whatever a file says.

    Raises
    ------
    SpecError
        If nothing goes by that name, or an option does not apply.
    """
    network = _load(spec, batch, sequence, bits, dims, allow_unknown)
    return network if sparsity is None else _with_sparsity(network, sparsity)


def _with_sparsity(network: Network, rule: tuple[str, str] | str) -> Network:
    if rule == NONE:
        return densify(network)
    if isinstance(rule, str) or rule[0] not in ROLES:
        raise SpecError(
            "not a sparsity", field="--sparsity", value=rule, allowed="none, or W, I or O with a ratio",
            remedy="write e.g. W=2:4",
        )  # fmt: skip
    return sparsify(network, rule[1], rule[0], field="--sparsity")


def _load(
    spec: str, batch: int | None, sequence: int | None, bits: object, dims: Mapping[str, int] | None,
    allow_unknown: bool,
) -> Network:  # fmt: skip
    """The network as it is."""
    suffix = Path(spec).suffix.lower()
    built_in: dict[str, object] = {"batch": batch, "sequence": sequence}
    onnx_only: dict[str, object] = {"dims": dims or None, "allow_unknown": allow_unknown or None}
    if spec in CATALOG:
        _refuse(onnx_only, "an ONNX file")
        return build(spec, batch=1 if batch is None else batch, bits=bits, sequence=sequence)
    if suffix == ".onnx":
        _refuse(built_in, "a built-in network", "fix the model's own dims with --dim name=value")
        return import_onnx(spec, dims=dims or {}, allow_unknown=allow_unknown, bits=bits)
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
