"""Where an exploration searches: pieces of boxes, points that lead others, hints by single points; its bounds hold."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.architecture.boxes import Box, PointSet, carve, point_set
from optimizer.architecture.hardware import Hardware
from optimizer.checker.optimistic_corner import worse
from optimizer.pricing.layer_pricer import Pricer
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.goal import Goal
from optimizer.search.box_evaluation import OpenBox
from optimizer.search.branch_and_bound import Explorer
from optimizer.search.exploration import Closed, Exploration
from optimizer.search.incumbents import Best
from optimizer.search.network_bounds import NetworkBounds
from optimizer.search.screening import Screening
from optimizer.store.store import Store
from optimizer.studies.metrics import Range
from optimizer.studies.steps import Places, StudySteps
from tests.support.explorations import DRAWN, LAYERS, brute_force, chip, grid, some_layers
from tests.support.profiles import examples

Index = tuple[int, ...]


@st.composite
def boxes_in_boxes(draw: st.DrawFn) -> tuple[Box, Box]:
    sides = draw(st.lists(st.lists(st.integers(0, 6), min_size=4, max_size=4).map(sorted), min_size=1, max_size=3))
    return tuple((a, d) for a, _, _, d in sides), tuple((b, c) for _, b, c, _ in sides)


def indices(box: Box) -> list[Index]:
    return list(itertools.product(*(range(low, high + 1) for low, high in box)))


@given(boxes_in_boxes())
def test_a_carved_box_keeps_every_point_once(case: tuple[Box, Box]) -> None:
    box, inner = case
    first, *rest = carve(box, inner)
    assert first == inner
    assert sorted(index for piece in (first, *rest) for index in indices(piece)) == indices(box)


def free_bandwidth(points: PointSet) -> PointSet:
    """Without resources a bandwidth costs nothing, so a point may lead others."""
    return point_set([replace(point, resources=()) for point in points.points.values()])


def test_the_point_with_most_of_what_costs_nothing_leads() -> None:
    points = free_bandwidth(point_set([chip(8, array, 3, b) for array in (1, 2) for b in (1, 2, 8)]))
    array, bandwidth = points.paths.index("array.x"), points.paths.index("DRAM.bandwidth")
    whole = list(points.whole)
    assert points.leader(tuple(whole)) is None, "a larger array takes area"
    whole[array] = (1, 1)
    leader = points.leader(tuple(whole))
    assert leader is not None and leader[bandwidth] == (2, 2) and leader[array] == (1, 1)
    assert not list(worse(points.points[tuple(n for n, _ in leader)], points.points[tuple(a for a, _ in whole)]))


def parts_of(layers: list[tuple], goal: Goal) -> list[NetworkBounds]:
    store = Store()
    return [
        NetworkBounds([Pricer(layer, n, "timeloop", {}, store) for layer, n in layers], goal, lambda hardware: (7, 5))
    ]


@settings(max_examples=examples(30, dev=2))
@given(st.data())
def test_no_point_of_interest_is_screened_out(data: st.DataObject) -> None:
    points = grid(data.draw)  # type: ignore[arg-type]
    goal = Goal(data.draw(st.sampled_from(["energy", "latency", "edp"])))
    if data.draw(st.booleans()):
        goal = replace(goal, power_cap=Fraction(data.draw(st.integers(20, 200))))
    parts = parts_of(some_layers(data.draw), goal)  # type: ignore[arg-type]
    most = data.draw(st.integers(500, 10_000))
    screen = Screening(parts, points, Aggregate(), lambda point: point.area_um2 <= most)
    counted = [map(max, zip(*map(part.energy_bounds, points.points.values()), strict=True)) for part in parts]
    layer_bounds = [
        [most_of + data.draw(st.integers(0, 1000)) for most_of in row] for row in counted
    ]  # found by a search
    node = OpenBox(Fraction(0), ((), ()), 0, points.whole, layer_bounds, [[0] * len(part.pricers) for part in parts])

    def bound(point: Hardware) -> Fraction:
        return parts[0].corner_bounds(point, layer_bounds[0], [0] * len(layer_bounds[0])).bound

    bounds = {index: bound(point) for index, point in points.points.items()}
    incumbents = Best(data.draw(st.sampled_from(sorted(bounds.values()))))
    found = screen.promising_box(node, incumbents.cutoffs(points.shape))
    wanted = {
        index
        for index, point in points.points.items()
        if point.area_um2 <= most and not incumbents.closes(tuple((n, n) for n in index), bounds[index])
    }
    assert (found is None) == (not wanted)
    if found is not None:
        assert wanted <= set(indices(found[0])) <= set(indices(points.whole))
        largest = max(float(incumbents.limit(()) / bounds[n]) if bounds[n] else math.inf for n in wanted)
        assert found[1] == pytest.approx(largest)


@settings(max_examples=examples(20, dev=1))
@given(st.data())
def test_every_bound_holds_for_every_point_of_its_box(data: st.DataObject) -> None:
    points = free_bandwidth(grid(data.draw))  # type: ignore[arg-type]
    layers, goal = some_layers(data.draw), Goal(data.draw(st.sampled_from(["energy", "latency", "edp"])))  # type: ignore[arg-type]
    incumbents = data.draw(st.sampled_from([Best(), StudySteps(Places(points, [Range("area-mm2")]))]))
    part = NetworkBounds(
        [Pricer(layer, n, "timeloop", {}, Store()) for layer, n in layers], goal, lambda hardware: (0, 0)
    )
    state = Explorer([part], points, None, incumbents=incumbents, width=data.draw(st.sampled_from([1, 3]))).run()
    assert state.complete
    check_bounds(
        state,
        points,
        {index: brute_force(layers, point_set([point]), goal, None) for index, point in points.points.items()},
    )


def check_bounds(state: Exploration, points: PointSet, least: dict[Index, Fraction | None]) -> None:
    solved = {entry.box: entry for entry in state.closed if entry.by == "solved"}
    for entry in state.closed:
        values = [least[index] for index, _ in points.indexed(entry.box)]
        if entry.by == "infeasible":
            assert set(values) == {None}
        assert all(value is None or entry.bound <= value for value in values)
        if entry.ahead is not None:
            check_leader(entry, solved[entry.ahead], points)
    assert sorted(index for entry in state.closed for index, _ in points.indexed(entry.box)) == sorted(points.points)


def check_leader(entry: Closed, leader: Closed, points: PointSet) -> None:
    best = points.points[tuple(n for n, _ in leader.box)]
    assert entry.bound == leader.bound and entry.by == "bound"
    assert not [fault for point in points.inside(entry.box) for fault in worse(best, point)]


def test_a_study_closes_what_a_solved_point_leads() -> None:
    points = free_bandwidth(point_set([chip(8, array, 3, b) for array in (1, 2, 4) for b in (2, 8, 16)]))
    part = NetworkBounds([Pricer(LAYERS[0], 1, "timeloop", {}, Store())], Goal("edp"), lambda hardware: (0, 0))
    state = Explorer([part], points, None, incumbents=StudySteps(Places(points, [Range("area-mm2")]))).run()
    assert any(entry.ahead for entry in state.closed)


@settings(max_examples=examples(25))
@given(
    st.sampled_from(DRAWN),
    st.integers(4, 14),
    st.lists(st.sampled_from([1, 2, 4, 8]), min_size=2, max_size=4),
    st.sampled_from(["energy", "latency"]),
    st.integers(0, 3),
)
def test_prices_do_not_depend_on_what_other_meshes_cost(layer, words, arrays, objective, weight) -> None:
    pricer = Pricer(layer, 1, "timeloop", {}, Store())
    for array in arrays:
        point = chip(words, array, 3, 2)
        fresh = Pricer(layer, 1, "timeloop", {}, Store()).price(point, objective, weight=weight)
        assert pricer.price(point, objective, weight=weight) == fresh, "the same mapping, too"


def test_logarithms_of_aggregates_are_those_of_their_values() -> None:
    values = [Fraction(7), Fraction(10) ** 30, Fraction(1, 3)]
    logs = [np.array([math.log(value.numerator) - math.log(value.denominator)]) for value in values]
    for kind in ("geomean", "weighted", "max"):
        aggregate = Aggregate(kind, (Fraction(1), Fraction(2), Fraction(1, 2)))
        value = aggregate.value(values)
        exact = math.log(value.numerator) - math.log(value.denominator)
        assert aggregate.logarithm(logs)[0] == pytest.approx(exact)
