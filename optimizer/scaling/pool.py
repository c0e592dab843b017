"""Pools run tasks: functions of plain data, which any process may run, and run again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from optimizer.store.store import LABEL, TIME_LIMIT

Payload = dict[str, Any]
"""The input of a task: JSON values only. ``time_limit_s`` limits the work, ``label`` names it for users."""

Outcome = dict[str, Any]
"""The output of a task: JSON values only. ``complete`` false, or ``status`` FEASIBLE or UNKNOWN: the work was stopped.
"""

Work = Callable[[Payload, Path | None], Outcome]
"""A function at the top of a module; the path is the folder of the store.

It uses one thread (parallelism is over tasks), gives the same outcome whenever and wherever it is run, and stops by
itself after the ``time_limit_s`` of the payload.
"""


class Pool(Protocol):
    """Runs tasks in some processes."""

    def run(
        self, work: Work, payloads: Sequence[Payload], cache_dir: Path | None, done: Callable[[int, Outcome], None]
    ) -> None:
        """Run all; `done` is called in this process with the number and outcome of each as it ends, in any order.

        Ctrl-C leaves the rest undone and goes on to the caller as ``KeyboardInterrupt``.
        """


class SerialPool:
    """One after the other, in this process.

    Parameters
    ----------
    task_time_limit_s : float, optional
        Most seconds per task.
    """

    def __init__(self, task_time_limit_s: float | None = None) -> None:
        self._limit = task_time_limit_s

    def run(
        self, work: Work, payloads: Sequence[Payload], cache_dir: Path | None, done: Callable[[int, Outcome], None]
    ) -> None:
        """Run all, in order."""
        with _noticed_interrupts() as noticed:
            for number, payload in enumerate(payloads):
                done(number, work(limited(payload, self._limit), cache_dir))
                if noticed.is_set():
                    raise KeyboardInterrupt


def limited(payload: Payload, task_time_limit_s: float | None) -> Payload:
    """The payload with a time limit: the shorter one, if it has one itself."""
    limits = [limit for limit in (payload.get(TIME_LIMIT), task_time_limit_s) if limit is not None]
    return {**payload, TIME_LIMIT: min(limits)} if limits else payload


def task_name(number: int, payload: Payload) -> str:
    """Name of a task in messages."""
    return f"task {number + 1} ({payload[LABEL]})" if payload.get(LABEL) else f"task {number + 1}"


@contextmanager
def _noticed_interrupts() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets: a work may take Ctrl-C as the sign to end early with what it has."""
    noticed = threading.Event()
    former = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(former):
        yield noticed
        return

    def notice(number: int, frame: FrameType | None) -> None:
        noticed.set()
        former(number, frame)

    signal.signal(signal.SIGINT, notice)
    try:
        yield noticed
    finally:
        signal.signal(signal.SIGINT, former)
