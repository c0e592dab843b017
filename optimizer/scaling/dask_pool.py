"""Tasks on a cluster, through Dask distributed (the extra ``cluster``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from optimizer.errors import SpecError
from optimizer.problem.versions import MODEL_VERSION
from optimizer.scaling.pool import Outcome, Payload, Work, limited, task_name
from optimizer.store.network_mounts import on_network
from optimizer.store.store import task_key

if TYPE_CHECKING:
    from distributed import Client, Future

RETRIES = 2
"""How often a task that fails is run again. Tasks of workers that die are run again by Dask itself."""

CONNECT_S = 20

Done = Callable[[int, Outcome], None]


class DaskPool:
    """Tasks on the workers of a Dask scheduler; a context manager, whose end closes the connection.

    Tasks have their content as key, so two clients that ask for the same one at the same time share it. A worker of
    another version of the model refuses them. Ctrl-C cancels what waits; what runs ends by its own time limit.

    Parameters
    ----------
    scheduler : str
        Address, e.g. ``tcp://10.0.0.1:8786``.
    task_time_limit_s : float, optional
        Most seconds per task.

    Raises
    ------
    SpecError
        If Dask is not installed, or there is no scheduler at the address.
    """

    def __init__(self, scheduler: str, task_time_limit_s: float | None = None) -> None:
        self._client, self._time_s = _connected(scheduler), task_time_limit_s

    def __enter__(self) -> DaskPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def run(self, work: Work, payloads: Sequence[Payload], cache_dir: Path | None, done: Done) -> None:
        """Run all; `done` is called as each ends.

        Dask drops the tasks that were with workers that died, of which one may be to blame for all. They are run
        again in the end, one by one.

        Raises
        ------
        SpecError
            If a task ends its workers time and again, a worker has another version of Tilewright or none, or the
            scheduler goes away.
        """
        folder = None if cache_dir is None else str(cache_dir.absolute())

        def start(number: int, name: str) -> Future:
            asked = limited(payloads[number], self._time_s)
            content = {"payload": asked, "folder": folder}
            key = f"{name}-{task_key(f'{work.__module__}.{work.__qualname__}', content)}"
            return self._client.submit(
                run_on_worker, work, asked, folder, MODEL_VERSION, key=key, pure=True, retries=RETRIES
            )

        suspects = self._finish({n: start(n, "tilewright") for n in range(len(payloads))}, payloads, done)
        for number in suspects:
            if self._finish({number: start(number, "tilewright-alone")}, payloads, done):
                raise SpecError(
                    f"{task_name(number, payloads[number])} ended its workers time and again",
                    field="--scheduler",
                    value=self._client.scheduler.address,
                    allowed="tasks that the memory of a worker holds",
                    remedy="give workers more memory: `dask worker --memory-limit`; their logs say why they died",
                )

    def _finish(self, futures: dict[int, Future], payloads: Sequence[Payload], done: Done) -> list[int]:
        """Wait for tasks, by their numbers: those that were stopped because workers died."""
        from distributed import KilledWorker, as_completed  # noqa: PLC0415

        numbers: dict[str, list[int]] = {}
        for number, future in futures.items():
            numbers.setdefault(future.key, []).append(number)
        given_up: list[int] = []
        try:
            for future in as_completed([futures[same[0]] for same in numbers.values()], loop=self._client.loop):
                same = numbers[future.key]
                try:
                    outcome = future.result()  # computed again if the worker that held it has died
                except KilledWorker:
                    given_up += same
                except Exception as error:
                    raise _failure(task_name(same[0], payloads[same[0]]), error) from error
                else:
                    for number in same:
                        done(number, outcome)
        except BaseException:
            self._client.cancel(list(futures.values()))
            raise
        return given_up


def run_on_worker(work: Work, payload: Payload, cache_dir: str | None, version: str) -> Outcome:
    """A task as a worker runs it.

    Raises
    ------
    SpecError
        If the worker has another version of the model than the client.
    """
    if version != MODEL_VERSION:
        raise SpecError(
            "a worker of the cluster has another version of Tilewright",
            field="model version",
            value=MODEL_VERSION,
            allowed=version,
            remedy="install the version of the client on all workers, and start them again",
        )
    return work(payload, None if cache_dir is None else worker_cache(Path(cache_dir)))


def worker_cache(asked: Path) -> Path:
    """Where a worker keeps layer results: the client's folder, or its own scratch folder.

    The database cannot be shared by hosts, so the client's path serves only where it lies on a disk of the worker's
    host and may be written. Outcomes of tasks are noted by the client in any case.
    """
    from distributed import get_worker  # noqa: PLC0415

    try:
        asked.mkdir(parents=True, exist_ok=True)
        usable = os.access(asked, os.W_OK) and not on_network(asked)
    except OSError:
        usable = False
    return asked if usable else Path(get_worker().local_directory) / "tilewright"


def _connected(scheduler: str) -> Client:
    try:
        from distributed import Client  # noqa: PLC0415
    except ImportError as error:
        raise SpecError(
            f"the cluster needs Dask distributed, which is not installed: {error}",
            field="--scheduler",
            value=scheduler,
            allowed="with the extra `cluster`",
            remedy="pip install 'tilewright[cluster]'",
        ) from error
    try:
        return Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise SpecError(
            f"cannot reach the scheduler: {error}",
            field="--scheduler",
            value=scheduler,
            allowed="the address of a Dask scheduler that runs, e.g. tcp://10.0.0.1:8786",
            remedy="start one with `dask scheduler`; it says its address",
        ) from error


def _failure(name: str, error: BaseException) -> BaseException:
    """What the caller is told; faults of the work itself are passed on as they are."""
    if isinstance(error, CancelledError):
        return SpecError(
            f"{name} was cancelled, or the scheduler went away",
            field="--scheduler",
            allowed="a scheduler that runs to the end",
            remedy="start again: outcomes that are known are not computed again",
        )
    if isinstance(error, ImportError) or "deserialization" in str(error):
        return SpecError(
            f"the cluster cannot run {name}: {error}",
            field="--scheduler",
            allowed="a scheduler and workers with the client's version of Tilewright",
            remedy="install the version of the client there, and start them again",
        )
    return error
