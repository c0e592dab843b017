"""How the time to a proof grows with the levels, the hardware points and the distinct layers."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.distinct import distinct_layers, network_of, spread
from benchmarks.menus import Menus, edge
from benchmarks.registry import PJ_PER_UJ, SEED, WORKERS, Measured, register
from benchmarks.series import LAYERS, LEVELS, POINTS, Series
from optimizer import api
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import load_architecture
from optimizer.fusion.groups import groups
from optimizer.networks import build
from optimizer.problem.fusion_options import Fusion
from optimizer.workload.network import Network

LEVELS_NETWORK = "alexnet"
LEVELS_MENUS = Menus(glb_kib=(128, 256), rf_words=(64, 128))
"""4 points."""

POINTS_NETWORK = "resnet18"
POINT_MENUS = (
    Menus((8, 16), (8, 16)),
    Menus((8, 12, 16, 32), (8, 12, 14, 16, 32), (8, 16)),
    Menus((8, 10, 12, 14, 16, 20, 24, 32), (6, 8, 10, 12, 14, 16, 20, 24, 28, 32), (2, 4, 8, 16, 32)),
)
"""100, 1000 and 10000 points; each menu holds the entries of the shorter one."""

LONG_MENUS = (
    Menus(tuple(range(8, 33)), tuple(range(8, 33)), (4, 8, 16), tuple(range(32, 2049, 32)), tuple(range(32, 513, 32))),
    Menus(
        tuple(range(8, 33)),
        tuple(range(8, 33)),
        tuple(range(4, 17, 2)),
        tuple(range(32, 2049, 2)),
        tuple(range(32, 513, 2)),
    ),
)
"""The ranges of the menus of `edge` in small steps: 1.9 million points, and 1.06 billion."""

LAYERS_NETWORKS = ("resnet50", "mobilenet_v2", "googlenet")
LAYERS_ARCHITECTURE = "edge_small"
LAYER_COUNTS = (10, 20, 30, 40, 50)

Case = Callable[[], tuple[Network, Architecture]]


def proved(network: Network, architecture: Architecture, fusion: Fusion | None = None) -> Measured:
    """Solve for least energy, with layer results in memory only: seconds, boxes closed, and the energy.

    With fusion also how many groups the network may have; all its layers count then, without it the distinct ones.

    Raises
    ------
    RuntimeError
        If the result is not proved optimal.
    """
    busy = time.process_time()
    result = api.solve(network, architecture, workers=WORKERS, seed=SEED, fusion=fusion)
    busy = time.process_time() - busy
    data = result.to_json()
    if data["status"] != "OPTIMAL":
        raise RuntimeError(f"{network.name}: {data['status']} instead of OPTIMAL")
    layers = len(result.certificate.layers if fusion is None else result.layers)
    figures = {
        "wall": data["wall_s"],
        "cpu": busy,
        "per_layer": data["wall_s"] / layers,
        "boxes": data["hardware_points"]["boxes"],
        "energy_uj": data["energy_pj"] / PJ_PER_UJ,
    }
    details = {"layers": layers, **{key: data[key] for key in ("status", "objective", "hardware_points")}}
    if fusion is not None:
        figures["groups"] = sum(1 for _ in groups(network, fusion.max_group))
        details["groups"] = [group["layers"] for group in data["groups"]]
    return Measured({key: float(value) for key, value in figures.items()}, details)


def levels_case(levels: int) -> tuple[Network, Architecture]:
    """The same network and menus with another number of levels."""
    return build(LEVELS_NETWORK), edge(LEVELS_MENUS, levels)


def points_case(menus: Menus) -> tuple[Network, Architecture]:
    """The same network with longer menus."""
    return build(POINTS_NETWORK), edge(menus)


def layers_case(count: int) -> tuple[Network, Architecture]:
    """The same menus with more distinct layers."""
    layers = spread(distinct_layers(LAYERS_NETWORKS), count)
    return network_of(layers, f"{count} layers"), load_architecture(LAYERS_ARCHITECTURE)


def _run(case: Case, folder: Path) -> Measured:
    return proved(*case())


def _register(series: Series, size: int, case: Case, what: str) -> None:
    name = f"growth-{series.name}-{size}"
    register(name, partial(_run, case), description=f"Growth: {what}, least energy", place=(series.name, size))


def _register_all() -> None:
    for levels in (3, 4):
        what = f"{LEVELS_NETWORK} on {levels} levels, {len(LEVELS_MENUS)} hardware points"
        _register(LEVELS, levels, partial(levels_case, levels), what)
    for menus in (*POINT_MENUS, *LONG_MENUS):
        what = f"{POINTS_NETWORK} on {len(menus)} hardware points"
        _register(POINTS, len(menus), partial(points_case, menus), what)
    for count in LAYER_COUNTS:
        what = f"{count} distinct layers on {LAYERS_ARCHITECTURE}"
        _register(LAYERS, count, partial(layers_case, count), what)


_register_all()
