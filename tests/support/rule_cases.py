"""Random rules for the nests of a layer problem."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import fields, replace

from formulations.nest import Nest
from formulations.nest_rule_check import keeps_rules
from formulations.nest_rules import Allowed, Factor, NestRules, Order, Stationary, Tile
from formulations.problem import LayerProblem

KINDS = ("spatial", "temporal", "tiles", "words", "orders", "orders", "stationary", "least_used")


def random_rules(problem: LayerProblem, rng: random.Random, most: int, kinds: Sequence[str] = KINDS) -> NestRules:
    """Up to so many rules; nests that keep all of them need not exist."""
    rules = NestRules()
    for _ in range(most):
        rules = _with_one(problem, rules, rng, rng.choice(kinds))
    return rules


def rules_that_a_nest_keeps(problem: LayerProblem, rules: NestRules, nest: Nest) -> NestRules:
    """Those of some rules that a nest keeps."""
    found = NestRules()
    for field in fields(rules):
        stated = getattr(rules, field.name)
        parts = [(one,) for one in stated] if isinstance(stated, tuple) else [stated]
        for part in parts:
            if keeps_rules(replace(problem, rules=NestRules(**{field.name: part})), nest):
                old = getattr(found, field.name)
                found = replace(found, **{field.name: (*old, *part) if isinstance(part, tuple) else part})
    return found


def ruled(problem: LayerProblem, rules: NestRules) -> LayerProblem:
    """The problem under rules. As lowered rules do, levels with a stationary tensor keep it."""
    levels = list(problem.levels)
    for rule in rules.stationary:
        options = tuple(option for option in levels[rule.level].keep_options if option[rule.tensor])
        levels[rule.level] = replace(levels[rule.level], keep_options=options)
    return replace(problem, levels=tuple(levels), rules=rules)


def _with_one(problem: LayerProblem, rules: NestRules, rng: random.Random, kind: str) -> NestRules:
    """The rules with one more, if there is one of its kind."""
    dims, levels = range(len(problem.extents)), len(problem.levels)
    level, dim, tensor = rng.randrange(levels), rng.choice(dims), rng.randrange(3)
    allowed = _numbers(rng, 12 if kind == "words" else 6)
    if kind in ("spatial", "temporal"):
        return replace(rules, **{kind: (*getattr(rules, kind), Factor(level, dim, allowed))})
    if kind == "orders":
        order = tuple(rng.sample(dims, rng.randint(min(2, len(dims)), min(4, len(dims)))))
        return replace(rules, orders=(*rules.orders, Order(level, order)))
    if kind == "least_used":
        return replace(rules, least_used=rng.randint(1, 6))
    inner, known = rng.randrange(1, max(levels, 2)), problem.relevant(tensor)
    if levels == 1 or (kind == "tiles" and not known):
        return rules
    if kind == "stationary":
        return replace(rules, stationary=(*rules.stationary, Stationary(inner, tensor)))
    tile = Tile(inner, tensor, rng.choice(known) if kind == "tiles" else None, allowed)
    return replace(rules, tiles=(*rules.tiles, tile))


def _numbers(rng: random.Random, most: int) -> Allowed:
    size = rng.randint(1, most)
    return rng.choice([Allowed(size, size), Allowed(size), Allowed(1, size), Allowed(1, None, size)])
