"""Budgets: limits that a design must keep."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction

from optimizer.errors import SpecError

UM2_PER_MM2 = 10**6


@dataclass(frozen=True)
class Budgets:
    """Limits a design must keep; ``None`` is no limit.

    ``area_mm2`` in mm2, ``dram_gbps`` in 10^9 bytes/s, ``power_w`` in W, ``latency_ms`` in ms,
    ``energy_mj`` in mJ.
    """

    area_mm2: Fraction | None = None
    dram_gbps: Fraction | None = None
    power_w: Fraction | None = None
    latency_ms: Fraction | None = None
    energy_mj: Fraction | None = None

    def __post_init__(self) -> None:
        for budget in fields(self):
            value = getattr(self, budget.name)
            if isinstance(value, float) or (value is not None and value <= 0):
                raise SpecError(
                    "a budget must be an exact positive number", field=f"budgets.{budget.name}", value=value,
                    allowed="int or Fraction > 0", remedy='use e.g. Fraction("2.5")',
                )  # fmt: skip

    @property
    def area_um2(self) -> Fraction | None:
        """The area budget in um2, to compare with :attr:`Hardware.area_um2`."""
        return None if self.area_mm2 is None else self.area_mm2 * UM2_PER_MM2
