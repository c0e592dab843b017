"""Result, certificate and cross table of a co-design."""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace
from fractions import Fraction

from optimizer.architecture.hardware import Hardware
from optimizer.bodies.certificates import (
    CODESIGN_CERTIFICATE_FORMAT,
    CodesignCertificate,
    ExactColumn,
    JointBox,
    NetworkParts,
)
from optimizer.bodies.codesign import (
    CodesignBody,
    CrossCellEntry,
    CrossEntry,
    JointObjective,
    NetworkEntry,
    NetworkFigures,
    OwnDesign,
)
from optimizer.bodies.hardware import Chip
from optimizer.bodies.solve import Space
from optimizer.multi_network.explorations import CrossCell
from optimizer.multi_network.request import Team
from optimizer.multi_network.search import CrossColumn, Findings, shown
from optimizer.problem.status import Status, Termination
from optimizer.problem.versions import versions
from optimizer.results.certificate import closed_entry, menus_of, parts_of
from optimizer.results.formats import CODESIGN_FORMAT, JOINT
from optimizer.results.solve_result import settled
from optimizer.results.totals import counts, device_entry, hardware_entry, number, status_of, totals, unit_value
from optimizer.search.exploration import Closed
from optimizer.search.prepared_problem import PreparedProblem


def joint_status(found: Findings) -> Status:
    """Status of the joint design."""
    if found.hopeless:
        return Status.INFEASIBLE
    return Status.UNKNOWN if found.joint is None else status_of(found.joint)


def joint_termination(found: Findings) -> Termination:
    """Why the work ended: for the joint design, and for those of single networks."""
    ends = [state.ended for state in (found.joint, *found.alone) if state is not None]
    return next((ended for ended in reversed(Termination) if ended in ends), Termination.COMPLETE)


def columns_of(found: Findings) -> list[CrossColumn]:
    """The joint design, then those of single networks."""
    return [*([] if found.on_joint is None else [found.on_joint]), *found.columns]


def codesign_body(team: Team, found: Findings, seed: int, wall_s: float) -> CodesignBody:
    """What ``result.json`` holds."""
    joint = found.joint
    prepared = team.prepared_problems[0]
    point = None if joint is None else joint.best_point
    faults = [fault for state in (joint, *found.alone) if state is not None for fault in state.disagreements]
    return CodesignBody(
        format=CODESIGN_FORMAT,
        status=joint_status(found).of_whole(counted=not any(one.network.uncounted for one in team.prepared_problems)),
        termination=Termination.DISAGREEMENT if faults else joint_termination(found),
        objective=_objective(team, found),
        energy_unit=unit_value("energy", team.points.some)[0],
        accounting=prepared.accounting,
        space=Space(text=prepared.space, reuse="innermost"),
        architecture=prepared.architecture.name,
        networks=tuple(_network_entry(team, found, n) for n in range(len(team.names))),
        cross=cross_table(team, found),
        hardware_points=None if joint is None else counts(prepared, joint),
        warnings=tuple(dict.fromkeys(line for one in team.prepared_problems for line in one.network.warnings)),
        versions=versions(),
        seed=seed,
        wall_s=round(wall_s, 3),
        problem=team.problem,
        problem_hash=team.problem_hash,
        chip=None if point is None else _chip(prepared, point),
        disagreements=tuple(dict.fromkeys(faults)) or None,
    )


def _chip(prepared: PreparedProblem, point: Hardware) -> Chip:
    return Chip(hardware=hardware_entry(point), area_um2=point.area_um2, device=device_entry(prepared, point))


def _objective(team: Team, found: Findings) -> JointObjective:
    """The joint objective as people read it; of the geometric mean, the root. Exact values are in the certificate."""
    value = bound = unit = gap = None
    joint, aggregate = found.joint, found.aggregate
    if joint is not None and aggregate is not None:
        unit, show = shown(team, aggregate)
        least = joint.bound if joint.value is None else min(joint.bound, joint.value)
        bound = show(least)
        if joint.value is not None:
            value, gap = show(joint.value), abs(aggregate.excess(least, joint.value))
    return JointObjective(
        name=team.prepared_problems[0].goal.objective,
        aggregate=team.kind,
        relative=team.relative,
        weights={name: number(m.weight) for name, m in zip(team.names, team.members, strict=True)},
        unit=unit,
        value=value,
        bound=bound,
        gap=gap,
    )


def _network_entry(team: Team, found: Findings, n: int) -> NetworkEntry:
    """A network on the joint design, its own best design, and by how many percent the first is worse."""
    alone, joint = found.alone[n], found.on_joint
    counted = not team.prepared_problems[n].network.uncounted
    own = OwnDesign(status=status_of(alone).of_whole(counted=counted))
    if alone.best is not None and alone.best_point is not None:
        here = alone.best_point
        cell = _cell_entry(team, n, here, CrossCell("OPTIMAL", alone.best, alone.value), None)
        own = replace(own, choices=dict(here.choices), area_um2=here.area_um2, figures=cell.figures)
    point = None if joint is None else team.points.points[tuple(low for low, _ in joint.box)]
    return NetworkEntry(
        name=team.names[n],
        caps=team.members[n].caps,
        joint=None if joint is None or point is None else _cell_entry(team, n, point, joint.cells[n], alone.value),
        alone=own,
    )


def _cell_entry(team: Team, n: int, point: Hardware, cell: CrossCell, own: Fraction | None) -> CrossCellEntry:
    """A network on a point, with the loss against its own optimum where that is given."""
    if cell.pick is None or cell.value is None:
        return CrossCellEntry(status=cell.status)
    goal = team.prepared_problems[n].goal
    _, worth = unit_value(goal.objective, point)
    figures = totals(point, cell.pick.energy, goal.stretched(cell.pick.energy, cell.pick.latency))
    return CrossCellEntry(
        figures=NetworkFigures(
            **asdict(figures),
            value=number(cell.value * worth),
            loss_percent=None if own is None else percent(cell.value, own),
        )
    )


def percent(value: Fraction, base: Fraction) -> float:
    """By how many percent a value is above a base."""
    return float(100 * (value / base - 1))


def cross_table(team: Team, found: Findings) -> tuple[CrossEntry, ...]:
    """One entry per design: every network on it, its aggregate, and how much better the joint design is."""
    table = []
    for column in columns_of(found):
        point = team.points.points[tuple(low for low, _ in column.box)]
        aggregate, gain = _joint_figures(team, found, column)
        table.append(
            CrossEntry(
                design=" and ".join(column.names) if column.names else JOINT,
                choices=dict(point.choices),
                area_um2=point.area_um2,
                networks={
                    name: _cell_entry(team, n, point, column.cells[n], found.alone[n].value)
                    for n, name in enumerate(team.names)
                },
                aggregate=aggregate,
                improvement_percent=gain,
            )
        )
    return tuple(table)


def _joint_figures(team: Team, found: Findings, column: CrossColumn) -> tuple[float | None, float | None]:
    """The aggregate of a design, and by how many percent it is above that of the joint design."""
    value = column.aggregate(found.aggregate)
    if value is None or found.aggregate is None:
        return None, None
    best = None if found.on_joint is None else found.on_joint.aggregate(found.aggregate)
    gain = None if best is None else 100 * found.aggregate.excess(value, best)
    return shown(team, found.aggregate)[1](value), gain


def certificate(team: Team, found: Findings, seed: int) -> CodesignCertificate:
    """Exact values, and what closed every box of hardware points."""
    joint, aggregate = found.joint, found.aggregate
    return CodesignCertificate(
        format=CODESIGN_CERTIFICATE_FORMAT,
        problem_hash=team.problem_hash,
        status=joint_status(found),
        objective=team.prepared_problems[0].goal.objective,
        aggregate=team.kind,
        weights=None if aggregate is None else tuple(aggregate.weights),
        powers=tuple(aggregate.powers) if aggregate is not None and team.kind == "geomean" else None,
        accounting=team.prepared_problems[0].accounting,
        value=None if joint is None else joint.value,
        bound=Fraction(0) if joint is None else joint.bound,
        master_optimum=None if joint is None else settled(joint, team.area_cap_um2, team.resource_caps, seed),
        design=None if joint is None or joint.best_box is None else tuple(low for low, _ in joint.best_box),
        menus=menus_of(team.points),
        networks=tuple(
            NetworkParts(name=name, layers=parts_of(prepared))
            for name, prepared in zip(team.names, team.prepared_problems, strict=True)
        ),
        cross=tuple(_exact_column(column) for column in columns_of(found)),
        boxes=() if joint is None else tuple(_box(team, entry) for entry in joint.closed),
    )


def _exact_column(column: CrossColumn) -> ExactColumn:
    """Energy units and cycles of every network on a design; a status where there is none."""
    cells = (cell.status if cell.pick is None else [cell.pick.energy, cell.pick.latency] for cell in column.cells)
    design = tuple(low for low, _ in column.box)
    return ExactColumn(made_for=tuple(column.names), design=design, networks=tuple(cells))


def _box(team: Team, entry: Closed) -> JointBox:
    """A box, its layer bounds network by network."""
    ends = [0]
    for prepared in team.prepared_problems:
        ends.append(ends[-1] + len(prepared.search_pricers))
    sides = list(itertools.pairwise(ends))
    box = closed_entry(entry)
    return JointBox(
        box=box.box,
        points=box.points,
        closed_by=box.closed_by,
        area_um2=box.area_um2,
        bound=box.bound,
        energy_floors=tuple(entry.energy_bounds[a:b] for a, b in sides),
        latency_floors=tuple(entry.latency_bounds[a:b] for a, b in sides),
        bound_of_point=box.bound_of_point,
        resources=box.resources,
        bounds=entry.bounds,
    )
