"""Bounds without a search for menus too long to list: what they say of limits, box by box.

A box is left out where its optimistic corner has no room for a layer or breaks a limit, or none of its combinations
keeps a constraint. Others are split, the least need first. What single points show is exact.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import overload

from optimizer.architecture.box import Box, Index, halves, size
from optimizer.architecture.budgets import UM2_PER_MM2, Limits
from optimizer.architecture.constraints import Constraint
from optimizer.architecture.menu_points import MenuPoints
from optimizer.problem.goal import make_goal
from optimizer.search.instant_bounds import AtOnce, Chip
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.search.room import has_room

MOST = 20_000
"""Boxes looked at for one question; then it stays open."""


class UndecidedError(Exception):
    """Too many boxes for an answer without a search."""


class _Areas(Sequence[Fraction]):
    """All whole areas in a range, in mm2."""

    def __init__(self, least: int, most: int) -> None:
        self._range = range(least, most + 1)

    def __len__(self) -> int:
        return len(self._range)

    @overload
    def __getitem__(self, place: int) -> Fraction: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Fraction]: ...
    def __getitem__(self, place: int | slice) -> Fraction | Sequence[Fraction]:
        if isinstance(place, slice):
            return [Fraction(area, UM2_PER_MM2) for area in self._range[place]]
        return Fraction(self._range[place], UM2_PER_MM2)


class BoxesAtOnce(AtOnce):
    """Chips that hold every layer, and which of them may keep limits; none of them is listed.

    Parameters
    ----------
    prepared : PreparedProblem
        On an architecture without a device.
    points : MenuPoints
        The points of the menus, whether or not they keep the constraints.
    """

    def __init__(self, prepared: PreparedProblem, points: MenuPoints) -> None:
        super().__init__(prepared, ())
        self._prepared, self._points, self._network = prepared, points, prepared.network_bounds
        limits = self._limits = prepared.architecture.limits
        self._cares = limits.energy_mj is not None or limits.power_w is not None
        self._timed = limits.latency_ms is not None

    @property
    def broken(self) -> set[str]:
        """Titles of constraints that some chip does not keep; all that may be, where that stays open."""
        return {constraint.title for constraint in self._limits.constraints if self._may_break(constraint)}

    def _may_break(self, constraint: Constraint) -> bool:
        """Does some chip break a constraint? Yes where that stays open."""
        try:
            chips = self._chips(lambda chip: 0, lambda box: self._decided(constraint, box) is not True)
            return any(constraint.title in chip.breaks for chip in chips)
        except UndecidedError:
            return True

    def needs(self, name: str) -> Sequence[Fraction | int]:
        """All areas that a chip may have."""
        best = self._points.corner(self._points.whole)
        most = self._points.grid.hardware(self._top)
        return _Areas(best.area_um2, max(best.area_um2, most.area_um2))

    @property
    def _top(self) -> Index:
        """The combination with the largest part of every menu."""
        grid, top = self._points.grid, list(self._points.grid.origin)
        for axis, (_, high) in enumerate(self._points.whole):
            options = [(*top[:axis], entry, *top[axis + 1 :]) for entry in range(high + 1)]
            top[axis] = max(options, key=lambda index: (grid.hardware(index).area_um2, index))[axis]
        return tuple(top)

    def allowed(self, limits: Limits) -> Iterator[Chip]:
        """Chips whose bounds admit a design within limits.

        Raises
        ------
        UndecidedError
        """
        return self._chips(lambda chip: 0, lambda box: self._may_keep(box, limits))

    def excludes(self, limits: Limits) -> bool:
        """Do the bounds prove that there is no design within limits? No where too many boxes stay open under a cap."""
        try:
            return next(self.allowed(limits), None) is None
        except UndecidedError:
            if limits.latency_ms is None and limits.energy_mj is None:
                raise
            return False

    def least(self, name: str, relaxed: Limits) -> Fraction | int | None:
        """Lower bound on the use of one budget under all others; None if those exclude all designs."""
        goal, unit = make_goal("energy", relaxed, self._point), self._unit(name, relaxed)

        def need(chip: Chip) -> Fraction:
            if name == "area_mm2":
                return Fraction(chip.area_um2)
            cycles = math.ceil(goal.stretched(chip.energy, chip.cycles))
            return Fraction(cycles if name == "latency_ms" else chip.energy)

        try:
            first = next(self._chips(need, lambda box: self._may_keep(box, relaxed)), None)
        except UndecidedError as error:
            return Fraction(error.args[0]) * unit
        return None if first is None else need(first) * unit

    def _unit(self, name: str, relaxed: Limits) -> Fraction:
        hertz, joule = self._point.clock_mhz * 10**6, (self._point.energy_unit_pj or Fraction(1)) / 10**12
        if name == "area_mm2":
            return Fraction(1, UM2_PER_MM2)
        if name == "latency_ms":
            return 1000 / hertz
        if name == "energy_mj":
            return joule * 1000
        cap = make_goal("energy", relaxed, self._point).latency_cap
        return joule * hertz / cap if relaxed.latency_ms is not None else Fraction(0)

    def _chips(self, need: Callable[[Chip], Fraction | int], keep: Callable[[Box], bool]) -> Iterator[Chip]:
        """The chips in boxes that are kept, the least need first."""
        heap: list[tuple[Fraction | int, int, Box]] = [(0, 0, self._points.whole)]
        for number in range(MOST):
            if not heap:
                return
            _, _, box = heapq.heappop(heap)
            if size(box) == 1:
                yield self._chip(box)
                continue
            axis = max(range(len(box)), key=lambda n: (box[n][1] - box[n][0], -n))
            for place, half in enumerate(halves(box, axis)):
                if has_room(self._prepared, self._points.corner(half)) and keep(half):
                    heapq.heappush(heap, (need(self._chip(half)), -2 * number - place, half))
        if heap:
            raise UndecidedError(heap[0][0])

    def _chip(self, box: Box) -> Chip:
        """What bounds say of a box; exact for a single point."""
        corner = self._points.corner(box)
        return Chip(
            corner.area_um2,
            (),
            self._network.least_energy(corner) if self._cares else 0,
            self._network.least_latency(corner) if self._timed else 0,
            frozenset(one.title for one in self._limits.constraints if self._decided(one, box) is False),
        )

    def _may_keep(self, box: Box, limits: Limits) -> bool:
        chip, titles = self._chip(box), {constraint.title for constraint in limits.constraints}
        fits = limits.allow(chip.area_um2, chip.use) and titles.isdisjoint(chip.breaks)
        return fits and make_goal("energy", limits, self._point).allows(chip.energy, chip.cycles)

    def _decided(self, constraint: Constraint, box: Box) -> bool | None:
        return constraint.decided(lambda one: self._points.grid.interval(one, box))
