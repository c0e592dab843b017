"""Existence of a design within other budgets: chip budgets by counting, caps by solving again with fresh tables.

A chip that holds one word of every tensor that its levels must keep holds every layer; without a cap on latency or
energy it is a design. With caps, the least latency (or energy) under all other budgets decides. It is searched again,
and the result is walked and replayed like any other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from optimizer.architecture.boxes import points_of
from optimizer.architecture.budgets import Limits
from optimizer.architecture.fabric import RESOURCES
from optimizer.architecture.hardware import Hardware
from optimizer.checker.claims.solve import Claim
from optimizer.checker.constraint_use import broken_by
from optimizer.checker.least_cycles import part_cycles
from optimizer.checker.outcome import Check
from optimizer.checker.physical_bounds import energy_at_least
from optimizer.checker.searches import Searches
from optimizer.checker.stored import StoredResult
from optimizer.workload.layer import Layer

Chip = tuple[int, tuple[int, ...], tuple[str, ...]]
"""Area (um2), use of the resources of a device, and titles of the constraints that it breaks."""
Examine = Callable[[StoredResult], list[Check]]


@dataclass(frozen=True)
class Answer:
    """Bounds on a least value, in energy units or cycles: no design has less than `low`, one has `high`.

    Without `high` no design was found; `none` means that no design exists.
    """

    low: Fraction
    high: Fraction | None
    none: bool = False

    def within(self, cap: Fraction) -> bool | None:
        """True if some design keeps a cap; None if undecided."""
        if self.none or self.low > cap:
            return False
        return True if self.high is not None and self.high <= cap else None

    @property
    def settled(self) -> Fraction | None:
        """The least value if low and high agree."""
        return self.high if self.high is not None and self.low >= self.high else None


def lacking(claim: Claim, point: Hardware) -> Iterator[tuple[int, Layer, int]]:
    """Levels of a point that are too small for one word of every tensor they must keep: number, layer, bits needed."""
    for number, level in enumerate(point.levels):
        if level.usable_bits is None:
            continue
        needs = [
            (sum(operand.bits for operand in group.layer.operands if operand.role in level.must_keep), group.layer)
            for group in claim.groups
        ]
        most = max(need for need, _ in needs)
        if number and most > level.usable_bits:
            yield number, next(layer for need, layer in needs if need == most), most


def _allows(limits: Limits, chip: Chip) -> bool:
    """Does a chip keep the limits on area and resources, and the constraints?"""
    area_um2, use, broken = chip
    return limits.allow(area_um2, use) and all(constraint.title not in broken for constraint in limits.constraints)


class Possible:
    """Answers about one problem under other budgets; every search is made once, until the time is over.

    Parameters
    ----------
    claim : Claim
    examine : callable
        All checks of a result found by these searches.
    again : Searches, optional
        Without it, only counting decides.
    seconds : float or None
        For all searches together.
    """

    def __init__(self, claim: Claim, examine: Examine, again: Searches | None, seconds: float | None) -> None:
        self.claim, self._examine, self._again = claim, examine, again
        self.limits = claim.architecture.limits
        self._until = None if seconds is None else time.perf_counter() + seconds
        self._known: dict[tuple[Limits, str], Answer] = {}
        architecture = claim.architecture
        self.menu_points = points_of(architecture.unconstrained) if architecture.constraints else claim.points
        """The points of the menus, whether or not they keep the constraints."""
        self.chips = sorted({chip for point in self._holding() for chip in self._uses(point)})
        self.faults: list[str] = []
        """What is wrong with results that were found on the way."""

    def possible(self, limits: Limits) -> bool | None:
        """True if a design exists within these limits; None if undecided within the time."""
        if not any(_allows(limits, chip) for chip in self.chips) or self._out_of_reach(limits):
            return False
        for name, objective in (("latency_ms", "latency"), ("energy_mj", "energy")):
            if getattr(limits, name) is not None:
                return self.least(limits.without([name]), objective).within(self.cap(name, limits))
        return True

    def _out_of_reach(self, limits: Limits) -> bool:
        """True if counting alone shows that no chip keeps the caps on latency and energy."""
        names = [name for name in ("latency_ms", "energy_mj") if getattr(limits, name) is not None]
        if not names:
            return False
        caps = {name: self.cap(name, limits) for name in names}
        for point in self._holding():
            if any(_allows(limits, chip) for chip in self._uses(point)):
                least = self._counted(point)
                if all(least[name] <= caps[name] for name in names):
                    return False
        return True

    def _counted(self, point: Hardware) -> dict[str, int]:
        """Lower bounds on the cycles and energy units of designs on a point."""
        claim = self.claim
        energy, cycles = claim.fixed(point)
        cycles += sum(n * least for (_, n), least in zip(claim.parts, part_cycles(claim, point), strict=True))
        if claim.fusion is None:
            energy += sum(group.count * energy_at_least(group.layer, point) for group in claim.groups)
        return {"latency_ms": cycles, "energy_mj": energy}

    def cap(self, name: str, limits: Limits) -> Fraction:
        """A limit in whole cycles or energy units."""
        some, limit = self.claim.some_point, Fraction(getattr(limits, name))
        if name == "latency_ms":
            return Fraction(limit * some.clock_mhz * 1000 // 1)
        return Fraction(limit * 10**9 / (some.energy_unit_pj or Fraction(1)) // 1)

    def least(self, limits: Limits, objective: str) -> Answer:
        """The least latency or energy within limits."""
        key = limits, objective
        if key not in self._known or not (self._known[key].none or self._known[key].settled is not None):
            self._known[key] = self._sought(limits, objective)
        return self._known[key]

    def _sought(self, limits: Limits, objective: str) -> Answer:
        if self._again is None or (self._until is not None and time.perf_counter() >= self._until):
            return Answer(Fraction(0), None)
        found = self._again.least(self.claim.data["problem"], self.limits, limits, objective, self._until)
        if found.result is not None:
            checks = self._examine(found.result)
            self.faults += [f"{check.name}: {check.detail}" for check in checks if check.ok is False]
        return Answer(found.bound, found.value, none=found.value is None and found.complete)

    def _holding(self) -> Iterator[Hardware]:
        yield from (point for point in self.menu_points.points.values() if not list(lacking(self.claim, point)))

    def _uses(self, point: Hardware) -> Iterator[Chip]:
        plan, broken = self.claim.architecture.plan, broken_by(self.claim, point)
        if plan is None:
            yield point.area_um2, (), broken
        else:
            yield from ((point.area_um2, tuple(placement.use), broken) for placement in plan.options(point))

    @staticmethod
    def need(name: str, chip: Chip) -> Fraction:
        """Use of a budget by a chip: area in mm2, or a number of resources."""
        area_um2, use, _ = chip
        return Fraction(area_um2, 10**6) if name == "area_mm2" else Fraction(use[RESOURCES.index(name)])
