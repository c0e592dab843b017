"""Solved points derived again: lines are sound, searches that start from what is known find what plain ones find."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formulations.engines import PathEngine
from formulations.stop import Stop, StoppedError
from optimizer.checker.again.points import _Point
from optimizer.checker.again.tangent_lines import Cost, corners, prove
from optimizer.checker.again.time_limit import limited
from optimizer.checker.claims.solve import Claim, rebuild
from optimizer.pricing.lowering import lower
from tests.support.choices import slow_if
from tests.support.stored_results import joint

COSTS = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=6)


@given(designs=COSTS, less=st.integers(0, 5), goal=st.integers(1, 3600))
def test_lines_prove_nothing_false(designs: list[Cost], less: int, goal: int) -> None:
    fastest = min(designs, key=lambda d: (d[1], d[0]))
    asked: list[Cost] = []

    def last() -> Cost:
        asked.append(fastest)
        return fastest

    proof = prove(
        min(designs),
        max(0, fastest[1] - less),
        Fraction(goal),
        lambda weight: min(designs, key=lambda d: (d[0] + weight * d[1], d[1])),
        last,
    )
    least = min(energy * latency for energy, latency in designs)
    assert proof is None or goal <= least
    assert proof is not None or goal > min(d[0] for d in designs) * fastest[1]
    assert len(asked) <= 1
    if proof is not None:
        lines = {weight: min(d[0] + weight * d[1] for d in designs) for weight in proof.weights}
        assert all(energy * latency >= goal for energy, latency in corners(lines, fastest[1]))


@pytest.fixture(scope="module", params=slow_if(["auto"], ["none", "auto"]))
def claim(request: pytest.FixtureRequest) -> Claim:
    """A network by itself, its layers padded or not."""
    found = joint("small", "conv", objective="edp", padding=request.param).alone["conv"]
    return rebuild(found.data, found.certificate)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [-1, 0, 1, 10**9])
def test_searches_from_what_is_known_find_what_plain_ones_find(claim: Claim, shift: int) -> None:
    entry = next(entry for entry in claim.entries if entry.by == "solved")
    stated = replace(entry, energy=tuple(lower_bound + shift for lower_bound in entry.energy))
    point = _Point(claim, stated, PathEngine(), Stop(), str)
    for weight in (0, 1, 7, 50, 1000, 10**5, 3):
        costs = point._each("energy", weight)
        assert costs is not None
        for (energy, cycles), plain in zip(costs, _plain(claim, point, weight), strict=True):
            assert energy + weight * cycles == plain
    fastest = point._each("latency")
    assert fastest is not None
    assert [cycles for _, cycles in fastest] == _plain(claim, point, None)


def _plain(claim: Claim, point: _Point, weight: int | None) -> list[int]:
    """The least energy with weighted cycles, or the least cycles, of every layer."""
    values = []
    for group in claim.groups:
        found = []
        for extents in group.variants:
            problem = lower(group.layer, point.hardware, accounting=claim.accounting, extents=extents)
            goal = "latency" if weight is None else "weighted" if weight else "energy"
            best = PathEngine().solve(problem, goal, weight=weight or 0)
            assert best is not None
            cycles = -(-best.latency // problem.latency_unit)
            found.append(cycles if weight is None else best.energy + weight * cycles)
        values.append(min(found))
    return values


def test_searches_end_when_the_time_is_over(claim: Claim) -> None:
    entry = next(entry for entry in claim.entries if entry.by == "solved")
    with limited(None) as stop:
        assert not stop.requested
    with limited(0.0) as stop, pytest.raises(StoppedError):
        while True:
            _Point(claim, entry, PathEngine(), stop, str)
