"""A co-design as tables and text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.bodies.codesign import CodesignBody, CrossCellEntry
from optimizer.bodies.infeasibility import JointInfeasibility
from optimizer.problem.status import Status
from optimizer.report.solve import (
    area_text,
    device_table,
    facts_table,
    hardware_table,
    hash_text,
    infeasible_text,
    points_text,
    status_line,
    unit_text,
)
from optimizer.report.tables import plain_table
from optimizer.results.units import energy_text, energy_unit, number_text

LOSS = "percent above the network's own best design; the columns are designs, `joint` is the proved one"


def codesign_headline(body: CodesignBody) -> Text:
    """Status, aggregate, bound and gap in one line."""
    goal = body.objective
    name = f"{goal.aggregate} of {goal.name}"
    text = status_line(body.status, name, lambda value: unit_text(value, goal.unit), goal.value, goal.bound, goal.gap)
    improved = [entry.improvement_percent for entry in body.cross if entry.improvement_percent]
    if improved and not _unproved(body):
        text.append(f"  up to {max(improved):.2f} % better than designs for one network", style="default")
    return text


def codesign_report(body: CodesignBody) -> Group:
    """Everything about a co-design: headline, networks, cross table, hardware, warnings."""
    parts: list[RenderableType] = [codesign_headline(body)]
    if body.infeasible is not None:
        parts.append(exclusion_text(body.infeasible))
    parts += [Text(), _summary(body), Text(), networks_table(body)]
    if body.cross:
        parts += [Text(), cross_table(body), Text(LOSS, style="dim")]
        if _unproved(body):
            parts.append(Text(f"not proved to be the own best design: {', '.join(_unproved(body))}", style="yellow"))
    if body.chip is not None:
        parts += [Text(), hardware_table(body.chip.hardware, energy_unit(body.energy_unit))]
        parts += [] if body.chip.device is None else [Text(), device_table(body.chip.device)]
    parts += [Text(), Text(f"Space: {body.space.text}", style="dim")]
    parts += [Text(f"warning: {line}", style="yellow") for line in body.warnings]
    parts += [Text(line, style="red") for line in body.disagreements or ()]
    return Group(*parts)


def _unproved(body: CodesignBody) -> list[str]:
    """Networks whose own search was stopped: the losses are against the best design known."""
    return [entry.name for entry in body.networks if entry.alone.status in (Status.FEASIBLE, Status.UNKNOWN)]


def _summary(body: CodesignBody) -> Table:
    goal = body.objective
    weights = ", ".join(f"{name} {weight:g}" for name, weight in goal.weights.items() if weight != 1)
    return facts_table(
        (
            ("networks", f"{len(body.networks)}"),
            ("weights", weights),
            ("values", "relative to each network's own best design" if goal.relative else ""),
            ("area", "" if body.chip is None else area_text(body.chip.area_um2)),
            ("hardware points", "" if body.hardware_points is None else points_text(body.hardware_points)),
            ("accounting", body.accounting),
            ("problem", hash_text(body.problem_hash)),
            ("time", f"{body.wall_s:.1f} s, seed {body.seed}"),
        )
    )


def networks_table(body: CodesignBody) -> Table:
    """Every network on the joint design, and its own best design."""
    objective, unit = body.objective.name, energy_unit(body.energy_unit)
    table = plain_table(
        "Networks",
        "network",
        "caps",
        "energy",
        "latency",
        objective,
        "loss",
        f"own best {objective}",
        "own status",
        left=2,
    )
    for entry in body.networks:
        joint, own = None if entry.joint is None else entry.joint.figures, entry.alone.figures
        caps = ", ".join(f"{name} <= {limit}" for name, limit in entry.caps.items())
        table.add_row(
            Text(entry.name),
            Text(caps),
            energy_text(None if joint is None else joint.energy_pj, unit),
            "-" if joint is None else f"{joint.latency_ms:.4g} ms",
            number_text(None if joint is None else joint.value),
            _percent(None if joint is None else joint.loss_percent),
            number_text(None if own is None else own.value),
            entry.alone.status.value,
        )
    return table


def cross_table(body: CodesignBody) -> Table:
    """Losses of all networks on all designs, and how much better the joint design is."""
    cross = body.cross
    table = plain_table("Cross table", "network", *(entry.design for entry in cross))
    for network in body.networks:
        table.add_row(Text(network.name), *(_cell(entry.networks[network.name]) for entry in cross))
    table.add_section()
    table.add_row(Text(body.objective.aggregate), *(number_text(entry.aggregate) for entry in cross))
    table.add_row(Text("joint is better by"), *(_percent(entry.improvement_percent) for entry in cross))
    return table


def _cell(cell: CrossCellEntry) -> str:
    if cell.figures is None:
        return str(cell.status).lower()
    return _percent(cell.figures.loss_percent)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} %"


def exclusion_text(reason: JointInfeasibility) -> Text:
    """Which networks exclude a common design, and what would let one through."""
    if reason.alone:
        text = Text()
        for name, why in reason.alone.items():
            text.append(f"{name} alone: ")
            text.append_text(infeasible_text(why))
            text.append("\n")
        text.right_crop()
        return text
    names = reason.networks
    lines = [f"There is no design for {' and '.join(names)} together; every one of them has one without the others."]
    if len(names) == 1:
        lines = [f"There is no design for {names[0]}."]
    if reason.relaxations:
        lines.append("Any one of these would make it feasible:")
    for relaxation in reason.relaxations:
        limit = number_text(relaxation.limit)
        lines.append(f"  - {relaxation.budget} of {relaxation.network} ({limit}): {relaxation.text}")
    if not reason.complete:
        lines.append("The search for the reason was stopped: fewer networks may be to blame.")
    return Text("\n".join(lines))
