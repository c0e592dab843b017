"""Parameters of which only some belong to the fast tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

NETWORKS = ("alexnet", "resnet18", "fsrcnn", "gpt2_decode")
"""Built-in networks of every kind that are quick to build, write and read."""


def slow_unless(quick: Iterable[Any], values: Iterable[Any]) -> list[Any]:
    """The values as parameters: those that are not among the quick ones are marked ``slow``."""
    every = list(values)
    named = list(quick)
    return slow_if([value for value in every if value not in named], every)


def slow_if(slow: Iterable[Any], values: Iterable[Any]) -> list[Any]:
    """The values as parameters: some are marked ``slow``."""
    named, every = list(slow), list(values)
    assert named and all(value in every for value in named), "a slow value that there is not"
    return [pytest.param(*_tuple(value), marks=pytest.mark.slow) if value in named else value for value in every]


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
