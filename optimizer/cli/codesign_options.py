"""Options of ``tilewright codesign``: weights and caps by network, and the workload options of each network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from optimizer.cli.dims import dims_of, is_onnx
from optimizer.cli.inputs import Options, asked_fusion, read_network
from optimizer.cli.option_types import positive
from optimizer.cli.options import stacked
from optimizer.errors import SpecError
from optimizer.problem.space import engine_named

if TYPE_CHECKING:
    from optimizer.architecture.architecture import Architecture
    from optimizer.multi_network.request import CodesignRequest, Member
    from optimizer.workload.network import Network

    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType

CAPS = {"latency-ms": "latency_ms", "energy-mj": "energy_mj", "power-w": "power_w"}


class Weight(NamedTuple):
    """Weight of a network."""

    network: str
    value: Fraction


class Cap(NamedTuple):
    """Cap of a network; `budget` as in :class:`optimizer.architecture.budgets.Budgets`."""

    network: str
    budget: str
    value: Fraction


class WeightType(_Type):
    """A network with its weight: ``bert_base=2``."""

    name = "network=weight"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Weight:
        """Network and weight."""
        name, equals, text = str(value).rpartition("=")
        if not equals or not name.strip():
            raise SpecError(
                "not a weight",
                field="--weight",
                value=value,
                allowed="NETWORK=NUMBER",
                remedy="write e.g. --weight bert_base=2",
            )
        remedy = f"write e.g. --weight {name.strip()}=2, or leave it out for 1"
        return Weight(name.strip(), positive(text, "--weight", remedy))


class CapType(_Type):
    """A network with a cap: ``bert_base:latency-ms=20``."""

    name = "network:cap=limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Cap:
        """Network, budget and limit."""
        place, equals, text = str(value).rpartition("=")
        name, _, budget = place.rpartition(":")
        if not equals or not name.strip() or budget.strip() not in CAPS:
            raise SpecError(
                "not a cap of a network",
                field="--cap",
                value=value,
                allowed=", ".join(f"NETWORK:{cap}=LIMIT" for cap in CAPS),
                remedy="write e.g. --cap bert_base:latency-ms=20",
            )
        remedy = f"write e.g. --cap {place}=20, or leave it out for no cap"
        return Cap(name.strip(), CAPS[budget.strip()], positive(text, "--cap", remedy))


team_options = stacked(
    [
        click.option(
            "--aggregate",
            type=click.Choice(["geomean", "weighted", "max"]),
            default="geomean",
            show_default=True,
            help="What becomes of the objectives of all networks: geometric mean, weighted sum, or the largest.",
        ),
        click.option(
            "--weight",
            "weights",
            type=WeightType(),
            multiple=True,
            metavar="NETWORK=WEIGHT",
            help="Power (geomean) or factor of a network's objective; 1 by default; repeatable.",
        ),
        click.option(
            "--cap",
            "caps",
            type=CapType(),
            multiple=True,
            metavar="NETWORK:CAP=LIMIT",
            help="Cap of one network, e.g. bert_base:latency-ms=20 (also energy-mj, power-w); repeatable.",
        ),
        click.option(
            "--relative", is_flag=True, help="Divide every objective by the network's own optimum (weighted and max)."
        ),
    ]
)


def read_members(specs: Sequence[str], options: Options) -> list[Member]:
    """The networks with their weights and caps.

    A weight or cap names its network as on the command line, or as the network calls itself.

    Raises
    ------
    SpecError
        On a weight or cap of a network that is not given, and on a second one of the same kind.
    """
    from optimizer.multi_network.request import Member  # noqa: PLC0415

    dims = dims_of(specs, options["dims"])
    networks = {
        spec: read_network(spec, {**_suited(spec, specs, options), **({"dims": dims[spec]} if spec in dims else {})})
        for spec in dict.fromkeys(specs)
    }
    weights: dict[str, Fraction] = {}
    caps: dict[str, dict[str, Fraction]] = {spec: {} for spec in networks}
    for weight in options["weights"]:
        spec = _owner(weight.network, networks, "--weight")
        if weights.setdefault(spec, weight.value) != weight.value:
            raise _twice(f"--weight {weight.network}", [weights[spec], weight.value])
    for cap in options["caps"]:
        known = caps[_owner(cap.network, networks, "--cap")]
        if known.setdefault(cap.budget, cap.value) != cap.value:
            raise _twice(f"--cap {cap.network}", [known[cap.budget], cap.value])
    return [Member(networks[spec], weights.get(spec, Fraction(1)), caps[spec]) for spec in specs]


def team_request(members: Sequence[Member], architecture: Architecture, options: Options) -> CodesignRequest:
    """The request of a co-design."""
    from optimizer.multi_network.request import CodesignRequest  # noqa: PLC0415

    return CodesignRequest(
        tuple(members),
        architecture,
        options["aggregate"],
        options["relative"],
        options["objective"],
        options["padding"],
        asked_fusion(options),
        engine_named(options["engine"]),
    )


def _owner(name: str, networks: dict[str, Network], option: str) -> str:
    for spec, network in networks.items():
        if name in (spec, network.name):
            return spec
    raise SpecError(
        "no such network here",
        field=option,
        value=name,
        allowed=", ".join(n.name for n in networks.values()),
        remedy="name one of the networks of this command",
    )


def _twice(field: str, values: list[Fraction]) -> SpecError:
    return SpecError(
        "given twice",
        field=field,
        value=[float(value) for value in values],
        allowed="one number",
        remedy="leave one of the two out",
    )


def _suited(spec: str, specs: Sequence[str], options: Options) -> Options:
    """The options for one network: without workload options that apply to others only.

    An option that applies to no network stays, so that it is refused where the network is read.
    """
    everywhere = {name for other in specs for name in _suiting(other)}
    without: dict[str, Any] = {"dims": (), "allow_unknown": False, "conventions": ()}
    without |= dict.fromkeys(("batch", "sequence", "phase", "prompt", "context"))
    dropped = (set(without) & everywhere) - set(_suiting(spec))
    return {**options, **{name: without[name] for name in dropped}}


def _suiting(spec: str) -> Iterator[str]:
    """Names of the workload options that apply to a network."""
    from optimizer.language_models.load import is_model, options_of  # noqa: PLC0415
    from optimizer.networks.catalog import CATALOG  # noqa: PLC0415

    if spec in CATALOG:
        yield "batch"
        if CATALOG[spec].sequence is not None:
            yield "sequence"
    elif is_onnx(spec):
        yield from ("dims", "allow_unknown")
    elif is_model(spec):
        yield from options_of(spec)
