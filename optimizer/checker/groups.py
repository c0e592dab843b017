"""Groups of a result: they are walked by their decisions, and compared with what is stated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import networkx as nx

from optimizer.golden.group_entry import Data
from optimizer.problem.fusion_options import Fusion
from optimizer.workload.network import Network

STRIPS = (2, 4, 8)
SLICES = (2, 32)


def undeclared(group: Data, fusion: Fusion) -> Iterator[str]:
    """Decisions of a group outside of the declared space: axes, halo, strips, slices."""
    for axis, parts in group["tile"]["parts"].items():
        if parts > 1 and axis not in fusion.axes:
            yield f"it is cut into {parts} parts along {axis}, allowed are {', '.join(fusion.axes)}"
    for axis, policy in group["halo"].items():
        if policy not in fusion.halo:
            yield f"halo along {axis} is {policy}, allowed are {', '.join(fusion.halo)}"
    strips, slices = group["strips"], group["slices"]
    if len(strips) + (slices is not None) > 1 or not set(strips.values()) <= set(STRIPS):
        yield f"strips {strips} and slices {slices}: at most one layer in 2, 4 or 8 strips, or slices"
    if slices is not None and not SLICES[0] <= slices["number"] <= SLICES[1]:
        yield f"{slices['number']} slices, allowed are {SLICES[0]} to {SLICES[1]}"


def partition_faults(network: Network, groups: list[tuple[str, ...]], most: int) -> Iterator[str]:
    """Groups are disjoint, have at most `most` layers, are connected, and can run one after the other."""
    owner = {name: name for name in network.graph}
    for name, times in Counter(name for members in groups for name in members).items():
        if times > 1:
            yield f"{name} is in {times} groups"
    for number, members in enumerate(groups):
        owner |= dict.fromkeys(members, f"group {number + 1}")
        if not 2 <= len(members) <= most:
            yield f"group {number + 1} has {len(members)} layers, allowed are 2 to {most}"
        elif not nx.is_connected(network.graph.subgraph(members).to_undirected()):
            yield f"no tensors connect the layers of group {number + 1}"
    joined = nx.DiGraph((owner[a], owner[b]) for a, b in network.graph.edges if owner[a] != owner[b])
    if not nx.is_directed_acyclic_graph(joined):
        yield "some groups read from each other: none can run first"
