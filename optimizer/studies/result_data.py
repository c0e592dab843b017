"""Staircases as a result states them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from optimizer.architecture.boxes import Box, PointSet
from optimizer.architecture.hardware import Hardware
from optimizer.bodies.study import (
    STAIRCASE,
    Limits,
    NextStep,
    RangeEntry,
    StepObjective,
    StudyCell,
    StudyDesign,
    StudySection,
)
from optimizer.files.records import Json, to_json
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.status import Status
from optimizer.results.formats import STUDY_FORMAT
from optimizer.results.totals import Totals, number
from optimizer.search.incumbents import Incumbent, Rank
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.studies.dropped import ConstraintRange
from optimizer.studies.metrics import STATIC, Range
from optimizer.studies.staircase import Corner, Staircase, StaircaseCell
from optimizer.studies.steps import minimal


def study_status(statuses: Sequence[Status], *, designs: bool) -> Status:
    """OPTIMAL if every part is proved, else FEASIBLE, INFEASIBLE or UNKNOWN."""
    settled = all(status in (Status.OPTIMAL, Status.INFEASIBLE) for status in statuses)
    if designs:
        return Status.OPTIMAL if settled else Status.FEASIBLE
    return Status.INFEASIBLE if settled else Status.UNKNOWN


def range_entry(varied: Range) -> RangeEntry:
    """A range, exact."""
    stated = varied.stated if isinstance(varied, ConstraintRange) else None
    return RangeEntry(name=varied.name, unit=varied.unit, low=varied.low, high=varied.high, constraint=stated)


def static_metrics(point: Hardware) -> dict[str, float]:
    """All metrics of a hardware point that have a value, in the units of their names."""
    known = {name: metric.of(point) for name, metric in STATIC.items() if name != "buffer-kib" or len(point.levels) > 1}
    return {name: number(value) for name, value in known.items() if value}


def limits_entry(ranges: Sequence[Range], place: Sequence[Fraction | None]) -> Limits:
    """Limits by name, exact; None: the end of the range."""
    return {varied.name: value for varied, value in zip(ranges, place, strict=True)}


def question(ranges: Sequence[Range], tolerance: Fraction | None = None) -> Json:
    """The request of a study besides its problem under the loosest limits; with a tolerance, that of a front."""
    front = {} if tolerance is None else {"front_tolerance": str(tolerance)}
    return {"vary": [to_json(range_entry(varied)) for varied in ranges]} | front


def asking(prepared: PreparedProblem, ranges: Sequence[Range], tolerance: Fraction | None = None) -> PreparedProblem:
    """The prepared problem with the request of the study, so that its hash covers the request."""
    return replace(prepared, problem=prepared.problem | {"study": question(ranges, tolerance)})


@dataclass(frozen=True)
class Scale:
    """How an objective is shown: `worth` is how much of its unit one integer unit is."""

    aggregate: Aggregate
    worth: Fraction

    def show(self, value: Fraction) -> int | float:
        """In its unit; of a geometric mean, the mean itself."""
        if self.aggregate.kind == "geomean":
            return self.aggregate.mean(value) * float(self.worth)
        return number(value * self.worth)

    def percent(self, value: Fraction, before: Fraction) -> float:
        """Change of what is shown, in percent."""
        if not before:
            return 0.0
        return 100 * (self.aggregate.mean(value / before) - 1) if value != before else 0.0


class Describer:
    """Describes a staircase.

    Parameters
    ----------
    staircase : Staircase
    points : PointSet
    closed : sequence of Box
        The boxes in the order of the certificate.
    scale : Scale
    takes : callable
        Totals of a design.
    complete : bool
        Are all boxes closed?
    """

    def __init__(
        self,
        staircase: Staircase,
        points: PointSet,
        closed: Sequence[Box],
        scale: Scale,
        takes: Callable[[Incumbent], Totals],
        *,
        complete: bool,
    ) -> None:
        self.staircase, self.points, self.scale, self._takes = staircase, points, scale, takes
        self.steps = staircase.steps
        self._numbers: dict[Rank, int] = {found.rank: n for n, found in enumerate(self.steps, start=1)}
        self._boxes, self._complete = list(closed), complete

    def section(self) -> StudySection:
        """What the study found."""
        ranges = self.staircase.ranges
        cells = tuple(self._cell(cell) for cell in self.staircase.cells)
        places = [self.staircase.place(found) for found in self.steps]
        nothing = Status.INFEASIBLE if self._complete else Status.UNKNOWN
        statuses = [cell.status for cell in cells] or [nothing]
        return StudySection(
            format=STUDY_FORMAT,
            kind=STAIRCASE,
            status=study_status(statuses, designs=bool(self.steps)),
            vary=tuple(range_entry(varied) for varied in ranges),
            designs=tuple(self._design(n, found) for n, found in enumerate(self.steps)),
            cells=cells,
            least=tuple(limits_entry(ranges, place) for place in minimal(places)),
        )

    def _cell(self, cell: StaircaseCell) -> StudyCell:
        ranges = self.staircase.ranges
        return StudyCell(
            start=limits_entry(ranges, cell.start),
            below=limits_entry(ranges, cell.below),
            design=None if cell.found is None else self._numbers[cell.found.rank],
            status=Status(cell.status),
            exact_bound=cell.bound,
        )

    def _design(self, number_before: int, found: Incumbent) -> StudyDesign:
        place = self.staircase.place(found)
        corner = self.staircase.corner(place)
        cell = self.staircase.cell(corner)
        assert cell is not None and cell.bound is not None
        bound = min(cell.bound, found.value)
        one = len(place) == 1 and number_before > 0
        before = self.steps[number_before - 1] if one else None
        took = self._takes(found)
        return StudyDesign(
            number=number_before + 1,
            needs=limits_entry(self.staircase.ranges, place),
            status=Status(cell.status),
            objective=StepObjective(
                value=self.scale.show(found.value),
                bound=self.scale.show(bound),
                gap=float((found.value - bound) / found.value) if found.value else 0.0,
                exact=found.value,
                change_percent=None if before is None else self.scale.percent(found.value, before.value),
            ),
            energy_pj=took.energy_pj,
            latency_cycles=took.latency_cycles,
            latency_ms=took.latency_ms,
            metrics=static_metrics(found.point),
            choices=dict(found.point.choices),
            at_largest=self._at_largest(found.box),
            relaxed=self._relaxed(corner, found),
            certificate_box=self._box(found.box),
        )

    def _box(self, box: Box) -> int | None:
        """Where the certificate solves the design's point; None if time ran out before."""
        return next((n for n, known in enumerate(self._boxes) if known == box), None)

    def _at_largest(self, box: Box) -> tuple[str, ...]:
        """Menus of several entries of which the design takes the last one."""
        sides = zip(self.points.paths, self.points.labels, box, strict=True)
        return tuple(path for path, labels, (low, _) in sides if 0 < low == len(labels) - 1)

    def _relaxed(self, corner: Corner, found: Incumbent) -> dict[str, NextStep | None]:
        """Per limit the next better design: by how much the limit must be raised, and by how much the objective
        improves.
        """
        known: dict[str, NextStep | None] = {}
        for axis, varied in enumerate(self.staircase.ranges):
            further = list(corner)
            while True:
                further[axis] += 1
                cell = self.staircase.cell(tuple(further))
                if cell is None:
                    known[varied.name] = None
                    break
                if cell.found is not None and cell.found.value < found.value:
                    known[varied.name] = NextStep(
                        to=cell.start[axis],
                        design=self._numbers[cell.found.rank],
                        change_percent=self.scale.percent(cell.found.value, found.value),
                        menus=changes(found, cell.found),
                    )
                    break
        return known


def changes(one: Incumbent, other: Incumbent) -> dict[str, tuple[object, object]]:
    """Menus of which two designs take different entries."""
    there = dict(other.point.choices)
    return {path: (entry, there[path]) for path, entry in one.point.choices if entry != there[path]}
