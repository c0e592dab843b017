"""The objective and its caps, in the integer units of the searches."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from formulations.problem import UNLIMITED
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError

INFEASIBLE_COST = UNLIMITED


@dataclass(frozen=True)
class Goal:
    """The objective and its caps, in energy units and cycles.

    ``power`` is a cap in energy units per cycle: a design that needs more idles until it is met, so its latency
    is ``max(latency, energy / power)``.
    """

    objective: str
    latency_cap: int = INFEASIBLE_COST
    energy_cap: int = INFEASIBLE_COST
    power_cap: Fraction | None = None

    @property
    def capped(self) -> bool:
        """Is any cap set?"""
        return self.latency_cap < INFEASIBLE_COST or self.energy_cap < INFEASIBLE_COST or self.power_cap is not None

    def stretched(self, energy: Fraction | int, latency: Fraction | int) -> Fraction:
        """Latency, including the idle cycles needed to keep the power cap."""
        return max(Fraction(latency), Fraction(energy) / self.power_cap) if self.power_cap else Fraction(latency)

    def value(self, energy: Fraction | int, latency: Fraction | int) -> Fraction:
        """The objective; quasi-concave and rising in both arguments."""
        if self.objective == "energy":
            return Fraction(energy)
        cycles = self.stretched(energy, latency)
        return cycles if self.objective == "latency" else Fraction(energy) * cycles

    def allows(self, energy: Fraction | int, latency: Fraction | int) -> bool:
        """Are the caps kept?"""
        within = self.energy_cap >= INFEASIBLE_COST or energy <= self.energy_cap
        return within and (self.latency_cap >= INFEASIBLE_COST or self.stretched(energy, latency) <= self.latency_cap)

    def rank(self, energy: int, latency: int) -> tuple[Fraction, Fraction, int]:
        """Lexicographic order of designs: objective, then latency, then energy."""
        return self.value(energy, latency), self.stretched(energy, latency), energy


@dataclass(frozen=True)
class Aim:
    """What a run minimizes: energy plus `weight` energy units per cycle, or latency."""

    objective: str = "energy"
    weight: int = 0

    def value(self, energy: int, latency: int) -> int:
        """The objective."""
        return latency if self.objective == "latency" else energy + self.weight * latency


def make_goal(objective: str, budgets: Budgets, hardware: Hardware) -> Goal:
    """The objective with its caps in energy units and cycles.

    Raises
    ------
    SpecError
        On energy or power budgets where energies are normalized.
    """
    hertz = hardware.clock_mhz * 10**6
    latency = INFEASIBLE_COST if budgets.latency_ms is None else int(budgets.latency_ms * hertz / 1000)
    unit = hardware.energy_unit_pj
    for name in ("energy_mj", "power_w"):
        limit = getattr(budgets, name)
        if limit is not None and unit is None:
            raise SpecError(
                "this technology has normalized energies, without a unit",
                field=f"budgets.{name}",
                value=int(limit) if limit.denominator == 1 else limit,
                allowed="budgets of area, off-chip bandwidth and latency",
                remedy="choose an architecture whose technology is in pJ, or drop the budget",
            )
    energy = INFEASIBLE_COST if budgets.energy_mj is None or unit is None else int(budgets.energy_mj * 10**9 / unit)
    power = None if budgets.power_w is None or unit is None else Fraction(budgets.power_w) * 10**12 / hertz / unit
    return Goal(objective, min(latency, INFEASIBLE_COST), min(energy, INFEASIBLE_COST), power)
