"""Parts of a result as typed values, read from the data of its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Objective:
    """What was minimized, with the value found and the bound proved, in `unit`; ``gap`` is (value - bound) / value."""

    name: str
    unit: str
    value: float | None = None
    bound: float | None = None
    gap: float | None = None

    @classmethod
    def of(cls, data: Data) -> Objective:
        """The section ``objective`` of a result."""
        return cls(data["name"], data.get("unit", ""), data.get("value"), data.get("bound"), data.get("gap"))


@dataclass(frozen=True)
class TensorAccess:
    """Accesses of one tensor at one level, all instances together, in words; of one run of a layer."""

    level: str
    tensor: str
    reads: int
    fills: int
    updates: int
    tile_words: int
    instances: int


@dataclass(frozen=True)
class LayerEntry:
    """One layer of a design: costs of one run, its loop nest and its accesses.

    ``mapping`` holds the items of the loop nest, outermost first, as a mapping file states them; None for vector layers
    and for members of a fused group. ``group`` is the number of the fused group that the layer is a member of.
    ``lower_bounds`` hold for every mapping.
    """

    name: str
    kind: str
    dims: Mapping[str, int]
    multiplicity: int
    energy_pj: float | None
    latency_cycles: float | None
    utilization: float | None
    mapping: tuple[Mapping[str, Any], ...] | None
    accesses: tuple[TensorAccess, ...]
    lower_bounds: Mapping[str, Any]
    group: int | None = None

    @classmethod
    def of(cls, data: Data) -> LayerEntry:
        """An entry of ``layers``."""
        accesses = tuple(
            TensorAccess(level, tensor, **{name: counts[name] for name in ACCESSES})
            for level, tensors in (data.get("accesses") or {}).items()
            for tensor, counts in tensors.items()
        )
        nest = data.get("mapping")
        return cls(
            data["name"],
            data["type"],
            dict(data["dims"]),
            data.get("multiplicity", 1),
            data.get("energy_pj"),
            data.get("latency_cycles"),
            data.get("utilization"),
            None if nest is None else tuple(nest),
            accesses,
            dict(data.get("lower_bounds") or {}),
            data.get("group"),
        )


ACCESSES = ("reads", "fills", "updates", "tile_words", "instances")


@dataclass(frozen=True)
class LevelEntry:
    """A memory level of the chosen hardware; ``size_bits`` and energies are those of one instance, None: unbounded."""

    name: str
    size_bits: int | None
    mesh: tuple[int, int]
    access_bits: int
    read_energy_pj: float
    fill_energy_pj: float
    update_energy_pj: float

    @classmethod
    def of(cls, data: Data) -> LevelEntry:
        """An entry of ``hardware.levels``."""
        x, y = data["mesh"]
        return cls(
            data["name"],
            data["size_bits"],
            (x, y),
            data["access_bits"],
            *(data[f"{name}_energy_pj"] for name in ("read", "fill", "update")),
        )


@dataclass(frozen=True)
class HardwareEntry:
    """The chosen hardware point: entries of the menus, the multiplier array, the levels from outside to inside."""

    choices: Mapping[str, Any]
    array: tuple[int, int]
    clock_mhz: float
    levels: tuple[LevelEntry, ...]

    @classmethod
    def of(cls, data: Data) -> HardwareEntry:
        """The section ``hardware`` of a result."""
        x, y = data["array"]
        return cls(
            dict(data["choices"]), (x, y), data["clock_mhz"], tuple(LevelEntry.of(level) for level in data["levels"])
        )
