"""One memory level of an architecture, its sizes still menus."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from optimizer.architecture.menus import AnyMenu, Menu
from optimizer.architecture.technology import Component


@dataclass(frozen=True)
class Energies:
    """Energy of one access of the level's ``access_bits``, in the technology's unit."""

    read: Fraction
    fill: Fraction
    update: Fraction


@dataclass(frozen=True)
class Bandwidth:
    """Bits per cycle of one instance, all ports of a kind together; ``None`` is unlimited."""

    read: Menu[Fraction] | None = None
    write: Menu[Fraction] | None = None
    shared: Menu[Fraction] | None = None


@dataclass(frozen=True)
class LevelSpec:
    """A memory level with menus.

    Parameters
    ----------
    name : str
    component : Component or None
        Memory of the technology; gives energy, area and leakage unless the level states them.
    energies : Energies or None
        Stated energies, of any size.
    area_um2 : Fraction or None
        Stated area of one instance.
    leakage : Fraction or None
        Energy per used instance and cycle; ``None`` takes the component's.
    size : Menu of int or None
        Bits of one instance; the entry ``None`` is unbounded.
    access_bits : int
    bandwidth : Bandwidth
    instances : (menu, menu)
        Instances on the whole chip along X and Y, where the level states them; the entry 0 is "as the array".
    must_keep, must_bypass : frozenset of str
    buffering : int
    unroll : (tuple of str or None, tuple of str or None)
        Dims allowed along X and Y of the fan-out below.
    """

    name: str
    component: Component | None
    energies: Energies | None
    area_um2: Fraction | None
    leakage: Fraction | None
    size: Menu[int | None]
    access_bits: int
    bandwidth: Bandwidth
    instances: tuple[Menu[int] | None, Menu[int] | None]
    must_keep: frozenset[str]
    must_bypass: frozenset[str]
    buffering: int
    unroll: tuple[tuple[str, ...] | None, tuple[str, ...] | None]

    @property
    def menus(self) -> tuple[AnyMenu, ...]:
        """All menus of the level."""
        band = self.bandwidth
        candidates = (self.size, band.read, band.write, band.shared, *self.instances)
        return tuple(menu for menu in candidates if menu is not None)

    def access_energies(self, size_bits: int | None) -> Energies:
        """Energies of one access, exact."""
        if self.energies is not None:
            return self.energies
        assert self.component is not None
        cell = self.component.at(size_bits)
        width = Fraction(self.access_bits, self.component.word_bits)
        return Energies(cell.read_energy * width, cell.write_energy * width, cell.write_energy * width)

    def instance_area_um2(self, size_bits: int | None) -> Fraction:
        """Area of one instance, exact."""
        if self.area_um2 is not None:
            return self.area_um2
        return self.component.at(size_bits).area_um2 if self.component is not None else Fraction(0)

    def leakage_per_cycle(self, size_bits: int | None, clock_mhz: Fraction) -> Fraction:
        """Energy per cycle (1 uW at 1 MHz is 1 pJ per cycle), exact."""
        if self.leakage is not None:
            return self.leakage
        assert self.component is not None
        return self.component.at(size_bits).leakage_uw / clock_mhz
