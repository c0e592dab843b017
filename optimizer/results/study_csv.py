"""Studies as rows of CSV files. Every function takes the contents of ``result.json``."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from optimizer.problem.budget_text import rounded_up
from optimizer.results.formats import CELLS_FILE, STEPS_FILE

Data = dict[str, Any]
Made = tuple[str, Callable[[Data], str]]
"""Name of a file, and what makes its contents."""


def study_files(data: Data) -> list[Made]:
    """The files beside a study."""
    cells: list[Made] = [(CELLS_FILE, cells_csv)] if data["study"]["kind"] == "staircase" else []
    return [(STEPS_FILE, steps_csv), *cells]


def steps_csv(data: Data) -> str:
    """One row per design: its least limits, objective, bound, metrics, entries of the menus."""
    designs = data["study"]["designs"]
    if not designs:
        return ""
    goals = ["value", "bound", "gap", "change_percent"]
    head = ["design", *designs[0]["needs"], "status", *goals, "unit", "energy_pj", "latency_cycles", "latency_ms"]
    rows = [[*head, *(f"metric {name}" for name in designs[0]["metrics"]), *designs[0]["choices"]]]
    for design in designs:
        known = design.get("objective", {})
        rows.append(
            [
                design["number"],
                *(limit_text(x) for x in design["needs"].values()),
                design["status"],
                *(known.get(name) for name in goals),
                data["objective"]["unit"],
                design["energy_pj"],
                design["latency_cycles"],
                design["latency_ms"],
                *design["metrics"].values(),
                *design["choices"].values(),
            ]
        )
    return _csv(rows)


def cells_csv(data: Data) -> str:
    """One row per cell: from, below, best design, its status and value."""
    study = data["study"]
    names = [varied["name"] for varied in study["vary"]]
    ends = [(name, end) for end in ("from", "below") for name in names]
    rows: list[list[Any]] = [[*(f"{name} {end}" for name, end in ends), "design", "status", "value"]]
    values = {design["number"]: design["objective"]["value"] for design in study["designs"]}
    for cell in study["cells"]:
        limits = [limit_text(cell[end][name]) for name, end in ends]
        rows.append([*limits, cell["design"], cell["status"], values.get(cell["design"])])
    return _csv(rows)


def _csv(rows: list[list[Any]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def limit_text(value: str | None) -> str:
    """An exact limit as short text: rounded up to six digits, so that it admits every design that the exact one
    admits.
    """
    if value is None:
        return "end"
    return f"{rounded_up(Fraction(value)).normalize():f}"
