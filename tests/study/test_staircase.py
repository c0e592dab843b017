"""Staircases over limits on hardware, from one exploration, against enumeration of points and mappings."""

from __future__ import annotations

import itertools
import time
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.architecture.boxes import point_set
from optimizer.pricing.layer_pricer import Pricer
from optimizer.problem.goal import Goal
from optimizer.search.branch_and_bound import Explorer
from optimizer.search.exploration import Exploration
from optimizer.search.network_bounds import NetworkBounds
from optimizer.store.store import Store
from optimizer.studies.metrics import STATIC, Range
from optimizer.studies.staircase import staircase_of
from optimizer.studies.steps import Places, StudySteps, minimal, within
from tests.support.explorations import LAYERS, StudyCase, brute_force, chip, grid, some_layers
from tests.support.profiles import examples


@st.composite
def cases(draw: st.DrawFn) -> StudyCase:
    layers = some_layers(draw)
    goal = Goal(draw(st.sampled_from(["energy", "latency", "edp"])))
    if draw(st.booleans()):
        goal = Goal(goal.objective, latency_cap=draw(st.integers(20, 200)))
    points = grid(draw)
    names = draw(st.lists(st.sampled_from(sorted(STATIC)), min_size=1, max_size=2, unique=True))
    ranges = []
    for name in names:
        values = sorted({STATIC[name].of(point) for point in points.points.values()})
        ends = st.none() | st.sampled_from(values) | st.sampled_from([value * Fraction(10, 11) for value in values])
        low = draw(ends)
        high = draw(ends.filter(lambda high, low=low: high is None or low is None or low <= high))
        ranges.append(Range(name, low, high))
    return layers, points, goal, ranges


def explore(case: StudyCase, **options: float) -> tuple[Exploration, Places]:
    layers, points, goal, ranges = case
    store = Store()
    pricers = [Pricer(layer, count, "timeloop", {}, store) for layer, count in layers]
    places = Places(points, ranges)
    explorer = Explorer(
        [NetworkBounds(pricers, goal, lambda hardware: (0, 0))], points, None, incumbents=StudySteps(places)
    )
    return explorer.run(**options), places  # type: ignore[arg-type]


def least_values(case: StudyCase) -> dict[tuple[int, ...], Fraction | None]:
    layers, points, goal, _ = case
    return {index: brute_force(layers, point_set([point]), goal, None) for index, point in points.points.items()}


def check(case: StudyCase) -> None:
    _, points, _, ranges = case
    state, places = explore(case)
    staircase = staircase_of(places, state.incumbents.designs, state.closed)
    assert state.complete
    values = least_values(case)
    metrics = {index: [STATIC[r.name].of(point) for r in ranges] for index, point in points.points.items()}
    starts = set()
    for limits in itertools.product(*(sorted({m[axis] for m in metrics.values()}) for axis in range(len(ranges)))):
        if not all(r.covers(limit) for r, limit in zip(ranges, limits, strict=True)):
            continue
        admitted = [values[i] for i, m in metrics.items() if all(a <= b for a, b in zip(m, limits, strict=True))]
        best = min((value for value in admitted if value is not None), default=None)
        corner = staircase.corner(limits)
        cell = staircase.cell(corner)
        if best is None:
            assert cell is None or cell.status == "INFEASIBLE"
            continue
        assert cell is not None and cell.found is not None
        assert cell.found.value == best, "the optimum within these limits is that of enumeration"
        assert cell.bound is not None and cell.bound >= best * Fraction(999, 1000)
        starts.add(cell.start)
    for cell in staircase.cells:
        if cell.found is not None and len(ranges) == 1 and cell.start[0] != ranges[0].low:
            assert cell.start in starts, "every breakpoint is where some point becomes admitted"
    if len(ranges) == 1:
        steps = [cell.found.value for cell in staircase.cells if cell.found is not None]
        assert steps == sorted(set(steps), reverse=True), "every step is strictly better"


@settings(max_examples=examples(100, dev=3))
@given(cases())
def test_staircase_is_that_of_enumeration(case: StudyCase) -> None:
    check(case)


@settings(max_examples=examples(6, dev=2))
@given(cases(), st.integers(0, 6))
def test_bounds_of_a_study_that_was_stopped_hold(case: StudyCase, rounds: int) -> None:
    layers, points, goal, ranges = case
    store = Store()
    pricers = [Pricer(layer, count, "timeloop", {}, store) for layer, count in layers]
    places, left = Places(points, ranges), iter(range(rounds))

    def stop(state: Exploration) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    explorer = Explorer(
        [NetworkBounds(pricers, goal, lambda hardware: (0, 0))], points, None, incumbents=StudySteps(places)
    )
    state = explorer.run(report=stop)
    staircase = staircase_of(places, state.incumbents.designs, state.closed)
    values = least_values(case)
    for index, point in points.points.items():
        limits = tuple(r.place(STATIC[r.name].of(point)) for r in ranges)
        if values[index] is None or not all(r.covers(x) for r, x in zip(ranges, limits, strict=True)):
            continue
        cell = staircase.cell(staircase.corner(limits))
        if cell is not None:
            assert cell.status != "INFEASIBLE"
            assert cell.bound is not None and cell.bound <= values[index]
            assert cell.status != "OPTIMAL" or (cell.found is not None and cell.found.value <= values[index])


def test_a_deadline_in_the_past_leaves_everything_unknown() -> None:
    points = point_set([chip(words, 1, words, 1) for words in (4, 8)])
    ranges = [Range("area-mm2", Fraction(1, 1000), None)]
    case: StudyCase = ([(LAYERS[0], 1)], points, Goal("energy"), ranges)
    state, places = explore(case, deadline=time.perf_counter() - 1)
    cells = staircase_of(places, state.incumbents.designs, state.closed).cells
    assert [cell.status for cell in cells] == ["UNKNOWN"]


def test_least_places() -> None:
    a, b, c = (Fraction(1), Fraction(5)), (Fraction(2), Fraction(2)), (Fraction(2), Fraction(5))
    assert minimal([c, b, a, a]) == [a, b]
    assert within(a, c) and not within(b, a)
