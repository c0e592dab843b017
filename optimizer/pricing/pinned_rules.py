"""Mapping rules of a layer in a fused group, where level 1 holds some of its operands as a whole.

A rule is asked of the nest of every run of the layer: of what it computes for one tile of the group (or a strip, or a
slice of it). Level 1 keeps a pinned operand, as one tile of all that the run reads or writes of it, which comes in
once. The outermost level keeps everything, also for runs that find an operand in level 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from optimizer.workload.layer import Layer
from optimizer.workload.mapping_rules import (
    FactorRule,
    KeepRule,
    MappingRule,
    StationaryRule,
    TileRule,
    UnrollRule,
    UtilizationRule,
)


def rules_of_nest(layer: Layer, buffer: str, pinned: frozenset[str]) -> tuple[MappingRule, ...]:
    """The rules of a layer that are left to ask of a run's nest, where those on pinned operands hold.

    Parameters
    ----------
    layer : Layer
    buffer : str
        Name of level 1.
    pinned : frozenset of str
        Roles that it holds as a whole.
    """
    left: list[MappingRule] = []
    for rule in layer.rules:
        if _asks(rule, buffer, pinned):
            if isinstance(rule, KeepRule) and not set(rule.tensors) <= pinned:
                left.append(replace(rule, tensors=tuple(role for role in rule.tensors if role not in pinned)))
        else:
            left.append(rule)
    return tuple(left)


def broken_by_pins(layer: Layer, extents: Mapping[str, int], buffer: str, pinned: frozenset[str]) -> MappingRule | None:
    """The first rule of a layer that no nest of a run keeps, because level 1 holds these operands as a whole.

    Parameters are those of :func:`rules_of_nest`, and the extents of all dims in the run.
    """
    for rule in layer.rules:
        if not _asks(rule, buffer, pinned):
            continue
        if isinstance(rule, KeepRule) and not rule.kept:
            return rule
        if isinstance(rule, TileRule):
            words = layer.operand(rule.tensor).footprint(extents)
            if not rule.numbers.hold(words if rule.dim is None else extents[rule.dim]):
                return rule
    return None


def _asks(rule: MappingRule, buffer: str, pinned: frozenset[str]) -> bool:
    """Does a rule ask how level 1 keeps a pinned operand?"""
    if isinstance(rule, KeepRule):
        return rule.level == buffer and not pinned.isdisjoint(rule.tensors)
    return isinstance(rule, TileRule | StationaryRule) and rule.level == buffer and rule.tensor in pinned


def repeatable_rules(rules: Sequence[MappingRule], outer: Sequence[str]) -> tuple[MappingRule, ...]:
    """The rules that a nest keeps when loops are put around it, and when level 1 holds more operands as a whole.

    They say what fan-outs do, and what levels further inside hold. (Loops around level 1 count in no rule that is
    left.) So an optimum under them, of a larger run or with more operands in level 1, bounds a run under all rules.

    Parameters
    ----------
    rules : sequence of MappingRule
    outer : sequence of str
        Names of the outermost level and of level 1.
    """
    return tuple(
        rule
        for rule in rules
        if isinstance(rule, UnrollRule | UtilizationRule)
        or (isinstance(rule, FactorRule) and rule.spatial)
        or (isinstance(rule, KeepRule | TileRule) and rule.level not in outer)
    )
