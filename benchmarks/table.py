"""Reports as a table for the README."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.runner import Report

HEADER = ("benchmark", "figure", "median", "min", "max", "runs", "target", "")


def rows(report: Report) -> Iterator[tuple[str, ...]]:
    """One row per figure of a report."""
    for figure, values in report["summary"].items():
        target, unit = values["target"], values["unit"]
        met = "" if target is None else "met" if values["median"] <= target else "missed"
        yield (
            report["benchmark"], figure.replace("_", " "),
            *(f"{values[key]:.3g} {unit}" for key in ("median", "min", "max")),
            str(len(report["runs"])), "" if target is None else f"{target:g} {unit}", met,
        )  # fmt: skip


def machine(report: Report) -> str:
    """One line about where a report was made."""
    found = report["environment"]
    versions = ", ".join(f"{package} {version}" for package, version in found["versions"].items() if version)
    return (
        f"{found['processor']}, {found['cores']} cores, {found['memory_gb']} GB, {found['system']}, "
        f"Python {found['python']}, {versions}, seed {found['seed']}, {found['workers']} workers"
    )


def markdown(reports: Iterable[Report]) -> str:
    """A Markdown table of reports, and a line for every machine they were made on."""
    found = list(reports)
    table = [HEADER, *(row for report in found for row in rows(report))]
    lines = [f"| {' | '.join(row)} |" for row in table]
    lines.insert(1, "|" + "---|" * len(HEADER))
    return "\n".join([*lines, "", *dict.fromkeys(machine(report) for report in found)])
