"""Strict reading of YAML: every error names the file, the path of the field, its value and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from optimizer.errors import SpecError
from optimizer.files.exact_yaml import load_exact
from optimizer.files.names import check_name


def read_yaml(path: str | Path) -> object:
    """The contents of a YAML file, decimals as ``Fraction``.

    Raises
    ------
    SpecError
        If the file is missing, unreadable or not YAML, or gives a key twice.
    """
    file = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError("no such file", file=file, allowed="the path of a YAML file", remedy="check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"cannot read the file: {getattr(error, 'strerror', None) or 'not UTF-8 text'}",
            file=file,
            allowed="a readable YAML file in UTF-8",
            remedy="check the path",
        ) from None
    data = load_exact(text, file=file)
    if data is None:
        raise SpecError(
            "the file is empty",
            file=file,
            allowed="a mapping or a list in YAML",
            remedy="see docs/reference/files.md",
        )
    return data


def integer(value: object, *, file: str | None, field: str, least: int | None = 1) -> int:
    """`value` if it is an integer, of at least `least` if given; booleans, floats and strings are refused."""
    if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least):
        raise SpecError(
            "not a whole number in range",
            file=file,
            field=field,
            value=value,
            allowed="integers" if least is None else f"integers >= {least}",
            remedy="write a plain integer, without quotes or exponent",
        )
    return value


class Fields:
    """A YAML mapping whose keys are taken out one at a time; what remains at the end is unknown.

    Parameters
    ----------
    data : object
        What the YAML holds at this place.
    file : str or None
        File for error messages.
    path : str
        Path of the mapping in the file; empty at the top.
    """

    def __init__(self, data: object, file: str | None, path: str) -> None:
        self.file, self.path = file, path
        if not isinstance(data, dict):
            raise SpecError(
                "expected a mapping",
                file=file,
                field=path or None,
                value=data,
                allowed="key: value pairs",
                remedy="see docs/reference/files.md",
            )
        self._data = {str(key): value for key, value in data.items()}

    def at(self, key: str) -> str:
        """Path of a key."""
        return f"{self.path}.{key}" if self.path else key

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def get(self, key: str, default: object = None) -> object:
        """Value of a key, or `default`."""
        return self._data.get(key, default)

    def require(self, key: str, allowed: str) -> object:
        """Value of a key that must be there."""
        if key not in self._data:
            raise SpecError(
                f"the key {key!r} is missing",
                file=self.file,
                field=self.path or None,
                allowed=allowed,
                remedy=f"add {key}: ...",
            )
        return self._data[key]

    def text(self, key: str, default: str | None = None) -> str:
        """Value of a key that must be a non-empty string; required without a default."""
        value = self.require(key, "a string") if default is None else self._data.get(key, default)
        if not isinstance(value, str) or not value:
            self.fail("expected a non-empty string", key, value, "a string")
        check_name(value, file=self.file, field=self.at(key))
        return value

    def integer(self, key: str, default: int | None = None, *, least: int = 1) -> int:
        """Value of a key that must be an integer of at least `least`; required without a default."""
        value = self.require(key, f"an integer >= {least}") if default is None else self.get(key, default)
        return integer(value, file=self.file, field=self.at(key), least=least)

    def items(self, key: str, allowed: str) -> list[object]:
        """Value of a key that must be a list; required."""
        value = self.require(key, allowed)
        if not isinstance(value, list):
            self.fail("expected a list", key, value, allowed)
        return value

    def only(self, known: Iterable[str]) -> None:
        """Refuse keys other than `known`."""
        known = list(known)
        for key, value in self._data.items():
            if key not in known:
                close = difflib.get_close_matches(key, known, 1)
                raise SpecError(
                    "unknown key",
                    file=self.file,
                    field=self.at(key),
                    value=value,
                    allowed=", ".join(known),
                    remedy=f"did you mean {close[0]}?" if close else "remove it",
                )

    def without(self, key: str) -> Fields:
        """The same mapping without a key."""
        return Fields({name: value for name, value in self._data.items() if name != key}, self.file, self.path)

    def fail(self, problem: str, key: str, value: object, allowed: str, remedy: str | None = None) -> NoReturn:
        """Raise a SpecError about one key."""
        raise SpecError(
            problem,
            file=self.file,
            field=self.at(key),
            value=value,
            allowed=allowed,
            remedy=remedy or f"give {key} such a value",
        )
