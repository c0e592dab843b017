"""Prepared problems: layers grouped, points arranged, budgets in integer units."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from formulations.effort import Effort, together
from formulations.engines import Engine, engine_of
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.boxes import PointSet, points_of
from optimizer.architecture.fabric import Caps
from optimizer.architecture.hardware import Hardware
from optimizer.errors import SpecError, check_one_of
from optimizer.fusion.group_pricer import group_pricers
from optimizer.fusion.network_pricer import NetworkPricer
from optimizer.fusion.tile_pricer import Runs
from optimizer.mapping.cost import Accounting
from optimizer.mapping.vector_cost import vector_cost
from optimizer.pricing.compiling import compile_kernels
from optimizer.pricing.integer_range import check_magnitude, check_total
from optimizer.pricing.layer_pricer import Pricer
from optimizer.pricing.path_range import check_path_range
from optimizer.pricing.price import Prices
from optimizer.problem.fusion_options import Fusion, check_buffer, check_fusible
from optimizer.problem.goal import Goal, make_goal
from optimizer.problem.layer_rules import ruled_network, rules_of
from optimizer.problem.padding import automatic_padding
from optimizer.problem.problem import Problem, problem_hash
from optimizer.problem.serving_caps import tightened
from optimizer.problem.space import DEFAULT_ENGINE, ENGINES, OBJECTIVES, SPACE, Padding, constraints_text
from optimizer.problem.sparsity_check import check_sparsity
from optimizer.scaling.options import Options
from optimizer.search.network_bounds import NetworkBounds
from optimizer.store.store import Store
from optimizer.workload.layer import Layer, VectorLayer
from optimizer.workload.mapping_constraints import MappingConstraint
from optimizer.workload.network import Network


@dataclass(frozen=True)
class PreparedProblem:
    """A problem in the form that the branch and bound takes, with the entries that its result states."""

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
    engine: str = DEFAULT_ENGINE

    @property
    def search_pricers(self) -> Sequence[Prices]:
        """The pricers of the search: one per layer, or with fusion one for the whole network."""
        return self.pricers if self.fused is None else [self.fused]

    @property
    def network_bounds(self) -> NetworkBounds:
        """The network as an exploration takes it."""
        return NetworkBounds(self.search_pricers, self.goal, self.vector_cost)

    @property
    def efforts(self) -> tuple[Effort, ...]:
        """What the searches of this process did so far, by engine."""
        engines = {id(pricer.engine): pricer.engine for pricer in self.pricers}
        return together(effort for engine in engines.values() for effort in engine.efforts)

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
    def area_cap_um2(self) -> int | None:
        """Largest whole area within the budget."""
        area = self.architecture.budgets.area_um2
        return None if area is None else int(area)

    @property
    def resource_caps(self) -> Caps:
        """Limit on every resource of the device; empty without one."""
        plan = self.architecture.plan
        return () if plan is None else plan.limits

    @property
    def problem_hash(self) -> str:
        """Hash of the problem: network, architecture, objective, budgets, padding, version of the model."""
        return problem_hash(self.problem)

    def vector_cost(self, hardware: Hardware) -> tuple[int, int]:
        """Energy units and cycles of all vector layers that no pricer of the search includes."""
        if self.fused is not None:
            return 0, 0
        costs = [
            (layer.multiplicity, vector_cost(layer, hardware, self.accounting))
            for layer in self.network.layers()
            if isinstance(layer, VectorLayer)
        ]
        return sum(n * c.energy for n, c in costs), sum(n * c.latency_cycles for n, c in costs)


def prepare(asked: Problem, *, cache_dir: Path | None = None, workers: int = 1) -> PreparedProblem:
    """Check a problem and put it into integers.

    Raises
    ------
    SpecError
        On an unknown objective, a network without layers, N:M blocks that the architecture does not take, a layer too
        large for exact integers, budgets that the technology or device cannot measure, padding of a dim that no layer
        has, caps of a language model on another network; with fusion, on padding, outputs in blocks, budgets of
        latency, energy or power, and on architectures without a single buffer.
    """
    network, architecture, objective, padding, fusion = (
        ruled_network(asked.network, asked.architecture),
        _capped(asked),
        asked.objective,
        asked.padding,
        asked.fusion,
    )
    check_one_of(objective, OBJECTIVES, "unknown objective", "objective")
    check_one_of(asked.engine, ENGINES, "unknown engine", "engine")
    layers = network.mac_layers()
    if not layers:
        raise SpecError(
            "the network has no multiply-accumulate layer",
            field=network.name,
            value=[layer.name for layer in network.layers()],
            allowed="at least one convolution, matmul or einsum",
            remedy="check that this is the right file",
        )
    if not isinstance(padding, str):
        for dim, larger in padding.items():
            extents = [layer.extents[dim] for layer in layers if dim in layer.extents]
            if not extents:
                raise SpecError(
                    "no layer has this dim",
                    field=f"padding.{dim}",
                    value=dim,
                    allowed=", ".join(sorted({d for layer in layers for d in layer.extents})),
                    remedy="pad one of these dims, or leave it out",
                )
            for extent in larger:
                if extent <= min(extents):
                    raise SpecError(
                        "no layer can be padded to this extent",
                        field=f"padding.{dim}",
                        value=extent,
                        allowed=f"more than {min(extents)}",
                        remedy="padding only enlarges: choose a larger extent",
                    )
    elif padding not in ("none", "auto"):
        raise SpecError(
            "unknown padding",
            field="padding",
            value=padding,
            allowed="none, auto, or extents per dim",
            remedy="use one of these",
        )
    _check_device(architecture)
    points = points_of(architecture)
    check_sparsity(layers, points.some, file=architecture.file)
    if fusion is not None:
        _check_engine(asked.engine)
        _check_fusion(architecture, points, padding)
        check_fusible(layers)
    store = Store(cache_dir)
    shapes: dict[object, list[Layer]] = {}
    for layer in layers:
        shapes.setdefault(layer.shape_key(), []).append(layer)
    accounting: Accounting = architecture.accounting
    pricers, lists, by_name = [], {}, {}
    shared = None if fusion is None else engine_of(asked.engine)
    for members in shapes.values():
        first = members[0]
        chosen = {} if padding == "none" else automatic_padding(first) if padding == "auto" else dict(padding)
        if chosen:
            lists[first.name] = chosen
        pricers.append(
            Pricer(
                first,
                sum(m.multiplicity for m in members),
                accounting,
                chosen,
                store,
                shared or engine_of(asked.engine),
            )
        )
        by_name.update({member.name: pricers[-1] for member in members})
    largest = [(pricer.layer, dict(pricer.variants[-1])) for pricer in pricers]
    every = list(architecture.menu_points) if architecture.constraints and points.is_listed else points.samples()
    if asked.engine != "path":
        check_magnitude(largest, every, accounting, architecture.file, network.file)
    else:
        check_path_range(largest, every, accounting, network.file)
    if fusion is not None:
        check_total(network, every, accounting)
    some = points.some
    return PreparedProblem(
        network,
        architecture,
        points,
        pricers,
        make_goal(objective, architecture.budgets, some),
        accounting,
        lists,
        asked.to_json(),
        fusion,
        None if fusion is None else network_pricer(network, fusion, accounting, store, by_name, workers, shared),
        asked.engine,
    )


def network_pricer(
    network: Network,
    fusion: Fusion,
    accounting: Accounting,
    store: Store,
    pricers: dict[str, Pricer],
    workers: int = 1,
    engine: Engine | None = None,
) -> NetworkPricer:
    """The pricer of a network whose layers may be fused; `pricers` are those of single layers, by name."""
    runs = Runs(accounting, store, workers, engine)
    found = group_pricers(network, fusion, runs)
    return NetworkPricer(network, pricers, found, runs, lambda layer, point: vector_cost(layer, point, accounting))


def _capped(asked: Problem) -> Architecture:
    """The architecture with the budgets that the caps of a language model stand for among its own."""
    caps, architecture = asked.caps, asked.architecture
    if caps is None:
        return architecture
    budgets = tightened(architecture.budgets, caps, asked.network)
    name, limit = next(iter(caps.given().items()), (None, None))
    if asked.fusion is not None and name is not None:
        raise SpecError(
            "with fusion this cap is not supported",
            field=name,
            value=str(limit),
            allowed="budgets of area and off-chip bandwidth",
            remedy="drop the cap, or do not fuse",
        )
    if caps.max_j_per_token is not None and not architecture.technology.in_picojoules:
        raise SpecError(
            "this technology has normalized energies, without a unit",
            field="max_j_per_token",
            value=str(caps.max_j_per_token),
            allowed="max_ttft_ms, max_tpot_ms, min_tokens_per_s",
            remedy="choose an architecture whose technology is in pJ, or drop the cap",
        )
    return architecture.with_budgets(budgets)


def _check_engine(engine: str) -> None:
    if engine != "path":
        raise SpecError(
            "CP-SAT does not price groups of layers",
            field="engine",
            value=engine,
            allowed="path, with fusion",
            remedy="leave out the fusion, or the engine",
        )


def _check_device(architecture: Architecture) -> None:
    area, plan = architecture.budgets.area_mm2, architecture.plan
    if plan is not None and area is not None:
        raise SpecError(
            "a device has resources, no area",
            file=architecture.file,
            field="budgets.area_mm2",
            value=area,
            allowed=f"no budget of area on {plan.device.name}: its resources take its place",
            remedy="drop --area-mm2 (or budgets.area_mm2), or the device",
        )


def _check_fusion(architecture: Architecture, points: PointSet, padding: Padding) -> None:
    for point in points.samples():
        check_buffer(point, architecture.file)
    if padding != "none":
        raise SpecError(
            "padding and fusion do not go together",
            field="padding",
            value=padding,
            allowed="none",
            remedy="drop one of the two",
        )
    budgets = architecture.budgets
    for name in ("latency_ms", "energy_mj", "power_w"):
        limit = getattr(budgets, name)
        if limit is not None:
            raise SpecError(
                "with fusion this budget is not supported",
                field=f"budgets.{name}",
                value=str(limit),
                allowed="budgets of area and off-chip bandwidth",
                remedy="drop the budget, or do not fuse",
            )


def prepare_again(data: dict[str, Any], cache_dir: Path | None = None, workers: int = 1) -> PreparedProblem:
    """The prepared problem of a :attr:`PreparedProblem.problem`, so that any process can work on it.

    Parameters
    ----------
    data : dict
        The problem as it stands in a result.
    cache_dir : Path, optional
        Folder of the layer store.
    workers : int
        Threads that price groups of layers.
    """
    return prepare(Problem.from_json(data), cache_dir=cache_dir, workers=workers)


def begun(prepared: PreparedProblem, options: Options, started: float) -> float | None:
    """Compile the search kernels; returns the deadline (``time.perf_counter``), None without a time limit.

    Ctrl-C during the compilation moves the deadline to now: the task ends with the bounds that need no search. Nothing
    is compiled where no point keeps the constraints, or even the optimistic corner of all points breaks a cap.
    """
    if prepared.points.empty:
        return options.deadline(started)
    corner, bounds = prepared.points.corner(prepared.points.whole), prepared.network_bounds
    if not prepared.goal.allows(bounds.least_energy(corner), bounds.least_latency(corner)):
        return options.deadline(started)
    some = prepared.points.some
    try:
        compile_kernels(prepared.engine, some, prepared.accounting, options.progress, started)
    except KeyboardInterrupt:
        return time.perf_counter()
    return options.deadline(started)
