"""The exact searches of a layer's best loop nest, behind one interface.

``lattice`` searches nests made of blocks (:mod:`formulations.lattice.search`), ``path`` every nest that the cost model
prices (:mod:`formulations.shortest_path.solve`). Either is loaded with its first search.
"""

from __future__ import annotations

from typing import Protocol

from formulations.lattice.memos import Memos
from formulations.nest import Nest, Solution
from formulations.problem import INFINITE, LayerProblem, LayerSolution
from formulations.shortest_path.floors import Floors
from formulations.stop import Stop


class Engine(Protocol):
    """An exact search."""

    name: str

    def solve(
        self,
        problem: LayerProblem,
        objective: str = "energy",
        *,
        latency_cap: int = INFINITE,
        cutoff: tuple[int, int] | None = None,
        weight: int = 0,
        least_energy: int = 0,
        stop: Stop | None = None,
    ) -> Solution | None:
        """The best nest of a layer on fixed hardware, or None if none is within the limits.

        Parameters
        ----------
        problem : LayerProblem
        objective : {"energy", "latency", "weighted"}
        latency_cap : int
            Most latency units.
        cutoff : (energy, latency), optional
            Only a nest better than these is of interest.
        weight : int
            Energy units per cycle; objective weighted is energy + weight x (whole) cycles.
        least_energy : int
            No nest takes less energy, as far as is known.
        stop : Stop, optional
            Through which another thread may give the search up.

        Raises
        ------
        StoppedError
            If the search was given up.
        OverflowError
            If numbers could leave the integers of the search.
        """


class LatticeEngine:
    """The divisor-lattice search; its searches share tables."""

    name = "lattice"

    def __init__(self) -> None:
        self._memos = Memos()

    def solve(
        self,
        problem: LayerProblem,
        objective: str = "energy",
        *,
        latency_cap: int = INFINITE,
        cutoff: tuple[int, int] | None = None,
        weight: int = 0,
        least_energy: int = 0,
        stop: Stop | None = None,
    ) -> LayerSolution | None:
        """See :meth:`Engine.solve`."""
        from formulations.lattice.search import solve  # noqa: PLC0415

        with self._memos.of(problem) as memo:
            return solve(
                problem,
                objective,
                latency_cap=latency_cap,
                cutoff=cutoff,
                memo=memo,
                weight=weight,
                least_energy=least_energy,
                stop=stop,
            ).solution


class PathEngine:
    """The shortest path over all nests; its searches share floors."""

    name = "path"

    def __init__(self) -> None:
        self._floors = Floors()

    def solve(
        self,
        problem: LayerProblem,
        objective: str = "energy",
        *,
        latency_cap: int = INFINITE,
        cutoff: tuple[int, int] | None = None,
        weight: int = 0,
        least_energy: int = 0,
        stop: Stop | None = None,
    ) -> Nest | None:
        """See :meth:`Engine.solve`."""
        from formulations.shortest_path.solve import solve  # noqa: PLC0415

        unit = problem.latency_unit
        below = None
        if cutoff is not None:
            cycles = -(-cutoff[1] // unit)
            below = cycles if objective == "latency" else cutoff[0] + weight * cycles
            below += objective == "energy" and cutoff[1] > 0
        cap = None if latency_cap >= INFINITE else latency_cap // unit
        return solve(problem, objective, weight=weight, cap=cap, below=below, stop=stop, floors=self._floors).nest


def engine_of(name: str) -> Engine:
    """A new engine: ``lattice`` or ``path``."""
    return PathEngine() if name == "path" else LatticeEngine()
