"""N:M sparsity of layers and networks: which layers are put into blocks, and along which dim."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import replace

from optimizer.errors import SpecError
from optimizer.workload.layer import ROLES, Axis, Layer
from optimizer.workload.network import Network
from optimizer.workload.nm_blocks import Block

_RATIO = re.compile(r"(\d{1,4}):(\d{1,4})")


def parse_ratio(ratio: object, *, file: str | None = None, field: str = "sparsity") -> tuple[int, int]:
    """The numbers of ``N:M``.

    Raises
    ------
    SpecError
        If that is not a ratio below 1.
    """
    match = _RATIO.fullmatch(ratio.strip()) if isinstance(ratio, str) else None
    kept, size = (int(number) for number in match.groups()) if match else (0, 0)
    if not 1 <= kept < size:
        raise SpecError(
            "not a sparsity",
            file=file,
            field=field,
            value=ratio,
            allowed='"N:M" with 1 <= N < M',
            remedy='write e.g. "2:4", in quotes: two of every four elements are stored',
        )
    return kept, size


def compress(layer: Layer, block: Block, *, file: str | None = None, field: str | None = None) -> Layer:
    """A layer in blocks: the extent of the block's dim counts blocks, the bits of operands are those of blocks.

    Parameters
    ----------
    layer : Layer
        Not in blocks.
    block : Block
        Of any operand; its dim may be one that is summed over (W of a convolution along C), or one of the output's (the
        same weights where the gradient of the input is computed, or their own gradient).
    file, field : str, optional
        Where the sparsity came from, for messages.

    Raises
    ------
    SpecError
        If the layer is in blocks already, the dim does not index the operand, is part of a window or stride, or is no
        multiple of the block's size.
    """
    where = f"{layer.name}.sparsity" if field is None else field

    def fail(problem: str, value: object, allowed: str, remedy: str) -> SpecError:
        return SpecError(problem, file=file, field=where, value=value, allowed=allowed, remedy=remedy)

    if layer.block is not None:
        raise fail("the layer is in blocks already", block.ratio, layer.block.ratio, "give one sparsity per layer")
    if block.role not in ROLES:
        raise fail("unknown role", block.role, ", ".join(ROLES), "sparsity is that of W, I or O")
    possible = _possible(layer, block.role)
    if block.dim not in possible:
        raise fail(
            f"blocks of {block.role} cannot lie along this dim",
            block.dim,
            ", ".join(possible) or "no dim",
            f"name a dim that indexes {block.role} and is part of no window or stride",
        )
    extent = layer.extents[block.dim]
    if extent % block.size:
        raise fail(
            f"the dim {block.dim} does not fall into whole blocks",
            extent,
            f"multiples of {block.size}",
            "choose another ratio or dim, or leave the layer dense (sparsity: none)",
        )
    weights, inputs, outputs = (
        replace(o, bits=block.word_bits(o.role, o.dims, o.bits), taken_bits=block.step_bits(o.role, o.bits))
        for o in layer.operands
    )
    dims = tuple((dim, e // block.size if dim == block.dim else e) for dim, e in layer.dims)
    return replace(layer, dims=dims, operands=(weights, inputs, outputs), block=block)


def dense(layer: Layer) -> Layer:
    """The layer that :func:`compress` was given; a layer that is not in blocks as it is."""
    block = layer.block
    if block is None:
        return layer
    weights, inputs, outputs = (
        replace(o, bits=block.element_bits(o.role, o.dims, o.bits), taken_bits=None) for o in layer.operands
    )
    dims = tuple((dim, extent * layer.elements(dim)) for dim, extent in layer.dims)
    return replace(layer, dims=dims, operands=(weights, inputs, outputs), block=None)


def _possible(layer: Layer, role: str) -> list[str]:
    """Dims along which blocks of an operand can lie."""
    return [dim for dim, _ in layer.dims if dim in layer.operand(role).dims and _is_plain(layer, dim)]


def _is_plain(layer: Layer, dim: str) -> bool:
    """True if the dim is the only term, with coefficient 1, of every axis that it is part of."""
    axes = (axis for operand in layer.operands for axis in operand.axes)
    return all(axis == Axis(((dim, 1),)) for axis in axes if dim in dict(axis.terms))


def default_dim(layer: Layer, role: str) -> str | None:
    """The dim along which blocks lie where nothing is said: the first that is summed over (C, or K of a matmul).

    Blocks of the output lie along its last dim that W has too. None where there is no such dim.
    """
    summed = role != "O"
    found = [
        dim
        for dim in _possible(layer, role)
        if layer.extents[dim] > 1 and (dim not in layer.operand("O").dims if summed else dim in layer.operand("W").dims)
    ]
    return None if not found else found[0] if summed else found[-1]


def densify(network: Network) -> Network:
    """The network with no layer in blocks."""
    return _changed(network, {layer.name: dense(layer) for layer in network.mac_layers() if layer.block is not None})


def _changed(network: Network, layers: dict[str, Layer], warnings: Iterable[str] = ()) -> Network:
    """The network with other layers of these names."""
    found = replace(network, graph=network.graph.copy(), warnings=[*network.warnings, *warnings])
    for name, layer in layers.items():
        found.graph.nodes[name]["layer"] = layer
    return found


def sparsify(
    network: Network,
    ratio: str,
    role: str = "W",
    *,
    dim: str | None = None,
    leave: Set[str] = frozenset(),
    field: str = "sparsity",
) -> Network:
    """The network with all layers in blocks that can be; a warning names those that stay dense.

    Only learned weights are pruned: a layer whose W another layer computes stays as it is. So do layers that are in
    blocks already, and those named in `leave`. Blocks lie along `dim`, or by default along :func:`default_dim`.

    Raises
    ------
    SpecError
        On a bad ratio, or if no layer can be put into blocks.
    """
    kept, size = parse_ratio(ratio, field=field)
    stay: dict[str, list[str]] = {}
    sparse: dict[str, Layer] = {}
    for layer in network.mac_layers():
        if layer.block is not None or layer.name in leave:
            continue
        block = Block(dim or default_dim(layer, role) or "", kept, size, role)
        reason = _stays(layer, block)
        if reason:
            stay.setdefault(reason, []).append(layer.name)
        else:
            sparse[layer.name] = compress(layer, block)
    if not sparse and stay:
        raise SpecError(
            "no layer can have this sparsity",
            field=field,
            value=f"{role}={ratio}",
            allowed=f"a layer with learned weights and a dim that is a multiple of {size}",
            remedy=f"choose another ratio; dense stay {_listed(stay)}",
        )
    return _changed(network, sparse, [f"sparsity {role} {ratio}: dense stay {_listed(stay)}"] if stay else [])


def _listed(stay: dict[str, list[str]]) -> str:
    """Layers by the reason why they stay dense; of many the first ones."""

    def some(names: list[str]) -> str:
        return ", ".join(names) if len(names) < 5 else f"{', '.join(names[:3])} and {len(names) - 3} more"

    return "; ".join(f"{some(names)} ({reason})" for reason, names in stay.items())


def _stays(layer: Layer, block: Block) -> str:
    """Why a layer stays dense; empty if it does not."""
    if block.role == "W" and not layer.parameter_count:
        return "W is not learned"
    if not block.dim:
        return "no channels to sum over"
    if block.dim not in _possible(layer, block.role):
        return f"no plain dim {block.dim}"
    extent = layer.extents[block.dim]
    return f"{block.dim} is {extent}" if extent % block.size else ""
