"""What commands show on stdout, and what they do on an internal disagreement."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from optimizer.results.result import Result

WIDTH_OF_FILES = 150
"""Columns where stdout is no terminal."""


@contextmanager
def keeping(keep: Callable[[Any], None]) -> Iterator[None]:
    """Hand the design found before an internal disagreement to `keep`; the error is raised again."""
    from optimizer.errors import InternalDisagreementError  # noqa: PLC0415
    from optimizer.results.result import Result  # noqa: PLC0415

    try:
        yield
    except InternalDisagreementError as error:
        if isinstance(error.result, Result):
            keep(error.result)
        raise


def fail_on_disagreement(result: Result) -> None:
    """Raise the disagreements that a result states, for the exit code. The result is shown and written before.

    Raises
    ------
    InternalDisagreementError
    """
    from optimizer.errors import InternalDisagreementError  # noqa: PLC0415

    if result.disagreements:
        raise InternalDisagreementError("\n".join(result.disagreements))


def show_on_stdout(renderable: RenderableType) -> None:
    """Print to stdout, in colours on a terminal."""
    from rich.console import Console  # noqa: PLC0415

    width = None if sys.stdout.isatty() else WIDTH_OF_FILES
    Console(width=width, highlight=False, markup=False).print(renderable)
