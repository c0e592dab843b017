"""Channel slices: layers that work on equal parts of the channels between them, one part after the other.

A *chain* of layers runs, on every tile, once per slice: the first computes a slice of its output's channels,
the last adds what this slice contributes to its sums. Layers in between (depthwise) turn a slice into a slice. So the
buffer never holds more than a slice of the tensors between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.fusion.groups import FusionGroup, operand_sources
from optimizer.workload.layer import Axis, Layer

NUMBERS = (2, 4, 8, 16, 32)
"""Numbers of slices that are tried."""


@dataclass(frozen=True)
class Slices:
    """A chain that runs in slices.

    Parameters
    ----------
    chain : tuple of str
        Layers that take turns, at least two.
    dims : tuple of str
        Per layer the dim that is sliced; of the last it is summed over.
    number : int
        Slices.
    gathers : bool
        Does the buffer hold the last layer's partial sums, though its output only leaves the group? Otherwise every
        slice but the first reads them from outside, and all write them there.
    """

    chain: tuple[str, ...]
    dims: tuple[str, ...]
    number: int
    gathers: bool = False

    @property
    def gathered(self) -> frozenset[str]:
        """The layer whose partial sums are gathered, if any."""
        return frozenset(self.chain[-1:] if self.gathers else ())


def slice_chains(group: FusionGroup) -> Iterator[Slices]:
    """Every chain of a group, with each number of slices that divides its channels (the last layer's blocks of them).

    Its layers follow one another in the group's order; each but the first reads as its input, and as the only reader,
    what the one before computes, and no other tensor of the network.
    """
    for start, name in enumerate(group.members):
        made = _made_dim(group.layer(name))
        layer = group.layer(name)
        if made is None or not isinstance(layer, Layer) or "W" in (operand_sources(group.network, layer) or {}):
            continue
        chain, dims, channels = [name], [made], layer.extents[made]
        for reader in group.members[start + 1 :]:
            dim = _read_dim(group, chain[-1], reader, channels)
            if dim is None:
                break
            chain.append(reader)
            dims.append(dim)
            if not _passes(group, reader, dim):
                last = group.layer(reader)
                assert isinstance(last, Layer)
                for number in (n for n in NUMBERS if last.extents[dim] % n == 0):
                    yield Slices(tuple(chain), tuple(dims), number)
                break


def _made_dim(layer: object) -> str | None:
    """The dim that is the channels of what a layer computes: the only one besides the tile axes."""
    if not isinstance(layer, Layer):
        return None
    found = [dim for dim in layer.operand("O").dims if dim not in layer.tile_dims and layer.extents[dim] > 1]
    return found[0] if len(found) == 1 else None


def _read_dim(group: FusionGroup, source: str, reader: str, channels: int) -> str | None:
    """The dim that is the channels of what a layer reads; None if it cannot follow the source in a chain."""
    layer = group.layer(reader)
    if not isinstance(layer, Layer) or operand_sources(group.network, layer) != {"I": source}:
        return None
    if group.readers(source) != [reader] or group.leaves(source):
        return None
    axes = layer.operand("I").axes
    found = [
        dim for dim, extent in layer.dims if extent > 1 and dim not in layer.tile_dims and Axis(((dim, 1),)) in axes
    ]
    return found[0] if len(found) == 1 and layer.extents[found[0]] * layer.elements(found[0]) == channels else None


def _passes(group: FusionGroup, name: str, dim: str) -> bool:
    """Does a layer turn a slice of its input into a slice of its output?"""
    layer = group.layer(name)
    assert isinstance(layer, Layer)
    return dim in layer.operand("O").dims
