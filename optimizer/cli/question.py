"""The problem that ``tilewright verify`` compares a folder with, from the options of the command that wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from optimizer.cli.adjust import read_request, request_options
from optimizer.cli.codesign_options import read_members, team_options, team_request
from optimizer.cli.inputs import Options, asked_fusion, pick_layer, read_architecture, read_network
from optimizer.cli.options import (
    architecture_option,
    budget_options,
    choice_options,
    engine_option,
    fusion_options,
    goal_options,
    stacked,
    training_options,
    workload_options,
)
from optimizer.cli.serving_caps import asked_caps, serving_cap_options
from optimizer.cli.study import asked_ranges, asked_rule, range_options
from optimizer.errors import SpecError
from optimizer.problem.space import engine_named

if TYPE_CHECKING:
    from optimizer.architecture.architecture import Architecture
    from optimizer.checker.outcome import Check
    from optimizer.workload.network import Network

Data = dict[str, Any]
NOT_ASKED = "whether it answers your problem (give --network, --architecture and what else it was made with)"
NOT_COMPARABLE = "whether it answers your problem (compare the neurons, degrees and budgets that it states with yours)"
OF_NETWORK = (
    "batch",
    "sequence",
    "phase",
    "prompt",
    "context",
    "conventions",
    "bits",
    "sparsity",
    "dims",
    "allow_unknown",
    "training",
    "training_bits",
    "name",
)
OF_ARCHITECTURE = (
    "choices",
    "constraints",
    "accounting",
    "area_mm2",
    "device",
    "dram_gbps",
    "dram_gib",
    "power_w",
    "latency_ms",
    "energy_mj",
)

question_options = stacked(
    [
        click.option(
            "--network",
            "networks",
            multiple=True,
            metavar="NAME|FILE",
            help="Is it about this network? Of a co-design: repeat, in the same order.",
        ),
        click.option("--layer", "name", help="Of a result of `map`: which layer, where the file holds several."),
        architecture_option(required=False),
        choice_options,
        workload_options,
        training_options,
        budget_options,
        serving_cap_options,
        fusion_options,
        engine_option,
        goal_options,
        team_options,
        range_options,
        request_options,
    ]
)
"""``--network``, ``--architecture``, and the other options that shape the problem of a command."""


def question_checks(directory: str, options: Options) -> list[Check]:
    """Whether a folder answers the problem of these options; without any, a check that says that this was not checked.

    Raises
    ------
    SpecError
        On options that make no sense, or that need ``--network`` or ``--architecture``.
    """
    from optimizer.checker import folder, problem_match  # noqa: PLC0415
    from optimizer.checker.outcome import NOT_CHECKED, Check  # noqa: PLC0415

    _check(options)
    if not options["networks"] and options["architecture"] is None:
        return [Check(NOT_CHECKED, True, NOT_ASKED if folder.states_problem(directory) else NOT_COMPARABLE)]
    stated = folder.stated_problem(directory)
    whole = bool(options["networks"]) and options["architecture"] is not None
    wanted = _whole(stated, options) if whole else [_part(stated, options)]
    return [problem_match.question_check(stated, wanted, whole=whole)]


def _check(options: Options) -> None:
    """Options of networks need ``--network``, those of architectures ``--architecture``, all others both."""
    context = click.get_current_context()
    given = {
        parameter.name: parameter.opts[-1]
        for parameter in context.command.params
        if parameter.name and context.get_parameter_source(parameter.name) is click.core.ParameterSource.COMMANDLINE
    }
    asking = {parameter.name for parameter in question_parameters()} - {"networks", "architecture"}
    missing = [name for name in ("networks", "architecture") if not options[name]]
    for name in asking & set(given):
        needed = ["networks"] if name in OF_NETWORK else ["architecture"] if name in OF_ARCHITECTURE else missing
        absent = [f"--{word.removesuffix('s')}" for word in needed if word in missing]
        if absent:
            raise SpecError(
                "this option says nothing without others",
                field=given[name],
                value=str(options[name]),
                allowed=f"together with {' and '.join(absent)}",
                remedy=f"add {' and '.join(absent)}, or leave it out",
            )


def question_parameters() -> list[click.Parameter]:
    """The options that describe a problem."""
    return click.command()(question_options(lambda: None)).params


def _part(stated: Data, options: Options) -> Data:
    """Only the networks of a problem, or only its architecture with the budgets."""
    from optimizer.problem.problem import architecture_json, network_json  # noqa: PLC0415

    if options["architecture"] is not None:
        part = architecture_json(read_architecture(options))
        return {"networks": [part] * len(stated["networks"])} if "networks" in stated else part
    parts = [network_json(network) for network in _networks(options)]
    if "networks" in stated:
        return {"networks": parts}
    return parts[0]


def _networks(options: Options) -> list[Network]:
    if options["name"] is None:
        return [member.network for member in read_members(options["networks"], options)]
    return [_single(read_network(spec, options), options["name"]) for spec in options["networks"]]


def _single(network: Network, name: str | None) -> Network:
    """The network that `map` makes of one layer."""
    from optimizer.api import network_of  # noqa: PLC0415

    return network_of(pick_layer(network, name), network)


def _whole(stated: Data, options: Options) -> list[Data]:
    """The problems that a folder may answer: `solve` and `map` make different ones of a network with one layer."""
    architecture = read_architecture(options)
    if "networks" in stated or len(options["networks"]) > 1:
        return [_team(architecture, options)]
    network = read_network(options["networks"][0], options)
    if options["name"] is not None:
        return [_problem(_single(network, options["name"]), architecture, stated, options)]
    found = [_problem(network, architecture, stated, options)]
    if len(network.mac_layers()) == 1 and asked_caps(options) is None:
        found.append(_problem(_single(network, None), architecture, stated, options))
    return found


def _team(architecture: Architecture, options: Options) -> Data:
    from optimizer.multi_network.request import prepare_team  # noqa: PLC0415

    return prepare_team(team_request(read_members(options["networks"], options), architecture, options)).problem


def _problem(network: Network, architecture: Architecture, stated: Data, options: Options) -> Data:
    """The problem that `solve`, `map`, `study`, `evaluate` or `adjust` makes of these inputs."""
    from optimizer.given_groups.evaluate import priced_under  # noqa: PLC0415
    from optimizer.problem.problem import Problem  # noqa: PLC0415
    from optimizer.search.prepared_problem import prepare  # noqa: PLC0415

    more: Mapping[str, Any] = {}
    objective = options["objective"]
    rule = asked_rule(options, network, architecture)
    if rule is not None:
        more = {"dropped": rule}
    elif options["vary"] or options["pareto"] or options["constraint"]:
        architecture, objective, more = _study(architecture, options)
    elif "request" in stated:
        more = {"request": read_request(options).data()}
    elif "groups" in stated:  # given by hand, and shown by `show`
        architecture, more = priced_under(architecture), {"groups": stated["groups"]}
    engine = engine_named(options["engine"])
    asked = Problem(
        network, architecture, objective, options["padding"], asked_fusion(options), engine, asked_caps(options)
    )
    return {**prepare(asked).problem, **more}


def _study(architecture: Architecture, options: Options) -> tuple[Architecture, str, Data]:
    """The architecture under the loosest limits, the objective, and what is varied."""
    from optimizer.studies.dropped import freed  # noqa: PLC0415
    from optimizer.studies.result_data import question  # noqa: PLC0415
    from optimizer.studies.run import budgeted  # noqa: PLC0415
    from optimizer.studies.run_front import capped  # noqa: PLC0415

    asked = asked_ranges(options)
    tolerance = (options["tolerance"] or Fraction(0)) if asked.objective is None else None
    loosest = capped if asked.dynamic else budgeted
    architecture, vary = freed(architecture, asked.vary)
    return loosest(architecture, vary), asked.objective or "energy", {"study": question(vary, tolerance)}
