"""Docstrings of the code as Markdown: a page that includes one cannot drift from it."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any

ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):`~?([^`]+)`")
MATH = re.compile(r":math:`([^`]+)`")
SECTION = re.compile(r"^(?:Parameters|Returns|Yields|Raises|Attributes)\n-+$", re.MULTILINE)
INDENT = " " * 4
SYMBOLS = {r"\ge": ">=", r"\le": "<=", r"\in": "in", r"\sum": "sum", r"\lfloor": "floor(", r"\rfloor": ")"}


def resolved(path: str) -> Any:
    """The object with a dotted name: a module, or a member of one.

    Raises
    ------
    LookupError
        If there is no such object.
    """
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            if not hasattr(found, name):
                raise LookupError(f"no {name} in {found}")
            found = getattr(found, name)
        return found
    raise LookupError(f"no module of {path}")


def plain(text: str) -> str:
    """Text in which roles of reStructuredText are names in code type, and formulas are too."""
    return MATH.sub(_formula, ROLE.sub(r"`\1`", text))


def theory(path: str) -> str:
    """The docstring of an object, without sections on parameters and the like.

    Raises
    ------
    LookupError
        If there is no such object, or it says nothing.
    """
    text = inspect.getdoc(resolved(path))
    if not text:
        raise LookupError(f"{path} has no docstring")
    return f"*`{path}`*\n\n{with_definitions(plain(SECTION.split(text)[0]).strip())}\n"


def with_definitions(text: str) -> str:
    """Text in which definition lists of reStructuredText are paragraphs under bold terms."""
    lines = re.sub(r"::$", ":", text, flags=re.MULTILINE).splitlines()
    found: list[str] = []
    while lines:
        term = lines.pop(0)
        if not (_is_term(term) and lines and lines[0].startswith(INDENT)):
            found.append(term)
            continue
        body = []
        while lines and (not lines[0] or lines[0].startswith(INDENT)):
            body.append(lines.pop(0).removeprefix(INDENT))
        found += [f"**{term}**", "", *with_definitions("\n".join(body)).splitlines(), ""]
    return "\n".join(found)


def _is_term(line: str) -> bool:
    return bool(line) and not line.startswith((" ", "*", "-")) and not re.match(r"\w+[.)] ", line)


def _formula(match: re.Match[str]) -> str:
    formula = match[1]
    for command, symbol in SYMBOLS.items():
        formula = formula.replace(command, symbol)
    return f"`{formula}`"
