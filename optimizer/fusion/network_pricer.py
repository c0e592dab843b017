"""The best groups and plans of a whole network on a hardware point, proved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from formulations.fusion import Candidate, Cover
from optimizer.fusion.plan import Plan
from optimizer.fusion.price_group import GroupPricer, Offer
from optimizer.fusion.runs import Aim
from optimizer.hardware import Hardware
from optimizer.pricing import Price, Pricer
from optimizer.vector_cost import VectorCost
from optimizer.workload import AnyLayer, Network, VectorLayer

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
        """What all runs add to the objective."""
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


class FusedNetwork:
    """Finds the groups of a network.

    Parameters
    ----------
    network : Network
    pricers : mapping of layer name to Pricer
        Of every multiply-accumulate layer by itself.
    groups : list of GroupPricer
    vector_price : callable
        Cost of a vector layer by itself.
    """

    def __init__(
        self, network: Network, pricers: dict[str, Pricer], groups: list[GroupPricer], vector_price: VectorPrice
    ) -> None:
        self._layers = list(network.layers())
        self._pricers, self._groups, self._vector_price = pricers, groups, vector_price
        self._number = {layer.name: n for n, layer in enumerate(self._layers)}
        edges = [(self._number[a], self._number[b]) for a, b in network.graph.edges]
        self._cover = Cover(len(self._layers), edges)
        self._members = [tuple(self._number[name] for name in pricer.group.members) for pricer in groups]

    def best(self, hardware: Hardware, aim: Aim) -> Fused | None:
        """The best cover by groups and layers by themselves; None if some layer does not fit.

        The cover is sought with bounds in the place of groups that are not priced; the groups of the answer are
        priced, and so on until all groups of the answer are.
        """
        singles = [single for layer in self._layers if (single := self._single(layer, hardware, aim)) is not None]
        if len(singles) < len(self._layers):
            return None
        values = [single.value(aim) for single in singles]
        alone = [Candidate((n,), value) for n, value in enumerate(values)]
        offers = [Offer(pricer.bound(hardware, aim)) for pricer in self._groups]
        while True:
            useful = [
                g for g, offer in enumerate(offers) if offer.bound < sum(values[n] for n in self._members[g])
            ]  # fmt: skip
            candidates = alone + [Candidate(self._members[g], offers[g].bound) for g in useful]
            chosen = [useful[n - len(alone)] for n in self._cover.best(candidates) if n >= len(alone)]
            plans = [plan for g in chosen if (plan := offers[g].plan) is not None]
            if len(plans) == len(chosen):
                return self._fused(plans, singles)
            for g in chosen:
                if offers[g].plan is None:
                    offers[g] = self._groups[g].best(hardware, aim, sum(values[n] for n in self._members[g]))

    def _single(self, layer: AnyLayer, hardware: Hardware, aim: Aim) -> Single | None:
        if isinstance(layer, VectorLayer):
            cost = self._vector_price(layer, hardware)
            return Single(layer.name, layer.multiplicity, cost.energy, cost.latency_cycles)
        price = self._pricers[layer.name].price(hardware, aim.objective, weight=aim.weight)
        if price is None:
            return None
        return Single(layer.name, layer.multiplicity, price.energy, price.latency, price)

    def _fused(self, plans: list[Plan], singles: list[Single]) -> Fused:
        inside = {name for plan in plans for name in plan.members}
        alone = tuple(single for single in singles if single.layer not in inside)
        energy = sum(plan.energy for plan in plans) + sum(single.count * single.energy for single in alone)
        latency = sum(plan.latency for plan in plans) + sum(single.count * single.latency for single in alone)
        return Fused(energy, latency, tuple(plans), alone)
