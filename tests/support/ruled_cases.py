"""Networks whose layers have random rules, for groups of layers."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from optimizer.architecture.hardware import Hardware
from optimizer.workload.layer import ROLES, Layer
from optimizer.workload.mapping_rules import (
    FactorRule,
    KeepRule,
    MappingRule,
    Numbers,
    OrderRule,
    StationaryRule,
    TileRule,
    UnrollRule,
    UtilizationRule,
)
from optimizer.workload.network import Network
from tests.support.fusion_cases import Case


def random_numbers(rng: random.Random) -> Numbers:
    size = rng.choice([1, 1, 2, 2, 3, 4, 6, 8])
    return rng.choice([Numbers(size, size), Numbers(size), Numbers(1, size), Numbers(1, None, size)])


def random_rule(layer: Layer, hardware: Hardware, rng: random.Random) -> MappingRule:
    """Any rule that files can state for a layer."""
    names = [level.name for level in hardware.levels]
    any_level, inner = rng.choice(names), rng.choice(names[1:])
    dims, role = [dim for dim, _ in layer.dims], rng.choice(ROLES)
    some = tuple(rng.sample(dims, rng.randint(1, len(dims))))
    roles = tuple(rng.sample(ROLES, rng.choice([1, 1, 2, 3])))
    numbers, title = random_numbers(rng), f"rule {rng.random()}"
    own = rng.choice([None, *layer.operand(role).dims])
    made: list[Callable[[], MappingRule]] = [
        lambda: KeepRule(title, any_level, roles, kept=True),
        lambda: KeepRule(title, inner, roles, kept=False),
        lambda: UnrollRule(title, any_level, rng.choice([None, "X", "Y"]), some),
        lambda: FactorRule(title, any_level, some[0], spatial=True, numbers=numbers),
        lambda: FactorRule(title, any_level, some[0], spatial=False, numbers=numbers),
        lambda: TileRule(title, inner, role, own, numbers),
        lambda: TileRule(title, names[1], role, own, numbers),
        lambda: OrderRule(title, any_level, some),
        lambda: StationaryRule(title, inner, role),
        lambda: UtilizationRule(title, Fraction(rng.randint(1, 4), 4)),
    ]
    return rng.choice(made)()


def with_rules(network: Network, rules: dict[str, tuple[MappingRule, ...]]) -> Network:
    """The network with these rules in the place of its own."""
    found = replace(network, graph=network.graph.copy())
    for layer in network.mac_layers():
        found.graph.nodes[layer.name]["layer"] = replace(layer, rules=rules.get(layer.name, ()))
    return found


def ruled(case: Case, seed: int, most: int = 2) -> Case:
    """The case with up to so many random rules for every layer, at least one for some."""
    rng = random.Random(seed)
    layers = case.network.mac_layers()
    rules = {
        layer.name: tuple(random_rule(layer, case.hardware, rng) for _ in range(rng.randint(0, most)))
        for layer in layers
    }
    if layers and not any(rules.values()):
        rules[layers[0].name] = (random_rule(layers[0], case.hardware, rng),)
    return replace(case, network=with_rules(case.network, rules))


def without_rules(case: Case) -> Case:
    """The case without rules."""
    return replace(case, network=with_rules(case.network, {}))
