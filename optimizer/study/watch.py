"""Progress of a study: points closed, designs kept, and an estimate of the time left."""

from __future__ import annotations

import time
from collections.abc import Callable

from optimizer.explore import Exploration
from optimizer.points import size
from optimizer.result import Progress
from optimizer.study.front import FrontState

Watch = Callable[[Progress], None]


def time_left(elapsed_s: float, share: float) -> str:
    """What is left if the rest goes like what is done; boxes close faster and faster, so it is rather too much."""
    if not 0 < share < 1:
        return ""
    seconds = elapsed_s * (1 - share) / share
    return f"about {seconds / 60:.0f} min left" if seconds >= 120 else f"about {seconds:.0f} s left"


class Watcher:
    """Hands the state of an exploration to a progress callback.

    Parameters
    ----------
    total : int
        Points.
    started : float
        When the study began (``time.perf_counter``).
    watch : callable
    """

    def __init__(self, total: int, started: float, watch: Watch) -> None:
        self._total, self._started, self._watch = total, started, watch
        self._read = self._closed = self._solved = 0
        self.tell("solving a first hardware point")

    def __call__(self, state: Exploration | FrontState) -> None:
        """Report the boxes closed since the last call."""
        for entry in state.closed[self._read :]:
            self._closed += size(entry.box)
            self._solved += size(entry.box) if entry.by == "solved" else 0
        self._read = len(state.closed)
        kept = len(state.frontier.spots if isinstance(state, FrontState) else state.archive.designs)
        left = time_left(time.perf_counter() - state.started, self._closed / self._total)
        self.tell("  ".join(text for text in (f"{kept} designs kept", left) if text))

    def tell(self, message: str) -> None:
        """Say what is going on."""
        self._watch(Progress(
            elapsed_s=time.perf_counter() - self._started, points_total=self._total, points_closed=self._closed,
            points_solved=self._solved, message=message,
        ))  # fmt: skip
