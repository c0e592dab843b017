"""Hand-made contents of ``result.json`` for reports and the command line."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from optimizer.bodies.certificates import CERTIFICATE_FORMAT, SolveCertificate
from optimizer.bodies.solve import SolveBody
from optimizer.files.records import from_json
from optimizer.problem.problem import network_json
from optimizer.problem.status import Status
from optimizer.results.kinds import SolveResult
from optimizer.workload.reader import parse_network

NETWORK = """
name: tiny
layers:
  - {name: fc1, type: matmul, dims: {M: 4, N: 8, K: 16}}
  - {name: fc2, type: matmul, dims: {M: 4, N: 8, K: 16}}
  - {name: relu, type: vector, kind: relu, reads: [32], writes: [32], operations: 32}
"""

MAPPING = [
    {"keep": "W", "level": "DRAM"},
    {"keep": "I", "level": "DRAM"},
    {"keep": "O", "level": "DRAM"},
    {"for": "N", "bound": 2, "level": "DRAM"},
    {"keep": "O", "level": "GLB"},
    {"spatial": "N", "bound": 4, "axis": "X", "level": "GLB"},
    {"for": "M", "bound": 4, "level": "GLB"},
    {"for": "K", "bound": 16, "level": "GLB"},
]


def access(reads: int, fills: int = 0, updates: int = 0, tile_words: int = 1, instances: int = 1) -> dict[str, int]:
    """One entry of `accesses`."""
    return {
        "reads": reads,
        "fills": fills,
        "updates": updates,
        "tile_words": tile_words,
        "instances": instances,
    }


def fc_layer(name: str, first: str | None = None, **changes: Any) -> dict[str, Any]:
    """The entry of a matrix product with 8,000 pJ and 256 cycles."""
    return {
        "name": name,
        "type": "matmul",
        "dims": {"M": 4, "N": 8, "K": 16},
        "multiplicity": 1,
        **({} if first is None else {"same_as": first}),
        "mapping": MAPPING,
        "energy_pj": 8000.0,
        "latency_cycles": 256,
        "compute_cycles": 128,
        "utilization": 0.25,
        "accesses": {
            "DRAM": {"W": access(128), "I": access(128), "O": access(0, updates=32)},
            "GLB": {"O": access(480, updates=512, tile_words=16)},
        },
        "lower_bounds": {
            "compute_cycles": 64,
            "bandwidth_cycles": {"DRAM bandwidth": 128},
            "latency_cycles": 128,
            "latency_limit": "DRAM bandwidth",
            "compulsory_dram_words": {"W": 128, "I": 64, "O": 32},
            "dram_words_bound": 224,
            "energy_pj": 4000.0,
        },
    } | changes


def level(name: str, size_bits: int | None, **changes: Any) -> dict[str, Any]:
    """One entry of ``hardware.levels``."""
    return {
        "name": name,
        "size_bits": size_bits,
        "mesh": [1, 1],
        "access_bits": 16,
        "read_energy_pj": 6.5,
        "fill_energy_pj": 7.0,
        "update_energy_pj": 7.0,
        "bits_per_cycle": {"read": 64, "write": None, "shared": None},
        "buffering": 1,
    } | changes


HARDWARE = {
    "choices": {"array.x": 4, "GLB.size": "64 KiB"},
    "array": [4, 2],
    "clock_mhz": 500,
    "levels": [level("DRAM", None), level("GLB", 8 * 65536)],
}


def points(**counts: int) -> dict[str, int]:
    """The section ``hardware_points`` of 96 points."""
    names = ("closed_by_bound", "closed_by_area", "closed_by_size", "closed_by_caps", "solved", "open")
    return {"total": 96} | dict.fromkeys(names, 0) | {"boxes": 9} | counts


def design(**changes: Any) -> dict[str, Any]:
    """A finished design: two equal products and a vector layer."""
    vector = {
        "name": "relu",
        "type": "relu",
        "dims": {},
        "multiplicity": 1,
        "mapping": None,
        "energy_pj": 500.0,
        "latency_cycles": 32,
        "operations": 32,
        "dram_words": 64,
        "accesses": {},
        "utilization": 0.0,
        "lower_bounds": {},
    }
    return {
        "format": "tilewright-solve/2",
        "status": "OPTIMAL",
        "termination": "complete",
        "objective": {"name": "energy", "unit": "pJ", "value": 16500.0, "bound": 16500.0, "gap": 0.0},
        "accounting": "timeloop",
        "space": {"text": "all uneven loop nests", "padding": {"fc1": {"M": [5, 6]}}, "reuse": "innermost"},
        "network": "tiny",
        "architecture": "chip",
        "hardware": HARDWARE,
        "area_um2": 2_500_000,
        "energy_pj": 16500.0,
        "latency_cycles": 544,
        "latency_ms": 0.001088,
        "power_w": 0.0152,
        "layers": [fc_layer("fc1"), fc_layer("fc2", "fc1"), vector],
        "hardware_points": points(closed_by_bound=90, closed_by_area=4, solved=2),
        "warnings": ["the model has an unknown operator [Foo]"],
        "versions": {},
        "seed": 3,
        "wall_s": 1.25,
        "problem": {
            **network_json(parse_network(NETWORK)),
            "architecture": {},
            "budgets": {"area_mm2": "9/2", "power_w": None},
            "objective": "energy",
            "padding": "none",
        },
        "problem_hash": "0123",
    } | changes


DESIGN = ("hardware", "area_um2", "energy_pj", "latency_cycles", "latency_ms", "power_w", "layers")


def nothing(status: str = "INFEASIBLE") -> dict[str, Any]:
    """A result without a design."""
    relaxations = [
        {"budget": "area_mm2", "limit": 4, "least": 5.25, "exact": True, "text": "the smallest has 5.25 mm2"},
        {"budget": "latency_ms", "limit": 2, "least": 3.5, "exact": True, "text": "it needs 3.5 ms"},
    ]
    infeasible = {"budgets": ["area_mm2", "latency_ms"], "relaxations": relaxations, "complete": True}
    return {key: value for key, value in design().items() if key not in DESIGN} | {
        "status": status,
        "objective": {"name": "energy", "unit": "pJ", "value": None, "bound": None, "gap": None},
        "warnings": [],
        "hardware_points": points(closed_by_bound=96),
        **({"infeasible": infeasible} if status == "INFEASIBLE" else {}),
    }


def body(data: dict[str, Any] | None = None, **changes: Any) -> SolveBody:
    """The body of a result with these contents; by default of the finished design."""
    return from_json(SolveBody, (design() if data is None else data) | changes)


def certificate(number: int = 1) -> SolveCertificate:
    """A certificate without boxes; `number` is the optimum of its master."""
    return SolveCertificate(
        format=CERTIFICATE_FORMAT,
        problem_hash="0123",
        status=Status.OPTIMAL,
        objective="energy",
        accounting="timeloop",
        space="all uneven loop nests",
        padding={},
        value=None,
        bound=Fraction(0),
        master_optimum=Fraction(number),
        design=None,
        menus={},
        layers=(),
        boxes=(),
    )


def result(data: dict[str, Any] | None = None, number: int = 1, **changes: Any) -> SolveResult:
    """A result with these contents; by default with the finished design."""
    return SolveResult(body(data, **changes), certificate(number))
