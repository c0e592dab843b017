"""Check data against a JSON Schema and turn its complaints into errors a user can act on.

A schema's ``description`` says what is allowed and its ``$comment`` how to mend a bad value; both are shown.
"""

from __future__ import annotations

import difflib
import hashlib
import pickle
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from optimizer.errors import SpecError

MOST_KEPT = 256
_FITTING: set[bytes] = set()
"""Digests of what fitted: a command reads an architecture and its technology several times."""


def field_path(parts: Iterable[str | int]) -> str:
    """``levels[1].size`` for the parts ``levels, 1, size``."""
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def placed(error: SpecError, file: str | None, field: str | None, value: object = None) -> SpecError:
    """The same error at another place, with another value if one is given."""
    return SpecError(
        error.problem,
        file=file,
        field=field,
        value=error.value if value is None else value,
        allowed=error.allowed,
        remedy=error.remedy,
    )


def check_schema(data: object, schema: dict[str, Any], *, file: str | None = None) -> None:
    """Raise the first violation of `schema`, outermost field first.

    Binary floats are refused everywhere: data from a YAML file has none, and a Python caller can give
    ``Fraction("0.1")`` instead.

    Raises
    ------
    SpecError
        With the file, the path of the field, its value, what is allowed and a remedy.
    """
    digest = _digest(data, schema)
    if digest in _FITTING:
        return
    for path, value in _floats(data, ()):
        raise SpecError(
            "a binary float is not exact",
            file=file,
            field=field_path(path),
            value=value,
            allowed="int or fractions.Fraction",
            remedy=f'write Fraction("{value}")',
        )
    first = min(Draft202012Validator(schema).iter_errors(data), key=_importance, default=None)
    if first is not None:
        raise _spec_error(first, file)
    if digest is not None:
        if len(_FITTING) >= MOST_KEPT:
            _FITTING.clear()
        _FITTING.add(digest)


def _digest(data: object, schema: dict[str, Any]) -> bytes | None:
    """Equal only for equal data of equal types under equal schemas; None for what cannot be written down."""
    with suppress(Exception):  # objects of a caller in Python, which raise what they like
        return hashlib.sha256(pickle.dumps((data, schema))).digest()
    return None


def _importance(error: ValidationError) -> tuple[int, bool]:
    """Outermost first; a misspelt key tells more than the one that it should have been."""
    return len(error.absolute_path), error.validator != "additionalProperties"


def _floats(data: object, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], float]]:
    if isinstance(data, float):
        yield path, data
    pairs: Iterable[tuple[str | int, object]] = ()
    if isinstance(data, dict):
        pairs = ((str(key), value) for key, value in data.items())
    elif isinstance(data, (list, tuple)):
        pairs = enumerate(data)
    for key, value in pairs:
        yield from _floats(value, (*path, key))


def _spec_error(error: ValidationError, file: str | None) -> SpecError:
    field = field_path(error.absolute_path) or None
    limit: Any = error.validator_value
    instance: Any = error.instance
    schema = error.schema if isinstance(error.schema, dict) else {}
    if error.validator == "additionalProperties":
        return _unknown_key(error, field, file)
    if error.validator == "required":
        missing = [name for name in limit if name not in instance]
        return SpecError(
            f"{missing[0]!r} is missing",
            file=file,
            field=f"{field}.{missing[0]}" if field else missing[0],
            value=list(instance),
            allowed=f"required here: {', '.join(limit)}",
            remedy=f"add `{missing[0]}:`",
        )
    allowed = schema.get("description")
    if error.validator == "enum":
        allowed = ", ".join(map(str, limit))
    return SpecError(
        "the value does not fit the schema",
        file=file,
        field=field,
        value=instance,
        allowed=allowed or f"{error.validator}: {limit}",
        remedy=schema.get("$comment", "change the value to an allowed one"),
    )


def _unknown_key(error: ValidationError, field: str | None, file: str | None) -> SpecError:
    known = list(error.schema.get("properties", ())) if isinstance(error.schema, dict) else []
    instance: Any = error.instance
    unknown = next(str(key) for key in instance if key not in known)
    close = difflib.get_close_matches(unknown, known, n=1)
    return SpecError(
        "unknown key",
        file=file,
        field=f"{field}.{unknown}" if field else unknown,
        value=unknown,
        allowed=", ".join(known),
        remedy=f"did you mean {close[0]!r}?" if close else "remove it",
    )
