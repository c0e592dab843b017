"""The branch and bound over hardware points against enumeration of points, mappings and combinations."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.architecture.boxes import point_set, size
from optimizer.architecture.fabric import Caps, vector
from optimizer.problem.goal import Goal
from tests.support.explorations import LAYERS, Problem, brute_force, check, chip, explore, grid, some_layers
from tests.support.profiles import examples


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    layers = some_layers(draw)
    goal = Goal(draw(st.sampled_from(["energy", "latency", "edp"])))
    if draw(st.booleans()):
        goal = replace(goal, latency_cap=draw(st.integers(10, 200)))
    if draw(st.booleans()):
        goal = replace(goal, energy_cap=draw(st.integers(500, 8000)))
    if draw(st.booleans()):
        goal = replace(goal, power_cap=Fraction(draw(st.integers(20, 200))))
    area_cap = draw(st.none() | st.integers(1500, 6000))
    limits: Caps = ()
    if draw(st.booleans()):
        spans = ((1, 4), (1, 4), (0, 0), (30, 140), (0, 0), (4, 70))
        limits = tuple(draw(st.none() | st.integers(*span)) for span in spans)
    return layers, grid(draw), goal, area_cap, limits


@settings(max_examples=examples(300, dev=3))
@given(problems())
def test_optimum_is_that_of_enumeration(problem: Problem) -> None:
    check(problem)


def test_a_corner_is_no_worse_than_any_point_of_its_box() -> None:
    points = point_set([chip(words, array, words // 2, 2) for words in (4, 8) for array in (1, 4)])
    corner = points.corner(points.whole)
    assert corner.mac_mesh == (4, 1)
    assert corner.levels[1].size_bits == 128
    assert corner.levels[1].read_energy == 2
    assert corner.area_um2 == min(point.area_um2 for point in points.points.values())
    assert corner.resources == vector({"dsp": 1, "bram18": 1, "lut": 34, "ff": 16})


@pytest.mark.slow
def test_a_corner_with_a_smaller_fan_out_is_not_ideal() -> None:
    """Two buffers instead of one: each serves half of the array, so the corner's fan-out below is smaller."""
    one = chip(4, 4, 1, 1)
    two = replace(one, levels=(one.levels[0], replace(one.levels[1], mesh=(2, 1))))
    choices = [(("GLB.instances", n), ("array.x", 4)) for n in (1, 2)]
    points = point_set([replace(p, choices=c) for p, c in zip((one, two), choices, strict=True)])
    assert not points.has_optimistic_corner(points.whole)
    assert all(points.has_optimistic_corner(half) for half in points.split(points.whole))
    layers = [(LAYERS[0], 1)]
    assert explore(layers, points, Goal("energy"), None).value == brute_force(layers, points, Goal("energy"), None)


def test_halves_cover_a_box() -> None:
    points = point_set([chip(words, 1, words, b) for words in (4, 6, 9) for b in (1, 2)])
    halves = points.split(points.whole)
    assert sum(size(half) for half in halves) == size(points.whole) == 6
    inside = [point.choices for half in halves for point in points.inside(half)]
    assert len(set(inside)) == 6


def test_tied_menus_are_one_axis() -> None:
    tied = [replace(chip(4, array, 1, 1), choices=(("x", array), ("y", -array), ("z", 0))) for array in (1, 2)]
    assert point_set(tied).paths[0] == "x"
    assert "y" not in point_set(tied).paths


def test_nothing_within_the_caps() -> None:
    points = point_set([chip(4, 1, 1, 1)])
    state = explore([(LAYERS[0], 1)], points, Goal("energy", latency_cap=1), None)
    assert state.value is None
    assert state.complete
