"""Extension of griffe: docstrings without roles of reStructuredText."""

from __future__ import annotations

from typing import Any

import griffe
from docstrings import plain


class Roles(griffe.Extension):
    """Rewrites the roles of every docstring that is loaded."""

    def on_instance(self, *, obj: griffe.Object, **arguments: Any) -> None:
        """Called for every module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = plain(obj.docstring.value)
