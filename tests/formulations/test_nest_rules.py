"""Rules for nests: the shortest path under them, against the nests that keep them."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from formulations.nest_check import is_nest_of
from formulations.nest_rule_check import keeps_rules
from formulations.shortest_path.solve import solve
from optimizer.golden.legality import limits, structural
from optimizer.golden.rules import broken_rules
from optimizer.mapping.cost import evaluate
from optimizer.mapping.mapping import Node
from optimizer.mapping.rule_check import breaches
from optimizer.pricing.lowering import lift, lower
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
from tests.support.nests import Nest, nests
from tests.support.profiles import RELAXED, examples


def rules_of(nest: Nest, rng: random.Random, most: int) -> tuple[MappingRule, ...]:
    """Rules that a nest keeps, most of them as narrow as they can be."""
    layer, names = nest.layer, [level.name for level in nest.hardware.levels]
    dims = [dim for dim, extent in nest.mapping.extents(layer.extents).items() if extent > 1]
    found: list[MappingRule] = []
    for number in range(200):
        level, title = rng.choice(names), f"rule {number}"
        roles = tuple(rng.sample(ROLES, rng.randint(1, 3)))
        some = tuple(rng.sample(dims, min(len(dims), rng.randint(1, 4))))
        size = rng.randint(1, 6)
        numbers = rng.choice([Numbers(size, size), Numbers(size), Numbers(1, size), Numbers(1, None, size)])
        found.append(
            rng.choice(
                [
                    KeepRule(title, level, roles, rng.random() < 0.5),
                    UnrollRule(title, level, rng.choice([None, "X", "Y"]), some),
                    FactorRule(title, level, some[0] if some else "K", rng.random() < 0.5, numbers),
                    TileRule(title, level, roles[0], None, numbers),
                    *([TileRule(title, level, r, some[0], numbers) for r in roles if some] if some else []),
                    OrderRule(title, level, some),
                    StationaryRule(title, level, roles[0]),
                    UtilizationRule(title, Fraction(rng.randint(1, 4), 4)),
                ]
            )
        )
    known = {role: layer.operand(role).dims for role in ROLES}
    sound = [r for r in found if not (isinstance(r, TileRule) and r.dim and r.dim not in known[r.tensor])]
    sound = [r for r in sound if not (isinstance(r, FactorRule) and r.dim not in layer.extents)]
    kept = [rule for rule in sound if not _broken(nest, rule)]
    return tuple(rng.sample(kept, min(most, len(kept))))


def _broken(nest: Nest, rule: MappingRule) -> bool:
    """Does a nest break a rule? Both readings of rules must agree."""
    layer = replace(nest.layer, rules=(rule,))
    by_model = list(breaches(layer, nest.hardware, nest.mapping))
    by_walk = list(broken_rules(layer, nest.hardware, nest.mapping))
    assert len(by_model) == len(by_walk), rule
    return bool(by_walk)


def bounded(nest: Nest) -> Nest:
    """The nest on hardware that it just fits."""
    words = dict.fromkeys(range(1, len(nest.hardware.levels)), 0)
    for place, item in enumerate(nest.mapping.items):
        if isinstance(item, Node) and item.level:
            operand = nest.layer.operand(item.role)
            tile = nest.mapping.tile_below(place, nest.layer.extents)
            words[item.level] += operand.footprint(tile) * operand.bits
    levels = [
        replace(level, size_bits=max(words[n], 16)) if n else level for n, level in enumerate(nest.hardware.levels)
    ]
    return replace(nest, hardware=replace(nest.hardware, levels=tuple(levels)))


def check(nest: Nest, layer: Layer, objective: str) -> None:
    """The best nest under rules keeps them, is legal, and costs no more than one that keeps them."""
    extents = nest.mapping.extents(layer.extents)
    problem = lower(layer, nest.hardware, extents=extents)
    known = evaluate(layer, nest.hardware, nest.mapping)
    found = solve(problem, objective).nest
    assert found is not None and is_nest_of(problem, found) and keeps_rules(problem, found)
    mapping = lift(layer, problem, found, extents=extents)
    assert not structural(layer, nest.hardware, mapping) and not limits(layer, nest.hardware, mapping)
    assert not list(breaches(layer, nest.hardware, mapping))
    if objective == "energy":
        assert found.energy <= known.energy
    else:
        assert found.latency <= known.latency_cycles * problem.latency_unit


@settings(max_examples=examples(100, dev=3), suppress_health_check=RELAXED, deadline=None)
@given(nests(), st.integers(0, 1 << 30), st.sampled_from([1, 3, 12]), st.sampled_from(["energy", "latency"]))
def test_no_nest_that_keeps_the_rules_is_better(nest: Nest, seed: int, most: int, objective: str) -> None:
    nest = bounded(nest)
    rules = rules_of(nest, random.Random(seed), most)
    assume(rules)
    check(nest, replace(nest.layer, rules=rules), objective)


@pytest.mark.slow
@settings(max_examples=examples(400), suppress_health_check=RELAXED, deadline=None)
@given(nests(), st.integers(0, 1 << 30), st.sampled_from([1, 3, 12, 30]), st.sampled_from(["energy", "latency"]))
def test_no_nest_that_keeps_the_rules_is_better_often(nest: Nest, seed: int, most: int, objective: str) -> None:
    nest = bounded(nest)
    rules = rules_of(nest, random.Random(seed), most)
    assume(rules)
    check(nest, replace(nest.layer, rules=rules), objective)
