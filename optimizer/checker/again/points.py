"""New derivation of bounds of single hardware points that rest on the trade-off of energy against cycles.

The Pareto front of (energy, cycles) of every layer is found with fresh tables, restricted to points that a better
design could use. The fronts are joined layer by layer; a partial choice is dropped when, with the least energy and the
least cycles of the rest, it breaks a cap or reaches the stated bound. If nothing is left, the bound holds. Before that,
lines ``energy + weight x cycles >= value`` are tried, which need far fewer searches.

The search so derives the bound from statements about single layers: a line, the least cycles, or the least
energy within a cap on the cycles. These statements can be proved by another method.

Searches share tables and start from a cutoff. For the least energy of a layer it is the layer bound (without one if no
mapping meets it). For a weighted sum it is the best mapping found before.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from formulations.engines import Engine
from formulations.stop import Stop
from optimizer.architecture.hardware import Hardware
from optimizer.checker.again.tangent_lines import Cost, corners, prove
from optimizer.checker.claims.solve import Claim, ClaimedBox
from optimizer.checker.effort import Say
from optimizer.checker.least_cycles import least_cycles
from optimizer.checker.statements import Statement
from optimizer.pricing.lowering import lower
from optimizer.problem.goal import INFEASIBLE_COST

MOST_STATES = 2_000_000


class TooManyError(Exception):
    """Fronts have more joint choices than can be listed."""


@dataclass(frozen=True)
class Derived:
    """The statements from which the bound of a point follows, and its faults."""

    faults: tuple[str, ...]
    statements: tuple[Statement, ...] = ()


def derive(claim: Claim, entry: ClaimedBox, engine: Engine, stop: Stop, say: Say) -> Derived:
    """Derive the bound of a single point again.

    Raises
    ------
    StoppedError, TooManyError, OverflowError
        If it cannot be decided.
    """
    point = _Point(claim, entry, engine, stop, say)
    faults, wrong, better = [], point.wrong_layer_bounds(), point.better()
    if wrong:
        faults.append(f"box {entry.box}: the least energies are {wrong}, the floors {list(entry.energy)}")
    if better is not None:
        faults.append(f"box {entry.box}: a design with {better[0]} energy units and {better[1]} cycles breaks it")
    return Derived(tuple(faults), point.statements())


def derive_exclusion(claims: Sequence[Claim], number: int, engine: Engine, stop: Stop, say: Say) -> Derived:
    """Prove again that on a single point one of several networks cannot keep its caps; raises as :func:`derive`."""
    for claim in claims:
        if claim.target.capped:
            point = _Point(claim, claim.entries[number], engine, stop, say)
            if point.better() is None:
                return Derived((), point.statements())
    return Derived((f"box {claims[0].entries[number].box}: every network keeps its caps",))


class _Point:
    """One hardware point and the claim that none of its designs is better than its stated bound."""

    def __init__(self, claim: Claim, entry: ClaimedBox, engine: Engine, stop: Stop, say: Say) -> None:
        self.claim, self.engine, self.stop, self.say = claim, engine, stop, say
        self.hardware: Hardware = claim.points.corner(entry.box)
        self.target = claim.target
        self.goal = None if entry.by == "infeasible" else entry.bound
        self.fixed = claim.fixed(self.hardware)
        self.entry = entry
        self._known: list[list[Cost]] = [[] for _ in claim.groups]
        self._lines: list[dict[int, int]] = [{} for _ in claim.groups]
        self._needed: tuple[int, ...] = (0,)
        self._others: list[Statement] = []
        self._least = [least_cycles(group, self.hardware) for group in claim.groups]
        self.cheapest = self._each("energy")

    def wrong_layer_bounds(self) -> list[int]:
        """The least energy of every layer, if it differs from the layer bounds of a solved point."""
        least = [cost[0] for cost in self.cheapest or []]
        return [] if least == list(self.entry.energy) else least

    def better(self) -> Cost | None:
        """A design below the bound and within all caps, or None if there is none."""
        if self.cheapest is None or (self.goal is not None and not self.target.capped and self._lines_prove(self.goal)):
            return None
        return None if self._fastest is None else self._join(self.cheapest, self._fastest)

    def statements(self) -> tuple[Statement, ...]:
        """Statements about single layers from which the bound follows."""
        lines = [
            Statement(group, self.hardware, found[weight], weight)
            for weight in self._needed
            for group, found in zip(self.claim.groups, self._lines, strict=True)
            if weight in found
        ]
        return tuple(statement for statement in (*lines, *self._others) if statement.lower_bound)

    @cached_property
    def _fastest(self) -> list[Cost] | None:
        return self._each("latency")

    def _lines_prove(self, goal: Fraction) -> bool:
        """True if lines prove the goal. (Weights must keep the costs within the integers of the search.)"""
        assert self.cheapest is not None
        least = self.fixed[1] + sum(group.count * n for group, n in zip(self.claim.groups, self._least, strict=True))
        try:
            proof = prove(
                self._total(self.cheapest),
                least,
                goal,
                self._weighted,
                lambda: None if self._fastest is None else self._total(self._fastest),
            )
        except OverflowError:
            return False
        if proof is not None:
            self._needed = proof.weights
        return proof is not None

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
                self._note(number, INFEASIBLE_COST)
                return None
            self._known[number].append(cost)
            if objective == "energy":
                self._lines[number][weight] = cost[0] + weight * cost[1]
            else:
                self._note(number, cost[1], None)
            found.append(cost)
        return found

    def _note(self, number: int, lower_bound: int, weight: int | None = 0, cap: int | None = None) -> None:
        self._others.append(Statement(self.claim.groups[number], self.hardware, lower_bound, weight, cap))

    def _best(self, number: int, objective: str, weight: int = 0, cap: int = INFEASIBLE_COST) -> Cost | None:
        """Optimum of a layer over its padded extents; weighted energy units are charged per cycle."""
        if objective == "energy" and not weight and cap >= INFEASIBLE_COST:
            stated = min(self.entry.energy[number] + 1, INFEASIBLE_COST)
            return self._below(number, "energy", (stated, 0)) or self._below(number, "energy")
        if objective == "energy" and not weight:
            return self._below(number, "energy", cap=cap)
        goal, per_cycle = ("weighted", weight) if weight else ("latency", INFEASIBLE_COST)
        known = min(self._known[number], key=lambda cost: (cost[0] + per_cycle * cost[1], cost[1]))
        if self._is_best(number, known, weight):
            return known
        return self._below(number, goal, known, weight) or known

    def _is_best(self, number: int, known: Cost, weight: int) -> bool:
        """True if the least cycles and the lines of a layer show that no mapping is better (weight 0: faster)."""
        least = self._least[number]
        if not weight:
            return known[1] == least
        least_sum = min(e + weight * t for e, t in corners(self._lines[number], least))
        return least_sum >= known[0] + weight * known[1]

    def _below(
        self, number: int, objective: str, cutoff: Cost | None = None, weight: int = 0, cap: int = INFEASIBLE_COST
    ) -> Cost | None:
        """Optimum of a layer over its padded extents, where it is better than `cutoff`."""
        best, group = None, self.claim.groups[number]
        for extents in group.variants:
            problem = lower(group.layer, self.hardware, accounting=self.claim.accounting, extents=extents)
            unit = problem.latency_unit
            found = self.engine.solve(
                problem,
                objective,
                latency_cap=min(cap * unit, INFEASIBLE_COST),
                cutoff=None if cutoff is None else (cutoff[0], cutoff[1] * unit),
                weight=weight,
                stop=self.stop,
            )
            if found is not None:
                best = cutoff = found.energy, -(-found.latency // unit)
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
            }
            states = _pareto([state for state in joined if useful(state)])
            if len(states) > MOST_STATES:
                raise TooManyError
        return states[0] if states else None

    def _front(self, number: int, fastest: Cost, states: list[Cost], useful: Callable[[Cost], bool]) -> list[Cost]:
        """The points of a layer's Pareto front that some state can still use, by increasing energy."""
        front: list[Cost] = []
        if not states:
            return front
        least_energy, least_latency = min(e for e, _ in states), min(c for _, c in states)
        cap, runs = INFEASIBLE_COST, self.claim.groups[number].count
        while cap >= fastest[1]:
            cost = self._best(number, "energy", cap=cap)
            if cap < INFEASIBLE_COST:
                self._note(number, INFEASIBLE_COST if cost is None else cost[0], cap=cap)
            if cost is None or not useful((least_energy + runs * cost[0], least_latency + runs * fastest[1])):
                break
            front.append(cost)
            cap = cost[1] - 1
        return front


def _pareto(states: list[Cost]) -> list[Cost]:
    """The states that no other state dominates."""
    kept: list[Cost] = []
    for state in sorted(states):
        if not kept or state[1] < kept[-1][1]:
            kept.append(state)
    return kept
