"""The version of the model changes with costs and with what is optimal: no store serves what was true once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from formulations.engines import PathEngine
from optimizer import load_architecture
from optimizer import solve as solve_network
from optimizer.architecture.selection import at
from optimizer.mapping.cost import evaluate
from optimizer.mapping.mapping import Loop, Mapping, Node
from optimizer.mapping.vector_cost import vector_cost
from optimizer.pricing.lowering import lower
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.versions import MODEL_VERSION
from optimizer.workload.layer import VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.reader import load_network

REFERENCE = ("8", "40dc12423d5f1fbc")
"""Version of the model, and what :func:`digest` says of it."""

LAYERS = """\
layers:
  - {name: window, type: conv, dims: {K: 6, C: 4, P: 8, Q: 6, R: 3, S: 3}, bits: {W: 8, I: 8, O: 16}}
  - {name: strided, type: conv, dims: {K: 4, C: 8, P: 4, Q: 6}, stride: 2, inputs: [window]}
  - {name: dilated, type: conv, dims: {N: 2, K: 3, C: 2, P: 9, R: 3}, stride: [2, 1], dilation: [3, 1], inputs: []}
  - {name: depthwise, type: dwconv, dims: {G: 8, P: 6, Q: 4, R: 3, S: 2}, inputs: []}
  - {name: grouped, type: conv, dims: {G: 2, K: 4, C: 3, P: 6, R: 5}, inputs: []}
  - {name: product, type: matmul, dims: {M: 8, N: 12, K: 10}, inputs: []}
  - {name: batched, type: matmul, dims: {B: 3, M: 4, N: 6, K: 5}, inputs: []}
  - {name: blocks, type: matmul, dims: {M: 6, N: 4, K: 16}, sparsity: {W: "2:4"}, inputs: []}
  - {name: pool, type: vector, kind: maxpool, reads: [192], writes: [48], operations: 432, inputs: [strided]}
"""
CHAIN = """\
layers:
  - {name: first, type: conv, dims: {K: 4, C: 3, P: 8, R: 3}}
  - {name: second, type: conv, dims: {K: 6, C: 4, P: 6, R: 3}, views: {first: [null, [1, 3, 0], null]}}
"""
MACHINE = """\
name: machine
technology: generic45
clock_mhz: 500
mac: {type: int, bits: 16}
sparsity: {mode: skip}
array: {x: [4, 6], y: 2}
levels:
  - {name: DRAM, component: dram, bandwidth: {shared: 3 GB/s}}
  - {name: BUF, component: sram, size: [1 KiB, 2 KiB], bandwidth: {read: 4 words/cycle, write: 2 words/cycle}}
  - {name: RF, component: regfile, size: 8 words, must_keep: [O]}
"""
"""Small layers of every kind on a machine with bandwidths, bypass and an array that not all extents fill."""

OBJECTIVES = {"timeloop": ("energy", "weighted"), "looptree": ("latency",)}
"""Costs differ by accounting, and what is optimal by objective: every one of both."""


def values(folder: Path) -> Iterator[object]:
    """What the cost rules and the space decide: prices of one mapping, optima of layers, optima of networks."""
    layers, chain = _network(folder, LAYERS), _network(folder, CHAIN)
    (folder / "machine.yaml").write_text(MACHINE)
    machine = load_architecture(folder / "machine.yaml")
    points = list(machine.points())
    for layer, accounting in product(layers.layers(), OBJECTIVES):
        if isinstance(layer, VectorLayer):
            yield vector_cost(layer, points[0], accounting)
            continue
        for reuse in ("innermost", "exact"):
            cost = evaluate(layer, points[0], _some_mapping(layer.extents), accounting=accounting, reuse=reuse)
            yield layer.name, cost.energy, cost.latency_cycles, cost.level_cycles, sorted(cost.counts.items())
        for objective in OBJECTIVES[accounting]:
            weight = 1000 if objective == "weighted" else 0
            problem = lower(layer, points[-1], accounting=accounting)
            found = PathEngine().solve(problem, objective, weight=weight)
            if weight:
                yield found and found.energy + weight * found.latency
            else:
                yield found and (found.energy, found.latency)
    one_point = at(machine, dict(points[-1].choices))
    for chips, objective, fusion in ((one_point, "energy", Fusion()), (machine, "edp", None)):
        data = solve_network(chain, chips, objective=objective, fusion=fusion, workers=1).to_json()
        yield [data[name] for name in ("status", "energy_pj", "latency_cycles")]


def _network(folder: Path, text: str) -> Network:
    (folder / "network.yaml").write_text(text)
    return load_network(folder / "network.yaml")


def _some_mapping(extents: dict[str, int]) -> Mapping:
    """Every dim cut in two (rounded up) where it can be: the outer loops around the buffer, the inner ones inside."""
    outer = [Loop(dim, -(-extent // 2), 1) for dim, extent in extents.items() if extent > 1]
    inner = [Loop(dim, 2, 2) for dim, extent in extents.items() if extent > 1]
    nodes = [[Node(role, level) for role in ("W", "I", "O")] for level in (0, 1, 2)]
    return Mapping((*nodes[0], *outer[:2], *nodes[1], *outer[2:], *nodes[2], *inner))


def digest(folder: Path) -> str:
    """A hash of all values."""
    return hashlib.sha256("\n".join(map(str, values(folder))).encode()).hexdigest()[:16]


@pytest.mark.slow
def test_version_of_the_model(tmp_path) -> None:
    found = digest(tmp_path)
    version, expected = REFERENCE
    if found != expected and version == MODEL_VERSION:
        advice = "costs or optima changed: stores hold what is false now; raise MODEL_VERSION in optimizer/store.py"
    else:
        advice = "the version of the model was raised"
    assert (MODEL_VERSION, found) == REFERENCE, f"{advice}; then set REFERENCE to the new version and {found!r}"
