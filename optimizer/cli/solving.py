"""``tilewright solve`` and ``tilewright map``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from optimizer.cli.finish import check_out, finish, run_options
from optimizer.cli.inputs import (
    Options,
    asked_fusion,
    pick_layer,
    read_architecture,
    read_network,
    say_warnings,
)
from optimizer.cli.options import (
    architecture_options,
    budget_options,
    compare_option,
    engine_option,
    fusion_options,
    search_options,
    training_options,
    workload_options,
)
from optimizer.cli.progress import ProgressDisplay
from optimizer.cli.serving_caps import asked_caps, serving_cap_options
from optimizer.problem.space import engine_named

if TYPE_CHECKING:
    from optimizer.architecture.architecture import Architecture
    from optimizer.workload.network import Network


@click.command()
@click.argument("network")
@architecture_options
@workload_options
@training_options
@budget_options
@serving_cap_options
@fusion_options
@compare_option
@engine_option
@search_options
def solve(network: str, **options: Any) -> None:
    """Best hardware and best mapping of every layer of NETWORK, with a proof.

    NETWORK is a built-in name (see `tilewright networks`), a .onnx or .yaml file or a config.json. Ctrl-C stops with
    the best design found and its bound.
    """
    graph, architecture = read_network(network, options), read_architecture(options)
    dims = {dim for layer in graph.mac_layers() for dim in layer.extents}
    _check_fusion(options)
    _check_padding(options["padding"], dims)
    _run(graph, architecture, dims, options)


def _check_fusion(options: Options) -> None:
    """Refuse ``--compare`` without ``--fusion``."""
    from optimizer.errors import SpecError  # noqa: PLC0415

    if options["compare"] and not options["fusion"]:
        raise SpecError(
            "nothing to compare",
            field="--compare",
            value="without --fusion",
            allowed="--fusion --compare",
            remedy="add --fusion, or drop --compare",
        )


@click.command("map")
@click.argument("layer_file", metavar="LAYER")
@click.option("--layer", "name", help="Which layer, where LAYER holds several.")
@architecture_options
@workload_options
@training_options
@budget_options
@engine_option
@search_options
def map_command(layer_file: str, name: str | None, **options: Any) -> None:
    """Best mapping of one layer.

    LAYER is a .yaml file (or any network, with --layer). Menus of the architecture that --choose leaves open
    are part of the search.
    """
    graph, architecture = read_network(layer_file, options), read_architecture(options)
    layer = pick_layer(graph, name)
    _check_padding(options["padding"], set(layer.extents))
    from optimizer.api import network_of  # noqa: PLC0415

    _run(network_of(layer, graph), architecture, set(layer.extents), options)


def _check_padding(padding: Any, dims: set[str]) -> None:
    """Refuse padding of a dim that no layer has."""
    from optimizer.errors import SpecError  # noqa: PLC0415

    for dim in padding if isinstance(padding, dict) else ():
        if dim not in dims:
            raise SpecError(
                "no layer has this dim",
                field="--padding",
                value=dim,
                allowed=", ".join(sorted(dims)),
                remedy="pad one of these dims, or leave it out",
            )


def _run(network: Network, architecture: Architecture, dims: set[str], options: Options) -> None:
    """Solve, save, show; the exit code tells whether there is a design."""
    from optimizer.architecture.selection import unroll_warnings  # noqa: PLC0415
    from optimizer.problem.problem import Problem  # noqa: PLC0415
    from optimizer.report.solve import full_report, headline  # noqa: PLC0415
    from optimizer.results.kinds import SolveResult  # noqa: PLC0415
    from optimizer.solving.run import compare, run  # noqa: PLC0415

    check_out(SolveResult, options)
    asked = Problem(
        network,
        architecture,
        options["objective"],
        options["padding"],
        asked_fusion(options),
        engine_named(options["engine"]),
        asked_caps(options),
    )
    warnings = unroll_warnings(architecture, dims)
    say_warnings(warnings)
    with ProgressDisplay(quiet=options["quiet"]) as display:
        result = (compare if options.get("compare") else run)(asked, run_options(options, display))
    result.add_warnings(warnings)
    finish(result, options, headline, full_report)
