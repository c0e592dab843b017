"""Single hardware points whose bound rests on the trade of energy against cycles, derived again.

Every layer's Pareto front of (energy, cycles) is found with fresh tables, as far as a better design could use it.
The fronts are joined layer by layer; a partial choice is dropped when, with the least energy and the least cycles
of the rest, it breaks a cap or reaches the stated bound. If nothing is left, the bound holds. Before that, lines
``energy + weight x cycles >= value`` are tried, which need far fewer searches.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from formulations import lattice
from formulations.kernels.memo import Memos
from optimizer.hardware import Hardware
from optimizer.lowering import lower
from optimizer.pricing import NEVER
from optimizer.verify.claim import Check, Claim, Entry, Group
from optimizer.verify.design_checks import verdict
from optimizer.verify.reprove import Say

Cost = tuple[int, int]
"""Energy units and cycles."""
SAMPLE_SECONDS = 15.0
MOST_STATES = 2_000_000


class OutOfTimeError(Exception):
    """The time for this check is over."""


def points_again(claim: Claim, entries: Sequence[Entry], tables: Memos, *, thorough: bool, say: Say) -> Check:
    """Derive the bounds of single points again: all of them, or what fits the time."""
    until = None if thorough else time.perf_counter() + SAMPLE_SECONDS
    faults: list[str] = []
    done = 0
    for number, entry in enumerate(entries):
        say(f"deriving point {number + 1} of {len(entries)} again")
        try:
            point = _Point(claim, entry, tables, until)
            wrong, better = point.wrong_floors(), point.better()
        except OutOfTimeError:
            break
        done += 1
        if wrong:
            faults.append(f"box {entry.box}: the least energies are {wrong}, the floors {list(entry.energy)}")
        if better is not None:
            faults.append(f"box {entry.box}: a design with {better[0]} energy units and {better[1]} cycles breaks it")
    left = len(entries) - done
    rest = f", {left} left to a thorough check" if left else ""
    return verdict("points again", faults, f"{done} bounds of solved points derived again{rest}")


class _Point:
    """One hardware point and the claim that none of its designs is better than its stated bound."""

    def __init__(self, claim: Claim, entry: Entry, tables: Memos, until: float | None) -> None:
        self.claim, self.tables, self.until = claim, tables, until
        self.hardware: Hardware = claim.points.corner(entry.box)
        self.target = claim.target
        self.goal = None if entry.by == "infeasible" else entry.bound
        self.fixed = claim.fixed(self.hardware)
        self.entry = entry
        self.cheapest = self._each("energy")

    def wrong_floors(self) -> list[int]:
        """The least energy of every layer, if it is not what the floors of a solved point say."""
        least = [cost[0] for cost in self.cheapest or []]
        return [] if least == list(self.entry.energy) else least

    def better(self) -> Cost | None:
        """A design below the bound and within all caps, or None if there is none."""
        cheapest, fastest = self.cheapest, self._each("latency")
        if cheapest is None or fastest is None:
            return None
        designs = self._total(cheapest), self._total(fastest)
        if self.goal is not None and not self.target.capped and lines_prove(*designs, self.goal, self._weighted):
            return None
        return self._join(cheapest, fastest)

    def _wanted(self, energy: int, latency: int) -> bool:
        """Could a design with these bounds break the claim?"""
        within = self.target.allows(energy, latency)
        return within and (self.goal is None or self.target.value(energy, latency) < self.goal)

    def _each(self, objective: str, weight: int = 0) -> list[Cost] | None:
        found = [self._best(group, objective, weight) for group in self.claim.groups]
        costs = [cost for cost in found if cost is not None]
        return costs if len(costs) == len(found) else None

    def _best(self, group: Group, objective: str, weight: int = 0, cap: int = NEVER) -> Cost | None:
        """Optimum of a layer over its padded extents; weighted energy units are charged per cycle."""
        best: tuple[int, Cost] | None = None
        for extents in group.variants:
            if self.until is not None and time.perf_counter() > self.until:
                raise OutOfTimeError
            problem = lower(group.layer, self.hardware, accounting=self.claim.accounting, extents=extents)
            outer = replace(problem.levels[0], leak_energy=problem.levels[0].leak_energy + weight)
            problem = replace(problem, levels=(outer, *problem.levels[1:]))
            unit = problem.latency_unit
            most = NEVER if cap >= NEVER else cap * unit
            with self.tables.of(problem) as memo:
                found = lattice.solve(problem, objective, latency_cap=most, memo=memo).solution
            if found is not None:
                cycles = -(-found.latency // unit)
                cost = (found.energy - weight * cycles, cycles)
                rank = found.energy if objective == "energy" else cycles
                best = min(best or (rank, cost), (rank, cost))
        return None if best is None else best[1]

    def _weighted(self, weight: int) -> Cost | None:
        costs = self._each("energy", weight)
        return None if costs is None else self._total(costs)

    def _total(self, costs: list[Cost]) -> Cost:
        counted = [(group.count, cost) for group, cost in zip(self.claim.groups, costs, strict=True)]
        return (
            self.fixed[0] + sum(n * cost[0] for n, cost in counted),
            self.fixed[1] + sum(n * cost[1] for n, cost in counted),
        )

    def _join(self, cheapest: list[Cost], fastest: list[Cost]) -> Cost | None:
        """Join the fronts of all layers; the first full choice that breaks the claim, if there is one."""
        states: list[Cost] = [self.fixed]
        groups = self.claim.groups
        for number, group in enumerate(groups):
            rest = [(g.count, e[0], f[1]) for g, e, f in zip(groups, cheapest, fastest, strict=True)][number + 1 :]
            energy_rest, latency_rest = sum(n * e for n, e, _ in rest), sum(n * f for n, _, f in rest)

            def useful(state: Cost, energy: int = energy_rest, latency: int = latency_rest) -> bool:
                return self._wanted(state[0] + energy, state[1] + latency)

            front = self._front(group, states, useful)
            joined = {
                (e + group.count * cost[0], c + group.count * cost[1])
                for (e, c), cost in itertools.product(states, front)
            }  # fmt: skip
            states = _pareto([state for state in joined if useful(state)])
            if len(states) > MOST_STATES:
                raise OutOfTimeError
        return states[0] if states else None

    def _front(self, group: Group, states: list[Cost], useful: Callable[[Cost], bool]) -> list[Cost]:
        """The part of a layer's Pareto front that some state can still use, cheapest first."""
        front: list[Cost] = []
        if not states:
            return front
        least_energy, least_latency = min(e for e, _ in states), min(c for _, c in states)
        fastest = self._best(group, "latency")
        cap = NEVER
        while fastest is not None and cap >= fastest[1]:
            cost = self._best(group, "energy", cap=cap)
            if cost is None or not useful(
                (least_energy + group.count * cost[0], least_latency + group.count * fastest[1])
            ):  # fmt: skip
                break
            front.append(cost)
            cap = cost[1] - 1
        return front


def lines_prove(cheapest: Cost, fastest: Cost, goal: Fraction, solve: Callable[[int], Cost | None]) -> bool:
    """Do lines below all designs prove that no product of energy and latency is below `goal`?

    (The product has its least value at a corner of the region above the lines.) `solve` gives the best design under a
    weight: energy units per cycle.
    """
    designs, lines = [cheapest, fastest], {0: cheapest[0]}
    while True:
        energy, latency = min(_corners(lines, fastest[1]), key=lambda corner: corner[0] * corner[1])
        if energy * latency >= goal:
            return True
        weight = _next_weight(designs, lines, latency)
        if weight is None:
            return False
        design = solve(weight)
        if design is None:
            return True
        designs.append(design)
        lines[weight] = design[0] + weight * design[1]


def _corners(lines: dict[int, int], least_latency: int) -> list[tuple[Fraction, Fraction]]:
    """Vertices (energy, latency) of the region above all lines and from the least latency on."""
    latencies = {Fraction(least_latency)}
    for (a, value), (b, other) in itertools.combinations(lines.items(), 2):
        latencies.add(max(Fraction(least_latency), Fraction(value - other, a - b)))
    return [(max(Fraction(value) - weight * x for weight, value in lines.items()), x) for x in latencies]


def _next_weight(designs: list[Cost], lines: dict[int, int], latency: Fraction) -> int | None:
    """The slope between the designs on both sides of a vertex, rounded; None once it has been tried."""
    left = min((d for d in designs if d[1] <= latency), default=None)
    right = min((d for d in designs if d[1] > latency), key=lambda d: (d[1], d[0]), default=None)
    if left is None or right is None:
        return None
    weight = (left[0] - right[0]) // (right[1] - left[1])
    return next((w for w in (weight, weight + 1) if w > 0 and w not in lines), None)


def _pareto(states: list[Cost]) -> list[Cost]:
    """The states that no other matches in both numbers."""
    kept: list[Cost] = []
    for state in sorted(states):
        if not kept or state[1] < kept[-1][1]:
            kept.append(state)
    return kept
