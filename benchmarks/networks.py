"""Whole networks on the `edge` preset: every hardware point of its menus, proved."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.registry import MEMORY, SEED, WORKERS, Measured, register
from optimizer import api
from optimizer.architecture.reader import load_architecture
from optimizer.networks import build

ARCHITECTURE = "edge"
SECONDS = {"resnet18": 60.0, "resnet50": 150.0, "mobilenet_v2": 150.0, "bert_base": 30.0}
"""Targets for energy."""

EDP_FACTOR = 3
WARM_SECONDS = 5.0
MEMORY_GB = 4.0


def solve_network(network: str, objective: str, folder: Path) -> Measured:
    """Solve a network with the layer cache in `folder`.

    Raises
    ------
    RuntimeError
        If the result is not proved optimal: a time without proof says nothing.
    """
    edge = load_architecture(ARCHITECTURE)
    data = api.solve(build(network), edge, objective=objective, workers=WORKERS, seed=SEED, cache_dir=folder).to_json()
    if data["status"] != "OPTIMAL":
        raise RuntimeError(f"{network}: {data['status']} instead of OPTIMAL")
    details = {key: data[key] for key in ("status", "objective", "hardware_points")}
    return Measured({"wall": float(data["wall_s"])}, details)


def _register() -> None:
    for network, seconds in SECONDS.items():
        for objective, factor in (("energy", 1), ("edp", EDP_FACTOR)):
            run = partial(solve_network, network, objective)
            what = f"{network} on {ARCHITECTURE}, least {objective}"
            target = {"wall": factor * seconds, MEMORY: MEMORY_GB}
            register(f"{network}-{objective}", run, description=f"{what}, empty cache", target=target)
            register(
                f"{network}-{objective}-warm",
                run,
                description=f"{what}, second run on its cache",
                target={"wall": WARM_SECONDS},
                warm=True,
            )


_register()
