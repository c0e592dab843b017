"""Results as tables of pandas, and as HTML for notebooks."""

from __future__ import annotations

import html as markup
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from optimizer.bodies.adjust import LayerChange
from optimizer.bodies.layers import LayerEntry
from optimizer.bodies.sparse import AccuracyBody, PatternsBody, SizingBody
from optimizer.bodies.study import STAIRCASE
from optimizer.errors import SpecError, UnavailableError
from optimizer.files.records import to_json
from optimizer.results.kinds import AdjustResult, CodesignResult, MemoryResult, SparseResult, StudyResult
from optimizer.results.result import Result, headline

if TYPE_CHECKING:
    import pandas

MOST_ROWS = 40
"""Rows that a notebook shows of a table."""
LAYER_COLUMNS = {
    "name": "name",
    "type": "kind",
    "multiplicity": "multiplicity",
    "energy_pj": "energy_pj",
    "latency_cycles": "latency_cycles",
    "compute_cycles": "compute_cycles",
    "utilization": "utilization",
    "group": "group",
}
"""Columns of the table of layers, and the fields that they show."""
Row = dict[str, object]


def dataframe(result: Result, table: str) -> pandas.DataFrame:
    """The table of this name (:meth:`Result.to_dataframe`)."""
    if table not in result.TABLES:
        raise SpecError(
            "no such table", field="table", value=table, allowed=", ".join(result.TABLES), remedy="name one of these"
        )
    frames = _pandas()
    found = MAKERS[table](result)
    frame: pandas.DataFrame = (
        frames.read_csv(io.StringIO(found)) if isinstance(found, str) and found else frames.DataFrame(found or [])
    )
    return frame


def html(result: Result) -> str:
    """The headline, and the first table that has rows, without columns that are empty."""
    title = f"<p><b>{markup.escape(headline(result))}</b></p>"
    for table in result.TABLES:
        try:
            frame = dataframe(result, table)
        except UnavailableError:
            continue
        if len(frame):
            shown = frame.convert_dtypes().dropna(axis=1, how="all")  # whole numbers stay whole beside missing ones
            return title + str(shown.astype(object).fillna("").to_html(max_rows=MOST_ROWS, index=False))
    return title


def _pandas() -> Any:
    try:
        import pandas  # noqa: PLC0415
    except ImportError:
        raise UnavailableError("tables need pandas, which is not installed: pip install pandas") from None
    return pandas


def _layers(result: Result) -> list[Row]:
    entries: Sequence[LayerEntry | LayerChange] = result.layers
    if isinstance(result, AdjustResult):
        entries = result.body.layers
    rows = []
    for entry in entries:
        row: Row = {name: getattr(entry, field, None) for name, field in LAYER_COLUMNS.items()}
        dims = entry.dims if isinstance(entry, LayerEntry) else {}
        rows.append(row | {f"dim_{dim}": extent for dim, extent in dims.items()})
    return rows


def _accesses(result: Result) -> list[Row]:
    return [
        {"layer": entry.name, "level": level, "tensor": tensor, **to_json(counts)}
        for entry in result.layers
        for level, tensors in entry.accesses.items()
        for tensor, counts in tensors.items()
    ]


def _levels(result: Result) -> list[Row]:
    levels = () if result.hardware is None else result.hardware.levels
    rows = []
    for level in levels:
        row = to_json(level)
        ports = row.pop("bits_per_cycle")
        rows.append(row | {f"{port}_bits_per_cycle": bits for port, bits in ports.items()})
    return rows


def _designs(result: StudyResult) -> str:
    from optimizer.results.study_csv import steps_csv  # noqa: PLC0415

    return steps_csv(result.body)


def _cells(result: StudyResult) -> str:
    from optimizer.results.study_csv import cells_csv  # noqa: PLC0415

    return cells_csv(result.body) if result.body.study.kind == STAIRCASE else ""


def _cross(result: CodesignResult) -> str:
    from optimizer.results.codesign_folder import cross_csv  # noqa: PLC0415

    return cross_csv(result.body)


def _classes(result: AdjustResult) -> list[Row]:
    return [
        {"layers": ", ".join(one.layers), "before": one.before, "after": one.after, "frozen": one.frozen}
        for one in result.body.classes
    ]


def _over_time(result: MemoryResult) -> list[Row]:
    series = result.body.over_time
    return [
        {"step": step, **{kind: bits[n] for kind, bits in series.keep_all_bits.items()}}
        for n, step in enumerate(series.steps)
    ]


def _tensors(result: MemoryResult) -> list[Row]:
    return [to_json(entry) for entry in result.body.tensors]


def _junctions(result: SparseResult) -> list[Row]:
    return [to_json(entry) for entry in result.body.junctions] if isinstance(result.body, PatternsBody) else []


def _accuracies(result: SparseResult) -> list[Row]:
    return [to_json(entry) for entry in result.body.accuracies] if isinstance(result.body, AccuracyBody) else []


def _engine(result: SparseResult) -> list[Row]:
    design = result.body.design if isinstance(result.body, SizingBody) else None
    return [] if design is None else [to_json(design)]


MAKERS: dict[str, Callable[[Any], list[Row] | str]] = {
    "layers": _layers,
    "accesses": _accesses,
    "levels": _levels,
    "designs": _designs,
    "cells": _cells,
    "cross": _cross,
    "classes": _classes,
    "tensors": _tensors,
    "over_time": _over_time,
    "junctions": _junctions,
    "accuracies": _accuracies,
    "design": _engine,
}
"""By the name of a table; each takes a result of a kind that has it (``TABLES``)."""
