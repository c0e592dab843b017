"""Designs on other hardware points from the mappings that were found so far: upper bounds without a search.

After every search of a box, the point is sought where these mappings together are best. It proves nothing: a design is
a design, and the best one only sets the cutoff of the searches that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from optimizer.architecture.box import Box, Index, PointSet
from optimizer.architecture.hardware import Hardware
from optimizer.pricing.layer_pricer import Pricer
from optimizer.problem.aggregate import Aggregate
from optimizer.search.network_bounds import NetworkBounds
from optimizer.search.point_solver import Pick, Site

Rank = tuple[Fraction, tuple[Fraction, ...], tuple[int, ...]]
Design = tuple[Rank, Index, tuple[Pick, ...]]
"""Objective, cycles and energies; entries; picks."""

ROUNDS = 3
"""Times that every menu is tried."""


class KnownDesigns:
    """Seeks designs among the points of an exploration.

    Parameters
    ----------
    networks : sequence of NetworkBounds
    points : PointSet
    aggregate : Aggregate
    allowed : callable
        Does a hardware point keep the budgets of the chip?
    """

    def __init__(
        self,
        networks: Sequence[NetworkBounds],
        points: PointSet,
        aggregate: Aggregate,
        allowed: Callable[[Hardware], bool],
    ) -> None:
        self._networks, self._points, self._aggregate, self._allowed = networks, points, aggregate, allowed
        self._is_priced = all(isinstance(pricer, Pricer) for network in networks for pricer in network.pricers)

    def near(self, start: Index, within: Box) -> Design | None:
        """The best design found by changing one entry at a time from a point on, by ever smaller steps."""
        best = self._at(start)
        for _ in range(ROUNDS if best is not None else 0):
            before = best
            for axis, (low, high) in enumerate(within):
                step = (high - low + 1) // 2
                while step:
                    best = self._stepped(best, axis, step, within)
                    step //= 2
            if best == before:
                break
        return best

    def _stepped(self, best: Design | None, axis: int, step: int, within: Box) -> Design | None:
        assert best is not None
        low, high = within[axis]
        for entry in (best[1][axis] - step, best[1][axis] + step):
            if low <= entry <= high:
                found = self._at((*best[1][:axis], entry, *best[1][axis + 1 :]))
                if found is not None and found[0] < best[0]:
                    return found
        return best

    def corner_value(self, hardware: Hardware, cycles: Sequence[int]) -> Fraction | None:
        """What a search of an optimistic corner can prove at most, given lower bounds on the cycles of the networks.

        It finds no more energy than known mappings take there, nor, where latency is all that counts, more cycles.
        None if not all layers have a mapping.
        """
        values = []
        for network, least in zip(self._networks, cycles, strict=True):
            pick = self._pick(network, hardware, capped=False) if self._is_priced else None
            if pick is None:
                return None
            latency = pick.latency if network.seeks_latency_alone else least
            values.append(network.goal.value(pick.energy, latency))
        return self._aggregate.value(values)

    def _at(self, index: Index) -> Design | None:
        """The best known design of a point that is allowed."""
        if not self._is_priced or index not in self._points.points:
            return None
        hardware = self._points.points[index]
        if not self._allowed(hardware):
            return None
        picks = [self._pick(network, hardware) for network in self._networks]
        found = tuple(pick for pick in picks if pick is not None)
        if len(found) < len(picks):
            return None
        pairs = list(zip(self._networks, found, strict=True))
        values = [network.goal.value(pick.energy, pick.latency) for network, pick in pairs]
        cycles = tuple(network.goal.stretched(pick.energy, pick.latency) for network, pick in pairs)
        return (self._aggregate.value(values), cycles, tuple(pick.energy for pick in found)), index, found

    @staticmethod
    def _pick(network: NetworkBounds, hardware: Hardware, *, capped: bool = True) -> Pick | None:
        """The best design of a network with every layer at its least energy, or at its fewest cycles; not `capped`: at
        the least of what a box is searched for.
        """
        options = []
        kinds = ("energy", "latency") if network.goal.objective == "edp" else (network.goal.objective,)
        for objective in kinds if capped else ("latency" if network.seeks_latency_alone else "energy",):
            prices = [pricer.known(hardware, objective) for pricer in network.pricers if isinstance(pricer, Pricer)]
            known = [price for price in prices if price is not None]
            if len(known) == len(prices):
                pick = Site(network.pricers, hardware, network.fixed(hardware)).total(known)
                if not capped or network.goal.allows(pick.energy, pick.latency):
                    options.append(pick)
        return min(options, key=lambda pick: network.goal.rank(pick.energy, pick.latency), default=None)
