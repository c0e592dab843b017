"""Records: frozen dataclasses as JSON data, and JSON data as frozen dataclasses, by the types of their fields.

A record states its format: the fields in the order of the keys (or ``ORDER``, an :data:`Order`, where the keys stand in
another one), the key where it is not the field's name (:func:`key`), and records whose keys stand among those of the
record around them (``INLINE``). A field with the default None is left out of the data where it is None; a field without
a default is always there, as null where it is None. Its metadata may hold a rule of :mod:`optimizer.files.rules`.
Fractions are texts such as ``1/3``; floats are finite. A whole number in a field of floats stays one, so that data read
and written again are the same bytes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from types import EllipsisType
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from cattrs import (
    AttributeValidationNote,
    BaseValidationError,
    ClassValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.cols import homogenous_tuple_structure_factory
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from optimizer.errors import SpecError
from optimizer.files.rules import RULE, BrokenRuleError, Rule

Json = dict[str, Any]
"""Data that a reader of its own understands, such as a problem or a mapping."""
Order = tuple[str | EllipsisType, ...]
"""Keys in their order; ``...`` stands for all that are not named, in the order of their fields."""
Kind = TypeVar("Kind")
_KEY, _INLINE = "key", "inline"
INLINE: Mapping[str, bool] = {_INLINE: True}
"""Metadata of a field: a record, or None, whose keys stand among those of the record around it."""


class Forms(ABC):
    """Base of records of several forms: which of them data are, they say themselves."""

    @classmethod
    @abstractmethod
    def form_of(cls, data: Mapping[str, Any]) -> type:
        """The class of these data."""


def key(name: str) -> Mapping[str, str]:
    """Metadata of a field whose key is not its name."""
    return {_KEY: name}


def to_json(record: object) -> Json:
    """The JSON data of a record."""
    data: Json = _CONVERTER.unstructure(record)
    return data


def from_json(kind: type[Kind], data: object, file: str | None = None) -> Kind:
    """The record of these JSON data.

    Raises
    ------
    SpecError
        If something is missing, unknown, or of another type.
    """
    try:
        return _CONVERTER.structure(data, kind)
    except (BaseValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
        path, reason, expected = _first_fault(error)
        raise SpecError(
            f"the file is damaged: {reason}",
            file=file,
            field=".".join(map(str, path)) or None,
            value=_shown(data, path),
            allowed=_words(expected),
            remedy="check it with `tilewright verify`, or make it again",
        ) from error


def _first_fault(error: BaseException) -> tuple[list[str | int], str, object]:
    """Where the first fault is, what it is, and the type that is expected there."""
    path: list[str | int] = []
    expected: object = None
    while isinstance(error, ClassValidationError | IterableValidationError):
        placed, others = error.group_exceptions()
        if not placed:
            error = others[0]
            break
        owner = getattr(error, "cl", None)
        error, note = placed[0]
        expected = note.type
        path += _place(owner, note.name) if isinstance(note, AttributeValidationNote) else [note.index]
    if isinstance(error, KeyError):
        return path, "it is missing", None
    if isinstance(error, ForbiddenExtraKeysError):
        return [*path, min(error.extra_fields)], "it is unknown", None
    if isinstance(error, BrokenRuleError):
        expected = error.allowed
        path += error.path
    return path, " ".join(str(error).split()), expected


def _place(owner: Any, name: str) -> list[str | int]:
    """The key of a field; a record whose keys stand among those around it is no place of its own."""
    one = next(one for one in fields(owner) if one.name == name)
    return [] if _INLINE in one.metadata else [_key_of(one)]


def _words(kind: object) -> str:
    """What values a type takes."""
    if kind is None:
        return "a file as it was written"
    if isinstance(kind, str):
        return kind
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(str(member.value) for member in kind)
    if getattr(kind, "__origin__", None) is Literal:
        return ", ".join(map(str, get_args(kind)))
    return kind.__name__ if type(kind) is type else str(kind).replace("typing.", "")


def _shown(data: Any, path: list[str | int]) -> object:
    """The value at a place of the data."""
    for part in path:
        if isinstance(data, dict):
            data = data.get(part, data)
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part]
    return None if isinstance(data, dict | list) else data


def _exactly(*kinds: type) -> Callable[[Any, Any], Any]:
    """Takes values of these types as they are, and no Booleans for numbers."""
    names = " or ".join(kind.__name__ for kind in kinds)

    def taken(value: Any, _: Any) -> Any:
        if type(value) not in kinds:
            raise TypeError(f"not a value of type {names}")
        if type(value) is float and not math.isfinite(value):
            raise BrokenRuleError("it is not finite", "finite numbers")
        return value

    return taken


def _fraction(value: Any, _: Any) -> Fraction:
    if not isinstance(value, str):
        raise TypeError("not the text of a fraction")
    return Fraction(value)


def _is_list(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) is tuple and get_args(kind)[1:] == (...,)


def _list_reader(kind: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    items = homogenous_tuple_structure_factory(kind, converter)

    def read(value: Any, asked: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise TypeError("not a list")
        return items(value, asked)

    return read


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _has_forms(kind: Any) -> bool:
    return isinstance(kind, type) and "form_of" in vars(kind)


def _overrides(kind: type, converter: Converter) -> Json:
    """How the fields are written: under which key, and whether they are left out where they are None."""
    hints, found = get_type_hints(kind), {}
    for one in fields(kind):
        left_out, hint = one.default is None, hints[one.name]
        found[one.name] = override(rename=_key_of(one), omit_if_default=left_out)
        if _is_enum(hint):  # its texts are of a class derived from str
            found[one.name] = override(
                rename=_key_of(one), omit_if_default=left_out, struct_hook=_member, unstruct_hook=_text
            )
        if RULE in one.metadata:
            found[one.name] = override(
                rename=_key_of(one), omit_if_default=left_out, struct_hook=_ruled(one.metadata[RULE], converter)
            )
    return found


def _ruled(rule: Rule, converter: Converter) -> Callable[[Any, Any], Any]:
    return lambda value, kind: rule.kept(converter.structure(value, kind))


def _member(value: Any, kind: Any) -> Any:
    return kind(value)


def _text(member: Any) -> Any:
    return member.value


def _key_of(one: Field[Any]) -> str:
    return str(one.metadata.get(_KEY, one.name))


def _inlined(kind: type) -> dict[str, tuple[str, ...]]:
    """The fields whose records have their keys among those of this one, and these keys."""
    hints = get_type_hints(kind)
    return {
        one.name: _keys_of(next(part for part in (*get_args(hints[one.name]), hints[one.name]) if is_dataclass(part)))
        for one in fields(kind)
        if _INLINE in one.metadata
    }


def _keys_of(kind: Any) -> tuple[str, ...]:
    """The keys of a record."""
    inner = _inlined(kind)
    return tuple(name for one in fields(kind) for name in inner.get(one.name, (_key_of(one),)))


def _order(kind: type) -> list[str]:
    """The keys in their order."""
    stated: Order = getattr(kind, "ORDER", (...,))
    others = [_key_of(one) for one in fields(kind) if _key_of(one) not in stated]
    return [name for part in stated for name in (others if isinstance(part, EllipsisType) else [part])]


def _writer(kind: type, converter: Converter) -> Callable[[Any], Json]:
    """Keys in the order of the fields, wherever those left out have their place."""
    plain: Callable[[Any], Json] = make_dict_unstructure_fn(kind, converter, **_overrides(kind, converter))
    order, inner = _order(kind), _inlined(kind)

    def write(record: Any) -> Json:
        stated, data = plain(record), Json()
        for name in order:
            if name in inner:
                data |= stated.get(name) or {}
            elif name in stated:
                data[name] = stated[name]
        return data

    return write


def _reader(kind: type, converter: Converter) -> Callable[[Any, Any], Any]:
    plain: Callable[[Any, Any], Any] = make_dict_structure_fn(
        kind, converter, _cattrs_forbid_extra_keys=True, **_overrides(kind, converter)
    )
    inner = _inlined(kind)
    required = {one.name: _key_of(one) for one in fields(kind) if one.default is MISSING}

    def read(data: Any, asked: Any) -> Any:
        if not isinstance(data, dict):
            raise TypeError("not a JSON object")
        for name, keys in inner.items():
            part = {known: data[known] for known in keys if known in data}
            data = {known: value for known, value in data.items() if known not in part}
            data |= {name: part or None} if part or name in required else {}
        return plain(data, asked)

    return read


def _form_reader(kind: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    own = _reader(kind, converter) if hasattr(kind, "__dataclass_fields__") else None

    def read(data: Any, _: Any) -> Any:
        if not isinstance(data, dict):
            raise TypeError("not a JSON object")
        form = kind.form_of(data)
        return own(data, form) if own is not None and form is kind else converter.structure(data, form)

    return read


def _form_writer(kind: Any, converter: Converter) -> Callable[[Any], Json]:
    own = _writer(kind, converter) if hasattr(kind, "__dataclass_fields__") else None

    def write(record: Any) -> Json:
        if own is not None and type(record) is kind:
            return own(record)
        data: Json = converter.unstructure(record, unstructure_as=type(record))
        return data

    return write


def _same(kind: type) -> Callable[[Any], bool]:
    """Is a type this one, and none derived from it?"""
    return lambda other: other is kind


def _converter() -> Converter:
    converter = Converter(unstruct_collection_overrides={tuple: list})
    for kind, accepted in ((int, (int,)), (float, (int, float)), (str, (str,)), (bool, (bool,))):
        converter.register_structure_hook(kind, _exactly(*accepted))
    converter.register_structure_hook_func(_same(object), lambda value, _: value)
    converter.register_structure_hook_func(_same(Fraction), _fraction)
    converter.register_unstructure_hook(Fraction, str)
    converter.register_structure_hook_factory(_is_list, _list_reader)
    converter.register_structure_hook_factory(is_dataclass, _reader)
    converter.register_unstructure_hook_factory(is_dataclass, _writer)
    converter.register_structure_hook_factory(_has_forms, _form_reader)
    converter.register_unstructure_hook_factory(_has_forms, _form_writer)
    return converter


_CONVERTER = _converter()
