"""Progress of a solve on stderr: one live line on a terminal; elsewhere plain lines, at news and at intervals."""

from __future__ import annotations

import re
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

import click

from optimizer.report.progress_line import progress_line

if TYPE_CHECKING:
    from rich.status import Status

    from optimizer.problem.progress import Progress

SECONDS_BETWEEN_LINES = 10.0
_COUNTERS = re.compile(r"\d+")


class ProgressDisplay:
    """Context manager, and the callback of a run.

    Parameters
    ----------
    quiet : bool
        Show nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._status: Status | None = None
        self._last = -SECONDS_BETWEEN_LINES
        self._news: tuple[object, ...] = ()

    def __enter__(self) -> ProgressDisplay:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console  # noqa: PLC0415

            self._status = Console(stderr=True, highlight=False, markup=False).status("starting")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def __call__(self, progress: Progress) -> None:
        """Show the state of a solve."""
        if self._quiet:
            return
        if self._status is not None:
            from rich.text import Text  # noqa: PLC0415

            self._status.update(Text(progress_line(progress)))
            return
        news = (progress.incumbent is None, progress.bound is None, _COUNTERS.sub("", progress.message))
        if news != self._news or time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._last, self._news = time.monotonic(), news
            click.echo(progress_line(progress), err=True)
