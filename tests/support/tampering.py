"""Changes of single leaves of results."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any


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
