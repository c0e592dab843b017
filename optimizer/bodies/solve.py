"""The body of a solve, and the parts that other bodies share with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from optimizer.bodies.hardware import DeviceEntry, HardwareEntry
from optimizer.bodies.head import FIRST, LAST, Objective, Reconciled, Warned
from optimizer.bodies.infeasibility import Infeasibility
from optimizer.bodies.layers import GroupEntry, LayerEntry
from optimizer.files.records import INLINE, Order
from optimizer.problem.status import Status


@dataclass(frozen=True, kw_only=True)
class Space:
    """The declared space as text, the extents that layers may be padded to, and the reuse that is counted."""

    text: str
    padding: Mapping[str, Mapping[str, tuple[int, ...]]] | None = None
    reuse: str


@dataclass(frozen=True, kw_only=True)
class TrainingEntry:
    """The optimizer of a training step, and the bits of its tensors by kind."""

    optimizer: str
    bits: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class ServingEntry:
    """What a run means for those who use a language model.

    ``tokens`` are of the prompt or context per sequence. A run is the time to the first token (prefill) or of an
    output token (decode). Tokens per second and energy per token count all sequences. Bytes are of all learned words,
    dense, and of the keys, values and states that are kept. Speed per watt and per mm2 are None where the technology
    has no unit of energy, or the chip no area.
    """

    phase: str
    batch: int
    tokens: int
    first_token_ms: float | None = None
    output_token_ms: float | None = None
    tokens_per_s: float
    energy_per_token_j: float | None = None
    tokens_per_s_per_w: float | None = None
    tokens_per_s_per_mm2: float | None = None
    weight_bytes: int
    cache_bytes: int


@dataclass(frozen=True, kw_only=True)
class PointCounts:
    """Hardware points of the menus by the reason that closed them, and the number of boxes."""

    total: int
    closed_by_bound: int
    closed_by_area: int
    closed_by_size: int
    closed_by_caps: int
    solved: int
    open: int
    boxes: int
    closed_by_device: int | None = None
    closed_by_memory: int | None = None


@dataclass(frozen=True, kw_only=True)
class Design:
    """A hardware point with the costs of one run of the network on it; energies in pJ, or in multiples of the energy of
    a multiplication if the technology has no unit.
    """

    hardware: HardwareEntry
    area_um2: int
    energy_pj: float
    latency_cycles: float
    latency_ms: float
    power_w: float | None
    device: DeviceEntry | None = None
    groups: tuple[GroupEntry, ...] | None = None
    layers: tuple[LayerEntry, ...]


@dataclass(frozen=True, kw_only=True)
class DesignFigures:
    """Figures of a design that a comparison states; None where there is no design."""

    status: Status
    objective: float | None
    energy_pj: float | None
    latency_cycles: float | None
    dram_words: int | None
    hardware: Mapping[str, object] | None


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """Relative reduction of every figure."""

    energy_pj: float | None
    latency_cycles: float | None
    dram_words: float | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A fused design beside the best layer-by-layer design."""

    layer_by_layer: DesignFigures
    fused: DesignFigures
    reduction: Reduction


@dataclass(frozen=True, kw_only=True)
class Increase:
    """Relative increase of every figure."""

    objective: float | None
    energy_pj: float | None
    latency_cycles: float | None
    dram_words: float | None


@dataclass(frozen=True, kw_only=True)
class DroppedRule:
    """What a constraint on mappings costs: the best design that keeps it, beside the best one without it.

    ``increase`` is that by the constraint. ``binds`` says whether the optimum is worse with it; None where that is not
    proved.
    """

    constraint: str
    kept: DesignFigures
    without: DesignFigures
    increase: Increase
    binds: bool | None


@dataclass(frozen=True, kw_only=True)
class EngineEffort:
    """What the searches of loop nests did: ``searches`` of a layer on a hardware point, partial nests ``seen`` and
    ``kept`` (labels of the shortest path). 0: none, or not counted by this engine. No claim rests on it.
    """

    engine: str
    searches: int
    seen: int
    kept: int


@dataclass(frozen=True, kw_only=True)
class SolveBody(Reconciled, Warned):
    """Contents of ``result.json`` of a solve."""

    ORDER: ClassVar[Order] = (
        *FIRST,
        ...,
        "warnings",
        "disagreements",
        *LAST,
        "infeasible",
        "design",
        "comparison",
        "dropped",
    )
    objective: Objective
    accounting: str
    space: Space
    network: str
    training: TrainingEntry | None = None
    serving: ServingEntry | None = None
    architecture: str
    hardware_points: PointCounts
    search: tuple[EngineEffort, ...] | None = None
    infeasible: Infeasibility | None = None
    design: Design | None = field(default=None, metadata=INLINE)
    comparison: Comparison | None = None
    dropped: DroppedRule | None = None
