"""Check of ``memory.json``: the plan is replayed, recounted, and solved again with another seed.

The replay of :mod:`optimizer.golden.training_memory` shares no code with the program. Lifetimes of tensors that the
replay does not show are computed again by the code of the planner. Layer costs taken from a result in another folder
are not checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from formulations.networks.checkpoint_search import MemoryLimits
from optimizer.checker.claims.solve import hash_fault, hash_of
from optimizer.checker.design_checks import differences, verdict
from optimizer.checker.effort import Say
from optimizer.checker.outcome import NOT_CHECKED, Check
from optimizer.files.records import to_json
from optimizer.golden.training_memory import replay
from optimizer.problem.problem import network_of
from optimizer.recompute.costs import RecomputeCosts, work_costs
from optimizer.recompute.lifetimes import lifetimes
from optimizer.recompute.request import MemoryRequest
from optimizer.recompute.result import memory_body, moments_entry
from optimizer.recompute.run import MemoryPlan, plan_memory
from optimizer.results.formats import EVALUATED, MEMORY_FORMAT
from optimizer.scaling.options import Options
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network

Data = dict[str, Any]
OTHER_SEED = 31
SECONDS = 60.0
FREE = ("versions", "seed", "wall_s", "objective", "status", "least_peak", "chosen", "tensors")
"""Compared by themselves, or not at all."""


def memory_checks(data: Data, *, thorough: bool, say: Say) -> Iterator[Check]:
    """All checks of a plan of memory."""
    problem = data["problem"]
    network, costs = network_of(problem), costs_of(problem)
    yield verdict("problem", list(_problem_faults(data)), f"hash {hash_of(problem)[:16]} recomputed")
    yield verdict("costs", list(_cost_faults(network, costs)), f"of {len(costs.redo)} layers, in {costs.unit}")
    if costs.unit != "operations":
        yield Check(NOT_CHECKED, True, f"memory.json: costs of the layers in {costs.unit}, which another result gave")
    say("replaying the choices")
    yield verdict("all kept", list(_kept_faults(data, network)), "replayed: every allocation, every release")
    if data["chosen"] is not None:
        yield verdict("choices", list(_chosen_faults(data, network, costs)), "replayed: peak and overhead as stated")
    say("solving again")
    plan = _solved(data, network, costs, None if thorough else SECONDS)
    again = to_json(memory_body(network, plan, seed=OTHER_SEED))
    rest = {key: value for key, value in again.items() if key not in FREE}
    stated = {key: value for key, value in data.items() if key not in FREE}
    yield verdict("figures", list(differences(stated, rest)), "tensors, lives and budgets made again")
    yield from _proofs(data, again)


def costs_of(problem: Data) -> RecomputeCosts:
    """The costs that a plan states."""
    costs = problem["costs"]
    return RecomputeCosts(costs["unit"], costs["redo"], costs["total"], costs["gain"])


def _problem_faults(data: Data) -> Iterator[str]:
    yield from hash_fault(data)
    if data["format"] != MEMORY_FORMAT:
        yield f"the format is {data['format']!r}, known is {MEMORY_FORMAT!r}"


def _cost_faults(network: Network, costs: RecomputeCosts) -> Iterator[str]:
    names = [layer.name for layer in network.layers()]
    if sorted(costs.redo) != sorted(names):
        yield "the costs are not those of the layers of the network"
    if costs.unit == "operations" and costs != work_costs(network):
        yield "the costs are not the operations of the layers"
    if sum(costs.redo.values()) != costs.total:
        yield f"the layers cost {sum(costs.redo.values())} together, stated is {costs.total}"


def _kept_faults(data: Data, network: Network) -> Iterator[str]:
    """Compare the plan that keeps everything off chip with its replay."""
    saved = {activation.name: bool(activation.reads) for activation in lifetimes(network).activations}
    run = replay(network, {name: "keep" if kept else "drop" for name, kept in saved.items()})
    yield from run.breaches
    stated = {key: value for key, value in data["keep_all"].items() if key != "peak_by_kind_bits"}
    yield from differences(stated, to_json(moments_entry(run)), "keep_all")


def _chosen_faults(data: Data, network: Network, costs: RecomputeCosts) -> Iterator[str]:
    """Compare the chosen plan with its replay and with the budgets."""
    choices = {entry["name"]: entry["choice"] for entry in data["tensors"]}
    run = replay(network, choices)
    yield from run.breaches
    overhead = sum(costs.redo[name] for name in run.again)
    overhead -= sum(costs.gain.get(name, 0) for name, choice in choices.items() if choice == "chip")
    macs = sum(layer.macs * layer.multiplicity for layer in network.layers() if isinstance(layer, Layer))
    expected = to_json(moments_entry(run)) | {
        "overhead": overhead,
        "overhead_unit": costs.unit,
        "overhead_of_step": overhead / costs.total,
        "recomputed": run.again,
        "macs": run.macs,
        "operations": run.operations,
        "macs_of_step": run.macs / macs if macs else 0.0,
    }
    yield from differences(data["chosen"], expected, "chosen")
    asked = data["problem"]["memory"]
    peak = run.peak.off_chip_bits
    for name, value, most in (
        ("peak off chip", peak, asked["off_chip_bits"]),
        ("overhead", overhead, asked["overhead"]),
        ("memory on chip", run.on_chip_bits, asked["on_chip_reserve_bits"]),
    ):
        if most is not None and value > most:
            yield f"the {name} is {value}, at most {most} are allowed"
    if not asked["recompute"] and run.again:
        yield f"{', '.join(run.again[:3])} may not be computed again"
    goal = data["objective"]
    stated, tie = goal["value"], goal["tie"]["value"]
    claimed_peak, claimed_overhead = (stated, tie) if goal["name"] == "peak" else (tie, stated)
    if claimed_overhead != overhead or claimed_peak < peak:
        yield f"peak {claimed_peak} and overhead {claimed_overhead} are stated, the replay has {peak} and {overhead}"


def _solved(data: Data, network: Network, costs: RecomputeCosts, seconds: float | None) -> MemoryPlan:
    asked = data["problem"]["memory"]
    request = MemoryRequest(
        network,
        asked["goal"],
        MemoryLimits(asked["off_chip_bits"], asked["overhead"]),
        asked["on_chip_reserve_bits"],
        costs,
        asked["recompute"],
    )
    return plan_memory(request, Options(time_limit_s=seconds, workers=1, seed=OTHER_SEED))


def _proofs(data: Data, again: Data) -> Iterator[Check]:
    """Compare status, value and bound with those of another run; what that run leaves undecided is named."""
    stated, found = (data["status"], data["objective"]), (again["status"], again["objective"])
    if EVALUATED in (stated[0], found[0]):
        faults = [] if stated == found else [f"it is {stated}, it should be {found}"]
        yield verdict("status", faults, "nothing to choose")
        yield from _tensor_check(data, again, keep_choices=False)
        return
    yield from _tensor_check(data, again, keep_choices=True)
    faults = [*_objective_faults(data), *_against(data, again)]
    yield verdict("proof again", faults, f"solved again by another seed: {found[0]}")
    if found[0] not in ("OPTIMAL", "INFEASIBLE"):
        yield Check(NOT_CHECKED, True, f"memory.json: that nothing is better than the bound (solved again: {found[0]})")
    if data["least_peak"] is not None and again["least_peak"] is None:
        yield Check(NOT_CHECKED, True, "memory.json: least_peak")
    if stated[1]["tie"] is not None and stated[1]["tie"]["proved"]:
        one, other = stated[1]["tie"], found[1]["tie"]
        if other is not None and other["proved"] and found[1]["value"] == stated[1]["value"]:
            faults = [] if one == other else [f"{one['value']} are said to be least, {other['value']} are"]
            yield verdict("among equals", faults, "the other objective is the least")
        else:
            yield Check(NOT_CHECKED, True, "memory.json: objective.tie")


def _tensor_check(data: Data, again: Data, *, keep_choices: bool) -> Iterator[Check]:
    rows = [
        {**one, "choice": other["choice"]} if keep_choices else one
        for one, other in zip(again["tensors"], data["tensors"], strict=True)
    ]
    wrong = [one["name"] for one, other in zip(rows, data["tensors"], strict=True) if one != other]
    yield verdict("tensors", [f"{name} is another" for name in wrong], f"{len(rows)} activations made again")


def _objective_faults(data: Data) -> Iterator[str]:
    """Unit, gap and status follow from value and bound."""
    goal, costs = data["objective"], data["problem"]["costs"]
    if goal["unit"] != ("bits" if goal["name"] == "peak" else costs["unit"]):
        yield f"the unit is {goal['unit']}"
    if goal["name"] != data["problem"]["memory"]["goal"]:
        yield f"the objective is {goal['name']}"
    found = data["chosen"] is not None
    if (goal["value"] is not None) != found or (data["status"] in ("OPTIMAL", "FEASIBLE")) != found:
        yield f"{data['status']} with the value {goal['value']}"
    if not found:
        return
    gap = float(Fraction(goal["value"] - goal["bound"]) / abs(goal["value"])) if goal["value"] else 0.0
    if goal["gap"] != gap or (data["status"] == "OPTIMAL") != (goal["bound"] == goal["value"]):
        yield f"{data['status']}, value {goal['value']}, bound {goal['bound']}, gap {goal['gap']} do not go together"


def _against(data: Data, again: Data) -> Iterator[str]:
    """Compare two runs of one problem: neither may have a value below the other's bound."""
    stated, found = data["objective"], again["objective"]
    if data["status"] == "INFEASIBLE" and again["chosen"] is not None:
        yield "there is an answer"
    if again["status"] == "INFEASIBLE" and data["status"] not in ("INFEASIBLE", "UNKNOWN"):
        yield "there is no answer"
    for one, other in ((stated, found), (found, stated)):
        if one["bound"] is not None and other["value"] is not None and one["bound"] > other["value"]:
            yield f"a bound is {one['bound']}, but {other['value']} can be reached"
    least, other = data["least_peak"], again["least_peak"]
    if (least is None) != (data["status"] != "INFEASIBLE"):
        yield "the least peak is stated where there is an answer, or is missing"
    elif least is not None and other is not None:
        both = other["status"] == least["status"] == "OPTIMAL"
        if both and least["bits"] != other["bits"]:
            yield f"the least peak is {least['bits']}, solved again {other['bits']}"
        if None not in (least["bits"], other["bits"]) and (
            least["bound_bits"] > other["bits"] or least["bits"] < other["bound_bits"]
        ):
            yield f"the least peak is {least}, solved again {other}"
