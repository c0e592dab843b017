"""A network with other layers in the place of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import networkx as nx

from optimizer.workload.layer import AnyLayer
from optimizer.workload.network import Network


def rebuilt(network: Network, change: Callable[[AnyLayer], AnyLayer], *, name: str | None = None) -> Network:
    """The network with every layer changed; names, edges, views and their order stay."""
    graph = nx.DiGraph()
    for layer_name, attributes in network.graph.nodes(data=True):
        graph.add_node(layer_name, **attributes | {"layer": change(attributes["layer"])})
    for layer_name in network.graph:
        graph.add_edges_from(network.graph.in_edges(layer_name, data=True))
    return replace(network, name=name or network.name, graph=graph, warnings=list(network.warnings))
