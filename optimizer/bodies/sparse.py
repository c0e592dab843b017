"""The bodies of the sparse engine: a sized engine, access patterns, a simulation, a report, accuracies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

from optimizer.bodies.head import Body, Objective, Rated, Versioned
from optimizer.files.records import INLINE, Forms, Order, key

SIZING = "sparse sizing"
PATTERNS = "sparse patterns"
PATTERN = "sparse pattern"
SIMULATION = "sparse simulation"
REPORT = "sparse report"
ACCURACY = "sparse accuracy"
Numbers = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class DenseRatios:
    """How many times fewer words and products than with all connections."""

    storage: float
    products: float


@dataclass(frozen=True, kw_only=True)
class EarlyFigures:
    """The early estimator's figures."""

    z: Numbers
    multipliers: int
    dsp: int
    memory_bits: float


@dataclass(frozen=True, kw_only=True)
class ExactRates:
    """Numbers that a float may round."""

    clock_mhz: Fraction
    time_us: Fraction


@dataclass(frozen=True, kw_only=True)
class EngineEntry:
    """An engine and its costs: times in microseconds, rates in inputs per second."""

    neurons: Numbers
    out_degrees: Numbers
    in_degrees: Numbers
    weights: Numbers
    density: float
    z: Numbers
    width_bits: int
    proctime: int
    clock_mhz: float
    cycles: Numbers
    depths: Numbers
    block_cycle: int
    time_us: float
    inputs_per_s: float
    speed_up: int
    input_words_per_clock: int
    device_use: Mapping[str, int]
    arithmetic_per_clock: Mapping[str, int]
    storage_words: Mapping[str, int]
    storage_bits: int
    against_dense: DenseRatios
    early_estimate: EarlyFigures | None
    exact: ExactRates
    multiplier: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExactObjective:
    """Value and bound that a float may round."""

    value: Fraction
    bound: Fraction


@dataclass(frozen=True, kw_only=True)
class SizingObjective(Objective):
    """What was minimized or maximized, with value, bound and gap in its unit."""

    ORDER: ClassVar[Order] = ("name", "sense", ..., "exact", "gap")
    sense: str
    exact: ExactObjective | None


@dataclass(frozen=True, kw_only=True)
class OfferedMultiplier:
    """A multiplier that an engine may take."""

    kind: str
    clock_mhz: Fraction
    stages: int


@dataclass(frozen=True, kw_only=True)
class SizingQuestion:
    """What was asked for: menus, rules and budgets."""

    neurons: Numbers
    out_degrees: tuple[Numbers, ...]
    widths_bits: Numbers
    multipliers: tuple[OfferedMultiplier, ...]
    budgets: Mapping[str, int]
    rules: tuple[str, ...]
    input_bits: int
    max_time_us: Fraction | None


@dataclass(frozen=True, kw_only=True)
class EngineRelaxation:
    """A dropped rule, or the least limit of a budget, with the engine that it admits."""

    rule: str | None = None
    budget: str | None = None
    limit: float | None = None
    least: float | None = None
    text: str


@dataclass(frozen=True, kw_only=True)
class EngineInfeasibility:
    """Fewest rules and budgets that exclude every engine; ``held`` are rules that are not questioned."""

    blame: tuple[str, ...]
    relaxations: tuple[EngineRelaxation, ...]
    held: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, kw_only=True)
class SparseForms(Body, Forms):
    """Contents of ``sparse.json``."""

    kind: str

    @classmethod
    def form_of(cls, data: Mapping[str, object]) -> type[SparseForms]:
        """By its kind.

        Raises
        ------
        ValueError
            If no command writes this.
        """
        stated = str(data.get("kind"))
        if stated not in FORMS:
            raise ValueError(f"{stated!r} is no kind of the sparse engine: {', '.join(FORMS)}")
        return FORMS[stated]


@dataclass(frozen=True, kw_only=True)
class SparseSearch(Rated, Versioned):
    """Part of a body: the outcome of a search of the sparse engine; ``wall_s`` is in seconds."""

    ORDER: ClassVar[Order] = ("format", "kind", "status", ..., "seed", "workers", "wall_s", "versions")
    kind: str
    seed: int
    workers: int
    wall_s: float


@dataclass(frozen=True, kw_only=True)
class SizingBody(SparseSearch, SparseForms):
    """The best engine under budgets, or what excludes every engine."""

    objective: SizingObjective
    request: SizingQuestion
    design: EngineEntry | None = None
    infeasible: EngineInfeasibility | None = None


@dataclass(frozen=True, kw_only=True)
class SpreadObjective(Objective):
    """Rows per right neuron."""

    ORDER: ClassVar[Order] = ("name", "sense", ...)
    sense: str
    value: int | None
    bound: int


@dataclass(frozen=True, kw_only=True)
class JunctionEntry:
    """Sizes of a junction."""

    left: int
    right: int
    out_degree: int
    in_degree: int
    z: int
    depth: int


@dataclass(frozen=True, kw_only=True)
class FoundPattern:
    """A pattern: start rows per sweep, the order of slots under dither, and the digest of its table of edges."""

    starts: tuple[Numbers, ...]
    spread: int
    order: tuple[Numbers, ...] | None
    edges_sha256: str


@dataclass(frozen=True, kw_only=True)
class PatternEntry(SparseSearch):
    """The pattern of a junction, or the demands that exclude every pattern."""

    objective: SpreadObjective
    junction: JunctionEntry
    pattern_type: int = field(metadata=key("type"))
    dither: bool
    latency: int | None
    wanted_spread: int | None
    patterns: Mapping[str, str]
    found: FoundPattern | None = field(default=None, metadata=INLINE)
    infeasible: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class PatternsBody(Rated, SparseForms):
    """Access patterns of all junctions."""

    ORDER: ClassVar[Order] = ("format", "kind", "status", ...)
    junctions: tuple[PatternEntry, ...]


@dataclass(frozen=True, kw_only=True)
class SimulatedEngine:
    """What was simulated: the engine and the format of its words."""

    neurons: Numbers
    out_degrees: Numbers
    z: Numbers
    proctime: int
    exact: ExactClock
    format: str


@dataclass(frozen=True, kw_only=True)
class ExactClock:
    """The clock that a float may round."""

    clock_mhz: Fraction


@dataclass(frozen=True, kw_only=True)
class SimulationFigures:
    """What the clocked simulator counted, and whether it and the masked matrices are equal word by word."""

    equal: bool
    inputs: int
    clocks: int
    blocks: int
    block_cycle: int
    accesses: int
    forwarding: bool
    forwarded: int
    learned: bool
    word: str
    rate_shift: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class SimulationBody(SparseForms):
    """A run of the clocked simulator beside the masked matrices."""

    run: SimulationFigures = field(metadata=INLINE)
    problem: SimulatedEngine


@dataclass(frozen=True, kw_only=True)
class EngineReportBody(SparseForms):
    """An engine and its costs."""

    input_width_bits: int
    engine: EngineEntry = field(metadata=INLINE)


@dataclass(frozen=True, kw_only=True)
class AccuracyEntry:
    """Test accuracy of a word format at a density: mean, least and most over the seeds."""

    format: str
    density: float
    out_degrees: Numbers
    time_us: float
    mean: float
    least: float
    most: float


@dataclass(frozen=True, kw_only=True)
class AccuracyBody(Versioned, SparseForms):
    """Accuracy against word width and density."""

    ORDER: ClassVar[Order] = ("format", "kind", ..., "versions")
    neurons: Numbers
    epochs: int
    rate_shift: int
    accuracies: tuple[AccuracyEntry, ...]


FORMS: dict[str, type[SparseForms]] = {
    SIZING: SizingBody,
    PATTERNS: PatternsBody,
    SIMULATION: SimulationBody,
    REPORT: EngineReportBody,
    ACCURACY: AccuracyBody,
}
