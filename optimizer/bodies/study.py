"""The bodies of studies: of limits on the hardware, and of fronts in energy and latency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar, Final, Literal

from optimizer.bodies.head import Objective, Searched, Warned
from optimizer.bodies.solve import SolveBody, Space
from optimizer.files.records import Forms, Json, Order, key
from optimizer.files.rules import BrokenRuleError
from optimizer.problem.status import Status

Limits = Mapping[str, Fraction | None]
"""Limits by name, exact; None: the end of the range."""
STAIRCASE: Final = "staircase"
FRONT: Final = "front"
CONSTRAINT: Final = "constraint:"
"""Before the name of a constraint that a limit of 0 keeps and one of 1 drops."""


@dataclass(frozen=True, kw_only=True)
class RangeEntry:
    """The range of a limit; None: without an end.

    ``constraint`` is one that the limit keeps (0) or drops (1): a table as the architecture states it, a relation under
    the key ``relation``.
    """

    name: str
    unit: str
    low: Fraction | None
    high: Fraction | None
    constraint: Json | None = None


@dataclass(frozen=True, kw_only=True)
class StepObjective:
    """The objective of a step, and its change from the step before in percent."""

    value: float
    bound: float
    gap: float
    exact: Fraction
    change_percent: float | None


@dataclass(frozen=True, kw_only=True)
class ExactCost:
    """Energy units and cycles of a design of a front."""

    energy: int
    latency: int


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """The next better design: the limit that it needs, and what improves."""

    to: Fraction
    design: int
    change_percent: float
    menus: Mapping[str, tuple[object, object]]


@dataclass(frozen=True, kw_only=True)
class StudyDesign:
    """A design of a study and the least limits that admit it.

    Steps of a staircase state their objective, the menus of which they take the largest entry, and per limit the next
    better step; designs of a front their exact costs. ``certificate_box`` is the box that solves its point.
    """

    number: int
    needs: Limits
    status: Status
    objective: StepObjective | None = None
    exact: ExactCost | None = None
    energy_pj: float
    latency_cycles: float
    latency_ms: float
    metrics: Mapping[str, float]
    choices: Mapping[str, object]
    at_largest: tuple[str, ...] | None = None
    relaxed: Mapping[str, NextStep | None] | None = None
    certificate_box: int | None


@dataclass(frozen=True, kw_only=True)
class StudyCell:
    """Limits with one best design: from ``start`` on and below ``below``."""

    start: Limits = field(metadata=key("from"))
    below: Limits
    design: int | None
    status: Status
    exact_bound: Fraction | None


@dataclass(frozen=True, kw_only=True)
class StudySection:
    """What a study found; ``tolerance`` is that of a front, ``front`` the one that a staircase was read off."""

    format: str
    kind: Literal["staircase", "front"]
    status: Status
    tolerance: Fraction | None = None
    vary: tuple[RangeEntry, ...]
    designs: tuple[StudyDesign, ...]
    cells: tuple[StudyCell, ...]
    least: tuple[Limits, ...]
    front: tuple[StudyDesign, ...] | None = None

    def __post_init__(self) -> None:
        """Limits of designs and cells are on all that is varied."""
        varied = {one.name for one in self.vary}
        stated = [(("designs", number, "needs"), design.needs) for number, design in enumerate(self.designs)]
        for number, cell in enumerate(self.cells):
            stated += [(("cells", number, "from"), cell.start), (("cells", number, "below"), cell.below)]
        for path, limits in stated:
            if not varied <= set(limits):
                raise BrokenRuleError("not the limits on all that is varied", ", ".join(sorted(varied)), *path)


@dataclass(frozen=True, kw_only=True)
class FrontObjective(Objective):
    """What the steps minimize, or what a front is shown in; there is no single value."""

    value: float | None = None
    bound: float | None = None
    gap: float | None = None


@dataclass(frozen=True, kw_only=True)
class FrontPointCounts:
    """Hardware points by the reason that closed them."""

    total: int
    boxes: int
    area: int
    covered: int
    solved: int
    infeasible: int
    open: int


class StudyForms(Forms):
    """Contents of ``result.json`` of a study."""

    @classmethod
    def form_of(cls, data: Mapping[str, object]) -> type[StudyForms]:
        """A study of limits on the hardware holds the best design under the loosest ones, and its value."""
        stated = data.get("objective")
        return StudyBody if isinstance(stated, dict) and "value" in stated else FrontBody


@dataclass(frozen=True, kw_only=True)
class StudyBody(SolveBody, StudyForms):
    """A study of limits on the hardware, beside the best design under the loosest limits."""

    ORDER: ClassVar[Order] = (*SolveBody.ORDER, "study")
    study: StudySection


@dataclass(frozen=True, kw_only=True)
class FrontBody(Searched, Warned, StudyForms):
    """A front in energy and latency, or a staircase read off it."""

    ORDER: ClassVar[Order] = (
        "format",
        "termination",
        ...,
        "warnings",
        "versions",
        "seed",
        "problem",
        "problem_hash",
        "status",
        "study",
        "wall_s",
    )
    objective: FrontObjective
    accounting: str
    space: Space
    network: str
    architecture: str
    hardware_points: FrontPointCounts
    study: StudySection
