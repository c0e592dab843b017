"""Lists of tasks, run by a pool; outcomes cached in the store are reused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

from optimizer.scaling.pool import Outcome, Payload, Pool, Work
from optimizer.store.store import Store, task_key

Done = Callable[[int, Outcome], None]


def run_tasks(
    kind: str,
    work: Work,
    payloads: Sequence[Payload],
    *,
    pool: Pool,
    cache_dir: Path | None,
    done: Done | None = None,
    store: Store | None = None,
) -> list[Outcome]:
    """Outcomes of tasks, in their order.

    Tasks whose outcomes are cached in the store (by kind, payload and version of the model) are not run. Others are
    stored the moment they end, so that a killed list of tasks continues from there. Equal tasks are run once.

    Parameters
    ----------
    kind : str
        What sort of task it is; the kinds ``optimum`` and ``bound`` are those of layer results.
    work : callable
        A function at the top of a module: it must give the same outcome whenever and wherever it is run, or one that
        :func:`was_stopped` sees.
    payloads : sequence of dict
        JSON values only. ``time_limit_s`` and ``label`` do not identify a task; ``problem`` is shared by many tasks,
        and may be long.
    pool : Pool
    cache_dir : Path or None
        Folder of the store.
    done : callable, optional
        Called with number and outcome as each ends, first with those that the store knows.
    store : Store, optional
        That of the folder, where it is open already; by default it is opened for these tasks.

    Raises
    ------
    SpecError
        If the store cannot be used, a task fails because of its input, or it ends its process every time.
    KeyboardInterrupt
        On Ctrl-C, after `done` was called for all that ended.
    """
    outcomes: dict[int, Outcome] = {}

    def tell(number: int, outcome: Outcome) -> None:
        outcomes[number] = outcome
        if done is not None:
            done(number, outcome)

    with closing(Store(cache_dir)) if store is None else nullcontext(store) as opened:
        waiting: dict[str, list[int]] = {}
        for number, payload in enumerate(payloads):
            key = task_key(kind, payload)
            known = None if key in waiting else opened.outcome(key)
            if known is None:
                waiting.setdefault(key, []).append(number)
            else:
                tell(number, known)
        equal = list(waiting.values())

        def note(position: int, outcome: Outcome) -> None:
            payload = payloads[equal[position][0]]
            plain: Outcome = json.loads(json.dumps(outcome, allow_nan=False))
            if not was_stopped(plain):
                opened.note_outcome(kind, payload, plain)
            for number in equal[position]:
                tell(number, plain)

        pool.run(work, [payloads[numbers[0]] for numbers in equal], cache_dir, note)
    return [outcomes[number] for number in range(len(payloads))]


def was_stopped(outcome: Outcome) -> bool:
    """Did a time limit or Ctrl-C end the work? Such outcomes are handed out but not kept: the next run does better."""
    return outcome.get("complete") is False or outcome.get("status") in ("FEASIBLE", "UNKNOWN")
