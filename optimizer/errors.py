"""Errors a user can act on: where, what value, what is allowed, how to mend it."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

LONGEST_VALUE = 300


def as_written(value: object) -> object:
    """The value as a user would write it: a ``Fraction`` becomes its decimal, or its ratio if it has none."""
    if isinstance(value, Fraction):
        return _decimal(value)
    if isinstance(value, dict):
        return {key: as_written(entry) for key, entry in value.items()}
    if isinstance(value, tuple):
        return tuple(as_written(entry) for entry in value)
    return [as_written(entry) for entry in value] if isinstance(value, list) else value


def _decimal(value: Fraction) -> int | float | str:
    if value.denominator == 1 and abs(value) >= 2**53:
        return int(value)
    return float(value) if Fraction(str(float(value))) == value else str(value)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} ..."


class TilewrightError(Exception):
    """Base of every error that Tilewright raises on purpose."""


class InternalDisagreementError(TilewrightError):
    """Two parts of Tilewright state different numbers for one thing: a fault of Tilewright; exit code 70.

    ``result`` is the design found by then, as far as there is one; its status is at most FEASIBLE.
    """

    result: object = None


class UnavailableError(TilewrightError):
    """Something that is needed is not there: a package of an extra, a cluster that is gone; exit code 3."""


class SpecError(TilewrightError):
    """Bad input; exit code 2.

    Parameters
    ----------
    problem : str
        What is wrong, in one sentence.
    file : str, optional
        File the value came from.
    field : str, optional
        Path of the field inside the file, e.g. ``levels[1].size``.
    value : object, optional
        The offending value; shown as the user would write it, cut short where it is long.
    allowed : str, optional
        What would be accepted.
    remedy : str, optional
        What to do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | None = None,
        field: str | None = None,
        value: object = None,
        allowed: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem, self.file, self.field = problem, file, field
        self.value, self.allowed, self.remedy = value, allowed, remedy
        place = ": ".join(part for part in (file, field) if part)
        lines = [f"{place}: {problem}" if place else problem]
        if value is not None:
            lines.append(f"  value:   {_shortened(repr(as_written(value)))}")
        if allowed:
            lines.append(f"  allowed: {allowed}")
        if remedy:
            lines.append(f"  remedy:  {remedy}")
        super().__init__("\n".join(lines))


def check_one_of(value: object, allowed: Collection[str], problem: str, field: str) -> None:
    """Refuse a value that is none of the allowed names.

    Raises
    ------
    SpecError
        With the problem, the field, the value and the allowed names in their order.
    """
    if value not in allowed:
        raise SpecError(problem, field=field, value=value, allowed=", ".join(allowed), remedy="use one of these")
