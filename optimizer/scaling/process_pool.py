"""Tasks in processes of this computer."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType

from optimizer.errors import SpecError
from optimizer.scaling.pool import Outcome, Payload, Work, limited, task_name

AGAIN = 2
"""How often a task is run again, by itself, after its process has died."""

Done = Callable[[int, Outcome], None]
Start = Callable[[int], "Future[Outcome]"]


class ProcessPool:
    """Several tasks at once, each in a process of its own; a context manager, whose end ends the processes.

    Where a process dies, the tasks that ran just then are run again one by one, so it is known which of them is to
    blame. The processes end at once on Ctrl-C, on an error, and when this process dies, however it does.

    Parameters
    ----------
    workers : int
        Processes.
    memory_limit_mb : int, optional
        Most private memory of a process, 10^6 bytes (its data segment, see ``setrlimit(2)``; Linux).
    task_time_limit_s : float, optional
        Most seconds per task.

    Raises
    ------
    SpecError
        On a memory limit where there is none to set.
    """

    def __init__(
        self, workers: int, memory_limit_mb: int | None = None, task_time_limit_s: float | None = None
    ) -> None:
        if memory_limit_mb is not None and sys.platform != "linux":
            raise SpecError(
                "memory of processes cannot be limited on this system",
                field="--memory-limit",
                value=memory_limit_mb,
                allowed="a limit on Linux",
                remedy="leave it out",
            )
        self._workers, self._memory_mb, self._time_s = workers, memory_limit_mb, task_time_limit_s
        self._executor: ProcessPoolExecutor | None = None
        self._lifeline: tuple[Connection, Connection] | None = None

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_processes()

    def run(self, work: Work, payloads: Sequence[Payload], cache_dir: Path | None, done: Done) -> None:
        """Run all; `done` is called as each ends.

        Raises
        ------
        SpecError
            If a task ends its process every time it is run, or needs more memory than it may have.
        """

        def start(number: int) -> Future[Outcome]:
            return self._ready().submit(work, limited(payloads[number], self._time_s), cache_dir)

        def finish(number: int, future: Future[Outcome]) -> None:
            try:
                outcome = future.result()
            except MemoryError:
                raise self._failure(number, payloads[number], "needs more memory than it may have") from None
            done(number, outcome)

        waiting = deque(range(len(payloads)))
        try:
            while waiting:
                for number in self._until_death(waiting, self._workers, start, finish):
                    left = AGAIN
                    while self._until_death(deque([number]), 1, start, finish):
                        left -= 1
                        if not left:
                            problem = f"ended its process {AGAIN + 1} times"
                            raise self._failure(number, payloads[number], problem)
        except BaseException:
            self._end_processes()
            raise

    def _until_death(
        self, waiting: deque[int], most: int, start: Start, finish: Callable[[int, Future[Outcome]], None]
    ) -> list[int]:
        """Run the waiting tasks, at most one per worker at once, until a process dies: the tasks that ran then; none if
        none died.
        """
        running: dict[Future[Outcome], int] = {}
        suspects: list[int] = []
        while (waiting and not suspects) or running:
            while waiting and len(running) < most and not suspects:
                number = waiting.popleft()
                try:
                    running[start(number)] = number
                except BrokenProcessPool:
                    suspects.append(number)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number = running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    suspects.append(number)
                else:
                    finish(number, future)
        if suspects:
            self._end_processes()
        return suspects

    def _failure(self, number: int, payload: Payload, problem: str) -> SpecError:
        limit = self._memory_mb
        return SpecError(
            f"{task_name(number, payload)} {problem}",
            field=None if limit is None else "--memory-limit",
            value=limit,
            allowed="tasks that the memory of this computer holds" if limit is None else "what its tasks need",
            remedy="use fewer workers, so that each has more memory" if limit is None else "raise the limit",
        )

    def _ready(self) -> ProcessPoolExecutor:
        """The processes, started if need be; they begin anew, as they would on another host."""
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._lifeline = context.Pipe(duplex=False)
            self._executor = ProcessPoolExecutor(
                self._workers, context, initializer=_begin, initargs=(self._lifeline[0], self._memory_mb)
            )
        return self._executor

    def _end_processes(self) -> None:
        """End them now, whatever they do."""
        if self._executor is not None and self._lifeline is not None:
            self._lifeline[1].close()
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._lifeline[0].close()
        self._executor = self._lifeline = None


def _begin(lifeline: Connection, memory_limit_mb: int | None) -> None:
    """Set a worker up: Ctrl-C is the parent's, memory is limited, and the parent's end is its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    if memory_limit_mb is not None and sys.platform == "linux":
        import resource  # noqa: PLC0415

        most = memory_limit_mb * 10**6
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _end_with(lifeline: Connection) -> None:
    """End this process when the other end of the pipe is closed, which the death of the parent does as well."""
    with contextlib.suppress(OSError):
        lifeline.poll(None)
    os._exit(1)
