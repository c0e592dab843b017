"""Disagreement between two parts of Tilewright about one number: the design is kept, no bound is trusted.

The search prices a mapping; the cost model, and with fusion the walk of a group, count it again from the loop nest.
Where they differ, the design takes the recounted numbers and the status FEASIBLE. The bound becomes one that needs no
search: compulsory cycles, energies of zero.
"""

from __future__ import annotations

import math
from dataclasses import replace

from optimizer.architecture.hardware import Hardware
from optimizer.errors import InternalDisagreementError, SpecError
from optimizer.fusion.network_pricer import FusedPrice, Single, joined
from optimizer.fusion.plan import Plan
from optimizer.mapping.cost import evaluate
from optimizer.mapping.legality import PlacedItem, check_mapping
from optimizer.mapping.mapping import Mapping
from optimizer.pricing.lowering import lift, lower
from optimizer.pricing.price import Price
from optimizer.problem.disagreement import disagreement
from optimizer.results.group_entry import differs, priced_again, state_group
from optimizer.search.branch_and_bound import Explorer
from optimizer.search.exploration import Exploration
from optimizer.search.incumbents import Best, Incumbent
from optimizer.search.point_solver import Pick
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.workload.layer import Layer


class _IllegalError(Exception):
    """The design is illegal."""


def reconciled(prepared: PreparedProblem, state: Exploration) -> Exploration:
    """The exploration if all parts agree on its best design; else with recounted numbers, and nothing proved."""
    if state.found is None or not state.found.picks[0].prices:
        return state
    checker = _Checker(prepared, state.found.point)
    try:
        designs = [checker.found(state.found)]
    except _IllegalError:
        designs = []
    if not checker.faults:
        return state
    incumbents = Best()
    for found in designs:
        if prepared.goal.allows(found.picks[0].energy, found.picks[0].latency):
            incumbents.offer(found)
    return distrusted(prepared, replace(state, incumbents=incumbents), *map(disagreement, checker.faults))


def distrusted(prepared: PreparedProblem, state: Exploration, *errors: InternalDisagreementError) -> Exploration:
    """The exploration with these errors noted, and nothing proved."""
    found = replace(state, disagreements=(*state.disagreements, *map(str, errors)))
    Explorer([prepared.network_bounds], prepared.points, prepared.area_cap_um2, limits=prepared.resource_caps).distrust(
        found
    )
    return found


class _Checker:
    """Counts a design again; differences are in ``faults``."""

    def __init__(self, prepared: PreparedProblem, hardware: Hardware) -> None:
        self._prepared, self._hardware = prepared, hardware
        self.faults: list[str] = []

    def found(self, found: Incumbent) -> Incumbent:
        """The design with the numbers counted again."""
        pick = self._fused(found) if self._prepared.fused is not None else self._alone(found)
        goal = self._prepared.goal
        value, cycles = goal.value(pick.energy, pick.latency), goal.stretched(pick.energy, pick.latency)
        return replace(found, value=value, picks=(pick,), rank=(value, (cycles,), (pick.energy,), found.box))

    def _alone(self, found: Incumbent) -> Pick:
        pairs = list(zip(self._prepared.pricers, found.picks[0].prices, strict=True))
        prices = tuple(self._price(pricer.layer, price) for pricer, price in pairs)
        energy, latency = self._prepared.vector_cost(self._hardware)
        counts = [pricer.count for pricer, _ in pairs]
        energy += sum(count * price.energy for count, price in zip(counts, prices, strict=True))
        latency += sum(count * price.latency for count, price in zip(counts, prices, strict=True))
        return Pick(energy, latency, prices)

    def _price(self, layer: Layer, price: Price) -> Price:
        assert price.solution is not None
        extents = dict(price.extents)
        problem = lower(layer, self._hardware, accounting=self._prepared.accounting, extents=extents)
        mapping = lift(layer, problem, price.solution, extents=extents)
        self._check(layer, mapping)
        cost = evaluate(layer, self._hardware, mapping, accounting=self._prepared.accounting)
        units = cost.latency_cycles * problem.latency_unit
        if cost.energy == price.energy and units == price.solution.latency:
            return price
        self.faults.append(
            f"on layer {layer.name} the search says energy {price.energy}, latency {price.solution.latency}; the cost "
            f"model says {cost.energy}, {units}"
        )
        solution = replace(price.solution, energy=cost.energy, latency=math.ceil(units))
        return replace(price, energy=cost.energy, latency=math.ceil(cost.latency_cycles), solution=solution)

    def _check(self, layer: Layer, mapping: Mapping) -> None:
        """Is the loop nest one that `evaluate` accepts?"""
        placed = [PlacedItem(item, f"mapping[{number}]") for number, item in enumerate(mapping.items)]
        try:
            check_mapping(placed, layer, self._hardware)
        except SpecError as error:
            self.faults.append(f"on layer {layer.name} the search found a loop nest that is not legal: {error}")
            raise _IllegalError from error

    def _fused(self, found: Incumbent) -> Pick:
        (price,) = found.picks[0].prices
        assert isinstance(price, FusedPrice) and price.fused is not None
        plans, layers = [self._plan(plan) for plan in price.fused.plans], self._prepared.network.graph.nodes
        alone = [self._single(layers[single.layer]["layer"], single) for single in price.fused.alone]
        fused = joined(plans, alone)
        again = replace(price, energy=fused.energy, latency=fused.latency, fused=fused)
        return Pick(fused.energy, fused.latency, (again,))

    def _single(self, layer: Layer, single: Single) -> Single:
        if single.price is None:
            return single
        price = self._price(layer, single.price)
        return replace(single, energy=price.energy, latency=price.latency, price=price)

    def _plan(self, plan: Plan) -> Plan:
        network, accounting, runs = self._prepared.network, self._prepared.accounting, []
        for run in plan.runs:
            price, fault = priced_again(network.graph.nodes[run.shape.layer]["layer"], run, self._hardware, accounting)
            self.faults += [] if fault is None else [fault]
            runs.append(replace(run, price=price))
        plan = replace(plan, runs=tuple(runs))
        _, walked = state_group(network, plan, self._hardware, accounting)
        if (walked.energy, walked.latency) != (plan.energy, plan.latency) or walked.violations:
            self.faults.append(differs(plan, walked))
        if walked.violations:
            raise _IllegalError
        return replace(plan, energy=walked.energy, latency=walked.latency)
