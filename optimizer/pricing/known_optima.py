"""What searches of a layer proved about other hardware.

Hardware A is *as good as* B if it has at least the capacities, fan-outs and bandwidths of B and at most its energies.
Every mapping of B then is one of A, where it takes no more energy and no more cycles. So for every objective that rises
with energy and cycles:

* A lower bound on A is one on B (:meth:`KnownOptima.floor`).
* If the optimum of A fits into B and costs the same there, it is an optimum of B (:meth:`KnownOptima.same`): no mapping
  of B costs less, also among those of equal energy or of equal cycles.

Energy is a sum of counts times energies, where the counts depend on the mapping alone (and with leakage on the ports).
So the least energy is concave in the energies: where ``t a + (1 - t) b`` is at most c in every energy, for hardware
that is otherwise as good as that of c, ``t f(a) + (1 - t) f(b)`` is a lower bound on f(c).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from formulations.nest import Nest
from formulations.nest_check import is_nest_of
from formulations.problem import LayerProblem, PortSpec, ProblemLevel

Goal = tuple[str, int]
"""The objective of a search, and the weight of a cycle."""

GRAIN = 1 << 30
"""Shares of two known optima are multiples of its inverse."""


@dataclass(frozen=True)
class _Seen:
    """The outcome of a search: a lower bound on the objective, and the optimum if there was one below the cutoff."""

    problem: LayerProblem
    value: int
    solution: Nest | None
    energies: tuple[int, ...]


class KnownOptima:
    """The outcomes of the searches of a layer without a cap on its latency."""

    def __init__(self) -> None:
        self._seen: dict[Goal, list[_Seen]] = {}

    def note(self, problem: LayerProblem, goal: Goal, value: int, solution: Nest | None) -> None:
        """Remember an optimum, or that no mapping is below a value."""
        self._seen.setdefault(goal, []).append(_Seen(problem, value, solution, _energies(problem)))

    def same(self, problem: LayerProblem, goal: Goal) -> Nest | None:
        """An optimum of the problem that was found elsewhere: on hardware as good as this, with equal energies, ports
        and so costs.
        """
        for seen in reversed(self._seen.get(goal, [])):
            if seen.solution is None or _costs(seen.problem) != _costs(problem):
                continue
            if roomier(seen.problem, problem) and is_nest_of(problem, seen.solution):
                return seen.solution
        return None

    def floor(self, problem: LayerProblem, goal: Goal) -> int:
        """A lower bound on the objective of all mappings; 0 if nothing is known."""
        objective, _ = goal
        timeless = objective == "energy" and not any(level.leak_energy for level in problem.levels)
        most, energies, rivals = 0, _energies(problem), []
        for seen in self._seen.get(goal, []):
            if seen.value <= most and objective != "energy":
                continue
            if not roomier(seen.problem, problem) or not (timeless or faster(seen.problem, problem)):
                continue
            if objective == "latency" or all(map(int.__le__, seen.energies, energies)):
                most = max(most, seen.value)
            rivals.append(seen)
        return max(most, _joined(rivals, energies, most)) if objective == "energy" else most


def _joined(rivals: list[_Seen], energies: tuple[int, ...], most: int) -> int:
    """The best bound above `most` that two known optima have together; `most` if none is above it.

    The shares are sought in rounded numbers, and the bound that they give is worked out exactly.
    """
    above = [seen for seen in rivals if seen.value > most]
    below = [seen for seen in rivals if all(map(int.__le__, seen.energies, energies))]
    if not above or not below:
        return most
    best, shares = float(most), None
    goal = np.array(energies, dtype=float)
    low, low_value = np.array([s.energies for s in below], dtype=float), np.array([s.value for s in below], dtype=float)
    for seen in above:
        rise = np.array(seen.energies, dtype=float) - low
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(rise > 0, (goal - low) / rise, 1.0).min(axis=1).clip(0.0, 1.0)
        values = low_value + share * (seen.value - low_value)
        place = int(values.argmax())
        if values[place] > best:
            best, shares = float(values[place]), (below[place], seen, int(share[place] * GRAIN))
    return most if shares is None else max(most, _exactly(*shares, energies))


def _exactly(low: _Seen, high: _Seen, share: int, energies: tuple[int, ...]) -> int:
    """The bound of two shares, scaled so that no energy of theirs exceeds what it may be."""
    sums = [(GRAIN - share) * a + share * b for a, b in zip(low.energies, high.energies, strict=True)]
    ratios = (Fraction(most * GRAIN, it) for most, it in zip(energies, sums, strict=True) if it)
    scale = min(Fraction(1), min(ratios, default=Fraction(1)))
    return math.ceil(scale * ((GRAIN - share) * low.value + share * high.value) / GRAIN)


def roomier(one: LayerProblem, other: LayerProblem) -> bool:
    """Is it the same layer on hardware with at least the capacities and fan-outs?

    Nothing else may differ but energies, bandwidths, and how many multipliers must be used at least.
    """
    if one.rules.least_used > other.rules.least_used:
        return False
    return _fixed(one) == _fixed(other) and all(
        _holds(a, b) and a.fanout[0] >= b.fanout[0] and a.fanout[1] >= b.fanout[1]
        for a, b in zip(one.levels, other.levels, strict=True)
    )


def faster(one: LayerProblem, other: LayerProblem) -> bool:
    """Is no port slower?"""
    ports = (zip(a.ports, b.ports, strict=True) for a, b in zip(one.levels, other.levels, strict=True))
    return all(_cycles(a, one.latency_unit) <= _cycles(b, other.latency_unit) for pairs in ports for a, b in pairs)


def _cycles(port: PortSpec, unit: int) -> Fraction:
    """Cycles per bit."""
    return Fraction(port.multiplier, port.divisor * unit) if port.divisor else Fraction(0)


def _holds(one: ProblemLevel, other: ProblemLevel) -> bool:
    if one.capacity_bits is None:
        return True
    return other.capacity_bits is not None and one.capacity_bits >= other.capacity_bits


def _fixed(problem: LayerProblem) -> tuple[object, ...]:
    """The layer and its accounting, and what a level has besides sizes, energies and ports."""
    levels = tuple((it.access_bits, it.keep_options, it.spatial_x, it.spatial_y) for it in problem.levels)
    rules = replace(problem.rules, least_used=1)
    return problem.shape, problem.drain_reads, problem.pinned, problem.resumes, levels, rules


def _energies(problem: LayerProblem) -> tuple[int, ...]:
    """All energies of a problem."""
    own = ((it.read_energy, it.fill_energy, it.update_energy, it.leak_energy) for it in problem.levels)
    return problem.step_energy, *itertools.chain.from_iterable(own)


def _costs(problem: LayerProblem) -> tuple[object, ...]:
    """Equal where every mapping that fits both problems costs the same."""
    return _energies(problem), problem.latency_unit, tuple(level.ports for level in problem.levels)
