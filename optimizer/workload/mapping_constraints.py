"""Constraints on mappings, as an architecture, a network or a file of constraints states them for layers by name.

In each, under the key ``mapping``, a list with one rule per entry::

    mapping:
      - {stationary: W, level: RF}
      - {keep: [I, O], level: GLB, layers: "conv*"}
      - {bypass: W, level: GLB}
      - {unroll: [K, C], level: GLB, axis: x}
      - {spatial: K, level: GLB, at_least: 8}
      - {temporal: C, level: GLB, at_most: 4}
      - {tile: W, level: GLB, dim: K, multiple_of: 16}
      - {order: [K, C], level: GLB}
      - {utilization: 0.5}
      - partial: [{level: GLB, keep: [I, O], temporal: [[K, 2], [Q, open]]}]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any

from optimizer.errors import SpecError
from optimizer.files.schema_check import check_schema
from optimizer.files.yaml_fields import Fields
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
from optimizer.workload.mapping_schema import KINDS, NUMBERS, mapping_schema
from optimizer.workload.partial_nests import PartialNest, read_partial


@dataclass(frozen=True)
class MappingConstraint:
    """A rule, and the layers that it is for.

    Parameters
    ----------
    rule : MappingRule or PartialNest
    layers : tuple of str
        Patterns of layer names, as in file names: ``*`` for any text, ``?`` for any character.
    """

    rule: MappingRule | PartialNest
    layers: tuple[str, ...] = ("*",)

    @property
    def title(self) -> str:
        """By which results name it."""
        return self.rule.title

    def is_for(self, layer: str, dims: Sequence[str]) -> bool:
        """Is it for a layer of this name with these dims? Rules about a dim are for layers that have it."""
        asked = self.rule.dim if isinstance(self.rule, FactorRule | TileRule) else None
        return (asked is None or asked in dims) and any(
            fnmatchcase(layer, pattern.replace("[", "[[]")) for pattern in self.layers
        )


def read_mapping_constraints(
    raw: Sequence[Mapping[str, Any]], levels: Sequence[str] | None, file: str | None, taken: Sequence[str] = ()
) -> tuple[MappingConstraint, ...]:
    """The constraints of a list that has passed the schema.

    Parameters
    ----------
    raw : sequence
    levels : sequence of str or None
        Names of the architecture's levels, outermost first; None: not known yet, any will do.
    file : str or None
        Where it was read from, for messages.
    taken : sequence of str
        Titles that are not free.

    Raises
    ------
    SpecError
        On an entry with no kind or several, unknown levels, keys that do not belong to the kind, empty ranges, and a
        constraint that is stated twice.
    """
    found: list[MappingConstraint] = []
    for number, entry in enumerate(raw):
        place = _Place(file, f"mapping[{number}]")
        constraint = _Entry(entry, None if levels is None else tuple(levels), place).read()
        if constraint.title in {*taken, *(other.title for other in found)}:
            raise place.error("the constraint is stated twice", constraint.title, "different ones", "give it a name")
        found.append(constraint)
    return tuple(found)


def read_rules(top: Fields) -> tuple[Mapping[str, Any], ...]:
    """The key ``mapping`` of a network, checked as far as this can be done without an architecture.

    Raises
    ------
    SpecError
        On what is no list of rules; levels are compared with an architecture when there is one.
    """
    if "mapping" not in top:
        return ()
    raw = top.get("mapping")
    check_schema({"mapping": raw}, {"type": "object", "properties": {"mapping": mapping_schema()}}, file=top.file)
    rules = tuple(raw) if isinstance(raw, list) else ()
    read_mapping_constraints(rules, None, top.file)
    return rules


@dataclass(frozen=True)
class _Place:
    """Where a rule stands, for errors."""

    file: str | None
    field: str

    def error(self, problem: str, value: object, allowed: str, remedy: str) -> SpecError:
        """A SpecError at this place."""
        return SpecError(problem, file=self.file, field=self.field, value=value, allowed=allowed, remedy=remedy)


@dataclass(frozen=True)
class _Entry:
    raw: Mapping[str, Any]
    levels: tuple[str, ...] | None
    place: _Place

    def read(self) -> MappingConstraint:
        kinds = [kind for kind in KINDS if kind in self.raw]
        if len(kinds) != 1:
            raise self.place.error(
                "an entry states one rule", sorted(self.raw), f"one of the keys {', '.join(KINDS)}", "split the entry"
            )
        (kind,) = kinds
        self._only(kind)
        layers = self.raw.get("layers", "*")
        patterns = (layers,) if isinstance(layers, str) else tuple(layers)
        read: dict[str, Callable[[], MappingRule | PartialNest]] = {
            "keep": lambda: KeepRule("", self._level(), self._tensors("keep"), kept=True),
            "bypass": lambda: KeepRule("", self._level(inner=True), self._tensors("bypass"), kept=False),
            "unroll": lambda: UnrollRule("", self._level(), self._axis(), tuple(self.raw["unroll"])),
            "spatial": lambda: FactorRule("", self._level(), self.raw["spatial"], True, self._numbers()),
            "temporal": lambda: FactorRule("", self._level(), self.raw["temporal"], False, self._numbers()),
            "tile": lambda: TileRule(
                "", self._level(inner=True), self.raw["tile"], self.raw.get("dim"), self._numbers()
            ),
            "order": lambda: OrderRule("", self._level(), tuple(self.raw["order"])),
            "stationary": lambda: StationaryRule("", self._level(inner=True), self.raw["stationary"]),
            "partial": self._partial,
            "utilization": lambda: UtilizationRule("", Fraction(self.raw["utilization"])),
        }
        rule = read[kind]()
        where = "" if patterns == ("*",) else f" ({', '.join(patterns)})"
        return MappingConstraint(replace(rule, title=self.raw.get("name", text_of(rule) + where)), patterns)

    def _only(self, kind: str) -> None:
        """Keys that this kind does not have."""
        keys = {kind, "name", "layers"}
        keys |= {"level"} if kind not in ("utilization", "partial") else set()
        keys |= {*NUMBERS} if kind in ("spatial", "temporal", "tile") else set()
        keys |= {"axis"} if kind == "unroll" else {"dim"} if kind == "tile" else set()
        other = sorted(set(self.raw) - keys)
        if other:
            raise self.place.error(
                f"a rule {kind} has no key {other[0]}", other[0], ", ".join(sorted(keys)), "remove it"
            )

    def _level(self, *, inner: bool = False) -> str:
        level: str | None = self.raw.get("level")
        if self.levels is None and level is not None:
            return level
        levels = (self.levels or ())[1 if inner else 0 :]
        if level not in levels:
            what = "the rule names no level" if level is None else "the rule is for no such level"
            place = replace(self.place, field=f"{self.place.field}.level")
            raise place.error(what, level, self._allowed(levels), "name one of these")
        return level

    def _allowed(self, levels: Sequence[str]) -> str:
        """Levels that a rule may name."""
        if self.levels is None:
            return "the name of a level"
        return ", ".join(levels) or "none: there is no inner level"

    def _partial(self) -> PartialNest:
        """Every entry is for another level."""
        entries = read_partial(self.raw["partial"], f"{self.place.field}.partial")
        for number, entry in enumerate(entries):
            place = replace(self.place, field=f"{entry.place}.level")
            if self.levels is not None and entry.level not in self.levels:
                raise place.error("there is no such level", entry.level, ", ".join(self.levels), "name one of these")
            if entry.level in (other.level for other in entries[:number]):
                raise place.error("the level is stated twice", entry.level, "one entry per level", "join both entries")
        return PartialNest("", entries, self.place.file)

    def _tensors(self, key: str) -> tuple[str, ...]:
        raw = self.raw[key]
        return (raw,) if isinstance(raw, str) else tuple(raw)

    def _axis(self) -> str | None:
        axis: str | None = self.raw.get("axis")
        return None if axis is None else axis.upper()

    def _numbers(self) -> Numbers:
        stated = {name: self.raw[name] for name in NUMBERS if name in self.raw}
        if not stated:
            raise self.place.error(
                "the rule states no numbers", sorted(self.raw), ", ".join(NUMBERS), "add one of these"
            )
        if "equals" in stated and len(stated) > 1:
            raise self.place.error("the number is stated already", stated, "equals alone", "remove the others")
        equals = stated.get("equals")
        least, most = stated.get("at_least", 1), stated.get("at_most")
        if equals is not None:
            least = most = equals
        multiple = stated.get("multiple_of", 1)
        if most is not None and -(-least // multiple) * multiple > most:
            raise self.place.error("no number is in this range", stated, "a range with a number in it", "widen it")
        return Numbers(least, most, multiple)


def text_of(rule: MappingRule | PartialNest) -> str:
    """A rule in words."""
    if isinstance(rule, PartialNest):
        return f"partial nest of {', '.join(entry.level for entry in rule.levels)}"
    if isinstance(rule, KeepRule):
        return f"{'keep' if rule.kept else 'bypass'} {', '.join(rule.tensors)} at {rule.level}"
    if isinstance(rule, UnrollRule):
        along = "" if rule.axis is None else f" along {rule.axis.lower()}"
        return f"unroll {', '.join(rule.dims) or 'nothing'} below {rule.level}{along}"
    if isinstance(rule, FactorRule):
        where = f"spatial {rule.dim} below" if rule.spatial else f"temporal {rule.dim} around"
        return f"{where} {rule.level}: {rule.numbers.text}"
    if isinstance(rule, TileRule):
        return f"tile of {rule.tensor} at {rule.level}, {rule.dim or 'words'}: {rule.numbers.text}"
    if isinstance(rule, OrderRule):
        return f"order {', '.join(rule.dims)} around {rule.level}"
    if isinstance(rule, StationaryRule):
        return f"stationary {rule.tensor} at {rule.level}"
    return f"utilization at least {float(rule.least):g}"
