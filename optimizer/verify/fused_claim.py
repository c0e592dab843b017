"""What is claimed of a fused group, what it means on the network, and what it must satisfy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from functools import cached_property

import networkx as nx

from optimizer.geometry import TILE_AXES, View
from optimizer.hardware import Hardware
from optimizer.mapping import Mapping
from optimizer.workload import AnyLayer, Layer, Network, VectorLayer

HALO = ("cache", "recompute")

RunKey = tuple[str, tuple[tuple[str, int], ...]]
"""A layer and the extents of the dims that tiles cut, in the order of the tile axes."""


@dataclass(frozen=True)
class ClaimedRun:
    """Equal runs of a layer: the mapping of each, how many, and what is left of the buffer for its tiles, if said."""

    mapping: Mapping
    count: int
    room_bits: int | None = None


@dataclass(frozen=True)
class FusedClaim:
    """How a group of layers is said to run.

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
        Into how many strips of rows a layer cuts its part of a tile; 1 where nothing is said.
    """

    members: tuple[str, ...]
    parts: tuple[int, int, int]
    halo: tuple[str, str]
    runs: Dict[RunKey, ClaimedRun]
    resident: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    strips: Dict[str, int] = field(default_factory=dict)


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
        """Members that layers outside read, or nobody."""
        return frozenset(
            name for name in self.claim.members
            if self.network.graph.out_degree(name) == 0 or self.network.graph.out_degree(name) > len(self.readers(name))
        )  # fmt: skip

    @cached_property
    def buffered(self) -> frozenset[str]:
        """Layers whose output passes through the buffer only, or is held there."""
        return self.inner | self.claim.held

    def roles(self, layer: Layer) -> dict[str, str] | None:
        """The operand as which a layer reads every source; None if that cannot be told."""
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
        """Operands that a layer finds, or leaves, in the buffer."""
        kept = {role for source, role in (self.roles(layer) or {}).items() if source in self.buffered}
        kept |= {"O"} if layer.name in self.inner else set()
        return frozenset(kept | ({"W"} if layer.name in self.claim.resident else set()))

    def output(self, name: str) -> tuple[int, int]:
        """Words of one position of a layer's output, and bits of one word."""
        layer = self.layer(name)
        words, bits = _written(layer)[0]
        return words // math.prod(layer.grid), bits

    def weight_bits(self) -> int:
        """Bits of all resident weights."""
        layers = [self.layer(name) for name in sorted(self.claim.resident)]
        weights = [(layer.operand("W"), layer.extents) for layer in layers if isinstance(layer, Layer)]
        return sum(operand.footprint(extents) * operand.bits for operand, extents in weights)


def _written(layer: AnyLayer) -> tuple[tuple[int, int], ...]:
    """(words, bits) of every tensor that a layer writes."""
    if isinstance(layer, VectorLayer):
        return layer.writes
    operand = layer.operand("O")
    return ((operand.footprint(layer.extents), operand.bits),)


def breaches(stage: Stage, hardware: Hardware) -> list[str]:
    """What leaves the meaning of a claim open, so that it cannot be executed."""
    unknown = [*_members(stage)]
    return unknown or [*_group(stage), *_cut(stage), *_choices(stage), *_tensors(stage), *_buffer(hardware)]


def _members(stage: Stage) -> Iterator[str]:
    members = stage.claim.members
    if not members:
        yield "the group has no members"
    for name in dict.fromkeys(members):
        if name not in stage.network.graph:
            yield f"the network has no layer {name}"
        if members.count(name) > 1:
            yield f"{name} is a member more than once"


def _group(stage: Stage) -> Iterator[str]:
    """Members run once each, after all that they read; no path leads out of the group and back."""
    members = stage.claim.members
    place = {name: n for n, name in enumerate(members)}
    for name in members:
        if stage.layer(name).multiplicity != 1:
            yield f"{name} runs {stage.layer(name).multiplicity} times, so it cannot be fused"
        for source in stage.sources(name):
            if place.get(source, -1) > place[name]:
                yield f"{name} runs before {source}, whose output it reads"
    for name in stage.outside:
        if stage.layer(name).multiplicity != 1:
            yield f"{name} runs {stage.layer(name).multiplicity} times, so no member can read its output"
        for member in sorted(place.keys() & nx.ancestors(stage.network.graph, name), key=place.__getitem__):
            yield f"{name} is read inside the group and needs {member}, which is a member"


def _cut(stage: Stage) -> Iterator[str]:
    claim = stage.claim
    if any(type(parts) is not int or parts < 1 for parts in claim.parts) or len(claim.parts) != len(TILE_AXES):
        yield f"{claim.parts} is not a number of parts along {', '.join(TILE_AXES)}"
        return
    for policy in claim.halo:
        if policy not in HALO:
            yield f"unknown halo policy {policy!r}, known are {', '.join(HALO)}"
    for name in claim.members:
        for axis, parts, extent in zip(TILE_AXES, claim.parts, stage.layer(name).grid, strict=True):
            if name in stage.leaving and extent % parts:
                yield f"{parts} parts do not divide the {extent} positions of {name} along {axis}"


def _choices(stage: Stage) -> Iterator[str]:
    claim, members = stage.claim, set(stage.claim.members)
    for name in sorted(claim.resident):
        layer = stage.layer(name) if name in members else None
        if not isinstance(layer, Layer) or "W" in (stage.roles(layer) or {}).values():
            yield f"{name} has no weights that could be resident"
    for name in sorted(claim.held - set(stage.outside)):
        yield f"{name} is not outside of the group and read by a member, so it cannot be held"
    for name, strips in claim.strips.items():
        if name not in members or not isinstance(stage.layer(name), Layer):
            yield f"{name} cannot run in strips: it is no multiply-accumulate layer of the group"
        if type(strips) is not int or strips < 1:
            yield f"{name} cannot run in {strips!r} strips"


def _tensors(stage: Stage) -> Iterator[str]:
    """Every tensor is one output of as many words at all positions; it is known what reads it as what."""
    for name in (*stage.claim.members, *stage.outside):
        layer = stage.layer(name)
        written = _written(layer)
        if len(written) != 1 or written[0][0] % math.prod(layer.grid):
            yield f"{name} does not write one tensor of as many words at every position"
        if isinstance(layer, Layer) and name in stage.claim.members and stage.roles(layer) is None:
            yield f"it cannot be told which operands of {name} other layers compute"


def _buffer(hardware: Hardware) -> Iterator[str]:
    if len(hardware.levels) < 2 or hardware.levels[0].mesh != (1, 1) or hardware.levels[1].mesh != (1, 1):
        yield "there is no single buffer next to the outermost level"
