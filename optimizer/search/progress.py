"""The state of an exploration for a progress callback."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Protocol

from optimizer.problem.progress import Progress, Watch
from optimizer.search.exploration import Exploration


class ClosedBox(Protocol):
    """A closed box, and why it is closed."""

    @property
    def points(self) -> int:
        """Number of its points."""

    @property
    def by(self) -> str:
        """``solved`` if a point was solved there."""


class PointTally:
    """Counts points.

    Parameters
    ----------
    total : int
        Points of the exploration.
    """

    def __init__(self, total: int) -> None:
        self.total, self.closed, self.solved = total, 0, 0
        self._read = 0

    def read(self, entries: Sequence[ClosedBox]) -> None:
        """Count the boxes closed since the last call."""
        for entry in entries[self._read :]:
            self.closed += entry.points
            self.solved += entry.points if entry.by == "solved" else 0
        self._read = len(entries)

    def time_left(self, elapsed_s: float) -> str:
        """Linear estimate of the time left; pessimistic, because boxes are pruned faster towards the end."""
        share = self.closed / max(1, self.total)
        if not 0 < share < 1:
            return ""
        seconds = elapsed_s * (1 - share) / share
        return f"about {seconds / 60:.0f} min left" if seconds >= 120 else f"about {seconds:.0f} s left"


Show = Callable[[Fraction], float]
"""An objective in the unit of reports."""


class Reporter:
    """Calls the progress callback at the start, and after every round of boxes.

    Parameters
    ----------
    watch : callable
    started : float
        When the run began (``time.perf_counter``).
    total : int
        Hardware points of the exploration.
    unit : str
        Of the values shown.
    show : callable or None
        None leaves the values out, as of explorations under another objective.
    message : str
        What the exploration is for.
    first : str
        Said at the start instead of the message.
    timed : bool
        Include an estimate of the time left.
    """

    def __init__(
        self,
        watch: Watch,
        started: float,
        total: int,
        unit: str,
        show: Show | None,
        message: str = "",
        first: str = "",
        *,
        timed: bool = False,
    ) -> None:
        self._started, self._watch, self._message, self._show = started, watch, message, show
        self._tally, self._unit, self._timed = PointTally(total), unit, timed
        self._tell(first or message)

    def __call__(self, state: Exploration) -> None:
        """Report the boxes closed since the last call, and the values."""
        self._tally.read(state.closed)
        left = self._tally.time_left(time.perf_counter() - state.started) if self._timed else ""
        self._tell("  ".join(text for text in (self._message, left) if text), state.value, state.bound or None)

    def _tell(self, message: str, value: Fraction | None = None, bound: Fraction | None = None) -> None:
        incumbent = None if self._show is None or value is None else self._show(value)
        least = None if self._show is None or bound is None else self._show(bound)
        gap = None if not incumbent or least is None else max(0.0, (incumbent - least) / incumbent)
        self._watch(
            Progress(
                elapsed_s=time.perf_counter() - self._started,
                incumbent=incumbent,
                bound=least,
                gap=gap,
                points_total=self._tally.total,
                points_closed=self._tally.closed,
                points_solved=self._tally.solved,
                message=message,
                unit=self._unit,
            )
        )
