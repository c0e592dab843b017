"""``tilewright study``: what limits cost."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from optimizer.cli.finish import check_out, design_kept, finish, run_options
from optimizer.cli.inputs import (
    Options,
    asked_fusion,
    asked_pool,
    read_architecture,
    read_network,
    say_warnings,
)
from optimizer.cli.option_types import Names, Place, Share, Vary
from optimizer.cli.options import (
    architecture_options,
    budget_options,
    engine_option,
    fusion_options,
    scaling_options,
    search_options,
    stacked,
    training_options,
    workload_options,
)
from optimizer.cli.progress import ProgressDisplay
from optimizer.errors import SpecError
from optimizer.problem.space import engine_named

if TYPE_CHECKING:
    from optimizer.architecture.architecture import Architecture
    from optimizer.results.kinds import StudyResult
    from optimizer.scaling.options import Options as RunOptions
    from optimizer.studies.metrics import Range
    from optimizer.workload.network import Network

METRICS = {"area": "area-mm2", "bandwidth": "dram-gbps", "buffer": "buffer-kib", "storage": "storage-kib"}
"""Metrics of the hardware that ``--pareto`` takes, with the names of their limits."""
OBJECTIVES = ("energy", "latency", "edp")

range_options = stacked(
    [
        click.option(
            "--vary",
            type=Vary(),
            multiple=True,
            metavar="NAME=LOW:HIGH",
            help="Limit to vary: area-mm2, dram-gbps, buffer-kib, storage-kib, latency-ms or energy-mj; at most twice.",
        ),
        click.option(
            "--constraint",
            multiple=True,
            metavar="NAME",
            help="Drop this constraint: the optimum with and without it. One on sizes counts as a --vary, one on "
            "mappings is dropped alone.",
        ),
        click.option(
            "--pareto",
            type=Names(),
            metavar="NAME,NAME",
            help="Instead: the front of two or three of energy, latency, edp, area, bandwidth, buffer, storage.",
        ),
        click.option(
            "--tolerance",
            type=Share(),
            metavar="PERCENT",
            help="With --pareto energy,latency: every design is within so much of a reported one; default: exact.",
        ),
    ]
)


@click.command()
@click.argument("network")
@range_options
@architecture_options
@workload_options
@training_options
@budget_options
@fusion_options
@engine_option
@search_options
@scaling_options
@click.option("--plot", "picture", type=Place(), metavar="FILE", help="Draw it: .svg, .png or .pdf (extra `plot`).")
def study(network: str, **options: Any) -> None:
    """What limits cost: the optimum of NETWORK for every limit in a range, each step with its proof.

    With one --vary the exact staircase, with two the regions of both limits; with --pareto an exact front. Ctrl-C stops
    with what is known, every step with its own status and bound.
    """
    asked = asked_ranges(options)
    graph, architecture = read_network(network, options), read_architecture(options)
    rule = asked_rule(options, graph, architecture)
    if rule is not None:
        _without_rule(graph, architecture, rule, options)
        return
    _check(options, asked)
    from optimizer.report.figures import check_picture  # noqa: PLC0415
    from optimizer.report.study import study_headline, study_report  # noqa: PLC0415
    from optimizer.report.study_plot import save_plot  # noqa: PLC0415
    from optimizer.results.kinds import StudyResult  # noqa: PLC0415

    check_out(StudyResult, options)
    if options["picture"] is not None:
        check_picture(options["picture"])
    showing = ProgressDisplay(quiet=options["quiet"])
    with asked_pool(options) as pool, showing as display, design_kept(options):
        result = _run(asked, graph, architecture, options, run_options(options, display, pool))
    say_warnings(result.warnings)
    if options["picture"] is not None:
        save_plot(result.body, options["picture"])
    settled = result.body.study.status.has_design
    finish(result, options, study_headline, study_report, also=(options["picture"],), found=settled)


def _without_rule(network: Network, architecture: Architecture, rule: str, options: Options) -> None:
    """The optimum with and without a constraint on mappings."""
    from optimizer.problem.problem import Problem  # noqa: PLC0415
    from optimizer.report.solve import full_report, headline  # noqa: PLC0415
    from optimizer.results.kinds import SolveResult  # noqa: PLC0415
    from optimizer.solving.run import without_rule  # noqa: PLC0415

    for name, option in {"picture": "--plot", "processes": "--processes", "scheduler": "--scheduler"}.items():
        if options[name]:
            raise SpecError(
                "a constraint on mappings is dropped by two searches on threads, and makes no picture",
                field=option,
                value=str(options[name]),
                allowed="--constraint with a constraint on sizes",
                remedy="leave it out",
            )
    check_out(SolveResult, options)
    engine = engine_named(options["engine"])
    asked = Problem(network, architecture, options["objective"], options["padding"], asked_fusion(options), engine)
    with ProgressDisplay(quiet=options["quiet"]) as display:
        result = without_rule(asked, rule, run_options(options, display))
    finish(result, options, headline, full_report)


def asked_rule(options: Options, network: Network, architecture: Architecture) -> str | None:
    """The constraint on mappings that ``--constraint`` drops; None if it drops none.

    Raises
    ------
    SpecError
        If there is no constraint of a name, or one is dropped beside something else.
    """
    from optimizer.problem.layer_rules import rules_of  # noqa: PLC0415

    titles = {" ".join(one.title.split()): one.title for one in rules_of(network, architecture)}
    names = [" ".join(name.split()) for name in options["constraint"]]
    sizes = [one.title for one in architecture.constraints]
    for name in names:
        if name not in titles and name not in sizes:
            raise SpecError(
                "neither the architecture nor the network states a constraint of this name",
                field="--constraint",
                value=name,
                allowed="; ".join([*sizes, *titles]) or "none: there are no constraints",
                remedy="name one as results do: by its text, a table by its name",
            )
    rules = [titles[name] for name in names if name in titles]
    if rules and (len(names) > 1 or options["vary"]):
        raise SpecError(
            "a constraint on mappings is dropped alone",
            field="--constraint",
            value=rules[0],
            allowed="one --constraint, and no --vary",
            remedy="drop them one by one",
        )
    return rules[0] if rules else None


class Asked(NamedTuple):
    """What a study is asked.

    ``objective`` is None for the front of energy and latency. ``dynamic`` says that latency or energy is varied, which
    depend on the mapping, not on the hardware alone.
    """

    objective: str | None
    vary: list[Range]
    dynamic: bool


def asked_ranges(options: Options) -> Asked:
    """The objective and the ranges of a study.

    Raises
    ------
    SpecError
        If not exactly one of ``--vary`` and ``--pareto`` is given, or the metrics make no front.
    """
    from optimizer.bodies.study import CONSTRAINT  # noqa: PLC0415
    from optimizer.studies.metrics import DYNAMIC, Range  # noqa: PLC0415

    vary, names = [*options["vary"], *(Range(CONSTRAINT + name) for name in options["constraint"])], options["pareto"]
    if bool(vary) == bool(names):
        raise SpecError(
            "a study needs --vary or --pareto",
            field="--vary",
            value="both" if vary else "neither",
            allowed="one of the two; --constraint counts as --vary",
            remedy="write e.g. --vary area-mm2=2:12",
        )
    if vary:
        return Asked(options["objective"], vary, any(varied.name in DYNAMIC for varied in vary))
    objectives = {name for name in names if name in OBJECTIVES}
    metrics = [name for name in names if name in METRICS]
    both = objectives == {"energy", "latency"}
    known = len(set(names)) == len(names) == len(objectives) + len(metrics) and 2 <= len(names) <= 3
    if not known or not objectives or not (both or len(objectives) == 1):
        raise SpecError(
            "not a front",
            field="--pareto",
            value=",".join(names),
            allowed=f"two or three different ones of {', '.join((*OBJECTIVES, *METRICS))}; energy and latency, or one "
            "objective",
            remedy="write e.g. --pareto energy,latency or --pareto edp,area",
        )
    return Asked(None if both else objectives.pop(), [Range(METRICS[name]) for name in metrics], both)


def _run(asked: Asked, network: Network, architecture: Architecture, options: Options, how: RunOptions) -> StudyResult:
    from optimizer.studies import run as over_hardware  # noqa: PLC0415
    from optimizer.studies import run_front as over_designs  # noqa: PLC0415
    from optimizer.studies.request import FrontRequest, StudyRequest  # noqa: PLC0415

    vary, padding = tuple(asked.vary), options["padding"]
    engine = engine_named(options["engine"])
    if asked.dynamic:
        tolerance = options["tolerance"] or Fraction(0)
        return over_designs.run(
            FrontRequest(network, architecture, vary, asked.objective, tolerance, padding, engine), how
        )
    assert asked.objective is not None
    return over_hardware.run(
        StudyRequest(network, architecture, vary, asked.objective, padding, asked_fusion(options), engine), how
    )


def _check(options: Options, asked: Asked) -> None:
    """Refuse options that do not go together."""
    if asked.dynamic and options["fusion"]:
        raise SpecError(
            "limits on latency or energy, and fronts of both, are not supported with fusion",
            field="--fusion",
            value="--fusion",
            allowed="--vary or --pareto with metrics of the hardware",
            remedy="drop --fusion",
        )
    if asked.dynamic and (options["processes"] or options["scheduler"] is not None):
        raise SpecError(
            "limits on latency or energy, and fronts of both, are found on threads",
            field="--processes",
            value=options["scheduler"] or "--processes",
            allowed="--vary or --pareto with metrics of the hardware",
            remedy="use --workers alone",
        )
    if options["tolerance"] is not None and not asked.dynamic:
        raise SpecError(
            "only a front of energy and latency has a tolerance",
            field="--tolerance",
            value=options["tolerance"],
            allowed="--pareto energy,latency",
            remedy="drop it: this study is exact",
        )
