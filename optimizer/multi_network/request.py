"""The networks of a co-design, prepared for the search: same menus and objective, caps and weights of their own."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.boxes import PointSet, points_of
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.fabric import Caps
from optimizer.architecture.hardware import Hardware
from optimizer.architecture.selection import at
from optimizer.errors import SpecError, check_one_of
from optimizer.files.arguments import Checked, check_fields
from optimizer.files.rules import POSITIVE
from optimizer.problem.aggregate import KINDS, Aggregate
from optimizer.problem.disagreement import disagreement
from optimizer.problem.exact_json import encode_exact
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.problem import Problem, problem_hash
from optimizer.problem.space import DEFAULT_ENGINE, Padding
from optimizer.search.network_bounds import NetworkBounds
from optimizer.search.off_chip import refuse_excess
from optimizer.search.prepared_problem import PreparedProblem, prepare
from optimizer.workload.network import Network

OWN_CAPS = ("latency_ms", "energy_mj", "power_w")
"""Budgets that a network may have for itself."""
MOST_POWERS = 64
"""Products of more values have too many digits to be handled fast."""


@dataclass(frozen=True)
class Member:
    """A network with its weight and caps of its own, which join the budgets of the architecture.

    Parameters
    ----------
    network : Network
    weight : Fraction
        Above zero. A power of the geometric mean; a factor otherwise.
    caps : mapping of {"latency_ms", "energy_mj", "power_w"} to Fraction

    Raises
    ------
    SpecError
        On another cap, or one that is not positive.
    """

    network: Network
    weight: Fraction = field(default=Fraction(1), metadata=POSITIVE)
    caps: Dict[str, Fraction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)
        for name in self.caps:
            if name not in OWN_CAPS:
                raise SpecError(
                    "no such cap of a network",
                    field=f"caps.{name}",
                    value=name,
                    allowed=", ".join(OWN_CAPS),
                    remedy="area and bandwidth are those of the chip: budgets of the architecture",
                )
        Budgets(**self.caps)

    def budgets(self, common: Budgets) -> Budgets:
        """Those of the chip, each with the tighter of both limits."""
        tighter: dict[str, Any] = {
            name: min(limit, getattr(common, name) or limit) for name, limit in self.caps.items()
        }
        return replace(common, **tighter)


@dataclass(frozen=True)
class CodesignRequest(Checked):
    """One hardware point for several networks.

    Parameters
    ----------
    members : tuple of Member
        Networks with weights and caps of their own; their names differ.
    architecture : Architecture
        Its budgets hold for every network.
    aggregate : {"geomean", "weighted", "max"}
        What is minimized, of the objectives of the networks (:mod:`optimizer.problem.aggregate`).
    relative : bool
        Divide every objective by the best that the network has by itself (``weighted`` and ``max``).
    objective : {"energy", "latency", "edp"}
        Of every network.
    padding, fusion, engine
        As of :class:`Problem`.
    """

    members: tuple[Member, ...]
    architecture: Architecture
    aggregate: str = "geomean"
    relative: bool = False
    objective: str = "energy"
    padding: Padding = "none"
    fusion: Fusion | None = None
    engine: str = DEFAULT_ENGINE


@dataclass(frozen=True)
class Team:
    """Prepared networks, and how their objectives become one.

    ``kind`` is that of the aggregate; with ``relative`` every value is divided by the network's own optimum.
    """

    members: tuple[Member, ...]
    prepared_problems: tuple[PreparedProblem, ...]
    kind: str
    relative: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the networks, in their order."""
        return tuple(member.network.name for member in self.members)

    @property
    def network_bounds(self) -> tuple[NetworkBounds, ...]:
        """What the exploration asks of every network."""
        return tuple(prepared.network_bounds for prepared in self.prepared_problems)

    @property
    def points(self) -> PointSet:
        """The hardware points, the same for all."""
        return self.prepared_problems[0].points

    @property
    def area_cap_um2(self) -> int | None:
        """Largest whole area within the budget."""
        return self.prepared_problems[0].area_cap_um2

    @property
    def resource_caps(self) -> Caps:
        """What may be used of every resource of the device."""
        return self.prepared_problems[0].resource_caps

    @property
    def problem(self) -> dict[str, Any]:
        """The problem as plain data."""
        return {
            "aggregate": self.kind,
            "relative": self.relative,
            "weights": [str(member.weight) for member in self.members],
            "caps": [{name: str(limit) for name, limit in member.caps.items()} for member in self.members],
            "networks": [prepared.problem for prepared in self.prepared_problems],
        }

    @property
    def problem_hash(self) -> str:
        """Hash of the problem and of the version of the model."""
        return problem_hash(self.problem)

    def aggregate(self, optima: Sequence[Fraction | None]) -> Aggregate | None:
        """With the weights that apply; None if they are relative to an optimum that is not known."""
        weights = [member.weight for member in self.members]
        if not self.relative:
            return Aggregate(self.kind, tuple(weights))
        known = [optimum for optimum in optima if optimum is not None]
        if len(known) < len(weights):
            return None
        return Aggregate(self.kind, tuple(w / v for w, v in zip(weights, known, strict=True)))


def prepare_team(request: CodesignRequest, *, cache_dir: Path | None = None, workers: int = 1) -> Team:
    """Check a request and put every network into integers.

    Raises
    ------
    SpecError
        On inputs that make no sense for all networks together, or for one of them
        (:func:`optimizer.search.prepared_problem.prepare`).
    """
    members, aggregate, relative = request.members, request.aggregate, request.relative
    budgets = request.architecture.budgets
    _check_names([member.network.name for member in members])
    check_one_of(aggregate, KINDS, "unknown aggregate", "aggregate")
    if relative and aggregate == "geomean":
        raise SpecError(
            "the geometric mean orders designs the same, relative or not",
            field="relative",
            value=True,
            allowed="with weighted or max",
            remedy="leave it out; the report shows every loss anyway",
        )
    powers = Aggregate(aggregate, tuple(member.weight for member in members)).powers
    if aggregate == "geomean" and sum(powers) > MOST_POWERS:
        raise SpecError(
            "the powers of the geometric mean are too large",
            field="weights",
            value=list(powers),
            allowed=f"weights in the ratios of whole numbers with a sum of at most {MOST_POWERS}",
            remedy="round the weights, or use the aggregate `weighted`",
        )
    prepared_problems = tuple(
        prepare(
            Problem(
                member.network,
                request.architecture.with_budgets(member.budgets(budgets)),
                request.objective,
                _padding_of(member.network, request.padding, members),
                request.fusion,
                request.engine,
            ),
            cache_dir=cache_dir,
            workers=workers,
        )
        for member in members
    )
    for prepared in prepared_problems:
        refuse_excess(prepared)
    return Team(members, prepared_problems, aggregate, relative)


def _check_names(names: Sequence[str]) -> None:
    if not names:
        raise SpecError(
            "no network", field="networks", value=[], allowed="one or more networks", remedy="name at least one"
        )
    for name in names:
        if list(names).count(name) > 1:
            raise SpecError(
                "two networks have the same name",
                field="networks",
                value=name,
                allowed="different names",
                remedy="leave one out, or change `name:` in its file; to count a network more, give it a weight",
            )


def _padding_of(network: Network, padding: Padding, members: Sequence[Member]) -> Padding:
    """Extents for the dims that the network has; dims that no network has stay, to be refused."""
    if isinstance(padding, str):
        return padding
    dims = {dim for layer in network.mac_layers() for dim in layer.extents}
    all_dims = {dim for member in members for layer in member.network.mac_layers() for dim in layer.extents}
    return {dim: extents for dim, extents in padding.items() if dim in dims or dim not in all_dims}


def at_point(prepared: PreparedProblem, point: Hardware) -> PreparedProblem:
    """The same problem with all menus cut down to the entries of a hardware point; what is priced stays known.

    Raises
    ------
    InternalDisagreementError
        If the entries do not lead to this point.
    """
    architecture = at(prepared.architecture, dict(point.choices))
    points = points_of(architecture)
    if list(points.points.values()) != [point]:
        raise disagreement(f"{dict(point.choices)} is not one point")
    problem = prepared.problem | {"architecture": encode_exact(architecture.source)}
    return replace(prepared, architecture=architecture, points=points, problem=problem)
