"""Consistent forgeries of results of every kind: none passes, and every honest result does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from optimizer.checker.again import verify, verify_joint
from optimizer.checker.outcome import Check
from optimizer.checker.stored import StoredCodesign, StoredResult
from tests.forgery import constraint_lies, fused_lies, joint_lies, kinds, problems, proof_lies, study_lies
from tests.forgery.design_lies import DESIGN_LIES
from tests.forgery.forger import Forgery
from tests.forgery.joint_lies import JOINT_KINDS, JOINT_LIES, JointForgery
from tests.forgery.proof_lies import PROOF_LIES, claim_best, claim_infeasible, worse_designs
from tests.support.choices import slow_if, slow_unless
from tests.support.profiles import examples

FAST, SLOW = 1, examples(50)
"""Forgeries of a kind of result; the slow ones are shared by the kinds that differ in the problem only."""
SECOND = 0.25
"""How often a forgery has a second lie."""
KINDS_OF: list[tuple[dict[str, Any], list[Any]]] = [
    (kinds.KINDS, [*PROOF_LIES, *DESIGN_LIES]),
    (fused_lies.FUSED_KINDS, fused_lies.FUSED_LIES),
    (study_lies.STUDY_KINDS, study_lies.STUDY_LIES),
    (study_lies.FRONT_KINDS, study_lies.FRONT_LIES),
    (JOINT_KINDS, JOINT_LIES),
    (constraint_lies.CONSTRAINED_KINDS, constraint_lies.CONSTRAINED_LIES),
    (constraint_lies.BARRED_KINDS, constraint_lies.BARRED_LIES),
]
LIES = {kind: lies for honest, lies in KINDS_OF for kind in honest}
HONEST: dict[str, Callable[[], Any]] = {kind: make for honest, _ in KINDS_OF for kind, make in honest.items()}
QUICK = ["edp", "infeasible", *(next(iter(honest)) for honest, _ in KINDS_OF[1:3])]
"""Some kinds of results."""
IN_FLOORS = {
    proof_lies.worse_design,
    proof_lies.claim_infeasible,
    proof_lies.raise_floor,
    proof_lies.move_floors,
    proof_lies.enlarge,
    proof_lies.raise_solved,
    proof_lies.all_proved,
    fused_lies.worse_fused,
    fused_lies.raise_whole,
    joint_lies.other_joint,
    joint_lies.raise_floor,
    joint_lies.claim_infeasible,
    joint_lies.other_cell,
    joint_lies.worse_alone,
    study_lies.hide_step,
    study_lies.better_step,
    study_lies.other_cost,
    study_lies.step_figures,
    study_lies.hide_design,
    study_lies.line,
    study_lies.better_design,
}
"""Lies that only a search can find out."""


def checks_of(result: Any, *, thorough: bool) -> list[Check]:
    """All checks of a result."""
    check = verify_joint if isinstance(result, StoredCodesign) else verify
    return check(result, thorough=thorough).checks


def contents(result: Any) -> str:
    """All that a result holds, as text."""
    parts = [result.data, result.certificate]
    inner = [getattr(result, "beside", None)]
    for name in ("networks", "alone"):
        inner += [one for _, one in sorted(getattr(result, name, {}).items())]
        parts.append(sorted(getattr(result, name, {})))
    parts += [[one.data, one.certificate] for one in inner if one is not None]
    return json.dumps(parts, sort_keys=True)


def forged(kind: str, seed: int) -> tuple[list[Any], Any]:
    """The lies of a forgery, and the forged result; equal for equal seeds."""
    honest, random = HONEST[kind](), Random(f"{kind} {seed}")
    while True:
        start = JointForgery(honest, random) if isinstance(honest, StoredCodesign) else Forgery.of(honest, random)
        first = random.choice(LIES[kind])
        if not first(start) or contents(start.result) == contents(honest):
            continue
        others = [lie for lie in LIES[kind] if lie not in IN_FLOORS and lie is not first]
        if first in IN_FLOORS or not others or random.random() > SECOND:
            return [first], start.result
        second = random.choice(others)
        try:
            return ([first, second] if second(start) else [first]), start.result
        except (KeyError, ValueError, TypeError, IndexError, AttributeError, StopIteration):
            continue  # the first lie took away what the second one is about


def as_files(result: Any) -> Any:
    """As it comes back from files."""
    if isinstance(result, StoredCodesign):
        return result
    return StoredResult(json.loads(json.dumps(result.data)), json.loads(json.dumps(result.certificate)), result.beside)


@pytest.mark.parametrize("kind", slow_unless(QUICK, HONEST))
@pytest.mark.parametrize("thorough", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_honest_results_pass(kind: str, thorough: bool) -> None:
    found = checks_of(as_files(HONEST[kind]()), thorough=thorough)
    assert not [check for check in found if not check.ok]


@pytest.mark.parametrize("kind", slow_unless(QUICK, HONEST))
def test_no_forgery_passes(kind: str) -> None:
    for seed in range(FAST):
        lies, result = forged(kind, seed)
        assert any(not check.ok for check in checks_of(result, thorough=True)), (seed, lies)


def how_many(kind: str) -> int:
    """`SLOW` for each kind of single result; for all fused ones, staircases, fronts and co-designs together."""
    return next(SLOW if honest is kinds.KINDS else -(-SLOW // len(honest)) for honest, _ in KINDS_OF if kind in honest)


@pytest.mark.slow
@pytest.mark.parametrize("kind", HONEST)
def test_no_forgery_of_many_passes(kind: str) -> None:
    for seed in range(FAST, FAST + how_many(kind)):
        lies, result = forged(kind, seed)
        assert any(not check.ok for check in checks_of(result, thorough=True)), (seed, lies)


def is_a_sample(checks: list[Check]) -> bool:
    """Does some check say that it looked at a part only?"""
    counts = (re.match(r"(\d+) of (\d+) ", check.detail) for check in checks)
    left = any("left to a thorough check" in check.detail for check in checks)
    return left or any(int(count[1]) < int(count[2]) for count in counts if count)


def stays_within_its_coverage(kind: str, seed: int) -> None:
    lies, result = forged(kind, seed)
    found = checks_of(result, thorough=False)
    if all(check.ok for check in found):
        assert set(lies) <= IN_FLOORS and is_a_sample(found), (seed, lies, found)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["energy", "edp", "infeasible", "stopped"])
def test_a_sample_misses_no_more_than_it_says(kind: str) -> None:
    for seed in range(FAST):
        stays_within_its_coverage(kind, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["energy", "edp", "infeasible", "stopped", "device", "fused", "geomean", "staircase"])
def test_a_sample_misses_no_more_than_it_says_often(kind: str) -> None:
    for seed in range(FAST, SLOW // 4):
        stays_within_its_coverage(kind, seed)


def failed(result: Any) -> list[str]:
    """Names of the checks that failed."""
    return [check.name for check in checks_of(result, thorough=True) if not check.ok]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "factor"),
    slow_if([("edp", "1.21"), ("capped", "1.1")], [("energy", "1.21"), ("edp", "1.21"), ("capped", "1.1")]),
)
def test_a_worse_design_with_a_lie_in_the_heaviest_floors_fails(kind: str, factor: str) -> None:
    f = Forgery.of(HONEST[kind](), Random(1))
    worse = worse_designs(f, Fraction(factor))[0]
    assert claim_best(f, worse, heavy=True, shape=Random(2))
    assert f.data["status"] == "OPTIMAL" and f.data["objective"]["gap"] == 0
    found = checks_of(f.result, thorough=True)
    assert all(check.ok for check in found if "again" not in check.name)  # nothing but a search finds it out
    assert failed(f.result)


@pytest.mark.slow
def test_an_edp_design_twice_as_bad_fails() -> None:
    f = Forgery.of(problems.solved("edp"), Random(1))
    worse = worse_designs(f, Fraction(3, 2))[-1]
    assert claim_best(f, worse, heavy=True, shape=Random(2))
    assert failed(f.result)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["energy", "latency", "edp", "capped", "device"])
def test_a_feasible_problem_claimed_infeasible_fails(kind: str) -> None:
    for seed in range(3):
        f = Forgery.of(HONEST[kind](), Random(seed))
        if claim_infeasible(f):
            assert f.data["status"] == "INFEASIBLE"
            assert failed(f.result)


def test_feasible_turned_into_optimal_fails() -> None:
    f = Forgery.of(kinds.stopped(), Random(0))
    assert proof_lies.all_proved(f) and f.data["status"] == "OPTIMAL"
    assert all("again" in name for name in failed(f.result)) and failed(f.result)


def test_a_box_removed_and_another_enlarged_fails() -> None:
    f = Forgery.of(kinds.stopped(), Random(0))
    boxes = len(f.boxes)
    assert proof_lies.enlarge(f) and len(f.boxes) == boxes - 1
    assert failed(f.result)


@pytest.mark.parametrize("reason", ["dsp", "lut"])
def test_a_device_that_is_not_there_closes_nothing(reason: str) -> None:
    f = Forgery.of(HONEST["energy"](), Random(0))
    next(raw for raw in f.boxes if raw["closed_by"] == "bound")["closed_by"] = reason
    f.agree()
    assert failed(f.result) == ["areas"]


@pytest.mark.parametrize("section", ["comparison", "groups", "networks"])
def test_sections_of_other_kinds_are_not_accepted(section: str) -> None:
    f = Forgery.of(HONEST["energy"](), Random(0))
    f.data[section] = {}
    assert failed(f.result)[0] == "agreement"


def test_cycles_of_a_step_are_checked_where_only_energy_counts() -> None:
    f = Forgery.of(HONEST["staircase"](), Random(0))
    raw = f.data["study"]["designs"][0]
    raw["latency_cycles"], raw["latency_ms"] = 2 * raw["latency_cycles"], 2 * raw["latency_ms"]
    assert failed(f.result) == ["steps again"]


@pytest.mark.parametrize("key", ["at_largest", "certificate_box", "metrics"])
def test_words_of_a_step_are_checked(key: str) -> None:
    f = Forgery.of(HONEST["staircase"](), Random(0))
    f.data["study"]["designs"][0][key] = {"at_largest": ["array.x"], "certificate_box": None, "metrics": {}}[key]
    assert failed(f.result) == ["designs"]


@pytest.mark.parametrize("key", ["network", "architecture", "accounting", "layers", "energy_pj"])
def test_words_of_a_front_are_checked(key: str) -> None:
    f = Forgery.of(HONEST["front"](), Random(0))
    f.data[key] = "another"
    assert failed(f.result) == ["agreement"]


def test_a_coarse_front_does_not_pass_for_an_exact_one() -> None:
    f = Forgery.of(HONEST["coarse front"](), Random(0))
    f.data["study"]["tolerance"] = "0"
    assert failed(f.result) == ["agreement"]


def test_a_network_has_a_design_where_its_own_best_one_is() -> None:
    f = JointForgery(HONEST["geomean"](), Random(0))
    f.certificate["cross"][1]["networks"][0] = "INFEASIBLE"
    f.agree()
    assert failed(f.result) == ["cross table"]


def test_cycles_of_a_cell_are_checked_where_only_energy_counts() -> None:
    f = JointForgery(HONEST["geomean"](), Random(0))
    f.certificate["cross"][0]["networks"][0][1] += 1
    f.agree()
    assert failed(f.result) == ["cross table"]


@pytest.mark.parametrize("limit", ["10", None])
def test_caps_of_a_network_are_those_of_the_problem(limit: str | None) -> None:
    f = JointForgery(HONEST["geomean"](), Random(0))
    f.data["networks"][0]["caps"] = {} if limit is None else {"latency_ms": limit}
    assert failed(f.result) == ["agreement"]


def test_a_warning_that_the_architecture_does_not_give_is_seen() -> None:
    f = JointForgery(HONEST["geomean"](), Random(0))
    f.data["warnings"].append("GLB.unroll.x: every design is best")
    assert failed(f.result) == ["agreement"]


def test_a_group_outside_of_the_declared_space_fails() -> None:
    f = Forgery.of(HONEST["fused"](), Random(0))
    f.data["groups"][0]["halo"]["rows"] = "recompute"
    assert failed(f.result) == ["groups"]
