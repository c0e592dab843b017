"""YAML without binary floats: decimals are exact fractions; duplicate keys and syntax errors are refused."""

from __future__ import annotations

import re
from collections.abc import Hashable
from fractions import Fraction
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from optimizer.errors import SpecError
from optimizer.files.names import check_name
from optimizer.files.numbers import LARGEST_EXPONENT, MOST_DIGITS, is_too_long
from optimizer.files.yaml_limits import MERGE, check_nodes, place

try:
    from yaml import CSafeDumper as _CompiledDumper
    from yaml import CSafeLoader as _CompiledLoader
except ImportError:  # a build of PyYAML without its parser and writer in C
    from yaml import SafeDumper as _CompiledDumper  # type: ignore[assignment]
    from yaml import SafeLoader as _CompiledLoader  # type: ignore[assignment]

_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+")
MOST_PLACES = 1000
"""Of a decimal that is written."""
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class _ExactLoader(yaml.SafeLoader):
    """A safe loader whose decimals become :class:`~fractions.Fraction`."""


class _FastLoader(_CompiledLoader):
    """The same with the parser in C: several times as fast, but its messages on bad syntax say less."""


_Loader = _ExactLoader | _FastLoader


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> Fraction:
    text = str(loader.construct_scalar(node))
    if is_too_long(text):
        raise SpecError(
            "this number has too many digits",
            field=place(node.start_mark),
            value=text,
            allowed=f"exponents up to {LARGEST_EXPONENT}, up to {MOST_DIGITS} digits",
            remedy="leave the field out where it means 'unlimited'",
        )
    if not _DECIMAL.fullmatch(text):
        raise SpecError(
            "this number has no exact value",
            field=place(node.start_mark),
            value=text,
            allowed="finite decimals such as 0.25 or 1e3",
            remedy="leave the field out where it means 'unlimited'",
        )
    return Fraction(text)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[object] = set()
    merges = any(key_node.tag == MERGE for key_node, _ in node.value)
    loader.flatten_mapping(node)
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise SpecError(
                "a key must be text",
                field=place(key_node.start_mark),
                value=key,
                allowed="`key: value`, the key a word",
                remedy="put it into quotes where it looks like something else",
            )
        check_name(key, file=None, field=place(key_node.start_mark))
        if key in seen:
            raise SpecError(
                "the same key is given twice" + (", here and by a merge (<<)" if merges else ""),
                field=place(key_node.start_mark),
                value=key,
                allowed="every key once",
                remedy="remove or rename one of the two",
            )
        seen.add(key)
    return SafeConstructor.construct_mapping(loader, node, deep=True)


def _sequence(loader: _Loader, node: yaml.SequenceNode) -> list[Any]:
    return loader.construct_sequence(node, deep=True)


class _ExactDumper(_CompiledDumper):
    """A safe dumper that puts into quotes all text that the loader would take for a number."""


_RESOLVERS = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:float"]
    for first, pairs in Resolver.yaml_implicit_resolvers.items()
}
for _kind in (_ExactLoader, _FastLoader):
    _kind.yaml_implicit_resolvers = {first: list(pairs) for first, pairs in _RESOLVERS.items()}
    _kind.add_implicit_resolver("!exact", re.compile(f"^(?:{_DECIMAL.pattern})$"), list("-+.0123456789"))
    _kind.add_implicit_resolver("!exact", re.compile(f"^(?:{_NOT_FINITE.pattern})$"), list("-+."))
    _kind.add_constructor("!exact", _decimal)
    _kind.add_constructor("tag:yaml.org,2002:map", _mapping)
    _kind.add_constructor("tag:yaml.org,2002:seq", _sequence)
_ExactDumper.yaml_implicit_resolvers = _ExactLoader.yaml_implicit_resolvers


def _written(dumper: _ExactDumper, number: Fraction) -> yaml.Node:
    """A fraction as the decimal that it is."""
    places = next((n for n in range(MOST_PLACES) if 10**n % number.denominator == 0), None)
    if places is None:
        raise ValueError(f"{number} is no decimal")
    digits = str(abs(number.numerator) * 10**places // number.denominator).rjust(places + 1, "0")
    text = f"{digits[: len(digits) - places]}.{digits[len(digits) - places :] or 0}"
    return dumper.represent_scalar("!exact", f"-{text}" if number < 0 else text)


_ExactDumper.add_representer(Fraction, _written)


def _parsed(text: str) -> Any:
    """What the text holds; bad syntax is read a second time in Python, which says where it is."""
    try:
        return _loaded(_FastLoader(text))
    except yaml.YAMLError:
        return _loaded(_ExactLoader(text))


def _loaded(loader: _Loader) -> Any:
    """The only document of a file, checked before its values are made."""
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        check_nodes(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def load_exact(text: str, *, file: str | None = None) -> Any:
    """Parse YAML text; decimals come back as ``Fraction``, whole numbers as ``int``.

    Parameters
    ----------
    text : str
        YAML source.
    file : str, optional
        Name for error messages.

    Raises
    ------
    SpecError
        On bad syntax, a duplicate key, what :mod:`optimizer.files.yaml_limits` refuses, or a number that is not finite.
    """
    try:
        return _parsed(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise SpecError(
            f"not valid YAML: {getattr(error, 'problem', None) or error}",
            file=file,
            field=None if mark is None else place(mark),
            allowed="YAML 1.1",
            remedy="mend the syntax there",
        ) from None
    except SpecError as error:
        raise SpecError(
            error.problem, file=file, field=error.field, value=error.value, allowed=error.allowed, remedy=error.remedy
        ) from None


def dump_exact(data: Any) -> str:
    """YAML text that :func:`load_exact` reads back unchanged; data of mappings, lists, text, whole numbers
    and decimals.
    """
    text: str = yaml.dump(
        data, Dumper=_ExactDumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110
    )
    return text
