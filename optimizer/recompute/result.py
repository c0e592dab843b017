"""A plan of a training step's memory as ``memory.json``."""

from __future__ import annotations

from typing import Any

from formulations.layer.solver import SolverStatus
from formulations.networks.checkpoint_search import MemoryOutcome
from optimizer.golden.training_memory import MemoryReplay
from optimizer.problem.problem import network_json, problem_hash
from optimizer.problem.versions import versions
from optimizer.recompute.costs import overhead_of
from optimizer.recompute.lifetimes import KINDS
from optimizer.recompute.request import MemoryRequest
from optimizer.recompute.run import MemoryPlan, plan_memory
from optimizer.results.formats import EVALUATED, MEMORY_FORMAT
from optimizer.results.result import MemoryResult
from optimizer.scaling.options import Options
from optimizer.workload.network import Network


def run(request: MemoryRequest, options: Options) -> MemoryResult:
    """Memory of a training step over time, and the best choice for every saved activation.

    Raises
    ------
    SpecError
        If the network is no training step.
    InternalDisagreementError
        If the replay of an answer does not confirm it.
    """
    return MemoryResult(memory_data(request.network, plan_memory(request, options), seed=options.seed))


def memory_data(network: Network, plan: MemoryPlan, *, seed: int) -> dict[str, Any]:
    """Contents of ``memory.json``.

    ``status`` is EVALUATED where nothing was to be chosen. ``objective`` has value, bound and gap in its unit (bits for
    the peak); ``tie`` is the other objective among answers of the same value, and whether it is proved the least.
    """
    outcome = plan.outcome
    problem = _problem(network, plan)
    return {
        "format": MEMORY_FORMAT,
        "status": EVALUATED if outcome is None else outcome.status.name,
        "network": network.name,
        "training": network.training,
        "macs": {"step": network.macs, "forward": _forward_macs(network)},
        "objective": None if outcome is None else _objective(plan, outcome),
        "budgets": {
            "off_chip_bits": plan.limits.peak_bits,
            "overhead": plan.limits.overhead,
            "on_chip_reserve_bits": plan.reserve_bits,
        },
        "keep_all": moments_entry(plan.keep_all) | {"peak_by_kind_bits": _by_kind(plan)},
        "chosen": None if plan.replay is None else moments_entry(plan.replay) | _overhead(plan, plan.replay, network),
        "least_peak": None if plan.least_peak is None else _least(plan.least_peak),
        "tensors": _tensors(plan),
        "over_time": {"steps": list(plan.lives.steps), "keep_all_bits": plan.lives.over_time()},
        "versions": versions(),
        "seed": seed,
        "problem": problem,
        "problem_hash": problem_hash(problem),
        "wall_s": 0.0 if outcome is None else outcome.wall_s + (plan.least_peak.wall_s if plan.least_peak else 0.0),
    }


def _problem(network: Network, plan: MemoryPlan) -> dict[str, Any]:
    """The problem: everything that the answer depends on."""
    costs = plan.costs
    return {
        **network_json(network),
        "memory": {
            "goal": None if plan.outcome is None else plan.goal,
            "off_chip_bits": plan.limits.peak_bits,
            "overhead": plan.limits.overhead,
            "on_chip_reserve_bits": plan.reserve_bits,
            "recompute": plan.recompute,
        },
        "costs": {"unit": costs.unit, "redo": dict(costs.redo), "total": costs.total, "gain": dict(costs.gain)},
    }


def _objective(plan: MemoryPlan, outcome: MemoryOutcome) -> dict[str, Any]:
    unit = "bits" if plan.goal == "peak" else plan.costs.unit
    found = bool(plan.choices)
    gap = (outcome.value - outcome.bound) / abs(outcome.value) if found and outcome.value else 0.0
    return {
        "name": plan.goal,
        "unit": unit,
        "value": outcome.value if found else None,
        "bound": None if outcome.status is SolverStatus.INFEASIBLE else outcome.bound,
        "gap": gap if found else None,
        "tie": {"value": outcome.second, "proved": outcome.second_proved} if found else None,
    }


def _forward_macs(network: Network) -> int:
    forward = {name for name, phase in network.graph.nodes(data="phase") if phase == "forward"}
    return sum(layer.macs * layer.multiplicity for layer in network.mac_layers() if layer.name in forward)


def moments_entry(replay: MemoryReplay) -> dict[str, Any]:
    """The entry of a replay in ``memory.json``."""
    peak = replay.peak
    return {
        "peak_off_chip_bits": peak.off_chip_bits,
        "peak_at": peak.layer,
        "peak_on_chip_bits": replay.on_chip_bits,
        "moments": [[m.layer, int(m.again), m.off_chip_bits, m.on_chip_bits] for m in replay.moments],
    }


def _by_kind(plan: MemoryPlan) -> dict[str, int]:
    """Memory by kind of tensor at the peak, and the largest memory of activations at any time."""
    series = plan.lives.over_time()
    step = plan.lives.steps.index(plan.keep_all.peak.layer)
    return {kind: series[kind][step] for kind in KINDS} | {"most activations": max(series["activations"])}


def _overhead(plan: MemoryPlan, replay: MemoryReplay, network: Network) -> dict[str, Any]:
    overhead = overhead_of(replay, plan.choices, plan.costs)
    return {
        "overhead": overhead,
        "overhead_unit": plan.costs.unit,
        "overhead_of_step": overhead / plan.costs.total,
        "recomputed": replay.again,
        "macs": replay.macs,
        "operations": replay.operations,
        "macs_of_step": replay.macs / network.macs if network.macs else 0.0,
    }


def _least(outcome: MemoryOutcome) -> dict[str, Any]:
    found = bool(outcome.choices)
    return {"status": outcome.status.name, "bits": outcome.value if found else None, "bound_bits": outcome.bound}


def _tensors(plan: MemoryPlan) -> list[dict[str, Any]]:
    """Saved activations, with their choices where there are any."""
    steps = plan.lives.steps
    return [
        {
            "name": a.name,
            "bits": a.bits,
            "saved": bool(a.reads),
            "from": steps[a.born],
            "last_forward": steps[a.last_forward],
            "last": steps[a.last],
            "choice": plan.choices.get(a.name, "keep" if a.reads else "drop"),
        }
        for a in plan.lives.activations
    ]
