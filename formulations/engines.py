"""The exact searches of a layer's best loop nest, behind one interface.

Every nest that the cost model prices is searched by ``path``, a shortest path
(:mod:`formulations.shortest_path.solve`), by ``cp-sat``, an integer program (:mod:`formulations.nest_program.solve`),
and by ``both`` of these, which have to agree. Each is loaded with its first search; ``path`` compiles kernels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from formulations.effort import Effort, Tally
from formulations.faults import FaultError
from formulations.nest import Nest
from formulations.problem import INFINITE, UNLIMITED, LayerProblem
from formulations.shortest_path.floors import Floors
from formulations.stop import Stop, StoppedError


@dataclass(frozen=True)
class Sought:
    """What a search minimizes, and within which limits; see :meth:`Engine.solve`."""

    objective: str = "energy"
    latency_cap: int = UNLIMITED
    cutoff: tuple[int, int] | None = None
    weight: int = 0

    def cap(self, problem: LayerProblem) -> int | None:
        """Most cycles; None: any."""
        return None if self.latency_cap >= INFINITE else self.latency_cap // problem.latency_unit

    def below(self, problem: LayerProblem) -> int | None:
        """The value that a nest has to be below; None: any."""
        if self.cutoff is None:
            return None
        energy, latency = self.cutoff
        cycles = -(-latency // problem.latency_unit)
        if self.objective == "latency":
            return cycles
        return energy + self.weight * cycles + (self.objective == "energy" and latency > 0)

    def value(self, problem: LayerProblem, nest: Nest) -> int:
        """The objective of a nest."""
        cycles = -(-nest.latency // problem.latency_unit)
        if self.objective == "latency":
            return cycles
        return nest.energy + (self.weight * cycles if self.objective == "weighted" else 0)


class Engine(ABC):
    """An exact search. It counts what its searches do."""

    name: ClassVar[str]

    def __init__(self) -> None:
        self._tally = Tally(self.name)

    def solve(
        self,
        problem: LayerProblem,
        objective: str = "energy",
        *,
        latency_cap: int = UNLIMITED,
        cutoff: tuple[int, int] | None = None,
        weight: int = 0,
        stop: Stop | None = None,
    ) -> Nest | None:
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
        stop : Stop, optional
            Through which another thread may give the search up.

        Raises
        ------
        StoppedError
            If the search was given up, also because memory has run out twice; a :class:`CutShortError` if it has
            something to show.
        OverflowError
            If numbers could leave the integers of the search.
        FaultError
            If parts of the search disagree.
        """
        sought = Sought(objective, latency_cap, cutoff, weight)
        for _ in range(2):
            done, nest = self._tried(problem, sought, stop)
            if done:
                return nest
            self.shed()
        if stop is not None:
            stop.run_out()
        raise CutShortError(None, 0)

    def _tried(self, problem: LayerProblem, sought: Sought, stop: Stop | None) -> tuple[bool, Nest | None]:
        """The answer of a search, or that memory has run out."""
        try:
            return True, self.search(problem, sought, stop)
        except MemoryError:
            return False, None

    @abstractmethod
    def shed(self) -> None:
        """Let go of what was kept for later searches: memory has run out."""

    @abstractmethod
    def search(self, problem: LayerProblem, sought: Sought, stop: Stop | None) -> Nest | None:
        """See :meth:`solve`."""

    def first(self, problem: LayerProblem, objective: str, stop: Stop) -> Nest | None:
        """Some nest, if the engine finds one at once: nothing is known of it but its cost.

        Parameters
        ----------
        problem : LayerProblem
        objective : {"energy", "latency"}
        stop : Stop

        Raises
        ------
        StoppedError
            If the search was given up.
        """
        return None

    def settled(self, problem: LayerProblem, nest: Nest, stop: Stop | None = None) -> Nest | None:
        """A nest that takes no more energy and cycles, and depends on these and the problem alone, if it can tell one.

        Parameters
        ----------
        problem : LayerProblem
        nest : Nest
        stop : Stop, optional

        Raises
        ------
        StoppedError
            If the search was given up.
        """
        return nest

    @property
    def efforts(self) -> tuple[Effort, ...]:
        """What the searches did, by engine."""
        return (self._tally.effort,)


class CutShortError(StoppedError):
    """A search was given up: the best nest by then (None: none yet), and a proved bound on the objective."""

    def __init__(self, nest: Nest | None, bound: int) -> None:
        super().__init__()
        self.nest, self.bound = nest, bound


class PathEngine(Engine):
    """The shortest path over all nests; its searches share floors."""

    name = "path"

    def __init__(self) -> None:
        super().__init__()
        self._floors = Floors()

    def shed(self) -> None:
        """Forget the floors of earlier searches."""
        self._floors = Floors()

    def search(self, problem: LayerProblem, sought: Sought, stop: Stop | None) -> Nest | None:
        """See :meth:`Engine.solve`."""
        from formulations.shortest_path.solve import StoppedPathError, solve  # noqa: PLC0415

        try:
            found = solve(
                problem,
                sought.objective,
                weight=sought.weight,
                cap=sought.cap(problem),
                below=sought.below(problem),
                stop=stop,
                floors=self._floors,
            )
        except StoppedPathError as stopped:
            at = stopped.outcome
            self._tally.count(seen=at.relaxed, kept=at.labels)
            raise CutShortError(at.nest, at.bound or 0) from None
        self._tally.count(seen=found.relaxed, kept=found.labels)
        return found.nest

    def settled(self, problem: LayerProblem, nest: Nest, stop: Stop | None = None) -> Nest | None:
        """That of a search which knows nothing but its costs."""
        from formulations.shortest_path.solve import solve  # noqa: PLC0415

        cycles = -(-nest.latency // problem.latency_unit)
        try:
            return solve(problem, cap=cycles, below=nest.energy + 1, stop=stop).nest
        except MemoryError:
            raise StoppedError from None

    def first(self, problem: LayerProblem, objective: str, stop: Stop) -> Nest | None:
        """A nest of a few large parts of every extent."""
        from formulations.shortest_path.solve import first_nest  # noqa: PLC0415

        try:
            return first_nest(problem, objective, stop)
        except (OverflowError, MemoryError):
            return None  # the search itself says what is too large


class CpSatEngine(Engine):
    """The program over all nests."""

    name = "cp-sat"

    def shed(self) -> None:
        """Nothing is kept."""

    def search(self, problem: LayerProblem, sought: Sought, stop: Stop | None) -> Nest | None:
        """See :meth:`Engine.solve`."""
        from formulations.cp_sat import SolverStatus  # noqa: PLC0415
        from formulations.nest_program.solve import solve  # noqa: PLC0415

        goal = cast("Literal['energy', 'latency', 'weighted']", sought.objective)
        below = sought.below(problem)
        below = None if below is None or below >= INFINITE else below
        found = solve(problem, goal, weight=sought.weight, cap=sought.cap(problem), below=below, stop=stop)
        self._tally.count()
        if found.status in (SolverStatus.OPTIMAL, SolverStatus.INFEASIBLE):
            return found.solution
        raise CutShortError(found.solution, found.bound)


class BothEngines(Engine):
    """The shortest path, and the program, which has to find the same."""

    name = "both"

    def __init__(self) -> None:
        super().__init__()
        self._engines = PathEngine(), CpSatEngine()

    def shed(self) -> None:
        """What both keep."""
        for engine in self._engines:
            engine.shed()

    def search(self, problem: LayerProblem, sought: Sought, stop: Stop | None) -> Nest | None:
        """See :meth:`Engine.solve`."""
        nests = [engine.solve(problem, **vars(sought), stop=stop) for engine in self._engines]
        first, second = (None if nest is None else sought.value(problem, nest) for nest in nests)
        if first != second:
            raise FaultError(f"the best nest has {sought.objective} {first} by the shortest path, {second} by CP-SAT")
        return nests[0]

    def settled(self, problem: LayerProblem, nest: Nest, stop: Stop | None = None) -> Nest | None:
        """That of the shortest path."""
        return self._engines[0].settled(problem, nest, stop)

    @property
    def efforts(self) -> tuple[Effort, ...]:
        """What the searches of both did."""
        return tuple(effort for engine in self._engines for effort in engine.efforts)


BY_NAME: dict[str, type[PathEngine | CpSatEngine | BothEngines]] = {
    engine.name: engine for engine in (PathEngine, CpSatEngine, BothEngines)
}


def engine_of(name: str) -> Engine:
    """A new engine, by its name."""
    return BY_NAME[name]()
