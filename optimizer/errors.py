"""Errors a user can act on: where, what value, what is allowed, how to mend it."""

from __future__ import annotations


class TilewrightError(Exception):
    """Base of every error that Tilewright raises on purpose; the command line exits with code 2."""


class SpecError(TilewrightError):
    """Bad input.

    Parameters
    ----------
    problem : str
        What is wrong, in one sentence.
    file : str, optional
        File the value came from.
    field : str, optional
        Path of the field inside the file, e.g. ``levels[1].size``.
    value : object, optional
        The offending value.
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
            lines.append(f"  value:   {value!r}")
        if allowed:
            lines.append(f"  allowed: {allowed}")
        if remedy:
            lines.append(f"  remedy:  {remedy}")
        super().__init__("\n".join(lines))
