"""Fused groups with layers in N:M blocks: plans against the walk, searches against all options."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings

from optimizer.api import solve
from optimizer.architecture.reader import load_architecture
from optimizer.errors import SpecError
from optimizer.problem.fusion_options import Fusion
from optimizer.workload.reader import parse_network
from tests.support.fusion_cases import Case, cases
from tests.support.group_checks import SEEDS, check_best, check_some_plans
from tests.support.profiles import RELAXED, examples

CASES = cases(sizes=(2, 4), largest=4, sparse=True) | cases(sizes=(2, 3), largest=4, chain=True, wide=True, sparse=True)
SMALL = cases(sizes=(2, 3), largest=4, sparse=True) | cases(sizes=(2, 3), largest=2, chain=True, wide=True, sparse=True)


@settings(max_examples=examples(300, dev=5), suppress_health_check=RELAXED)
@given(CASES, SEEDS)
def test_plans_are_what_the_walk_counts(case: Case, seed: int) -> None:
    assume(check_some_plans(case, seed))


@settings(max_examples=examples(3, dev=3), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 2), largest=2, sparse=True))
def test_the_best_plan_is_the_least_of_all(case: Case) -> None:
    check_best(case)


@pytest.mark.slow
@settings(max_examples=examples(60), suppress_health_check=RELAXED)
@given(SMALL)
def test_the_best_plan_is_the_least_of_all_often(case: Case) -> None:
    check_best(case)


def test_outputs_in_blocks_are_refused() -> None:
    network = parse_network(
        "layers:\n"
        "  - {name: a, type: matmul, dims: {M: 8, N: 8, K: 8}, sparsity: {W: '2:4', dim: N}}\n"
        "  - {name: b, type: matmul, dims: {M: 8, N: 8, K: 8}}\n"
    )
    with pytest.raises(SpecError, match="output cannot lie in blocks"):
        solve(network, load_architecture("edge_skip"), fusion=Fusion())
