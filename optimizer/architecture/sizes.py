"""The sizes of a hardware point by the names of their menus: ``array.x``, ``GLB.size``, ``DRAM.bandwidth.read``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from optimizer.architecture.hardware import Hardware
from optimizer.architecture.level import LevelSpec
from optimizer.files.quantities import bandwidth_units, size_units

Unit = tuple[int, int]
"""Powers of bits and of cycles."""

NUMBER: Unit = (0, 0)
BITS: Unit = (1, 0)
RATE: Unit = (1, -1)


def unit_text(unit: Unit) -> str:
    """What a unit measures."""
    return {NUMBER: "a number", BITS: "a size", RATE: "a bandwidth"}.get(unit, "a product of sizes")


@dataclass(frozen=True)
class Size:
    """One size of the hardware, as its menu states it.

    Parameters
    ----------
    path : str
        Name, as in :attr:`Hardware.choices`.
    unit : Unit
        Numbers have none, sizes are in bits, bandwidths in bits per cycle of one port.
    of : callable
        The value at a hardware point.
    units : mapping of str to Fraction
        Units that a value may be written in; empty for numbers.
    """

    path: str
    unit: Unit
    of: Callable[[Hardware], Fraction | int] = field(compare=False)
    units: Mapping[str, Fraction] = field(compare=False, default_factory=dict)


def sizes_of(
    levels: Sequence[LevelSpec], word_bits: Sequence[int], ports: Sequence[int], clock_mhz: Fraction
) -> dict[str, Size]:
    """All sizes of an architecture that have a value at every point, by name.

    Parameters
    ----------
    levels : sequence of LevelSpec
    word_bits, ports : sequence of int
        Of every level: bits of its words, and how many ports of each kind it has.
    clock_mhz : Fraction
    """
    found = [
        Size("array.x", NUMBER, lambda point: point.mac_mesh[0]),
        Size("array.y", NUMBER, lambda point: point.mac_mesh[1]),
        Size("vector.lanes", NUMBER, lambda point: point.vector_lanes),
    ]
    for number, level in enumerate(levels):
        if None not in level.size.values:
            found.append(_capacity(number, level.name, size_units(word_bits[number])))
        found += [_instances(number, level.name, axis) for axis in "xy"]
        units = bandwidth_units(word_bits[number], clock_mhz)
        stated = {port: getattr(level.bandwidth, port) for port in ("read", "write", "shared")}
        kinds = [port for port, menu in stated.items() if menu is not None]
        found += [_bandwidth(number, level.name, port, ports[number], units) for port in kinds]
    return {size.path: size for size in found}


def _capacity(number: int, name: str, units: Mapping[str, Fraction]) -> Size:
    return Size(f"{name}.size", BITS, lambda point: point.levels[number].size_bits or 0, units)


def _instances(number: int, name: str, axis: str) -> Size:
    return Size(f"{name}.instances.{axis}", NUMBER, lambda point: point.levels[number].mesh["xy".index(axis)])


def _bandwidth(number: int, name: str, port: str, ports: int, units: Mapping[str, Fraction]) -> Size:
    def of(point: Hardware) -> Fraction:
        rate: Fraction = getattr(point.levels[number], f"{port}_bits_per_cycle")
        return rate / ports

    return Size(f"{name}.bandwidth.{port}", RATE, of, units)
