"""Compile or load the kernels before the clock starts."""

from __future__ import annotations

import time

from formulations.lattice import search as lattice
from optimizer.architecture.reader import load_architecture
from optimizer.pricing.lowering import lower
from optimizer.workload.layer import conv


def warm_up() -> float:
    """Solve one tiny layer for every objective: compiles the kernels, or loads them from the compiler's cache.

    Returns the seconds that this took.
    """
    start = time.perf_counter()
    hardware = next(load_architecture("edge_small").points())
    layer = conv("layer", {"K": 2, "C": 2, "P": 4, "R": 3})
    for objective in lattice.KINDS:
        lattice.solve(lower(layer, hardware), objective)
    return time.perf_counter() - start
