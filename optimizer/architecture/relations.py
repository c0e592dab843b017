"""Relations between sizes of the hardware: ``GLB.size >= 4 * RF.size * array.x``.

A relation compares sums, differences and products of sizes and numbers by ``==``, ``<=``, ``>=``, ``<``, ``>``; a chain
``8 <= array.x <= 16`` holds if all of its parts do. Numbers are exact; one with a unit is a size (``64 KiB``) or a
bandwidth (``16 GB/s``). Both sides measure the same: a size is not compared with a plain number, but for 0.
"""

from __future__ import annotations

import ast
import difflib
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

from optimizer.architecture.hardware import Hardware
from optimizer.architecture.menus import MenuPlace
from optimizer.architecture.sizes import NUMBER, Size, Unit, unit_text
from optimizer.errors import SpecError

LONGEST = 300
FORM = "sizes and numbers with + - * ( ), compared by ==, <=, >=, < or >"
COMPARISONS: dict[type[ast.cmpop], Callable[[Fraction | int, Fraction | int], bool]] = {
    ast.Eq: operator.eq,
    ast.LtE: operator.le,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
}
Interval = tuple[Fraction | int, Fraction | int]
"""The least and the largest value."""

Intervals = Callable[[Size], Interval]
"""The values of a size in a box."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NAME = re.compile(r"[^\W\d][\w.]*")
_UNIT = re.compile(r" ?([A-Za-z]+(?:/[A-Za-z]+)?)")
_SIGN = re.compile(r"==|<=|>=|[-+*()<> ]")


@dataclass(frozen=True)
class Term:
    """One side of a relation: its value at a point, its unit (None for 0, which goes with any), and an interval that
    holds its values where every size lies in one.
    """

    of: Callable[[Hardware], Fraction | int]
    unit: Unit | None
    over: Callable[[Intervals], Interval]


def _constant(value: Fraction, unit: Unit) -> Term:
    """A number."""
    exact = value.numerator if value.denominator == 1 else value
    return Term(lambda _: exact, unit if value else None, lambda _: (exact, exact))


@dataclass(frozen=True)
class Relation:
    """A relation that points must keep.

    Parameters
    ----------
    title : str
        Its text, by which results name it.
    sizes : tuple of Size
        Those that it names.
    """

    title: str
    sizes: tuple[Size, ...] = field(repr=False, compare=False)
    _terms: tuple[Term, ...] = field(repr=False, compare=False)
    _comparisons: tuple[Callable[[Fraction | int, Fraction | int], bool], ...] = field(repr=False, compare=False)

    def holds(self, point: Hardware) -> bool:
        """Does a hardware point keep it?"""
        values = [term.of(point) for term in self._terms]
        pairs = zip(self._comparisons, pairwise(values), strict=True)
        return all(compare(left, right) for compare, (left, right) in pairs)

    def decided(self, sizes: Intervals) -> bool | None:
        """Do all points whose sizes lie in these intervals keep it, or none (False)? None where that stays open.

        The interval of a sum, difference or product holds all of its values, so an answer is right. Where every
        interval is one value there always is an answer.
        """
        sides = [term.over(sizes) for term in self._terms]
        found = [compared(compare, *pair) for compare, pair in zip(self._comparisons, pairwise(sides), strict=True)]
        if False in found:
            return False
        return None if None in found else True

    def kept(self, sizes: Callable[[Size], Any]) -> Any:
        """Which points keep it: elementwise, for arrays of the values of every size."""
        sides = [term.over(lambda size: (values := sizes(size), values))[0] for term in self._terms]
        kept: Any = True
        for compare, (left, right) in zip(self._comparisons, pairwise(sides), strict=True):
            kept = kept & compare(left, right)
        return kept


def compared(compare: Callable[[Fraction | int, Fraction | int], bool], left: Interval, right: Interval) -> bool | None:
    """Does a comparison hold for all values of two intervals, for none (False), or for some (None)?

    For ``<`` and its like the extremes decide: it holds for all pairs if it does for the worst ones, for none if not
    for the best. Two intervals hold equal values only if they overlap, and no others only if they are one value.
    """
    (least, most), (low, high) = left, right
    if compare is operator.eq:
        if most < low or high < least:
            return False
        return True if least == most == low == high else None
    found = {compare(least, high), compare(most, low)}
    return found.pop() if len(found) == 1 else None


def _size(size: Size) -> Term:
    """A size by its name."""
    return Term(size.of, size.unit, lambda sizes: sizes(size))


def _negative(values: Interval) -> Interval:
    least = -values[1]
    return least, least if values[0] is values[1] else -values[0]


def _total(left: Interval, right: Interval) -> Interval:
    least = left[0] + right[0]
    return least, least if left[0] is left[1] and right[0] is right[1] else left[1] + right[1]


def _product(left: Interval, right: Interval) -> Interval:
    if left[0] is left[1] and right[0] is right[1]:  # one value, or an array of them
        only = left[0] * right[0]
        return only, only
    ends = [one * other for one in left for other in right]
    return min(ends), max(ends)


def parse_relation(
    text: str, place: MenuPlace, sizes: Mapping[str, Size], literals: Mapping[Unit, Mapping[str, Fraction]]
) -> Relation:
    """Read a relation.

    Parameters
    ----------
    text : str
    place : MenuPlace
        Where it stands, for errors.
    sizes : mapping of str to Size
        The sizes that it may name.
    literals : mapping of Unit to mapping of str to Fraction
        The units that numbers may have, by what they measure.

    Raises
    ------
    SpecError
        If it is none: with file, field, value, what is allowed, and a remedy.
    """
    return _Reader(" ".join(text.split()), place, sizes, literals).relation()


class _Reader:
    """Reads one relation: names and numbers become placeholders, so that Python's grammar sees nothing else."""

    def __init__(
        self, text: str, place: MenuPlace, sizes: Mapping[str, Size], literals: Mapping[Unit, Mapping[str, Fraction]]
    ) -> None:
        self.text, self.place, self.sizes, self.literals = text, place, sizes, literals
        self.terms: dict[str, Term] = {}
        self.named: dict[str, Size] = {}
        self._paths = sorted(sizes, key=len, reverse=True)

    def error(self, problem: str, allowed: str, remedy: str) -> SpecError:
        return self.place.error(problem, self.text, allowed, remedy)

    def relation(self) -> Relation:
        if len(self.text) > LONGEST:
            raise self.error("the relation is too long", f"at most {LONGEST} characters", "split it into several")
        try:
            tree = ast.parse(self._placeholders(), mode="eval").body
        except SyntaxError:
            tree = None
        if not isinstance(tree, ast.Compare) or any(type(op) not in COMPARISONS for op in tree.ops):
            raise self.error("not a relation", FORM, "write e.g. GLB.size >= 4 * RF.size * array.x")
        terms = [self._term(side) for side in (tree.left, *tree.comparators)]
        for left, right in pairwise(terms):
            self._same(left, right, "compares")
        comparisons = tuple(COMPARISONS[type(op)] for op in tree.ops)
        return Relation(self.text, tuple(self.named.values()), tuple(terms), comparisons)

    def _placeholders(self) -> str:
        """The text with names and numbers replaced."""
        found, place = "", 0
        while place < len(self.text):
            sign = _SIGN.match(self.text, place)
            end, term = (sign.end(), None) if sign else self._operand(place)
            if term is None:
                found += self.text[place:end]
            else:
                name = f"_{len(self.terms)}"
                self.terms[name] = term
                found += f" {name} "
            place = end
        return found.strip()

    def _operand(self, place: int) -> tuple[int, Term]:
        """The name or number that starts at a place, and where it ends."""
        for path in self._paths:
            end = place + len(path)
            if self.text.startswith(path, place) and not re.match(r"[\w.]", self.text[end : end + 1]):
                self.named[path] = self.sizes[path]
                return end, _size(self.sizes[path])
        name, number = _NAME.match(self.text, place), _NUMBER.match(self.text, place)
        if number is not None:
            return self._quantity(number)
        if name is None:
            raise self.error(f"{self.text[place]!r} has no meaning in a relation", FORM, "remove it")
        close = difflib.get_close_matches(name[0], self._paths, n=1)
        raise self.error(
            f"the hardware has no size {name[0]}",
            ", ".join(self.sizes),
            f"did you mean {close[0]}?" if close else "use one of these names",
        )

    def _quantity(self, number: re.Match[str]) -> tuple[int, Term]:
        """A number, and the unit that may follow it."""
        amount = Fraction(number[0])
        after = _UNIT.match(self.text, number.end())
        if after is None:
            return number.end(), _constant(amount, NUMBER)
        for unit, scales in self.literals.items():
            if after[1] in scales:
                return after.end(), _constant(amount * scales[after[1]], unit)
        known = [name for scales in self.literals.values() for name in scales]
        raise self.error(f"unknown unit {after[1]}", ", ".join(known), "write e.g. 64 KiB")

    def _term(self, node: ast.expr) -> Term:
        """The meaning of a part of the text."""
        if isinstance(node, ast.Name):
            return self.terms[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self._term(node.operand)
            return Term(lambda point: -inner.of(point), inner.unit, lambda sizes: _negative(inner.over(sizes)))
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)):
            return self._pair(self._term(node.left), self._term(node.right), node.op)
        raise self.error("not a relation", FORM, "write e.g. GLB.size >= 4 * RF.size * array.x")

    def _pair(self, left: Term, right: Term, sign: ast.operator) -> Term:
        if isinstance(sign, ast.Mult):
            units = None if left.unit is None or right.unit is None else tuple(zip(left.unit, right.unit, strict=True))
            unit = None if units is None else (sum(units[0]), sum(units[1]))
            return Term(
                lambda point: left.of(point) * right.of(point),
                unit,
                lambda sizes: _product(left.over(sizes), right.over(sizes)),
            )
        self._same(left, right, "adds")
        unit = right.unit if left.unit is None else left.unit
        if isinstance(sign, ast.Add):
            return Term(
                lambda point: left.of(point) + right.of(point),
                unit,
                lambda sizes: _total(left.over(sizes), right.over(sizes)),
            )
        return Term(
            lambda point: left.of(point) - right.of(point),
            unit,
            lambda sizes: _total(left.over(sizes), _negative(right.over(sizes))),
        )

    def _same(self, left: Term, right: Term, verb: str) -> None:
        if left.unit is not None and right.unit is not None and left.unit != right.unit:
            raise self.error(
                f"it {verb} {unit_text(left.unit)} and {unit_text(right.unit)}",
                "parts that measure the same",
                "give numbers their unit, e.g. 64 KiB or 16 GB/s",
            )
