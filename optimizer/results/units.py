"""Numbers as people read them: engineering prefixes, sizes, percentages."""

from __future__ import annotations

from collections.abc import Mapping

NORMALIZED = "MAC energies"
_PREFIXES = (("J", 1e12), ("mJ", 1e9), ("uJ", 1e6), ("nJ", 1e3), ("pJ", 1.0))
NOTHING = "-"


def energy_unit(stated: str | None) -> str:
    """The unit of every energy in a result, ``pJ`` or the normalized one, from the unit of its objective."""
    return NORMALIZED if NORMALIZED in (stated or "") else "pJ"


def number_text(value: float | None, digits: int = 4) -> str:
    """A number with thousands separators; `digits` significant digits where it is not whole."""
    if value is None:
        return NOTHING
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.{digits}g}"


def energy_text(value: float | None, unit: str = "pJ") -> str:
    """An energy with its unit; picojoules get the prefix that keeps the number short."""
    if value is None:
        return NOTHING
    if unit != "pJ":
        return f"{number_text(value)} {unit}"
    name, scale = next((pair for pair in _PREFIXES if abs(value) >= pair[1]), _PREFIXES[-1])
    return f"{value / scale:.4g} {name}"


def percent_text(share: float | None) -> str:
    """A share as a percentage."""
    return NOTHING if share is None else f"{100 * share:.1f} %"


def ratio_text(value: float | None, bound: float | None) -> str:
    """How many times a value is its lower bound."""
    return NOTHING if value is None or not bound else f"{value / bound:.3g}x"


def dims_text(dims: Mapping[str, int] | None) -> str:
    """Extents as ``K=64 C=3``."""
    return " ".join(f"{dim}={extent}" for dim, extent in (dims or {}).items())
