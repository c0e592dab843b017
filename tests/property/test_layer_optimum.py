"""Both engines against the cost model and exhaustive search."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.layer_cases import Case, cases
from tests.support.layer_checks import check_engines, check_nests, check_random_nest, check_unbeaten
from tests.support.profiles import RELAXED, examples


@settings(max_examples=examples(600, dev=30), suppress_health_check=RELAXED)
@given(cases(pins=True), st.integers(0, 1 << 30))
def test_walk_and_closed_form_are_the_cost_model(case: Case, seed: int) -> None:
    assume(check_random_nest(case, seed))


@settings(max_examples=examples(600, dev=20), suppress_health_check=RELAXED)
@given(cases(depths=(3, 4), pins=True), st.integers(0, 1 << 30))
def test_walk_and_closed_form_are_the_cost_model_of_deep_machines(case: Case, seed: int) -> None:
    assume(check_random_nest(case, seed))


@settings(max_examples=examples(150, dev=4), suppress_health_check=RELAXED)
@given(cases(pins=True, depths=(2, 3, 4)), st.integers(0, 1 << 30))
def test_no_random_nest_is_better(case: Case, seed: int) -> None:
    assume(check_unbeaten(case, seed))


@settings(max_examples=examples(150, dev=8), suppress_health_check=RELAXED)
@given(cases(small=True, halo=True, pins=True))
def test_optimum_of_all_nests_with_windows(case: Case) -> None:
    check_nests(case)


@settings(max_examples=examples(150, dev=8), suppress_health_check=RELAXED)
@given(cases(small=True, halo=False, pins=True))
def test_optimum_of_all_nests(case: Case) -> None:
    check_nests(case)


@settings(max_examples=examples(8, dev=3), suppress_health_check=RELAXED)
@given(cases(small=True, depths=(3,), fixed_keep=True, pins=True))
def test_optimum_of_deep_nests(case: Case) -> None:
    check_nests(case)


@pytest.mark.slow
@settings(max_examples=examples(150), suppress_health_check=RELAXED)
@given(cases(small=True, depths=(3, 4), fixed_keep=True))
def test_optimum_of_deep_nests_often(case: Case) -> None:
    check_nests(case)


@settings(max_examples=examples(150, dev=3), suppress_health_check=RELAXED)
@given(cases(pins=True))
def test_engines_agree(case: Case) -> None:
    check_engines(case)
