"""Which engine searches a problem if the user names none."""

from __future__ import annotations

from collections.abc import Sequence

from optimizer.architecture.architecture import Architecture
from optimizer.problem.layer_rules import rules_of
from optimizer.problem.space import AUTO, DEFAULT_ENGINE
from optimizer.workload.network import Network

DEEP = 4
"""Levels from which on the lattice search, which goes through all combinations of kept tensors, takes minutes."""
LARGE = 1 << 33
"""Multiply-accumulates of a layer beyond which costs with a few decimals leave the 64-bit integers of the lattice."""


def engine_for(name: str, networks: Sequence[Network], architecture: Architecture) -> str:
    """The engine that a name stands for on these networks.

    "auto" is the default, or the shortest path where a constraint on mappings asks for it, the architecture has four
    levels or more, or a layer is large.

    Raises
    ------
    SpecError
        If constraints on mappings of a network make no sense on the architecture.
    """
    if name != AUTO:
        return name
    rules = [rule for network in networks for rule in rules_of(network, architecture)]
    large = any(layer.macs > LARGE for network in networks for layer in network.mac_layers())
    deep = len(architecture.levels) >= DEEP
    return "path" if deep or large or any(rule.needs_every_nest for rule in rules) else DEFAULT_ENGINE
