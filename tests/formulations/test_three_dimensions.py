"""Convolutions in three dimensions: three windows in one layer."""

from __future__ import annotations

from itertools import product

import pytest

from formulations.engines import CpSatEngine, PathEngine
from formulations.nest import Nest
from optimizer.api import map_layer
from optimizer.architecture.reader import load_architecture, parse_architecture
from optimizer.checker.again import verify
from optimizer.files.exact_yaml import load_exact
from optimizer.pricing.lowering import lower
from optimizer.workload.layer import Layer, conv
from optimizer.workload.reader import parse_network

CHIP = """
name: chip
technology: generic45
clock_mhz: 500
array: {x: 2, y: 2}
levels:
  - {name: DRAM, component: dram, bandwidth: {shared: 2 GB/s}}
  - {name: GLB, component: sram, size: 1 KiB}
  - {name: RF, component: regfile, size: 8 words, must_keep: [W, I, O]}
"""
EXTENTS = [dict(zip("KCPQZRST", sizes, strict=True)) for sizes in ((2, 2, 2, 2, 2, 2, 2, 2), (1, 2, 4, 2, 3, 3, 1, 2))]


def cube(extents: dict[str, int], stride: tuple[int, ...] = (1, 2, 1)) -> Layer:
    return conv("cube", extents, stride=stride, dilation=(1, 1, 2))


@pytest.mark.parametrize(("extents", "objective"), list(product(EXTENTS, ["energy", "latency"])))
@pytest.mark.slow
def test_the_engines_agree(extents: dict[str, int], objective: str) -> None:
    (point,) = parse_architecture(load_exact(CHIP)).points()
    problem = lower(cube(extents), point)
    found = [engine.solve(problem, objective) for engine in (PathEngine(), CpSatEngine())]
    assert all(isinstance(nest, Nest) for nest in found)
    assert len({(nest.energy, nest.latency) for nest in found if nest is not None}) == 1


def test_one_is_mapped_and_verified() -> None:
    result = map_layer(cube(EXTENTS[0]), parse_architecture(load_exact(CHIP)))
    assert result.status == "OPTIMAL" and verify(result).ok


def test_files_take_them() -> None:
    network = parse_network(
        "{name: c, type: conv, dims: {K: 4, C: 2, P: 4, Q: 5, Z: 6, R: 3, S: 3, T: 2}, stride: [1, 2, 3]}"
    )
    (layer,) = network.mac_layers()
    assert layer == conv("c", layer.extents, stride=(1, 2, 3)) and not network.warnings
    assert layer.operand("I").footprint(layer.extents) == 2 * 6 * 11 * 17
    assert map_layer(layer, load_architecture("eyeriss")).status == "OPTIMAL"
