"""The staircase over area of a network against one solve of it, both with empty caches and proved."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.registry import SEED, WORKERS, Measured, register
from optimizer import api
from optimizer.architecture.reader import load_architecture
from optimizer.features import study
from optimizer.networks import build
from optimizer.studies.metrics import Range

MOST_RATIO = 5.0
"""A staircase takes at most so many times the seconds of a solve."""

CASES = (("resnet50", "edge"), ("resnet18", "edge"), ("alexnet", "edge_small"))


def both(network: str, architecture: str, objective: str, folder: Path) -> Measured:
    """Solve, and study the whole range of areas.

    Raises
    ------
    RuntimeError
        If either is not proved.
    """
    graph, menus = build(network), load_architecture(architecture)
    alone = api.solve(
        graph, menus, objective=objective, workers=WORKERS, seed=SEED, cache_dir=folder / "solve"
    ).to_json()
    steps = study(
        graph, menus, [Range("area-mm2")], objective=objective, workers=WORKERS, seed=SEED, cache_dir=folder / "study"
    ).to_json()
    if (alone["status"], steps["study"]["status"]) != ("OPTIMAL", "OPTIMAL"):
        raise RuntimeError(f"{network}: not proved optimal")
    figures = {"ratio": steps["wall_s"] / alone["wall_s"], "steps": float(len(steps["study"]["designs"]))}
    details: dict[str, object] = {
        "solve_s": alone["wall_s"],
        "study_s": steps["wall_s"],
        "hardware_points": steps["hardware_points"],
    }
    return Measured(figures, details)


def _register() -> None:
    for network, architecture in CASES:
        for objective in ("energy", "edp"):
            register(
                f"staircase-{network}-{objective}",
                partial(both, network, architecture, objective),
                unit="x solve",
                description=f"seconds of the staircase over area over those of a solve: {network} on {architecture}, "
                f"least {objective}",
                target={"ratio": MOST_RATIO},
            )


_register()
