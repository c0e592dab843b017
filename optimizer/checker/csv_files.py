"""CSV files of a folder: generated again from the checked data, and compared byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from optimizer.checker.outcome import Check
from optimizer.errors import SpecError
from optimizer.results.folder import place_of

Made = tuple[str, Callable[[], str]]
"""Name of a file, and what makes its contents."""


def text_checks(folder: Path, made: Sequence[Made]) -> Iterator[Check]:
    """One check per file: it exists and agrees with the data."""
    for name, contents in made:
        try:
            stated = place_of(folder, name).read_bytes().decode().splitlines(keepends=True)
        except (OSError, UnicodeDecodeError) as error:
            yield Check(name, False, f"cannot be read: {error}")
            continue
        try:
            expected = contents().splitlines(keepends=True)
        except SpecError as error:
            yield Check(name, False, f"cannot be made again: {' '.join(str(error).split())}")
            continue
        yield Check(name, stated == expected, _first_difference(stated, expected))


def _first_difference(stated: list[str], expected: list[str]) -> str:
    for number, (one, other) in enumerate(zip(stated, expected, strict=False), start=1):
        if one != other:
            return f"line {number} is {one.rstrip()!r}, it should be {other.rstrip()!r}"
    if len(stated) != len(expected):
        return f"{len(stated)} lines, there should be {len(expected)}"
    return f"{len(expected)} lines, made again"
