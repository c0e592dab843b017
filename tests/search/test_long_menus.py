"""Menus too long to list: the same points, corners, optimum and proof as with listed points, and exact counts."""

from __future__ import annotations

import copy
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.architecture import boxes
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.box import Box, size
from optimizer.architecture.boxes import point_set, points_of
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.menu_points import MenuPoints
from optimizer.architecture.reader import parse_architecture
from optimizer.checker.optimistic_corner import worse
from optimizer.checker.solve import verify
from optimizer.checker.stored import StoredResult, stored
from optimizer.pricing.known_mappings import KnownMappings
from optimizer.pricing.known_optima import KnownOptima
from optimizer.problem.goal import Goal
from optimizer.search.exploration import Exploration
from optimizer.search.known_designs import KnownDesigns
from optimizer.search.open_boxes import Boxes
from optimizer.workload.layer import Layer
from tests.support.choices import slow_if
from tests.support.explorations import explore, some_layers
from tests.support.profiles import examples
from tests.support.tiny_problem import solve

DATA: dict[str, Any] = {
    "name": "chip",
    "technology": "generic45",
    "clock_mhz": 500,
    "array": {"x": [2, 8], "y": [2, 3]},
    "levels": [
        {"name": "DRAM", "component": "dram", "bandwidth": {"shared": ["2 GB/s", "8 GB/s"]}},
        {"name": "GLB", "component": "sram", "size": ["32 KiB", "64 KiB"]},
        {
            "name": "RF",
            "component": "regfile",
            "size": ["32 words", "40 words", "64 words"],
            "must_keep": ["W", "I", "O"],
        },
    ],
}
RULES = (
    "array.x * array.y <= 12",
    "array.x + 2 * array.y >= 8",
    "GLB.size >= 300 * RF.size",
    "array.x * RF.size <= 320 words",
    "RF.instances.x >= 3",
    {"allowed": [{"array.x": 2, "array.y": 3}, {"array.x": 8, "array.y": 2}]},
)


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    data = copy.deepcopy(DATA)
    data["constraints"] = draw(st.lists(st.sampled_from(RULES), max_size=2, unique_by=str))
    if draw(st.booleans()):
        data["array"] |= {"y": {"values": [2, 3, 4], "tie": "t"}}
        data["levels"][2]["size"] = {"values": ["64 words", "32 words", "40 words"], "tie": "t"}
    if draw(st.booleans()):
        data["levels"][1]["instances"] = {"x": draw(st.sampled_from([[1, 2], 1, 2])), "y": 1}
    return parse_architecture(data, file="chip.yaml")


def some_box(draw: st.DrawFn, shape: tuple[int, ...]) -> Box:
    sides = (sorted((draw(st.integers(0, n - 1)), draw(st.integers(0, n - 1)))) for n in shape)
    return tuple((low, high) for low, high in sides)


@settings(max_examples=examples(300, dev=12))
@given(st.data())
def test_boxes_say_the_same_of_their_points_as_a_list_does(data: st.DataObject) -> None:
    architecture = data.draw(architectures())
    points = MenuPoints(architecture)
    box = data.draw(st.composite(some_box)(points.shape))
    listed = {frozenset(point.choices): point for point in architecture.points()}
    inside = dict(points.indexed(box))
    assert points.total == len(listed) == len(points.points)
    assert dict(points.points) == {points.place(dict(point.choices)): point for point in listed.values()}
    assert points.count(box) == len(inside)
    assert bool(points.occupied([box])) == bool(inside)
    corner = points.corner(box)
    if points.has_optimistic_corner(box):
        assert not [fault for point in inside.values() for fault in worse(corner, point)]
    leader = points.leader(box)
    if leader is not None:
        best = replace(points.points[tuple(low for low, _ in leader)], area_um2=0)
        assert not [fault for point in inside.values() for fault in worse(best, point)]
    if points.even(box):
        assert len({tuple((level.size_bits, level.read_energy) for level in p.levels) for p in inside.values()}) <= 1
    if size(box) > 1:
        assert sum(map(points.count, points.split(box, tense=data.draw(st.booleans())))) == len(inside)


def test_a_corner_of_untied_menus_is_that_of_the_list() -> None:
    architecture = parse_architecture(copy.deepcopy(DATA), file="chip.yaml")
    points, listed = MenuPoints(architecture), point_set(list(architecture.points()))
    assert (points.paths, points.labels) == (listed.paths, listed.labels)
    for box in (points.whole, ((0, 1), (0, 1), (0, 0), (1, 1), (0, 1))):
        assert points.corner(box) == listed.corner(box)


Question = tuple[list[tuple[Layer, int]], Architecture, Goal, int | None]


@st.composite
def questions(draw: st.DrawFn) -> Question:
    goal = Goal(draw(st.sampled_from(["energy", "latency", "edp"])))
    if draw(st.booleans()):
        goal = replace(goal, latency_cap=draw(st.integers(4, 60)))
    return some_layers(draw), draw(architectures()), goal, draw(st.none() | st.integers(500_000, 800_000))


def plainly(patch: pytest.MonkeyPatch) -> None:
    """Leave out what is concluded from the searches of other boxes."""
    patch.setattr(KnownOptima, "same", lambda *_: None)
    patch.setattr(KnownOptima, "floor", lambda *_: 0)
    patch.setattr(KnownDesigns, "near", lambda *_: None)
    patch.setattr(KnownMappings, "best", lambda *_: None)
    patch.setattr(Boxes, "is_vain", lambda *_: False)
    patch.setattr(Boxes, "_is_outranked", lambda *_: False)


def answer(state: Exploration, choices: int) -> tuple[object, ...]:
    """The best design: its place and costs. Of nests of equal costs any may be found."""
    assert state.complete and state.total == choices == sum(entry.points for entry in state.closed)
    if state.found is None:
        return ()
    return state.found.point, state.found.value, [(pick.energy, pick.latency) for pick in state.found.picks]


def test_no_point_leads_those_of_larger_fan_out() -> None:
    data = copy.deepcopy(DATA)
    data["levels"][1]["instances"] = {"x": [1, 2], "y": 1}
    architecture = parse_architecture(data, file="chip.yaml")
    for points in (MenuPoints(architecture), point_set(list(architecture.points()))):
        largest = points.place(dict(max(points.points.values(), key=lambda it: it.levels[1].mesh).choices))
        axis = points.paths.index("GLB.instances.x")
        box = tuple((0, 1) if n == axis else (at, at) for n, at in enumerate(largest))
        assert not points.has_optimistic_corner(box)
        assert points.leader(box) is None


@pytest.mark.slow
@settings(max_examples=examples(100, dev=1), deadline=None)
@given(questions())
def test_optimum_and_tie_breaking_are_those_of_listed_points_searched_plainly(question: Question) -> None:
    layers, architecture, goal, area_cap = question
    listed = point_set(list(architecture.menu_points), architecture.keeps)
    if not listed.points:
        return
    with pytest.MonkeyPatch.context() as patch:
        plainly(patch)
        expected = answer(explore(layers, listed, goal, area_cap), len(listed.points))
    assert answer(explore(layers, listed, goal, area_cap), len(listed.points)) == expected
    assert answer(explore(layers, MenuPoints(architecture), goal, area_cap), len(listed.points)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("objective", slow_if(["energy"], ["energy", "edp"]))
def test_the_proof_is_verified_without_a_list(monkeypatch: pytest.MonkeyPatch, objective: str) -> None:
    monkeypatch.setattr(boxes, "LISTED", 0)
    architecture = parse_architecture(copy.deepcopy(DATA) | {"constraints": [RULES[0]]}, file="chip.yaml")
    result = solve(architecture.with_budgets(Budgets(area_mm2=Fraction(7, 10))), objective, cache_dir=None)
    again = verify(result, None)
    assert again.ok, again.checks
    assert result.body.hardware_points.total == len(architecture) < architecture.combinations
    data, certificate = copy.deepcopy(stored(result).data), copy.deepcopy(stored(result).certificate)
    certificate["boxes"][0]["points"] += 1
    forged = verify(StoredResult(data, certificate), None)
    assert "boxes" in [check.name for check in forged.checks if check.ok is False]


@pytest.mark.slow
def test_a_billion_points_are_bounded_at_once() -> None:
    data = copy.deepcopy(DATA)
    data["array"] = {"x": {"from": 1, "to": 64, "step": 1}, "y": {"from": 1, "to": 64, "step": 1}}
    data["levels"][1]["size"] = {"from": "32 KiB", "to": "1055 KiB", "step": "1 KiB"}
    data["levels"][2]["size"] = {"from": "32 words", "to": "287 words", "step": "1 words"}
    data["constraints"] = ["array.x <= 2 * array.y"]
    architecture = parse_architecture(data, file="chip.yaml")
    points = points_of(architecture)
    assert points.total == len(architecture) == sum(min(64, 2 * y) for y in range(1, 65)) * 1024 * 256 * 2
    assert points.corner(points.whole).area_um2 <= points.some.area_um2
    result = solve(architecture, time_limit_s=0, cache_dir=None)
    assert result.body.hardware_points.open == points.total


REASONS: list[tuple[dict[str, Fraction], list[str]]] = [
    ({"area_mm2": Fraction(1, 10)}, []),
    ({"area_mm2": Fraction(1, 10)}, ["array.x * array.y <= 12"]),
    ({"latency_ms": Fraction(1, 100_000)}, []),
    ({"area_mm2": Fraction(51, 100), "latency_ms": Fraction(26, 100_000)}, ["array.x <= array.y"]),
    ({"energy_mj": Fraction(1, 10_000)}, ["array.x * array.y <= 12"]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("budgets", "rules"), REASONS)
def test_the_reason_why_there_is_no_design_is_that_of_listed_points(
    monkeypatch: pytest.MonkeyPatch, budgets: dict[str, Fraction], rules: list[str]
) -> None:
    architecture = parse_architecture(copy.deepcopy(DATA) | {"constraints": rules}, file="chip.yaml")
    reasons = []
    for most in (10_000, 0):
        monkeypatch.setattr(boxes, "LISTED", most)
        result = solve(architecture.with_budgets(Budgets(**budgets)), cache_dir=None)
        assert result.status == "INFEASIBLE"
        reasons.append(result.body.infeasible)
    assert reasons[0] is not None and reasons[0] == reasons[1]
