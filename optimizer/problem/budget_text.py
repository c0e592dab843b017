"""Budgets in words: their names in the order in which they are named, units, subjects, and how limits are rounded."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction

from optimizer.architecture.budgets import Limits
from optimizer.architecture.fabric import RESOURCES

CHIP = ("area_mm2", *RESOURCES)
"""Budgets of the chip itself, whatever runs on it."""
CAPS = (*CHIP, "latency_ms", "energy_mj", "power_w")

UNITS = {"area_mm2": "mm2", "latency_ms": "ms", "energy_mj": "mJ", "power_w": "W", **{name: name for name in RESOURCES}}
SUBJECTS = {
    "area_mm2": "the smallest chip",
    "latency_ms": "the fastest design",
    "energy_mj": "the most frugal design",
    "power_w": "the most frugal design",
    **{name: f"the chip with least {name}" for name in RESOURCES},
}
ROUND_UP = Context(prec=6, rounding=ROUND_CEILING)
ROUND_DOWN = Context(prec=6, rounding=ROUND_FLOOR)


def rounded_up(value: Fraction | int) -> Decimal:
    """Round up to six digits, so that the exact value keeps the stated limit."""
    return ROUND_UP.divide(Decimal(value.numerator), Decimal(value.denominator))


def rounded_down(value: Fraction | int) -> Decimal:
    """Round down to six digits, so that the stated bound holds."""
    return ROUND_DOWN.divide(Decimal(value.numerator), Decimal(value.denominator))


def within_text(limits: Limits) -> str:
    """The limits that hold, in a sentence."""
    names = [name for name in CAPS if name not in RESOURCES and getattr(limits, name) is not None]
    names += ["the device"] if any(count is not None for count in limits.resources) else []
    names += ["the constraints"] if limits.constraints else []
    return f" within {', '.join(names)}" if names else ""
