"""Groups of layers that may be fused, and the tensors that enter and leave them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import networkx as nx

from optimizer.workload.layer import AnyLayer, Layer
from optimizer.workload.network import Network
from optimizer.workload.views import View


@dataclass(frozen=True)
class FusionGroup:
    """Layers in the order in which they run, as part of a network.

    A group is *convex*: no path leads from a member out of the group and back into it. So groups that cover a
    network can run one after the other.
    """

    network: Network = field(repr=False, compare=False)
    members: tuple[str, ...]

    def layer(self, name: str) -> AnyLayer:
        """A member."""
        found: AnyLayer = self.network.graph.nodes[name]["layer"]
        return found

    @cached_property
    def position(self) -> Mapping[str, int]:
        """When every member runs, from 0."""
        return {name: n for n, name in enumerate(self.members)}

    def readers(self, producer: str) -> list[str]:
        """Members that read what a layer computes."""
        return [name for name in self.network.graph.successors(producer) if name in self.position]

    def sources(self, name: str) -> list[str]:
        """Layers whose output a member reads, in the order of its inputs."""
        return list(self.network.graph.predecessors(name))

    @cached_property
    def outside(self) -> tuple[str, ...]:
        """Layers outside whose output some member reads, in the order of the first reader."""
        found = (source for name in self.members for source in self.sources(name) if source not in self.position)
        return tuple(dict.fromkeys(found))

    def leaves(self, name: str) -> bool:
        """Is the output of a member read outside, or is it an output of the network?"""
        readers = list(self.network.graph.successors(name))
        return not readers or any(reader not in self.position for reader in readers)

    def stays(self, name: str) -> bool:
        """Is the output of a member read inside?"""
        return bool(self.readers(name))

    def view(self, producer: str, reader: str) -> View:
        """What a reader needs of a producer's output."""
        return self.network.view(producer, reader)


def operand_sources(network: Network, layer: Layer) -> dict[str, str] | None:
    """Per role the layer that computes the operand; None if that cannot be told.

    Roles whose operand no layer computes (weights, inputs of the network) are left out.
    """
    edges = {
        producer: network.graph.edges[producer, layer.name]["tensor"]
        for producer in network.graph.predecessors(layer.name)
    }
    if not edges:
        return {}
    named = {operand.tensor: operand.role for operand in layer.operands[:2]}
    if len(named) == 2 and all(tensor in named for tensor in edges.values()) and len(set(edges.values())) == len(edges):
        return {named[tensor]: producer for producer, tensor in edges.items()}
    return {"I": next(iter(edges))} if len(edges) == 1 and layer.parameter_count else None


def may_join(network: Network, name: str) -> bool:
    """May a layer be fused with others?

    It is known to read each tensor as one operand; it and all that it reads from run once and write one tensor.
    """
    layer = network.graph.nodes[name]["layer"]
    sources = (network.graph.nodes[source]["layer"] for source in network.graph.predecessors(name))
    if not all(map(_writes_one, (layer, *sources))):
        return False
    return not isinstance(layer, Layer) or operand_sources(network, layer) is not None


def _writes_one(layer: AnyLayer) -> bool:
    """Does a layer run once and write one tensor, of as many words at every position?"""
    even = isinstance(layer, Layer) or (len(layer.writes) == 1 and layer.writes[0][0] % math.prod(layer.grid) == 0)
    return even and layer.multiplicity == 1


def groups(network: Network, most: int) -> Iterator[FusionGroup]:
    """Every convex group of 2 to `most` layers that the tensors between them connect.

    Groups grow from their first layer (in the network's order) by neighbours that come later.
    """
    order = [layer.name for layer in network.layers()]
    rank = {name: n for n, name in enumerate(order)}
    free = {name for name in order if may_join(network, name)}
    undirected = network.graph.to_undirected(as_view=True)
    ancestors = {name: nx.ancestors(network.graph, name) for name in order}

    def convex(members: frozenset[str]) -> bool:
        above = set().union(*(ancestors[name] for name in members))
        return not any(members & ancestors[name] for name in above - members)

    for start in order:
        if start not in free:
            continue
        seen: set[frozenset[str]] = set()
        layer = [frozenset([start])]
        while layer:
            grown: list[frozenset[str]] = []
            for members in layer:
                if len(members) > 1 and convex(members):
                    yield FusionGroup(network, tuple(sorted(members, key=rank.__getitem__)))
                if len(members) == most:
                    continue
                around = {near for name in members for near in undirected.neighbors(name)} - members
                for near in sorted(around & free, key=rank.__getitem__):
                    larger = members | {near}
                    if rank[near] > rank[start] and larger not in seen:
                        seen.add(larger)
                        grown.append(larger)
            layer = grown
