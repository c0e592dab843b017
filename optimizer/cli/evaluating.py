"""``tilewright evaluate``: costs of a mapping, or of a design with its groups, given by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from optimizer.cli.finish import check_out, finish
from optimizer.cli.inputs import Options, cache_folder, pick_layer, read_architecture, read_network, say_warnings
from optimizer.cli.options import architecture_options, cache_options, out_options, training_options, workload_options
from optimizer.cli.output import show_on_stdout
from optimizer.errors import SpecError

if TYPE_CHECKING:
    from optimizer.architecture.architecture import Architecture
    from optimizer.workload.network import Network

OF_MAPPING = ("layer", "reuse")
OF_GROUPS = ("objective", "out", "force", "cache", "no_cache")


@click.command()
@click.argument("workload", metavar="LAYER|NETWORK")
@click.option("--mapping", metavar="FILE", help="Price one layer under this loop nest, a .yaml file.")
@click.option("--groups", metavar="FILE", help="Cost a network with these fused groups, a .yaml file.")
@click.option("--layer", metavar="NAME", help="With --mapping: which layer, where the file holds several.")
@click.option(
    "--reuse",
    type=click.Choice(["held", "innermost", "exact"]),
    help="With --mapping: held, the default, keeps a tile while the loops above do not move it; innermost leaves every "
    "node where the file puts it; exact is Timeloop's rule.",
)
@click.option(
    "--objective",
    type=click.Choice(["energy", "latency"]),
    help="With --groups: what the loop nest inside of every run minimizes; default: energy.",
)
@out_options
@cache_options
@architecture_options
@workload_options
@training_options
def evaluate(workload: str, **options: Any) -> None:
    """Costs of what is given by hand: a mapping of one layer, or groups of a network. Give --mapping or --groups.

    With --groups nothing is searched over hardware, groups, tiles or policies. Only the loop nest inside of every run
    of a layer is sought: it is the proved best. A layer in no group runs by itself. Entries of `groups` in a
    result.json may be copied as they are; their costs and loop nests are worked out anew. The architecture must
    stand for one hardware point: pick it with --choose.
    """
    _check_mode(options)
    network, architecture = read_network(workload, options), read_architecture(options)
    if options["mapping"] is not None:
        _evaluate_mapping(network, architecture, options)
    else:
        _evaluate_groups(network, architecture, options)


def _check_mode(options: Options) -> None:
    """Refuse a call with both or none of ``--mapping`` and ``--groups``, or with an option of the other one."""
    given = [name for name in ("mapping", "groups") if options[name] is not None]
    if len(given) != 1:
        raise SpecError(
            "what to evaluate is given twice" if given else "it is not said what to evaluate",
            field=" ".join(f"--{name}" for name in given or ("mapping", "groups")),
            value=[options[name] for name in given],
            allowed="one of --mapping FILE and --groups FILE",
            remedy="use --mapping for the loop nest of one layer, --groups for fused groups of a network",
        )
    for name in OF_GROUPS if given == ["mapping"] else OF_MAPPING:
        if options[name]:
            option = f"--{name.replace('_', '-')}"
            raise SpecError(
                f"this option does not go with --{given[0]}",
                field=option,
                value=options[name],
                allowed=f"{option} with --{'groups' if given == ['mapping'] else 'mapping'}",
                remedy=f"leave {option} out",
            )


def _evaluate_mapping(network: Network, architecture: Architecture, options: Options) -> None:
    from optimizer.architecture.selection import single_point  # noqa: PLC0415
    from optimizer.mapping.reader import load_mapping, padding_warnings  # noqa: PLC0415
    from optimizer.problem.layer_rules import ruled_layer, rules_of  # noqa: PLC0415
    from optimizer.problem.sparsity_check import check_sparsity  # noqa: PLC0415
    from optimizer.report.mapping import evaluation_report  # noqa: PLC0415

    rules = rules_of(network, architecture)
    layer, hardware = (
        ruled_layer(pick_layer(network, options["layer"]), rules, architecture),
        single_point(architecture),
    )
    check_sparsity([layer], hardware, file=architecture.file)
    mapping = load_mapping(options["mapping"], layer, hardware)
    say_warnings([f"{options['mapping']}: {text}" for text in padding_warnings(mapping, layer)])
    show_on_stdout(evaluation_report(layer, hardware, mapping, options["reuse"] or "held", architecture.accounting))


def _evaluate_groups(network: Network, architecture: Architecture, options: Options) -> None:
    from optimizer.architecture.selection import unroll_warnings  # noqa: PLC0415
    from optimizer.inspection import evaluate_groups  # noqa: PLC0415
    from optimizer.report.solve import full_report, headline  # noqa: PLC0415
    from optimizer.results.kinds import EvaluationResult  # noqa: PLC0415

    check_out(EvaluationResult, options)
    warnings = unroll_warnings(architecture, {dim for layer in network.mac_layers() for dim in layer.extents})
    result = evaluate_groups(
        network,
        architecture,
        options["groups"],
        objective=options["objective"] or "energy",
        cache_dir=cache_folder(options),
    )
    result.add_warnings(warnings)
    say_warnings(warnings)
    finish(result, options, headline, full_report)
