"""Hook of MkDocs: pages hold markers, each of which is replaced by what the code says.

A marker is a line ``<!-- include: KIND ARGUMENT -->``. Kinds are the keys of :data:`KINDS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import commands
import docstrings
import interface
import operators
import presets
import schemas
from mkdocs.exceptions import PluginError

MARKER = re.compile(r"^<!-- include: (\S+)(?: (\S+))? -->$", re.MULTILINE)

KINDS: Mapping[str, Callable[..., str]] = {
    "theory": docstrings.theory,
    "commands": commands.reference,
    "interface": interface.reference,
    "operators": operators.reference,
    "presets": presets.reference,
    "schema": schemas.reference,
}
"""What can be included, by the word of its marker."""


def on_page_markdown(markdown: str, *, page: Any, **arguments: Any) -> str:
    """Replace the markers of a page.

    Raises
    ------
    PluginError
        If a marker is unknown, or asks for what there is not.
    """

    def included(match: re.Match[str]) -> str:
        kind, argument = match[1], match[2]
        if kind not in KINDS:
            raise PluginError(f"{page.file.src_uri}: nothing to include is called {kind}")
        try:
            return KINDS[kind](argument) if argument else KINDS[kind]()
        except LookupError as error:
            raise PluginError(f"{page.file.src_uri}: {error}") from error

    return MARKER.sub(included, markdown)
