"""Use of an FPGA device by a hardware point.

A level of ``size`` bits, accessed ``a`` bits at a time, has ``b`` memories per instance so that its ports keep their
bandwidth: ``b = max(1, ceil(bits per cycle of the busiest port / a))`` (1 where the bandwidth is unlimited), twice as
many where it is double-buffered (``buffering`` 2). Each is ``a`` bits wide and ``ceil(size / (buffering b a))`` words
deep, and made of whole blocks of one kind. A point's use is the sum

    fixed + lanes * lane + multipliers * (mac + PE) + sum over levels of instances * memories * blocks * block

**The kinds of memory.** Where several kinds may hold a level, the combination over all levels is taken whose worst
share of a resource (used over available) is least; then the least sum of shares; then the order in which kinds are
stated. So a point fits the device if *any* combination fits: one that fits has a worst share of at most 1, hence so has
the combination taken.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from optimizer.architecture.device import Device
from optimizer.architecture.fabric import NOTHING, RESOURCES, Caps, Memory, Vector, times, total, vector
from optimizer.architecture.hardware import Hardware, Level
from optimizer.errors import SpecError


@dataclass(frozen=True)
class Placement:
    """A choice of kinds, ``None`` for levels off chip, the blocks of every level, and the use of the whole design."""

    kinds: tuple[str | None, ...]
    blocks: tuple[int, ...]
    use: Vector


@dataclass(frozen=True)
class DevicePlan:
    """An architecture on a device.

    Parameters
    ----------
    device : Device
    limits : Caps
        Budgets, resource by resource: the device's, unless other budgets are tried.
    mac, lane, fixed : Vector
        A multiplier with its PE, a vector lane, the rest of the design.
    kinds : tuple of tuple of Memory
        Per level what its memories may be made of; empty off chip.
    """

    device: Device
    limits: Caps
    mac: Vector
    lane: Vector
    fixed: Vector
    kinds: tuple[tuple[Memory, ...], ...]

    def place(self, hardware: Hardware) -> Placement:
        """The best combination of kinds for a point, by the rule of the module."""
        found = enumerate(self.options(hardware))
        return min(found, key=lambda numbered: (*self._shares(numbered[1].use), numbered[0]))[1]

    def options(self, hardware: Hardware) -> Iterator[Placement]:
        """All combinations of kinds."""
        base = total(
            (self.fixed, times(hardware.vector_lanes, self.lane), times(math.prod(hardware.mac_mesh), self.mac))
        )
        per_level: list[list[tuple[str | None, int, Vector]]] = [
            [_placed(level, kind) for kind in kinds] or [(None, 0, NOTHING)]
            for level, kinds in zip(hardware.levels, self.kinds, strict=True)
        ]
        for chosen in itertools.product(*per_level):
            names, blocks, uses = zip(*chosen, strict=True)
            yield Placement(names, blocks, total((base, *uses)))

    def _shares(self, use: Vector) -> tuple[bool, Fraction, Fraction]:
        """Whether it needs a resource that the device lacks, the largest share of a resource, and the sum of all
        shares.
        """
        limited = [(count, limit) for count, limit in zip(use, self.limits, strict=True) if limit is not None]
        shares = [Fraction(count, limit) for count, limit in limited if limit]
        lacks = any(count for count, limit in limited if limit == 0)
        return lacks, max(shares, default=Fraction(0)), sum(shares, Fraction(0))


def memories(level: Level) -> tuple[int, int, int]:
    """How many memories an instance of a level has, and the width (bits) and depth (words) of each."""
    assert level.size_bits is not None
    ports = (level.read_bits_per_cycle, level.write_bits_per_cycle, level.shared_bits_per_cycle)
    busiest = max((bits for bits in ports if bits is not None), default=Fraction(0))
    number = level.buffering * max(1, math.ceil(busiest / level.access_bits))
    return number, level.access_bits, math.ceil(Fraction(level.size_bits, number * level.access_bits))


def _placed(level: Level, kind: Memory) -> tuple[str | None, int, Vector]:
    number, width, depth = memories(level)
    blocks = math.prod(level.mesh) * number * kind.blocks(width, depth)
    return kind.name, blocks, times(blocks, kind.use)


def device_plan(device: Device, data: dict[str, Any], mac_bits: int, *, file: str | None = None) -> DevicePlan:
    """The plan of an architecture's parsed YAML.

    ``mac.multiplier``, the levels' ``memory`` and ``resources`` {``mac``, ``pe``, ``lane``, ``fixed``} are read here.

    Raises
    ------
    SpecError
        On a precision or kind of memory that the fabric lacks, and on a level for which no kind is known.
    """
    fabric, stated, mac = device.fabric, data.get("resources", {}), data.get("mac", {})
    parts = {name: vector(use) for name, use in stated.items()}
    if "mac" not in parts:
        try:
            parts["mac"] = fabric.mac(mac.get("type", "int"), mac_bits, mac.get("multiplier", "dsp"))
        except SpecError as error:
            raise SpecError(
                error.problem, file=file, field="mac", value=error.value, allowed=error.allowed, remedy=error.remedy
            ) from None
    return DevicePlan(
        device,
        device.available,
        total((parts["mac"], parts.get("pe", fabric.pe))),
        parts.get("lane", fabric.lane),
        parts.get("fixed", fabric.fixed),
        tuple(_kinds(device, data["levels"], file)),
    )


def _kinds(device: Device, levels: Sequence[dict[str, Any]], file: str | None) -> Iterator[tuple[Memory, ...]]:
    known = device.fabric.memories
    for index, raw in enumerate(levels):
        if raw.get("size", "unbounded" if index == 0 else None) == "unbounded":
            yield ()
            continue
        stated = raw.get("memory", device.fabric.components.get(raw.get("component", ""), ()))
        names = (stated,) if isinstance(stated, str) else tuple(stated)
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise SpecError(
                f"the level has no memory on {device.name}",
                file=file,
                field=f"levels[{index}].memory",
                value=unknown[0] if unknown else raw["name"],
                allowed=", ".join(known),
                remedy=f"state it, e.g. memory: {next(iter(known))}",
            )
        yield tuple(known[name] for name in names)


def use_of(use: Vector) -> dict[str, int]:
    """A vector by the names of its resources."""
    return dict(zip(RESOURCES, use, strict=True))
