"""Series: the same measurement at several sizes, shown as one table with a row per size."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.power_law import exponent
from benchmarks.registry import MEMORY

Report = dict[str, Any]
MEGABYTES_PER_GB = 1000


@dataclass(frozen=True)
class Column:
    """A column of the table of a series.

    Parameters
    ----------
    heading : str
    key : str
        Of a figure, shown as its median over the runs, or of a detail, shown as it is.
    factor : float
        The figure is multiplied by it.
    digits : str
        Format of a number.
    spread : bool
        Show the least and the largest figure of the runs as well.
    """

    heading: str
    key: str
    factor: float = 1
    digits: str = ".3g"
    spread: bool = False


@dataclass(frozen=True)
class Series:
    """A series: its name, what its size counts, and the columns of its table.

    With ``fitted`` the exponents of power laws stand below the table: of the first column against the size, and
    against these columns, named by their keys.
    """

    name: str
    size: str
    columns: tuple[Column, ...]
    fitted: tuple[str, ...] | None = None


_GROWTH = (
    Column("seconds", "wall", spread=True),
    Column("CPU seconds", "cpu"),
    Column("boxes closed", "boxes", digits=".0f"),
    Column("peak MB", MEMORY, MEGABYTES_PER_GB, ".0f"),
)

LEVELS = Series("levels", "memory levels", (*_GROWTH, Column("energy (uJ)", "energy_uj", digits=",.2f")))
POINTS = Series("points", "hardware points", _GROWTH)
LAYERS = Series("layers", "distinct layers", (*_GROWTH, Column("seconds per layer", "per_layer")))
COMPARISON = Series(
    "comparison",
    "distinct layers",
    (
        Column("Tilewright", "status"),
        Column("seconds", "wall", spread=True),
        Column("optimum (uJ)", "energy_uj", digits=",.2f"),
        Column("one program", "joint_status"),
        Column("seconds", "joint_wall", spread=True),
        Column("value / optimum", "joint_ratio", digits=".4f"),
        Column("bound / optimum", "joint_bound", digits=".4f"),
        Column("gap", "joint_gap", digits=".1%"),
        Column("limit (s)", "limit_s"),
        Column("random search / optimum", "random_ratio", digits=".4f"),
    ),
)

_FUSED = (*_GROWTH, Column("groups", "groups", digits=",.0f"))
CHAINS = Series("chain", "layers", _FUSED, fitted=("groups",))
GROUPS = Series("group", "layers per group", _FUSED, fitted=("groups",))

SERIES = {series.name: series for series in (LEVELS, POINTS, LAYERS, COMPARISON, CHAINS, GROUPS)}
"""All series by name."""


def of(name: str, reports: Iterable[Report]) -> list[Report]:
    """The reports of a series, least size first."""
    return sorted((report for report in reports if report.get("series") == name), key=lambda report: report["size"])


def table(series: Series, reports: Iterable[Report]) -> list[tuple[str, ...]]:
    """The table of a series as text, its heading first."""
    header = (series.size, *(column.heading for column in series.columns), "runs")
    rows = [
        (f"{report['size']:,}", *(_cell(column, report) for column in series.columns), str(len(report["runs"])))
        for report in of(series.name, reports)
    ]
    return [header, *rows]


def growth(series: Series, reports: Iterable[Report]) -> Iterator[str]:
    """A line for every power law that is asked for and can be fitted, with its exponent."""
    found = of(series.name, reports)
    if series.fitted is None or not found:
        return
    column, *others = series.columns
    against = {series.size: [report["size"] for report in found]}
    against |= {other.heading: _medians(other.key, found) for other in others if other.key in series.fitted}
    for heading, sizes in against.items():
        slope = exponent(sizes, _medians(column.key, found))
        if slope is not None:
            yield f"{column.heading} grow as ({heading})^{slope:.2f} (least squares of the logarithms)."


def _medians(key: str, reports: Iterable[Report]) -> list[float]:
    return [report["summary"][key]["median"] for report in reports]


def comma_separated(series: Series, reports: Iterable[Report]) -> str:
    """The table of a series in full: median, least and largest of every figure, under the figures' own names."""
    text = io.StringIO()
    rows = [dict(_entries(series, report)) for report in of(series.name, reports)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _entries(series: Series, report: Report) -> Iterator[tuple[str, object]]:
    yield "benchmark", report["benchmark"]
    yield "size", report["size"]
    yield "runs", len(report["runs"])
    for column in series.columns:
        values = report["summary"].get(column.key)
        if values is None:
            yield column.key, _detail(column.key, report)
        else:
            yield from ((f"{column.key}_{name}", values[name]) for name in ("median", "min", "max"))


def _cell(column: Column, report: Report) -> str:
    values = report["summary"].get(column.key)
    if values is None:
        return _detail(column.key, report) or "-"
    median, least, largest = (f"{values[name] * column.factor:{column.digits}}" for name in ("median", "min", "max"))
    return f"{median} ({least} to {largest})" if column.spread and len(report["runs"]) > 1 else median


def _detail(key: str, report: Report) -> str:
    """A detail, or all its values where the runs differ; empty where no run has it."""
    found = [run["details"][key] for run in report["runs"] if key in run.get("details", {})]
    return " / ".join(dict.fromkeys(str(value) for value in found))
