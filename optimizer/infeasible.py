"""Why no design exists: the smallest set of budgets to blame, and the least relaxation of each.

A layer that does not fit into the memories is found by counting words: with all loops outermost, a level holds one
word of every tensor that it must keep, and no mapping needs less. Without a cap on latency or energy, a point that
holds every layer is a design. On a device the kinds of memory are part of the question: a point fits if any combination
of kinds does. With caps, the fastest and the most frugal design settle most questions; both are
optima without caps, which are cheaper to find than designs under caps, and each is looked for once.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from typing import Any

from optimizer.budgets import UM2_PER_MM2, Limits
from optimizer.design import Goal, Pick
from optimizer.device_plan import DevicePlan
from optimizer.explore import Exploration
from optimizer.fabric import RESOURCES, Vector
from optimizer.hardware import Hardware, Level
from optimizer.pricing import NEVER
from optimizer.report_units import size_text
from optimizer.session import Session, make_goal
from optimizer.workload import Layer

Solve = Callable[[Limits, str, str], Exploration]
"""Explores the same problem under other limits and objective; the text says what for."""
CHIP = ("area_mm2", *RESOURCES)
CAPS = (*CHIP, "latency_ms", "energy_mj", "power_w")
UNITS = {"area_mm2": "mm2", "latency_ms": "ms", "energy_mj": "mJ", "power_w": "W", **{name: name for name in RESOURCES}}
SUBJECTS = {
    "area_mm2": "the smallest chip", "latency_ms": "the fastest design", "energy_mj": "the most frugal design",
    "power_w": "the most frugal design", **{name: f"the chip with least {name}" for name in RESOURCES},
}  # fmt: skip
ROUND_UP = Context(prec=6, rounding=ROUND_CEILING)


class _StoppedError(Exception):
    """Time is over, or Ctrl-C."""


def explain(session: Session, solve: Solve) -> dict[str, Any]:
    """What stands under ``infeasible`` in a result: ``budgets``, ``relaxations``, ``complete``, maybe ``layer``.

    Where the time does not suffice, all budgets are blamed, or relaxations are missing, and ``complete`` is false.
    """
    return _too_small(session) or _Inquiry(session, solve).outcome()


class _Inquiry:
    """Questions about other budgets; every answer is kept."""

    def __init__(self, session: Session, solve: Solve) -> None:
        self._solve = solve
        self._limits = session.architecture.limits
        self._point = next(iter(session.points.points.values()))
        self._plan = session.architecture.plan
        self._chips = _chips(session)
        self._least_cycles = _least_cycles(session)
        self._known: dict[tuple[Limits, str], Exploration] = {}

    def outcome(self) -> dict[str, Any]:
        active = [name for name in CAPS if self._binds(name)]
        found: dict[str, Any] = {"budgets": active, "relaxations": [], "complete": False}
        with contextlib.suppress(_StoppedError, KeyboardInterrupt):
            found["budgets"] = self._smallest(active)
            for name in found["budgets"]:
                found["relaxations"] += self._relaxation(name)
            found["complete"] = True
        return found

    def _binds(self, name: str) -> bool:
        """Is it a budget, and of a device's resources one that some chip exceeds?"""
        limit = getattr(self._limits, name)
        return limit is not None and (name not in RESOURCES or any(_need(name, chip) > limit for chip in self._chips))

    def _smallest(self, active: list[str]) -> list[str]:
        """Fewest budgets that already exclude every design."""
        for count in range(1, len(active)):
            for names in itertools.combinations(active, count):
                others = {name: None for name in CAPS if name not in names}
                if not self._possible(replace(self._limits, **others)):
                    return list(names)
        return active

    def _relaxation(self, name: str) -> Iterator[dict[str, Any]]:
        """The least limit of one budget that lets a design through, the other budgets as they are."""
        relaxed = replace(self._limits, **{name: None})
        if not self._possible(relaxed):
            return
        value = self._least_chip(name) if name in CHIP else self._least(name, relaxed)
        least = Decimal(int(value)) if name in RESOURCES else rounded_up(value)
        text = f"{SUBJECTS[name]}{within_text(relaxed)} needs {least.normalize():f} {UNITS[name]}"
        limit = getattr(self._limits, name)
        yield {"budget": name, "limit": float(limit), "least": float(least), "text": text}

    def _least_chip(self, name: str) -> Fraction | int:
        """Bisection over the areas, or uses of a resource, of the chips that hold all layers."""
        needs = sorted({_need(name, chip) for chip in self._chips})
        low, high = 0, len(needs) - 1
        while low < high:
            middle = (low + high) // 2
            tried: dict[str, Any] = {name: needs[middle]}
            if self._possible(replace(self._limits, **tried)):
                high = middle
            else:
                low = middle + 1
        return needs[low]

    def _least(self, name: str, relaxed: Limits) -> Fraction:
        """The least latency, energy or power that a design within the other budgets needs."""
        state = self._explored(relaxed, "latency" if name == "latency_ms" else "energy")
        assert state.best is not None
        energy, hertz = state.best.energy, self._point.clock_mhz * 10**6
        if name == "latency_ms":
            return math.ceil(state.goal.stretched(energy, state.best.latency)) * 1000 / hertz
        energy_pj = energy * (self._point.energy_unit_pj or Fraction(1))
        return energy_pj / 10**9 if name == "energy_mj" else energy_pj / 10**12 * hertz / state.goal.latency_cap

    def _possible(self, limits: Limits) -> bool:
        """Is there a design within these limits?"""
        if not any(limits.allow(*chip) for chip in self._chips):
            return False
        goal = make_goal("energy", limits, self._point)
        fast, frugal = goal.latency_cap < NEVER, goal.energy_cap < NEVER
        if not fast and not frugal:
            return True  # a cap on power alone only makes a design idle
        if not goal.allows(0, self._least_cycles):
            return False
        if any(_keeps(goal, limits, state) for state in self._known.values()):
            return True
        uncapped = replace(limits, latency_ms=None, energy_mj=None, power_w=None)
        if fast:
            best = self._best(uncapped, "latency")
            if goal.allows(best.energy, best.latency) or not goal.allows(0, best.latency):
                return goal.allows(best.energy, best.latency)
        if frugal or goal.power_cap is not None:
            best = self._best(uncapped, "energy")
            if goal.allows(best.energy, best.latency) or not goal.allows(best.energy, 0):
                return goal.allows(best.energy, best.latency)
        return self._explored(limits, "energy").best is not None

    def _best(self, limits: Limits, objective: str) -> Pick:
        best = self._explored(limits, objective).best
        assert best is not None
        return best

    def _explored(self, limits: Limits, objective: str) -> Exploration:
        key = limits, objective
        known = self._answered(limits, objective)
        if known is not None:
            self._known[key] = known
        if key not in self._known:
            kind = "fastest" if objective == "latency" else "most frugal"
            state = self._solve(limits, objective, f"no design; seeking the {kind} one{within_text(limits)}")
            if not state.complete:
                raise _StoppedError
            self._known[key] = state
        return self._known[key]


    def _answered(self, limits: Limits, objective: str) -> Exploration | None:
        """What is known of a chip with more room, if there is no design even there, or the best one fits as well."""
        for (other, kind), state in self._known.items():
            if kind == objective and other.looser(limits):
                point = state.best_point
                if point is None or any(limits.allow(*chip) for chip in _uses(self._plan, point)):
                    return state
        return None


def _uses(plan: DevicePlan | None, point: Hardware) -> Iterator[tuple[int, Vector]]:
    """Area (um2) of a point, and its use of a device for all kinds of memory."""
    if plan is None:
        yield point.area_um2, ()
    else:
        yield from ((point.area_um2, placement.use) for placement in plan.options(point))


def _chips(session: Session) -> list[tuple[int, Vector]]:
    """All different uses of the points that hold every layer."""
    plan, points = session.architecture.plan, session.points.points.values()
    return list(dict.fromkeys(
        use for point in points if not list(_lacking(session, point)) for use in _uses(plan, point)
    ))  # fmt: skip


def _need(name: str, chip: tuple[int, Vector]) -> Fraction | int:
    """What a chip takes of a budget: mm2, or a number of resources."""
    area_um2, use = chip
    return Fraction(area_um2, UM2_PER_MM2) if name == "area_mm2" else use[RESOURCES.index(name)]


def rounded_up(value: Fraction | int) -> Decimal:
    """Six digits, so that a limit that is stated so is kept."""
    return ROUND_UP.divide(Decimal(value.numerator), Decimal(value.denominator))


def _keeps(goal: Goal, limits: Limits, state: Exploration) -> bool:
    """Does the design that was found keep these caps?"""
    point = state.best_point
    if state.best is None or point is None or not limits.allow(point.area_um2, point.resources):
        return False
    return goal.allows(state.best.energy, state.best.latency)


def within_text(limits: Limits) -> str:
    """The limits that hold, in a sentence."""
    names = [name for name in CAPS if name not in RESOURCES and getattr(limits, name) is not None]
    names += ["the device"] if any(count is not None for count in limits.resources) else []
    return f" within {', '.join(names)}" if names else ""


def _too_small(session: Session) -> dict[str, Any] | None:
    """A layer that no point of the menus can hold: the levels to blame and what they need."""
    points = session.points
    found = list(_lacking(session, points.corner(points.whole)))
    if found:
        return _blame([level for level, _, _ in found], found[0][1]) | {"relaxations": [_room(*it) for it in found]}
    lacking = [list(_lacking(session, point)) for point in points.points.values()]
    if not all(lacking):
        return None
    # tied menus: each of them is large enough somewhere, but never all at the same point
    return _blame([level for some in lacking for level, _, _ in some], lacking[0][0][1])


def _blame(levels: list[Level], layer: Layer) -> dict[str, Any]:
    names = dict.fromkeys(f"{level.name}.size" for level in levels)
    return {"budgets": list(names), "relaxations": [], "complete": True, "layer": layer.name}


def _room(level: Level, layer: Layer, need: int) -> dict[str, Any]:
    """The relaxation of a size."""
    largest = _bits(level.size_bits)
    text = f"{level.name} needs {_bits(need)} for layer {layer.name}, the largest in the menu is {largest}"
    return {"budget": f"{level.name}.size", "limit": level.size_bits, "least": need, "text": text}


def _least_cycles(session: Session) -> int:
    """Cycles that no design goes below: the vector layers, and full use of the largest array."""
    corner = session.points.corner(session.points.whole)
    if not session.points.has_ideal_corner(session.points.whole):
        return 0
    return session.vector_cost(corner)[1] + sum(p.count * p.latency_floor(corner) for p in session.pricers)


def _lacking(session: Session, hardware: Hardware) -> Iterator[tuple[Level, Layer, int]]:
    """Levels without room for one word of every tensor they must keep, the layer that needs most, its bits."""
    for level in hardware.levels[1:]:
        needs = [(_needed(level, pricer.layer), pricer.layer) for pricer in session.pricers]
        most, layer = max(needs, key=lambda need: need[0])
        if level.usable_bits is not None and most > level.usable_bits:
            yield level, layer, most * level.buffering


def _needed(level: Level, layer: Layer) -> int:
    return sum(operand.bits for operand in layer.operands if operand.role in level.must_keep)


def _bits(bits: int | None) -> str:
    return f"{bits} bits" if bits is None or bits % 8 else size_text(bits)
