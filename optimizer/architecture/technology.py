"""Technologies: energies and areas of the parts of a chip, with a cited source for every number.

All numbers are exact fractions of the decimals in the file. A solver needs integers, so energies are counted
in *energy units*: ``units_per_energy`` of them make the technology's declared unit (pJ, or a normalized 1).
With 1000 units per pJ a unit is 1 fJ.

Energy and area between two rows of a size table are linear in the size of the neighbouring rows; sizes
outside of the table are refused. Energy is proportional to the access width. Rounding happens once, at the
end, to the nearest unit (halves up): the error is at most half a unit per access (0.5 fJ with 1000 units per
pJ).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from optimizer.errors import SpecError


def to_units(energy: Fraction, scale: int) -> int:
    """Energy in whole units, `scale` of which make 1: the nearest, halves up, so the error is <= 1/2 unit."""
    return (2 * (energy * scale) + 1) // 2


@dataclass(frozen=True)
class PublishedPoint:
    """One memory instance.

    Parameters
    ----------
    read_energy, write_energy : Fraction
        Energy of one access of the component's ``word_bits``, in the technology's energy unit.
    area_um2 : Fraction
        Area of the instance, in square micrometres.
    leakage_uw : Fraction
        Leakage power, in microwatts.
    """

    read_energy: Fraction
    write_energy: Fraction
    area_um2: Fraction = Fraction(0)
    leakage_uw: Fraction = Fraction(0)


@dataclass(frozen=True)
class ConstantComponent:
    """A memory whose energy does not depend on its size (off-chip DRAM, normalized energies).

    Parameters
    ----------
    word_bits : int
        Width of one access.
    read_energy, write_energy : Fraction
        Energy of one access of `word_bits`.
    area_fixed_um2, area_um2_per_bit : Fraction
        Area is ``fixed + per_bit * size``; both 0 off chip.
    """

    name: str
    word_bits: int
    read_energy: Fraction
    write_energy: Fraction
    area_fixed_um2: Fraction = Fraction(0)
    area_um2_per_bit: Fraction = Fraction(0)
    exact: bool = True

    def at(self, size_bits: int | None) -> PublishedPoint:
        """An instance of this size; ``None`` is unbounded, which has no area."""
        if size_bits is None:
            return PublishedPoint(self.read_energy, self.write_energy)
        area = self.area_fixed_um2 + self.area_um2_per_bit * size_bits
        return PublishedPoint(self.read_energy, self.write_energy, area)


@dataclass(frozen=True)
class TableComponent:
    """A memory with a table over its size.

    Parameters
    ----------
    word_bits : int
        Width of one access.
    rows : tuple of (size_bits, Cell)
        Sizes strictly increasing.
    """

    name: str
    word_bits: int
    rows: tuple[tuple[int, PublishedPoint], ...]
    exact: bool = False

    def at(self, size_bits: int | None) -> PublishedPoint:
        """An instance of this size, interpolated linearly between the neighbouring rows.

        Raises
        ------
        SpecError
            Outside of the table.
        """
        sizes = [size for size, _ in self.rows]
        if size_bits is None or not sizes[0] <= size_bits <= sizes[-1]:
            raise SpecError(
                f"the table of component {self.name!r} has no such size",
                value=size_bits,
                allowed=f"{sizes[0]} to {sizes[-1]} bits",
                remedy="choose a size in the table, another component, or give `energy` and `area_um2`",
            )
        index = bisect_left(sizes, size_bits)
        if sizes[index] == size_bits:
            return self.rows[index][1]
        (size_a, a), (size_b, b) = self.rows[index - 1 : index + 1]
        t = Fraction(size_bits - size_a, size_b - size_a)
        return PublishedPoint(
            a.read_energy + t * (b.read_energy - a.read_energy),
            a.write_energy + t * (b.write_energy - a.write_energy),
            a.area_um2 + t * (b.area_um2 - a.area_um2),
            a.leakage_uw + t * (b.leakage_uw - a.leakage_uw),
        )


Component = ConstantComponent | TableComponent


@dataclass(frozen=True)
class MacUnit:
    """A multiplier with its accumulator's adder: ``kind`` is int or float, ``bits`` those of an operand."""

    kind: str
    bits: int
    energy: Fraction
    area_um2: Fraction


@dataclass(frozen=True)
class Technology:
    """Everything an architecture takes from the process.

    Parameters
    ----------
    name, description : str
    node_nm : Fraction
        Feature size, in nanometres.
    energy_unit : str
        ``pJ``, or what 1 means where energies are normalized (e.g. ``MAC``).
    units_per_energy : int
        Integer energy units per `energy_unit`.
    clock_mhz : Fraction
        Default clock.
    macs : tuple of MacUnit
    components : tuple of Component
        Memories by name.
    pe_overhead_um2 : Fraction
        Area of a processing element besides its multiplier and memories.
    vector_energy, vector_lane_um2 : Fraction
        Energy of one scalar operation and area of one lane of the vector unit.
    sources : tuple of (key, citation)
    source : dict
        The parsed YAML that all of this was read from.
    """

    name: str
    description: str
    node_nm: Fraction
    energy_unit: str
    units_per_energy: int
    clock_mhz: Fraction
    macs: tuple[MacUnit, ...]
    components: tuple[Component, ...]
    pe_overhead_um2: Fraction
    vector_energy: Fraction
    vector_lane_um2: Fraction
    sources: tuple[tuple[str, str], ...]
    source: dict[str, Any] = field(repr=False, compare=False)

    @property
    def in_picojoules(self) -> bool:
        """False for normalized energies."""
        return self.energy_unit == "pJ"

    def component(self, name: str) -> Component:
        """The memory of this name.

        Raises
        ------
        SpecError
            If there is none.
        """
        for component in self.components:
            if component.name == name:
                return component
        raise SpecError(
            f"technology {self.name!r} has no such component",
            value=name,
            allowed=", ".join(component.name for component in self.components),
            remedy="use one of these, or give `energy` explicitly",
        )

    def mac(self, kind: str, bits: int) -> MacUnit:
        """The multiplier for this precision.

        Raises
        ------
        SpecError
            If the technology has none: precisions are never interpolated.
        """
        for unit in self.macs:
            if (unit.kind, unit.bits) == (kind, bits):
                return unit
        raise SpecError(
            f"technology {self.name!r} has no {kind} multiplier of {bits} bits",
            value=f"{kind}{bits}",
            allowed=", ".join(f"{unit.kind}{unit.bits}" for unit in self.macs),
            remedy="use one of these, or give `mac.energy` and `mac.area_um2`",
        )
