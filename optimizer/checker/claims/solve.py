"""The claim of a result, rebuilt from its two files alone: the problem, its hardware points, its budgets."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.boxes import Box, PointSet, points_of
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.fabric import RESOURCES
from optimizer.architecture.hardware import Hardware
from optimizer.architecture.reader import parse_architecture
from optimizer.architecture.selection import unroll_warnings
from optimizer.problem.exact_json import decode_exact
from optimizer.problem.fusion_options import Fusion, parse_fusion
from optimizer.problem.layer_rules import ruled_network, rules_of
from optimizer.problem.off_chip import REASON as MEMORY
from optimizer.problem.padding import automatic_padding
from optimizer.problem.serving_caps import caps_in, tightened
from optimizer.problem.space import DEFAULT_ENGINE, SPACE, constraints_text, engine_in
from optimizer.problem.versions import MODEL_VERSION
from optimizer.workload.layer import Layer, VectorLayer
from optimizer.workload.mapping_constraints import MappingConstraint
from optimizer.workload.network import Network
from optimizer.workload.reader import network_from_data

Accounting = Literal["timeloop", "looptree"]
KEPT = 16
"""Networks and architectures kept: the results of a co-design are about the same ones."""

OVER_BUDGET = ("area", MEMORY, *RESOURCES)
"""Reasons that close a box without any bound: the least of its points exceeds this budget, or off-chip capacity."""


@dataclass(frozen=True)
class Target:
    """Objective and caps, exact: energy units, cycles, energy units per cycle."""

    objective: str
    latency_cap: Fraction | None
    energy_cap: Fraction | None
    power_cap: Fraction | None

    @property
    def capped(self) -> bool:
        """Is any cap set?"""
        return (self.latency_cap, self.energy_cap, self.power_cap) != (None, None, None)

    def cycles(self, energy: int, latency: int) -> Fraction:
        """Latency, including the idle cycles needed to keep the power cap."""
        idle = Fraction(0) if self.power_cap is None else energy / self.power_cap
        return max(Fraction(latency), idle)

    def value(self, energy: int, latency: int) -> Fraction:
        """The objective of a design, or a bound on it from bounds on energy and latency."""
        cycles = self.cycles(energy, latency)
        return {"energy": Fraction(energy), "latency": cycles, "edp": energy * cycles}[self.objective]

    def allows(self, energy: int, latency: int) -> bool:
        """Are the caps kept?"""
        within_energy = self.energy_cap is None or energy <= self.energy_cap
        return within_energy and (self.latency_cap is None or self.cycles(energy, latency) <= self.latency_cap)


@dataclass(frozen=True)
class EqualLayers:
    """Layers of equal shape: the first of them, how many runs they have together, the extents they may take."""

    layer: Layer
    count: int
    options: dict[str, tuple[int, ...]]

    @property
    def variants(self) -> Iterator[dict[str, int]]:
        """Every combination of (padded) extents."""
        for chosen in itertools.product(*self.options.values()):
            yield dict(zip(self.options, chosen, strict=True))


@dataclass(frozen=True)
class ClaimedBox:
    """A box of the certificate.

    ``bounds`` are the bounds per network: for one network, the bound of a solved point; for several, all that are
    stated. ``leader`` holds the menu entries of the solved point whose bound the box takes over.
    """

    box: Box
    by: str
    area_um2: int
    points: int
    bound: Fraction
    energy: tuple[int, ...]
    latency: tuple[int, ...]
    resources: tuple[int, ...] = ()
    bounds: tuple[Fraction, ...] = ()
    leader: tuple[int, ...] | None = None

    @property
    def says_nothing(self) -> bool:
        """True if the box has neither a layer bound nor a bound, like boxes without an optimistic corner."""
        return not any(self.energy) and not any(self.latency) and not self.bound

    @property
    def over_budget(self) -> bool:
        """True if the box is closed by the area, or by a resource of the device."""
        return self.by in OVER_BUDGET


@dataclass(frozen=True)
class Claim:
    """Both files of a result, and their problem."""

    data: dict[str, Any]
    certificate: dict[str, Any]
    network: Network
    architecture: Architecture
    points: PointSet
    groups: tuple[EqualLayers, ...]
    padding: dict[str, dict[str, list[int]]]
    accounting: Accounting
    target: Target
    entries: tuple[ClaimedBox, ...]
    fusion: Fusion | None = None
    engine: str = DEFAULT_ENGINE

    @property
    def parts(self) -> list[tuple[str, int]]:
        """(name, runs) of every unit with a layer bound: a group of equal layers, or the whole network if fused."""
        if self.fusion is not None:
            return [(self.network.name, 1)]
        return [(group.layer.name, group.count) for group in self.groups]

    @property
    def rules(self) -> tuple[MappingConstraint, ...]:
        """All constraints on mappings."""
        return rules_of(self.network, self.architecture)

    @property
    def space(self) -> str:
        """The declared space."""
        fused = self.fusion.space if self.fusion else ""
        return SPACE + fused + constraints_text(self.architecture, self.rules)

    @property
    def value(self) -> Fraction | None:
        """Stated objective of the design, in integer units."""
        value = self.certificate["value"]
        return None if value is None else Fraction(value)

    @property
    def design(self) -> Box | None:
        """The box with the chosen point alone."""
        index = self.certificate["design"]
        return None if index is None else tuple((i, i) for i in index)

    def chosen(self, choices: Mapping[str, object]) -> tuple[tuple[int, ...], Hardware]:
        """The indices into the menus and the hardware point for these choices.

        Raises
        ------
        KeyError
            If there is none.
        """
        index = self.points.place(choices)
        return index, self.points.points[index]

    @property
    def some_point(self) -> Hardware:
        """Any point; all points share the energy unit and the clock."""
        return self.points.some

    def fixed(self, hardware: Hardware) -> tuple[int, int]:
        """Energy units and cycles of all vector layers outside of the units of :meth:`parts`."""
        if self.fusion is not None:
            return 0, 0
        runs = [
            (layer.multiplicity, vector_run(layer, hardware))
            for layer in self.network.layers()
            if isinstance(layer, VectorLayer)
        ]
        return sum(n * run.energy for n, run in runs), sum(n * run.cycles for n, run in runs)


class VectorRun(NamedTuple):
    """One run of a vector layer: energy units, cycles, words to and from the outermost level."""

    energy: int
    cycles: int
    words: int


def vector_run(layer: VectorLayer, hardware: Hardware) -> VectorRun:
    """Every tensor passes the outermost level's ports once; the lanes work at the same time."""
    outer = hardware.levels[0]
    energy = hardware.vector_energy * layer.operations
    moved = {"read": 0, "write": 0}
    for way, tensors, price in (("read", layer.reads, outer.read_energy), ("write", layer.writes, outer.update_energy)):
        for words, bits in tensors:
            moved[way] += words * bits
            energy += math.ceil(Fraction(words * bits, outer.access_bits)) * price
    ports = (
        (outer.read_bits_per_cycle, moved["read"]),
        (outer.write_bits_per_cycle, moved["write"]),
        (outer.shared_bits_per_cycle, moved["read"] + moved["write"]),
    )
    busy = [Fraction(layer.operations, hardware.vector_lanes)]
    busy += [bits / bandwidth for bandwidth, bits in ports if bandwidth is not None]
    return VectorRun(energy, math.ceil(max(busy)), sum(words for words, _ in layer.reads + layer.writes))


def hash_of(problem: object) -> str:
    """Hash of a problem section."""
    return hashlib.sha256(json.dumps([MODEL_VERSION, problem], sort_keys=True).encode()).hexdigest()


def hash_fault(data: dict[str, Any]) -> list[str]:
    """Faults of the hash that a file states for its problem."""
    expected = hash_of(data["problem"])
    stated = data["problem_hash"]
    return [] if stated == expected else [f"the hash is {stated}, the problem has {expected}"]


def expected_warnings(claim: Claim) -> list[str]:
    """Warnings about the network, and, if the result states them, about dims to unroll that no layer has."""
    dims = {dim for layer in claim.network.mac_layers() for dim in layer.extents}
    stated = set(claim.data["warnings"])
    idle = [line for line in unroll_warnings(claim.architecture, dims) if line in stated]
    return list(dict.fromkeys([*claim.network.warnings, *idle]))


def status_of_whole(counted: object, networks: Iterable[Network]) -> object:
    """The status of a result about networks whose counted parts have this one."""
    uncounted = any(network.uncounted for network in networks)
    return "FEASIBLE" if uncounted and counted == "OPTIMAL" else counted


def rebuild(data: dict[str, Any], certificate: dict[str, Any]) -> Claim:
    """Everything that follows from the ``problem`` section, and the boxes of the certificate.

    Raises
    ------
    SpecError, KeyError, TypeError, ValueError
        If something is missing or makes no sense.
    """
    problem = data["problem"]
    architecture, points = _grid(*(json.dumps(problem[key]) for key in ("architecture", "budgets", "accounting")))
    network = ruled_network(_network(json.dumps(problem["network"])), architecture)
    architecture = architecture.with_budgets(tightened(architecture.budgets, caps_in(problem), network))
    groups, padding = _groups(network, problem["padding"])
    some = points.some
    fusion = parse_fusion(problem["fusion"]) if "fusion" in problem else None
    return Claim(
        data,
        certificate,
        network,
        architecture,
        points,
        groups,
        padding,
        architecture.accounting,
        _target(problem["objective"], architecture.budgets, some),
        tuple(_entry(raw) for raw in certificate["boxes"]),
        fusion,
        engine_in(problem),
    )


@lru_cache(maxsize=KEPT)
def _network(text: str) -> Network:
    return network_from_data(decode_exact(json.loads(text)))


@lru_cache(maxsize=KEPT)
def _grid(source: str, limits: str, accounting: str) -> tuple[Architecture, PointSet]:
    """Architecture and points of three sections of a problem, each as JSON."""
    stated = decode_exact(json.loads(source))
    if not isinstance(stated["technology"], dict):
        raise ValueError("the problem names its technology instead of holding it")
    budgets = Budgets(**{name: Fraction(limit) for name, limit in json.loads(limits).items()})
    architecture = replace(parse_architecture(stated), budgets=budgets, accounting=json.loads(accounting))
    return architecture, points_of(architecture)


def _groups(network: Network, rule: Any) -> tuple[tuple[EqualLayers, ...], dict[str, dict[str, list[int]]]]:
    """Groups of equal layers, and the padding lists as results state them."""
    shapes: dict[object, list[Layer]] = {}
    for layer in network.mac_layers():
        shapes.setdefault(layer.shape_key(), []).append(layer)
    groups, lists = [], {}
    for members in shapes.values():
        first = members[0]
        larger = {} if rule == "none" else automatic_padding(first) if rule == "auto" else rule
        if larger:
            lists[first.name] = {dim: list(extents) for dim, extents in larger.items()}
        options = {dim: (extent, *sorted({e for e in larger.get(dim, ()) if e > extent})) for dim, extent in first.dims}
        groups.append(EqualLayers(first, sum(layer.multiplicity for layer in members), options))
    return tuple(groups), lists


def _target(objective: str, budgets: Budgets, hardware: Hardware) -> Target:
    if objective not in ("energy", "latency", "edp"):
        raise ValueError(f"unknown objective {objective!r}")
    hertz, unit_pj = hardware.clock_mhz * 10**6, hardware.energy_unit_pj
    if unit_pj is None and (budgets.energy_mj is not None or budgets.power_w is not None):
        raise ValueError("a budget of energy or power without a unit of energy")
    latency = None if budgets.latency_ms is None else budgets.latency_ms / 1000 * hertz
    energy = None if budgets.energy_mj is None or unit_pj is None else budgets.energy_mj * 10**9 / unit_pj
    power = None if budgets.power_w is None or unit_pj is None else budgets.power_w * 10**12 / unit_pj / hertz
    return Target(objective, latency, energy, power)


def _entry(raw: dict[str, Any]) -> ClaimedBox:
    resources = tuple(raw["resources"][name] for name in RESOURCES) if "resources" in raw else ()
    numbers = (*raw["energy_floors"], *raw["latency_floors"], raw["area_um2"], raw["points"], *resources)
    sides = [tuple(side) for side in raw["box"]]
    if any(type(n) is not int or n < 0 for n in (*numbers, *itertools.chain.from_iterable(sides))):
        raise ValueError(f"a box with something else than whole numbers: {raw}")
    if any(len(side) != 2 for side in sides):
        raise ValueError(f"a box needs the first and last entry of every menu: {raw['box']}")
    if type(raw["box"]) is not list or type(raw["bound"]) is not str:
        raise ValueError(f"the bound of a box is text, its sides are a list: {raw}")
    bound, reason = Fraction(raw["bound"]), str(raw["closed_by"])
    return ClaimedBox(
        tuple((low, high) for low, high in sides),
        reason,
        raw["area_um2"],
        raw["points"],
        bound,
        tuple(raw["energy_floors"]),
        tuple(raw["latency_floors"]),
        resources,
        (bound,) if reason == "solved" else (),
        tuple(raw["bound_of_point"]) if "bound_of_point" in raw else None,
    )
