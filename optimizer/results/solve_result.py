"""From an exploration to a result and a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from formulations.networks.master import BoxBound, settle
from optimizer.architecture.device_plan import device_entry
from optimizer.architecture.fabric import Caps
from optimizer.architecture.hardware import Hardware
from optimizer.fusion.network_pricer import Fused, FusedPrice
from optimizer.golden.group_entry import member_entry
from optimizer.mapping.cost import evaluate
from optimizer.mapping.lower_bounds import lower_bounds
from optimizer.mapping.reader import to_items
from optimizer.mapping.vector_cost import vector_cost
from optimizer.pricing.lowering import lift, lower
from optimizer.pricing.price import Price
from optimizer.problem.disagreement import disagreement
from optimizer.problem.versions import versions
from optimizer.results.certificate import certificate
from optimizer.results.formats import SOLVE_FORMAT
from optimizer.results.group_entry import group_entry
from optimizer.results.layer_entry import accesses_of
from optimizer.results.reconciliation import reconciled
from optimizer.results.result import Result
from optimizer.results.totals import counts, number, points_over, status_of, totals, unit_value
from optimizer.search.exploration import Exploration
from optimizer.search.point_solver import Pick
from optimizer.search.prepared_problem import PreparedProblem
from optimizer.workload.layer import Layer, VectorLayer


def result_data(prepared: PreparedProblem, state: Exploration, seed: int, wall_s: float) -> dict[str, Any]:
    """Contents of ``result.json``."""
    some = state.best_point or prepared.points.corner(prepared.points.whole)
    unit, worth = unit_value(prepared.goal.objective, some)
    value, bound = state.value, min(state.bound, state.value) if state.value is not None else state.bound
    device = prepared.architecture.plan
    data: dict[str, Any] = {
        "format": SOLVE_FORMAT,
        "status": status_of(state).value,
        "termination": state.ended.value,
        "objective": {
            "name": prepared.goal.objective,
            "unit": unit,
            "value": None if value is None else number(value * worth),
            "bound": number(bound * worth),
            "gap": None if value is None else float((value - bound) / value) if value else 0.0,
        },
        "accounting": prepared.accounting,
        "space": {"text": prepared.space, "padding": prepared.padding, "reuse": "innermost"},
        "network": prepared.network.name,
        **({} if prepared.network.training is None else {"training": prepared.network.training}),
        "architecture": prepared.architecture.name,
        "hardware_points": counts(state) | ({} if device is None else {"closed_by_device": points_over(state)}),
        "warnings": list(prepared.network.warnings),
        **({"disagreements": list(state.disagreements)} if state.disagreements else {}),
        "versions": versions(),
        "seed": seed,
        "wall_s": round(wall_s, 3),
        "problem": prepared.problem,
        "problem_hash": prepared.problem_hash,
    }
    if state.best is not None and state.best_point is not None:
        data.update(_design(prepared, state, state.best_point))
    return data


def _design(prepared: PreparedProblem, state: Exploration, hardware: Hardware) -> dict[str, Any]:
    best = state.best
    assert best is not None
    cycles = prepared.goal.stretched(best.energy, best.latency)
    plan = prepared.architecture.plan
    device = {} if plan is None else {"device": device_entry(plan, hardware)}
    return totals(hardware, best.energy, Fraction(cycles)) | device | _parts(prepared, best, hardware)


def _parts(prepared: PreparedProblem, best: Pick, hardware: Hardware) -> dict[str, Any]:
    if prepared.fused is None:
        return layers_alone(prepared, best.prices, hardware)
    price = best.prices[0]
    assert isinstance(price, FusedPrice) and price.fused is not None
    return fused_parts(prepared, price.fused, hardware)


def layers_alone(prepared: PreparedProblem, prices: Sequence[Price], hardware: Hardware) -> dict[str, Any]:
    """Every layer by itself; the prices are in the order of the session's pricers."""
    priced = {p.layer.shape_key(): price for p, price in zip(prepared.pricers, prices, strict=True)}
    layers = [
        vector_entry(prepared, layer, hardware)
        if isinstance(layer, VectorLayer)
        else layer_entry(prepared, layer, hardware, priced[layer.shape_key()])
        for layer in prepared.network.layers()
    ]
    return {"layers": layers}


def fused_parts(prepared: PreparedProblem, fused: Fused, hardware: Hardware) -> dict[str, Any]:
    """Groups, and the layers outside of them."""
    alone = {single.layer: single.price for single in fused.alone}
    number = {name: n for n, plan in enumerate(fused.plans) for name in plan.members}
    described = [group_entry(prepared.network, plan, hardware, prepared.accounting) for plan in fused.plans]
    layers = []
    for layer in prepared.network.layers():
        if layer.name in number:
            layers.append(member_entry(layer, described[number[layer.name]][1], number[layer.name], hardware))
        elif isinstance(layer, VectorLayer):
            layers.append(vector_entry(prepared, layer, hardware) | {"group": None})
        else:
            found = alone[layer.name]
            assert found is not None
            layers.append(layer_entry(prepared, layer, hardware, found) | {"group": None, "shared_with": []})
    return {"groups": [entry for entry, _ in described], "layers": layers}


def layer_entry(prepared: PreparedProblem, layer: Layer, hardware: Hardware, price: Price) -> dict[str, Any]:
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
    shared = [
        m.name for m in prepared.network.mac_layers() if m.shape_key() == layer.shape_key() and m.name != layer.name
    ]
    return {
        "name": layer.name,
        "type": layer.kind,
        "dims": layer.extents,
        "padded": {d: e for d, e in price.extents if e != layer.extents[d]},
        "multiplicity": layer.multiplicity,
        "shared_with": shared,
        "mapping": to_items(mapping, hardware),
        "energy_pj": hardware.energy_pj(cost.energy),
        "latency_cycles": number(cost.latency_cycles),
        "compute_cycles": cost.compute_cycles,
        "accesses": accesses_of(cost, hardware),
        "utilization": float(cost.utilization),
        "lower_bounds": lower_bounds(layer, hardware),
    } | ({} if layer.block is None else {"sparsity": layer.block.label})


def vector_entry(prepared: PreparedProblem, layer: VectorLayer, hardware: Hardware) -> dict[str, Any]:
    """A vector layer that runs by itself."""
    cost = vector_cost(layer, hardware, prepared.accounting)
    return {
        "name": layer.name,
        "type": layer.kind,
        "dims": {},
        "multiplicity": layer.multiplicity,
        "shared_with": [],
        "mapping": None,
        "operations": layer.operations,
        "dram_words": cost.dram_words,
        "energy_pj": hardware.energy_pj(cost.energy),
        "latency_cycles": cost.latency_cycles,
        "accesses": {},
        "utilization": 0.0,
        "lower_bounds": {},
    }


def make_result(prepared: PreparedProblem, state: Exploration, *, seed: int, wall_s: float) -> Result:
    """The result of one network; `wall_s` is the wall time.

    Where parts of Tilewright disagree about it, the result is at most FEASIBLE, and says so under ``disagreements``.
    """
    state = reconciled(prepared, state)
    master = settled(state, prepared.area_cap_um2, prepared.resource_caps, seed)
    return Result(result_data(prepared, state, seed, wall_s), certificate(prepared, state, master))


def settled(state: Exploration, area_cap_um2: int | None, limits: Caps, seed: int) -> str | None:
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
    return None if found is None else str(Fraction(found) * scale)
