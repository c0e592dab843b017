"""The exact searches of a layer's best loop nest, behind one interface.

``lattice`` searches nests made of blocks (:mod:`formulations.lattice.search`). Every nest that the cost model prices is
searched by ``path``, a shortest path (:mod:`formulations.shortest_path.solve`), by ``cp-sat``, an integer program
(:mod:`formulations.nest_program.solve`), and by ``both`` of these, which have to agree. Each is loaded with its first
search; ``lattice`` and ``path`` compile kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, cast

from formulations.faults import FaultError
from formulations.nest import Nest, Solution
from formulations.nest_rules import NO_RULES
from formulations.problem import INFINITE, UNLIMITED, LayerProblem, LayerSolution
from formulations.shortest_path.floors import Floors
from formulations.stop import Stop, StoppedError

if TYPE_CHECKING:
    from formulations.lattice.memos import Memos


class Engine(Protocol):
    """An exact search."""

    name: str

    def solve(
        self,
        problem: LayerProblem,
        objective: str = "energy",
        *,
        latency_cap: int = UNLIMITED,
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
            If the search was given up; a :class:`CutShortError` if it has something to show.
        OverflowError
            If numbers could leave the integers of the search.
        FaultError
            If parts of the search disagree.
        """


class CutShortError(StoppedError):
    """A search was given up: the best nest by then (None: none yet), and a proved bound on the objective."""

    def __init__(self, nest: Nest | None, bound: int) -> None:
        super().__init__()
        self.nest, self.bound = nest, bound


class LatticeEngine:
    """The divisor-lattice search; its searches share tables."""

    name = "lattice"

    def __init__(self) -> None:
        self._known: Memos | None = None

    @property
    def _memos(self) -> Memos:
        if self._known is None:
            from formulations.lattice.memos import Memos  # noqa: PLC0415

            self._known = Memos()
        return self._known

    def solve(
        self,
        problem: LayerProblem,
        objective: str = "energy",
        *,
        latency_cap: int = UNLIMITED,
        cutoff: tuple[int, int] | None = None,
        weight: int = 0,
        least_energy: int = 0,
        stop: Stop | None = None,
    ) -> LayerSolution | None:
        """See :meth:`Engine.solve`."""
        from formulations.lattice.search import solve  # noqa: PLC0415

        if problem.rules != NO_RULES:
            raise ValueError("the lattice search takes no rules for nests")
        with self._memos.of(problem) as memo:
            return solve(
                problem,
                objective,
                latency_cap=min(latency_cap, INFINITE),
                cutoff=None if cutoff is None else (min(cutoff[0], INFINITE), min(cutoff[1], INFINITE)),
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
        latency_cap: int = UNLIMITED,
        cutoff: tuple[int, int] | None = None,
        weight: int = 0,
        least_energy: int = 0,
        stop: Stop | None = None,
    ) -> Nest | None:
        """See :meth:`Engine.solve`."""
        from formulations.shortest_path.solve import StoppedPathError, solve  # noqa: PLC0415

        cap, below = _limits(problem, objective, latency_cap, cutoff, weight)
        try:
            return solve(problem, objective, weight=weight, cap=cap, below=below, stop=stop, floors=self._floors).nest
        except StoppedPathError as stopped:
            raise CutShortError(stopped.outcome.nest, stopped.outcome.bound or 0) from None


class CpSatEngine:
    """The program over all nests."""

    name = "cp-sat"

    def solve(
        self,
        problem: LayerProblem,
        objective: str = "energy",
        *,
        latency_cap: int = UNLIMITED,
        cutoff: tuple[int, int] | None = None,
        weight: int = 0,
        least_energy: int = 0,
        stop: Stop | None = None,
    ) -> Nest | None:
        """See :meth:`Engine.solve`."""
        from formulations.layer.solver import SolverStatus  # noqa: PLC0415
        from formulations.nest_program.solve import solve  # noqa: PLC0415

        cap, below = _limits(problem, objective, latency_cap, cutoff, weight)
        goal = cast("Literal['energy', 'latency', 'weighted']", objective)
        below = None if below is None or below >= INFINITE else below
        found = solve(problem, goal, weight=weight, cap=cap, below=below, stop=stop)
        if found.status in (SolverStatus.OPTIMAL, SolverStatus.INFEASIBLE):
            return found.solution
        raise CutShortError(found.solution, found.bound)


class BothEngines:
    """The shortest path, and the program, which has to find the same."""

    name = "both"

    def __init__(self) -> None:
        self._engines = PathEngine(), CpSatEngine()

    def solve(
        self,
        problem: LayerProblem,
        objective: str = "energy",
        *,
        latency_cap: int = UNLIMITED,
        cutoff: tuple[int, int] | None = None,
        weight: int = 0,
        least_energy: int = 0,
        stop: Stop | None = None,
    ) -> Nest | None:
        """See :meth:`Engine.solve`."""
        nests = [
            engine.solve(problem, objective, latency_cap=latency_cap, cutoff=cutoff, weight=weight, stop=stop)
            for engine in self._engines
        ]
        values = [None if nest is None else _value(problem, nest, objective, weight) for nest in nests]
        if values[0] != values[1]:
            raise FaultError(f"the best nest has {objective} {values[0]} by the shortest path, {values[1]} by CP-SAT")
        return nests[0]


def _limits(
    problem: LayerProblem, objective: str, latency_cap: int, cutoff: tuple[int, int] | None, weight: int
) -> tuple[int | None, int | None]:
    """Most cycles, and the value that a nest has to be below."""
    unit, below = problem.latency_unit, None
    if cutoff is not None:
        cycles = -(-cutoff[1] // unit)
        below = cycles if objective == "latency" else cutoff[0] + weight * cycles
        below += objective == "energy" and cutoff[1] > 0
    return None if latency_cap >= INFINITE else latency_cap // unit, below


def _value(problem: LayerProblem, nest: Nest, objective: str, weight: int) -> int:
    """The objective of a nest."""
    cycles = -(-nest.latency // problem.latency_unit)
    return cycles if objective == "latency" else nest.energy + (weight * cycles if objective == "weighted" else 0)


BY_NAME: dict[str, type[LatticeEngine | PathEngine | CpSatEngine | BothEngines]] = {
    engine.name: engine for engine in (LatticeEngine, PathEngine, CpSatEngine, BothEngines)
}


def engine_of(name: str) -> Engine:
    """A new engine, by its name."""
    return BY_NAME[name]()
