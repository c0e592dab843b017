"""One layer on fixed hardware: the best of all loop nests, proved."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

from formulations.merging import merge
from formulations.nest import Nest
from formulations.primes import divisors
from formulations.problem import LayerProblem
from formulations.shortest_path.bounds import charts_of
from formulations.shortest_path.coarse import coarse_parts
from formulations.shortest_path.compulsory import compulsory_energy
from formulations.shortest_path.floors import Floors
from formulations.shortest_path.goal import MOST_CYCLES, Goal
from formulations.shortest_path.kernels.goal import MARGIN, value
from formulations.shortest_path.magnitudes import check_magnitudes
from formulations.shortest_path.potentials import guide_of
from formulations.shortest_path.search import Ground, Search
from formulations.shortest_path.tables import (
    Parts,
    lattice_of,
    machine_of,
    prime_parts,
    regions_of,
    vectors_of,
)
from formulations.spread import fewest_cycles
from formulations.stop import Stop, StoppedError

POOR, WIDTH, GREED = 1.5, 64, 1.2
"""A nest found by then is poor if its value is so many times the bound. Then labels are extended in the order of
guesses, so many at once, until a better one is found; what is still to come counts so many times what is paid."""
PATIENCE, QUIET = 150, 8
"""Steps in that order at most, and without a better nest."""
SMALL = 2000
"""A lattice of so few points needs no search on a coarse one: the search by guesses finds a first nest as soon."""
BATCH, GROWTH = 512, 32
"""Labels that are extended at once when the best nest is proved: at least, and as part of those kept so far."""


@dataclass(frozen=True)
class PathOptimum:
    """Outcome of a search.

    Attributes
    ----------
    nest : Nest or None
        The best nest; None if none is within the limits.
    labels, relaxed : int
        Partial nests that were kept, and that were looked at.
    bound : int, optional
        Of a search that was given up: no nest within the limits has a smaller value of the objective, or of the value
        to undercut, if that is less.
    """

    nest: Nest | None
    labels: int
    relaxed: int
    bound: int | None = None


class StoppedPathError(StoppedError):
    """A search was given up.

    Attributes
    ----------
    outcome : PathOptimum
        The best nest so far, which is not proved to be the best, and the bound.
    """

    def __init__(self, outcome: PathOptimum) -> None:
        super().__init__()
        self.outcome = outcome


def solve(
    problem: LayerProblem,
    objective: str = "energy",
    *,
    weight: int = 0,
    cap: int | None = None,
    below: int | None = None,
    stop: Stop | None = None,
    floors: Floors | None = None,
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
    floors : Floors, optional
        What is known of like problems.

    Raises
    ------
    StoppedPathError
        If the search was given up.
    OverflowError
        If numbers may leave the integers of labels.
    """
    merged = merge(problem)
    try:
        found = _solve(merged.problem, Goal(objective, weight=weight, cap=cap, below=below), stop or Stop(), floors)
    except StoppedPathError as stopped:
        raise StoppedPathError(replace(stopped.outcome, nest=merged.nest(stopped.outcome.nest))) from None
    return replace(found, nest=merged.nest(found.nest))


def first_nest(problem: LayerProblem, objective: str, stop: Stop) -> Nest | None:
    """A nest found within some hundredths of a second, often a good one; None if there is none on a coarse lattice.

    Raises
    ------
    StoppedError
        If the search was given up.
    OverflowError
        If numbers may leave the integers of labels.
    """
    merged = merge(problem)
    searches: list[Search] = []
    for machine in machines_of(merged.problem)[:1]:
        _first(machine, Goal(objective), stop, searches)
    return merged.nest(searches[0].best) if searches else None


def _solve(problem: LayerProblem, goal: Goal, stop: Stop, floors: Floors | None) -> PathOptimum:
    """The best nest, and among the best of latency that of the least energy."""
    machines = Machines(problem, floors)
    if goal.kind != "latency" or not machines.problems:
        return _minimize(machines, goal, stop)
    fastest = _fastest(machines, goal, stop)
    if fastest.nest is not None:
        return fastest
    found = _minimize(machines, goal, stop)
    found = replace(found, labels=found.labels + fastest.labels, relaxed=found.relaxed + fastest.relaxed)
    best = found.nest
    if best is None:
        return found
    cycles = -(-best.latency // problem.latency_unit)
    try:
        ties = _minimize(machines, Goal("energy", cap=cycles, below=best.energy), stop)
    except StoppedPathError as stopped:
        at = stopped.outcome
        raise StoppedPathError(
            PathOptimum(at.nest or best, found.labels + at.labels, found.relaxed + at.relaxed, cycles)
        ) from None
    return PathOptimum(ties.nest or best, found.labels + ties.labels, found.relaxed + ties.relaxed)


def _fastest(machines: Machines, goal: Goal, stop: Stop) -> PathOptimum:
    """The nest of least energy among those as fast as :func:`fewest_cycles` lets a nest be.

    If there is one, no nest is faster, and of those as fast none costs less: it is the answer for the latency. A search
    by latency has no hint where such a nest is: all labels on the way have this bound. A search by energy has, and its
    limit of cycles leaves out what is slower.
    """
    cycles = fewest_cycles(machines.problems[0])
    if cycles > (math.inf if goal.cap is None else goal.cap) or cycles >= (
        math.inf if goal.best is None else goal.best
    ):
        return PathOptimum(None, 0, 0)
    try:
        return _minimize(machines, Goal("energy", cap=cycles), stop)
    except StoppedPathError as stopped:
        raise StoppedPathError(replace(stopped.outcome, bound=cycles)) from None


class Machines:
    """A problem, and the same without some of the fan-outs that bound its regions.

    A nest that does not use a fan-out may have nodes of levels on both sides in any order. The first problem has all
    fan-outs, so its nests with a used one are all there.
    """

    def __init__(self, problem: LayerProblem, floors: Floors | None = None) -> None:
        self.problems, self._floors = machines_of(problem), floors
        self._grounds: dict[int, Ground] = {}

    def least(self, number: int, goal: Goal) -> float:
        """A bound on the objective of all nests of a problem, without a search."""
        problem = self.problems[number]
        found: float = value(goal.aim._replace(cap=MOST_CYCLES, ceiling=math.inf), *_least(problem))
        return found

    def promising(self, number: int, goal: Goal, stop: Stop) -> Ground | None:
        """What searches on a problem share; None if bounds show that it has nothing better than the best."""
        problem = self.problems[number]
        if number and goal.is_out_of_reach(*_least(problem)):
            return None
        if number not in self._grounds:
            most = goal.most_energy
            if number and self._floors is not None and most < math.inf and self._floors.above(problem, most, root_of):
                return None
            self._grounds[number] = ground_of(problem, stop=stop)
        return self._grounds[number]


def _least(problem: LayerProblem) -> tuple[float, int]:
    """What all nests take at least: energy and cycles."""
    return compulsory_energy(problem), fewest_cycles(problem)


def root_of(problem: LayerProblem) -> float:
    """No nest costs less energy; infinite if there is none."""
    return Search(ground_of(problem), Goal("energy"), 1.0).least * (1 - MARGIN)


def machines_of(problem: LayerProblem) -> list[LayerProblem]:
    """The problem with every set of its fan-outs between regions that keeps the rules; the largest first.

    None, where some level may neither keep nor bypass a tensor.
    """
    if not all(level.keep_options for level in problem.levels):
        return []
    inner = [region.fan for region in regions_of(problem)[:-1]]
    sets = [set(some) for size in range(len(inner) + 1) for some in itertools.combinations(inner, size)]
    alone = (1,) * len(problem.extents)
    found = []
    for left_out in sets:
        levels = [replace(level, fanout=(1, 1)) if n in left_out else level for n, level in enumerate(problem.levels)]
        machine = replace(problem, levels=tuple(levels))
        unused = [n for n, level in enumerate(levels) if math.prod(level.fanout) == 1]
        kept = all(problem.rules.spread(n, alone) for n in unused)
        if kept and all(len(rows) for rows in vectors_of(machine, prime_parts(machine))):
            found.append(machine)
    return found


def ground_of(problem: LayerProblem, parts: Parts | None = None, stop: Stop | None = None) -> Ground:
    """Lattice, machine and bounds of a problem; ``parts`` as of :func:`tables.lattice_of`.

    Raises
    ------
    OverflowError
        If its numbers may leave the integers of labels (:mod:`magnitudes`).
    StoppedError
        If giving up was requested.
    """
    check_magnitudes(problem)
    lattice, machine = lattice_of(problem, parts), machine_of(problem, parts)
    return Ground(
        problem, lattice, machine, charts_of(lattice, machine, guide_of(problem, lattice, machine, stop or Stop()))
    )


def _minimize(machines: Machines, goal: Goal, stop: Stop) -> PathOptimum:
    """The best nest of one goal over all machines."""
    searches: list[Search] = []
    for number in range(len(machines.problems)):
        exact: Search | None = None
        try:
            if goal.best is None and _points(machines.problems[number]) > SMALL:
                _first(machines.problems[number], goal, stop, searches)
            ground = machines.promising(number, goal, stop)
            if ground is not None:
                exact = Search(ground, goal, GREED)
                searches.append(exact)
                _run(exact, stop)
        except StoppedError:
            known = [] if exact is None else [exact.least]
            known += [machines.least(n, goal) for n in range(number + len(known), len(machines.problems))]
            bound = min(known) * (1 - MARGIN)
            bound = bound if goal.best is None else min(bound, float(goal.best))
            raise StoppedPathError(_outcome(searches, int(bound) if math.isfinite(bound) else None)) from None
    return _outcome(searches)


def _outcome(searches: list[Search], bound: int | None = None) -> PathOptimum:
    best = next((found.best for found in reversed(searches) if found.best is not None), None)
    return PathOptimum(best, sum(s.frontier.count for s in searches), sum(s.relaxed for s in searches), bound)


def _first(problem: LayerProblem, goal: Goal, stop: Stop, searches: list[Search]) -> None:
    """Look for a first nest on a coarse lattice (:mod:`coarse`), if it has any; the search joins a list."""
    parts = coarse_parts(problem)
    if all(len(rows) for rows in vectors_of(problem, parts)):
        searches.append(Search(ground_of(problem, parts, stop), goal, GREED))
        _improve(searches[-1], stop)


def _points(problem: LayerProblem) -> int:
    """Of the lattice."""
    return math.prod(len(divisors(extent)) for extent in problem.extents)


def _run(search: Search, stop: Stop) -> None:
    """Search until nothing is left that may be better than the best."""
    if search.is_poor(POOR):
        _improve(search, stop)
    while search.step(max(BATCH, search.frontier.count // GROWTH)):
        stop.check()


def _improve(search: Search, stop: Stop) -> None:
    """Extend labels in the order of guesses until a nest is found and none better follows soon."""
    quiet = 0
    for _ in range(PATIENCE):
        stop.check()
        before = search.best
        if not search.step(WIDTH, greedy=True):
            return
        quiet = quiet + 1 if search.best is not None and search.best is before else 0
        if quiet == QUIET:
            return
