"""One step of training against inference of the same network on the same hardware points, both proved."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmarks.registry import SEED, WORKERS, Measured, register
from optimizer import api
from optimizer.architecture.reader import load_architecture
from optimizer.architecture.selection import select
from optimizer.networks import load
from optimizer.problem.status import Status
from optimizer.report.phases import phase_totals
from optimizer.results.kinds import SolveResult
from optimizer.workload.network import Network

ARCHITECTURE = "datacenter"
OPTIMIZER = "sgd-momentum"
MOST_RATIO = 4.0
"""A step of training takes at most so many times the seconds of inference."""

ONE_POINT = {
    "array.x": "128",
    "array.y": "128",
    "HBM.bandwidth.shared": "900 GB/s",
    "GLB.size": "16 MiB",
    "RF.size": "64 words",
}


@dataclass(frozen=True)
class Case:
    """A network with its options, and entries of menus that are chosen beforehand."""

    network: str
    options: dict[str, int]
    choices: dict[str, str]


CASES = {
    "resnet18": Case("resnet18", {"batch": 32}, {}),
    "resnet18-point": Case("resnet18", {"batch": 32}, ONE_POINT),
    "gpt2": Case("gpt2", {"sequence": 128}, {}),
}


def solve_both(case: Case, objective: str, folder: Path) -> Measured:
    """Solve inference and training, each with an empty layer cache of its own in `folder`.

    Raises
    ------
    RuntimeError
        If one of them is not proved optimal.
    """
    architecture = select(load_architecture(ARCHITECTURE), case.choices)
    found: dict[str, SolveResult] = {}
    networks: dict[str, Network] = {}
    for name, training in (("inference", None), ("training", OPTIMIZER)):
        network = load(case.network, training=training, **case.options)
        cache = folder / name
        networks[name] = network
        found[name] = api.solve(network, architecture, objective=objective, workers=WORKERS, seed=SEED, cache_dir=cache)
        if found[name].status is not Status.OPTIMAL:
            raise RuntimeError(f"{case.network}, {name}: {found[name].status} instead of OPTIMAL")
    keys = ("wall_s", "objective", "hardware_points", "energy_pj", "latency_ms")
    details: dict[str, object] = {
        name: {key: data[key] for key in keys} | {"choices": data["hardware"]["choices"]}
        for name, data in ((name, result.to_json()) for name, result in found.items())
    }
    totals = phase_totals(found["training"].layers, networks["training"])
    details["phases"] = {phase: asdict(total) for phase, total in totals.items()}
    seconds = {name: result.body.wall_s for name, result in found.items()}
    return Measured({"ratio": seconds["training"] / seconds["inference"]}, details)


def _register() -> None:
    for name, case in CASES.items():
        for objective in ("energy", "edp"):
            options = ", ".join(f"{key} {value}" for key, value in case.options.items())
            where = f"one point of {ARCHITECTURE}" if case.choices else ARCHITECTURE
            register(
                f"training-{name}-{objective}",
                partial(solve_both, case, objective),
                unit="x inference",
                description=f"seconds of a step of training over those of inference: {case.network} ({options}) on "
                f"{where}, least {objective}",
                target={"ratio": MOST_RATIO},
            )


_register()
