"""Studies as tables."""

from __future__ import annotations

from fractions import Fraction

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from optimizer.bodies.study import (
    CONSTRAINT,
    FRONT,
    FrontBody,
    NextStep,
    RangeEntry,
    StudyBody,
    StudyCell,
    StudyDesign,
    StudySection,
)
from optimizer.problem.status import Status
from optimizer.report.solve import hash_text
from optimizer.report.tables import plain_table
from optimizer.results.study_csv import limit_text
from optimizer.results.units import energy_text, energy_unit, number_text

Body = StudyBody | FrontBody
STYLES = {Status.OPTIMAL: "bold green", Status.FEASIBLE: "bold yellow"}
NOTHING = "-"
MOST_ROWS = 40


def study_report(body: Body) -> Group:
    """Everything about a study."""
    study = body.study
    parts: list[RenderableType] = [study_headline(body)]
    if study.kind == FRONT:
        return Group(*parts, Text(), _front(body), Text(), _proof(body))
    if study.designs:
        parts += [Text(), _designs(body)]
    if len(study.vary) > 1 and study.cells:
        parts += [Text(), _grid(study)]
    if study.designs:
        parts += [Text(), *_lines(study)]
    parts += [Text(), _proof(body)]
    parts += [Text(f"warning: {line}", style="yellow") for line in body.warnings]
    if isinstance(body, StudyBody):
        parts += [Text(line, style="red") for line in body.disagreements or ()]
    return Group(*parts)


def study_headline(body: Body) -> Text:
    """Status, what was varied, and how many designs there are, in one line."""
    study = body.study
    status = _of_whole(body, study.status)
    text = Text(status.value, style=STYLES.get(status, "bold red"))
    names = " and ".join(_range_text(varied) for varied in study.vary)
    if study.kind == FRONT:
        more = f", {names}" if names else ""
        exact = f"within {100 * float(study.tolerance):g} %" if study.tolerance else "exact"
        text.append(f"  front of energy, latency{more} ({exact}): ", style="default")
    else:
        text.append(f"  {body.objective.name} against {names}: ", style="default")
    count = len(study.designs)
    text.append(f"{count} design{'' if count == 1 else 's'}", style="default")
    if not count and study.kind != FRONT:
        least = " or ".join(", ".join(f"{n} {_limit(n, x)}" for n, x in place.items()) for place in study.least)
        text.append(f"; the least that lets a design through: {least or 'not known'}", style="default")
    return text


def _of_whole(body: Body, status: Status) -> Status:
    """The status for the whole network, of that of the part that is counted."""
    return status.of_whole(counted=not body.problem["network"].get("uncounted"))


def _limit(name: str, limit: Fraction | None) -> str:
    """A limit; of a constraint whether it is kept."""
    if name.startswith(CONSTRAINT) and limit is not None:
        return "dropped" if limit else "kept"
    return limit_text(limit)


def _range_text(varied: RangeEntry) -> str:
    if varied.low is None and varied.high is None:
        return varied.name
    low, high = (None if end is None else float(end) for end in (varied.low, varied.high))
    return f"{varied.name} {number_text(low)} to {number_text(high)}"


def value_text(body: Body, value: float) -> str:
    """An objective with its unit."""
    goal = body.objective
    return energy_text(value, energy_unit(goal.unit)) if goal.name == "energy" else f"{value:.4g} {goal.unit}"


def hardware_text(design: StudyDesign) -> str:
    """Entries of the menus in short: ``16 x 8, GLB 64 KiB, RF 32 words``."""
    choices = dict(design.choices)
    array = [choices.pop(f"array.{axis}") for axis in "xy" if f"array.{axis}" in choices]
    shown = [" x ".join(map(str, array))] if array else []
    return ", ".join([*shown, *(f"{path.split('.')[0]} {entry}" for path, entry in choices.items())])


def _designs(body: Body) -> Table:
    study, goal, unit = body.study, body.objective.name, energy_unit(body.objective.unit)
    limits = [varied.name if varied.constraint else f"{varied.name} from" for varied in study.vary]
    one = len(limits) == 1
    both = [name for name in ("energy", "latency") if name != goal]
    columns = ["", "hardware", *limits, goal, *(["change"] if one else []), *both]
    table = plain_table("Steps" if one else "Designs", *columns, "status", left=2)
    for design in study.designs:
        assert design.objective is not None
        change = design.objective.change_percent
        costs = {"energy": energy_text(design.energy_pj, unit), "latency": f"{design.latency_ms:.4g} ms"}
        table.add_row(
            str(design.number),
            Text(hardware_text(design)),
            *(_limit(name, x) for name, x in design.needs.items()),
            value_text(body, design.objective.value),
            *([NOTHING if change is None else f"{change:+.2f} %"] if one else []),
            *(costs[name] for name in both),
            _of_whole(body, design.status).value,
        )
    return table


def _front(body: Body) -> Table:
    """The designs of a front, fastest first; of many those at equal distances."""
    limits = [varied.name for varied in body.study.vary]
    designs, unit = body.study.designs, energy_unit(body.objective.unit)
    step = -(-len(designs) // MOST_ROWS) or 1
    title = "Front" if step == 1 else f"Front (every {step}th design; all are in steps.csv)"
    table = plain_table(title, "", "hardware", *limits, "energy", "latency", "status", left=2)
    for design in designs[::step]:
        table.add_row(
            str(design.number),
            Text(hardware_text(design)),
            *(limit_text(x) for x in design.needs.values()),
            energy_text(design.energy_pj, unit),
            f"{design.latency_ms:.4g} ms",
            _of_whole(body, design.status).value,
        )
    return table


def _grid(study: StudySection) -> Table:
    """Which design is best where: rows and columns are the ranges of the two limits."""
    first, second = (varied.name for varied in study.vary)
    columns = sorted({_start(cell, second) for cell in study.cells})
    rows = sorted({_start(cell, first) for cell in study.cells})
    title = f"Best design by {first} (rows, from) and {second} (columns, from)"
    table = plain_table(title, first, *(_limit(second, column) for column in columns))
    unsure = (Status.FEASIBLE, Status.UNKNOWN)
    cells = {(_start(cell, first), _start(cell, second)): cell for cell in study.cells}
    for row in rows:
        found = [cells[row, column] for column in columns]
        shown = (f"{cell.design or NOTHING}{'?' if cell.status in unsure else ''}" for cell in found)
        table.add_row(_limit(first, row), *shown)
    return table


def _start(cell: StudyCell, name: str) -> Fraction:
    """The limit from which on a cell is."""
    limit = cell.start[name]
    assert limit is not None
    return limit


def _lines(study: StudySection) -> list[Text]:
    """What binds each design, and what relaxing that is worth."""
    lines = []
    for design in study.designs:
        steps = (design.relaxed or {}).items()
        told = [_relaxed_text(design, name, step) for name, step in steps if step is not None]
        told += [f"at their largest entry: {', '.join(design.at_largest)}"] if design.at_largest else []
        if told:
            lines.append(Text(f"{design.number}: {'; '.join(told)}"))
    return lines


def _relaxed_text(design: StudyDesign, name: str, step: NextStep) -> str:
    menus = ", ".join(f"{path} {one} -> {other}" for path, (one, other) in step.menus.items())
    return (
        f"{name} from {_limit(name, design.needs[name])} to {_limit(name, step.to)}: "
        f"{step.change_percent:+.2f} % (design {step.design}; {menus})"
    )


def _proof(body: Body) -> Text:
    points = body.hardware_points
    return Text(
        f"{points.total:,} hardware points in {points.boxes:,} boxes: {points.solved:,} solved, "
        f"{points.open:,} open; {body.wall_s:.1f} s; problem {hash_text(body.problem_hash)}",
        style="dim",
    )
