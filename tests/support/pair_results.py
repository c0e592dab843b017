"""Results of a pair of layers, for tests of their verification."""

from __future__ import annotations

import copy
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

from optimizer.architecture.budgets import Budgets
from optimizer.architecture.reader import parse_architecture
from optimizer.checker.stored import StoredResult
from optimizer.files.exact_yaml import load_exact
from optimizer.workload.reader import parse_network
from tests.support.chip_cases import chip_yaml
from tests.support.stored_results import solve

ARCHITECTURE = chip_yaml(
    "{x: [2, 4], y: 2}",
    "{name: GLB, component: sram, size: [1 KiB, 2 KiB, 4 KiB], bandwidth: {read: 4 words/cycle, write: 4 words/cycle}}",
    "{name: RF, component: regfile, size: [16 words, 32 words], must_keep: [W, I, O]}",
)
NETWORK = """
name: pair
layers:
  - {name: conv, type: conv, dims: {K: 4, C: 2, P: 6, R: 3}}
  - {name: act, type: vector, kind: relu, reads: [24], writes: [24], operations: 24}
  - {name: fc, type: matmul, dims: {M: 4, N: 10, K: 11}, multiplicity: 2}
  - {name: fc2, type: matmul, dims: {M: 4, N: 10, K: 11}}
"""


def make(objective: str, accounting: Any = "timeloop", padding: Any = "auto", **budgets: str) -> StoredResult:
    """The result of the tiny problem: a copy, which a test may change; every problem is solved once."""
    return copy.deepcopy(_solved(objective, accounting, padding, **budgets))


@cache
def _solved(objective: str, accounting: Any, padding: Any, **budgets: str) -> StoredResult:
    limits = Budgets(**{name: Fraction(limit) for name, limit in budgets.items()})
    architecture = replace(parse_architecture(load_exact(ARCHITECTURE)), accounting=accounting, budgets=limits)
    return solve(parse_network(NETWORK), architecture, objective=objective, padding=padding)
