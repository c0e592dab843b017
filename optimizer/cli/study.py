"""``tilewright study``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimizer.cli.inputs import Options, cache_folder, read_architecture, read_network, say_warnings
from optimizer.cli.options import (
    Names,
    Vary,
    architecture_options,
    budget_options,
    fusion_options,
    search_options,
    training_options,
    workload_options,
)
from optimizer.cli.output import show_on_stdout
from optimizer.cli.progress import ProgressDisplay
from optimizer.errors import SpecError

if TYPE_CHECKING:
    from optimizer.result import Result
    from optimizer.study.metrics import Range

NO_DESIGN = 1
METRICS = {"area": "area-mm2", "bandwidth": "dram-gbps", "buffer": "buffer-kib", "storage": "storage-kib"}
"""What a front may hold besides an objective."""
OBJECTIVES = ("energy", "latency", "edp")


@click.command()
@click.argument("network")
@click.option(
    "--vary", type=Vary(), multiple=True, metavar="NAME=LOW:HIGH",
    help="A limit to vary: area-mm2, dram-gbps, buffer-kib, storage-kib, latency-ms or energy-mj; at most twice.",
)  # fmt: skip
@click.option(
    "--pareto", type=Names(), metavar="NAME,NAME",
    help="Instead: the front of two or three of energy, latency, edp, area, bandwidth, buffer, storage.",
)  # fmt: skip
@architecture_options
@workload_options
@training_options
@budget_options
@fusion_options
@search_options
@click.option(
    "--plot", "picture", type=click.Path(), metavar="FILE", help="Draw it: .svg, .png or .pdf (extra `plot`)."
)  # fmt: skip
def study(network: str, **options: Any) -> None:
    """What limits cost: the optimum of NETWORK for every limit in a range, each step with its proof.

    With one --vary the exact staircase, with two the regions of both limits; with --pareto an exact front. Ctrl-C stops
    with what is known, every step with its own status and bound.
    """
    objective, vary = _asked(options)
    graph, architecture = read_network(network, options), read_architecture(options)
    _check(options)
    from optimizer import result_io  # noqa: PLC0415
    from optimizer.study.plot import check_picture, save_plot  # noqa: PLC0415
    from optimizer.study.run import study as run  # noqa: PLC0415

    if options["out"] is not None:
        result_io.check_writable(options["out"])
    if options["picture"] is not None:
        check_picture(options["picture"])
    limit = options["time_limit"]
    with ProgressDisplay(quiet=options["quiet"]) as display:
        result = run(
            graph, architecture, vary, objective=objective, padding=options["padding"], fusion=_fusion(options),
            time_limit_s=None if limit is None else float(limit), workers=options["workers"], seed=options["seed"],
            cache_dir=cache_folder(options), progress=display,
        )  # fmt: skip
    say_warnings(result.data["warnings"])
    _save(result, options)
    if options["picture"] is not None:
        save_plot(result.data, options["picture"])
    _show(result, quiet=options["quiet"])
    if result.data["study"]["status"] not in ("OPTIMAL", "FEASIBLE"):
        sys.exit(NO_DESIGN)


def _asked(options: Options) -> tuple[str, list[Range]]:
    """Objective, and what is varied."""
    from optimizer.study.metrics import Range  # noqa: PLC0415

    vary, names = list(options["vary"]), options["pareto"]
    if bool(vary) == bool(names):
        raise SpecError(
            "a study needs --vary or --pareto", field="--vary", value="both" if vary else "neither",
            allowed="one of the two", remedy="write e.g. --vary area-mm2=2:12",
        )  # fmt: skip
    if vary:
        return options["objective"], vary
    objectives = [name for name in names if name in OBJECTIVES]
    metrics = [name for name in names if name in METRICS]
    if len(set(names)) < len(names) or len(objectives) + len(metrics) < len(names) or not objectives or not metrics:
        raise SpecError(
            "not a front", field="--pareto", value=",".join(names),
            allowed=f"two or three different ones of {', '.join((*OBJECTIVES, *METRICS))}, an objective among them",
            remedy="write e.g. --pareto energy,area",
        )  # fmt: skip
    return objectives[0], [Range(METRICS[name]) for name in metrics]


def _check(options: Options) -> None:
    if options["compare"]:
        raise SpecError(
            "a study compares limits, not fusion", field="--compare", value="--compare", allowed="--fusion alone",
            remedy="drop it, and study with and without --fusion",
        )  # fmt: skip


def _fusion(options: Options) -> Any:
    from optimizer.fusion.options import Fusion  # noqa: PLC0415

    return Fusion(options["max_group"], options["halo"], options["tile"]) if options["fusion"] else None


def _save(result: Result, options: Options) -> None:
    from optimizer import result_io  # noqa: PLC0415
    from optimizer.report_study import cells_csv, steps_csv  # noqa: PLC0415

    if options["out"] is None:
        return
    folder = Path(options["out"])
    result_io.save(result, folder)
    result_io.save_text(steps_csv(result.data), folder, result_io.STEPS_FILE)
    result_io.save_text(cells_csv(result.data), folder, result_io.CELLS_FILE)
    if not options["quiet"]:
        click.echo(f"written to {folder}", err=True)


def _show(result: Result, *, quiet: bool) -> None:
    from optimizer.report_study import study_headline, study_report  # noqa: PLC0415

    show_on_stdout(study_headline(result.data) if quiet else study_report(result.data))
