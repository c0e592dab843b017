"""Command line: ``python -m benchmarks list``, ``run NAME...``, ``table FILE...`` or ``csv SERIES FILE...``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from benchmarks import series
from benchmarks.registry import TIME_LIMIT, Benchmark, benchmarks, time_limit_s
from benchmarks.runner import measure
from benchmarks.table import markdown


@click.group(help="Measure Tilewright; the protocol is in benchmarks/protocol.md.")
def main() -> None:
    """Group of the commands."""


@main.command("list")
def list_() -> None:
    """List the benchmarks."""
    for found in benchmarks().values():
        targets = ", ".join(f"{figure} {limit:g} {found.unit_of(figure)}" for figure, limit in found.target.items())
        print(f"{found.name:26} {found.description}" + (f" (target: {targets})" if targets else ""))


@main.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--repeat", default=3, show_default=True, type=click.IntRange(min=1), help="Runs of each benchmark.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write all reports to this file.")
@click.option(
    "--time-limit", default=time_limit_s, type=click.FloatRange(min=0, min_open=True), show_default="120",
    help="Seconds after which a method that is compared with Tilewright is stopped.",
)  # fmt: skip
def run(names: tuple[str, ...], repeat: int, file: Path | None, time_limit: float) -> None:
    """Run benchmarks; NAMES may hold wildcards, as in '*-energy'."""
    os.environ[TIME_LIMIT] = str(time_limit)  # every run is a process that inherits it
    reports = []
    for found in _chosen(names):
        try:
            reports.append(measure(found, repeat, lambda line: click.echo(line, err=True)))
        except RuntimeError as error:
            raise click.ClickException(str(error)) from error
        if file is not None:
            file.write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")
    print(markdown(reports))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def table(files: tuple[Path, ...]) -> None:
    """Print the reports in FILES as Markdown tables."""
    print(markdown(_reports(files)))


@main.command("csv")
@click.argument("name", metavar="SERIES", type=click.Choice(list(series.SERIES)))
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def csv_(name: str, files: tuple[Path, ...]) -> None:
    """Print one series in FILES as comma-separated values."""
    print(series.comma_separated(series.SERIES[name], _reports(files)), end="")


def _reports(files: tuple[Path, ...]) -> Iterator[dict[str, Any]]:
    return (report for file in files for report in json.loads(file.read_text(encoding="utf-8")))


def _chosen(names: tuple[str, ...]) -> Iterator[Benchmark]:
    registered = benchmarks()
    for name in names:
        matches = [found for key, found in registered.items() if fnmatchcase(key, name)]
        if not matches:
            raise click.BadParameter(f"no benchmark is called {name}; there are {', '.join(registered)}")
        yield from matches


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
