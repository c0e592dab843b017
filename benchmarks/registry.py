"""The benchmarks by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

SEED = 0
"""Seed of every solver call and random choice."""

WORKERS = 2
"""Threads that a benchmark may use."""

MEMORY = "peak_memory"
"""Figure added by the runner: largest resident memory of one run, in GB."""

TIME_LIMIT = "TILEWRIGHT_TIME_LIMIT"
"""Environment variable: seconds after which a method that may not finish is stopped (not Tilewright itself)."""

PJ_PER_UJ = 1e6

Details = dict[str, object]


def time_limit_s() -> float:
    """Seconds after which a method that may not finish is stopped."""
    return float(os.environ.get(TIME_LIMIT, "120"))


@dataclass(frozen=True)
class Measured:
    """What one run of a benchmark found.

    Parameters
    ----------
    figures : dict of str to float
        In the unit of the benchmark; the ones with a target, and others worth a row of the table.
    details : dict
        Anything else worth keeping: statuses, values, figures per case.
    """

    figures: dict[str, float]
    details: Details = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """A registered benchmark.

    ``run`` takes a folder for its files: an empty one in every run, or, if ``warm``, one that an earlier
    unmeasured run has filled. ``target`` holds the largest allowed value per figure. ``place`` is the name of
    its series and its size there, if it belongs to one (:mod:`benchmarks.series`).
    """

    name: str
    run: Callable[[Path], Measured]
    description: str
    target: Mapping[str, float]
    unit: str
    warm: bool
    place: tuple[str, int] | None = None

    def unit_of(self, figure: str) -> str:
        """Unit of one of its figures."""
        return "GB" if figure == MEMORY else self.unit


_REGISTRY: dict[str, Benchmark] = {}


def register(
    name: str,
    run: Callable[[Path], Measured],
    *,
    description: str,
    target: Mapping[str, float] | None = None,
    unit: str = "s",
    warm: bool = False,
    place: tuple[str, int] | None = None,
) -> None:
    """Add a benchmark; use it in a loop over parameters, and :func:`benchmark` for a single function.

    Raises
    ------
    ValueError
        If the name is taken.
    """
    if name in _REGISTRY:
        raise ValueError(f"two benchmarks are called {name}")
    _REGISTRY[name] = Benchmark(name, run, description, target or {}, unit, warm, place)


def benchmark(
    name: str, *, target: Mapping[str, float] | None = None, unit: str = "s", warm: bool = False
) -> Callable[[Callable[[Path], Measured]], Callable[[Path], Measured]]:
    """Decorator that registers a function; the first line of its docstring is the description."""

    def add(run: Callable[[Path], Measured]) -> Callable[[Path], Measured]:
        description = (run.__doc__ or name).strip().splitlines()[0]
        register(name, run, description=description, target=target, unit=unit, warm=warm)
        return run

    return add


def benchmarks() -> dict[str, Benchmark]:
    """All benchmarks by name, in the order of their registration."""
    for module in ("codesign", "comparison", "fusion", "growth", "layers", "networks", "staircase", "training"):
        import_module(f"benchmarks.{module}")
    return dict(_REGISTRY)
