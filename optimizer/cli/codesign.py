"""``tilewright codesign``: one hardware for several networks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from optimizer.cli.codesign_options import read_members, team_options
from optimizer.cli.inputs import Options, asked_fusion, asked_pool, cache_folder, read_architecture, say_warnings
from optimizer.cli.options import (
    architecture_options,
    budget_options,
    fusion_options,
    scaling_options,
    search_options,
    training_options,
    workload_options,
)
from optimizer.cli.output import fail_on_disagreement, show_on_stdout
from optimizer.cli.progress import ProgressDisplay

if TYPE_CHECKING:
    from optimizer.results.result import CodesignResult

NO_DESIGN = 1


@click.command()
@click.argument("networks", nargs=-1, required=True, metavar="NETWORK...")
@team_options
@architecture_options
@workload_options
@training_options
@budget_options
@fusion_options
@search_options
@scaling_options
@click.option("--plot", type=click.Path(), metavar="FILE", help="Draw the cross table: .svg or .png (extra `plot`).")
def codesign(networks: tuple[str, ...], **options: Any) -> None:
    """Best hardware for several networks, each with its own best mappings, with a proof.

    NETWORK is a built-in name (see `tilewright networks`), a .onnx or a .yaml file. The cross table shows every network
    on the joint design and on the best design of every other one. Ctrl-C stops with the best joint design found.
    """
    members, architecture = read_members(networks, options), read_architecture(options)
    from optimizer.architecture.selection import unroll_warnings  # noqa: PLC0415
    from optimizer.codesign import run as api  # noqa: PLC0415
    from optimizer.report.codesign_plot import save_plot  # noqa: PLC0415
    from optimizer.report.figures import check_picture  # noqa: PLC0415
    from optimizer.results import codesign_folder  # noqa: PLC0415
    from optimizer.results import folder as result_folder  # noqa: PLC0415

    if options["plot"] is not None:
        check_picture(options["plot"])
    if options["out"] is not None:
        result_folder.check_writable(options["out"])
    dims = {dim for member in members for layer in member.network.mac_layers() for dim in layer.extents}
    warnings = unroll_warnings(architecture, dims)
    say_warnings(warnings)
    fusion = asked_fusion(options)
    cache, limit = cache_folder(options), options["time_limit"]
    with asked_pool(options) as pool, ProgressDisplay(quiet=options["quiet"]) as display:
        result = api.codesign(
            members, architecture, aggregate=options["aggregate"], relative=options["relative"],
            objective=options["objective"], padding=options["padding"],
            time_limit_s=None if limit is None else float(limit), workers=options["workers"], seed=options["seed"],
            cache_dir=cache, fusion=fusion, pool=pool, progress=display,
        )  # fmt: skip
    result.data["warnings"] += [line for line in warnings if line not in result.data["warnings"]]
    if options["out"] is not None:
        codesign_folder.save(result, options["out"])
    if options["plot"] is not None:
        save_plot(result.data, options["plot"])
    _show(result, options)
    fail_on_disagreement(result.data)
    if result.status not in ("OPTIMAL", "FEASIBLE"):
        sys.exit(NO_DESIGN)


def _show(result: CodesignResult, options: Options) -> None:
    from optimizer.report.codesign import codesign_headline, codesign_report  # noqa: PLC0415

    show_on_stdout(codesign_headline(result.data) if options["quiet"] else codesign_report(result.data))
    for place in (options["out"], options["plot"]):
        if place is not None and not options["quiet"]:
            click.echo(f"written to {place}", err=True)
