"""``tilewright codesign``: one chip for several networks."""

from __future__ import annotations

from typing import Any

import click

from optimizer.cli.codesign_options import read_members, team_options, team_request
from optimizer.cli.finish import check_out, finish, run_options
from optimizer.cli.inputs import asked_pool, read_architecture, say_warnings
from optimizer.cli.option_types import Place
from optimizer.cli.options import (
    architecture_options,
    budget_options,
    engine_option,
    fusion_options,
    scaling_options,
    search_options,
    training_options,
    workload_options,
)
from optimizer.cli.progress import ProgressDisplay


@click.command()
@click.argument("networks", nargs=-1, required=True, metavar="NETWORK...")
@team_options
@architecture_options
@workload_options
@training_options
@budget_options
@fusion_options
@engine_option
@search_options
@scaling_options
@click.option("--plot", type=Place(), metavar="FILE", help="Draw the cross table: .svg or .png (extra `plot`).")
def codesign(networks: tuple[str, ...], **options: Any) -> None:
    """Best hardware for several networks, each with its own best mappings, with a proof.

    NETWORK is a built-in name (see `tilewright networks`), a .onnx or .yaml file or a config.json. The cross table
    shows every network on the joint design and on the best design of every other one. Ctrl-C stops with the best joint
    design found.
    """
    members, architecture = read_members(networks, options), read_architecture(options)
    from optimizer.architecture.selection import unroll_warnings  # noqa: PLC0415
    from optimizer.multi_network.run import run  # noqa: PLC0415
    from optimizer.report.codesign import codesign_headline, codesign_report  # noqa: PLC0415
    from optimizer.report.codesign_plot import save_plot  # noqa: PLC0415
    from optimizer.report.figures import check_picture  # noqa: PLC0415
    from optimizer.results.kinds import CodesignResult  # noqa: PLC0415

    if options["plot"] is not None:
        check_picture(options["plot"])
    check_out(CodesignResult, options)
    dims = {dim for member in members for layer in member.network.mac_layers() for dim in layer.extents}
    warnings = unroll_warnings(architecture, dims)
    say_warnings(warnings)
    asked = team_request(members, architecture, options)
    with asked_pool(options) as pool, ProgressDisplay(quiet=options["quiet"]) as display:
        result = run(asked, run_options(options, display, pool))
    result.add_warnings(warnings)
    if options["plot"] is not None:
        save_plot(result.body, options["plot"])
    finish(result, options, codesign_headline, codesign_report, also=(options["plot"],))
