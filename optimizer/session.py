"""A solve in preparation: layers grouped, points listed, budgets in integer units."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from formulations.kernels.memo import Memos
from optimizer.architecture import Architecture
from optimizer.budgets import Budgets
from optimizer.cost import Accounting
from optimizer.design import Goal
from optimizer.errors import SpecError
from optimizer.fabric import Caps
from optimizer.fusion.network_pricer import NetworkPricer
from optimizer.fusion.options import Fusion, check_buffer, check_fusible
from optimizer.fusion.price_group import group_pricers
from optimizer.fusion.runs import Runs
from optimizer.hardware import Hardware
from optimizer.magnitude import check_magnitude
from optimizer.part import Part
from optimizer.points import PointSet, point_set
from optimizer.pricing import NEVER, Pricer, Prices, automatic_padding
from optimizer.sparsity import check_sparsity
from optimizer.store import MODEL_VERSION, Store
from optimizer.vector_cost import vector_cost
from optimizer.workload import Layer, Network, VectorLayer
from optimizer.workload_yaml import dump_network

Padding = Literal["none", "auto"] | Dict[str, tuple[int, ...]]
_ENCODED = ({"fraction"}, {"mapping"})
OBJECTIVES = ("energy", "latency", "edp")

SPACE = (
    "Uneven mappings: per level a choice of kept tensors (where free), one order of their nodes, perfect factors of "
    "every (padded) extent over temporal and spatial loops of both axes; the loops over the dims irrelevant to a "
    "tensor stand right below its node, the input's node may take in loops over its halo dims; at most one node, the "
    "first of its level, stands further out, above the loops irrelevant to it that close an outer block; reuse between "
    "neighbouring input tiles is counted along the loop right above the node, where that moves the tile."
)


@dataclass(frozen=True)
class Session:
    """Everything the branch and bound needs, and what the result says about the problem."""

    network: Network
    architecture: Architecture
    points: PointSet
    pricers: list[Pricer]
    goal: Goal
    accounting: Accounting
    padding: dict[str, dict[str, tuple[int, ...]]]
    problem: dict[str, Any]
    fusion: Fusion | None = None
    fused: NetworkPricer | None = None

    @property
    def parts(self) -> Sequence[Prices]:
        """What is priced by itself: every layer, or with fusion the whole network."""
        return self.pricers if self.fused is None else [self.fused]

    @property
    def part(self) -> Part:
        """The network as a part of an exploration."""
        return Part(self.parts, self.goal, self.vector_cost)

    @property
    def space(self) -> str:
        """The declared space."""
        return SPACE + (self.fusion.space if self.fusion else "")

    @property
    def area_cap_um2(self) -> int | None:
        """Largest whole area within the budget."""
        area = self.architecture.budgets.area_um2
        return None if area is None else int(area)

    @property
    def resource_caps(self) -> Caps:
        """What may be used of every resource of the device; empty without one."""
        plan = self.architecture.plan
        return () if plan is None else plan.limits

    @property
    def problem_hash(self) -> str:
        """Hash of the problem: network, architecture, objective, budgets, padding, version of the model."""
        return problem_hash(self.problem)

    def vector_cost(self, hardware: Hardware) -> tuple[int, int]:
        """Energy units and cycles of all vector layers that no part prices."""
        if self.fused is not None:
            return 0, 0
        costs = [
            (layer.multiplicity, vector_cost(layer, hardware, self.accounting))
            for layer in self.network.layers() if isinstance(layer, VectorLayer)
        ]  # fmt: skip
        return sum(n * c.energy for n, c in costs), sum(n * c.latency_cycles for n, c in costs)


def prepare(
    network: Network, architecture: Architecture, *, objective: str, padding: Padding, cache_dir: Path | None,
    fusion: Fusion | None = None, workers: int = 1,
) -> Session:  # fmt: skip
    """Check the inputs and put them into integers.

    Raises
    ------
    SpecError
        On an unknown objective, a network without layers, N:M blocks that the architecture does not take, a layer too
        large for exact integers, budgets that the technology or device cannot measure, padding of a dim that no layer
        has; with fusion, on padding, outputs in blocks, budgets of latency, energy or power, and on architectures
        without a single buffer.
    """
    if objective not in OBJECTIVES:
        raise SpecError(
            "unknown objective", field="objective", value=objective, allowed=", ".join(OBJECTIVES),
            remedy="use one of these",
        )  # fmt: skip
    layers = network.mac_layers()
    if not layers:
        raise SpecError(
            "the network has no multiply-accumulate layer", field=network.name,
            value=[layer.name for layer in network.layers()], allowed="at least one convolution, matmul or einsum",
            remedy="check that this is the right file",
        )  # fmt: skip
    if not isinstance(padding, str):
        for dim, larger in padding.items():
            extents = [layer.extents[dim] for layer in layers if dim in layer.extents]
            if not extents:
                raise SpecError(
                    "no layer has this dim", field=f"padding.{dim}", value=dim,
                    allowed=", ".join(sorted({d for layer in layers for d in layer.extents})),
                    remedy="pad one of these dims, or leave it out",
                )  # fmt: skip
            for extent in larger:
                if extent <= min(extents):
                    raise SpecError(
                        "no layer can be padded to this extent", field=f"padding.{dim}", value=extent,
                        allowed=f"more than {min(extents)}", remedy="padding only enlarges: choose a larger extent",
                    )  # fmt: skip
    elif padding not in ("none", "auto"):
        raise SpecError(
            "unknown padding", field="padding", value=padding, allowed="none, auto, or extents per dim",
            remedy="use one of these",
        )  # fmt: skip
    _check_device(architecture)
    points = point_set(list(architecture.points()))
    check_sparsity(layers, next(iter(points.points.values())), file=architecture.file)
    if fusion is not None:
        _check_fusion(architecture, points, padding)
        check_fusible(layers)
    store = Store(cache_dir)
    shapes: dict[object, list[Layer]] = {}
    for layer in layers:
        shapes.setdefault(layer.shape_key(), []).append(layer)
    accounting: Accounting = architecture.accounting
    pricers, lists, by_name, memos = [], {}, {}, None if fusion is None else Memos()
    for members in shapes.values():
        first = members[0]
        chosen = {} if padding == "none" else automatic_padding(first) if padding == "auto" else dict(padding)
        if chosen:
            lists[first.name] = chosen
        pricers.append(Pricer(first, sum(m.multiplicity for m in members), accounting, chosen, store, memos))
        by_name.update({member.name: pricers[-1] for member in members})
    check_magnitude([(p.layer, math.prod(e for _, e in p.variants[-1])) for p in pricers], list(points.points.values()))
    problem = {**network_part(network), **architecture_part(architecture)} | {
        "objective": objective,
        "padding": padding if isinstance(padding, str) else {d: list(e) for d, e in padding.items()},
    } | ({} if fusion is None else {"fusion": fusion.data()})
    some = next(iter(points.points.values()))
    return Session(
        network,
        architecture,
        points,
        pricers,
        make_goal(objective, architecture.budgets, some),
        accounting,
        lists,
        problem,
        fusion,
        None if fusion is None else network_pricer(network, fusion, accounting, store, by_name, workers, memos),
    )


def problem_hash(problem: dict[str, Any]) -> str:
    """Hash of a problem as plain data, and of the version of the model."""
    return hashlib.sha256(json.dumps([MODEL_VERSION, problem], sort_keys=True).encode()).hexdigest()


def network_part(network: Network) -> dict[str, Any]:
    """What a problem says of its network."""
    return {"network_yaml": dump_network(network)}


def architecture_part(architecture: Architecture) -> dict[str, Any]:
    """What a problem says of its architecture, the way of counting and the budgets."""
    return {
        "architecture": encode_exact(architecture.source),
        "accounting": architecture.accounting,
        "budgets": _budgets(architecture.budgets),
    }


def network_pricer(
    network: Network, fusion: Fusion, accounting: Accounting, store: Store, pricers: dict[str, Pricer],
    workers: int = 1, memos: Memos | None = None,
) -> NetworkPricer:  # fmt: skip
    """The pricer of a network whose layers may be fused; `pricers` are those of single layers, by name."""
    runs = Runs(accounting, store, workers, memos)
    found = group_pricers(network, fusion, runs)
    return NetworkPricer(network, pricers, found, runs, lambda layer, point: vector_cost(layer, point, accounting))


def _check_device(architecture: Architecture) -> None:
    area, plan = architecture.budgets.area_mm2, architecture.plan
    if plan is not None and area is not None:
        raise SpecError(
            "a device has resources, no area", file=architecture.file, field="budgets.area_mm2", value=area,
            allowed=f"no budget of area on {plan.device.name}: its resources take its place",
            remedy="drop --area-mm2 (or budgets.area_mm2), or the device",
        )  # fmt: skip


def _check_fusion(architecture: Architecture, points: PointSet, padding: Padding) -> None:
    for point in points.points.values():
        check_buffer(point, architecture.file)
    if padding != "none":
        raise SpecError(
            "padding and fusion do not go together", field="padding", value=padding, allowed="none",
            remedy="drop one of the two",
        )  # fmt: skip
    budgets = architecture.budgets
    for name in ("latency_ms", "energy_mj", "power_w"):
        limit = getattr(budgets, name)
        if limit is not None:
            raise SpecError(
                "with fusion this budget is not supported", field=f"budgets.{name}", value=str(limit),
                allowed="budgets of area and off-chip bandwidth", remedy="drop the budget, or do not fuse",
            )  # fmt: skip


def _budgets(budgets: Budgets) -> dict[str, str]:
    names = ("area_mm2", "dram_gbps", "power_w", "latency_ms", "energy_mj")
    return {name: str(getattr(budgets, name)) for name in names if getattr(budgets, name) is not None}


def make_goal(objective: str, budgets: Budgets, hardware: Hardware) -> Goal:
    """The objective with its caps in energy units and cycles.

    Raises
    ------
    SpecError
        On energy or power budgets where energies are normalized.
    """
    hertz = hardware.clock_mhz * 10**6
    latency = NEVER if budgets.latency_ms is None else int(budgets.latency_ms * hertz / 1000)
    unit = hardware.energy_unit_pj
    for name in ("energy_mj", "power_w"):
        limit = getattr(budgets, name)
        if limit is not None and unit is None:
            raise SpecError(
                "this technology has normalized energies, without a unit", field=f"budgets.{name}",
                value=int(limit) if limit.denominator == 1 else limit,
                allowed="budgets of area, off-chip bandwidth and latency",
                remedy="choose an architecture whose technology is in pJ, or drop the budget",
            )  # fmt: skip
    energy = NEVER if budgets.energy_mj is None or unit is None else int(budgets.energy_mj * 10**9 / unit)
    power = None if budgets.power_w is None or unit is None else Fraction(budgets.power_w) * 10**12 / hertz / unit
    return Goal(objective, min(latency, NEVER), min(energy, NEVER), power)


def encode_exact(data: Any) -> Any:
    """Parsed YAML with exact fractions as plain JSON values."""
    if isinstance(data, Fraction):
        return {"fraction": str(data)}
    if isinstance(data, dict):
        encoded = {key: encode_exact(value) for key, value in data.items()}
        return {"mapping": encoded} if set(encoded) in _ENCODED else encoded
    if isinstance(data, list | tuple):
        return [encode_exact(value) for value in data]
    return data


def decode_exact(data: Any) -> Any:
    """Inverse of :func:`encode_exact`."""
    if isinstance(data, dict):
        if set(data) == {"fraction"}:
            return Fraction(data["fraction"])
        data = data["mapping"] if set(data) == {"mapping"} else data
        return {key: decode_exact(value) for key, value in data.items()}
    if isinstance(data, list):
        return [decode_exact(value) for value in data]
    return data
