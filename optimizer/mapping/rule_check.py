"""Mapping rules of a layer, asked of a loop nest: which of them it breaks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.architecture.hardware import Hardware
from optimizer.mapping.mapping import Loop, Mapping, Node
from optimizer.workload.layer import Layer
from optimizer.workload.mapping_rules import (
    FactorRule,
    KeepRule,
    MappingRule,
    OrderRule,
    StationaryRule,
    TileRule,
    UnrollRule,
)


@dataclass(frozen=True)
class Breach:
    """A rule that a nest breaks, and what the nest has in the place of what is allowed."""

    rule: MappingRule
    found: str
    allowed: str


def breaches(layer: Layer, hardware: Hardware, mapping: Mapping) -> Iterator[Breach]:
    """The rules of a layer that a legal mapping of it breaks."""
    asked = _Asked(layer, hardware, mapping, {level.name: n for n, level in enumerate(hardware.levels)})
    for rule in layer.rules:
        found = asked.breach(rule)
        if found is not None:
            yield Breach(rule, *found)


@dataclass(frozen=True)
class _Asked:
    layer: Layer
    hardware: Hardware
    mapping: Mapping
    number: dict[str, int]

    def breach(self, rule: MappingRule) -> tuple[str, str] | None:
        """What the nest has, and what is allowed; None if the rule is kept."""
        if isinstance(rule, KeepRule):
            return self._kept(rule)
        if isinstance(rule, UnrollRule):
            return self._unrolled(rule)
        if isinstance(rule, FactorRule):
            trips = self._trips(rule)
            return None if rule.numbers.hold(trips) else (f"{trips} trips over {rule.dim}", rule.numbers.text)
        if isinstance(rule, TileRule):
            return self._tile(rule)
        if isinstance(rule, OrderRule):
            return self._order(rule)
        if isinstance(rule, StationaryRule):
            return self._stationary(rule)
        used, there = math.prod(loop.bound for loop in self._spatial()), self.hardware.macs_per_cycle
        return None if used >= rule.least * there else (f"{used} of {there} multipliers", f"at least {rule.least}")

    def _spatial(self, level: int | None = None) -> list[Loop]:
        loops = [loop for loop in self.mapping.loops if loop.axis is not None]
        return [loop for loop in loops if level is None or loop.level == level]

    def _around(self, level: int) -> list[Loop]:
        """Temporal loops between the used fan-outs around a level."""
        around: list[Loop] = []
        for loop in self.mapping.loops:
            if loop.bound == 1:
                continue
            if loop.axis is None:
                around.append(loop)
            elif loop.level < level:
                around = []
            else:
                break
        return around

    def _kept(self, rule: KeepRule) -> tuple[str, str] | None:
        level = self.number[rule.level]
        kept = [role for role in rule.tensors if level == 0 or level in self.mapping.keepers(role)]
        wrong = [role for role in rule.tensors if (role in kept) is not rule.kept]
        if not wrong:
            return None
        return f"{', '.join(wrong)} {'not ' if rule.kept else ''}kept", "kept" if rule.kept else "not kept"

    def _unrolled(self, rule: UnrollRule) -> tuple[str, str] | None:
        for loop in self._spatial(self.number[rule.level]):
            if loop.bound > 1 and rule.axis in (None, loop.axis) and loop.dim not in rule.dims:
                return f"{loop.dim} along {loop.axis}", ", ".join(rule.dims) or "no dim"
        return None

    def _trips(self, rule: FactorRule) -> int:
        level = self.number[rule.level]
        loops = self._spatial(level) if rule.spatial else self._around(level)
        return math.prod(loop.bound for loop in loops if loop.dim == rule.dim)

    def _tile(self, rule: TileRule) -> tuple[str, str] | None:
        node = Node(rule.tensor, self.number[rule.level])
        for place, item in enumerate(self.mapping.items):
            if item == node:
                tile = self.mapping.tile_below(place, self.layer.extents)
                size = self.layer.operand(rule.tensor).footprint(tile) if rule.dim is None else tile[rule.dim]
                what = "words" if rule.dim is None else f"of {rule.dim}"
                return None if rule.numbers.hold(size) else (f"{size} {what}", rule.numbers.text)
        return None

    def _order(self, rule: OrderRule) -> tuple[str, str] | None:
        dims = [loop.dim for loop in self._around(self.number[rule.level]) if loop.dim in rule.dims]
        if dims == sorted(dims, key=rule.dims.index):
            return None
        return f"loops over {', '.join(dims)}", f"{', '.join(rule.dims)}, outermost first"

    def _stationary(self, rule: StationaryRule) -> tuple[str, str] | None:
        dims, turned = self.layer.operand(rule.tensor).dims, ""
        for item in self.mapping.items:
            if item == Node(rule.tensor, self.number[rule.level]):
                return None
            if not isinstance(item, Loop) or item.axis is not None or item.bound == 1:
                continue
            if item.dim in dims and turned:
                return f"the loop over {item.dim} inside of one over {turned}", f"every tile of {rule.tensor} once"
            turned = turned if item.dim in dims else item.dim
        return f"{rule.tensor} not kept", "kept"
