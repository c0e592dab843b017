"""Result, certificate and cross table of a co-design."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

from optimizer.architecture.device_plan import device_entry
from optimizer.architecture.hardware import Hardware
from optimizer.multi_network.explorations import CrossCell
from optimizer.multi_network.request import Team
from optimizer.multi_network.search import CrossColumn, Findings, shown
from optimizer.problem.status import Status, Termination
from optimizer.problem.versions import versions
from optimizer.results.certificate import closed_entry, parts_of
from optimizer.results.formats import CODESIGN_CERTIFICATE_FORMAT, CODESIGN_FORMAT, JOINT
from optimizer.results.solve_result import settled
from optimizer.results.totals import counts, hardware_entry, number, points_over, status_of, totals, unit_value
from optimizer.search.exploration import Closed

Data = dict[str, Any]


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


def result_data(team: Team, found: Findings, seed: int, wall_s: float) -> Data:
    """Contents of ``result.json``."""
    joint = found.joint
    prepared = team.prepared_problems[0]
    point = None if joint is None else joint.best_point
    data: Data = {
        "format": CODESIGN_FORMAT,
        "status": joint_status(found).value,
        "termination": joint_termination(found).value,
        "objective": _objective(team, found),
        "energy_unit": unit_value("energy", team.points.corner(team.points.whole))[0],
        "accounting": prepared.accounting,
        "space": {"text": prepared.space, "reuse": "innermost"},
        "architecture": prepared.architecture.name,
        "networks": [_network_entry(team, found, n) for n in range(len(team.names))],
        "cross": cross_table(team, found),
        "hardware_points": None if joint is None else counts(joint),
        "warnings": list(dict.fromkeys(line for one in team.prepared_problems for line in one.network.warnings)),
        "versions": versions(),
        "seed": seed,
        "wall_s": round(wall_s, 3),
        "problem": team.problem,
        "problem_hash": team.problem_hash,
    }
    plan = prepared.architecture.plan
    if joint is not None and plan is not None:
        data["hardware_points"]["closed_by_device"] = points_over(joint)
    if point is not None:
        data |= {"hardware": hardware_entry(point), "area_um2": point.area_um2}
        data |= {} if plan is None else {"device": device_entry(plan, point)}
    return data


def _objective(team: Team, found: Findings) -> Data:
    """The joint objective as people read it; of the geometric mean, the root. Exact values are in the certificate."""
    value = bound = unit = gap = None
    joint, aggregate = found.joint, found.aggregate
    if joint is not None and aggregate is not None:
        unit, show = shown(team, aggregate)
        least = joint.bound if joint.value is None else min(joint.bound, joint.value)
        bound = show(least)
        if joint.value is not None:
            value, gap = show(joint.value), abs(aggregate.excess(least, joint.value))
    return {
        "name": team.prepared_problems[0].goal.objective,
        "aggregate": team.kind,
        "relative": team.relative,
        "weights": {name: number(m.weight) for name, m in zip(team.names, team.members, strict=True)},
        "unit": unit,
        "value": value,
        "bound": bound,
        "gap": gap,
    }


def _network_entry(team: Team, found: Findings, n: int) -> Data:
    """A network on the joint design, its own best design, and by how many percent the first is worse."""
    alone, joint = found.alone[n], found.on_joint
    own = None
    if alone.best is not None and alone.best_point is not None:
        own = _cell_entry(team, n, alone.best_point, CrossCell("OPTIMAL", alone.best, alone.value), None)
        own = {"choices": dict(alone.best_point.choices), "area_um2": alone.best_point.area_um2} | own
    point = None if joint is None else team.points.points[tuple(low for low, _ in joint.box)]
    return {
        "name": team.names[n],
        "caps": {name: str(limit) for name, limit in team.members[n].caps.items()},
        "joint": None if joint is None or point is None else _cell_entry(team, n, point, joint.cells[n], alone.value),
        "alone": {"status": status_of(alone).value, **(own or {})},
    }


def _cell_entry(team: Team, n: int, point: Hardware, cell: CrossCell, own: Fraction | None) -> Data:
    """A network on a point, with the loss against its own optimum where that is given."""
    if cell.pick is None or cell.value is None:
        return {"status": cell.status}
    goal = team.prepared_problems[n].goal
    _, worth = unit_value(goal.objective, point)
    figures = totals(point, cell.pick.energy, goal.stretched(cell.pick.energy, cell.pick.latency))
    kept = {key: figures[key] for key in ("energy_pj", "latency_cycles", "latency_ms", "power_w")}
    loss = {} if own is None else {"loss_percent": percent(cell.value, own)}
    return kept | {"value": number(cell.value * worth)} | loss


def percent(value: Fraction, base: Fraction) -> float:
    """By how many percent a value is above a base."""
    return float(100 * (value / base - 1))


def cross_table(team: Team, found: Findings) -> list[Data]:
    """One entry per design: every network on it, its aggregate, and how much better the joint design is."""
    table = []
    for column in columns_of(found):
        point = team.points.points[tuple(low for low, _ in column.box)]
        cells = {
            name: _cell_entry(team, n, point, column.cells[n], found.alone[n].value)
            for n, name in enumerate(team.names)
        }
        entry = {
            "design": " and ".join(column.names) if column.names else JOINT,
            "choices": dict(point.choices),
            "area_um2": point.area_um2,
            "networks": cells,
        }
        table.append(entry | _joint_figures(team, found, column))
    return table


def _joint_figures(team: Team, found: Findings, column: CrossColumn) -> Data:
    """The aggregate of a design, and by how many percent it is above that of the joint design."""
    value = column.aggregate(found.aggregate)
    if value is None or found.aggregate is None:
        return {"aggregate": None, "improvement_percent": None}
    best = None if found.on_joint is None else found.on_joint.aggregate(found.aggregate)
    gain = None if best is None else 100 * found.aggregate.excess(value, best)
    return {"aggregate": shown(team, found.aggregate)[1](value), "improvement_percent": gain}


def certificate(team: Team, found: Findings, seed: int) -> Data:
    """Contents of ``certificate.json``: exact values, and what closed every box of hardware points."""
    joint, aggregate = found.joint, found.aggregate
    return {
        "format": CODESIGN_CERTIFICATE_FORMAT,
        "problem_hash": team.problem_hash,
        "status": joint_status(found).value,
        "objective": team.prepared_problems[0].goal.objective,
        "aggregate": team.kind,
        "weights": None if aggregate is None else [str(weight) for weight in aggregate.weights],
        "powers": list(aggregate.powers) if aggregate is not None and team.kind == "geomean" else None,
        "accounting": team.prepared_problems[0].accounting,
        "value": None if joint is None or joint.value is None else str(joint.value),
        "bound": "0" if joint is None else str(joint.bound),
        "master_optimum": None if joint is None else settled(joint, team.area_cap_um2, team.resource_caps, seed),
        "design": None if joint is None or joint.best_box is None else [low for low, _ in joint.best_box],
        "menus": {path: list(labels) for path, labels in zip(team.points.paths, team.points.labels, strict=True)},
        "networks": [
            {"name": name, "layers": parts_of(prepared)}
            for name, prepared in zip(team.names, team.prepared_problems, strict=True)
        ],
        "cross": [_exact_column(column) for column in columns_of(found)],
        "boxes": [] if joint is None else [_box(team, entry) for entry in joint.closed],
    }


def _exact_column(column: CrossColumn) -> Data:
    """Energy units and cycles of every network on a design; a status where there is none."""
    cells = [cell.status if cell.pick is None else [cell.pick.energy, cell.pick.latency] for cell in column.cells]
    return {"made_for": list(column.names), "design": [low for low, _ in column.box], "networks": cells}


def _box(team: Team, entry: Closed) -> Data:
    """A box, its layer bounds network by network."""
    ends = [0]
    for prepared in team.prepared_problems:
        ends.append(ends[-1] + len(prepared.search_pricers))
    sides = list(itertools.pairwise(ends))
    return closed_entry(entry) | {
        "energy_floors": [list(entry.energy_bounds[a:b]) for a, b in sides],
        "latency_floors": [list(entry.latency_bounds[a:b]) for a, b in sides],
        "bounds": [str(bound) for bound in entry.bounds],
    }
