"""Results as tables of pandas, and as HTML for notebooks."""

from __future__ import annotations

import html as markup
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from optimizer.errors import SpecError, UnavailableError
from optimizer.results.result import Data, Result, headline

if TYPE_CHECKING:
    import pandas

MOST_ROWS = 40
"""Rows that a notebook shows of a table."""
LAYER_COLUMNS = (
    "name",
    "type",
    "multiplicity",
    "energy_pj",
    "latency_cycles",
    "compute_cycles",
    "utilization",
    "group",
)


def dataframe(result: Result, table: str) -> pandas.DataFrame:
    """The table of this name (:meth:`Result.to_dataframe`)."""
    if table not in result.TABLES:
        raise SpecError(
            "no such table", field="table", value=table, allowed=", ".join(result.TABLES), remedy="name one of these"
        )
    frames = _pandas()
    found = MAKERS[table](result.data)
    frame: pandas.DataFrame = (
        frames.read_csv(io.StringIO(found)) if isinstance(found, str) and found else frames.DataFrame(found or [])
    )
    return frame


def html(result: Result) -> str:
    """The headline, and the first table that has rows."""
    title = f"<p><b>{markup.escape(headline(result.data))}</b></p>"
    for table in result.TABLES:
        try:
            frame = dataframe(result, table)
        except (KeyError, TypeError, UnavailableError):  # a result without a design has no such table
            continue
        if len(frame):
            return title + str(frame.to_html(max_rows=MOST_ROWS, index=False))
    return title


def _pandas() -> Any:
    try:
        import pandas  # noqa: PLC0415
    except ImportError:
        raise UnavailableError("tables need pandas, which is not installed: pip install pandas") from None
    return pandas


def _layers(data: Data) -> list[Data]:
    rows = []
    for entry in data.get("layers", ()):
        row = {name: entry.get(name) for name in LAYER_COLUMNS}
        rows.append(row | {f"dim_{dim}": extent for dim, extent in (entry.get("dims") or {}).items()})
    return rows


def _accesses(data: Data) -> list[Data]:
    return [
        {"layer": entry["name"], "level": level, "tensor": tensor, **counts}
        for entry in data.get("layers", ())
        for level, tensors in (entry.get("accesses") or {}).items()
        for tensor, counts in tensors.items()
    ]


def _levels(data: Data) -> list[Data]:
    return [
        {name: value for name, value in level.items() if name != "bits_per_cycle"}
        | {f"{port}_bits_per_cycle": bits for port, bits in level["bits_per_cycle"].items()}
        for level in (data.get("hardware") or {}).get("levels", ())
    ]


def _designs(data: Data) -> str:
    from optimizer.results.study_csv import steps_csv  # noqa: PLC0415

    return steps_csv(data)


def _cells(data: Data) -> str:
    from optimizer.results.study_csv import cells_csv  # noqa: PLC0415

    return cells_csv(data) if data["study"]["kind"] == "staircase" else ""


def _cross(data: Data) -> str:
    from optimizer.results.codesign_folder import cross_csv  # noqa: PLC0415

    return cross_csv(data)


def _classes(data: Data) -> list[Data]:
    return [
        {"layers": ", ".join(entry["layers"]), **{name: entry[name] for name in ("before", "after", "frozen")}}
        for entry in data["classes"]
    ]


def _over_time(data: Data) -> list[Data]:
    series = data["over_time"]
    return [
        {"step": step, **{kind: bits[n] for kind, bits in series["keep_all_bits"].items()}}
        for n, step in enumerate(series["steps"])
    ]


def _section(name: str) -> Callable[[Data], list[Data]]:
    return lambda data: list(data.get(name) or ())


MAKERS: dict[str, Callable[[Data], list[Data] | str]] = {
    "layers": _layers,
    "accesses": _accesses,
    "levels": _levels,
    "designs": _designs,
    "cells": _cells,
    "cross": _cross,
    "classes": _classes,
    "tensors": _section("tensors"),
    "over_time": _over_time,
    "junctions": _section("junctions"),
    "accuracies": _section("accuracies"),
    "design": lambda data: [data["design"]] if "design" in data else [],
}
