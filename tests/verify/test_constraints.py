"""Problems with constraints on the sizes: the optimum is that of the points that keep them, and verify knows which."""

from __future__ import annotations

import copy
import itertools
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optimizer
from optimizer.checker.again import verify, verify_joint
from optimizer.checker.claims.solve import hash_of
from optimizer.checker.stored import StoredResult, stored
from optimizer.problem.space import constraints_text
from optimizer.scaling.pool import SerialPool
from optimizer.studies.metrics import Range
from tests.support import stored_results
from tests.support.constraint_cases import FC, PAIR, RELATIONS, TABLES, Stated, best, chip, values
from tests.support.profiles import examples

some_constraints = st.lists(st.sampled_from([*RELATIONS, *TABLES]), max_size=3, unique_by=str)


@pytest.mark.slow
@settings(max_examples=examples(60, dev=2))
@given(some_constraints, st.sampled_from(["energy", "latency", "edp"]), st.none() | st.sampled_from(["0.052", "0.06"]))
def test_the_optimum_is_that_of_the_points_that_keep_them(
    constraints: list[Stated], objective: str, area: str | None
) -> None:
    budgets = {} if area is None else {"area_mm2": area}
    architecture = chip(*constraints, **budgets)
    result = optimizer.solve(PAIR, architecture, objective=objective)
    assert result.certificate.value == best(architecture, objective)
    assert result.status == ("INFEASIBLE" if result.certificate.value is None else "OPTIMAL")
    assert result.body.hardware_points.total == len(architecture)
    for constraint in constraints:
        fewer = [one for one in constraints if one != constraint]
        looser = best(chip(*fewer, **budgets), objective)
        assert result.certificate.value is None or (looser is not None and looser <= result.certificate.value)
    check = verify(stored(result))
    assert check.ok, [check for check in check.checks if not check.ok]
    if constraints:
        assert "those that keep these constraints" in result.body.space.text


def excluded(stated: list[Stated], budgets: dict[str, str]) -> bool:
    return best(chip(*stated, **budgets), "energy") is None


@settings(max_examples=examples(80, dev=4))
@given(st.lists(st.sampled_from([*RELATIONS, *TABLES]), min_size=1, max_size=4, unique_by=str))
def test_the_fewest_limits_are_to_blame(constraints: list[Stated]) -> None:
    budgets = {"area_mm2": "0.0515"}
    architecture = chip(*constraints, **budgets)
    result = optimizer.solve(PAIR, architecture)
    if result.status != "INFEASIBLE":
        return
    reason = result.body.infeasible
    assert reason is not None and reason.complete and reason.constraints is not None
    by_title = {one.title: stated for one, stated in zip(architecture.constraints, constraints, strict=True)}
    blamed = [by_title[title] for title in reason.constraints]
    assert excluded(blamed, budgets if reason.budgets else {}), "they exclude every design"
    limits: list[Stated] = ["area", *constraints]
    for fewer in itertools.combinations(limits, len(blamed) + len(reason.budgets) - 1):
        kept = [one for one in fewer if one != "area"]
        assert not excluded(kept, budgets if "area" in fewer else {}), "no fewer do"
    assert reason.removable == tuple(
        title
        for title in reason.constraints
        if not excluded([one for one in constraints if one != by_title[title]], budgets)
    )
    assert verify(stored(result)).ok


class TestVerify:
    @pytest.fixture
    def result(self) -> StoredResult:
        return copy.deepcopy(self.solved("array.x * array.y <= 8", "array.x == array.y"))

    @staticmethod
    @cache
    def solved(*constraints: str, **budgets: str) -> StoredResult:
        return stored(optimizer.solve(PAIR, chip(*constraints, **budgets)))

    @staticmethod
    def failed(result: StoredResult) -> set[str]:
        for part in (result.data, result.certificate):
            part["problem_hash"] = hash_of(result.data["problem"])
        return {check.name for check in verify(result).checks if check.ok is False}

    @pytest.mark.slow
    def test_another_problem_is_found_out(self, result: StoredResult) -> None:
        assert not self.failed(copy.deepcopy(result))
        result.data["problem"]["architecture"]["constraints"] = ["array.x * array.y <= 8"]
        assert self.failed(result), "more points, and another space"

    def test_a_point_outside_is_refused(self) -> None:
        """Constraints that leave out no point but the design's, stated wherever they have to be."""
        free = copy.deepcopy(self.solved())
        chosen = free.data["hardware"]["choices"]
        rows = [dict(point.choices) for point in chip().points() if dict(point.choices) != chosen]
        table = {"name": "others", "allowed": rows}
        free.data["problem"]["architecture"]["constraints"] = [table]
        space = constraints_text(chip(table), ())
        free.data["space"]["text"] += space
        free.certificate["space"] += space
        assert "hardware" in self.failed(free)

    def test_other_code_evaluates_the_constraints(self, result: StoredResult, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("optimizer.checker.constraint_use._holds", lambda *_: True)
        assert self.failed(result) == {"constraints"}, "it knows of points that the claim leaves out"

    def test_boxes_hold_points(self, result: StoredResult) -> None:
        result = copy.deepcopy(self.solved("array.x * array.y <= 8", "GLB.size >= 64 * RF.size * array.x"))
        assert not self.failed(copy.deepcopy(result))
        result.certificate["boxes"][0]["points"] += 1
        assert "boxes" in self.failed(result)

    @pytest.mark.slow
    def test_lies_about_what_is_to_blame(self) -> None:
        honest = self.solved("array.x * array.y <= 3", "RF.size == 16 words", latency_ms="1")
        assert honest.data["infeasible"] == {
            "budgets": [],
            "relaxations": [],
            "complete": True,
            "constraints": ["array.x * array.y <= 3"],
            "removable": ["array.x * array.y <= 3"],
        }
        assert not self.failed(copy.deepcopy(honest))
        for key, value in (
            ("constraints", ["RF.size == 16 words"]),
            ("constraints", ["array.x * array.y <= 3", "RF.size == 16 words"]),
            ("constraints", []),
            ("removable", []),
            ("removable", ["RF.size == 16 words"]),
        ):
            result = copy.deepcopy(honest)
            result.data["infeasible"][key] = value
            assert "infeasible" in self.failed(result), (key, value)


@pytest.mark.slow
def test_a_cap_and_a_constraint_exclude_designs_together() -> None:
    """Without the constraint the larger array is fast enough; without the cap the smaller one will do."""
    fastest = min(values("latency").values())
    small = min(values("latency")[p.choices] for p in chip("array.x * array.y <= 4").points())
    limit = str(Fraction(fastest + small, 2) / 500_000)
    result = optimizer.solve(PAIR, chip("array.x * array.y <= 4", "RF.size <= 32 words", latency_ms=limit))
    reason = result.body.infeasible
    assert reason is not None and reason.complete
    assert reason.budgets == ("latency_ms",) and reason.constraints == ("array.x * array.y <= 4",) == reason.removable
    (relaxation,) = reason.relaxations
    assert relaxation.text.startswith("the fastest design within the constraints needs")
    assert relaxation.least == pytest.approx(float(small / 500_000))
    assert verify(stored(result)).ok


CONSTRAINTS = ("array.x * array.y <= 8", "GLB.size >= 64 * RF.size * array.x")


@pytest.mark.slow
def test_a_study_keeps_them() -> None:
    architecture = chip(*CONSTRAINTS)
    result = stored_results.study(PAIR, architecture, [Range("area-mm2")])
    areas = {point.choices: point.area_um2 for point in architecture.points()}
    steps, known = [], None
    for area in sorted(set(areas.values())):
        value = min(values("energy")[choices] for choices, own in areas.items() if own <= area)
        if known is None or value < known:
            steps.append(str(value))
            known = value
    assert [step["objective"]["exact"] for step in result.data["study"]["designs"]] == steps
    assert verify(result).ok


@pytest.mark.slow
def test_a_front_keeps_them() -> None:
    result = stored_results.front(PAIR, chip(*CONSTRAINTS))
    least = min(design["energy_pj"] for design in result.data["study"]["designs"])
    some = next(chip().points())
    assert least == pytest.approx(some.energy_pj(int(best(chip(*CONSTRAINTS), "energy") or 0)))
    assert verify(result).ok


@pytest.mark.slow
def test_a_codesign_keeps_them_and_names_them() -> None:
    result = stored_results.codesign([PAIR, FC], chip(*CONSTRAINTS))
    choices = result.data["hardware"]["choices"]
    assert choices["array.x"] * choices["array.y"] <= 8
    assert verify_joint(result).ok
    none = stored_results.codesign([PAIR, FC], chip("array.x == 3"))
    assert none.data["status"] == "INFEASIBLE"
    assert none.data["infeasible"]["alone"]["pair"]["constraints"] == ["array.x == 3"]
    assert verify_joint(none).ok


@pytest.mark.slow
def test_tasks_elsewhere_keep_them() -> None:
    alone = optimizer.codesign([PAIR, FC], chip(*CONSTRAINTS))
    spread = optimizer.codesign([PAIR, FC], chip(*CONSTRAINTS), pool=SerialPool())
    assert spread.body.objective == alone.body.objective


def test_a_study_without_a_point_is_infeasible() -> None:
    for found in (
        stored_results.study(PAIR, chip("array.x == 3"), [Range("area-mm2")]),
        stored_results.front(PAIR, chip("array.x == 3")),
    ):
        assert found.data["status"] == found.data["study"]["status"] == "INFEASIBLE"
        assert verify(found).ok


@pytest.mark.slow
def test_other_code_evaluates_the_constraints_of_a_front(monkeypatch: pytest.MonkeyPatch) -> None:
    result = stored_results.front(PAIR, chip(*CONSTRAINTS))
    monkeypatch.setattr("optimizer.checker.constraint_use._holds", lambda *_: True)
    assert [check.name for check in verify(result).checks if check.ok is False] == ["constraints"]
