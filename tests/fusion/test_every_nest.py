"""Fused groups whose runs take any loop nest: plans against the walk, and against plans of the lattice search."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings

from formulations.engines import PathEngine
from optimizer.problem.goal import INFEASIBLE_COST, Aim
from tests.support.fusion_cases import Case, cases, network_pricer
from tests.support.group_checks import SEEDS, check_best, check_some_plans
from tests.support.profiles import RELAXED, examples

CASES = cases(sizes=(2, 4), largest=4, sparse=True) | cases(sizes=(2, 3), largest=4, chain=True, wide=True)


@settings(max_examples=examples(60, dev=4), suppress_health_check=RELAXED)
@given(CASES, SEEDS)
def test_plans_are_what_the_walk_counts(case: Case, seed: int) -> None:
    assume(check_some_plans(case, seed, PathEngine()))


@pytest.mark.slow
@settings(max_examples=examples(12), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 2), largest=3))
def test_the_best_plan_is_the_least_of_all(case: Case) -> None:
    check_best(case, PathEngine())


@pytest.mark.slow
@settings(max_examples=examples(25), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 3), largest=4))
def test_no_plan_of_the_lattice_is_better(case: Case) -> None:
    engines = [network_pricer(case, engine=engine) for engine in (PathEngine(), None)]
    for path, lattice in zip(*(engine._groups for engine in engines), strict=True):
        for aim in (Aim(), Aim("latency")):
            values = [pricer.best(case.hardware, aim).bound for pricer in (path, lattice)]
            assert values[0] <= values[1] <= INFEASIBLE_COST
