"""The groups of a design as a result states them."""

from __future__ import annotations

import math
from dataclasses import replace

from formulations.problem import LayerProblem
from optimizer.architecture.hardware import Hardware
from optimizer.bodies.layers import GroupEntry
from optimizer.files.records import Json, from_json
from optimizer.fusion.plan import Plan, PricedRun
from optimizer.golden.group_entry import slices_entry, stated_group
from optimizer.golden.group_walk import FusedWalk
from optimizer.mapping.cost import Accounting, evaluate
from optimizer.mapping.mapping import Mapping
from optimizer.mapping.reader import to_items
from optimizer.pricing.lowering import lift, lower
from optimizer.pricing.price import Price
from optimizer.problem.disagreement import disagreement
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network
from optimizer.workload.views import TILE_AXES


def group_entry(
    network: Network, plan: Plan, hardware: Hardware, accounting: Accounting
) -> tuple[GroupEntry, FusedWalk]:
    """The entry of a group (tiles, tensors kept on chip, loop nests of its runs, totals), and the walk that gave the
    numbers.

    Raises
    ------
    InternalDisagreementError
        If the search, the cost model and the walk disagree.
    """
    for run in plan.runs:
        _, fault = priced_again(network.graph.nodes[run.shape.layer]["layer"], run, hardware, accounting)
        if fault is not None:
            raise disagreement(fault)
    entry, walked = state_group(network, plan, hardware, accounting)
    if walked.violations or (walked.energy, walked.latency) != (plan.energy, plan.latency):
        raise disagreement(differs(plan, walked))
    return entry, walked


def differs(plan: Plan, walked: FusedWalk) -> str:
    """Differences between the walk of a group and the search."""
    return (
        f"on the group {', '.join(plan.members)} the search says energy {plan.energy}, latency {plan.latency}; the "
        f"walk says {walked.energy}, {walked.latency} {' '.join(walked.violations)}"
    )


def state_group(
    network: Network, plan: Plan, hardware: Hardware, accounting: Accounting
) -> tuple[GroupEntry, FusedWalk]:
    """The entry of a group with the numbers of the walk, even if the search differs."""
    layers = {name: network.graph.nodes[name]["layer"] for name in plan.members}
    weights = [name for name, layer in layers.items() if isinstance(layer, Layer) and layer.parameter_count]
    slices = plan.choice.slices
    decisions = {
        "layers": list(plan.members),
        "tile": {"parts": dict(zip(TILE_AXES, plan.cut.parts, strict=True))},
        "halo": dict(zip(TILE_AXES[1:], plan.cut.halo, strict=True)),
        "weights": {name: "resident" if name in plan.choice.resident else "streamed" for name in weights},
        "held": sorted(plan.choice.held),
        "strips": dict(plan.choice.strips),
        "slices": None if slices is None else slices_entry(slices.chain, slices.number, gathers=slices.gathers),
        "runs": [_run(layers[run.shape.layer], run, hardware, accounting) for run in plan.runs],
    }
    stated, walked = stated_group(network, decisions, hardware, accounting)
    return from_json(GroupEntry, stated), walked


def priced_again(layer: Layer, run: PricedRun, hardware: Hardware, accounting: Accounting) -> tuple[Price, str | None]:
    """The price of a run by the cost model, and the difference of the search from it, if any."""
    price, (part, problem, mapping) = run.price, _lifted(layer, run, hardware, accounting)
    cost = evaluate(part, hardware, mapping, accounting=accounting, resumes=run.shape.resumes)
    units = cost.latency_cycles * problem.latency_unit
    assert price.solution is not None
    if cost.energy == price.energy and units == price.solution.latency:
        return price, None
    solution = replace(price.solution, energy=cost.energy, latency=math.ceil(units))
    again = replace(price, energy=cost.energy, latency=math.ceil(cost.latency_cycles), solution=solution)
    return again, (
        f"on a run of {layer.name} the search says energy {price.energy}, latency {price.solution.latency}; the cost "
        f"model says {cost.energy}, {units}"
    )


def _lifted(
    layer: Layer, run: PricedRun, hardware: Hardware, accounting: Accounting
) -> tuple[Layer, LayerProblem, Mapping]:
    part = layer.with_extents(dict(run.shape.extents))
    problem = lower(
        part, hardware, accounting=accounting, pinned=run.pinned, room_bits=run.room_bits, resumes=run.shape.resumes
    )
    assert run.price.solution is not None
    return part, problem, lift(part, problem, run.price.solution)


def _run(layer: Layer, run: PricedRun, hardware: Hardware, accounting: Accounting) -> Json:
    """The decisions about equal runs."""
    return {
        "layer": layer.name,
        "extents": dict(run.shape.extents),
        "resumes": run.shape.resumes,
        "count": run.shape.count,
        "mapping": to_items(_lifted(layer, run, hardware, accounting)[2], hardware),
    }
