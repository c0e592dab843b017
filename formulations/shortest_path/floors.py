"""Floors of energy for problems without some of their fan-outs, shared by all hardware that is no better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Lock

from formulations.problem import LayerProblem, PortSpec, ProblemLevel

MOST, PATIENCE = 256, 2
"""Problems that are remembered; how often a floor may fail to close one."""


class Floors:
    """What no nest of problems like one costs less than. Safe with several threads.

    Problems are alike if they differ in capacities, energies, leakage and ports only. Of those asked for, the
    *envelope* has the largest capacity and the least energies of every level, no leakage and no ports. A nest of any of
    them is one of the envelope, with as many accesses, so it costs no more there: a bound for the envelope holds for
    all.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[LayerProblem, tuple[LayerProblem, float]] = {}
        self._failed: dict[LayerProblem, int] = {}

    def above(self, problem: LayerProblem, energy: float, root_of: Callable[[LayerProblem], float]) -> bool:
        """Does every nest of a problem cost more than this? `root_of` gives a bound on all nests of a problem."""
        kind = replace(problem, levels=tuple(map(_plain, problem.levels)))
        with self._lock:
            if self._failed.get(kind, 0) >= PATIENCE:
                return False
            envelope, floor = self._known.get(kind, (None, 0.0))
            wider = _envelope(envelope or problem, problem)
            if wider != envelope:
                floor = root_of(wider)
                if len(self._known) >= MOST:
                    self._known.clear()
                    self._failed.clear()
                self._known[kind] = wider, floor
            if floor <= energy:
                self._failed[kind] = self._failed.get(kind, 0) + 1
            return floor > energy


def _plain(level: ProblemLevel) -> ProblemLevel:
    """What levels of like problems have in common."""
    none = PortSpec()
    return replace(
        level,
        capacity_bits=None,
        read_energy=0,
        fill_energy=0,
        update_energy=0,
        leak_energy=0,
        ports=(none, none, none),
    )


def _envelope(a: LayerProblem, b: LayerProblem) -> LayerProblem:
    """The best of both at every level."""
    return replace(a, levels=tuple(_better(x, y) for x, y in zip(a.levels, b.levels, strict=True)))


def _better(x: ProblemLevel, y: ProblemLevel) -> ProblemLevel:
    bounded = x.capacity_bits is not None and y.capacity_bits is not None
    return replace(
        _plain(x),
        capacity_bits=max(x.capacity_bits or 0, y.capacity_bits or 0) if bounded else None,
        read_energy=min(x.read_energy, y.read_energy),
        fill_energy=min(x.fill_energy, y.fill_energy),
        update_energy=min(x.update_energy, y.update_energy),
    )
