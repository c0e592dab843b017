"""Command line: ``python -m benchmarks list``, ``run NAME...``, ``table FILE...``, ``csv SERIES FILE...`` and more."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks import eyeriss_check, fpga_table, fused_table, series
from benchmarks.registry import TIME_LIMIT, Benchmark, benchmarks, time_limit_s
from benchmarks.runner import measure
from benchmarks.table import markdown


@click.group(help="Measure Tilewright; the protocol is in docs/benchmarks/protocol.md.")
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
    "--time-limit",
    default=time_limit_s,
    type=click.FloatRange(min=0, min_open=True),
    show_default="120",
    help="Seconds after which a method that is compared with Tilewright is stopped.",
)
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


@main.command("fused-table")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Results; read to go on.")
@click.option("--preset", "presets", multiple=True, default=fused_table.PRESETS, show_default=True)
@click.option("--network", "networks", multiple=True, default=fused_table.NETWORKS, show_default=True)
@click.option("--max-group", default=4, show_default=True, type=click.IntRange(min=2), help="Most layers in a group.")
@click.option("--objective", default="energy", show_default=True, type=click.Choice(["energy", "latency"]))
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds for the proof of one network; what was stopped is done again with more seconds only.",
)
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Folder of the layer store.")
@click.option("--markdown", "shown", type=click.Path(dir_okay=False, path_type=Path), help="Write the tables here too.")
def fused_table_(
    out: Path,
    presets: tuple[str, ...],
    networks: tuple[str, ...],
    max_group: int,
    objective: str,
    time_limit: float | None,
    cache: Path | None,
    shown: Path | None,
) -> None:
    """Compare layer by layer, groups by a rule and proved groups on the presets."""
    options = {"max_group": max_group, "objective": objective, "time_limit_s": time_limit}
    wanted = fused_table.cases(presets, networks, **options)
    text = fused_table.markdown(fused_table.fill(out, wanted, lambda line: click.echo(line, err=True), cache))
    if shown is not None:
        shown.write_text(text + "\n", encoding="utf-8")
    print(text)


@main.command("fpga-table")
@click.option("--network", default="resnet18", show_default=True)
@click.option("--architecture", default="edge", show_default=True)
@click.option("--chip", "chips", multiple=True, default=fpga_table.CHIPS, show_default=True)
@click.option("--objective", default="energy", show_default=True, type=click.Choice(["energy", "latency", "edp"]))
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Folder of the layer store.")
def fpga_table_(network: str, architecture: str, chips: tuple[str, ...], objective: str, cache: Path | None) -> None:
    """Compare an architecture as an ASIC and on FPGA devices."""
    note = partial(click.echo, err=True)
    print(fpga_table.markdown(fpga_table.solved(network, architecture, chips, objective, note, cache)))


@main.command("eyeriss-table")
@click.option("--goal", "goals", multiple=True, default=eyeriss_check.GOALS, show_default=True)
def eyeriss_table(goals: tuple[str, ...]) -> None:
    """Compare the eyeriss preset with what the chip was measured at."""
    print(eyeriss_check.markdown(eyeriss_check.check(one, goal) for one in eyeriss_check.CHIP for goal in goals))


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
