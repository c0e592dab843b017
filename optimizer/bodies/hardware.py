"""A hardware point, and its use of a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optimizer.files.rules import NOT_EMPTY


@dataclass(frozen=True, kw_only=True)
class PortWidths:
    """Bits per cycle of the ports of a level; None: there is none, or it is unlimited."""

    read: float | None
    write: float | None
    shared: float | None


@dataclass(frozen=True, kw_only=True)
class LevelEntry:
    """A memory level of the chosen hardware; ``size_bits`` and energies are those of one instance, None: unbounded."""

    name: str
    size_bits: int | None
    mesh: tuple[int, int]
    access_bits: int
    read_energy_pj: float
    fill_energy_pj: float
    update_energy_pj: float
    bits_per_cycle: PortWidths
    buffering: int


@dataclass(frozen=True, kw_only=True)
class HardwareEntry:
    """The chosen hardware point: entries of the menus, the multiplier array, the levels from outside to inside."""

    choices: Mapping[str, object]
    array: tuple[int, int]
    clock_mhz: float
    levels: tuple[LevelEntry, ...] = field(metadata=NOT_EMPTY)
    resources: Mapping[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class ResourceUse:
    """What is used of a resource, and what the device has."""

    used: int
    available: int | None


@dataclass(frozen=True, kw_only=True)
class LevelMemory:
    """The kind of memory that a level is made of, and how many blocks."""

    kind: str
    blocks: int


@dataclass(frozen=True, kw_only=True)
class DeviceEntry:
    """A hardware point on its device."""

    name: str
    resources: Mapping[str, ResourceUse]
    memories: Mapping[str, LevelMemory]


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A hardware point with its area."""

    hardware: HardwareEntry
    area_um2: int
    device: DeviceEntry | None = None
