"""Studies as rows of CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from fractions import Fraction

from optimizer.bodies.study import STAIRCASE, FrontBody, StudyBody, StudyForms
from optimizer.files.records import Json, from_json
from optimizer.problem.budget_text import rounded_up
from optimizer.results.formats import CELLS_FILE, STEPS_FILE

Body = StudyBody | FrontBody
Made = tuple[str, Callable[[Body], str]]
"""Name of a file, and what makes its contents."""


def study_body(data: Json) -> Body:
    """The body of a study; errors are those of :func:`optimizer.files.records.from_json`."""
    body = from_json(StudyForms, data)
    assert isinstance(body, StudyBody | FrontBody)
    return body


def file_names(kind: object) -> tuple[str, ...]:
    """The files beside a study of a kind."""
    return (STEPS_FILE, CELLS_FILE) if kind == STAIRCASE else (STEPS_FILE,)


def study_files(body: Body) -> list[Made]:
    """The files beside a study, and what makes them."""
    return list(zip(file_names(body.study.kind), (steps_csv, cells_csv), strict=False))


def steps_csv(body: Body) -> str:
    """One row per design: its least limits, objective, bound, metrics, entries of the menus."""
    designs = body.study.designs
    if not designs:
        return ""
    goals = ["value", "bound", "gap", "change_percent"]
    head = ["design", *designs[0].needs, "status", *goals, "unit", "energy_pj", "latency_cycles", "latency_ms"]
    rows: list[list[object]] = [[*head, *(f"metric {name}" for name in designs[0].metrics), *designs[0].choices]]
    for design in designs:
        goal = design.objective
        known = (None,) * len(goals) if goal is None else (goal.value, goal.bound, goal.gap, goal.change_percent)
        rows.append(
            [
                design.number,
                *(limit_text(x) for x in design.needs.values()),
                design.status,
                *known,
                body.objective.unit,
                design.energy_pj,
                design.latency_cycles,
                design.latency_ms,
                *design.metrics.values(),
                *design.choices.values(),
            ]
        )
    return _csv(rows)


def cells_csv(body: Body) -> str:
    """One row per cell: from, below, best design, its status and value."""
    study = body.study
    names = [varied.name for varied in study.vary]
    ends = [(name, end) for end in ("from", "below") for name in names]
    rows: list[list[object]] = [[*(f"{name} {end}" for name, end in ends), "design", "status", "value"]]
    values = {one.number: one.objective.value for one in study.designs if one.objective is not None}
    for cell in study.cells:
        limits = [limit_text(part[name]) for part in (cell.start, cell.below) for name in names]
        rows.append([*limits, cell.design, cell.status, None if cell.design is None else values.get(cell.design)])
    return _csv(rows)


def _csv(rows: list[list[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def limit_text(value: Fraction | None) -> str:
    """An exact limit as short text: rounded up to six digits, so that it admits every design that the exact one
    admits.
    """
    if value is None:
        return "end"
    return f"{rounded_up(value).normalize():f}"
