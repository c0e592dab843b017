"""Bounds without a search: lower bounds on the energy and cycles of every chip, and what they say of caps.

A chip whose lower bounds break a cap needs no search. The least of these bounds over the other chips is a lower bound
on every cap that admits a design.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from optimizer.architecture.budgets import UM2_PER_MM2, Limits
from optimizer.architecture.device_plan import DevicePlan
from optimizer.architecture.fabric import RESOURCES, Vector
from optimizer.architecture.hardware import Hardware
from optimizer.problem.budget_text import CHIP
from optimizer.problem.goal import make_goal
from optimizer.search.prepared_problem import PreparedProblem


@dataclass(frozen=True)
class Chip:
    """A hardware point: area (um2), use of a device (empty: none), and lower bounds on its energy units and cycles.

    Bounds that no cap needs are 0. ``breaks`` are the titles of the constraints that it does not keep.
    """

    area_um2: int
    use: Vector
    energy: int
    cycles: int
    breaks: frozenset[str] = frozenset()

    def need(self, name: str) -> Fraction | int:
        """Its use of a budget of the chip: mm2, or a number of resources."""
        return Fraction(self.area_um2, UM2_PER_MM2) if name == "area_mm2" else self.use[RESOURCES.index(name)]


class AtOnce:
    """Chips that hold every layer, and which of them may keep limits.

    Parameters
    ----------
    prepared : PreparedProblem
    points : sequence of Hardware
        The hardware points that hold every layer, whether or not they keep the constraints.
    """

    def __init__(self, prepared: PreparedProblem, points: Sequence[Hardware]) -> None:
        self._point = prepared.points.some
        network, limits = prepared.network_bounds, prepared.architecture.limits
        found: dict[Chip, None] = {}
        cares = limits.energy_mj is not None or limits.power_w is not None
        for point in points:
            energy = network.least_energy(point) if cares else 0
            cycles = network.least_latency(point) if limits.latency_ms is not None else 0
            breaks = frozenset(one.title for one in limits.constraints if not one.holds(point))
            for area, use in uses(prepared.architecture.plan, point):
                found[Chip(area, use, energy, cycles, breaks)] = None
        self.chips = tuple(found)

    @property
    def broken(self) -> set[str]:
        """Titles of constraints that some chip does not keep."""
        return {title for chip in self.chips for title in chip.breaks}

    def needs(self, name: str) -> Sequence[Fraction | int]:
        """All uses of a budget by the chips, in rising order."""
        return sorted({chip.need(name) for chip in self.chips})

    def allowed(self, limits: Limits) -> Iterator[Chip]:
        """Chips whose bounds admit a design within limits."""
        goal = make_goal("energy", limits, self._point)
        titles = {constraint.title for constraint in limits.constraints}
        for chip in self.chips:
            fits = limits.allow(chip.area_um2, chip.use) and titles.isdisjoint(chip.breaks)
            if fits and goal.allows(chip.energy, chip.cycles):
                yield chip

    def excludes(self, limits: Limits) -> bool:
        """Do the bounds prove that there is no design within limits?"""
        return next(self.allowed(limits), None) is None

    def least(self, name: str, relaxed: Limits) -> Fraction | int | None:
        """Lower bound on the use of one budget under all others; None if those exclude all designs.

        In the unit of the budget: mm2, a number of resources, ms, mJ or W.
        """
        allowed = list(self.allowed(relaxed))
        if not allowed:
            return None
        if name in CHIP:
            return min(chip.need(name) for chip in allowed)
        goal = make_goal("energy", relaxed, self._point)
        hertz, joule = self._point.clock_mhz * 10**6, (self._point.energy_unit_pj or Fraction(1)) / 10**12
        if name == "latency_ms":
            return min(math.ceil(goal.stretched(chip.energy, chip.cycles)) for chip in allowed) * 1000 / hertz
        energy = min(chip.energy for chip in allowed) * joule
        if name == "energy_mj":
            return energy * 1000
        return energy * hertz / goal.latency_cap if relaxed.latency_ms is not None else Fraction(0)


def out_of_reach(prepared: PreparedProblem) -> bool:
    """Do the bounds prove, without a search, that no hardware point keeps the caps?"""
    network, limits = prepared.network_bounds, prepared.architecture.limits
    plan = prepared.architecture.plan
    goal = prepared.goal
    if not prepared.points.is_listed:
        corner = prepared.points.corner(prepared.points.whole)
        within = goal.allows(network.least_energy(corner) if goal.capped else 0, network.least_latency(corner))
        return prepared.points.empty or not (within and any(limits.allow(*chip) for chip in uses(plan, corner)))
    for point in prepared.points.points.values():
        cycles = network.least_latency(point)
        fits = goal.allows(0, cycles) and any(limits.allow(*chip) for chip in uses(plan, point))
        if fits and goal.allows(network.least_energy(point) if goal.capped else 0, cycles):
            return False
    return True


def uses(plan: DevicePlan | None, point: Hardware) -> Iterator[tuple[int, Vector]]:
    """Area (um2) of a point, and its use of a device for all kinds of memory."""
    if plan is None:
        yield point.area_um2, ()
    else:
        yield from ((point.area_um2, placement.use) for placement in plan.options(point))
