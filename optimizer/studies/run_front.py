"""Studies of energy and latency: fronts in both, and limits on one of the two."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from optimizer.architecture.architecture import Architecture
from optimizer.bodies.certificates import FRONT_FORMAT, FrontBox, FrontCertificate, TangentLine
from optimizer.bodies.solve import Space
from optimizer.bodies.study import (
    CONSTRAINT,
    FRONT,
    ExactCost,
    FrontBody,
    FrontObjective,
    FrontPointCounts,
    StudyDesign,
    StudySection,
)
from optimizer.errors import SpecError
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.problem import Problem
from optimizer.problem.status import Status
from optimizer.problem.versions import versions
from optimizer.results.certificate import menus_of, parts_of
from optimizer.results.formats import STUDY_FORMAT
from optimizer.results.kinds import StudyResult
from optimizer.results.totals import unit_value
from optimizer.scaling.options import Options
from optimizer.search.incumbents import Incumbent
from optimizer.search.off_chip import refuse_excess
from optimizer.search.point_solver import Pick
from optimizer.search.prepared_problem import PreparedProblem, begun, prepare
from optimizer.studies.front import SHARE, Covered, FrontExplorer, FrontState, lines_of
from optimizer.studies.frontier import Spot, open_gap
from optimizer.studies.metrics import DYNAMIC, Range
from optimizer.studies.progress import Watcher
from optimizer.studies.request import FrontRequest
from optimizer.studies.result_data import Describer, Scale, asking, limits_entry, range_entry, static_metrics
from optimizer.studies.run import budgeted, takes
from optimizer.studies.staircase import Held, Staircase
from optimizer.studies.steps import Places


def run(request: FrontRequest, options: Options) -> StudyResult:
    """The exact front in energy and latency over all hardware points and mappings.

    Raises
    ------
    SpecError
        On inputs that make no sense, or if the exact front is too large.
    """
    started = time.perf_counter()
    vary, architecture, objective, tolerance = request.vary, request.architecture, request.objective, request.tolerance
    static = [varied for varied in vary if varied.name not in DYNAMIC]
    _check(vary, static, architecture, objective, tolerance)
    asked = Problem(
        request.network, capped(architecture, vary), objective or "energy", request.padding, engine=request.engine
    )
    prepared = prepare(asked, cache_dir=options.cache_dir)
    refuse_excess(prepared)
    deadline = begun(prepared, options, started)
    places = Places(prepared.points, static)
    explorer = FrontExplorer(prepared.network_bounds, places, prepared.area_cap_um2, tolerance, options.workers)
    watcher = None if options.progress is None else Watcher(prepared.points.total, started, options.progress)
    state = explorer.run(deadline=deadline, report=watcher)
    prepared = asking(prepared, vary, None if objective is not None else tolerance)
    told = _Told(prepared, state, vary, tolerance)
    section = told.front() if objective is None else told.staircase()
    wall_s = round(time.perf_counter() - started, 3)
    return StudyResult(_body(prepared, state, options.seed, section, wall_s), _certificate(prepared, state, tolerance))


def _check(
    vary: Sequence[Range],
    static: Sequence[Range],
    architecture: Architecture,
    objective: str | None,
    tolerance: Fraction,
) -> None:
    if len(static) > 1 or len(vary) - len(static) > 1:
        raise SpecError(
            "besides energy and latency at most one metric of the hardware can be varied",
            field="--vary",
            value=[varied.name for varied in vary],
            allowed="one of latency-ms, energy-mj, and one other",
            remedy="drop one",
        )
    dropped = [varied.name for varied in vary if varied.name.startswith(CONSTRAINT)]
    if dropped:
        raise SpecError(
            "a constraint is dropped beside limits on the hardware only",
            field="--constraint",
            value=[name.removeprefix(CONSTRAINT) for name in dropped],
            allowed="--vary with metrics of the hardware",
            remedy="drop --pareto, or the limit on latency or energy",
        )
    if architecture.budgets.power_w is not None:
        raise SpecError(
            "fronts of energy and latency do not go with a budget of power",
            field="budgets.power_w",
            value=architecture.budgets.power_w,
            allowed="budgets of area, bandwidth, latency, energy",
            remedy="drop the budget",
        )
    if tolerance and objective is not None:
        raise SpecError(
            "only a front of energy and latency has a tolerance",
            field="tolerance",
            value=tolerance,
            allowed="0 where one objective is asked for",
            remedy="drop it: this study is exact",
        )
    for varied in vary:
        if varied.name == {"latency": "latency-ms", "energy": "energy-mj"}.get(objective or ""):
            raise SpecError(
                "the objective itself is no limit on it",
                field=f"--vary {varied.name}",
                value=objective,
                allowed="another objective: energy or edp with latency-ms, latency or edp with energy-mj",
                remedy="choose another --objective",
            )


def capped(architecture: Architecture, vary: Sequence[Range]) -> Architecture:
    """Under the loosest limits of the ranges."""
    known = budgeted(architecture, vary)
    names = {"latency-ms": "latency_ms", "energy-mj": "energy_mj"}
    limits: dict[str, Any] = {}
    for varied in vary:
        if varied.name in names and varied.high is not None:
            before = getattr(known.budgets, names[varied.name])
            limits[names[varied.name]] = varied.high if before is None else min(before, varied.high)
    return known.with_budgets(replace(known.budgets, **limits))


def _body(prepared: PreparedProblem, state: FrontState, seed: int, section: StudySection, wall_s: float) -> FrontBody:
    """What ``result.json`` holds."""
    some = prepared.points.some
    return FrontBody(
        format=STUDY_FORMAT,
        termination=state.ended,
        objective=FrontObjective(name=prepared.goal.objective, unit=unit_value(prepared.goal.objective, some)[0]),
        accounting=prepared.accounting,
        space=Space(text=prepared.space, padding=prepared.padding, reuse="innermost"),
        network=prepared.network.name,
        architecture=prepared.architecture.name,
        hardware_points=FrontPointCounts(
            total=state.total,
            boxes=len(state.closed),
            area=state.points("area"),
            covered=state.points("covered"),
            solved=state.points("solved"),
            infeasible=state.points("infeasible"),
            open=state.points("open"),
        ),
        warnings=tuple(prepared.network.warnings),
        versions=versions(),
        seed=seed,
        problem=prepared.problem,
        problem_hash=prepared.problem_hash,
        status=section.status.of_whole(counted=not prepared.network.uncounted),
        study=section,
        wall_s=wall_s,
    )


class _Told:
    """Makes the sections of a result from a front."""

    def __init__(
        self, prepared: PreparedProblem, state: FrontState, vary: Sequence[Range], tolerance: Fraction
    ) -> None:
        self.prepared, self.state, self.vary, self.tolerance = prepared, state, list(vary), tolerance
        self._static = [varied for varied in vary if varied.name not in DYNAMIC]
        self._counts = [pricer.count for pricer in prepared.search_pricers]
        self._some = prepared.points.some

    def front(self) -> StudySection:
        """What a study says of a front."""
        designs, complete = self._designs(), self.state.complete
        status = (Status.OPTIMAL if complete else Status.FEASIBLE) if designs else None
        return StudySection(
            format=STUDY_FORMAT,
            kind=FRONT,
            status=status or (Status.INFEASIBLE if complete else Status.UNKNOWN),
            tolerance=self.tolerance,
            vary=tuple(range_entry(varied) for varied in self.vary),
            designs=designs,
            cells=(),
            least=(),
        )

    def _designs(self) -> tuple[StudyDesign, ...]:
        """The designs of the front."""
        boxes = [entry.box for entry in self.state.closed]
        designs = []
        for n, spot in enumerate(self.state.frontier.thinned(self.tolerance * SHARE), start=1):
            found = self._found(spot)
            took = takes(self.prepared, found)
            designs.append(
                StudyDesign(
                    number=n,
                    needs=limits_entry(self._static, spot.place),
                    status=Status.OPTIMAL if self._settled(spot) else Status.FEASIBLE,
                    exact=ExactCost(energy=spot.energy, latency=spot.latency),
                    energy_pj=took.energy_pj,
                    latency_cycles=took.latency_cycles,
                    latency_ms=took.latency_ms,
                    metrics=static_metrics(found.point),
                    choices=dict(found.point.choices),
                    certificate_box=boxes.index(spot.box) if spot.box in boxes else None,
                )
            )
        return tuple(designs)

    def staircase(self) -> StudySection:
        """What a study says of an objective over limits, with the front that it was read off."""
        spots = self.state.frontier.spots
        placed = [(self._place(spot.energy, spot.latency, spot.place), self._found(spot)) for spot in spots]
        held: list[Held] = [([place], found.value) for place, found in placed]
        for entry in self.state.closed:
            if entry.by == "open":
                held.append(self._open(entry))
        staircase = Staircase(self.vary, placed, held)
        scale = Scale(Aggregate(), unit_value(self.prepared.goal.objective, self._some)[1])
        boxes = [entry.box for entry in self.state.closed]
        described = Describer(
            staircase,
            self.prepared.points,
            boxes,
            scale,
            lambda found: takes(self.prepared, found),
            complete=self.state.complete,
        )
        return replace(described.section(), front=self._designs())

    def _found(self, spot: Spot) -> Incumbent:
        goal, pick = self.prepared.goal, Pick(spot.energy, spot.latency, ())
        value = goal.value(spot.energy, spot.latency)
        point = self.prepared.points.points[tuple(low for low, _ in spot.box)]
        return Incumbent(value, (pick,), point, spot.box, (value, (Fraction(spot.latency),), (spot.energy,), spot.box))

    def _place(self, energy: int, latency: int, static: Sequence[Fraction]) -> tuple[Fraction, ...]:
        """The least limits that admit a cost on hardware of a static place."""
        point, rest = self._some, iter(static)
        place = []
        for varied in self.vary:
            if varied.name == "latency-ms":
                place.append(varied.place(latency * 1000 / (point.clock_mhz * 10**6)))
            elif varied.name == "energy-mj":
                place.append(varied.place(energy * (point.energy_unit_pj or Fraction(1)) / 10**9))
            else:
                place.append(next(rest))
        return tuple(place)

    def _least(self, entry: Covered) -> tuple[int, int]:
        """Lower bounds on the energy and latency of designs of a box."""
        lines = dict(lines_of(entry.known, self._counts, entry.fixed))
        cycles = sum(c * v for c, v in zip(self._counts, entry.known.latency, strict=True)) if lines else 0
        return lines.get(0, 0), entry.fixed[1] + cycles

    def _open(self, entry: Covered) -> Held:
        """Bounds of an open box."""
        energy, latency = self._least(entry)
        static = Places(self.prepared.points, self._static).least(entry.box)
        return [self._place(energy, latency, place) for place in static], self.prepared.goal.value(energy, latency)

    def _settled(self, spot: Spot) -> bool:
        """Can no design of an open box beat this one?"""
        places = Places(self.prepared.points, self._static)
        for entry in self.state.closed:
            if entry.by == "open" and any(
                all(a <= b for a, b in zip(place, spot.place, strict=True)) for place in places.least(entry.box)
            ):
                lines = lines_of(entry.known, self._counts, entry.fixed)
                if open_gap([(spot.latency, spot.energy)], lines, self._least(entry)[1]) is not None:
                    return False
        return True


def _certificate(prepared: PreparedProblem, state: FrontState, tolerance: Fraction) -> FrontCertificate:
    return FrontCertificate(
        format=FRONT_FORMAT,
        problem_hash=prepared.problem_hash,
        accounting=prepared.accounting,
        space=prepared.space,
        padding=prepared.padding,
        tolerance=tolerance,
        menus=menus_of(prepared.points),
        layers=parts_of(prepared),
        boxes=tuple(_box(entry) for entry in state.closed),
    )


def _box(entry: Covered) -> FrontBox:
    return FrontBox(
        box=entry.box,
        points=entry.points,
        closed_by=entry.by,
        area_um2=entry.area_um2,
        fixed=entry.fixed,
        lines=tuple(TangentLine(weight=weight, values=tuple(values)) for weight, values in entry.known.lines),
        latency_floors=tuple(entry.known.latency),
    )
