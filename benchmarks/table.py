"""Reports as tables in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence

from benchmarks import series
from benchmarks.runner import Report

HEADER = ("benchmark", "figure", "median", "min", "max", "runs", "target", "")


def rows(report: Report) -> Iterator[tuple[str, ...]]:
    """One row per figure of a report."""
    for figure, values in report["summary"].items():
        target, unit = values["target"], values["unit"]
        met = "" if target is None else "met" if values["median"] <= target else "missed"
        yield (
            report["benchmark"],
            figure.replace("_", " "),
            *(f"{values[key]:.3g} {unit}" for key in ("median", "min", "max")),
            str(len(report["runs"])),
            "" if target is None else f"{target:g} {unit}",
            met,
        )


def machine(report: Report) -> str:
    """One line about where and when a report was made."""
    found = report["environment"]
    versions = ", ".join(f"{package} {version}" for package, version in found["versions"].items() if version)
    return (
        f"{found['processor']}, {found['cores']} cores, {found['memory_gb']} GB, {found['system']}, "
        f"Python {found['python']}, {versions}, seed {found['seed']}, {found['workers']} workers, {found['date']}"
    )


def warm_up(reports: Iterable[Report]) -> Iterator[str]:
    """A line about the kernels, which are in no figure."""
    seconds = [run["warm_up_s"] for report in reports for run in report["runs"] if "warm_up_s" in run]
    if seconds:
        yield (
            f"Not in the figures: compiling or loading the kernels before every run, median "
            f"{statistics.median(seconds):.2g} s, at most {max(seconds):.2g} s."
        )


def markdown(reports: Iterable[Report]) -> str:
    """Markdown tables of reports: one per series and one of all others; then a line for every machine."""
    found = list(reports)
    shown = [one for one in series.SERIES.values() if series.of(one.name, found)]
    parts = ["\n\n".join([lines(series.table(one, found)), *series.growth(one, found)]) for one in shown]
    others = [report for report in found if report.get("series") is None]
    if others:
        parts.insert(0, lines([HEADER, *(row for report in others for row in rows(report))]))
    return "\n\n".join([*parts, *warm_up(found), "\n".join(dict.fromkeys(machine(report) for report in found))])


def lines(table: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table of rows, the heading first."""
    rows = [f"| {' | '.join(row)} |" for row in table]
    rows.insert(1, "|" + "---|" * len(table[0]))
    return "\n".join(rows)
