"""Errors about shapes and values that do not fit together."""

from __future__ import annotations

from optimizer.errors import SpecError

Shape = tuple[int, ...]


def misfit(problem: str, field: str, value: object, allowed: str) -> SpecError:
    """An error about inputs or attributes of a node that contradict each other; without file and node."""
    return SpecError(problem, field=field, value=value, allowed=allowed, remedy="export or download the model again")
