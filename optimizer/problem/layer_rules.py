"""The constraints of an architecture and of a network on mappings, given to the layers that they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optimizer.architecture.architecture import Architecture
from optimizer.problem.idle_rules import excludes_nothing
from optimizer.problem.partial_nests import rules_for
from optimizer.workload.layer import Layer
from optimizer.workload.mapping_constraints import MappingConstraint, read_mapping_constraints
from optimizer.workload.mapping_rules import MappingRule, TileRule, UnrollRule
from optimizer.workload.network import Network
from optimizer.workload.partial_nests import PartialNest


def rules_of(network: Network, architecture: Architecture) -> tuple[MappingConstraint, ...]:
    """The constraints on mappings of an architecture, and those that the network's file states.

    Raises
    ------
    SpecError
        If those of the network name levels that the architecture does not have, or state what it states already.
    """
    if not network.mapping:
        return architecture.mapping
    levels = [level.name for level in architecture.levels]
    taken = [one.title for one in (*architecture.constraints, *architecture.mapping)]
    return (*architecture.mapping, *read_mapping_constraints(network.mapping, levels, network.file, taken))


def ruled_layer(layer: Layer, constraints: Sequence[MappingConstraint], architecture: Architecture) -> Layer:
    """A layer with the rules that are for it.

    Raises
    ------
    SpecError
        If a partial nest makes no sense for the layer, or is more than rules can say.
    """
    rules: list[MappingRule] = []
    for one in constraints:
        if _is_for(one, layer):
            rules += rules_for(one.rule, layer, architecture) if isinstance(one.rule, PartialNest) else [one.rule]
    return replace(layer, rules=tuple(rules)) if rules else layer


def ruled_network(network: Network, architecture: Architecture) -> Network:
    """A network whose layers have their rules; warnings name constraints that are for none, or that cannot bind."""
    constraints = rules_of(network, architecture)
    if not constraints:
        return network
    layers = network.mac_layers()
    warnings = []
    for one in constraints:
        asked = [layer for layer in layers if _is_for(one, layer)]
        if not asked:
            warnings.append(f"the constraint {one.title} is for no layer of {network.name}")
        elif all(excludes_nothing(one.rule, layer, architecture) for layer in asked):
            warnings.append(f"the constraint {one.title} excludes no mapping on {architecture.name}: it does not bind")
        elif isinstance(one.rule, UnrollRule) and not any(
            dim in layer.extents for dim in one.rule.dims for layer in asked
        ):
            warnings.append(f"the constraint {one.title} names no dim of a layer: it forbids all unrolling there")
    found = replace(network, graph=network.graph.copy(), warnings=[*network.warnings, *warnings])
    for layer in layers:
        found.graph.nodes[layer.name]["layer"] = ruled_layer(layer, constraints, architecture)
    return found


def _is_for(constraint: MappingConstraint, layer: Layer) -> bool:
    """Is a constraint for a layer? Those on tiles ask for a dim that indexes the tensor."""
    rule = constraint.rule
    if isinstance(rule, TileRule) and rule.dim is not None and rule.dim not in layer.operand(rule.tensor).dims:
        return False
    return constraint.is_for(layer.name, [dim for dim, _ in layer.dims])
