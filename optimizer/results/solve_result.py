"""From an exploration to a result and a certificate."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, replace
from fractions import Fraction

from formulations.networks.master import BoxBound, settle
from optimizer.architecture.fabric import Caps
from optimizer.architecture.hardware import Hardware
from optimizer.bodies.head import Objective
from optimizer.bodies.layers import GroupEntry, LayerBesideGroups, LayerEntry, LayerLowerBounds
from optimizer.bodies.solve import Design, EngineEffort, SolveBody, Space, TrainingEntry
from optimizer.files.records import from_json
from optimizer.fusion.network_pricer import Fused, FusedPrice
from optimizer.golden.group_entry import member_entry
from optimizer.mapping.cost import evaluate
from optimizer.mapping.vector_cost import vector_cost
from optimizer.pricing.lowering import lift, lower
from optimizer.pricing.price import Price
from optimizer.problem.disagreement import disagreement
from optimizer.problem.versions import versions
from optimizer.results.certificate import certificate
from optimizer.results.formats import SOLVE_FORMAT
from optimizer.results.group_entry import group_entry
from optimizer.results.kinds import SolveResult
from optimizer.results.layer_entry import mapped_layer
from optimizer.results.reconciliation import reconciled
from optimizer.results.serving import serving_entry
from optimizer.results.totals import counts, device_entry, hardware_entry, number, status_of, totals, unit_value
from optimizer.search.exploration import Exploration
from optimizer.search.point_solver import Pick
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.workload.layer import Layer, VectorLayer
from optimizer.workload.network import Network

Parts = tuple[tuple[GroupEntry, ...] | None, tuple[LayerEntry, ...]]
"""Groups (None without fusion) and layers of a design."""


def solve_body(prepared: PreparedProblem, state: Exploration, seed: int, wall_s: float) -> SolveBody:
    """What ``result.json`` holds."""
    network, point = prepared.network, state.best_point
    design = None if point is None else _design(prepared, state, point)
    return SolveBody(
        format=SOLVE_FORMAT,
        status=status_of(state).of_whole(counted=not network.uncounted),
        termination=state.ended,
        objective=_objective(prepared, state),
        accounting=prepared.accounting,
        space=Space(text=prepared.space, padding=prepared.padding, reuse="innermost"),
        network=network.name,
        training=training_entry(network),
        serving=None if point is None or design is None else serving_entry(network, point, design),
        architecture=prepared.architecture.name,
        hardware_points=counts(prepared, state),
        warnings=tuple(network.warnings),
        disagreements=state.disagreements or None,
        versions=versions(),
        seed=seed,
        wall_s=round(wall_s, 3),
        problem=prepared.problem,
        problem_hash=prepared.problem_hash,
        design=design,
    )


def search_entry(prepared: PreparedProblem) -> tuple[EngineEffort, ...]:
    """What the searches of loop nests did so far, by engine."""
    return tuple(EngineEffort(**vars(effort)) for effort in prepared.efforts)


def training_entry(network: Network) -> TrainingEntry | None:
    """What a training step was made with; None for other networks."""
    return None if network.training is None else from_json(TrainingEntry, network.training)


def _objective(prepared: PreparedProblem, state: Exploration) -> Objective:
    some = state.best_point or prepared.points.some
    unit, worth = unit_value(prepared.goal.objective, some)
    value, bound = state.value, min(state.bound, state.value) if state.value is not None else state.bound
    return Objective(
        name=prepared.goal.objective,
        unit=unit,
        value=None if value is None else number(value * worth),
        bound=number(bound * worth),
        gap=None if value is None else float((value - bound) / value) if value else 0.0,
    )


def _design(prepared: PreparedProblem, state: Exploration, hardware: Hardware) -> Design:
    best = state.best
    assert best is not None
    groups, layers = _parts(prepared, best, hardware)
    found = totals(hardware, best.energy, prepared.goal.stretched(best.energy, best.latency))
    return Design(
        hardware=hardware_entry(hardware),
        area_um2=hardware.area_um2,
        **asdict(found),
        device=device_entry(prepared, hardware),
        groups=groups,
        layers=layers,
    )


def _parts(prepared: PreparedProblem, best: Pick, hardware: Hardware) -> Parts:
    if prepared.fused is None:
        return None, layers_alone(prepared, best.prices, hardware)
    price = best.prices[0]
    assert isinstance(price, FusedPrice) and price.fused is not None
    return fused_parts(prepared, price.fused, hardware)


def layers_alone(prepared: PreparedProblem, prices: Sequence[Price], hardware: Hardware) -> tuple[LayerEntry, ...]:
    """Every layer by itself; the prices are in the order of the session's pricers."""
    priced = {p.layer.shape_key(): price for p, price in zip(prepared.pricers, prices, strict=True)}
    first: dict[Hashable, str] = {}
    known: dict[Hashable, LayerEntry] = {}
    entries: list[LayerEntry] = []
    for layer in prepared.network.layers():
        if isinstance(layer, VectorLayer):
            entries.append(vector_entry(prepared, layer, hardware))
            continue
        shape = layer.shape_key()
        alike = shape, layer.kind, layer.real_taps
        if alike not in known:
            known[alike] = layer_entry(prepared, layer, hardware, priced[shape])
        name = first.setdefault(shape, layer.name)
        same = None if name == layer.name else name
        entries.append(replace(known[alike], name=layer.name, multiplicity=layer.multiplicity, same_as=same))
    return tuple(entries)


def fused_parts(prepared: PreparedProblem, fused: Fused, hardware: Hardware) -> Parts:
    """Groups, and all layers: members of groups, and the layers outside of them."""
    alone = {single.layer: single.price for single in fused.alone}
    number = {name: n for n, plan in enumerate(fused.plans) for name in plan.members}
    described = [group_entry(prepared.network, plan, hardware, prepared.accounting) for plan in fused.plans]
    layers: list[LayerEntry] = []
    for layer in prepared.network.layers():
        if layer.name in number:
            stated = member_entry(layer, described[number[layer.name]][1], number[layer.name], hardware)
            layers.append(from_json(LayerEntry, stated))
        elif isinstance(layer, VectorLayer):
            layers.append(_beside_groups(vector_entry(prepared, layer, hardware)))
        else:
            found = alone[layer.name]
            assert found is not None
            layers.append(_beside_groups(layer_entry(prepared, layer, hardware, found)))
    return tuple(entry for entry, _ in described), tuple(layers)


def _beside_groups(entry: LayerEntry) -> LayerBesideGroups:
    """A layer outside of the groups; an equal layer may be in one, so none is named."""
    return LayerBesideGroups(**vars(entry) | {"group": None})


def layer_entry(prepared: PreparedProblem, layer: Layer, hardware: Hardware, price: Price) -> LayerEntry:
    """A multiply-accumulate layer that runs by itself, with its mapping.

    Raises
    ------
    InternalDisagreementError
        If the search and the cost model disagree.
    """
    assert price.solution is not None
    extents = dict(price.extents)
    problem = lower(layer, hardware, accounting=prepared.accounting, extents=extents)
    mapping = lift(layer, problem, price.solution, extents=extents)
    cost = evaluate(layer, hardware, mapping, accounting=prepared.accounting)
    if cost.energy != price.energy or cost.latency_cycles * problem.latency_unit != price.solution.latency:
        raise disagreement(
            f"on layer {layer.name} the search says {price.energy}, {price.solution.latency}; the cost model says "
            f"{cost.energy}, {cost.latency_cycles}"
        )
    entry = mapped_layer(
        layer,
        hardware,
        mapping,
        cost,
        padded={d: e for d, e in price.extents if e != layer.extents[d]},
    )
    return entry if layer.block is None else replace(entry, sparsity=layer.block.label)


def vector_entry(prepared: PreparedProblem, layer: VectorLayer, hardware: Hardware) -> LayerEntry:
    """A vector layer that runs by itself."""
    cost = vector_cost(layer, hardware, prepared.accounting)
    return LayerEntry(
        name=layer.name,
        kind=layer.kind,
        dims={},
        multiplicity=layer.multiplicity,
        mapping=None,
        operations=layer.operations,
        dram_words=cost.dram_words,
        energy_pj=hardware.energy_pj(cost.energy),
        latency_cycles=cost.latency_cycles,
        accesses={},
        utilization=0.0,
        lower_bounds=LayerLowerBounds(),
    )


def make_result(prepared: PreparedProblem, state: Exploration, *, seed: int, wall_s: float) -> SolveResult:
    """The result of one network; `wall_s` is the wall time.

    Where parts of Tilewright disagree about it, the result is at most FEASIBLE, and says so under ``disagreements``.
    """
    state = reconciled(prepared, state)
    master = settled(state, prepared.area_cap_um2, prepared.resource_caps, seed)
    return SolveResult(solve_body(prepared, state, seed, wall_s), certificate(prepared, state, master))


def settled(state: Exploration, area_cap_um2: int | None, limits: Caps, seed: int) -> Fraction | None:
    """The master's proof that no box undercuts the design; values beyond its integers are scaled down."""
    if state.value is None:
        return None
    scale = max(1, int(state.value) >> 50)
    entries = [
        BoxBound(
            c.area_um2, int(c.bound / scale), int(state.value / scale) if c.box == state.best_box else None, c.resources
        )
        for c in state.closed
        if c.by != "infeasible"
    ]
    found = settle(entries, area_cap=area_cap_um2, limits=limits, seed=seed)
    return None if found is None else Fraction(found) * scale
