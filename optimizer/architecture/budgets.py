"""Budgets: limits that a design must keep."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import Any

from optimizer.architecture.constraints import Constraint
from optimizer.architecture.fabric import RESOURCES, Caps, Vector, exceeded
from optimizer.architecture.hardware import Hardware
from optimizer.files.arguments import Checked
from optimizer.files.rules import RULE, Rule

UM2_PER_MM2 = 10**6
_RULE = {
    RULE: Rule(
        "a budget must be an exact positive number",
        'int or Fraction > 0, e.g. Fraction("2.5")',
        lambda limit: limit > 0,
    )
}


@dataclass(frozen=True)
class Budgets(Checked):
    """Limits a design must keep; ``None`` is no limit.

    ``area_mm2`` in mm2, ``dram_gbps`` in 10^9 bytes/s, ``power_w`` in W, ``latency_ms`` in ms,
    ``energy_mj`` in mJ, ``dram_gib`` (capacity of the outermost memory) in GiB.
    """

    area_mm2: Fraction | None = field(default=None, metadata=_RULE)
    dram_gbps: Fraction | None = field(default=None, metadata=_RULE)
    power_w: Fraction | None = field(default=None, metadata=_RULE)
    latency_ms: Fraction | None = field(default=None, metadata=_RULE)
    energy_mj: Fraction | None = field(default=None, metadata=_RULE)
    dram_gib: Fraction | None = field(default=None, metadata=_RULE)

    @property
    def area_um2(self) -> Fraction | None:
        """The area budget in um2, to compare with :attr:`Hardware.area_um2`."""
        return None if self.area_mm2 is None else self.area_mm2 * UM2_PER_MM2


@dataclass(frozen=True)
class Limits(Budgets):
    """Budgets together with limits on the resources of a device, ``None`` is no limit, and constraints on the sizes."""

    dsp: int | None = None
    bram18: int | None = None
    uram: int | None = None
    lut: int | None = None
    lutram: int | None = None
    ff: int | None = None
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        """Budgets were checked where they were made; a device may have nothing of a resource."""

    @property
    def resources(self) -> Caps:
        """The limits of resources in the order of :data:`RESOURCES`."""
        return tuple(getattr(self, name) for name in RESOURCES)

    @property
    def budgets(self) -> Budgets:
        """The budgets alone."""
        return Budgets(**{budget.name: getattr(self, budget.name) for budget in fields(Budgets)})

    def allow(self, area_um2: int, use: Vector) -> bool:
        """Does a chip of this area (um2), or this use of a device (empty: none), keep the limits?"""
        fits = self.area_um2 is None or area_um2 <= self.area_um2
        return fits and exceeded(use, self.resources) is None

    def keeps(self, point: Hardware) -> bool:
        """Does a hardware point keep the constraints?"""
        return all(constraint.holds(point) for constraint in self.constraints)

    def without(self, names: Collection[str]) -> Limits:
        """The same limits but for those of these names; constraints go by their titles."""
        dropped: dict[str, Any] = {limit.name: None for limit in fields(self) if limit.name in names}
        kept = tuple(constraint for constraint in self.constraints if constraint.title not in names)
        return replace(self, **dropped, constraints=kept)

    def looser(self, other: Limits) -> bool:
        """Does it differ from other limits only by looser (or no) limits on area, resources or sizes?"""
        if not set(self.constraints) <= set(other.constraints):
            return False
        names = [limit.name for limit in fields(self) if limit.name != "constraints"]
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in names}
        chip = [pairs.pop(name) for name in ("area_mm2", *RESOURCES)]
        more = all(mine is None or (yours is not None and mine >= yours) for mine, yours in chip)
        return more and all(mine == yours for mine, yours in pairs.values())


def limits_of(budgets: Budgets, resources: Caps | None, constraints: tuple[Constraint, ...] = ()) -> Limits:
    """Budgets with the limits of resources, where there is a device, and with constraints."""
    known: dict[str, Any] = {budget.name: getattr(budgets, budget.name) for budget in fields(Budgets)}
    known |= {} if resources is None else dict(zip(RESOURCES, resources, strict=True))
    return Limits(**known, constraints=constraints)
