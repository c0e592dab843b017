"""Options: how a task is run. Its answer does not depend on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from optimizer.files.arguments import Checked
from optimizer.files.rules import AT_LEAST_ONE, SEED, TIME_LIMIT
from optimizer.problem.progress import Watch
from optimizer.scaling.pool import Pool


@dataclass(frozen=True)
class Options(Checked):
    """Limits, threads and places of a run.

    Parameters
    ----------
    time_limit_s : float, optional
        Seconds after which the best answer so far is returned with its bound.
    workers : int
        Threads; the answer does not depend on their number.
    seed : int
        Random seed of the solver.
    cache_dir : Path, optional
        Folder of the store of results; without it results are kept in memory only.
    pool : Pool, optional
        Runs tasks in other processes; by default they run here, on `workers` threads.
    progress : callable, optional
        Called with a :class:`Progress` now and then.
    """

    time_limit_s: float | None = field(default=None, metadata=TIME_LIMIT)
    workers: int = field(default=2, metadata=AT_LEAST_ONE)
    seed: int = field(default=0, metadata=SEED)
    cache_dir: Path | None = None
    pool: Pool | None = None
    progress: Watch | None = None

    def deadline(self, started: float) -> float | None:
        """The end of a run that started then (``time.perf_counter``)."""
        return None if self.time_limit_s is None else started + self.time_limit_s
