"""Studies that drop a constraint: the optimum with it and without it, each that of enumeration, proved and verified."""

from __future__ import annotations

import copy
import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optimizer
from optimizer.checker.again import verify
from optimizer.checker.claims.solve import hash_of
from optimizer.checker.stored import StoredResult, stored
from optimizer.errors import SpecError
from optimizer.report.solve import to_text
from optimizer.report.study import study_report
from optimizer.results.kinds import StudyResult
from optimizer.studies.metrics import Range
from tests.support.constraint_cases import PAIR, RELATIONS, TABLES, Stated, best, chip
from tests.support.profiles import examples

SIZE, PRODUCT = "RF.size * array.x >= 128 words", "array.x * array.y <= 8"


def title(constraint: Stated) -> str:
    return chip(constraint).constraints[0].title


def dropping(constraints: list[Stated], *dropped: Stated, **budgets: str) -> StudyResult:
    vary = [Range(f"constraint:{title(one)}") for one in dropped]
    return optimizer.study(PAIR, chip(*constraints, **budgets), vary)


def optimum(result: StudyResult, limits: tuple[int, ...]) -> Fraction | None:
    """The optimum that a study states within limits."""
    values = {
        tuple(needs for needs in design.needs.values()): design.objective.exact
        for design in result.body.study.designs
        if design.objective is not None
    }
    inside = [
        value for place, value in values.items() if all((n or 0) <= m for n, m in zip(place, limits, strict=True))
    ]
    return min(inside, default=None)


@pytest.mark.slow
@settings(max_examples=examples(40, dev=1))
@given(st.lists(st.sampled_from([*RELATIONS, *TABLES]), min_size=1, max_size=3, unique_by=str), st.integers(1, 2))
def test_optima_with_and_without_are_those_of_enumeration(constraints: list[Stated], count: int) -> None:
    dropped = constraints[:count]
    result = dropping(constraints, *dropped)
    for limits in itertools.product((0, 1), repeat=len(dropped)):
        gone = [one for one, limit in zip(dropped, limits, strict=True) if limit]
        kept = chip(*(one for one in constraints if one not in gone))
        assert optimum(result, limits) == best(kept, "energy")
    assert verify(stored(result)).ok
    assert result.status == ("OPTIMAL" if result.body.study.designs else "INFEASIBLE")


def test_the_report_says_what_a_constraint_costs() -> None:
    result = dropping([SIZE, PRODUCT], SIZE)
    text = to_text(study_report(result.body))
    assert f"energy against constraint:{SIZE}: 2 designs" in text
    assert "kept" in text and "dropped" in text and "from kept to dropped: -" in text


def test_a_budget_beside_it() -> None:
    result = dropping([SIZE], SIZE, area_mm2="0.0515")
    assert optimum(result, (0,)) == best(chip(SIZE, area_mm2="0.0515"), "energy")
    assert optimum(result, (1,)) == best(chip(area_mm2="0.0515"), "energy")


@pytest.mark.parametrize(
    ("varied", "problem"),
    [
        (Range("constraint:array.x == 9"), "states no constraint of this name"),
        (Range(f"constraint:{SIZE}", Fraction(0)), "it has no range"),
    ],
)
def test_what_cannot_be_dropped(varied: Range, problem: str) -> None:
    with pytest.raises(SpecError, match=problem) as caught:
        optimizer.study(PAIR, chip(SIZE), [varied])
    assert "--constraint" in str(caught.value) and "remedy" in str(caught.value)


def test_a_front_drops_nothing() -> None:
    with pytest.raises(SpecError, match="beside limits on the hardware only"):
        optimizer.front(PAIR, chip(SIZE), [Range(f"constraint:{SIZE}")])


class TestForgeries:
    @pytest.fixture
    def honest(self) -> StoredResult:
        return stored(dropping([SIZE, PRODUCT], SIZE))

    @staticmethod
    def fails(result: StoredResult) -> bool:
        for part in (result.data, result.certificate):
            part["problem_hash"] = hash_of(result.data["problem"])
        return not verify(result).ok

    @pytest.mark.slow
    def test_another_constraint(self, honest: StoredResult) -> None:
        assert not self.fails(copy.deepcopy(honest))
        for entry in (honest.data["study"]["vary"][0], honest.data["problem"]["study"]["vary"][0]):
            entry["constraint"] = {"relation": PRODUCT}
        assert self.fails(copy.deepcopy(honest)), "the name is another"
        for entry in (honest.data["study"]["vary"][0], honest.data["problem"]["study"]["vary"][0]):
            entry["name"] = f"constraint:{PRODUCT}"
        assert self.fails(honest)

    def test_a_step_that_is_said_to_keep_it(self, honest: StoredResult) -> None:
        name = f"constraint:{SIZE}"
        assert honest.data["study"]["designs"][1]["needs"] == {name: "1"}
        honest.data["study"]["designs"][1]["needs"] = {name: "0"}
        assert self.fails(honest)

    def test_no_constraint_in_the_section(self, honest: StoredResult) -> None:
        del honest.data["study"]["vary"][0]["constraint"]
        assert self.fails(honest)
