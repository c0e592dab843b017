"""A limit of memory for the whole program: what goes beyond fails where it is asked for, instead of the machine.

A search that runs out of memory stops like one at its time limit, with the best design and its bound.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SHARE = 0.8
"""The default limit, as a share of what the machine has, or its control group."""
MEGABYTE = 10**6
_NO_ROOM = ("cannot map", "failed to map", "cannot allocate memory", "can't start new thread")
"""What the loader of libraries, and of threads, says."""
_GROUPS = Path(os.sep, "sys", "fs", "cgroup")
_GROUP_LIMITS = (_GROUPS / "memory.max", _GROUPS / "memory" / "memory.limit_in_bytes")


def default_limit_mb() -> int | None:
    """Most memory without an option, in 10^6 bytes; None where the system does not say what there is."""
    try:
        sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, ValueError, OSError):
        return None
    for file in _GROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):
            sizes.append(int(file.read_text(encoding="ascii")))
    return int(min(sizes) * SHARE) // MEGABYTE


@contextmanager
def limits_restored() -> Iterator[None]:
    """Context after which the limit is again what it was."""
    resource = _resource()
    before = None if resource is None else resource.getrlimit(resource.RLIMIT_DATA)
    try:
        yield
    finally:
        if resource is not None and before is not None:
            resource.setrlimit(resource.RLIMIT_DATA, before)


def limit_memory(megabytes: int | None) -> None:
    """Limit the memory of this process, in 10^6 bytes; None: the default. A lower limit of the system stays."""
    resource, most = _resource(), default_limit_mb() if megabytes is None else megabytes
    if resource is None or most is None:
        return
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = most * MEGABYTE
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def ran_out(error: Exception) -> bool:
    """Whether an error means that there was no memory: for data, to load a library, or for the stack of a thread."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, ImportError | RuntimeError) and any(text in str(error) for text in _NO_ROOM)


def _resource() -> Any:
    """The module of limits, where there is one and the limit counts all private memory (Linux)."""
    if sys.platform != "linux":
        return None
    try:
        import resource  # noqa: PLC0415
    except ImportError:
        return None
    return resource
