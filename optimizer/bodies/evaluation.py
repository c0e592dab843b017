"""The body of an evaluation of groups given by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optimizer.bodies.solve import Comparison, Design, Space, TrainingEntry
from optimizer.files.records import INLINE, Json
from optimizer.problem.status import Status


@dataclass(frozen=True, kw_only=True)
class EvaluatedObjective:
    """What the loop nests minimize, and what it comes to; the design itself is no choice, so nothing bounds it."""

    name: str
    unit: str
    value: float
    bound: float | None = None
    gap: float | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluatedDesign(Design):
    """One way to run a network; ``dram_words`` pass the outermost level in one run."""

    dram_words: int


@dataclass(frozen=True, kw_only=True)
class EvaluatedPart:
    """The same hardware point layer by layer."""

    status: Status
    objective: EvaluatedObjective
    design: EvaluatedDesign = field(metadata=INLINE)


@dataclass(frozen=True, kw_only=True)
class EvaluationBody:
    """Contents of ``evaluation.json``."""

    format: str
    status: Status
    accounting: str
    space: Space
    network: str
    training: TrainingEntry | None = None
    architecture: str
    warnings: tuple[str, ...]
    versions: Mapping[str, str]
    problem: Json
    problem_hash: str
    objective: EvaluatedObjective
    design: EvaluatedDesign = field(metadata=INLINE)
    layer_by_layer: EvaluatedPart
    comparison: Comparison
    wall_s: float
