"""Groups of a network by a rule, as published tools make them, to set beside proved ones.

The rule (DeFiNES, Mei et al., HPCA 2023, arXiv:2212.05344): layers that follow one another are fused as long as their
weights together fit the largest buffer on the chip. Here that buffer is level 1, and:

1. The layers stand in the network's order and are taken in *stretches*: a stretch ends where only one tensor passes to
   the layers that follow. So a chain has a layer per stretch, and branches are in a group with all layers up to where
   they join. (How branches are treated is our choice.)
2. A group takes in stretches as long as every layer may be fused, tensors connect the group, and its weights fit.
3. All weights are resident, halo is cached, only rows are cut. The tensors that the group reads are all held or all
   streamed. Of the numbers of parts that divide the rows, and of these two, the best that fits is taken.
4. If none fits, the last stretch is taken off the group and starts the next one.
5. A stretch that makes no group by itself falls apart into its layers, which are then stretches of their own.

Groups are consecutive layers in an order in which the network can run, so they are convex and can run one after the
other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx

from formulations.primes import divisors
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.hardware import Hardware
from optimizer.architecture.selection import single_point
from optimizer.fusion.group_pricer import GroupPricer
from optimizer.fusion.groups import FusionGroup, may_join, operand_sources
from optimizer.fusion.plan import Frame, Plan, RunChoice
from optimizer.fusion.tile_pricer import Runs
from optimizer.fusion.tilings import Along, Cut, GroupTiling
from optimizer.inspection import evaluate_groups
from optimizer.problem.goal import Aim
from optimizer.store.store import Store
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network

Names = tuple[str, ...]


def evaluate_rule(
    network: Network,
    architecture: Architecture,
    *,
    objective: str = "energy",
    most: int | None = None,
    cache_dir: Path | None = None,
) -> dict[str, Any]:
    """Groups by the rule with their costs, as :func:`optimizer.given_groups.evaluate.evaluate_groups` states them.

    Parameters
    ----------
    network : Network
    architecture : Architecture
        One hardware point.
    objective : {"energy", "latency"}
        What the cuts and the loop nests minimize.
    most : int, optional
        Most layers in a group; by default only the buffer limits them.
    cache_dir : Path, optional
        Folder of the layer store.

    Returns
    -------
    dict
        ``groups``, ``energy_pj``, ``latency_cycles``, ``latency_ms``, ``dram_words`` and the rest of an evaluation,
        with ``comparison`` to layer by layer.
    """
    rule = Rule(single_point(architecture), Runs(architecture.accounting, Store(cache_dir)), Aim(objective), most)
    groups = [decisions(plan) for plan in rule_plans(network, rule)]
    return evaluate_groups(
        network, architecture, {"groups": groups}, objective=objective, cache_dir=cache_dir
    ).to_json()


@dataclass(frozen=True)
class Rule:
    """What the rule depends on besides the network; `most` is the largest number of layers in a group."""

    hardware: Hardware
    runs: Runs
    aim: Aim
    most: int | None = None

    def allows(self, network: Network, members: Names) -> bool:
        """May these layers be a group, or begin one? Cuts are left out of account."""
        if self.most is not None and len(members) > self.most:
            return False
        usable = self.hardware.levels[1].usable_bits
        fits = usable is None or sum(weight_bits(network, name) for name in members) <= usable
        connected = nx.is_connected(network.graph.subgraph(members).to_undirected(as_view=True))
        return fits and connected and all(may_join(network, name) for name in members)


def weight_bits(network: Network, name: str) -> int:
    """Bits of the weights of a layer, 0 where it has none of its own."""
    layer = network.graph.nodes[name]["layer"]
    if not has_weights(network, layer):
        return 0
    operand = layer.operand("W")
    bits: int = operand.footprint(layer.extents) * operand.bits
    return bits


def has_weights(network: Network, layer: object) -> bool:
    """Does a layer read weights that no other layer computes?"""
    if not isinstance(layer, Layer) or not layer.parameter_count:
        return False
    return "W" not in (operand_sources(network, layer) or {})


def stretches(network: Network) -> Iterator[Names]:
    """The network's layers in order; a stretch ends where a single tensor passes to the layers that follow."""
    order = [layer.name for layer in network.layers()]
    rank = {name: n for n, name in enumerate(order)}
    last = {name: max((rank[reader] for reader in network.graph.successors(name)), default=-1) for name in order}
    stretch: list[str] = []
    for n, name in enumerate(order):
        stretch.append(name)
        if sum(last[before] > n for before in order[: n + 1]) <= 1:
            yield tuple(stretch)
            stretch = []


def rule_plans(network: Network, rule: Rule) -> list[Plan]:
    """Plans of the groups that the rule makes; layers in none of them run by themselves."""
    found = []
    waiting = list(stretches(network))
    while waiting:
        count = _reach(network, rule, waiting)
        plan = None
        while plan is None and count:
            members = sum(waiting[:count], ())
            if len(members) == 1:
                break
            plan = best_cut(FusionGroup(network, members), rule)
            count -= plan is None
        if count:
            found += [] if plan is None else [plan]
            waiting = waiting[count:]
        else:
            waiting[:1] = [(name,) for name in waiting[0]]
    return found


def _reach(network: Network, rule: Rule, waiting: list[Names]) -> int:
    """How many stretches a group takes in; a single layer always may stand by itself."""
    count, members = 0, Names()
    while count < len(waiting) and rule.allows(network, members + waiting[count]):
        members += waiting[count]
        count += 1
    return max(count, len(waiting[0]) == 1)


def best_cut(group: FusionGroup, rule: Rule) -> Plan | None:
    """The best of the rule's plans of a group; None if none fits."""
    pricer, along = GroupPricer(group, rule.runs), Along(group)
    rows = math.gcd(*(group.layer(name).grid[1] for name in group.members if group.leaves(name)))
    resident = frozenset(name for name in group.members if has_weights(group.network, group.layer(name)))
    best: Plan | None = None
    for parts in divisors(rows):
        frame = Frame(GroupTiling(along, Cut((1, parts, 1))))
        for held in dict.fromkeys((frozenset(), frozenset(group.outside))):
            plan = pricer.plan(frame, RunChoice(resident, held), rule.hardware, rule.aim)
            if plan is not None and (best is None or _value(plan, rule) < _value(best, rule)):
                best = plan
    return best


def _value(plan: Plan, rule: Rule) -> int:
    return rule.aim.value(plan.energy, plan.latency)


def decisions(plan: Plan) -> dict[str, Any]:
    """A plan of the rule as an entry of a groups file."""
    return {
        "layers": list(plan.members),
        "tile": {"parts": {"rows": plan.cut.parts[1]}},
        "weights": {name: "resident" for name in plan.members if name in plan.choice.resident},
        "held": sorted(plan.choice.held),
    }
