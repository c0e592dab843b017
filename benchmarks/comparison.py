"""Tilewright beside one CP-SAT program for everything, and beside random search of equal time."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.distinct import distinct_layers, network_of
from benchmarks.menus import Menus, edge
from benchmarks.monolithic import sized_layers, solve_joint
from benchmarks.random_search import search_on_cores
from benchmarks.registry import PJ_PER_UJ, SEED, WORKERS, Details, Measured, register, time_limit_s
from benchmarks.series import COMPARISON
from optimizer import api
from optimizer.architecture.architecture import Architecture
from optimizer.workload.network import Network

NETWORK = "resnet18"
MENUS = Menus((8, 16), (8, 12, 16), (8, 16))
"""300 points."""

COUNTS = (1, 2, 3, 4, 6, 8, 12)


def compare(network: Network, architecture: Architecture, limit_s: float) -> Measured:
    """All three on the same problem, least energy, with the same number of threads, one after the other.

    Raises
    ------
    RuntimeError
        If Tilewright does not prove its result, or another method contradicts it.
    """
    result = api.solve(network, architecture, workers=WORKERS, seed=SEED)
    data, optimum = result.to_json(), result.certificate.value
    if data["status"] != "OPTIMAL":
        raise RuntimeError(f"{network.name}: {data['status']} instead of OPTIMAL")
    assert optimum is not None
    seconds = float(data["wall_s"])
    guess = search_on_cores(network, architecture, seconds=seconds, seed=SEED, workers=WORKERS)
    joint = solve_joint(sized_layers(network, architecture), time_limit_s=limit_s, workers=WORKERS, seed=SEED)
    if joint.bound > optimum or min(guess.value or optimum, joint.value or optimum) < optimum:
        raise RuntimeError(f"{network.name}: {optimum} is not the optimum; {joint}, {guess}")
    figures = {
        "wall": seconds,
        "energy_uj": data["energy_pj"] / PJ_PER_UJ,
        "joint_wall": joint.wall_s,
        "joint_bound": float(joint.bound / optimum),
    }
    if joint.value is not None and joint.gap is not None:
        figures |= {"joint_ratio": float(joint.value / optimum), "joint_gap": joint.gap}
    if guess.value is not None:
        figures["random_ratio"] = float(guess.value / optimum)
    details: Details = {
        "status": data["status"],
        "optimum_units": str(optimum),
        "hardware_points": data["hardware_points"],
        "joint_status": joint.status.name,
        "joint_units": [joint.value, joint.bound],
        "limit_s": f"{limit_s:g}",
        "random_units": guess.value,
        "random_mappings": guess.mappings,
        "random_s": seconds,
        "seed": SEED,
    }
    return Measured(figures, details)


def problem(count: int) -> tuple[Network, Architecture]:
    """The `count` distinct layers of the network whose searches are smallest."""
    return network_of(distinct_layers([NETWORK])[:count], f"{count} layers of {NETWORK}"), edge(MENUS)


def _run(count: int, folder: Path) -> Measured:
    return compare(*problem(count), time_limit_s())


def _register() -> None:
    for count in COUNTS:
        what = f"Comparison: {NETWORK}, {count} layer(s), {len(MENUS)} hardware points; one program, random search"
        register(f"compare-{count}", partial(_run, count), description=what, place=(COMPARISON.name, count))


_register()
