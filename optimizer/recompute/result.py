"""A plan of a training step's memory as ``memory.json``."""

from __future__ import annotations

from formulations.cp_sat import SolverStatus
from formulations.networks.checkpoint_search import MemoryOutcome
from optimizer.bodies.memory import (
    Chosen,
    KeepAll,
    LeastPeak,
    MemoryBody,
    MemoryBudgets,
    MemoryObjective,
    MemoryOverTime,
    Moments,
    SavedTensor,
    StepMacs,
    Tie,
)
from optimizer.files.records import Json
from optimizer.golden.training_memory import MemoryReplay
from optimizer.problem.problem import network_json, problem_hash
from optimizer.problem.status import Status
from optimizer.problem.versions import versions
from optimizer.recompute.costs import overhead_of
from optimizer.recompute.lifetimes import KINDS
from optimizer.recompute.request import MemoryRequest
from optimizer.recompute.run import MemoryPlan, plan_memory
from optimizer.results.formats import MEMORY_FORMAT
from optimizer.results.kinds import MemoryResult
from optimizer.results.solve_result import training_entry
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
    return MemoryResult(memory_body(request.network, plan_memory(request, options), seed=options.seed))


def memory_body(network: Network, plan: MemoryPlan, *, seed: int) -> MemoryBody:
    """What ``memory.json`` holds."""
    outcome = plan.outcome
    problem = _problem(network, plan)
    least = plan.least_peak
    return MemoryBody(
        format=MEMORY_FORMAT,
        status=Status.EVALUATED if outcome is None else Status(outcome.status.name),
        network=network.name,
        training=training_entry(network),
        macs=StepMacs(step=network.macs, forward=_forward_macs(network)),
        objective=None if outcome is None else _objective(plan, outcome),
        budgets=MemoryBudgets(
            off_chip_bits=plan.limits.peak_bits,
            overhead=plan.limits.overhead,
            on_chip_reserve_bits=plan.reserve_bits,
        ),
        keep_all=KeepAll(**vars(moments_entry(plan.keep_all)), peak_by_kind_bits=_by_kind(plan)),
        chosen=None if plan.replay is None else _chosen(plan, plan.replay, network),
        least_peak=None if least is None else _least(least),
        tensors=_tensors(plan),
        over_time=MemoryOverTime(
            steps=tuple(plan.lives.steps),
            keep_all_bits={kind: tuple(bits) for kind, bits in plan.lives.over_time().items()},
        ),
        versions=versions(),
        seed=seed,
        problem=problem,
        problem_hash=problem_hash(problem),
        wall_s=0.0 if outcome is None else outcome.wall_s + (least.wall_s if least else 0.0),
    )


def _problem(network: Network, plan: MemoryPlan) -> Json:
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


def _objective(plan: MemoryPlan, outcome: MemoryOutcome) -> MemoryObjective:
    """Value, bound and gap in the unit of the objective (bits for the peak); ``tie`` is the other objective."""
    found = bool(plan.choices)
    gap = (outcome.value - outcome.bound) / abs(outcome.value) if found and outcome.value else 0.0
    return MemoryObjective(
        name=plan.goal,
        unit="bits" if plan.goal == "peak" else plan.costs.unit,
        value=outcome.value if found else None,
        bound=None if outcome.status is SolverStatus.INFEASIBLE else outcome.bound,
        gap=gap if found else None,
        tie=Tie(value=outcome.second, proved=outcome.second_proved) if found else None,
    )


def _forward_macs(network: Network) -> int:
    forward = {name for name, phase in network.graph.nodes(data="phase") if phase == "forward"}
    return sum(layer.macs * layer.multiplicity for layer in network.mac_layers() if layer.name in forward)


def moments_entry(replay: MemoryReplay) -> Moments:
    """A replay as a result states it."""
    peak = replay.peak
    return Moments(
        peak_off_chip_bits=peak.off_chip_bits,
        peak_at=peak.layer,
        peak_on_chip_bits=replay.on_chip_bits,
        moments=tuple((m.layer, int(m.again), m.off_chip_bits, m.on_chip_bits) for m in replay.moments),
    )


def _by_kind(plan: MemoryPlan) -> dict[str, int]:
    """Memory by kind of tensor at the peak, and the largest memory of activations at any time."""
    series = plan.lives.over_time()
    step = plan.lives.steps.index(plan.keep_all.peak.layer)
    return {kind: series[kind][step] for kind in KINDS} | {"most activations": max(series["activations"])}


def _chosen(plan: MemoryPlan, replay: MemoryReplay, network: Network) -> Chosen:
    overhead = overhead_of(replay, plan.choices, plan.costs)
    return Chosen(
        **vars(moments_entry(replay)),
        overhead=overhead,
        overhead_unit=plan.costs.unit,
        overhead_of_step=overhead / plan.costs.total,
        recomputed=tuple(replay.again),
        macs=replay.macs,
        operations=replay.operations,
        macs_of_step=replay.macs / network.macs if network.macs else 0.0,
    )


def _least(outcome: MemoryOutcome) -> LeastPeak:
    found = bool(outcome.choices)
    status = Status(outcome.status.name)
    return LeastPeak(status=status, bits=outcome.value if found else None, bound_bits=outcome.bound)


def _tensors(plan: MemoryPlan) -> tuple[SavedTensor, ...]:
    """Saved activations, with their choices where there are any."""
    steps = plan.lives.steps
    return tuple(
        SavedTensor(
            name=a.name,
            bits=a.bits,
            saved=bool(a.reads),
            born=steps[a.born],
            last_forward=steps[a.last_forward],
            last=steps[a.last],
            choice=plan.choices.get(a.name, "keep" if a.reads else "drop"),
        )
        for a in plan.lives.activations
    )
