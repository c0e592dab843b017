"""Fused groups whose runs take any loop nest: plans against the walk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given, settings

from formulations.engines import PathEngine
from optimizer.api import solve
from optimizer.architecture.reader import load_architecture
from optimizer.architecture.selection import select
from optimizer.errors import SpecError
from optimizer.inspection import verify
from optimizer.problem.fusion_options import Fusion
from optimizer.results.load import save_result
from optimizer.workload.reader import parse_network
from tests.support.fusion_cases import Case, cases
from tests.support.group_checks import SEEDS, check_best, check_some_plans
from tests.support.profiles import RELAXED, examples

CASES = cases(sizes=(2, 4), largest=4, sparse=True) | cases(sizes=(2, 3), largest=4, chain=True, wide=True)


@settings(max_examples=examples(60, dev=2), suppress_health_check=RELAXED)
@given(CASES, SEEDS)
def test_plans_are_what_the_walk_counts(case: Case, seed: int) -> None:
    assume(check_some_plans(case, seed, PathEngine()))


@pytest.mark.slow
@settings(max_examples=examples(12), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 2), largest=3))
def test_the_best_plan_is_the_least_of_all(case: Case) -> None:
    check_best(case, PathEngine())


@pytest.mark.slow
def test_a_fused_design_of_every_nest_is_verified(tmp_path: Path) -> None:
    network = parse_network(
        "layers:\n"
        "  - {name: a, type: conv, dims: {K: 2, C: 2, P: 4, Q: 4, R: 3, S: 3}}\n"
        "  - {name: b, type: conv, dims: {K: 4, C: 2, P: 2, Q: 2, R: 3, S: 3}, inputs: [a]}\n"
    )
    chip = load_architecture("edge_small")
    chosen = select(chip, {"array.x": "8", "array.y": "8", "GLB.size": "64 KiB"})
    result = solve(network, chosen, fusion=Fusion())
    assert result.status == "OPTIMAL"
    save_result(result, tmp_path)
    assert verify(tmp_path).ok
    with pytest.raises(SpecError, match="CP-SAT does not price groups"):
        solve(network, chosen, fusion=Fusion(), engine="cp-sat")
