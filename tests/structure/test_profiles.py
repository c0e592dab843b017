"""Random tests end in time, but not before a failure is told."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.profiles import timed


def test_a_random_test_draws_no_more_after_its_time() -> None:
    seen: list[int] = []

    @settings(max_examples=1000, database=None)
    @given(st.integers())
    def slow(number: int) -> None:
        seen.append(number)
        time.sleep(0.01)

    slow.hypothesis.inner_test = timed(slow.hypothesis.inner_test, 0.1)  # type: ignore[attr-defined]
    slow()
    assert 2 <= len(seen) <= 12


def test_a_failure_is_told_however_long_it_takes() -> None:
    @settings(max_examples=1000, database=None)
    @given(st.integers())
    def wrong(number: int) -> None:
        time.sleep(0.01)
        assert number < 100

    wrong.hypothesis.inner_test = timed(wrong.hypothesis.inner_test, 0.2)  # type: ignore[attr-defined]
    with pytest.raises(AssertionError):
        wrong()
