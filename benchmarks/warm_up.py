"""Compile or load the kernels before the clock starts."""

from __future__ import annotations

import time

from optimizer.architecture.reader import load_architecture
from optimizer.pricing.compiling import load_kernels


def warm_up() -> float:
    """Compile the kernels, or load them from the compiler's cache; the seconds that this took."""
    start = time.perf_counter()
    load_kernels(next(load_architecture("edge_small").points()))
    return time.perf_counter() - start
