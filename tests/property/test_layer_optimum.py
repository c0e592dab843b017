"""The layer program against the cost model, exhaustive search and the divisor lattice."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.layer_cases import Case, cases
from tests.support.layer_checks import (
    check_blocks,
    check_expression,
    check_hoisted,
    check_lattice,
    check_nests,
)
from tests.support.profiles import RELAXED, examples


@settings(max_examples=examples(600, dev=10), suppress_health_check=RELAXED)
@given(cases(pins=True), st.integers(0, 1 << 30))
def test_expression_is_the_cost_model(case: Case, seed: int) -> None:
    assume(check_expression(case, seed))


@settings(max_examples=examples(600, dev=6), suppress_health_check=RELAXED)
@given(cases(depths=(3, 4), pins=True), st.integers(0, 1 << 30))
def test_expression_of_a_hoisted_node(case: Case, seed: int) -> None:
    assume(check_hoisted(case, seed))


@settings(max_examples=examples(150, dev=4), suppress_health_check=RELAXED)
@given(cases(small=True, halo=True, pins=True))
def test_optimum_of_all_blocks(case: Case) -> None:
    check_blocks(case)


@settings(max_examples=examples(150, dev=4), suppress_health_check=RELAXED)
@given(cases(small=True, depths=(3, 4), fixed_keep=True, pins=True))
def test_optimum_of_deep_blocks(case: Case) -> None:
    check_blocks(case)


@settings(max_examples=examples(150, dev=3), suppress_health_check=RELAXED)
@given(cases(small=True, halo=False))
def test_optimum_of_all_nests(case: Case) -> None:
    check_nests(case)


@settings(max_examples=examples(8, dev=3), suppress_health_check=RELAXED)
@given(cases(small=True, halo=False, depths=(3,), fixed_keep=True))
def test_optimum_of_deep_nests(case: Case) -> None:
    check_nests(case)


@pytest.mark.slow
@settings(max_examples=examples(150), suppress_health_check=RELAXED)
@given(cases(small=True, halo=False, depths=(3, 4), fixed_keep=True))
def test_optimum_of_deep_nests_often(case: Case) -> None:
    check_nests(case)


@settings(max_examples=examples(150, dev=4), suppress_health_check=RELAXED)
@given(cases(pins=True))
def test_optimum_of_the_lattice(case: Case) -> None:
    check_lattice(case)
