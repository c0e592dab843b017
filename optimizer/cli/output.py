"""Renderables on stdout."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH_OF_FILES = 150
"""Columns where stdout is no terminal."""


def show_on_stdout(renderable: RenderableType) -> None:
    """Print to stdout, in colours on a terminal."""
    from rich.console import Console  # noqa: PLC0415

    width = None if sys.stdout.isatty() else WIDTH_OF_FILES
    Console(width=width, highlight=False, markup=False).print(renderable)
