"""Single hardware points whose bound rests on the trade of energy against cycles, derived again.

Every layer's Pareto front of (energy, cycles) is found with fresh tables, as far as a better design could use it.
The fronts are joined layer by layer; a partial choice is dropped when, with the least energy and the least cycles
of the rest, it breaks a cap or reaches the stated bound. If nothing is left, the bound holds. Before that, lines
``energy + weight x cycles >= value`` are tried, which need far fewer searches.

Searches share tables and start from what is stated or known: the least energy of a layer is sought among mappings that
need no more than its floor (if there are none, among all), a weighted sum below that of the mappings found before.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property

from formulations import lattice
from formulations.kernels.memo import Memos
from formulations.stop import Stop, StoppedError
from optimizer.hardware import Hardware
from optimizer.lowering import lower
from optimizer.pricing import NEVER
from optimizer.verify.claim import Check, Claim, Entry
from optimizer.verify.design_checks import verdict
from optimizer.verify.least_cycles import least_cycles
from optimizer.verify.reprove import Say
from optimizer.verify.time_limit import limited

Cost = tuple[int, int]
"""Energy units and cycles."""
SAMPLE_SECONDS = 15.0
MOST_STATES = 2_000_000


class TooManyError(Exception):
    """Fronts have more joint choices than can be listed."""


def points_again(claim: Claim, entries: Sequence[Entry], tables: Memos, *, thorough: bool, say: Say) -> Check:
    """Derive the bounds of single points again: all of them, or what fits the time; the design's own point first."""
    entries = sorted(entries, key=lambda entry: entry.box != claim.design)
    faults: list[str] = []
    done = 0
    with limited(None if thorough else SAMPLE_SECONDS) as stop:
        for number, entry in enumerate(entries):
            try:
                point = _Point(claim, entry, tables, stop, _within(say, number, len(entries)))
                wrong, better = point.wrong_floors(), point.better()
            except (StoppedError, TooManyError):
                break
            done += 1
            if wrong:
                faults.append(f"box {entry.box}: the least energies are {wrong}, the floors {list(entry.energy)}")
            if better is not None:
                faults.append(
                    f"box {entry.box}: a design with {better[0]} energy units and {better[1]} cycles breaks it"
                )  # fmt: skip
    return verdict("points again", faults, f"{done} bounds of solved points derived again{_rest(entries, done)}")


def excluded_again(
    claims: Sequence[Claim], numbers: Sequence[int], tables: Memos, *, thorough: bool, say: Say
) -> Check:  # fmt: skip
    """Show again that on single points some of several networks cannot keep its caps: all points, or what fits."""
    capped = [claim for claim in claims if claim.target.capped]
    faults: list[str] = []
    done = 0
    with limited(None if thorough else SAMPLE_SECONDS) as stop:
        for number in numbers:
            within = _within(say, done, len(numbers))
            try:
                points = [_Point(claim, claim.entries[number], tables, stop, within) for claim in capped]
                if all(point.better() is not None for point in points):
                    faults.append(f"box {claims[0].entries[number].box}: every network keeps its caps")
            except (StoppedError, TooManyError):
                break
            done += 1
    return verdict("excluded again", faults, f"{done} points without a design derived again{_rest(numbers, done)}")


def _within(say: Say, number: int, total: int) -> Say:
    """Says what is done for one of the points."""
    return lambda what: say(f"deriving point {number + 1} of {total} again: {what}")


def _rest(asked: Sequence[object], done: int) -> str:
    return f", {len(asked) - done} left to a thorough check" if len(asked) > done else ""


class _Point:
    """One hardware point and the claim that none of its designs is better than its stated bound."""

    def __init__(self, claim: Claim, entry: Entry, tables: Memos, stop: Stop, say: Say) -> None:
        self.claim, self.tables, self.stop, self.say = claim, tables, stop, say
        self.hardware: Hardware = claim.points.corner(entry.box)
        self.target = claim.target
        self.goal = None if entry.by == "infeasible" else entry.bound
        self.fixed = claim.fixed(self.hardware)
        self.entry = entry
        self._known: list[list[Cost]] = [[] for _ in claim.groups]
        self._lines: list[dict[int, int]] = [{} for _ in claim.groups]
        self._least = [least_cycles(group, self.hardware) for group in claim.groups]
        self.cheapest = self._each("energy")

    def wrong_floors(self) -> list[int]:
        """The least energy of every layer, if it is not what the floors of a solved point say."""
        least = [cost[0] for cost in self.cheapest or []]
        return [] if least == list(self.entry.energy) else least

    def better(self) -> Cost | None:
        """A design below the bound and within all caps, or None if there is none."""
        if self.cheapest is None or (self.goal is not None and not self.target.capped and self._lines_prove(self.goal)):
            return None
        return None if self._fastest is None else self._join(self.cheapest, self._fastest)

    @cached_property
    def _fastest(self) -> list[Cost] | None:
        return self._each("latency")

    def _lines_prove(self, goal: Fraction) -> bool:
        """Do lines prove the goal? (No weight may make the costs leave the integers of the search.)"""
        assert self.cheapest is not None
        least = self.fixed[1] + sum(group.count * n for group, n in zip(self.claim.groups, self._least, strict=True))
        try:
            return lines_prove(
                self._total(self.cheapest), least, goal, self._weighted,
                lambda: None if self._fastest is None else self._total(self._fastest),
            )  # fmt: skip
        except OverflowError:
            return False

    def _wanted(self, energy: int, latency: int) -> bool:
        """Could a design with these bounds break the claim?"""
        within = self.target.allows(energy, latency)
        return within and (self.goal is None or self.target.value(energy, latency) < self.goal)

    def _each(self, objective: str, weight: int = 0) -> list[Cost] | None:
        found = []
        for number in range(len(self.claim.groups)):
            self.say(f"layer {number + 1} of {len(self.claim.groups)}")
            cost = self._best(number, objective, weight)
            if cost is None:
                return None
            self._known[number].append(cost)
            if objective == "energy":
                self._lines[number][weight] = cost[0] + weight * cost[1]
            found.append(cost)
        return found

    def _best(self, number: int, objective: str, weight: int = 0, cap: int = NEVER) -> Cost | None:
        """Optimum of a layer over its padded extents; weighted energy units are charged per cycle."""
        if objective == "energy" and not weight and cap >= NEVER:
            stated = min(self.entry.energy[number] + 1, NEVER)
            return self._below(number, "energy", (stated, 0)) or self._below(number, "energy")
        if objective == "energy" and not weight:
            return self._below(number, "energy", cap=cap)
        goal, per_cycle = ("weighted", weight) if weight else ("latency", NEVER)
        known = min(self._known[number], key=lambda cost: (cost[0] + per_cycle * cost[1], cost[1]))
        if self._is_best(number, known, weight):
            return known
        return self._below(number, goal, known, weight) or known

    def _is_best(self, number: int, known: Cost, weight: int) -> bool:
        """Do its least cycles and the lines known of a layer show that no mapping is better (0: faster)?"""
        least = self._least[number]
        if not weight:
            return known[1] == least
        corners = _corners(self._lines[number], least)
        return min(energy + weight * latency for energy, latency in corners) >= known[0] + weight * known[1]

    def _below(
        self, number: int, objective: str, beat: Cost | None = None, weight: int = 0, cap: int = NEVER
    ) -> Cost | None:  # fmt: skip
        """Optimum of a layer over its padded extents, where it is better than `beat`."""
        best, group = None, self.claim.groups[number]
        least = min((cost[0] for cost in self._known[number]), default=0)
        for extents in group.variants:
            problem = lower(group.layer, self.hardware, accounting=self.claim.accounting, extents=extents)
            unit = problem.latency_unit
            with self.tables.of(problem) as memo:
                found = lattice.solve(
                    problem, objective, latency_cap=cap if cap >= NEVER else cap * unit,
                    beat=None if beat is None else (beat[0], beat[1] * unit), memo=memo, weight=weight,
                    least_energy=least, stop=self.stop,
                ).solution  # fmt: skip
            if found is not None:
                best = beat = found.energy, -(-found.latency // unit)
        return best

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

            self.say(f"layer {number + 1} of {len(groups)}")
            front = self._front(number, fastest[number], states, useful)
            joined = {
                (e + group.count * cost[0], c + group.count * cost[1])
                for (e, c), cost in itertools.product(states, front)
            }  # fmt: skip
            states = _pareto([state for state in joined if useful(state)])
            if len(states) > MOST_STATES:
                raise TooManyError
        return states[0] if states else None

    def _front(self, number: int, fastest: Cost, states: list[Cost], useful: Callable[[Cost], bool]) -> list[Cost]:
        """The part of a layer's Pareto front that some state can still use, cheapest first."""
        front: list[Cost] = []
        if not states:
            return front
        least_energy, least_latency = min(e for e, _ in states), min(c for _, c in states)
        cap, runs = NEVER, self.claim.groups[number].count
        while cap >= fastest[1]:
            cost = self._best(number, "energy", cap=cap)
            if cost is None or not useful((least_energy + runs * cost[0], least_latency + runs * fastest[1])):
                break
            front.append(cost)
            cap = cost[1] - 1
        return front


def lines_prove(
    cheapest: Cost, least_latency: int, goal: Fraction, solve: Callable[[int], Cost | None],
    fastest: Callable[[], Cost | None],
) -> bool:  # fmt: skip
    """Do lines below all designs prove that no product of energy and latency is below `goal`?

    (The product has its least value at a corner of the region above the lines.) `solve` gives the best design under a
    weight: energy units per cycle. No design takes less than `least_latency`; the `fastest` is asked for if that does
    not help.
    """
    designs, lines, last = [cheapest], {0: cheapest[0]}, False
    while True:
        energy, latency = min(_corners(lines, least_latency), key=lambda corner: corner[0] * corner[1])
        if energy * latency >= goal:
            return True
        weight = _next_weight(designs, lines, latency)
        if weight is None and last:
            return False
        design = fastest() if weight is None else solve(weight)
        if design is None:
            return True
        designs.append(design)
        if weight is None:
            least_latency, last = design[1], True
        else:
            lines[weight] = design[0] + weight * design[1]


def _corners(lines: dict[int, int], least_latency: int) -> list[tuple[Fraction, Fraction]]:
    """Vertices (energy, latency) of the region above all lines and from the least latency on."""
    latencies = {Fraction(least_latency)}
    for (a, value), (b, other) in itertools.combinations(lines.items(), 2):
        latencies.add(max(Fraction(least_latency), Fraction(value - other, a - b)))
    return [(max(Fraction(value) - weight * x for weight, value in lines.items()), x) for x in latencies]


def _next_weight(designs: list[Cost], lines: dict[int, int], latency: Fraction) -> int | None:
    """The slope between the designs on both sides of a vertex, rounded; None once it has been tried.

    Left of all designs: the slope at which the product of the nearest stays as it is.
    """
    left = min((d for d in designs if d[1] <= latency), default=None)
    right = min((d for d in designs if d[1] > latency), key=lambda d: (d[1], d[0]), default=None)
    if right is None:
        return None
    if left is None:
        weights = [right[0] // right[1]]
    else:
        slope = (left[0] - right[0]) // (right[1] - left[1])
        weights = [slope, slope + 1]
    return next((w for w in weights if w > 0 and w not in lines), None)


def _pareto(states: list[Cost]) -> list[Cost]:
    """The states that no other matches in both numbers."""
    kept: list[Cost] = []
    for state in sorted(states):
        if not kept or state[1] < kept[-1][1]:
            kept.append(state)
    return kept
