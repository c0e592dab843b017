"""Arguments of the Python interface: values are of the types that fields and parameters state, and keep their rules.

Requests and options are :class:`Checked`, so that code further in trusts them. Functions that take something else than
the fields of a request call :func:`check_arguments`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from optimizer.errors import SpecError
from optimizer.files.rules import RULE, Rule

REMEDY = "give a value of this type; help(optimizer) shows the functions and what they take"
LONGEST_NAME = 255
"""Bytes of a name of a file on common file systems."""
_NUMBERS: Mapping[type, tuple[type, ...]] = {
    int: (Integral,),
    float: (Real,),
    Fraction: (Integral, Fraction),
}


class Checked:
    """Base of frozen dataclasses whose fields are checked when they are made.

    Raises
    ------
    SpecError
        If a field is of another type than it states, or breaks the rule in its metadata.
    """

    def __post_init__(self) -> None:
        check_fields(self)


def check_fields(record: Any) -> None:
    """Refuse a dataclass with a field of another type than it states, or that breaks its rule; numbers of other
    libraries, whose arithmetic is not exact, become Python's own.

    Raises
    ------
    SpecError
    """
    kind: Any = type(record)
    hints = _hints(kind)
    for field in fields(record):
        value, hint = getattr(record, field.name), hints[field.name]
        _check(field.name, value, hint, field.metadata.get(RULE))
        object.__setattr__(record, field.name, plain(value, hint))


def check_arguments(**given: tuple[object, Any] | tuple[object, Any, Rule]) -> None:
    """Refuse arguments, by their names, that are not of the types beside them, or break the rule there.

    Raises
    ------
    SpecError
    """
    for name, stated in given.items():
        _check(name, *stated)


def _check(name: str, value: object, hint: Any, rule: Rule | None = None) -> None:
    if not fits(value, hint):
        raise SpecError(
            f"not a value of this argument: {type(value).__name__}",
            field=name,
            value=_shown(value),
            allowed=rule.allowed if rule is not None else words(hint),
            remedy=REMEDY,
        )
    if isinstance(value, str | Path) and Path in (hint, *get_args(hint)):
        check_path(value, name)
    if rule is not None and value is not None and not rule.holds(value):
        raise SpecError(rule.problem, field=name, value=value, allowed=rule.allowed, remedy="give such a value")


def check_path(path: str | Path, field: str | None = None) -> None:
    """Refuse what no file system takes as a path.

    Raises
    ------
    SpecError
    """
    text = str(path)
    if not text.strip():
        raise SpecError(
            "an empty path",
            field=field,
            value=text,
            allowed="the path of a file or folder",
            remedy="name one, or . for this folder; or leave the option out",
        )
    if "\0" in text or any(len(os.fsencode(part)) > LONGEST_NAME for part in Path(text).parts):
        raise SpecError(
            "no file can have this name",
            field=field,
            value=text,
            allowed=f"names of at most {LONGEST_NAME} bytes, without the character 0",
            remedy="give another path",
        )


def plain(value: Any, hint: Any) -> Any:
    """A value that fits a type, with numbers and texts of Python's own types."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return plain(value, next(one for one in arguments if fits(value, one)))
    if origin is tuple:
        hints = [arguments[0]] * len(value) if arguments[1:] == (...,) else arguments
        parts = map(plain, value, hints)
        return tuple(parts) if isinstance(value, tuple) else list(parts)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {plain(key, arguments[0]): plain(part, arguments[1]) for key, part in value.items()}
    if hint in _NUMBERS and type(value) not in (int, float, Fraction):
        return float(value) if hint is float else int(value) if isinstance(value, Integral) else Fraction(value)
    return str(value) if hint is str else value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _shown(value: object) -> object:
    """Values that a user has typed; of others their text, cut short by the error."""
    return "None" if value is None else value if isinstance(value, str | int | float | Fraction) else repr(value)


def fits(value: object, hint: Any) -> bool:
    """Is a value of a type? Whole numbers are floats and fractions too, Booleans no numbers, lists also tuples."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in arguments)
    if origin is tuple:
        return isinstance(value, tuple | list) and _parts_fit(value, arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            fits(part, one) for entry in value.items() for part, one in zip(entry, arguments, strict=True)
        )
    if origin is not None:
        return callable(value)
    if hint in _NUMBERS:
        number = isinstance(value, _NUMBERS[hint]) and not isinstance(value, bool)
        return number and (not isinstance(value, float) or math.isfinite(value))
    if getattr(hint, "_is_protocol", False):
        return all(hasattr(value, name) for name in vars(hint) if not name.startswith("_"))
    return hint is Any or isinstance(value, hint)


def _parts_fit(value: tuple[object, ...] | list[object], hints: tuple[Any, ...]) -> bool:
    if hints[1:] == (...,):
        return all(fits(part, hints[0]) for part in value)
    return len(value) == len(hints) and all(map(fits, value, hints))


def words(hint: Any) -> str:
    """A type in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(words(one) for one in arguments)
    if origin is Literal:
        return ", ".join(map(str, arguments))
    if origin is tuple:
        return f"a sequence of {words(arguments[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"a mapping of {words(arguments[0])} to {words(arguments[1])}"
    if origin is not None:
        return "a callable"
    known: dict[object, str] = {NoneType: "None", Fraction: "Fraction or int", float: "a finite number"}
    return known.get(hint) or str(hint.__name__)
