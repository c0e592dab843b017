"""The constraints of an architecture on mappings, given to the layers that they are for."""

from __future__ import annotations

from dataclasses import replace

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.mapping_constraints import MappingConstraint
from optimizer.errors import SpecError
from optimizer.workload.layer import Layer
from optimizer.workload.mapping_rules import KeepRule, TileRule, UnrollRule
from optimizer.workload.network import Network


def ruled_layer(layer: Layer, architecture: Architecture) -> Layer:
    """A layer with the rules that an architecture states for it."""
    rules = tuple(one.rule for one in architecture.mapping if _is_for(one, layer))
    return replace(layer, rules=rules) if rules else layer


def ruled_network(network: Network, architecture: Architecture) -> Network:
    """A network whose layers have the rules of an architecture; a warning names constraints that are for none."""
    if not architecture.mapping:
        return network
    layers = network.mac_layers()
    idle = [one.title for one in architecture.mapping if not any(_is_for(one, layer) for layer in layers)]
    warnings = [f"the constraint {title} is for no layer of {network.name}" for title in idle]
    found = replace(network, graph=network.graph.copy(), warnings=[*network.warnings, *warnings])
    for layer in layers:
        found.graph.nodes[layer.name]["layer"] = ruled_layer(layer, architecture)
    return found


def _is_for(constraint: MappingConstraint, layer: Layer) -> bool:
    """Is a constraint for a layer? Those on tiles ask for a dim that indexes the tensor."""
    rule = constraint.rule
    if isinstance(rule, TileRule) and rule.dim is not None and rule.dim not in layer.operand(rule.tensor).dims:
        return False
    return constraint.is_for(layer.name, [dim for dim, _ in layer.dims])


def check_rules(network: Network, architecture: Architecture, engine: str, *, fused: bool) -> None:
    """Refuse rules that a search does not take.

    Raises
    ------
    SpecError
        With fusion, on any rule; of engines other than path, on rules that are more than choices of levels.
    """
    rules = [rule for layer in network.mac_layers() for rule in layer.rules]
    if rules and fused:
        raise SpecError(
            "constraints on mappings do not go together with fusion",
            file=architecture.file,
            field="mapping",
            value=rules[0].title,
            allowed="no constraints on mappings, or no fusion",
            remedy="leave out --fusion, or the constraint",
        )
    others = [rule for rule in rules if not isinstance(rule, KeepRule | UnrollRule)]
    if others and engine != "path":
        raise SpecError(
            "only the shortest path takes this constraint on mappings",
            file=architecture.file,
            field="mapping",
            value=others[0].title,
            allowed="keep, bypass and unroll; with the engine path all kinds",
            remedy="search with --engine path (solve, map; in Python engine='path'), or leave the constraint out",
        )
