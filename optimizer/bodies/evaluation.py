"""The body of an evaluation of groups given by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from optimizer.bodies.head import Objective, Warned
from optimizer.bodies.solve import Comparison, Design, Space, TrainingEntry
from optimizer.files.records import INLINE, Order
from optimizer.problem.status import Status


@dataclass(frozen=True, kw_only=True)
class EvaluatedObjective(Objective):
    """What the loop nests minimize, and what it comes to; the design itself is no choice, so nothing bounds it."""

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
class EvaluationBody(Warned):
    """Contents of ``evaluation.json``."""

    ORDER: ClassVar[Order] = (
        "format",
        "status",
        ...,
        "warnings",
        "versions",
        "problem",
        "problem_hash",
        "objective",
        "design",
        "layer_by_layer",
        "comparison",
        "wall_s",
    )
    accounting: str
    space: Space
    network: str
    training: TrainingEntry | None = None
    architecture: str
    objective: EvaluatedObjective
    design: EvaluatedDesign = field(metadata=INLINE)
    layer_by_layer: EvaluatedPart
    comparison: Comparison
