"""Progress in a terminal or a notebook, for ``progress="auto"``: one line that is written over."""

from __future__ import annotations

import sys
from typing import TextIO

from optimizer.problem.progress import Progress, Watch
from optimizer.report.progress_line import progress_line


def live_progress(stream: TextIO | None = None) -> Watch | None:
    """A callback that shows progress on stderr; None if it is neither a terminal nor a notebook."""
    place = stream or sys.stderr
    if not (place.isatty() or "ipykernel" in sys.modules):
        return None
    longest = 0

    def show(progress: Progress) -> None:
        nonlocal longest
        line = progress_line(progress)
        longest = max(longest, len(line))
        place.write(f"\r{line.ljust(longest)}")
        place.flush()

    return show
