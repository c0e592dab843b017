"""Compilation of the kernels ahead of time limits."""

from __future__ import annotations

import time
from functools import cache

from formulations.problem import AxisSpec, LayerProblem, PortSpec, ProblemLevel
from optimizer.checker.again.nest_graph import decide_floor

NO_PORTS = (PortSpec(), PortSpec(), PortSpec())
ALL, NONE = (True, True, True), (False, False, False)


def compiled() -> float:
    """Compile what is not compiled in this process; the seconds that it took."""
    started = time.perf_counter()
    _compile()
    return time.perf_counter() - started


@cache
def _compile() -> None:
    """A small search that calls every kernel."""
    outer, middle, inner = (
        ProblemLevel(1 << 10, 8, 1, 1, 1, 0, NO_PORTS, keeps, fanout, (True, True), (False, False))
        for keeps, fanout in (((ALL,), (1, 1)), ((ALL, NONE), (2, 1)), ((ALL,), (2, 1)))
    )
    windows = (AxisSpec(((0, 1), (1, 1))),)
    problem = LayerProblem(
        (4, 2), (0, 2), windows, (8, 8, 8), (8, 8, 8), 1, (outer, middle, inner), step_energy=0, drain_reads=False
    )
    decide_floor(problem, "energy", 1 << 30)
