"""The body of a co-design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

from optimizer.bodies.hardware import Chip
from optimizer.bodies.head import FIRST, LAST, Reconciled, StatedObjective, Warned
from optimizer.bodies.infeasibility import JointInfeasibility
from optimizer.bodies.solve import PointCounts, Space
from optimizer.files.records import INLINE, Order
from optimizer.files.rules import BrokenRuleError
from optimizer.problem.status import Status


@dataclass(frozen=True, kw_only=True)
class JointObjective(StatedObjective):
    """The aggregate of the networks' objectives, with value and bound as people read them."""

    ORDER: ClassVar[Order] = ("name", "aggregate", "relative", "weights", ...)
    aggregate: str
    relative: bool
    weights: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class NetworkFigures:
    """Costs of a network on a design, and by how many percent its objective is above its own best one, if known."""

    energy_pj: float
    latency_cycles: float
    latency_ms: float
    power_w: float | None
    value: float
    loss_percent: float | None = None


@dataclass(frozen=True, kw_only=True)
class CrossCellEntry:
    """A network on a design: its figures, or the status that says why there are none."""

    status: str | None = None
    figures: NetworkFigures | None = field(default=None, metadata=INLINE)


@dataclass(frozen=True, kw_only=True)
class OwnDesign:
    """The best design of a network by itself."""

    status: Status
    choices: Mapping[str, object] | None = None
    area_um2: int | None = None
    figures: NetworkFigures | None = field(default=None, metadata=INLINE)


@dataclass(frozen=True, kw_only=True)
class NetworkEntry:
    """A network on the joint design, and its own best design."""

    name: str
    caps: Mapping[str, Fraction]
    joint: CrossCellEntry | None
    alone: OwnDesign


@dataclass(frozen=True, kw_only=True)
class CrossEntry:
    """A design of the cross table: every network on it, its aggregate, and how much better the joint design is."""

    design: str
    choices: Mapping[str, object]
    area_um2: int
    networks: Mapping[str, CrossCellEntry]
    aggregate: float | None
    improvement_percent: float | None


@dataclass(frozen=True, kw_only=True)
class CodesignBody(Reconciled, Warned):
    """Contents of ``result.json`` of a co-design."""

    ORDER: ClassVar[Order] = (*FIRST, ..., "warnings", *LAST, "chip", "disagreements", "infeasible")
    objective: JointObjective
    energy_unit: str
    accounting: str
    space: Space
    architecture: str
    networks: tuple[NetworkEntry, ...]
    cross: tuple[CrossEntry, ...]
    hardware_points: PointCounts | None
    chip: Chip | None = field(default=None, metadata=INLINE)
    infeasible: JointInfeasibility | None = None

    def __post_init__(self) -> None:
        """Every design of the cross table is that of all networks."""
        names = [entry.name for entry in self.networks]
        for number, entry in enumerate(self.cross):
            if set(entry.networks) != set(names):
                raise BrokenRuleError("not the networks of all", ", ".join(names), "cross", number, "networks")
