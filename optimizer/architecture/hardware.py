"""One hardware point: every size fixed, every energy an integer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

from optimizer.workload.nm_blocks import Block, Sparsity


@dataclass(frozen=True)
class Level:
    """One memory level, outermost first in :class:`Hardware`.

    Parameters
    ----------
    name : str
        E.g. ``DRAM``, ``GLB``, ``RF``.
    size_bits : int or None
        Capacity of one instance; ``None`` is unbounded.
    mesh : (int, int)
        Instances along X and Y on the whole chip.
    access_bits : int
        Bits moved by one access.
    read_energy, fill_energy, update_energy : int
        Energy of one access, in the hardware's energy unit. A fill writes data from the parent, an update
        writes (partial) results from below.
    leak_energy : int
        Energy per used instance and cycle.
    read_bits_per_cycle, write_bits_per_cycle, shared_bits_per_cycle : Fraction or None
        Bandwidth of one instance's ports; ``None`` is unlimited. A shared port carries reads and writes.
    must_keep, must_bypass : frozenset of str
        Roles (W, I, O) that the level always or never keeps; the others are free.
    buffering : int
        2 for double buffering: only ``size_bits / buffering`` is usable.
    spatial_x, spatial_y : tuple of str or None
        Dims that may be unrolled along each axis of the fan-out *below* this level; ``None`` allows all.
    """

    name: str
    size_bits: int | None
    mesh: tuple[int, int]
    access_bits: int
    read_energy: int
    fill_energy: int
    update_energy: int
    leak_energy: int = 0
    read_bits_per_cycle: Fraction | None = None
    write_bits_per_cycle: Fraction | None = None
    shared_bits_per_cycle: Fraction | None = None
    must_keep: frozenset[str] = frozenset()
    must_bypass: frozenset[str] = frozenset()
    buffering: int = 1
    spatial_x: tuple[str, ...] | None = None
    spatial_y: tuple[str, ...] | None = None

    @property
    def usable_bits(self) -> int | None:
        """Capacity that tiles may fill."""
        return None if self.size_bits is None else self.size_bits // self.buffering


@dataclass(frozen=True)
class Hardware:
    """A hardware point.

    Parameters
    ----------
    levels : tuple of Level
        Outermost (DRAM) first. The outermost level keeps every tensor.
    mac_mesh : (int, int)
        Multipliers along X and Y on the whole chip.
    mac_energy : int
        Energy of one multiply-accumulate, in the energy unit.
    energy_unit_pj : Fraction or None
        Picojoules per energy unit; ``None`` where energies are normalized: then `energy_scale` units are 1.
    energy_scale : int
        Energy units per declared unit (pJ, or the normalized 1).
    clock_mhz : Fraction
        Clock frequency.
    area_um2 : int
        Area of the chip (0 where the technology does not say, and on an FPGA).
    vector_lanes, vector_energy : int
        Scalar operations per cycle of the vector unit and the energy of one.
    choices : tuple of (path, value)
        Which entry of every menu this point takes.
    sparsity : Sparsity or None
        Which N:M blocks the multipliers take, and what they make of them; None: none.
    resources : tuple of int
        What it takes of an FPGA device, in the order of :data:`optimizer.architecture.fabric.RESOURCES`; empty without
        a device.
    fewest_multipliers : int or None
        Of the points for which this one is an ideal; None: those of this one. Shares of multipliers are of these.
    """

    levels: tuple[Level, ...]
    mac_mesh: tuple[int, int]
    mac_energy: int
    energy_unit_pj: Fraction | None = None
    energy_scale: int = 1
    clock_mhz: Fraction = Fraction(1000)
    area_um2: int = 0
    vector_lanes: int = 1
    vector_energy: int = 0
    choices: tuple[tuple[str, object], ...] = field(default=())
    sparsity: Sparsity | None = None
    resources: tuple[int, ...] = ()
    fewest_multipliers: int | None = None

    def fanout(self, level: int) -> tuple[int, int]:
        """Children per instance along X and Y between `level` and the next one (or the MACs)."""
        inner = self.levels[level + 1].mesh if level + 1 < len(self.levels) else self.mac_mesh
        outer = self.levels[level].mesh
        return inner[0] // outer[0], inner[1] // outer[1]

    @property
    def macs_per_cycle(self) -> int:
        """Multipliers on the chip."""
        return math.prod(self.mac_mesh)

    def supports(self, block: Block | None) -> bool:
        """Do the multipliers take a layer with these blocks?"""
        return block is None or (self.sparsity is not None and self.sparsity.supports(block))

    def step_cycles(self, block: Block | None) -> int:
        """Cycles that a multiplier needs for a step of a layer.

        Raises
        ------
        ValueError
            If it does not take such blocks.
        """
        if block is None:
            return 1
        if self.sparsity is None or not self.sparsity.supports(block):
            raise ValueError(f"the multipliers do not take {block.ratio} blocks along {block.dim}")
        return self.sparsity.step_cycles(block)

    def energy_pj(self, energy: int) -> float:
        """Energy units as picojoules (or normalized units), for reports only."""
        return float(energy * (self.energy_unit_pj or Fraction(1, self.energy_scale)))
