"""Menus: the values a size may take, and all combinations of several menus.

A menu is written as one value, a list, or a range ``{from, to, factor}`` (geometric) or
``{from, to, step}`` (arithmetic; both ends are in it). ``{values: [...], tie: name}`` and ranges with
``tie: name`` advance together with all other menus of that tie name: entry i of one goes with entry i of the
others.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, TypeVar

from optimizer.errors import SpecError
from optimizer.files.quantities import format_number, split_quantity

T = TypeVar("T")
MAX_ENTRIES = 10_000


@dataclass(frozen=True)
class MenuEntry(Generic[T]):
    """One entry of a menu: what the user reads (``label``) and what is computed with (``value``)."""

    label: object
    value: T


@dataclass(frozen=True)
class Menu(Generic[T]):
    """The entries of one size.

    Parameters
    ----------
    path : str
        Name in :attr:`Hardware.choices`, e.g. ``GLB.size``.
    entries : tuple of Entry
        At least one.
    listed : bool
        False where the file gives one plain value: then it is no choice.
    tie : str or None
        Menus with the same name advance together.
    """

    path: str
    entries: tuple[MenuEntry[T], ...]
    listed: bool = False
    tie: str | None = None

    @property
    def values(self) -> tuple[T, ...]:
        """The values of all entries."""
        return tuple(entry.value for entry in self.entries)


AnyMenu = Menu[Any]
Assignment = Mapping[str, MenuEntry[Any]]


@dataclass(frozen=True)
class MenuPlace:
    """Where a menu stands: the file and field for errors, and its path in the choices."""

    file: str | None
    field: str
    path: str

    def error(self, problem: str, value: object, allowed: str, remedy: str) -> SpecError:
        """A SpecError at this place."""
        return SpecError(problem, file=self.file, field=self.field, value=value, allowed=allowed, remedy=remedy)


def integer_menu(raw: object, place: MenuPlace) -> Menu[int]:
    """A menu of positive whole numbers, e.g. array extents."""

    def read(value: object) -> MenuEntry[int]:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise place.error("not a positive whole number", value, "integers >= 1", "write e.g. 16")
        return MenuEntry(value, value)

    def scale(start: object, number: Fraction) -> object:
        if number.denominator != 1:
            raise place.error("the range meets a fraction", raw, "whole numbers", "use a whole factor")
        return int(number)

    return _menu(raw, place, read, lambda v: Fraction(read(v).value), scale)


def quantity_menu(raw: object, place: MenuPlace, units: dict[str, Fraction], *, whole: bool) -> Menu[Fraction]:
    """A menu of quantities with units, converted to the base unit of `units`.

    Parameters
    ----------
    whole : bool
        Refuse entries that are no whole number of base units (sizes in bits).
    """

    def number(value: object) -> Fraction:
        amount, unit = split_quantity(value, units, file=place.file, field=place.field)
        return amount * units[unit]

    def read(value: object) -> MenuEntry[Fraction]:
        if whole and number(value).denominator != 1:
            raise place.error("not a whole number of bits", value, "whole bits", "use a multiple of one bit")
        return MenuEntry(" ".join(str(value).split()), number(value))

    def scale(start: object, base: Fraction) -> object:
        unit = split_quantity(start, units, file=place.file, field=place.field)[1]
        return f"{format_number(base / units[unit])} {unit}"

    return _menu(raw, place, read, number, scale)


def _menu(
    raw: object,
    place: MenuPlace,
    read: Callable[[object], MenuEntry[T]],
    number: Callable[[object], Fraction],
    scale: Callable[[object, Fraction], object],
) -> Menu[T]:
    tie = None
    listed = isinstance(raw, (list, dict))
    values: Sequence[object] = [raw]
    if isinstance(raw, list):
        values = raw
    elif isinstance(raw, dict):
        tie = raw.get("tie")
        values = raw["values"] if "values" in raw else _range(raw, place, number, scale)
    entries = tuple(read(value) for value in values)
    if not entries:
        raise place.error("the menu is empty", raw, "at least one entry", "add an entry")
    seen: dict[T, MenuEntry[T]] = {}
    for entry in entries:
        if entry.value in seen:
            twins = f"{seen[entry.value].label!r} and {entry.label!r} are equal"
            raise place.error(
                f"the menu has an entry twice: {twins}", raw, "different entries", "remove one of the two"
            )
        seen[entry.value] = entry
    return Menu(place.path, entries, listed, tie)


def _range(
    raw: dict[str, Any],
    place: MenuPlace,
    number: Callable[[object], Fraction],
    scale: Callable[[object, Fraction], object],
) -> list[object]:
    start, stop = number(raw["from"]), number(raw["to"])
    if stop < start:
        raise place.error("the range decreases", raw, "from <= to", "swap `from` and `to`")
    if "factor" in raw and Fraction(raw["factor"]) <= 1:
        raise place.error("the range never ends", raw, "factor > 1", "use e.g. factor: 2")
    step = number(raw["step"]) if "step" in raw else Fraction(0)
    values = [start]
    while values[-1] < stop and len(values) <= MAX_ENTRIES:
        values.append(values[-1] * Fraction(raw["factor"]) if "factor" in raw else values[-1] + step)
    if len(values) > MAX_ENTRIES:
        raise place.error("the range is too long", raw, f"at most {MAX_ENTRIES} entries", "use a larger step")
    if values[-1] != stop:
        near = " or ".join(str(scale(raw["from"], value)) for value in values[-2:])
        raise place.error("the range steps over its end", raw, f"to: {near}", "end on a value of the range")
    return [scale(raw["from"], value) for value in values]


def tie_groups(menus: Sequence[AnyMenu]) -> list[list[AnyMenu]]:
    """Menus that advance together, in order of first appearance; an untied menu is alone.

    Raises
    ------
    SpecError
        Where tied menus differ in length.
    """
    groups: dict[str, list[AnyMenu]] = {}
    for menu in menus:
        groups.setdefault(f"tie {menu.tie}" if menu.tie else menu.path, []).append(menu)
    for group in groups.values():
        lengths = {menu.path: len(menu.entries) for menu in group}
        if len(set(lengths.values())) > 1:
            raise SpecError(
                f"menus tied by {group[0].tie!r} differ in length",
                field=group[0].path,
                value=lengths,
                allowed="equally many entries",
                remedy="make the tied menus equally long, or drop `tie`",
            )
    return list(groups.values())


def assignments(menus: Sequence[AnyMenu]) -> Iterator[Assignment]:
    """Every combination of entries, by path; the last menu advances fastest."""
    groups = tie_groups(menus)
    for indices in itertools.product(*(range(len(group[0].entries)) for group in groups)):
        yield {menu.path: menu.entries[i] for group, i in zip(groups, indices, strict=True) for menu in group}
