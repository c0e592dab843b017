"""Lists of tasks, run by a pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from optimizer.scaling.pool import Outcome, Payload, Pool, Work

Done = Callable[[int, Outcome], None]


def run_tasks(
    kind: str, work: Work, payloads: Sequence[Payload], *, pool: Pool, cache_dir: Path | None, done: Done | None = None
) -> list[Outcome]:  # fmt: skip
    """Outcomes of tasks, in their order.

    Parameters
    ----------
    kind : str
        What sort of task it is, for people who look into the store.
    work : callable
        A function at the top of a module: it must give the same outcome whenever and wherever it is run, or one with
        ``complete`` false, which is not kept.
    payloads : sequence of dict
        JSON values only. ``time_limit_s`` is no part of what a task is about; ``problem`` is what many tasks share,
        and may be long.
    pool : Pool
    cache_dir : Path or None
        Folder of the store.
    done : callable, optional
        Called with number and outcome as each ends.
    """
    outcomes: dict[int, Outcome] = {}

    def note(number: int, outcome: Outcome) -> None:
        outcomes[number] = outcome
        if done is not None:
            done(number, outcome)

    pool.run(work, payloads, cache_dir, note)
    return [outcomes[number] for number in range(len(payloads))]
