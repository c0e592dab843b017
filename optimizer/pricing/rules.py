"""Lowering of mapping rules: into the choices of levels where that says it all, else into rules for nests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from formulations.nest_rules import Allowed, Factor, NestRules, Order, Stationary, Tile
from formulations.problem import ProblemLevel
from optimizer.architecture.hardware import Hardware
from optimizer.workload.layer import ROLES
from optimizer.workload.mapping_rules import (
    FactorRule,
    KeepRule,
    MappingRule,
    OrderRule,
    StationaryRule,
    TileRule,
    UnrollRule,
    UtilizationRule,
)

IMPOSSIBLE = 1 << 62
"""More multipliers than there are."""


def lower_rules(
    rules: Sequence[MappingRule], hardware: Hardware, dims: Sequence[str], levels: tuple[ProblemLevel, ...]
) -> tuple[tuple[ProblemLevel, ...], NestRules]:
    """Levels that keep and unroll what the rules allow, and the other rules in numbers.

    Parameters
    ----------
    rules : sequence of MappingRule
    hardware : Hardware
    dims : sequence of str
        The dims of the problem: those of extent above 1.
    levels : tuple of ProblemLevel
    """
    names = [level.name for level in hardware.levels]
    found = NestRules()
    for rule in (_told(rule, dims) for rule in rules):
        if isinstance(rule, UtilizationRule):
            used = math.ceil(rule.least * (hardware.fewest_multipliers or hardware.macs_per_cycle))
            found = replace(found, least_used=max(found.least_used, used))
            continue
        number = names.index(rule.level)
        if isinstance(rule, KeepRule | StationaryRule | UnrollRule):
            changed = _level(levels[number], rule, dims)
            levels = (*levels[:number], changed, *levels[number + 1 :])
        found = _added(found, rule, number, dims)
    return levels, found


def _told(rule: MappingRule, dims: Sequence[str]) -> MappingRule:
    """The rule; one that excludes tiles of extent 1 of a dim that has no more says that the tensor is not kept."""
    if not isinstance(rule, TileRule) or rule.dim is None or rule.dim in dims or rule.numbers.hold(1):
        return rule
    return KeepRule(rule.title, rule.level, (rule.tensor,), kept=False)


def _level(level: ProblemLevel, rule: KeepRule | StationaryRule | UnrollRule, dims: Sequence[str]) -> ProblemLevel:
    """A level that keeps or unrolls only what a rule allows."""
    if isinstance(rule, UnrollRule):
        allowed = [dim in rule.dims for dim in dims]
        x, y = (
            tuple(a and b for a, b in zip(old, allowed, strict=True)) if rule.axis in (None, axis) else old
            for axis, old in (("X", level.spatial_x), ("Y", level.spatial_y))
        )
        return replace(level, spatial_x=x, spatial_y=y)
    tensors = (rule.tensor,) if isinstance(rule, StationaryRule) else rule.tensors
    kept = True if isinstance(rule, StationaryRule) else rule.kept
    asked = [ROLES.index(tensor) for tensor in tensors]
    options = tuple(option for option in level.keep_options if all(option[t] is kept for t in asked))
    return replace(level, keep_options=options)


def _added(rules: NestRules, rule: MappingRule, number: int, dims: Sequence[str]) -> NestRules:
    """The rules with one more, if it asks of nests more than the choices of their levels say."""
    if isinstance(rule, StationaryRule):
        return replace(rules, stationary=(*rules.stationary, Stationary(number, ROLES.index(rule.tensor))))
    if isinstance(rule, OrderRule):
        there = tuple(dims.index(dim) for dim in rule.dims if dim in dims)
        return replace(rules, orders=(*rules.orders, Order(number, there))) if len(there) > 1 else rules
    if not isinstance(rule, FactorRule | TileRule):
        return rules
    allowed = Allowed(rule.numbers.least, rule.numbers.most, rule.numbers.multiple)
    if rule.dim is not None and rule.dim not in dims:  # of extent 1
        fits = isinstance(rule, TileRule) or allowed.hold(1)
        return rules if fits else replace(rules, least_used=IMPOSSIBLE)
    dim = None if rule.dim is None else dims.index(rule.dim)
    if isinstance(rule, TileRule):
        return replace(rules, tiles=(*rules.tiles, Tile(number, ROLES.index(rule.tensor), dim, allowed)))
    assert dim is not None
    factor = Factor(number, dim, allowed)
    if rule.spatial:
        return replace(rules, spatial=(*rules.spatial, factor))
    return replace(rules, temporal=(*rules.temporal, factor))
