"""Which activations of a training step to keep and which to compute again: lowering, solving, lifting, checking.

Costs are in one of three units, all exact integers:

* ``operations``: multiply-accumulates, and scalar operations of vector layers. Keeping on chip saves none.
* ``energy`` (fJ) and ``latency`` (cycles) of the layers of a solved training step. A tensor that is kept on chip saves at
  least the energy of writing it off chip once and of reading it once per layer that reads it; its latency is left as it
  is. A recomputed layer is charged in full, wherever its inputs are. The on-chip reserve is memory beside the buffer
  that the design was solved with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from formulations.checkpoint_search import Choice, Goal, Limits, MemoryOutcome, solve_memory
from formulations.checkpointing import Saved, TrainingMemory
from formulations.solver import Status
from optimizer.errors import SpecError, TilewrightError
from optimizer.training.lifetimes import Lifetimes, lifetimes
from optimizer.verify.memory import Replay, replay
from optimizer.workload import Layer, Network

FEMTOJOULES = 1000


@dataclass(frozen=True)
class Costs:
    """What computing a forward layer again costs, what keeping its output on chip saves, and the cost of the whole step."""

    unit: str
    redo: Mapping[str, int]
    total: int
    gain: Mapping[str, int] = field(default_factory=dict)


def work_costs(network: Network) -> Costs:
    """Multiply-accumulates and scalar operations of every layer."""
    work = {
        layer.name: layer.multiplicity * (layer.macs if isinstance(layer, Layer) else layer.operations)
        for layer in network.layers()
    }
    return Costs("operations", work, sum(work.values()))


def design_costs(lives: Lifetimes, data: Mapping[str, Any], measure: str) -> Costs:
    """Energies (fJ) or cycles of the layers of a solved training step.

    Parameters
    ----------
    lives : Lifetimes
    data : mapping
        Contents of the step's ``result.json``.
    measure : {"energy", "latency"}

    Raises
    ------
    SpecError
        If the result is of another network, or has no design.
    """
    layers = {entry["name"]: entry for entry in data.get("layers") or []}
    missing = [name for name in lives.steps if name not in layers]
    if missing:
        raise SpecError(
            "the result is not of this training step", field="layers", value=missing[:5],
            allowed=f"layers such as {', '.join(list(layers)[:5]) or 'none'}",
            remedy="solve the same network with the same --training, layer by layer",
        )  # fmt: skip
    key, scale = ("energy_pj", FEMTOJOULES) if measure == "energy" else ("latency_cycles", 1)
    cost = {name: round(entry[key] * entry.get("multiplicity", 1) * scale) for name, entry in layers.items()}
    return Costs(measure, cost, sum(cost.values()), _gains(lives, data) if measure == "energy" else {})


def _gains(lives: Lifetimes, data: Mapping[str, Any]) -> dict[str, int]:
    """Energy (fJ) of writing a tensor off chip once and reading it once per reader."""
    outer = data["hardware"]["levels"][0]
    write, read = (round(outer[key] * FEMTOJOULES) for key in ("update_energy_pj", "read_energy_pj"))
    readers = {a.name: len(a.reads) for a in lives.activations}
    for activation in lives.activations:
        for source in activation.inputs:
            readers[source] += 1
    return {
        a.name: -(-a.bits // outer["access_bits"]) * (write + readers[a.name] * read) for a in lives.activations
    }


def lower(lives: Lifetimes, costs: Costs, reserve_bits: int = 0, recompute: bool = True) -> TrainingMemory:
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
            a.bits, a.born, a.last_forward, a.reads, tuple(number[source] for source in a.inputs),
            costs.redo[a.name], costs.gain.get(a.name, 0),
        )
        for a in lives.activations
    )  # fmt: skip
    return TrainingMemory(tensors, lives.turn, tuple(fixed), tuple(made), reserve_bits, recompute)


@dataclass(frozen=True)
class MemoryPlan:
    """An answer.

    ``keep_all`` is the replay with every saved activation kept off chip, ``replay`` that of the choices (None without an
    answer), ``least_peak`` the outcome of minimizing the peak where no choice meets the cap.
    """

    lives: Lifetimes
    costs: Costs
    goal: Goal
    limits: Limits
    reserve_bits: int
    outcome: MemoryOutcome | None
    choices: dict[str, Choice]
    keep_all: Replay
    replay: Replay | None
    least_peak: MemoryOutcome | None = None


def plan_memory(
    network: Network, *, goal: Goal | None = "overhead", limits: Limits = Limits(), reserve_bits: int = 0,  # noqa: B008
    costs: Costs | None = None, recompute: bool = True, time_limit_s: float | None = None, workers: int = 2,
    seed: int = 0,
) -> MemoryPlan:  # fmt: skip
    """Memory of a training step over time, and the best choice for every saved activation.

    Parameters
    ----------
    network : Network
        A training step.
    goal : {"overhead", "peak"}, optional
        What is minimized; None chooses nothing and keeps all.
    limits : Limits
        Caps on the peak off chip (bits), weights and gradients included, and on the overhead (in the costs' unit).
    reserve_bits : int
        On-chip memory for kept activations.
    costs : Costs, optional
        By default those of :func:`work_costs`.
    recompute : bool
        Whether anything may be computed again.
    time_limit_s : float, optional
    workers, seed : int
        Threads and random seed of the solver.

    Raises
    ------
    SpecError
        If the network is no training step.
    TilewrightError
        If the replay of an answer does not confirm it.
    """
    lives = lifetimes(network)
    costs = costs or work_costs(network)
    everything = {a.name: "keep" if a.reads else "drop" for a in lives.activations}
    plan = MemoryPlan(lives, costs, goal or "overhead", limits, reserve_bits, None, {}, replay(network, everything), None)
    if goal is None:
        return plan
    memory = lower(lives, costs, reserve_bits, recompute)
    outcome = solve_memory(memory, goal, limits, time_limit_s=time_limit_s, workers=workers, seed=seed)
    least = None
    if outcome.status is Status.INFEASIBLE:
        least = solve_memory(
            memory, "peak", Limits(None, limits.overhead), time_limit_s=time_limit_s, workers=workers, seed=seed
        )
    choices = dict(zip((a.name for a in lives.activations), outcome.choices, strict=False))
    answer = replay(network, choices) if choices else None
    if answer is not None:
        _confirm(answer, outcome, goal, plan)
    return MemoryPlan(lives, costs, goal, limits, reserve_bits, outcome, choices, plan.keep_all, answer, least)


def overhead_of(replayed: Replay, choices: Mapping[str, str], costs: Costs) -> int:
    """Cost of what was computed again, less what tensors kept on chip save."""
    saved = sum(costs.gain.get(name, 0) for name, choice in choices.items() if choice == "chip")
    return sum(costs.redo[name] for name in replayed.again) - saved


def _confirm(answer: Replay, outcome: MemoryOutcome, goal: Goal, plan: MemoryPlan) -> None:
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
        raise TilewrightError(f"the replay of the answer does not confirm it: {'; '.join(faults)}")
