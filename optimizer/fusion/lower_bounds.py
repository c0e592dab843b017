"""Cheap lower bounds on the cost of runs of a layer, over all tiles."""

from __future__ import annotations

import math
from collections.abc import Mapping as Dict
from fractions import Fraction
from functools import cached_property

from formulations.problem import distinct_sums
from optimizer.architecture.hardware import Hardware
from optimizer.fusion.tile_pricer import Runs
from optimizer.problem.goal import INFEASIBLE_COST, Aim
from optimizer.workload.layer import ROLES, Layer, Operand

Served = dict[str, tuple[Fraction | None, Fraction | None]]
"""Per role the least energy per step if no level but the outermost keeps it, and if one inside does."""
Sizes = tuple[tuple[str, int], ...]
"""Extents of all dims of a run."""


class RunBounds:
    """Lower bounds on runs on one hardware point."""

    def __init__(self, runs: Runs, hardware: Hardware, aim: Aim) -> None:
        self._runs, self._hardware, self._aim = runs, hardware, aim
        self._served: dict[str, Served] = {}
        self._known: dict[object, int] = {}
        self._prices: dict[str, dict[Sizes, int | None]] = {}
        self._more: dict[object, Fraction] = {}

    def of(self, layer: Layer, extents: Dict[str, int], pinned: frozenset[str]) -> int:
        """Lower bound on every mapping of a run whose tile has these extents."""
        key = layer.name, tuple(extents.items()), pinned
        if key not in self._known:
            sizes = layer.extents | dict(extents)
            operands = (self.operand(layer, role, sizes, pinned=role in pinned) for role in ROLES)
            self._known[key] = math.floor(self.work(layer, sizes) + sum(operands, Fraction(0)))
        return self._known[key]

    def work(self, layer: Layer, extents: Dict[str, int]) -> Fraction:
        """Multiply-accumulates, in no less cycles than all multipliers need."""
        steps = math.prod(extents.values())
        cycles = Fraction(steps * self._hardware.step_cycles(layer.block), self._hardware.macs_per_cycle)
        if self._aim.objective == "latency":
            return cycles
        return steps * layer.macs_per_step * self._hardware.mac_energy + self._aim.weight * cycles

    def operand(self, layer: Layer, role: str, extents: Dict[str, int], *, pinned: bool) -> Fraction:
        """Energy of one operand in a run, or in several runs whose positions sum up to the extents.

        It is read (the output updated) for every step of the innermost loops at the innermost level that keeps it: with
        ``outer`` energy at the outermost level, ``inner`` at least at another one. Then, if it is not pinned, every
        word passes the outermost level besides, for ``once`` in all. As ``once`` is at most ``outer``, either way costs
        at least ``inner + (1 - inner / outer) once``, in every run.
        """
        if self._aim.objective == "latency":
            return Fraction(0)
        if layer.name not in self._served:
            self._served[layer.name] = served_per_step(layer, self._hardware)
        steps, operand = math.prod(extents.values()), layer.operand(role)
        outer, inner = (None if each is None else steps * each for each in self._served[layer.name][role])
        if pinned:
            return Fraction(INFEASIBLE_COST) if inner is None else inner
        once = least_words(operand, extents) * operand.least_bits * self._bit_energy(role, 0)
        if outer is None:
            return Fraction(INFEASIBLE_COST) if inner is None else inner + once
        return max(outer, once) if inner is None or inner >= outer else inner + (1 - inner / outer) * once

    def fetch(self, bits: int) -> Fraction:
        """Energy of bits that are read at the outermost level."""
        return Fraction(0) if self._aim.objective == "latency" else bits * self._bit_energy("I", 0)

    def whole(self, layer: Layer, extents: Dict[str, int], pinned: frozenset[str], *, exact: bool) -> Fraction | None:
        """Lower bound on the cost of a run, without the extra cost of operands that are not pinned (:meth:`more`).

        It is the optimal cost with every operand in level 1 that may be there, of larger runs that can be cut into runs
        of these extents: of the whole layer, or of others priced before; with `exact`, of the run itself. For rounding,
        one access of level 1 per action and operand that is not pinned is subtracted in each of those runs. None if no
        such run was priced, or if level 1 costs more than the outermost level.
        """
        if self._is_expensive:
            return None
        sizes = layer.extents | dict(extents)
        self._price(layer, sizes if exact else layer.extents)
        bases = (
            [tuple(sizes.items())]
            if exact
            else [base for base in self._prices[layer.name] if all(extent % sizes[dim] == 0 for dim, extent in base)]
        )
        macs, rounding = math.prod(sizes.values()), self._rounding(pinned)
        found = [
            Fraction((price - rounding) * macs, math.prod(extent for _, extent in base))
            for base in bases
            if (price := self._prices[layer.name][base]) is not None
        ]
        return max(found, default=None)

    def prepare(self, wanted: list[tuple[Layer, Dict[str, int]]]) -> None:
        """Compute, in parallel, the prices on which exact bounds of such runs rest (:meth:`whole`)."""
        if not self._is_expensive:
            self._runs.side_by_side(lambda pair: self._price(pair[0], pair[0].extents | dict(pair[1])), wanted)

    def _price(self, layer: Layer, sizes: Dict[str, int]) -> None:
        """Price a run of these extents with all operands in level 1."""
        known, key = self._prices.setdefault(layer.name, {}), tuple(sizes.items())
        if key not in known:
            known[key] = self._runs.best_pinned(layer, self._hardware, self._aim, sizes)

    def _rounding(self, pinned: frozenset[str]) -> int:
        buffer = self._hardware.levels[1]
        if self._aim.objective == "latency":
            return 0
        return sum(
            buffer.read_energy + (buffer.update_energy if role == "O" else 0)
            for role in ROLES
            if role not in pinned and role not in buffer.must_bypass
        )

    def more(self, layer: Layer, extents: Dict[str, int], pinned: frozenset[str]) -> Fraction:
        """Extra energy of words from outside in a run, over the same words at level 1, each counted once."""
        key = layer.name, tuple(extents.items()), pinned
        if key not in self._more:
            self._more[key] = self._streamed(layer, layer.extents | dict(extents), pinned)
        return self._more[key]

    def _streamed(self, layer: Layer, sizes: Dict[str, int], pinned: frozenset[str]) -> Fraction:
        return sum(
            (
                least_words(layer.operand(role), sizes)
                * layer.operand(role).least_bits
                * (self._bit_energy(role, 0) - self._bit_energy(role, 1))
                for role in ROLES
                if self._aim.objective != "latency"
                and role not in pinned
                and role not in self._hardware.levels[1].must_bypass
            ),
            Fraction(0),
        )

    @cached_property
    def _is_expensive(self) -> bool:
        """Does an access of level 1 cost more than one outside of it, for some operand?"""
        return self._aim.objective != "latency" and any(
            self._bit_energy(role, 0, way) < self._bit_energy(role, 1, way)
            for role in ROLES
            if role not in self._hardware.levels[1].must_bypass
            for way in ("read", "update")
        )

    def _bit_energy(self, role: str, number: int, way: str = "") -> Fraction:
        """Energy per bit at a level, of reading; of updating for the output."""
        level = self._hardware.levels[number]
        updates = (way or ("update" if role == "O" else "read")) == "update"
        return Fraction(level.update_energy if updates else level.read_energy, level.access_bits)


def served_per_step(layer: Layer, hardware: Hardware) -> Served:
    """Energy of the operands of one step of the innermost loops, at the innermost level that keeps them.

    One access serves all multipliers that share it: at most the product of the fan-outs from there on, over the axes
    that may unroll a dim that lets them share (for inputs also the dims of windows, whose neighbours overlap). No
    operand is served from outside of a level that must keep it.
    """
    found: Served = {}
    for role in ROLES:
        innermost = max(n for n, level in enumerate(hardware.levels) if n == 0 or role in level.must_keep)
        inside = [
            _at(layer, hardware, role, number)
            for number, level in enumerate(hardware.levels)
            if number >= max(innermost, 1) and role not in level.must_bypass
        ]
        found[role] = None if innermost else _at(layer, hardware, role, 0), min(inside, default=None)
    return found


def least_words(operand: Operand, extents: Dict[str, int]) -> int:
    """Words of an operand that take part at all: strides may leave gaps in the input."""
    return math.prod(distinct_sums([(c, extents[dim]) for dim, c in axis.terms]) for axis in operand.axes)


def _at(layer: Layer, hardware: Hardware, role: str, number: int) -> Fraction:
    operand, level = layer.operand(role), hardware.levels[number]
    shared = math.prod(
        _sharing(layer, hardware, role, n, axis) for n in range(number, len(hardware.levels)) for axis in (0, 1)
    )
    each = level.update_energy if role == "O" else level.read_energy
    return Fraction(operand.step_bits * each, level.access_bits * shared)


def _sharing(layer: Layer, hardware: Hardware, role: str, number: int, axis: int) -> int:
    """Most children along one axis of a fan-out that can share words of an operand."""
    level = hardware.levels[number]
    allowed = (level.spatial_x, level.spatial_y)[axis]
    operand = layer.operand(role)
    windows = {dim for part in operand.axes if len(part.terms) > 1 for dim, _ in part.terms}
    sharing = any(
        extent > 1 and (allowed is None or dim in allowed) and (dim not in operand.dims or dim in windows)
        for dim, extent in layer.dims
    )
    return hardware.fanout(number)[axis] if sharing else 1
