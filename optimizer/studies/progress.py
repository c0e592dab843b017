"""Progress of a study: points closed, designs kept, and an estimate of the time left."""

from __future__ import annotations

import time

from optimizer.problem.progress import Progress, Watch
from optimizer.search.exploration import Exploration
from optimizer.search.progress import PointTally
from optimizer.studies.front import FrontState


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
        self._tally, self._started, self._watch = PointTally(total), started, watch
        self.tell("solving a first hardware point")

    def __call__(self, state: Exploration | FrontState) -> None:
        """Report the boxes closed since the last call."""
        self._tally.read(state.closed)
        kept = len(state.frontier.spots if isinstance(state, FrontState) else state.incumbents.designs)
        left = self._tally.time_left(time.perf_counter() - state.started)
        self.tell("  ".join(text for text in (f"{kept} designs kept", left) if text))

    def tell(self, message: str) -> None:
        """Report a message."""
        self._watch(
            Progress(
                elapsed_s=time.perf_counter() - self._started,
                points_total=self._tally.total,
                points_closed=self._tally.closed,
                points_solved=self._tally.solved,
                message=message,
            )
        )
