"""Why no design exists: the smallest set of budgets to blame, and the least relaxation of each."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from optimizer.budgets import Budgets
from optimizer.explore import Exploration
from optimizer.session import Session

Solve = Callable[[Budgets, str], Exploration]
CAPS = ("area_mm2", "latency_ms", "energy_mj", "power_w")


@dataclass(frozen=True)
class _Need:
    """Least limit of one budget that makes a design possible, given the others."""

    least: Fraction
    text: str


def explain(session: Session, solve: Solve) -> dict[str, Any]:
    """Blame and relaxations; `solve` explores the same problem under other budgets and objective."""
    homeless = _homeless(session)
    if homeless is not None:
        return homeless
    budgets = session.architecture.budgets
    active = [name for name in CAPS if getattr(budgets, name) is not None]
    blamed = _smallest(active, budgets, solve)
    relaxations = []
    for name in blamed:
        need = _least(name, session, budgets, solve)
        if need is not None:
            limit = getattr(budgets, name)
            relaxations.append({"budget": name, "limit": float(limit), "least": float(need.least), "text": need.text})
    return {"budgets": blamed, "relaxations": relaxations}


def _only(budgets: Budgets, names: tuple[str, ...]) -> Budgets:
    return replace(budgets, **{name: None for name in CAPS if name not in names})


def _smallest(active: list[str], budgets: Budgets, solve: Solve) -> list[str]:
    for count in range(1, len(active) + 1):
        for names in itertools.combinations(active, count):
            if count == len(active) or solve(_only(budgets, names), "energy").best is None:
                return list(names)
    return active


def _least(name: str, session: Session, budgets: Budgets, solve: Solve) -> _Need | None:
    relaxed = replace(budgets, **{name: None})
    if name == "area_mm2":
        return _least_area(session, budgets, solve)
    objective = "latency" if name == "latency_ms" else "energy"
    state = solve(relaxed, objective)
    if state.best is None or state.best_point is None:
        return None
    point = state.best_point
    if name == "latency_ms":
        value = state.goal.stretched(state.best.energy, state.best.latency) * 1000 / (point.clock_mhz * 10**6)
        return _Need(value, f"the fastest design needs {float(value):.6g} ms")
    unit = point.energy_unit_pj or Fraction(1)
    if name == "energy_mj":
        value = state.best.energy * unit / 10**9
        return _Need(value, f"the most frugal design needs {float(value):.6g} mJ")
    cap = budgets.latency_ms
    if cap is None:
        return None
    value = state.best.energy * unit / 10**12 / (cap / 1000)
    return _Need(value, f"the most frugal design within the latency needs {float(value):.6g} W")


def _least_area(session: Session, budgets: Budgets, solve: Solve) -> _Need | None:
    """Smallest area at which a design exists: bisection over the areas of the menu points."""
    areas = sorted({point.area_um2 for point in session.points.points.values()})
    low, high = 0, len(areas) - 1
    if solve(replace(budgets, area_mm2=None), "energy").best is None:
        return None
    while low < high:
        middle = (low + high) // 2
        if solve(replace(budgets, area_mm2=Fraction(areas[middle], 10**6)), "energy").best is None:
            low = middle + 1
        else:
            high = middle
    value = Fraction(areas[low], 10**6)
    return _Need(value, f"the smallest chip of the menus that can do it has {float(value):.6g} mm2")


def _homeless(session: Session) -> dict[str, Any] | None:
    """A layer that no point of the menus can hold: the level to blame and what it needs."""
    corner = session.points.corner(session.points.whole)
    for pricer in session.pricers:
        if pricer.price(corner) is not None:
            continue
        found = []
        for level in corner.levels[1:]:
            need = sum(o.bits for o in pricer.layer.operands if o.role in level.must_keep) * level.buffering
            if level.size_bits is not None and need > level.size_bits:
                text = (
                    f"{level.name} needs {_bits(need)} for layer {pricer.layer.name}, "
                    f"the largest in the menu is {_bits(level.size_bits)}"
                )
                found.append({"budget": f"{level.name}.size", "limit": level.size_bits, "least": need, "text": text})
        return {"budgets": [f["budget"] for f in found], "relaxations": found, "layer": pricer.layer.name}
    return None


def _bits(bits: int) -> str:
    for unit, size in (("MiB", 8 << 20), ("KiB", 8 << 10), ("B", 8)):
        if bits >= size:
            return f"{bits / size:.4g} {unit}"
    return f"{bits} bit"
