"""The least work of networks whose layers may leave out what nobody reads."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings

import optimizer
from optimizer.architecture.reader import parse_architecture
from optimizer.problem.goal import INFEASIBLE_COST, Aim
from optimizer.workload.least_work import least_work
from optimizer.workload.reader import parse_network
from tests.support.choices import slow_if
from tests.support.fusion_cases import Case, cases, network_pricer
from tests.support.profiles import RELAXED, examples

STRIDED = """
name: strided
layers:
  - {name: c1, type: conv, dims: {C: 2, K: 4, N: 1, P: 4, Q: 2, R: 3, S: 1}}
  - name: c2
    type: conv
    stride: 2
    dims: {C: 4, K: 2, N: 1, P: 1, Q: 1, R: 3, S: 1}
    views: {c1: [[1, 1, 0], [2, 3, 0], [2, 1, 0]]}
"""
CHIP: dict[str, Any] = {
    "name": "chip",
    "technology": "generic45",
    "array": {"x": [1, 2, 3], "y": 1},
    "levels": [
        {"name": "DRAM", "component": "dram", "bandwidth": {"shared": "8 GB/s"}},
        {"name": "GLB", "component": "sram", "size": "1 KiB"},
        {"name": "RF", "component": "regfile", "size": "16 words", "must_keep": ["W", "I", "O"]},
    ],
}


def test_rows_that_nobody_reads_are_no_work() -> None:
    macs, operations = least_work(parse_network(STRIDED))
    assert (macs, operations) == (Fraction(2 * 4 * 3 * 3 * 1 + 4 * 2 * 3), 0)


@pytest.mark.slow
@pytest.mark.parametrize("objective", slow_if(["energy", "edp"], ["energy", "latency", "edp"]))
def test_fused_designs_that_skip_rows_are_verified(objective: str, tmp_path: Path) -> None:
    network, chip = parse_network(STRIDED), parse_architecture(CHIP)
    result = optimizer.solve(network, chip, fusion=optimizer.Fusion(), objective=objective)
    assert result.status == "OPTIMAL"
    optimizer.save(result, tmp_path)
    assert optimizer.verify(tmp_path).ok


@pytest.mark.slow
@settings(max_examples=examples(60, dev=2), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 3), largest=4) | cases(sizes=(2, 3), largest=4, chain=True, wide=True))
def test_no_plan_of_a_network_takes_fewer_cycles(case: Case) -> None:
    pricer = network_pricer(case)
    found = pricer.price(case.hardware, Aim("latency").objective)
    assume(found is not None and found.value < INFEASIBLE_COST)
    assert found is not None and pricer.latency_bound(case.hardware) <= found.latency
