"""Honest results of single networks, kind by kind."""

from __future__ import annotations

from functools import cache
from random import Random

from optimizer.architecture.reader import parse_architecture
from optimizer.checker.stored import StoredResult
from optimizer.files.exact_yaml import load_exact
from optimizer.training.step import training_step
from tests.support import stored_results as api

from . import problems
from .forger import Forgery


def energy() -> StoredResult:
    """Least energy under an area that leaves one point out."""
    return problems.solved("energy", area_mm2="0.0242")


def latency() -> StoredResult:
    """Least latency, with padding."""
    return problems.solved("latency", "auto")


def edp() -> StoredResult:
    """Least energy-delay product, in the other accounting."""
    return problems.solved("edp", accounting="looptree")


def capped() -> StoredResult:
    """Least energy under a limit of time that leaves one array out."""
    return problems.solved("energy", latency_ms="0.00028")


def infeasible() -> StoredResult:
    """Nothing keeps the limit of energy."""
    return problems.solved("energy", energy_mj="0.00000001")


@cache
def stopped() -> StoredResult:
    """As a search leaves it when time is over: all points but the design's are open, with lower floors."""
    f = Forgery.of(problems.solved("energy"), Random(0))
    from . import proof_lies  # noqa: PLC0415

    claim = f.claim
    f.certificate["boxes"] = [
        proof_lies.true_box(f, claim, box, "solved" if box == claim.design else "open")
        for box in proof_lies.partition(claim, f.random, claim.design)
    ]
    for raw in f.boxes:
        if raw["closed_by"] == "open":
            raw["energy_floors"] = [floor * 9 // 10 for floor in raw["energy_floors"]]
    f.agree()
    return f.result


@cache
def training() -> StoredResult:
    """A training step."""
    text = "{name: step, layers: [{name: fc, type: matmul, dims: {M: 2, N: 2, K: 3}}]}"
    step = training_step(problems.network(text), optimizer="sgd")
    return api.solve(step, problems.architecture(), objective="energy", workers=1)


@cache
def device() -> StoredResult:
    """On an FPGA that is too small for some points."""
    device = {
        "name": "tiny",
        "resources": problems.RESOURCES,
        "fabric": "series7",
        "technology": "fpga45",
        "clock_mhz": 500,
        "source": "a test",
    }
    architecture = parse_architecture(load_exact(problems.CHIP) | {"device": device})
    return api.solve(problems.network(), architecture, objective="energy", workers=1)


KINDS = {
    "energy": energy,
    "latency": latency,
    "edp": edp,
    "capped": capped,
    "infeasible": infeasible,
    "stopped": stopped,
    "training": training,
    "device": device,
}
