"""Which activations of a training step to keep and which to compute again: lowering, solving, lifting, checking."""

from __future__ import annotations

from dataclasses import dataclass, replace

from formulations.cp_sat import SolverStatus
from formulations.networks.checkpoint_search import Choice, Goal, MemoryLimits, MemoryOutcome, solve_memory
from formulations.networks.checkpointing import Saved, TrainingMemory
from optimizer.errors import SpecError
from optimizer.golden.training_memory import MemoryReplay, replay
from optimizer.problem.disagreement import disagreement
from optimizer.recompute.costs import RecomputeCosts, overhead_of, work_costs
from optimizer.recompute.lifetimes import Lifetimes, lifetimes
from optimizer.recompute.request import MemoryRequest
from optimizer.recompute.starts import start_from
from optimizer.scaling.options import Options


def lower(lives: Lifetimes, costs: RecomputeCosts, reserve_bits: int = 0, recompute: bool = True) -> TrainingMemory:
    """The program's view of a training step."""
    steps = len(lives.steps)
    fixed, made = [0] * steps, [0] * steps
    for life in lives.others:
        made[life.born] += life.bits if life.born >= lives.turn else 0
        for step in range(life.born, life.last + 1):
            fixed[step] += life.bits
    number = {activation.name: n for n, activation in enumerate(lives.activations)}
    tensors = tuple(
        Saved(
            a.bits,
            a.born,
            a.last_forward,
            a.reads,
            tuple(number[source] for source in a.inputs),
            costs.redo[a.name],
            costs.gain.get(a.name, 0),
        )
        for a in lives.activations
    )
    return TrainingMemory(tensors, lives.turn, tuple(fixed), tuple(made), reserve_bits, recompute)


def check_range(memory: TrainingMemory, network: str) -> None:
    """Refuse a training step whose bits or costs the solver cannot hold.

    Raises
    ------
    SpecError
        If they leave its 64-bit integers.
    """
    try:
        _ = memory.reach
    except OverflowError as error:
        raise SpecError(
            f"memory and costs of this training step are beyond the solver: {error}",
            field="network",
            value=network,
            remedy="take a smaller batch or network",
        ) from error


@dataclass(frozen=True)
class MemoryPlan:
    """An answer.

    ``keep_all`` is the replay with every saved activation kept off chip, ``replay`` that of the choices (None without
    an answer), ``least_peak`` the outcome of minimizing the peak where no choice meets the cap.
    """

    lives: Lifetimes
    costs: RecomputeCosts
    goal: Goal
    limits: MemoryLimits
    reserve_bits: int
    outcome: MemoryOutcome | None
    choices: dict[str, Choice]
    keep_all: MemoryReplay
    replay: MemoryReplay | None
    least_peak: MemoryOutcome | None = None
    recompute: bool = True


def plan_memory(request: MemoryRequest, options: Options) -> MemoryPlan:
    """Memory of a training step over time, and the best choice for every saved activation.

    Raises
    ------
    SpecError
        If the network is no training step.
    InternalDisagreementError
        If the replay of an answer does not confirm it.
    """
    network, goal, limits, reserve_bits = request.network, request.goal, request.limits, request.reserve_bits
    recompute, time_limit_s, workers, seed = request.recompute, options.time_limit_s, options.workers, options.seed
    lives = lifetimes(network)
    costs = request.costs or work_costs(network)
    everything = {a.name: "keep" if a.reads else "drop" for a in lives.activations}
    keep_all = replay(network, everything)
    plan = MemoryPlan(
        lives, costs, goal or "overhead", limits, reserve_bits, None, {}, keep_all, None, recompute=recompute
    )
    if goal is None:
        return plan
    memory = lower(lives, costs, reserve_bits, recompute)
    check_range(memory, network.name)
    start = (
        start_from(network, lives, costs, peak_bits=limits.peak_bits, overhead=limits.overhead, by_peak=goal == "peak")
        if recompute
        else ()
    )
    outcome = solve_memory(memory, goal, limits, hint=start, time_limit_s=time_limit_s, workers=workers, seed=seed)
    least = None
    if outcome.status is SolverStatus.INFEASIBLE:
        least = solve_memory(
            memory, "peak", MemoryLimits(None, limits.overhead), time_limit_s=time_limit_s, workers=workers, seed=seed
        )
    choices = dict(zip((a.name for a in lives.activations), outcome.choices, strict=False))
    answer = replay(network, choices) if choices else None
    if answer is not None:
        _confirm(answer, outcome, goal, plan)
    return replace(plan, outcome=outcome, choices=choices, replay=answer, least_peak=least)


def _confirm(answer: MemoryReplay, outcome: MemoryOutcome, goal: Goal, plan: MemoryPlan) -> None:
    """The replay finds what the program claims; an unproved peak may be claimed too high, never too low."""
    choices = dict(zip((a.name for a in plan.lives.activations), outcome.choices, strict=True))
    overhead = overhead_of(answer, choices, plan.costs)
    claimed = {goal: outcome.value, "overhead" if goal == "peak" else "peak": outcome.second}
    faults = list(answer.breaches)
    if overhead != claimed["overhead"]:
        faults.append(f"overhead {overhead}, claimed {claimed['overhead']}")
    if answer.peak.off_chip_bits > claimed["peak"]:
        faults.append(f"peak {answer.peak.off_chip_bits}, claimed {claimed['peak']}")
    if answer.on_chip_bits > plan.reserve_bits:
        faults.append(f"{answer.on_chip_bits} bits on chip of {plan.reserve_bits}")
    if faults:
        raise disagreement(f"the replay of the answer does not confirm it: {'; '.join(faults)}")
