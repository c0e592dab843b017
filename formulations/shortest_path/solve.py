"""One layer on fixed hardware: the best of all loop nests, proved."""

from __future__ import annotations

from dataclasses import dataclass

from formulations.nest import Nest
from formulations.problem import LayerProblem
from formulations.shortest_path.goal import Goal
from formulations.shortest_path.potentials import guide_of
from formulations.shortest_path.search import Ground, Search
from formulations.shortest_path.tables import lattice_of, machine_of
from formulations.stop import Stop

GREED = 1.2
"""How much more what is still to come counts than what is paid, while a first nest is looked for."""
WIDTH, BATCH = 64, 512
"""Labels that are extended at once, while a first nest is looked for, and when the best one is proved."""
PATIENCE, QUIET, BEAM = 150, 8, 32
"""Steps until a first nest; steps without a better one; the width of the beam that looks for one otherwise."""


@dataclass(frozen=True)
class PathOptimum:
    """Outcome of a search.

    Attributes
    ----------
    nest : Nest or None
        The best nest; None if none is within the limits.
    labels, relaxed : int
        Partial nests that were kept, and that were looked at.
    """

    nest: Nest | None
    labels: int
    relaxed: int


def solve(
    problem: LayerProblem,
    objective: str = "energy",
    *,
    weight: int = 0,
    cap: int | None = None,
    below: int | None = None,
    stop: Stop | None = None,
) -> PathOptimum:
    """The best nest of a layer on fixed hardware.

    Parameters
    ----------
    problem : LayerProblem
    objective : {"energy", "latency", "edp", "weighted"}
        Ties of energy are broken by latency, those of latency by energy.
    weight : int
        Energy units per cycle; objective weighted is energy + weight x (whole) cycles.
    cap : int, optional
        Most cycles.
    below : int, optional
        Only nests of a smaller value are of interest.
    stop : Stop, optional
        Through which another thread may give the search up.

    Raises
    ------
    StoppedError
        If the search was given up.
    """
    stop = stop or Stop()
    ground = ground_of(problem)
    found = _minimize(ground, Goal(objective, weight=weight, cap=cap, below=below), stop)
    best = found.nest
    if best is None or objective not in ("energy", "latency"):
        return found
    cycles = -(-best.latency // problem.latency_unit)
    if objective == "latency":
        ties = _minimize(ground, Goal("energy", cap=cycles, below=best.energy), stop)
    else:
        ties = _minimize(ground, Goal("latency", cap=cap, ceiling=best.energy, below=cycles), stop)
    return PathOptimum(ties.nest or best, found.labels + ties.labels, found.relaxed + ties.relaxed)


def ground_of(problem: LayerProblem) -> Ground:
    """Lattice, machine and bounds of a problem."""
    lattice, machine = lattice_of(problem), machine_of(problem)
    return Ground(problem, lattice, machine, guide_of(problem, lattice, machine))


def _minimize(ground: Ground, goal: Goal, stop: Stop) -> PathOptimum:
    """The best nest of one goal: a first one is looked for greedily, then the best one is proved."""
    search = Search(ground, goal, GREED)
    steps, quiet, beam = 0, 0, None
    while quiet < QUIET and steps < PATIENCE:
        stop.check()
        before = search.best
        if not search.step(WIDTH, greedy=True):
            break
        steps, quiet = steps + 1, quiet + 1 if search.best is not None and search.best is before else 0
    if search.best is None and steps == PATIENCE:
        beam = Search(ground, goal, 1.0)
        while beam.beam_step(BEAM):
            stop.check()
    while search.step(BATCH):
        stop.check()
    best = search.best or (beam and beam.best)
    searches = (search,) if beam is None else (search, beam)
    return PathOptimum(best, sum(s.frontier.count for s in searches), sum(s.relaxed for s in searches))
