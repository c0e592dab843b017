"""A pair of layers on a tiny architecture with a menu, under budgets."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

from optimizer import api
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.reader import parse_architecture
from optimizer.checker.stored import StoredResult, stored
from optimizer.files.exact_yaml import load_exact
from optimizer.results.kinds import SolveResult
from optimizer.workload.reader import parse_network

ARCHITECTURE = """
name: tiny
technology: generic45
clock_mhz: 500
vector: {lanes: 4}
array: {x: [2, 4], y: 2}
levels:
  - {name: DRAM, component: dram, bandwidth: {shared: 2 GB/s}}
  - {name: GLB, component: sram, size: [1 KiB, 4 KiB], bandwidth: {read: 4 words/cycle, write: 4 words/cycle}}
  - {name: RF, component: regfile, size: [16 words, 32 words], must_keep: [W, I, O]}
"""
NETWORK = """
name: pair
layers:
  - {name: conv, type: conv, dims: {K: 4, C: 2, P: 6, R: 3}}
  - {name: act, type: vector, kind: relu, reads: [24], writes: [24], operations: 24}
  - {name: fc, type: matmul, dims: {M: 4, N: 10, K: 11}, multiplicity: 2}
"""
TINY = parse_architecture(load_exact(ARCHITECTURE))


def solve(architecture: Architecture, objective: str = "energy", **options: Any) -> SolveResult:
    return api.solve(parse_network(NETWORK), architecture, objective=objective, **options)


@cache
def status_under(**budgets: str | Fraction) -> str:
    """Status of the problem under budgets, for the least energy; every problem is solved once."""
    return solve(under(budgets)).status


def solve_stored(architecture: Architecture, objective: str = "energy", **options: Any) -> StoredResult:
    """The same as its files hold it."""
    return stored(solve(architecture, objective, **options))


def under(budgets: dict[str, str | Fraction]) -> Architecture:
    return TINY.with_budgets(Budgets(**{name: Fraction(limit) for name, limit in budgets.items()}))
