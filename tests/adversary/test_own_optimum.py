"""Optima of real layers are found again, whatever is known before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.adversary.own_optimum import Case, cases, check
from tests.support.choices import slow_unless


def assert_consistent(some: Sequence[Case], seconds: float, report: Callable[..., None]) -> None:
    outcomes = [check(case, seconds) for case in some]
    given_up = outcomes.count(None)
    report("own optimum", {"pairs": len(some), "checked": len(some) - given_up, f"over {seconds} s": given_up})
    faults = [line for lines in outcomes if lines for line in lines]
    assert not faults, "\n".join(faults)
    assert given_up < len(some)


@pytest.mark.slow
@pytest.mark.parametrize("some", slow_unless([slice(3, 4)], [slice(3, 4), slice(3), slice(4, 6)]), ids=str)
def test_sample(some: slice, tally: Callable[..., None]) -> None:
    sample = cases(networks=("alexnet", "bert_base"), presets=("eyeriss", "edge_small"))
    assert_consistent(sample[some], 30, tally)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_real_layers(part: int, tally: Callable[..., None]) -> None:
    assert_consistent(cases()[12 + part : 60 : 8], 15, tally)
