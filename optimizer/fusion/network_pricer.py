"""The optimal groups and plans of a whole network on a hardware point."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

from formulations.networks.cover import Candidate, Cover, NoCoverError
from formulations.stop import Stop, StoppedError
from optimizer.architecture.hardware import Hardware
from optimizer.fusion.group_pricer import GroupPricer, Offer
from optimizer.fusion.plan import Plan
from optimizer.fusion.tile_pricer import Runs
from optimizer.mapping.vector_cost import VectorCost
from optimizer.pricing.layer_pricer import Pricer
from optimizer.pricing.price import Price, StoppedSearch
from optimizer.problem.goal import INFEASIBLE_COST, Aim
from optimizer.workload.layer import AnyLayer, Layer, VectorLayer
from optimizer.workload.least_work import least_work
from optimizer.workload.network import Network

VectorPrice = Callable[[VectorLayer, Hardware], VectorCost]


@dataclass(frozen=True)
class Single:
    """A layer that runs by itself `count` times; the price of a vector layer is None."""

    layer: str
    count: int
    energy: int
    latency: int
    price: Price | None = None

    def value(self, aim: Aim) -> int:
        """Contribution of all runs to the objective."""
        return self.count * aim.value(self.energy, self.latency)


@dataclass(frozen=True)
class Fused:
    """A network's groups: plans of fused groups, and layers that run by themselves.

    Totals are in energy units and cycles of one run of the network.
    """

    energy: int
    latency: int
    plans: tuple[Plan, ...]
    alone: tuple[Single, ...]


@dataclass(frozen=True)
class FusedPrice(Price):
    """Cost of a network on a hardware point, and its groups (None: only a bound)."""

    fused: Fused | None = field(default=None, kw_only=True)

    @property
    def found(self) -> bool:
        """Is it the price of a design, not only a bound?"""
        return self.fused is not None


class NetworkPricer:
    """Finds the groups of a network on hardware points: an exact cover by groups and layers by themselves.

    The cover is solved with lower bounds in place of the prices of groups. The groups of the solution are bounded more
    tightly, then priced, and the cover is solved again, until all groups of the solution are priced: then no other
    cover costs less. A group is dropped if its bound is not below the cost of its layers by themselves, so the cover
    without groups is always allowed. Rules may leave a layer without a mapping by itself; then some group must run it.

    Parameters
    ----------
    network : Network
    pricers : mapping of layer name to Pricer
        Of every multiply-accumulate layer by itself.
    groups : list of GroupPricer
        Made with the same `runs`.
    runs : Runs
    vector_price : callable
        Cost of a vector layer by itself.
    """

    count = 1

    def __init__(
        self,
        network: Network,
        pricers: dict[str, Pricer],
        groups: list[GroupPricer],
        runs: Runs,
        vector_price: VectorPrice,
    ) -> None:
        self.network = network
        self._layers = list(network.layers())
        self._pricers, self._groups, self._runs, self._vector_price = pricers, groups, runs, vector_price
        number = {layer.name: n for n, layer in enumerate(self._layers)}
        self._cover = Cover(len(number), [(number[a], number[b]) for a, b in network.graph.edges])
        self.stopped_search: StoppedSearch | None = None
        self._proved: dict[tuple[Hardware, Aim], FusedPrice] = {}
        self._members = [tuple(number[name] for name in pricer.group.members) for pricer in groups]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run of the network."""
        return self.network.macs

    @property
    def stop(self) -> Stop:
        """Lets another thread stop running searches."""
        return self._runs.stop

    @stop.setter
    def stop(self, stop: Stop) -> None:
        """Pass it on to everything that searches."""
        self._runs.stop = stop
        for pricer in self._pricers.values():
            pricer.stop = stop

    def latency_bound(self, hardware: Hardware) -> int:
        """Lower bound on the network's cycles: its least work on all multipliers, then on all lanes."""
        macs, operations = self._least_work
        return math.ceil(macs / hardware.macs_per_cycle) + math.ceil(operations / hardware.vector_lanes)

    @cached_property
    def _least_work(self) -> tuple[Fraction, Fraction]:
        return least_work(self.network)

    def energy_bound(self, hardware: Hardware) -> int:
        """0: there is no bound without a search."""
        return 0

    def floor(self, hardware: Hardware, objective: str) -> int:
        """0: nothing is kept of other hardware."""
        return 0

    def price(
        self,
        hardware: Hardware,
        objective: str = "energy",
        *,
        weight: int = 0,
        cap: int = INFEASIBLE_COST,
        cutoff: int = INFEASIBLE_COST,
    ) -> FusedPrice | None:
        """The best cover, or a lower bound once it is proved that none is below `cutoff`; None if there is no cover, as
        some layer fits neither by itself nor in a group.

        Raises
        ------
        ValueError
            If latency is capped: energies of covers under a cap are not sums of optima.
        """
        if cap < INFEASIBLE_COST:
            raise ValueError("no cap on the latency of fused networks")
        aim = Aim(objective, weight)
        if (hardware, aim) in self._proved:
            return self._proved[hardware, aim]
        unlike = dict.fromkeys(self._pricers.values())
        self._runs.side_by_side(lambda pricer: pricer.price(hardware, objective, weight=weight), unlike)
        singles = [self._single(layer, hardware, aim) for layer in self._layers]
        offers = [Offer(pricer.bound(hardware, aim)) for pricer in self._groups]
        rough = set(range(len(offers)))
        value = 0
        try:
            while True:
                cover = self._best_cover(singles, offers, aim)
                if cover is None:
                    return None
                chosen, value = cover
                if value >= cutoff:
                    return FusedPrice(value)
                if all(offers[g].plan is not None for g in chosen):
                    self._proved[hardware, aim] = self._design(chosen, offers, singles, aim)
                    return self._proved[hardware, aim]
                self._improve(chosen, rough, offers, singles, hardware, aim)
        except StoppedError:
            priced = [offer if offer.plan is not None else Offer(INFEASIBLE_COST) for offer in offers]
            known = self._best_cover(singles, priced, aim)
            design = None if known is None else self._design(known[0], priced, singles, aim)
            self.stopped_search = StoppedSearch(hardware, objective, weight, design, value)
            raise

    def _improve(
        self,
        chosen: list[int],
        rough: set[int],
        offers: list[Offer],
        singles: list[Single | None],
        hardware: Hardware,
        aim: Aim,
    ) -> None:
        """Tighten the bounds of the groups of a cover, and price the groups whose bounds are tightest already."""
        self._prepare([g for g in chosen if g in rough], hardware, aim)
        for g in chosen:
            alone = _value([singles[n] for n in self._members[g]], aim)
            if g in rough:
                rough.remove(g)
                offers[g] = Offer(self._groups[g].tight_bound(hardware, aim, alone))
            elif offers[g].plan is None:
                self.stop.check()
                offers[g] = self._groups[g].best(hardware, aim, alone)

    @staticmethod
    def _design(chosen: list[int], offers: list[Offer], singles: list[Single | None], aim: Aim) -> FusedPrice:
        """The price of a cover whose groups are priced."""
        plans = [plan for g in chosen if (plan := offers[g].plan) is not None]
        fused = joined(plans, [single for single in singles if single is not None])
        return FusedPrice(aim.value(fused.energy, fused.latency), fused.energy, fused.latency, fused=fused)

    def _prepare(self, rough: list[int], hardware: Hardware, aim: Aim) -> None:
        """Compute, in parallel, the prices on which tighter bounds of groups rest."""
        layers = (self._groups[g].group.layer(name) for g in rough for name in self._groups[g].group.members)
        unlike = {layer.shape_key(): layer for layer in layers if isinstance(layer, Layer)}
        self._runs.side_by_side(lambda layer: self._runs.best_pinned(layer, hardware, aim, {}), unlike.values())

    def settled(self, hardware: Hardware, price: FusedPrice, stop: Stop) -> FusedPrice:
        """The price of an optimum with mappings that depend on nothing but their problems."""
        assert price.fused is not None
        layers = {layer.name: layer for layer in self.network.mac_layers()}
        plans = tuple(
            replace(plan, runs=tuple(self._runs.settled(layers[r.shape.layer], hardware, r, stop) for r in plan.runs))
            for plan in price.fused.plans
        )
        alone = tuple(
            single
            if single.price is None
            else replace(single, price=self._pricers[single.layer].settled(hardware, single.price, stop))
            for single in price.fused.alone
        )
        found: FusedPrice = replace(price, fused=replace(price.fused, plans=plans, alone=alone))
        return found

    def singles(self, hardware: Hardware, aim: Aim) -> list[Single] | None:
        """Every layer by itself, in the network's order; None if some layer does not fit."""
        found = [single for layer in self._layers if (single := self._single(layer, hardware, aim)) is not None]
        return found if len(found) == len(self._layers) else None

    def _best_cover(self, singles: list[Single | None], offers: list[Offer], aim: Aim) -> tuple[list[int], int] | None:
        """Groups of the cheapest cover under the current bounds and prices, and its value; None without a cover."""
        candidates = [Candidate((n,), single.value(aim)) for n, single in enumerate(singles) if single is not None]
        alone = len(candidates)
        useful = [
            g for g, offer in enumerate(offers) if offer.bound < _value([singles[n] for n in self._members[g]], aim)
        ]
        candidates += [Candidate(self._members[g], offers[g].bound) for g in useful]
        try:
            chosen = self._cover.best(candidates)
        except NoCoverError:
            return None
        groups = [useful[n - alone] for n in chosen if n >= alone]
        return groups, sum(candidates[n].value for n in chosen)

    def _single(self, layer: AnyLayer, hardware: Hardware, aim: Aim) -> Single | None:
        if isinstance(layer, VectorLayer):
            cost = self._vector_price(layer, hardware)
            return Single(layer.name, layer.multiplicity, cost.energy, cost.latency_cycles)
        price = self._pricers[layer.name].price(hardware, aim.objective, weight=aim.weight)
        if price is None:
            return None
        return Single(layer.name, layer.multiplicity, price.energy, price.latency, price)


def _value(singles: list[Single | None], aim: Aim) -> int:
    """Objective of layers by themselves; INFEASIBLE_COST if one has no mapping by itself."""
    found = [single.value(aim) for single in singles if single is not None]
    return sum(found) if len(found) == len(singles) else INFEASIBLE_COST


def joined(plans: list[Plan], singles: list[Single]) -> Fused:
    """Groups together with the layers that are in none of them."""
    inside = {name for plan in plans for name in plan.members}
    alone = tuple(single for single in singles if single.layer not in inside)
    energy = sum(plan.energy for plan in plans) + sum(single.count * single.energy for single in alone)
    latency = sum(plan.latency for plan in plans) + sum(single.count * single.latency for single in alone)
    return Fused(energy, latency, tuple(plans), alone)
