"""From an exploration to a result and a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from optimizer.cost import evaluate
from optimizer.design import Pick
from optimizer.device_plan import device_entry, use_of
from optimizer.evaluation import accesses_of
from optimizer.explore import Closed, Exploration
from optimizer.fabric import RESOURCES
from optimizer.faults import disagreement
from optimizer.fusion.describe import group_entry
from optimizer.fusion.network_pricer import Fused, FusedPrice
from optimizer.hardware import Hardware, Level
from optimizer.limits import lower_bounds
from optimizer.lowering import lift, lower
from optimizer.mapping_yaml import to_items
from optimizer.points import size
from optimizer.pricing import NEVER, Price
from optimizer.session import Session
from optimizer.vector_cost import vector_cost
from optimizer.verify.fused_design import member_entry
from optimizer.versions import versions
from optimizer.workload import Layer, VectorLayer

CERTIFICATE_FORMAT = "tilewright-certificate/1"


def status_of(state: Exploration) -> str:
    """OPTIMAL, FEASIBLE, INFEASIBLE or UNKNOWN."""
    if state.value is None:
        return "INFEASIBLE" if state.complete else "UNKNOWN"
    return "OPTIMAL" if state.proved else "FEASIBLE"


def unit_value(objective: str, hardware: Hardware) -> tuple[str, Fraction]:
    """Unit of an objective in reports, and how much of it one integer unit is."""
    energy = hardware.energy_unit_pj or Fraction(1, hardware.energy_scale)
    name = "pJ" if hardware.energy_unit_pj is not None else "MAC energies"
    if objective == "latency":
        return "cycles", Fraction(1)
    return (name, energy) if objective == "energy" else (f"{name} x cycles", energy)


def result_data(session: Session, state: Exploration, seed: int, wall_s: float) -> dict[str, Any]:
    """Contents of ``result.json``."""
    some = state.best_point or session.points.corner(session.points.whole)
    unit, worth = unit_value(session.goal.objective, some)
    value, bound = state.value, min(state.bound, state.value) if state.value is not None else state.bound
    device = session.architecture.plan
    data: dict[str, Any] = {
        "status": status_of(state),
        "objective": {
            "name": session.goal.objective,
            "unit": unit,
            "value": None if value is None else number(value * worth),
            "bound": number(bound * worth),
            "gap": None if value is None else float((value - bound) / value) if value else 0.0,
        },
        "accounting": session.accounting,
        "space": {"text": session.space, "padding": session.padding, "reuse": "innermost"},
        "network": session.network.name,
        **({} if session.network.training is None else {"training": session.network.training}),
        "architecture": session.architecture.name,
        "hardware_points": counts(state) | ({} if device is None else {"closed_by_device": points_over(state)}),
        "warnings": list(session.network.warnings),
        **({"disagreements": list(state.disagreements)} if state.disagreements else {}),
        "versions": versions(),
        "seed": seed,
        "wall_s": round(wall_s, 3),
        "problem": session.problem,
        "problem_hash": session.problem_hash,
    }
    if state.best is not None and state.best_point is not None:
        data.update(_design(session, state, state.best_point))
    return data


def number(value: Fraction) -> int | float:
    """A JSON number: whole where it is whole."""
    return int(value) if value.denominator == 1 else float(value)


def counts(state: Exploration) -> dict[str, int]:
    """Points by what closed them; where a layer does not fit, its floor is infinite."""
    unfit = [entry for entry in state.closed if entry.by == "infeasible"]
    small = sum(size(entry.box) for entry in unfit if NEVER in (*entry.energy_floors, *entry.latency_floors))
    return {
        "total": state.total,
        "closed_by_bound": state.points("bound"),
        "closed_by_area": state.points("area"),
        "closed_by_size": small,
        "closed_by_caps": state.points("infeasible") - small,
        "solved": state.points("solved"),
        "open": state.points("open"),
        "boxes": len(state.closed),
    }


def points_over(state: Exploration) -> int:
    """Points in boxes that exceed a resource of the device."""
    return sum(state.points(name) for name in RESOURCES)


def _design(session: Session, state: Exploration, hardware: Hardware) -> dict[str, Any]:
    best = state.best
    assert best is not None
    cycles = session.goal.stretched(best.energy, best.latency)
    plan = session.architecture.plan
    device = {} if plan is None else {"device": device_entry(plan, hardware)}
    return totals(hardware, best.energy, Fraction(cycles)) | device | _parts(session, best, hardware)


def totals(hardware: Hardware, energy: int, cycles: Fraction) -> dict[str, Any]:
    """A hardware point with energy and cycles of one run of the network; `energy` is in energy units."""
    energy_pj = hardware.energy_pj(energy)
    seconds = float(cycles / (hardware.clock_mhz * 10**6))
    return {
        "hardware": describe(hardware),
        "area_um2": hardware.area_um2,
        "energy_pj": energy_pj,
        "latency_cycles": number(cycles),
        "latency_ms": seconds * 1e3,
        "power_w": energy_pj * 1e-12 / seconds if hardware.energy_unit_pj is not None and seconds else None,
    }


def _parts(session: Session, best: Pick, hardware: Hardware) -> dict[str, Any]:
    if session.fused is None:
        return layers_alone(session, best.prices, hardware)
    price = best.prices[0]
    assert isinstance(price, FusedPrice) and price.fused is not None
    return fused_parts(session, price.fused, hardware)


def layers_alone(session: Session, prices: Sequence[Price], hardware: Hardware) -> dict[str, Any]:
    """Every layer by itself; the prices are in the order of the session's pricers."""
    priced = {p.layer.shape_key(): price for p, price in zip(session.pricers, prices, strict=True)}
    layers = [
        vector_entry(session, layer, hardware) if isinstance(layer, VectorLayer)
        else layer_entry(session, layer, hardware, priced[layer.shape_key()])
        for layer in session.network.layers()
    ]  # fmt: skip
    return {"layers": layers}


def fused_parts(session: Session, fused: Fused, hardware: Hardware) -> dict[str, Any]:
    """Groups, and the layers outside of them."""
    alone = {single.layer: single.price for single in fused.alone}
    number = {name: n for n, plan in enumerate(fused.plans) for name in plan.members}
    described = [group_entry(session.network, plan, hardware, session.accounting) for plan in fused.plans]
    layers = []
    for layer in session.network.layers():
        if layer.name in number:
            layers.append(member_entry(layer, described[number[layer.name]][1], number[layer.name], hardware))
        elif isinstance(layer, VectorLayer):
            layers.append(vector_entry(session, layer, hardware) | {"group": None})
        else:
            found = alone[layer.name]
            assert found is not None
            layers.append(layer_entry(session, layer, hardware, found) | {"group": None, "shared_with": []})
    return {"groups": [entry for entry, _ in described], "layers": layers}


def describe(hardware: Hardware) -> dict[str, Any]:
    """A hardware point for reports."""

    def level(spec: Level) -> dict[str, Any]:
        ports = {
            name: None if bits is None else number(bits)
            for name, bits in (
                ("read", spec.read_bits_per_cycle),
                ("write", spec.write_bits_per_cycle),
                ("shared", spec.shared_bits_per_cycle),
            )
        }
        energies = {
            f"{name}_energy_pj": hardware.energy_pj(getattr(spec, f"{name}_energy"))
            for name in ("read", "fill", "update")
        }
        return {
            "name": spec.name,
            "size_bits": spec.size_bits,
            "mesh": list(spec.mesh),
            "access_bits": spec.access_bits,
            **energies,
            "bits_per_cycle": ports,
            "buffering": spec.buffering,
        }

    return {
        "choices": dict(hardware.choices),
        "array": list(hardware.mac_mesh),
        "clock_mhz": number(hardware.clock_mhz),
        "levels": [level(spec) for spec in hardware.levels],
    } | ({"resources": use_of(hardware.resources)} if hardware.resources else {})


def layer_entry(session: Session, layer: Layer, hardware: Hardware, price: Price) -> dict[str, Any]:
    """A multiply-accumulate layer that runs by itself, with its mapping.

    Raises
    ------
    InternalDisagreementError
        If the search and the cost model disagree.
    """
    assert price.solution is not None
    extents = dict(price.extents)
    problem = lower(layer, hardware, accounting=session.accounting, extents=extents)
    mapping = lift(layer, problem, price.solution, extents=extents)
    cost = evaluate(layer, hardware, mapping, accounting=session.accounting)
    if cost.energy != price.energy or cost.latency_cycles * problem.latency_unit != price.solution.latency:
        raise disagreement(
            f"on layer {layer.name} the search says {price.energy}, {price.solution.latency}; the cost model says "
            f"{cost.energy}, {cost.latency_cycles}"
        )
    shared = [
        m.name for m in session.network.mac_layers() if m.shape_key() == layer.shape_key() and m.name != layer.name
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


def vector_entry(session: Session, layer: VectorLayer, hardware: Hardware) -> dict[str, Any]:
    """A vector layer that runs by itself."""
    cost = vector_cost(layer, hardware, session.accounting)
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


def certificate(session: Session, state: Exploration, master: str | None) -> dict[str, Any]:
    """Contents of ``certificate.json``: what closed every box of hardware points, in exact integers."""
    point = None
    if state.best_box is not None:
        point = [low for low, _ in state.best_box]
    return {
        "format": CERTIFICATE_FORMAT,
        "problem_hash": session.problem_hash,
        "status": status_of(state),
        "objective": session.goal.objective,
        "accounting": session.accounting,
        "space": session.space,
        "padding": session.padding,
        "value": None if state.value is None else str(state.value),
        "bound": str(state.bound),
        "master_optimum": master,
        "design": point,
        "menus": {path: list(labels) for path, labels in zip(session.points.paths, session.points.labels, strict=True)},
        "layers": parts_of(session),
        "boxes": [closed_entry(entry) for entry in state.closed],
    }


def parts_of(session: Session) -> list[dict[str, Any]]:
    """What the floors of a box belong to: layers with their number of runs, or with fusion the whole network."""
    if session.fused is not None:
        return [{"name": session.network.name, "count": 1}]
    return [{"name": p.layer.name, "count": p.count} for p in session.pricers]


def closed_entry(entry: Closed) -> dict[str, Any]:
    """A box as the certificate states it."""
    return {
        "box": [list(side) for side in entry.box],
        "points": size(entry.box),
        "closed_by": entry.by,
        "area_um2": entry.area_um2,
        "bound": str(entry.bound),
        "energy_floors": list(entry.energy_floors),
        "latency_floors": list(entry.latency_floors),
    } | ({} if entry.ahead is None else {"bound_of_point": [n for n, _ in entry.ahead]}) | (
        {"resources": use_of(entry.resources)} if entry.resources else {}
    )  # fmt: skip
