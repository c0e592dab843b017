"""Constraints on mappings that exclude nothing, as the architecture alone shows: they cannot bind."""

from __future__ import annotations

from optimizer.architecture.architecture import Architecture
from optimizer.workload.layer import Layer
from optimizer.workload.mapping_rules import (
    FactorRule,
    KeepRule,
    MappingRule,
    Numbers,
    OrderRule,
    TileRule,
    UnrollRule,
)
from optimizer.workload.partial_nests import PartialNest

ANY = Numbers()


def excludes_nothing(rule: MappingRule | PartialNest, layer: Layer, architecture: Architecture) -> bool:
    """Does every mapping of a layer keep a rule on every hardware point? False where that is not seen at once."""
    levels = {level.name: level for level in architecture.levels}
    if isinstance(rule, KeepRule):
        level = levels[rule.level]
        return set(rule.tensors) <= (level.must_keep if rule.kept else level.must_bypass)
    if isinstance(rule, UnrollRule):
        axes = {"X": levels[rule.level].unroll[0], "Y": levels[rule.level].unroll[1]}
        asked = axes.values() if rule.axis is None else [axes[rule.axis]]
        dims = {dim for dim, _ in layer.dims}
        return all(dims & (dims if allowed is None else set(allowed)) <= set(rule.dims) for allowed in asked)
    if isinstance(rule, FactorRule):
        return rule.numbers == ANY
    if isinstance(rule, TileRule):
        return rule.numbers == ANY or rule.tensor in levels[rule.level].must_bypass
    if isinstance(rule, OrderRule):
        return len([dim for dim in rule.dims if dim in layer.extents]) < 2
    return False
