"""The best plan of a group on a hardware point, proved: every cut and choice is priced or closed by a bound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from optimizer.fusion.cuts import HALO, Along, Cut, Tiling, cuts
from optimizer.fusion.floors import floor_per_mac, least_words
from optimizer.fusion.groups import Group
from optimizer.fusion.plan import Charge, Choice, Frame, Plan, PricedRun, RunShape
from optimizer.fusion.runs import Aim, Runs
from optimizer.geometry import TILE_AXES
from optimizer.hardware import Hardware
from optimizer.pricing import NEVER
from optimizer.workload import Layer


@dataclass(frozen=True)
class Offer:
    """What is known of a group on a hardware point: a value that no plan goes below; if a plan is known, its value."""

    bound: int
    plan: Plan | None = None


@dataclass(frozen=True)
class _Option:
    """One cut and choice with its bound."""

    bound: int
    frame: Frame
    choice: Choice
    rooms: tuple[int, ...]
    charges: tuple[Charge, ...]


class GroupPricer:
    """Prices one group on hardware points.

    Parameters
    ----------
    group : Group
    runs : Runs
    halo : tuple of str
        Policies that may be used.
    axes : tuple of str
        Tile axes that may be cut.
    """

    def __init__(
        self, group: Group, runs: Runs, halo: tuple[str, ...] = HALO, axes: tuple[str, ...] = TILE_AXES
    ) -> None:
        self.group, self._runs, self._halo, self._axes = group, runs, halo, axes
        self._along = Along(group)
        self._floors: tuple[tuple[Hardware, Aim], _Floors] | None = None

    @cached_property
    def _frames(self) -> list[Frame]:
        return [Frame(Tiling(self._along, cut)) for cut in cuts(self.group, self._halo, self._axes)]

    @cached_property
    def _least(self) -> list[tuple[Layer, RunShape, frozenset[str]]]:
        """Every layer as one run over the positions that any cut computes, inner operands pinned."""
        frame = Frame(Tiling(self._along, Cut((1, 1, 1))))
        positions = [self._along.least(axis) for axis in range(3)]
        found = []
        for layer in frame.layers:
            sizes = [positions[axis][layer.name] for axis in range(3)]
            cut = tuple((dim, size) for dim, size in zip(layer.tile_dims, sizes, strict=True) if dim is not None)
            found.append((layer, RunShape(layer.name, cut, 1), frame.pinned(layer, Choice())))
        return found

    def bound(self, hardware: Hardware, aim: Aim) -> int:
        """A value that no plan goes below, whatever its cut."""
        floors = self._runs_floors(hardware, aim)
        return sum(floors.of(layer, shape, pinned) for layer, shape, pinned in self._least)

    def tight_bound(self, hardware: Hardware, aim: Aim, beat: int) -> int:
        """The least bound of all cuts and choices (NEVER: none fits), or `beat` if it is not below that."""
        options = self._options(hardware, aim)
        return min((option.bound for option in options if option.bound < beat), default=beat)

    def best(self, hardware: Hardware, aim: Aim, beat: int = NEVER) -> Offer:
        """The best plan, or a bound once it is clear that none is below `beat`."""
        best: Plan | None = None
        limit = beat
        for option in sorted(self._options(hardware, aim), key=lambda o: o.bound):
            if option.bound >= limit:
                break
            plan = self._price(option, hardware, aim, limit)
            if plan is not None:
                best, limit = plan, aim.value(plan.energy, plan.latency)
        return Offer(limit, best)

    def _runs_floors(self, hardware: Hardware, aim: Aim) -> _Floors:
        """Bounds on runs; those of the last hardware and aim are kept."""
        if self._floors is None or self._floors[0] != (hardware, aim):
            self._floors = (hardware, aim), _Floors(self._runs, hardware, aim)
        return self._floors[1]

    def _options(self, hardware: Hardware, aim: Aim) -> Iterator[_Option]:
        usable = hardware.levels[1].usable_bits
        floors = self._runs_floors(hardware, aim)
        for frame in self._frames:
            for choice in frame.choices():
                taken = frame.reserved_bits(choice)
                if usable is not None and max(taken) > usable:
                    continue
                rooms = tuple(NEVER if usable is None else usable - bits for bits in taken)
                charges = frame.charges(hardware, self._runs.accounting, choice)
                bound = sum(aim.value(charge.energy, charge.latency) for charge in charges)
                for layer in frame.layers:
                    pinned = frame.pinned(layer, choice)
                    for shape in frame.shapes(layer, choice):
                        bound += shape.count * floors.tight(layer, shape, pinned)
                yield _Option(bound, frame, choice, rooms, charges)

    def _price(self, option: _Option, hardware: Hardware, aim: Aim, limit: int) -> Plan | None:
        """The plan of an option, or None if it is not below `limit` or does not fit."""
        frame, value, floors = option.frame, option.bound, self._runs_floors(hardware, aim)
        found: list[PricedRun] = []
        for layer in frame.layers:
            pinned = frame.pinned(layer, option.choice)
            room = option.rooms[self.group.position[layer.name]]
            for shape in frame.shapes(layer, option.choice):
                floor = floors.tight(layer, shape, pinned)
                beat = NEVER if limit >= NEVER else floor - (value - limit) // shape.count
                price = self._runs.price(layer, hardware, aim, dict(shape.extents), pinned, room, beat)
                if price is None or not price.found:
                    return None
                found.append(PricedRun(shape, pinned, room, price))
                value += shape.count * (price.value - floor)
                if value >= limit:
                    return None
        energy = sum(run.price.energy * run.shape.count for run in found)
        energy += sum(charge.energy for charge in option.charges)
        latency = sum(run.price.latency * run.shape.count for run in found)
        latency += sum(charge.latency for charge in option.charges)
        if aim.value(energy, latency) >= limit:
            return None
        usable = hardware.levels[1].usable_bits
        return Plan(
            self.group.members, frame.tiling.cut, option.choice, energy, latency,
            0 if usable is None else usable - min(option.rooms), tuple(found), option.charges,
        )  # fmt: skip


class _Floors:
    """Bounds on single runs on one hardware point."""

    def __init__(self, runs: Runs, hardware: Hardware, aim: Aim) -> None:
        self._runs, self._hardware, self._aim = runs, hardware, aim
        self._rates: dict[str, Fraction] = {}
        self._known: dict[object, int] = {}
        self._tight: dict[object, int] = {}
        self._whole: dict[str, Fraction | None] = {}

    def of(self, layer: Layer, shape: RunShape, pinned: frozenset[str]) -> int:
        """No mapping of a run costs less: its work, and every streamed word once at the outermost level."""
        key = layer.name, shape.extents, pinned
        if key not in self._known:
            extents = layer.extents | dict(shape.extents)
            if layer.name not in self._rates:
                self._rates[layer.name] = floor_per_mac(layer, self._hardware, self._aim)
            work = math.prod(extents.values()) * self._rates[layer.name]
            self._known[key] = math.floor(work + self._streamed(layer, extents, pinned, 0))
        return self._known[key]

    def tight(self, layer: Layer, shape: RunShape, pinned: frozenset[str]) -> int:
        """The same by the best mapping of the whole layer, where the extents of the run divide the layer's.

        A streamed word costs at least what it costs more at the outermost level than at level 1.
        """
        key = layer.name, shape.extents, pinned
        if key not in self._tight:
            extents = layer.extents | dict(shape.extents)
            rate = None
            if all(layer.extents[dim] % extent == 0 for dim, extent in shape.extents if extent):
                rate = self._rate(layer)
            value = self.of(layer, shape, pinned)
            if rate is not None:
                streamed = self._streamed(layer, extents, pinned | self._hardware.levels[1].must_bypass, 1)
                value = max(value, math.floor(math.prod(extents.values()) * rate + streamed))
            self._tight[key] = value
        return self._tight[key]

    def _rate(self, layer: Layer) -> Fraction | None:
        if layer.name not in self._whole:
            self._whole[layer.name] = self._runs.rate(layer, self._hardware, self._aim)
        return self._whole[layer.name]

    def _streamed(self, layer: Layer, extents: dict[str, int], pinned: frozenset[str], less: int) -> Fraction:
        """Energy of every streamed word once at the outermost level, `less` times level 1's subtracted."""
        value = Fraction(0)
        if self._aim.objective == "latency":
            return value
        dram, buffer = self._hardware.levels[:2]
        for operand in layer.operands:
            if operand.role in pinned:
                continue
            action = "update_energy" if operand.role == "O" else "read_energy"
            each = Fraction(getattr(dram, action), dram.access_bits)
            each -= less * Fraction(getattr(buffer, action), buffer.access_bits)
            value += least_words(operand, extents) * operand.bits * max(Fraction(0), each)
        return value
