"""The body of a plan of a training step's memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from optimizer.bodies.head import Head, Objective
from optimizer.bodies.solve import TrainingEntry
from optimizer.files.records import Order, key
from optimizer.files.rules import NOT_EMPTY, POSITIVE, BrokenRuleError, one_of
from optimizer.problem.status import Status

Moment = tuple[str, int, int, int]
"""A layer, 1 if it is computed again, bits off chip and on chip."""


@dataclass(frozen=True, kw_only=True)
class StepMacs:
    """Multiply-accumulates of the whole step and of its forward pass."""

    step: int
    forward: int


@dataclass(frozen=True, kw_only=True)
class Tie:
    """The other objective among answers of the same value, and whether it is proved the least."""

    value: int | None
    proved: bool


@dataclass(frozen=True, kw_only=True)
class MemoryObjective(Objective):
    """What is minimized, with value, bound and gap in its unit (bits for the peak)."""

    value: int | None
    bound: int | None
    tie: Tie | None


@dataclass(frozen=True, kw_only=True)
class MemoryBudgets:
    """Caps on the peak off chip and on the overhead, and the on-chip memory set aside."""

    off_chip_bits: int | None
    overhead: int | None
    on_chip_reserve_bits: int


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Memory over a step."""

    peak_off_chip_bits: int = field(metadata=POSITIVE)
    peak_at: str
    peak_on_chip_bits: int
    moments: tuple[Moment, ...]


@dataclass(frozen=True, kw_only=True)
class KeepAll(Moments):
    """Memory with everything kept, and the peak by kind of tensor."""

    peak_by_kind_bits: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Chosen(Moments):
    """Memory as chosen, and what is computed again."""

    overhead: int
    overhead_unit: str
    overhead_of_step: float
    recomputed: tuple[str, ...]
    macs: int
    operations: int
    macs_of_step: float


@dataclass(frozen=True, kw_only=True)
class LeastPeak:
    """The least peak that can be met, where no choice keeps the budget."""

    status: Status
    bits: int | None
    bound_bits: int


@dataclass(frozen=True, kw_only=True)
class SavedTensor:
    """An activation: from which step to which it lives, and what becomes of it."""

    name: str
    bits: int
    saved: bool
    born: str = field(metadata=key("from"))
    last_forward: str
    last: str
    choice: str = field(metadata=one_of("keep", "chip", "redo", "drop"))


@dataclass(frozen=True, kw_only=True)
class MemoryOverTime:
    """Bits by kind of tensor in every step, everything kept."""

    steps: tuple[str, ...] = field(metadata=NOT_EMPTY)
    keep_all_bits: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class MemoryBody(Head):
    """Contents of ``memory.json``; ``status`` is EVALUATED where nothing was to be chosen."""

    ORDER: ClassVar[Order] = (
        "format",
        "status",
        "network",
        "training",
        "macs",
        ...,
        "versions",
        "seed",
        "problem",
        "problem_hash",
        "wall_s",
    )
    network: str
    training: TrainingEntry | None
    macs: StepMacs
    objective: MemoryObjective | None
    budgets: MemoryBudgets
    keep_all: KeepAll
    chosen: Chosen | None
    least_peak: LeastPeak | None
    tensors: tuple[SavedTensor, ...]
    over_time: MemoryOverTime
    seed: int

    def __post_init__(self) -> None:
        """Every moment is of a step."""
        for part, moments in (("keep_all", self.keep_all), ("chosen", self.chosen)):
            for number, (layer, *_) in enumerate(() if moments is None else moments.moments):
                if layer not in self.over_time.steps:
                    raise BrokenRuleError("it is no step", "one of over_time.steps", part, "moments", number, 0)
