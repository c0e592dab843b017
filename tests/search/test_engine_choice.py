"""The engine that is taken if the user names none."""

from __future__ import annotations

import copy

import pytest

import optimizer
from optimizer.architecture.reader import parse_architecture
from optimizer.problem.engine_choice import LARGE, engine_for
from optimizer.workload.layer import Layer, matmul

CHIP = {
    "name": "chip",
    "technology": "generic45",
    "clock_mhz": 500,
    "array": {"x": 2, "y": 2},
    "levels": [
        {"name": "DRAM", "component": "dram", "bandwidth": {"shared": "8 GB/s"}},
        {"name": "GLB", "component": "sram", "size": "32 KiB"},
        {"name": "RF", "component": "regfile", "size": "32 words", "must_keep": ["W", "I", "O"]},
    ],
}
SMALL = matmul("small", {"M": 4, "N": 4, "K": 4})


def chip(levels: int = 3, **more: object) -> optimizer.Architecture:
    data = copy.deepcopy(CHIP) | more
    data["levels"][2:2] = [{"name": "L1", "component": "sram", "size": "4 KiB"}] * (levels - 3)  # type: ignore[index]
    return parse_architecture(data, file="chip.yaml")


@pytest.mark.parametrize(
    ("layer", "levels", "more", "engine"),
    [
        (SMALL, 3, {}, "lattice"),
        (SMALL, 4, {}, "path"),
        (matmul("large", {"M": 2 * LARGE, "N": 1, "K": 1}), 3, {}, "path"),
        (SMALL, 3, {"mapping": [{"stationary": "W", "level": "RF"}]}, "path"),
    ],
)
def test_auto(layer: Layer, levels: int, more: dict[str, object], engine: str) -> None:
    network = optimizer.Network("net")
    network.add(layer)
    architecture = chip(levels, **more)
    assert engine_for("auto", [network], architecture) == engine
    assert engine_for("both", [network], architecture) == "both"


def test_four_levels_are_solved_over_every_nest() -> None:
    result = optimizer.map_layer(SMALL, chip(4))
    assert result.status == "OPTIMAL"
    assert result.to_json()["problem"]["engine"] == "path"
    assert optimizer.verify(result).ok
