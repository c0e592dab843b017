"""One accelerator for several networks: least geometric mean of their energy-delay products, proved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from benchmarks.menus import Menus, edge
from benchmarks.registry import SEED, WORKERS, Measured, register
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import load_architecture
from optimizer.features import codesign
from optimizer.multi_network.request import Member
from optimizer.networks import build

OBJECTIVE = "edp"
AREA_MM2 = 6
POINTS = Menus((8, 16, 32), (8, 16, 32), (8, 16), (64, 128, 256, 512, 1024, 2048), (32, 64, 128, 256, 512))
"""540 hardware points of `edge`."""

PUBLISHED_PERCENT = (12.0, 117.9)
"""Least and largest improvement of a joint design over designs made for single networks that Yu et al. state (IEEE
Transactions on Computers, 2020), on other hardware and networks."""


def points_of_edge() -> Architecture:
    """`edge` with these points, under the budget of area."""
    architecture = edge(POINTS)
    return architecture.with_budgets(replace(architecture.budgets, area_mm2=Fraction(AREA_MM2)))


@dataclass(frozen=True)
class Case:
    """Networks, where they run, and the target in seconds."""

    networks: tuple[str, ...]
    architecture: Callable[[], Architecture]
    where: str
    seconds: float


CASES = {
    "four": Case(
        ("alexnet", "resnet18", "bert_base", "gpt2"), partial(load_architecture, "edge_small"), "edge_small", 180
    ),
    "eight": Case(
        ("vgg16", "resnet50", "googlenet", "mobilenet_v2", "bert_base", "gpt2", "vit_b16", "yolov2"),
        points_of_edge,
        f"{len(POINTS)} points of edge within {AREA_MM2} mm2",
        900,
    ),
}


def solve_joint(case: Case, folder: Path) -> Measured:
    """Solve a case with the layer cache in `folder`.

    Raises
    ------
    RuntimeError
        If the result is not proved optimal.
    """
    members = [Member(build(name)) for name in case.networks]
    data = codesign(
        members, case.architecture(), objective=OBJECTIVE, workers=WORKERS, seed=SEED, cache_dir=folder
    ).to_json()
    if data["status"] != "OPTIMAL":
        raise RuntimeError(f"{', '.join(case.networks)}: {data['status']} instead of OPTIMAL")
    gains = {entry["design"]: entry["improvement_percent"] for entry in data["cross"][1:]}
    details: dict[str, object] = {key: data[key] for key in ("objective", "hardware_points", "networks", "cross")}
    details |= {"improvement_percent": gains, "published_percent": list(PUBLISHED_PERCENT)}
    return Measured({"wall": float(data["wall_s"])}, details)


def _register() -> None:
    for name, case in CASES.items():
        register(
            f"codesign-{name}",
            partial(solve_joint, case),
            target={"wall": case.seconds},
            description=f"design for {', '.join(case.networks)} on {case.where}: geometric mean of EDP, empty cache",
        )


_register()
