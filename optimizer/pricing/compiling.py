"""Compiling of the search kernels at first use, with progress that moves."""

from __future__ import annotations

import importlib
import pkgutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from formulations.engines import PathEngine
from formulations.stop import StoppedError
from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting
from optimizer.pricing.lowering import lower
from optimizer.problem.progress import Progress, Watch
from optimizer.workload.layer import conv

PAUSE_S = 0.5
KERNELS = "formulations.shortest_path.kernels"
COMPILED = ("path", "both")
"""Engines with kernels."""
TINY = {"K": 2, "C": 2, "P": 4, "R": 3}


def compile_kernels(
    engine: str, hardware: Hardware, accounting: Accounting, watch: Watch | None, started: float
) -> None:
    """Compile the search kernels, or load them, before the search begins. Without a callback they are compiled on first
    use.

    Parameters
    ----------
    engine : {"path", "cp-sat", "both"}
        CP-SAT has none.
    hardware : Hardware
        Any point of the problem: a tiny layer is solved on it.
    accounting : {"timeloop", "looptree"}
    watch : callable, optional
        Called twice a second with the number of kernels compiled so far.
    started : float
        When the task began (``time.perf_counter``).
    """
    if watch is None or engine not in COMPILED or all(kernel.signatures for kernel in _kernels()):
        return
    with _told(watch, started):
        load_kernels(hardware, accounting)


def load_kernels(hardware: Hardware, accounting: Accounting = "timeloop") -> None:
    """Solve a tiny layer, for which all kernels are compiled, or loaded from the compiler's cache."""
    try:
        PathEngine().solve(lower(conv("tiny", TINY), hardware, accounting=accounting))
    except StoppedError:  # nobody stops it, so its memory has run out
        raise MemoryError from None


def _kernels() -> list[Any]:
    """All functions that Numba compiles; those that stand in their callers are none of their own."""
    from numba.core.dispatcher import Dispatcher  # noqa: PLC0415

    kernels = importlib.import_module(KERNELS)
    names = [module.name for module in pkgutil.iter_modules(kernels.__path__)]
    modules = [importlib.import_module(f"{kernels.__name__}.{name}") for name in names]
    found = {id(value): value for module in modules for value in vars(module).values() if isinstance(value, Dispatcher)}
    return [kernel for kernel in found.values() if kernel.targetoptions.get("inline") != "always"]


@contextmanager
def _told(watch: Watch, started: float) -> Iterator[None]:
    """Report the progress of the compilation while it runs."""
    done, all_kernels = threading.Event(), _kernels()

    def tell() -> None:
        while not done.wait(PAUSE_S):
            there = sum(bool(kernel.signatures) for kernel in all_kernels)
            new = any(kernel.stats.cache_misses for kernel in all_kernels)
            doing = "compiling the search kernels (once)" if new else "loading the search kernels"
            message = f"{doing}, {there} of {len(all_kernels)}"
            watch(Progress(time.perf_counter() - started, message=message))

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
