"""Tiny problems: a few hardware points, layers of which every floor is proved again in a moment."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

from optimizer.architecture.architecture import Architecture
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.reader import parse_architecture
from optimizer.checker.stored import StoredResult
from optimizer.files.exact_yaml import load_exact
from optimizer.workload.network import Network
from optimizer.workload.reader import parse_network
from tests.support.chip_cases import chip_yaml
from tests.support.stored_results import solve

SIZES = "[8 words, 32 words]"
CHIP = chip_yaml(
    "{x: [1, 2], y: 1, below: GLB}",
    f"{{name: GLB, component: regfile, size: {SIZES}, must_keep: [W, I, O], bandwidth: {{read: 2 words/cycle}}}}",
)
PAIR = """
name: pair
layers:
  - {name: fc, type: matmul, dims: {M: 2, N: 3, K: 4}, multiplicity: 2}
  - {name: act, type: vector, kind: relu, reads: [6], writes: [6], operations: 6}
  - {name: conv, type: conv, dims: {K: 2, C: 2, P: 3, R: 2}}
  - {name: again, type: conv, dims: {K: 2, C: 2, P: 3, R: 2}}
  - {name: last, type: matmul, dims: {M: 2, N: 2, K: 2}}
"""
RESOURCES = {"dsp": 9, "bram18": 100, "lut": 40000, "lutram": 4000, "ff": 40000}


def architecture(accounting: Any = "timeloop", **budgets: str) -> Architecture:
    """The tiny chip under budgets."""
    limits = Budgets(**{name: Fraction(limit) for name, limit in budgets.items()})
    return replace(parse_architecture(load_exact(CHIP)), budgets=limits, accounting=accounting)


def network(text: str = PAIR) -> Network:
    """The tiny network, or another one."""
    return parse_network(text)


@cache
def solved(
    objective: str = "energy", padding: Any = "none", accounting: str = "timeloop", **budgets: str
) -> StoredResult:
    """The tiny network on the tiny chip."""
    return solve(network(), architecture(accounting, **budgets), objective=objective, padding=padding, workers=1)
