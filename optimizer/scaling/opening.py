"""Which pool fits the options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from optimizer.errors import SpecError
from optimizer.scaling.pool import Pool, SerialPool


@contextmanager
def open_pool(
    workers: int = 1,
    scheduler: str | None = None,
    *,
    memory_limit_mb: int | None = None,
    task_time_limit_s: float | None = None,
) -> Iterator[Pool]:
    """A pool for as long as the context lasts; the outcomes of tasks do not depend on which.

    Parameters
    ----------
    workers : int
        Processes of this computer; one needs no process besides this, unless its memory is limited.
    scheduler : str, optional
        Address of a Dask scheduler: its workers take the place of local processes.
    memory_limit_mb : int, optional
        Most memory of a local process, 10^6 bytes.
    task_time_limit_s : float, optional
        Most seconds per task.

    Raises
    ------
    SpecError
        On a memory limit for a cluster, and as the pools do.
    """
    if scheduler is not None:
        if memory_limit_mb is not None:
            raise SpecError(
                "the workers of a cluster limit their memory themselves",
                field="--memory-limit",
                value=memory_limit_mb,
                allowed="without --scheduler",
                remedy="use `dask worker --memory-limit`, and leave this one out",
            )
        from optimizer.scaling.dask_pool import DaskPool  # noqa: PLC0415

        with DaskPool(scheduler, task_time_limit_s) as cluster:
            yield cluster
    elif workers > 1 or memory_limit_mb is not None:
        from optimizer.scaling.process_pool import ProcessPool  # noqa: PLC0415

        with ProcessPool(workers, memory_limit_mb, task_time_limit_s) as processes:
            yield processes
    else:
        yield SerialPool(task_time_limit_s)
