"""Points of closed boxes, counted as an exploration goes on, and the time that is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from optimizer.points import Box, size


class Entry(Protocol):
    """A closed box, and why it is closed."""

    @property
    def box(self) -> Box:
        """Its points."""

    @property
    def by(self) -> str:
        """``solved`` if a point was solved there."""


class Tally:
    """Counts points.

    Parameters
    ----------
    total : int
        Points of the exploration.
    """

    def __init__(self, total: int) -> None:
        self.total, self.closed, self.solved = total, 0, 0
        self._read = 0

    def read(self, entries: Sequence[Entry]) -> None:
        """Count the boxes closed since the last call."""
        for entry in entries[self._read :]:
            self.closed += size(entry.box)
            self.solved += size(entry.box) if entry.by == "solved" else 0
        self._read = len(entries)

    def time_left(self, elapsed_s: float) -> str:
        """What is left if the rest goes like what is done; boxes close faster and faster, so it is rather too much."""
        share = self.closed / self.total
        if not 0 < share < 1:
            return ""
        seconds = elapsed_s * (1 - share) / share
        return f"about {seconds / 60:.0f} min left" if seconds >= 120 else f"about {seconds:.0f} s left"
