"""Layers and groups of a design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from optimizer.files.records import Forms, Json, Order, key
from optimizer.files.rules import BrokenRuleError


@dataclass(frozen=True, kw_only=True)
class AccessCounts:
    """Accesses of one tensor at one level, all instances together, in words; of one run of a layer."""

    reads: int
    fills: int
    updates: int
    tile_words: int
    instances: int


@dataclass(frozen=True, kw_only=True)
class LayerLowerBounds:
    """Bounds that hold for every mapping of a layer; none of them for layers without a mapping of their own."""

    compute_cycles: int | None = None
    bandwidth_cycles: Mapping[str, float] | None = None
    latency_cycles: float | None = None
    latency_limit: str | None = None
    compulsory_dram_words: Mapping[str, int] | None = None
    dram_words_bound: int | None = None
    energy_pj: float | None = None


@dataclass(frozen=True, kw_only=True)
class LayerEntry(Forms):
    """One layer of a design: costs of one run, its loop nest and its accesses by level and tensor.

    ``mapping`` holds the items of the loop nest, outermost first, as a mapping file states them; None for vector layers
    and for members of a fused group. ``group`` is the number of the fused group that the layer is a member of.
    ``same_as`` names the first layer of the same shape, if that is another one.
    ``operations`` are those of a vector layer; ``dram_words`` its words at the outermost level.
    """

    name: str
    kind: str = field(metadata=key("type"))
    dims: Mapping[str, int]
    padded: Mapping[str, int] | None = None
    multiplicity: int
    same_as: str | None = None
    mapping: tuple[Json, ...] | None
    group: int | None = None
    operations: int | None = None
    dram_words: int | None = None
    energy_pj: float
    latency_cycles: float
    compute_cycles: int | None = None
    accesses: Mapping[str, Mapping[str, AccessCounts]]
    utilization: float
    lower_bounds: LayerLowerBounds
    sparsity: str | None = None

    @classmethod
    def form_of(cls, data: Mapping[str, object]) -> type[LayerEntry]:
        """Members of groups, layers beside groups, layers of a design without groups."""
        if "group" not in data:
            return LayerEntry
        return LayerBesideGroups if data["group"] is None else GroupMember


@dataclass(frozen=True, kw_only=True)
class GroupMember(LayerEntry):
    """A layer in a fused group; its loop nests are with the group."""

    ORDER: ClassVar[Order] = (..., "operations", "sparsity", "utilization", "lower_bounds")
    group: int = field()


@dataclass(frozen=True, kw_only=True)
class LayerBesideGroups(LayerEntry):
    """A layer of a fused design that is in no group, and says so."""

    ORDER: ClassVar[Order] = (..., "group")
    group: int | None = field()


@dataclass(frozen=True, kw_only=True)
class GroupTiles:
    """How many parts every axis is cut into, and how many tiles that makes."""

    parts: Mapping[str, int]
    tiles: int


@dataclass(frozen=True, kw_only=True)
class GroupSlices:
    """Layers that take turns on slices of channels."""

    layers: tuple[str, ...]
    number: int
    gathers: bool


@dataclass(frozen=True, kw_only=True)
class GroupMoves:
    """What the moves of tensors between runs cost."""

    latency_cycles: int
    energy_pj: float


@dataclass(frozen=True, kw_only=True)
class GroupRun:
    """Equal runs of a layer in a group."""

    layer: str
    extents: Mapping[str, int]
    resumes: bool
    count: int
    pinned: tuple[str, ...]
    mapping: tuple[Json, ...]
    energy_pj: float
    latency_cycles: int


@dataclass(frozen=True, kw_only=True)
class GroupEntry:
    """A fused group: its decisions, and the figures that follow from them."""

    layers: tuple[str, ...]
    tile: GroupTiles
    halo: Mapping[str, str]
    weights: Mapping[str, str]
    held: tuple[str, ...]
    strips: Mapping[str, int]
    slices: GroupSlices | None
    buffer_bits: int
    buffer_words: int
    peak_bits: int
    macs: int
    dram_words: int
    latency_cycles: int
    energy_pj: float
    moves: GroupMoves
    runs: tuple[GroupRun, ...]

    def __post_init__(self) -> None:
        """Every axis with a halo is cut into a number of parts."""
        if not set(self.halo) <= set(self.tile.parts):
            raise BrokenRuleError("not the parts of all axes", ", ".join(self.halo), "tile", "parts")
