"""Changes of single leaves of results."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from optimizer.checker.stored import StoredResult

Tamper = Callable[[dict[str, Any], dict[str, Any]], Any]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all numbers, strings, Booleans and nulls."""
    if isinstance(value, dict | list | tuple):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, inner in pairs for leaf in leaves(inner, (*path, key))]
    return [path]


def replaced(value: Any, by: int) -> Any:
    """Another value of the same kind."""
    if value is None:
        return by
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        try:
            return str(Fraction(value) + by)
        except ValueError:
            return value + "x"
    return value + by


def put(data: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> None:
    """Change one leaf."""
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = change(data[path[-1]])


def changed(result: StoredResult, tamper: Tamper) -> StoredResult:
    """A copy of a result with something changed."""
    data, certificate = copy.deepcopy(result.data), copy.deepcopy(result.certificate)
    tamper(data, certificate)
    return StoredResult(data, certificate)


def shift_floor(by: int, number: int) -> Tamper:
    """A floor and the bound that rests on it, changed together."""

    def tamper(data: dict[str, Any], certificate: dict[str, Any]) -> None:
        box = next(b for b in certificate["boxes"] if b["closed_by"] == "bound")
        box["energy_floors"][number] += by
        box["bound"] = str(Fraction(box["bound"]) + by * certificate["layers"][number]["count"])

    return tamper
