"""Types of option values; every bad value names the option, what is allowed and the remedy."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from optimizer.errors import SpecError
from optimizer.files.arguments import check_path

if TYPE_CHECKING:
    from optimizer.studies.metrics import Range

    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType


Padding = str | dict[str, list[int]]


_DECIMAL = re.compile(r"\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?")


_ANY_LENGTH = re.compile(r"\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
LONGEST_NUMBER = 100


_WHOLE = re.compile(r"\d{1,18}")


def _name(parameter: click.Parameter | None) -> str:
    return parameter.opts[-1] if parameter is not None else ""


def _positive_integer(text: str, field: str, remedy: str) -> int:
    if not _WHOLE.fullmatch(text.strip()) or int(text) < 1:
        raise SpecError("not a positive whole number", field=field, value=text, allowed="integers >= 1", remedy=remedy)
    return int(text)


def positive(value: Any, field: str, remedy: str) -> Fraction:
    """An exact positive decimal."""
    text = str(value).strip()
    if _ANY_LENGTH.fullmatch(text) and (not _DECIMAL.fullmatch(text) or len(text) > LONGEST_NUMBER):
        raise SpecError(
            "the number is out of range",
            field=field,
            value=value,
            allowed="decimals > 0 of at most 100 characters, exponents from -99 to 99",
            remedy=remedy,
        )
    if not _DECIMAL.fullmatch(text) or not Fraction(text):
        raise SpecError("not a positive number", field=field, value=value, allowed="decimals > 0", remedy=remedy)
    return Fraction(text)


class Positive(_Type):
    """An exact positive decimal; `remedy` says what to write instead of a bad one."""

    name = "number"

    def __init__(self, remedy: str = "write e.g. 2.5, or leave the option out for no limit") -> None:
        self.remedy = remedy

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """The value as a fraction."""
        return positive(value, _name(param), self.remedy)


class Place(click.Path):
    """The path of a file or folder; an empty one is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        check_path(value, _name(param))
        return super().convert(value, param, ctx)


def _split(value: Any, option: str, example: str) -> tuple[str, str]:
    name, equals, rest = str(value).partition("=")
    if not equals or not name.strip() or not rest.strip():
        raise SpecError(
            "not of the form name=value",
            field=option,
            value=value,
            allowed="name=value",
            remedy=f"write e.g. {option} {example}",
        )
    return name.strip(), rest.strip()


class MenuChoice(_Type):
    """``path=entry`` of a menu."""

    name = "path=entry"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Path and entry."""
        return _split(value, _name(param), "GLB.size=128KiB")


class Convention(_Type):
    """``name=value`` of a convention of language models; both are checked where the network is read."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Name and value."""
        return _split(value, _name(param), "attention=windowed")


class Dim(_Type):
    """``name=extent`` of a symbolic dim."""

    name = "name=extent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Name and extent."""
        option = _name(param)
        name, extent = _split(value, option, "batch=1")
        return name, _positive_integer(extent, f"{option} {name}", f"write e.g. {option} {name}=1")


class Bits(_Type):
    """``8``, or ``W=8,I=8,O=16``: bits per element. The roles are checked where the network is read."""

    name = "W=8,I=8,O=16"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | dict[str, int]:
        """One width, or one per role."""
        text, example = str(value), f"write e.g. {_name(param)} 8, or {_name(param)} W=8,I=8,O=16"
        if "=" not in text:
            return _positive_integer(text, _name(param), example)
        bits: dict[str, int] = {}
        for part in text.split(","):
            role, _, width = part.partition("=")
            if role.strip() in bits:
                raise SpecError(
                    "a role is given twice", field=_name(param), value=text, allowed="every role once", remedy=example
                )
            bits[role.strip()] = _positive_integer(width, f"{_name(param)} {role.strip()}", example)
        return bits


class Vary(_Type):
    """``NAME=LOW:HIGH``; either end may be left out, or both: ``NAME``."""

    name = "name=low:high"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Range:
        """A range of limits."""
        from optimizer.studies.metrics import Range  # noqa: PLC0415

        name, equals, ends = str(value).partition("=")
        low, colon, high = ends.partition(":")
        if not name.strip() or (equals and not colon):
            raise SpecError(
                "not a range of limits",
                field=_name(param),
                value=value,
                allowed="NAME=LOW:HIGH, or NAME for all",
                remedy="write e.g. --vary area-mm2=2:12",
            )
        remedy = "write e.g. --vary area-mm2=2:12, or leave an end out"
        limits = [positive(end, _name(param), remedy) if end.strip() else None for end in (low, high)]
        return Range(name.strip(), *limits)


class Share(_Type):
    """``1%`` or ``0.01``; its range is checked where it is used."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """The share as a fraction."""
        text = str(value).strip()
        number = positive(text.removesuffix("%"), _name(param), f"write e.g. {_name(param)} 1%")
        return number / 100 if text.endswith("%") else number


class PaddingRule(_Type):
    """``none``, ``auto``, or larger extents per dim: ``P=56:64,Q=56:64``."""

    name = "none|auto|P=56:64,Q=56:64"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Padding:
        """A rule's name, or extents per dim."""
        if value in ("none", "auto"):
            return str(value)
        extents: dict[str, list[int]] = {}
        for part in str(value).split(","):
            dim, equals, numbers = part.partition("=")
            if not equals or not dim.strip() or dim.strip() in extents:
                raise SpecError(
                    "not a padding",
                    field=_name(param),
                    value=value,
                    allowed="none, auto, or DIM=EXTENT:EXTENT,...",
                    remedy="write e.g. --padding P=56:64,Q=56:64",
                )
            extents[dim.strip()] = [
                _positive_integer(number, f"{_name(param)} {dim.strip()}", "write extents such as P=56:64")
                for number in numbers.split(":")
            ]
        return extents


class SparsityRule(_Type):
    """``W=2:4``, or ``none``; role and ratio are checked where they are used."""

    name = "W=2:4|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str] | str:
        """Role and ratio, or ``none``."""
        if str(value).strip() == "none":
            return "none"
        return _split(value, _name(param), "W=2:4")


class TensorBits(_Type):
    """``master=32,activations=16``: bits per element. The names are checked where they are used."""

    name = "master=32,activations=16"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, int]:
        """A width per name."""
        option, widths = _name(param), {}
        for part in str(value).split(","):
            name, width = _split(part, option, "master=32,activations=16")
            if name in widths:
                raise SpecError(
                    "a precision is given twice",
                    field=f"{option} {name}",
                    value=value,
                    allowed="every name once",
                    remedy="leave one out",
                )
            widths[name] = _positive_integer(width, f"{option} {name}", f"write e.g. {option} {name}=16")
        return widths


class Names(_Type):
    """Names with commas between; they are checked where they are used."""

    name = "name,name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names."""
        return tuple(part.strip() for part in str(value).split(","))
