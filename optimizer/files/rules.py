"""Rules that a field of a record states besides its type, as metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

RULE = "rule"
"""The key of the metadata."""


class BrokenRuleError(ValueError):
    """A value of the right type that breaks the rule of its field, or of the field at a path inside of a record."""

    def __init__(self, problem: str, allowed: str, *path: str | int) -> None:
        super().__init__(problem)
        self.allowed, self.path = allowed, path


@dataclass(frozen=True)
class Rule:
    """What values a field takes, and how a fault is told."""

    problem: str
    allowed: str
    holds: Callable[[Any], bool]

    def kept(self, value: Any) -> Any:
        """The value.

        Raises
        ------
        BrokenRuleError
            If it breaks the rule.
        """
        if value is not None and not self.holds(value):
            raise BrokenRuleError(self.problem, self.allowed)
        return value


def one_of(*values: str) -> Mapping[str, Any]:
    """Metadata of a field that takes these values only."""
    return {RULE: Rule("it is none of the known ones", ", ".join(values), lambda value: value in values)}


NOT_EMPTY: Mapping[str, Any] = {RULE: Rule("it is empty", "one entry or more", bool)}
NOT_NEGATIVE: Mapping[str, Any] = {RULE: Rule("it is below zero", "numbers >= 0", lambda value: bool(value >= 0))}
AT_LEAST_ONE: Mapping[str, Any] = {RULE: Rule("it is below one", "whole numbers >= 1", lambda value: bool(value >= 1))}
SEED: Mapping[str, Any] = {
    RULE: Rule("not a seed", "whole numbers from 0 to 2147483647", lambda value: 0 <= value < 2**31)
}
POSITIVE: Mapping[str, Any] = {RULE: Rule("it is not above zero", "numbers > 0", lambda value: bool(value > 0))}
TIME_LIMIT: Mapping[str, Any] = {
    RULE: Rule("no time limit", "seconds from 0 to 1,000,000,000", lambda value: 0 <= value <= 10**9)
}
