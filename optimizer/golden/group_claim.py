"""A claim about a fused group: its decisions, and the tensors and layers of the network that they concern."""

from __future__ import annotations

import math
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from functools import cached_property

from optimizer.mapping.mapping import Mapping
from optimizer.workload.layer import AnyLayer, Layer, VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.views import View

HALO = ("cache", "recompute")

RunKey = tuple[str, tuple[tuple[str, int], ...], bool]
"""A layer, the extents of the dims that tiles cut, in the order of the tile axes, with that of the dim that is sliced
behind them, and whether the run adds to partial sums from before."""


@dataclass(frozen=True)
class ClaimedRun:
    """Equal runs of a layer: their mapping, their number, and the buffer space left for its tiles, if stated."""

    mapping: Mapping
    count: int
    room_bits: int | None = None


@dataclass(frozen=True)
class FusedClaim:
    """The claimed execution of a group of layers.

    Parameters
    ----------
    members : tuple of str
        Layers in the order in which they run on every tile.
    parts : (int, int, int)
        Equal parts into which the outputs that leave the group are cut: batch, rows, columns.
    halo : (str, str)
        Along rows and columns: ``cache`` keeps what later tiles need, ``recompute`` computes it again. Along the batch
        all is kept.
    runs : mapping of RunKey to ClaimedRun
        Every run of a multiply-accumulate layer.
    resident : frozenset of str
        Layers whose weights the buffer holds all the time.
    held : frozenset of str
        Layers outside whose output is brought into the buffer, tile by tile, for all that read it.
    strips : mapping of str to int
        Number of strips of rows into which a layer cuts its part of a tile; 1 if not stated.
    chain : tuple of str
        Layers that take turns on slices of the channels between them; empty if none do.
    slices : int
        Number of slices.
    gathers : bool
        Does the buffer hold the partial sums of the chain's last layer, though its output only leaves the group?
    """

    members: tuple[str, ...]
    parts: tuple[int, int, int]
    halo: tuple[str, str]
    runs: Dict[RunKey, ClaimedRun]
    resident: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    strips: Dict[str, int] = field(default_factory=dict)
    chain: tuple[str, ...] = ()
    slices: int = 1
    gathers: bool = False


@dataclass(frozen=True)
class Stage:
    """The members of a claim as part of their network."""

    network: Network
    claim: FusedClaim

    def layer(self, name: str) -> AnyLayer:
        """A layer of the network."""
        found: AnyLayer = self.network.graph.nodes[name]["layer"]
        return found

    def sources(self, name: str) -> list[str]:
        """Layers whose output a layer reads."""
        return list(self.network.graph.predecessors(name))

    def readers(self, name: str) -> list[str]:
        """Members that read the output of a layer, in the order in which they run."""
        return [member for member in self.claim.members if self.network.graph.has_edge(name, member)]

    def view(self, source: str, reader: str) -> View:
        """What a reader needs of a source."""
        return self.network.view(source, reader)

    @cached_property
    def outside(self) -> tuple[str, ...]:
        """Layers outside that members read."""
        known = set(self.claim.members)
        return tuple(dict.fromkeys(s for name in self.claim.members for s in self.sources(name) if s not in known))

    @cached_property
    def inner(self) -> frozenset[str]:
        """Members that other members read."""
        return frozenset(name for name in self.claim.members if self.readers(name))

    @cached_property
    def leaving(self) -> frozenset[str]:
        """Members whose output leaves the group: read by outside layers, or by none."""
        return frozenset(
            name
            for name in self.claim.members
            if self.network.graph.out_degree(name) == 0 or self.network.graph.out_degree(name) > len(self.readers(name))
        )

    @cached_property
    def buffered(self) -> frozenset[str]:
        """Layers whose output passes through the buffer, or is held there."""
        return self.inner | self.claim.held | self.gathered

    @property
    def gathered(self) -> frozenset[str]:
        """The layer whose partial sums the buffer holds temporarily."""
        return frozenset(self.claim.chain[-1:] if self.claim.gathers else ())

    @property
    def sliced(self) -> frozenset[str]:
        """Layers whose output the buffer holds one slice of channels at a time."""
        return frozenset(self.claim.chain[:-1])

    def roles(self, layer: Layer) -> dict[str, str] | None:
        """The operand through which a layer reads every source; None if it is ambiguous."""
        sources = self.sources(layer.name)
        by_name: dict[str, list[str]] = {}
        for operand in layer.operands[:2]:
            by_name.setdefault(operand.tensor, []).append(operand.role)
        found: dict[str, str] = {}
        for source in sources:
            tensor = self.network.graph.edges[source, layer.name]["tensor"]
            if len(by_name.get(tensor, ())) == 1:
                found[source] = by_name[tensor][0]
        if len(found) == len(set(found.values())) == len(sources):
            return found
        return {sources[0]: "I"} if len(sources) == 1 and layer.parameter_count else None

    def pinned(self, layer: Layer) -> frozenset[str]:
        """Operands that are in the buffer before or after a layer runs."""
        kept = {role for source, role in (self.roles(layer) or {}).items() if source in self.buffered}
        kept |= {"O"} if layer.name in self.inner | self.gathered else set()
        return frozenset(kept | ({"W"} if layer.name in self.claim.resident else set()))

    def output(self, name: str) -> tuple[int, int]:
        """Words of one position of a layer's output, and bits of one word."""
        layer = self.layer(name)
        words, bits = written(layer)[0]
        return words // math.prod(layer.grid), bits

    def weight_bits(self) -> int:
        """Bits of all resident weights."""
        layers = [self.layer(name) for name in sorted(self.claim.resident)]
        weights = [(layer.operand("W"), layer.extents) for layer in layers if isinstance(layer, Layer)]
        return sum(operand.footprint(extents) * operand.bits for operand, extents in weights)


def written(layer: AnyLayer) -> tuple[tuple[int, int], ...]:
    """(words, bits) of every tensor that a layer writes."""
    if isinstance(layer, VectorLayer):
        return layer.writes
    operand = layer.operand("O")
    return ((operand.footprint(layer.extents), operand.bits),)
