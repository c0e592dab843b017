"""One network of an exploration: its bounds and its best design on one hardware point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from fractions import Fraction

from optimizer.architecture.hardware import Hardware
from optimizer.pricing.price import Prices
from optimizer.problem.goal import INFEASIBLE_COST, Goal
from optimizer.search.point_solver import Pick, Site

VectorCost = Callable[[Hardware], tuple[int, int]]


@dataclass(frozen=True)
class NetworkBounds:
    """A network with its pricers, its objective and its caps, on the points of one architecture.

    ``vector_cost`` gives energy units and cycles of the vector layers on a hardware point.
    """

    pricers: Sequence[Prices]
    goal: Goal
    vector_cost: VectorCost
    _fixed: dict[object, tuple[int, int]] = field(default_factory=dict, repr=False, compare=False)
    _layer_bounds: dict[object, tuple[int, ...]] = field(default_factory=dict, repr=False, compare=False)
    _energies: dict[object, tuple[int, ...]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def seeks_latency_alone(self) -> bool:
        """Does energy not matter at all?"""
        return self.goal.objective == "latency" and not self.goal.capped

    def corner_bounds(
        self, hardware: Hardware, energy: Sequence[int], latency: Sequence[int], pool: Executor | None = None
    ) -> CornerBounds:
        """The network on a hardware point, from layer bounds proved before."""
        return CornerBounds(self, Site(self.pricers, hardware, self.fixed(hardware), pool), energy, latency)

    def fixed(self, hardware: Hardware) -> tuple[int, int]:
        """Energy units and cycles of the vector layers; they depend on the lanes and the outermost level only."""
        key = hardware.levels[0], hardware.vector_lanes, hardware.vector_energy
        if key not in self._fixed:
            self._fixed[key] = self.vector_cost(hardware)
        return self._fixed[key]

    def latency_bounds(self, hardware: Hardware) -> tuple[int, ...]:
        """Lower bound on the cycles of one run, by pricer: it depends on meshes, lanes and bandwidths."""
        timing = (
            (level.mesh, level.read_bits_per_cycle, level.write_bits_per_cycle, level.shared_bits_per_cycle)
            for level in hardware.levels
        )
        key = hardware.mac_mesh, hardware.vector_lanes, *timing
        if key not in self._layer_bounds:
            self._layer_bounds[key] = tuple(pricer.latency_bound(hardware) for pricer in self.pricers)
        return self._layer_bounds[key]

    def least_energy(self, hardware: Hardware) -> int:
        """Lower bound on the network's energy units, without a search."""
        layer_bounds = zip(self.pricers, self.energy_bounds(hardware), strict=True)
        return self.fixed(hardware)[0] + sum(pricer.count * lower_bound for pricer, lower_bound in layer_bounds)

    def least_latency(self, hardware: Hardware) -> int:
        """Lower bound on the network's cycles, without a search."""
        layer_bounds = zip(self.pricers, self.latency_bounds(hardware), strict=True)
        return self.fixed(hardware)[1] + sum(pricer.count * lower_bound for pricer, lower_bound in layer_bounds)

    def energy_bounds(self, hardware: Hardware) -> tuple[int, ...]:
        """Lower bound on the energy units of one run, by pricer; zeros if energy does not matter."""
        if self.seeks_latency_alone:
            return (0,) * len(self.pricers)
        costs = (
            (level.mesh, level.size_bits, level.read_energy, level.fill_energy, level.update_energy)
            for level in hardware.levels
        )
        key = hardware.mac_mesh, hardware.mac_energy, *costs
        if key not in self._energies:
            self._energies[key] = tuple(pricer.energy_bound(hardware) for pricer in self.pricers)
        return self._energies[key]


class CornerBounds:
    """Bounds of a network on one hardware point (or optimistic corner), tightened step by step.

    ``energy`` and ``latency`` are lower bounds per pricer (energy units and cycles of one run; INFEASIBLE_COST: it does
    not fit). ``pick`` is the optimum that :meth:`tighten` found, None before.
    """

    def __init__(self, network: NetworkBounds, site: Site, energy: Sequence[int], latency: Sequence[int]) -> None:
        self._network, self.goal, self.site = network, network.goal, site
        self.energy = list(map(max, energy, network.energy_bounds(site.hardware)))
        self.latency = list(map(max, latency, network.latency_bounds(site.hardware)))
        self.pick: Pick | None = None

    @property
    def least_energy(self) -> int:
        """Lower bound on energy units."""
        return self._sum(self.site.fixed[0], self.energy)

    @property
    def least_latency(self) -> int:
        """Lower bound on cycles."""
        return self._sum(self.site.fixed[1], self.latency)

    @property
    def bound(self) -> Fraction:
        """Lower bound on the objective."""
        return self.goal.value(self.least_energy, self.least_latency)

    @property
    def fits(self) -> bool:
        """Do the bounds admit a design?"""
        unfit = INFEASIBLE_COST in self.energy or INFEASIBLE_COST in self.latency
        return not unfit and self.goal.allows(self.least_energy, self.least_latency)

    def tighten(self, limit: Fraction | None) -> None:
        """Find the least energy (or latency, if only it counts); stop once `limit` is proved to be exceeded."""
        if self._network.seeks_latency_alone:
            most = INFEASIBLE_COST if limit is None else min(int(limit) + 1, INFEASIBLE_COST)
            self.pick, self.latency = self.site.sum_within("latency", self.latency, most)
        else:
            self.pick, self.energy = self.site.sum_within("energy", self.energy, self._most_energy(limit))

    def solve(self, limit: Fraction | None) -> tuple[Pick | None, Fraction]:
        """The best design, and a lower bound on all designs; designs above `limit` are ignored.

        Needs a `pick`. The design is None if none keeps the caps.
        """
        goal, cheapest = self.goal, self.pick
        assert cheapest is not None
        candidates, proved = [cheapest], goal.value(cheapest.energy, cheapest.latency)
        if goal.objective == "edp" and not goal.capped:
            candidates, _, proved = self.site.hull(goal, cheapest, limit)
        elif goal.capped and not (goal.objective == "energy" and goal.allows(cheapest.energy, cheapest.latency)):
            found = self.site.within_caps(goal)
            if found is None:
                return None, self.bound
            candidates, proved = [found], goal.value(found.energy, found.latency)
        allowed = [pick for pick in candidates if goal.allows(pick.energy, pick.latency)]
        return min(allowed, key=lambda pick: goal.rank(pick.energy, pick.latency), default=None), proved

    def _most_energy(self, value: Fraction | None) -> int:
        """Least energy of designs that exceed `value`."""
        if value is None:
            return min(self.goal.energy_cap + 1, INFEASIBLE_COST)
        if self.goal.objective == "energy":
            return min(int(value) + 1, INFEASIBLE_COST)
        if self.goal.objective == "edp":
            return min(int(value / max(1, self.least_latency)) + 1, INFEASIBLE_COST)
        return INFEASIBLE_COST

    def _sum(self, fixed: int, layer_bounds: list[int]) -> int:
        return fixed + sum(
            p.count * lower_bound for p, lower_bound in zip(self.site.pricers, layer_bounds, strict=True)
        )
