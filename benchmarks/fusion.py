"""Fused groups, proved: whole networks on fixed hardware and on menus, and how the time grows with groups."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.growth import proved
from benchmarks.menus import Menus, edge
from benchmarks.registry import MEMORY, Measured, register
from benchmarks.series import CHAINS, GROUPS, Series
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.reader import load_architecture
from optimizer.architecture.selection import select
from optimizer.networks import build
from optimizer.problem.fusion_options import Fusion
from optimizer.workload.layer import conv
from optimizer.workload.network import Network
from optimizer.workload.views import IDENTITY_WINDOW, View, Window

SECONDS = {"vgg16": 30.0, "fsrcnn": 30.0, "resnet34": 60.0, "mobilenet_v1": 60.0, "googlenet": 120.0}
"""Targets on one hardware point."""

POINTS_FACTOR = 10
MEMORY_GB = 4.0

POINT = {
    "array.x": "16",
    "array.y": "16",
    "DRAM.bandwidth.shared": "8 GB/s",
    "GLB.size": "256 KiB",
    "RF.size": "128 words",
}
"""The middle of the menus of `edge`."""

PRESETS = ("vwa", "eyeriss_rs")
MENUS = Menus((8, 16), (8, 16), (8, 16))
"""200 points."""

CHAIN_POINT = Menus((8,), (8,), (8,), (32,), (64,))
CHAIN_WIDTH, CHAIN_EXTENT = 8, 16
CHAIN_LENGTHS = (5, 10, 20, 50, 100)
CHAIN_GROUP = 3
GROUP_SIZES = (2, 3, 4, 5, 6)
GROUPS_LENGTH = 10

Where = Callable[[], Architecture]


def edge_point() -> Architecture:
    """One hardware point of `edge`."""
    return select(load_architecture("edge"), POINT)


def chain(count: int) -> Network:
    """So many equal 3x3 convolutions, of which each reads the one before."""
    network = Network(f"chain of {count}")
    view: View = (IDENTITY_WINDOW, Window(1, 3, 1), Window(1, 3, 1))
    dims = {"K": CHAIN_WIDTH, "C": CHAIN_WIDTH, "P": CHAIN_EXTENT, "Q": CHAIN_EXTENT, "R": 3, "S": 3}
    before: str | None = None
    for n in range(count):
        layer = conv(f"conv{n + 1}", dims)
        network.add(layer, after={before: before} if before else {}, views={before: view} if before else {})
        before = layer.name
    return network


def solve_fused(network: str, where: Where, folder: Path) -> Measured:
    """Least energy of a built-in network with groups, proved; of the figures only seconds have a row of the table."""
    return seconds_of(proved(build(network), where(), Fusion()))


def seconds_of(found: Measured) -> Measured:
    """The same with all other figures among the details, as they are in other units."""
    others = {name: value for name, value in found.figures.items() if name != "wall"}
    return Measured({"wall": found.figures["wall"]}, {"figures": others, **found.details})


def solve_chain(count: int, most: int, folder: Path) -> Measured:
    """Least energy of a chain with groups of at most `most` layers, proved."""
    return proved(chain(count), edge(CHAIN_POINT), Fusion(most))


def _register_networks() -> None:
    places: dict[str, tuple[Where, str, int]] = {"": (edge_point, "a point of edge", 1)}
    places |= {f"-{name}": (partial(load_architecture, name), name, 1) for name in PRESETS}
    places["-points"] = partial(edge, MENUS), f"{len(MENUS)} points of edge", POINTS_FACTOR
    for suffix, (where, what, factor) in places.items():
        for network, seconds in SECONDS.items():
            register(
                f"fused-{network}{suffix}",
                partial(solve_fused, network, where),
                description=f"{network} in groups of at most {Fusion().max_group} layers on {what}, least energy",
                target={"wall": factor * seconds, MEMORY: MEMORY_GB},
            )


def _register_growth(series: Series, size: int, count: int, most: int) -> None:
    what = f"Growth: chain of {count} convolutions, groups of at most {most} layers, least energy"
    register(
        f"growth-{series.name}-{size}", partial(solve_chain, count, most), description=what, place=(series.name, size)
    )


def _register() -> None:
    _register_networks()
    for count in CHAIN_LENGTHS:
        _register_growth(CHAINS, count, count, CHAIN_GROUP)
    for most in GROUP_SIZES:
        _register_growth(GROUPS, most, GROUPS_LENGTH, most)


_register()
