"""Constraints on the sizes, read and evaluated again: which points of the menus keep them.

The text is read by other code than the search's: the sizes of a point replace their names, then the arithmetic is
worked out sign by sign. Values come from the hardware point, not from the entries of the menus.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from optimizer.architecture.boxes import points_of
from optimizer.architecture.hardware import Hardware
from optimizer.architecture.menu_grid import MenuGrid
from optimizer.checker.claims.solve import Claim
from optimizer.checker.design_checks import verdict
from optimizer.checker.outcome import Check

DRAWN = 500
"""Combinations of long menus of which the constraints are evaluated again."""

Values = dict[str, Fraction | int]
BITS = {"bit": 1, "bits": 1, "Kibit": 2**10, "Mibit": 2**20, "B": 8, "KiB": 2**13, "MiB": 2**23, "GiB": 2**33}
TOKEN = re.compile(r"\s*(\d+(?:/\d+)?|==|<=|>=|[-+*()<>])")
QUANTITY = re.compile(r"(\d+(?:\.\d+)?) ?((?:words|bits|B)/cycle|[GM]B/s|[A-Za-z]+)?")


def constraint_checks(claim: Claim) -> Iterator[Check]:
    """Check that the points of the claim are those of the menus that keep the constraints; nothing without any."""
    if not claim.architecture.constraints:
        return
    if not claim.points.is_listed:
        yield _drawn_check(claim)
        return
    points, faults = set(claim.points.points.values()), []
    every = list(points_of(claim.architecture.unconstrained).points.values())
    for point in every:
        broken = broken_by(claim, point)
        if (point in points) == bool(broken):
            faults.append(f"{dict(point.choices)} {f'breaks {broken[0]}' if broken else 'breaks no constraint'}")
    faults += [f"{dict(point.choices)} is no point of the menus" for point in points - set(every)]
    yield verdict("constraints", faults, f"{len(points)} of {len(every)} points keep them, evaluated again")


def _drawn_check(claim: Claim) -> Check:
    """Check of menus too long to list: the design, and combinations drawn by the hash of the problem."""
    draw = random.Random(claim.data["problem_hash"])
    grid = MenuGrid(claim.architecture)
    drawn = [tuple(draw.randint(*side) for side in grid.whole) for _ in range(DRAWN)]
    drawn += [] if claim.design is None else [tuple(low for low, _ in claim.design)]
    faults = []
    for index in drawn:
        point = grid.hardware(index)
        broken = broken_by(claim, point)
        if (index in claim.points.points) == bool(broken):
            faults.append(f"{dict(point.choices)} {f'breaks {broken[0]}' if broken else 'breaks no constraint'}")
    many = f"{claim.points.total:,} of {claim.architecture.combinations:,} points keep them"
    return verdict("constraints", faults, f"{many}, {len(drawn)} evaluated again")


def broken_by(claim: Claim, point: Hardware) -> tuple[str, ...]:
    """Titles of the constraints that a hardware point breaks, in their order."""
    stated = (claim.architecture.source or {}).get("constraints", []) if claim.architecture.constraints else []
    kept = keeps(claim, point, stated) if stated else []
    pairs = zip(claim.architecture.constraints, kept, strict=True)
    return tuple(constraint.title for constraint, holds in pairs if not holds)


def keeps(claim: Claim, point: Hardware, stated: Sequence[Any]) -> list[bool]:
    """Which constraints, as they are stated, a hardware point keeps."""
    source, rate = claim.architecture.source or {}, Fraction(8000) / point.clock_mhz
    values, words = _values(source, point), source.get("word_bits", 16)
    return [
        any(_fits(row, values, source, rate) for row in raw["allowed"])
        if isinstance(raw, dict)
        else _holds(raw, values, words, rate)
        for raw in stated
    ]


def _values(source: dict[str, Any], point: Hardware) -> Values:
    """The sizes of a point by their names."""
    found: dict[str, Any] = {
        "array.x": point.mac_mesh[0],
        "array.y": point.mac_mesh[1],
        "vector.lanes": point.vector_lanes,
    }
    for raw, level in zip(source["levels"], point.levels, strict=True):
        ports = raw.get("ports", 1)
        found |= {f"{level.name}.size": level.size_bits}
        found |= {f"{level.name}.instances.x": level.mesh[0], f"{level.name}.instances.y": level.mesh[1]}
        for port in ("read", "write", "shared"):
            bits = getattr(level, f"{port}_bits_per_cycle")
            found[f"{level.name}.bandwidth.{port}"] = None if bits is None else bits / ports
    return {name: value for name, value in found.items() if value is not None}


def _in_base_units(amount: str, unit: str | None, words: int, rate: Fraction) -> Fraction:
    """A number with its unit, in bits or bits per cycle."""
    scales: dict[str, Fraction | int] = {
        "words": words,
        "word": words,
        **BITS,
        "words/cycle": words,
        "bits/cycle": 1,
        "B/cycle": 8,
    }
    scales |= {"GB/s": rate, "MB/s": rate / 1000}
    return Fraction(amount) * (1 if unit is None else scales[unit])


def _fits(row: dict[str, Any], values: Values, source: dict[str, Any], rate: Fraction) -> bool:
    """Does a point with these values take a row of a table?"""
    own = {level["name"]: level["word_bits"] for level in source["levels"] if "word_bits" in level}
    for name, stated in row.items():
        words = next((bits for level, bits in own.items() if name.startswith(f"{level}.")), source.get("word_bits", 16))
        amount, unit = re.fullmatch(QUANTITY, " ".join(str(stated).split())).groups()  # type: ignore[union-attr]
        if values[name] != _in_base_units(amount, unit, words, rate):
            return False
    return True


def _holds(text: str, values: Values, words: int, rate: Fraction) -> bool:
    """Is a relation true for these values?"""

    def plain(found: re.Match[str]) -> str:
        if found["name"] is not None:
            value: Fraction | int = values[found["name"]]
        else:
            amount, unit = QUANTITY.fullmatch(found["number"]).groups()  # type: ignore[union-attr]
            value = _in_base_units(amount, unit, words, rate)
        return f" {value.numerator}/{value.denominator} "

    return _chain(TOKEN.findall(_operands(tuple(values)).sub(plain, " ".join(text.split()))))


@cache
def _operands(names: tuple[str, ...]) -> re.Pattern[str]:
    """Finds the names of sizes, and numbers."""
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?P<name>{longest_first})(?![\w.])|(?P<number>{QUANTITY.pattern})")


def _chain(signs: list[str]) -> bool:
    """Comparisons one after the other."""
    sides, compare = [], []
    start = 0
    for place, sign in enumerate([*signs, "end"]):
        if sign in ("==", "<=", ">=", "<", ">", "end"):
            sides.append(_sum(signs[start:place]))
            compare.append(sign)
            start = place + 1
    true = {"==": (0,), "<=": (-1, 0), ">=": (0, 1), "<": (-1,), ">": (1,)}
    pairs = zip(sides, compare, sides[1:], strict=False)
    return all((left > right) - (left < right) in true[sign] for left, sign, right in pairs)


def _sum(signs: list[str]) -> Fraction:
    """A sum of products of numbers and of sums in parentheses; minus signs multiply."""
    total, factors, minus, depth, start = Fraction(0), [], 1, 0, 0
    open_product = False
    for place, sign in enumerate([*signs, "+"]):
        if sign in "()":
            depth += 1 if sign == "(" else -1
            start = place + 1 if sign == "(" and depth == 1 else start
            if sign == ")" and depth == 0:
                factors.append(_sum(signs[start:place]))
                open_product = False
        elif depth == 0 and sign in "+-" and factors and not open_product:
            total += minus * math.prod(factors)
            factors, minus = [], -1 if sign == "-" else 1
        elif depth == 0 and sign in "+-*":
            minus *= -1 if sign == "-" else 1
            open_product = sign == "*" or open_product
        elif depth == 0:
            factors.append(Fraction(sign))
            open_product = False
    return total
