"""The groups of a design as a result states them."""

from __future__ import annotations

from typing import Any

from optimizer.cost import Accounting, evaluate
from optimizer.errors import TilewrightError
from optimizer.fusion.plan import Plan, PricedRun
from optimizer.geometry import TILE_AXES
from optimizer.hardware import Hardware
from optimizer.lowering import lift, lower
from optimizer.mapping_yaml import to_items
from optimizer.verify.fused import FusedWalk
from optimizer.verify.fused_design import part_of, slices_entry, stated_group
from optimizer.workload import Layer, Network


def group_entry(
    network: Network, plan: Plan, hardware: Hardware, accounting: Accounting
) -> tuple[dict[str, Any], FusedWalk]:  # fmt: skip
    """A group with its tiles, what stays on chip, the loop nests of its runs, and totals; and the walk they are from.

    Raises
    ------
    TilewrightError
        If the search, the cost model and the walk disagree.
    """
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
    entry, walked = stated_group(network, decisions, hardware, accounting)
    if walked.violations or (walked.energy, walked.latency) != (plan.energy, plan.latency):
        raise TilewrightError(
            f"internal disagreement on the group {', '.join(plan.members)}: the search says {plan.energy}, "
            f"{plan.latency}; the walk says {walked.energy}, {walked.latency} {walked.violations}; please report this"
        )
    return entry, walked


def _run(layer: Layer, run: PricedRun, hardware: Hardware, accounting: Accounting) -> dict[str, Any]:
    """What is decided about equal runs; the cost model must agree with the search."""
    part = part_of(layer, dict(run.shape.extents))
    resumes = run.shape.resumes
    problem = lower(
        part, hardware, accounting=accounting, pinned=run.pinned, room_bits=run.room_bits, resumes=resumes
    )  # fmt: skip
    assert run.price.solution is not None
    mapping = lift(part, problem, run.price.solution)
    cost = evaluate(part, hardware, mapping, accounting=accounting, resumes=resumes)
    if cost.energy != run.price.energy or cost.latency_cycles * problem.latency_unit != run.price.solution.latency:
        raise TilewrightError(
            f"internal disagreement on a run of {layer.name}: the search says {run.price.energy}, "
            f"{run.price.solution.latency}; the cost model says {cost.energy}, {cost.latency_cycles}; please report it"
        )
    return {
        "layer": layer.name, "extents": dict(run.shape.extents), "resumes": resumes, "count": run.shape.count,
        "mapping": to_items(mapping, hardware),
    }  # fmt: skip
