"""Fronts in energy and latency over all points and mappings, against enumeration."""

from __future__ import annotations

import itertools
from fractions import Fraction
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.architecture.boxes import point_set
from optimizer.errors import SpecError
from optimizer.pricing.layer_pricer import Pricer
from optimizer.problem.goal import INFEASIBLE_COST, Goal
from optimizer.search.network_bounds import NetworkBounds
from optimizer.store.store import Store
from optimizer.studies import front, sums
from optimizer.studies.front import FrontExplorer, FrontState, lines_of
from optimizer.studies.frontier import Frontier, Spot, covers, gaps_of, reaches
from optimizer.studies.metrics import STATIC, Range
from optimizer.studies.steps import Places, within
from tests.support.explorations import LAYERS, StudyCase, chip, grid, pareto, some_layers
from tests.support.profiles import examples


@st.composite
def cases(draw: st.DrawFn) -> StudyCase:
    layers = some_layers(draw)
    latency = draw(st.just(INFEASIBLE_COST) | st.integers(20, 200))
    energy = draw(st.just(INFEASIBLE_COST) | st.integers(1000, 8000))
    names = draw(st.lists(st.sampled_from(sorted(STATIC)), max_size=1))
    return layers, grid(draw), Goal("energy", latency, energy), [Range(name) for name in names]


def explored(case: StudyCase, tolerance: Fraction = Fraction(0)) -> FrontState:
    layers, points, goal, ranges = case
    store = Store()
    part = NetworkBounds(
        [Pricer(layer, n, "timeloop", {}, store) for layer, n in layers], goal, lambda hardware: (0, 0)
    )
    return FrontExplorer(part, Places(points, ranges), None, tolerance).run()


def every_cost(case: StudyCase) -> set[tuple[int, int, tuple[Fraction, ...]]]:
    """Costs of all combinations of Pareto-optimal mappings on all points, with the points' places."""
    layers, points, goal, ranges = case
    found = set()
    for point in points.points.values():
        place = tuple(STATIC[varied.name].of(point) for varied in ranges)
        fronts = [[(n * e, n * t) for e, t in pareto(layer, point)] for layer, n in layers]
        for choice in itertools.product(*fronts):
            energy, latency = sum(e for e, _ in choice), sum(t for _, t in choice)
            if goal.allows(energy, latency):
                found.add((energy, latency, place))
    return found


def undominated(costs: set[tuple[int, int, tuple[Fraction, ...]]]) -> set[tuple[int, int, tuple[Fraction, ...]]]:
    return {
        (e, t, p)
        for e, t, p in costs
        if not any(a <= e and b <= t and within(q, p) and (a, b, q) != (e, t, p) for a, b, q in costs)
    }


@settings(max_examples=examples(10, dev=2))
@given(cases(), st.sampled_from([1, 8]), st.sampled_from([sums.LARGEST, 50]))
def test_front_is_that_of_enumeration(case: StudyCase, lines: int, largest: int) -> None:
    """Also where sums leave 64 bits, here those above 50."""
    with mock.patch.object(front, "POINT_LINES", lines), mock.patch.object(sums, "LARGEST", largest):
        state = explored(case)
    assert state.complete
    assert {(s.energy, s.latency, s.place) for s in state.frontier.spots} == undominated(every_cost(case))
    assert sum(entry.by in ("solved", "covered", "infeasible") for entry in state.closed) == len(state.closed)


@settings(max_examples=examples(8, dev=2))
@given(cases(), st.sampled_from([Fraction(1, 100), Fraction(1, 10), Fraction(3, 10)]))
def test_with_a_tolerance_every_design_is_near_a_reported_one(case: StudyCase, tolerance: Fraction) -> None:
    state = explored(case, tolerance)
    reported = state.frontier.thinned(tolerance * Fraction(9, 20))
    costs = every_cost(case)
    exact = undominated(costs)
    assert {(s.energy, s.latency, s.place) for s in reported} <= costs, "every reported design exists"
    for energy, latency, place in exact:
        spot = Spot(energy, latency, place, ())
        assert any(covers(known, spot, tolerance) for known in reported)
    assert len(reported) <= max(1, len(exact)) * 4


@pytest.mark.slow
@settings(max_examples=examples(60))
@given(cases())
def test_front_is_that_of_enumeration_often(case: StudyCase) -> None:
    state = explored(case)
    assert {(s.energy, s.latency, s.place) for s in state.frontier.spots} == undominated(every_cost(case))


@pytest.mark.slow
@settings(max_examples=examples(4, dev=2))
@given(cases(), st.integers(0, 5))
def test_lines_of_closed_boxes_hold(case: StudyCase, rounds: int) -> None:
    layers, points, goal, ranges = case
    store, left = Store(), iter(range(rounds))
    part = NetworkBounds(
        [Pricer(layer, n, "timeloop", {}, store) for layer, n in layers], goal, lambda hardware: (0, 0)
    )

    def stop(state: FrontState) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    state = FrontExplorer(part, Places(points, ranges), None).run(report=stop)
    for entry in state.closed:
        lines = lines_of(entry.known, [n for _, n in layers], entry.fixed)
        for point in points.inside(entry.box):
            fronts = [[(n * e, n * t) for e, t in pareto(layer, point)] for layer, n in layers]
            for choice in itertools.product(*fronts):
                energy, latency = sum(e for e, _ in choice), sum(t for _, t in choice)
                assert all(energy + weight * latency >= value for weight, value in lines)


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=6),
    st.integers(1, 45),
    st.integers(1, 45),
    st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(3, 10)]),
)
def test_gaps_are_what_is_uncovered(costs: list[tuple[int, int]], energy: int, latency: int, h: Fraction) -> None:
    caps = (42, 41)
    uncovered = (
        energy <= caps[0]
        and latency <= caps[1]
        and not any(e <= (1 + h) * energy and t <= (1 + h) * latency for e, t in costs)
    )
    gaps = gaps_of(costs, caps, h)
    assert any(energy <= gap[1] and latency <= gap[0] for gap in gaps) == uncovered
    assert reaches(gaps, energy, latency) == uncovered


def test_of_equal_designs_the_first_in_the_menus_is_kept() -> None:
    frontier = Frontier(INFEASIBLE_COST, INFEASIBLE_COST)
    for number in (2, 1, 3):
        frontier.offer([(5, 5)], (), ((number, number),))
    assert [spot.box for spot in frontier.spots] == [((1, 1),)]


def test_too_many_sums_are_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "MOST_SUMS", 0)
    monkeypatch.setattr(front, "POINT_LINES", 1)
    case: StudyCase = ([(LAYERS[2], 1), (LAYERS[0], 2)], point_set([chip(8, 4, 2, 8)]), Goal("energy"), [])
    with pytest.raises(SpecError, match="--tolerance 1%"):
        explored(case)
