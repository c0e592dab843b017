"""The ``sparsity`` key of network files: of one layer, or beside ``layers`` of all."""

from __future__ import annotations

from collections.abc import Set

from optimizer.files.yaml_fields import Fields
from optimizer.workload.layer import ROLES, Layer
from optimizer.workload.network import Network
from optimizer.workload.nm_blocks import Block
from optimizer.workload.sparsity import compress, default_dim, parse_ratio, sparsify

NONE = "none"


def in_blocks(fields: Fields, layer: Layer) -> Layer:
    """The layer with the sparsity that its entry states."""
    if fields.get("sparsity", NONE) == NONE:
        return layer
    role, ratio, dim = _stated(fields)
    kept, size = parse_ratio(ratio, file=fields.file, field=fields.at(f"sparsity.{role}"))
    along = dim or default_dim(layer, role)
    if along is None:
        fields.fail(
            f"no dim for the blocks of {role}",
            "sparsity",
            fields.get("sparsity"),
            "layers with channels to sum over",
            "name another dim with `dim:`, or leave the layer dense",
        )
    return compress(layer, Block(along, kept, size, role), file=fields.file, field=fields.at("sparsity"))


def everywhere(fields: Fields, network: Network, own: Set[str]) -> Network:
    """The network with the sparsity stated beside ``layers``; layers in `own` state theirs."""
    if fields.get("sparsity", NONE) == NONE:
        return network
    role, ratio, dim = _stated(fields)
    parse_ratio(ratio, file=fields.file, field=f"sparsity.{role}")
    return sparsify(network, ratio, role, dim=dim, leave=own)


def _stated(fields: Fields) -> tuple[str, str, str | None]:
    """(role, ratio, dim) of the key."""
    given = fields.get("sparsity")
    example = 'like {W: "2:4"} or {W: "2:4", dim: C}, or none'
    if not isinstance(given, dict):
        fields.fail("expected a role with a ratio", "sparsity", given, example)
    roles = [key for key in given if key != "dim"]
    if len(roles) != 1 or roles[0] not in ROLES:
        fields.fail("one operand can be sparse", "sparsity", given, example)
    dim = given.get("dim")
    if dim is not None and not isinstance(dim, str):
        fields.fail("expected the name of a dim", "sparsity.dim", dim, "a dim of the layer")
    return roles[0], given[roles[0]], dim
