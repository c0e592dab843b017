"""Validity of user-given groups on their network; the first fault is an error."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import Any

import networkx as nx

from formulations.primes import divisors
from optimizer.errors import SpecError
from optimizer.files.yaml_fields import Fields
from optimizer.fusion.groups import FusionGroup, may_join, operand_sources
from optimizer.fusion.plan import Frame
from optimizer.fusion.slices import Slices
from optimizer.fusion.tilings import Cut
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network
from optimizer.workload.views import TILE_AXES


def check_members(network: Network, entries: Sequence[Fields]) -> None:
    """Members exist, may be fused, and are in one group each; groups are connected and convex.

    Raises
    ------
    SpecError
    """
    owner: dict[str, str] = {}
    for fields in entries:
        names: Any = fields.get("layers")
        for number, name in enumerate(names):
            _check_member(network, fields, f"layers[{number}]", name)
            if name in owner:
                fields.fail(
                    f"the layer is in {owner[name]} already",
                    f"layers[{number}]",
                    name,
                    "every layer once, in one group at most",
                    "take it out of one of the two places",
                )
            owner[name] = fields.path
        _check_connected(network, fields, names)
        _check_convex(network, fields, names)


def _check_member(network: Network, fields: Fields, key: str, name: str) -> None:
    if name not in network.graph:
        close = difflib.get_close_matches(name, network.graph, 1)
        fields.fail(
            f"the network {network.name} has no such layer",
            key,
            name,
            ", ".join(network.graph),
            f"did you mean {close[0]}?" if close else "use one of these names",
        )
    if not may_join(network, name):
        fields.fail(
            "this layer cannot be fused with others",
            key,
            name,
            "layers that read each tensor as one known operand, and that, like all they read from, run once and write "
            "one tensor of as many words at every position",
            "leave it out of the group: it then runs by itself",
        )


def _check_connected(network: Network, fields: Fields, names: list[str]) -> None:
    parts = list(nx.connected_components(network.graph.subgraph(names).to_undirected()))
    if len(parts) > 1:
        parts.sort(key=lambda part: min(names.index(name) for name in part))
        listed = " | ".join(", ".join(name for name in names if name in part) for part in parts)
        fields.fail(
            f"no tensors connect these parts of the group: {listed}",
            "layers",
            names,
            "layers that read from each other, directly or through others of the group",
            "make groups of the parts, or add the layers between them",
        )


def _check_convex(network: Network, fields: Fields, names: list[str]) -> None:
    after = set().union(*(nx.descendants(network.graph, name) for name in names))
    before = set().union(*(nx.ancestors(network.graph, name) for name in names))
    between = [layer.name for layer in network.layers() if layer.name in after & before - set(names)]
    if between:
        fields.fail(
            f"a path leaves the group and comes back into it, through {', '.join(between)}",
            "layers",
            names,
            "groups that contain all layers on the paths between their own",
            f"add {', '.join(between)} to the group, or take layers out",
        )


def check_order(network: Network, groups: Sequence[FusionGroup], file: str | None) -> None:
    """Groups can run one after the other.

    Raises
    ------
    SpecError
        If some read from each other in a ring.
    """
    owner = {name: name for name in network.graph}
    for number, group in enumerate(groups):
        owner |= dict.fromkeys(group.members, f"groups[{number}]")
    joined = nx.DiGraph((owner[a], owner[b]) for a, b in network.graph.edges if owner[a] != owner[b])
    if not nx.is_directed_acyclic_graph(joined):
        ring = [start for start, _ in nx.find_cycle(joined)]
        raise SpecError(
            "groups read from each other in a ring, so none can run first",
            file=file,
            field="groups",
            value=[*ring, ring[0]],
            allowed="groups that can run one after the other",
            remedy="join these groups into one, or take layers out of them",
        )


def check_parts(group: FusionGroup, cut: Cut, fields: Fields) -> None:
    """Parts divide every output that leaves the group.

    Raises
    ------
    SpecError
    """
    leaving = [name for name in group.members if group.leaves(name)]
    for axis, (key, parts) in enumerate(zip(TILE_AXES, cut.parts, strict=True)):
        extents = {name: group.layer(name).grid[axis] for name in leaving}
        if any(extent % parts for extent in extents.values()):
            listed = ", ".join(f"{name} has {extent}" for name, extent in extents.items())
            fields.fail(
                f"the parts do not divide the {key} of all outputs that leave the group: {listed}",
                f"tile.parts.{key}",
                parts,
                ", ".join(map(str, divisors(math.gcd(*extents.values())))),
                "choose one of these numbers",
            )


def check_policies(group: FusionGroup, fields: Fields) -> None:
    """Named weights exist, and held tensors are read from outside.

    Raises
    ------
    SpecError
    """
    weights: Any = fields.get("weights", {})
    held: Any = fields.get("held", [])
    able = [name for name in group.members if _has_weights(group, name)]
    for name, how in weights.items():
        if name not in able:
            fields.fail(
                f"{name} is no layer of this group with weights of its own",
                f"weights.{name}",
                how,
                ", ".join(able) or "none: no layer of the group has weights",
                "remove this entry",
            )
    for number, name in enumerate(held):
        if name not in group.outside:
            fields.fail(
                "no layer of the group reads such a tensor from outside",
                f"held[{number}]",
                name,
                ", ".join(group.outside) or "none: the group reads from no layer outside",
                "remove this entry",
            )


def _has_weights(group: FusionGroup, name: str) -> bool:
    layer = group.layer(name)
    if not isinstance(layer, Layer) or not layer.parameter_count:
        return False
    return "W" not in (operand_sources(group.network, layer) or {})


def check_strips(frame: Frame, fields: Fields) -> None:
    """Strips belong to layers that may run in strips, and divide their rows on every tile.

    Raises
    ------
    SpecError
    """
    given: Any = fields.get("strips", {})
    able = frame.strippable()
    for name, strips in given.items():
        if strips == 1 and name in frame.group.position:
            continue
        if name not in able:
            fields.fail(
                f"{name} cannot run in strips: that takes a multiply-accumulate layer with whole columns that is the "
                "last to read its input and whose input and output stay in the buffer",
                f"strips.{name}",
                strips,
                ", ".join(able) or "none: no layer of the group under this tile",
                "remove this entry",
            )
        rows = math.gcd(*frame.tiling.tensors[name].steps[1].sizes)
        if rows % strips:
            fields.fail(
                f"the strips do not divide the rows of {name} on every tile",
                f"strips.{name}",
                strips,
                ", ".join(map(str, divisors(rows))),
                "choose one of these numbers",
            )


def check_slices(frame: Frame, fields: Fields) -> Slices | None:
    """Layers that take turns can do so under this tile, on this number of slices.

    Raises
    ------
    SpecError
    """
    given: Any = fields.get("slices")
    if given is None:
        return None
    chain, number, gathers = tuple(given["layers"]), given["number"], given.get("gathers", False)
    for slices in frame.slices:
        if (slices.chain, slices.number, slices.gathers) == (chain, number, gathers):
            strips: Any = fields.get("strips", {})
            if any(name in chain for name in strips):
                fields.fail("strips and slices do not go together", "slices", given, "one of them", "remove one")
            return slices
    able = dict.fromkeys(f"{', '.join(s.chain)} in {s.number}{' gathered' if s.gathers else ''}" for s in frame.slices)
    fields.fail(
        "these layers cannot take turns on so many slices under this tile: each has to be the only reader of the one "
        "before, of which no tile may need what another computed",
        "slices",
        given,
        "; ".join(able) or "none: no layers of the group under this tile",
        "remove this entry, or choose one of these",
    )
