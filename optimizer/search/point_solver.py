"""The best design on one hardware point (or the optimistic corner of a box), with a bound.

Energy and latency of the network are sums over its layers. Without caps, the least energy-delay product is
attained at a vertex of the convex hull of all (energy, latency) pairs: the product is quasi-concave, so its
minimum over the hull lies at a vertex, and a vertex of the hull of a sum is a sum of vertices that minimize
``energy + weight x latency`` for one common weight. So a few weights, each an independent exact problem per
layer, find the optimum, and the lines they prove bound everything else. Under caps the optimum is still Pareto
optimal, and the fronts of the layers are joined by a CP-SAT program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from formulations.networks.master import Option, choose
from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError
from optimizer.pricing.price import Price, Prices
from optimizer.problem.goal import INFEASIBLE_COST, Goal

Item = TypeVar("Item")
Answer = TypeVar("Answer")
WAVE = 4
"""Layers priced in parallel before the cutoffs of the other layers are tightened."""

FASTER = 3
"""Lines tried before the least latency is found exactly."""

Line = tuple[int, int]
"""(weight, value): ``energy + weight x latency >= value`` for every design."""


@dataclass(frozen=True)
class Pick:
    """One price per pricer and the totals over the network, vector layers included."""

    energy: int
    latency: int
    prices: tuple[Price, ...]


def corners(lines: list[Line], energy: int, latency: int) -> list[tuple[Fraction, Fraction]]:
    """Vertices (energy, latency) of the region that lines and extremes leave, least latency first."""
    known = sorted({*lines, (0, energy)}, reverse=True)
    latencies = {Fraction(latency)}
    for i, (weight, value) in enumerate(known):
        for other_weight, other in known[i + 1 :]:
            if other_weight != weight:
                latencies.add(max(Fraction(latency), Fraction(value - other, weight - other_weight)))
    return [(max(value - weight * x for weight, value in known), x) for x in sorted(latencies)]


class Site:
    """A network on one hardware point; prices it under weights and caps.

    Parameters
    ----------
    pricers : list of Prices
    hardware : Hardware
    fixed : (int, int)
        Energy units and cycles of the vector layers.
    pool : Executor or None
        Runs the layers side by side.
    """

    def __init__(
        self, pricers: Sequence[Prices], hardware: Hardware, fixed: tuple[int, int], pool: Executor | None = None
    ) -> None:
        self.pricers, self.hardware, self.fixed, self._pool = pricers, hardware, fixed, pool

    def total(self, prices: list[Price]) -> Pick:
        """Totals of one price per layer."""
        pairs = list(zip(self.pricers, prices, strict=True))
        energy = self.fixed[0] + sum(pricer.count * price.energy for pricer, price in pairs)
        latency = self.fixed[1] + sum(pricer.count * price.latency for pricer, price in pairs)
        return Pick(energy, latency, tuple(prices))

    def each(self, ask: Callable[[Prices], Price | None]) -> list[Price] | None:
        """One price per layer; None if some layer does not fit."""
        found = self._map(ask, self.pricers)
        prices = [price for price in found if price is not None]
        return prices if len(prices) == len(found) else None

    def sum_within(self, objective: str, layer_bounds: list[int], limit: int) -> tuple[Pick | None, list[int]]:
        """Optimum of every layer; stops as soon as the sum with the lower bounds of the other layers reaches `limit`.

        Layers are priced in waves of a fixed size, in parallel. The outcome does not depend on the pool, nor on the
        prices cached before: a value at or above the cutoff counts as the cutoff.

        Returns
        -------
        (pick, layer_bounds)
        """
        layer_bounds = list(layer_bounds)
        counts = [pricer.count for pricer in self.pricers]
        offset = self.fixed[0] if objective == "energy" else self.fixed[1]
        prices: dict[int, Price | None] = {}
        cutoffs: dict[int, int] = {}
        ranked = sorted(range(len(counts)), key=lambda n: -counts[n] * self.pricers[n].macs)
        for start in range(0, len(ranked), WAVE):
            wave = ranked[start : start + WAVE]
            total = offset + sum(c * f for c, f in zip(counts, layer_bounds, strict=True))
            spare = {n: INFEASIBLE_COST if limit >= INFEASIBLE_COST else -(-(limit - total) // counts[n]) for n in wave}
            cutoffs.update({n: min(INFEASIBLE_COST, max(0, spare[n] + layer_bounds[n])) for n in wave})
            if any(layer_bounds[n] >= cutoffs[n] for n in wave):
                return None, layer_bounds
            found = self._map(lambda n: self.pricers[n].price(self.hardware, objective, cutoff=cutoffs[n]), wave)
            for n, price in zip(wave, found, strict=True):
                prices[n] = price
                layer_bounds[n] = max(layer_bounds[n], cutoffs[n] if price is None else min(price.value, cutoffs[n]))
            if any(price is None or not price.found or price.value >= cutoffs[n] for n, price in prices.items()):
                return None, layer_bounds
        return self.total([price for n in range(len(counts)) if (price := prices[n]) is not None]), layer_bounds

    def _map(self, ask: Callable[[Item], Answer], items: Sequence[Item]) -> list[Answer]:
        """Answers in order, computed in parallel if there is a pool."""
        return list(self._pool.map(ask, items)) if self._pool else [ask(item) for item in items]

    def hull(self, goal: Goal, cheapest: Pick, limit: Fraction | None) -> tuple[list[Pick], list[Line], Fraction]:
        """Vertices of the convex hull, until the best one is proved optimal or the bound exceeds `limit`.

        Returns
        -------
        (picks, lines, bound)
        """
        picks, lines = [cheapest], [(0, cheapest.energy)]
        least_latency = self.fixed[1] + sum(p.count * p.latency_bound(self.hardware) for p in self.pricers)
        while True:
            energy, latency = min(corners(lines, cheapest.energy, least_latency), key=lambda v: goal.value(*v))
            bound = goal.value(energy, latency)
            known = min(goal.value(p.energy, p.latency) for p in picks)
            if bound >= known or (limit is not None and bound > limit):
                return picks, lines, bound
            if all(pick.latency > latency for pick in picks) and len(lines) > FASTER:
                fastest = self.each(lambda p: p.price(self.hardware, "latency"))
                assert fastest is not None
                picks.append(self.total(fastest))
                least_latency = picks[-1].latency
                continue
            weight = self.next_weight(picks, lines, latency)
            if weight is None:
                return picks, lines, bound
            try:
                prices = self.each(lambda p, w=weight: p.price(self.hardware, weight=w))  # type: ignore[misc]
            except OverflowError:  # no integer program can use this weight: the bound so far stands
                return picks, lines, bound
            assert prices is not None
            pick = self.total(prices)
            picks.append(pick)
            lines.append((weight, pick.energy + weight * pick.latency))

    @staticmethod
    def next_weight(picks: list[Pick], lines: list[Line], latency: Fraction) -> int | None:
        """The slope between the known designs on both sides of a vertex, or the nearest weight not yet tried.

        Beyond the fastest known design: four times the largest weight, at first the cheapest design's energy per cycle.
        """
        tried = {weight for weight, _ in lines}
        left = min((p for p in picks if p.latency <= latency), key=lambda p: (p.energy, p.latency), default=None)
        right = min((p for p in picks if p.latency > latency), key=lambda p: (p.latency, p.energy), default=None)
        if left is None and right is not None:
            return max(4 * max(tried), right.energy // max(1, right.latency), 1)
        if left is None or right is None or left.energy <= right.energy:
            return next((w for w in (1, 4 * max(tried)) if w not in tried), None)
        weight = (left.energy - right.energy) // (right.latency - left.latency)
        return next((w for w in (weight, weight + 1, 2 * weight + 1) if w > 0 and w not in tried), None)

    def front(self, pricer: Prices) -> list[Price]:
        """All Pareto-optimal (energy, latency) of a layer, cheapest first."""
        found: list[Price] = []
        cap = INFEASIBLE_COST
        while True:
            price = pricer.price(self.hardware, cap=cap)
            if price is None or not price.found:
                return found
            found.append(price)
            cap = price.latency - 1
        return found

    def within_caps(self, goal: Goal) -> Pick | None:
        """Exact optimum under caps: all fronts, joined by the master for a falling latency cap."""
        fronts = self._map(self.front, self.pricers)
        counts = [pricer.count for pricer in self.pricers]
        options = [[Option(price.energy, price.latency) for price in front] for front in fronts]
        best: Pick | None = None
        slowest = self.fixed[1] + sum(c * max(o.latency for o in row) for c, row in zip(counts, options, strict=True))
        cap = slowest if goal.latency_cap >= INFEASIBLE_COST else goal.latency_cap
        least = self.fixed[1] + sum(c * min(o.latency for o in row) for c, row in zip(counts, options, strict=True))
        while True:
            try:
                chosen = choose(options, counts, latency_cap=cap - self.fixed[1])
            except OverflowError as error:
                raise SpecError(
                    "the layers' energies, or cycles, together leave the exact integers of budgets",
                    field="budgets",
                    value=str(error),
                    allowed="sums below 2**62",
                    remedy="drop the budgets, or use a smaller network",
                ) from None
            if chosen is None:
                return best
            pick = self.total([front[k] for front, k in zip(fronts, chosen, strict=True)])
            if goal.energy_cap < min(pick.energy, INFEASIBLE_COST) or (
                best and goal.value(pick.energy, least) >= goal.value(best.energy, best.latency)
            ):
                return best
            better = best is None or goal.rank(pick.energy, pick.latency) < goal.rank(best.energy, best.latency)
            if better and goal.allows(pick.energy, pick.latency):
                best = pick
            if goal.objective == "energy" and best is not None:
                return best
            cap = pick.latency - 1
