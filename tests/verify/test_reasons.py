"""INFEASIBLE and its reason are proved: a design that exists, another blame, a smaller relaxation are found out."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial
from typing import Any

import pytest

from optimizer.architecture.reader import parse_architecture
from optimizer.checker.again import SearchAgain, verify, verify_joint
from optimizer.checker.box_layer_bounds import LayerBounds
from optimizer.checker.claims.solve import hash_of, rebuild
from optimizer.checker.effort import Effort
from optimizer.checker.infeasibility import blame_checks
from optimizer.checker.solve import examine
from optimizer.checker.stored import StoredCodesign, StoredResult
from optimizer.files.exact_yaml import load_exact
from tests.support.choices import slow_if, slow_unless
from tests.support.codesign_cases import capped
from tests.support.stored_results import joint
from tests.support.tiny_problem import ARCHITECTURE, solve_stored, under

Data = dict[str, Any]


@cache
def solved(objective: str = "energy", **budgets: str) -> StoredResult:
    """The tiny problem under budgets; every problem is solved once, and a test changes a copy."""
    return solve_stored(under(dict(budgets)), objective)


def copied(result: StoredResult) -> StoredResult:
    return StoredResult(copy.deepcopy(result.data), copy.deepcopy(result.certificate))


def failed(result: StoredResult) -> list[str]:
    return [check.name for check in verify(result).checks if not check.ok]


def rehashed(result: StoredResult) -> StoredResult:
    """With hashes that fit the problem."""
    for part in (result.data, result.certificate):
        part["problem_hash"] = hash_of(result.data["problem"])
    return result


FEASIBLE = [
    ({"latency_ms": "0.0006"}, "latency"),
    ({"energy_mj": "0.0002"}, "energy"),
    ({"latency_ms": "0.00055", "energy_mj": "0.000165"}, "energy"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("limits", "objective"), slow_if(FEASIBLE[1:], FEASIBLE), ids=str)
def test_a_feasible_problem_is_not_infeasible(limits: dict[str, str], objective: str) -> None:
    """Floors above the caps, everything else as the solver would write it."""
    assert solved(objective, **limits).status == "OPTIMAL"
    result = copied(solved(objective, **dict.fromkeys(limits, "0.0000001")))
    result.data["problem"]["budgets"] = {name: str(Fraction(limit)) for name, limit in limits.items()}
    result.data["infeasible"] = {"budgets": list(limits), "relaxations": [], "complete": False}
    for box in result.certificate["boxes"]:
        key = "latency_floors" if objective == "latency" else "energy_floors"
        box[key] = [10**9 for _ in box[key]]
    layer_bounds = LayerBounds(rebuild(result.data, result.certificate))
    for box, entry in zip(result.certificate["boxes"], layer_bounds.claim.entries, strict=True):
        box["bound"] = str(layer_bounds.value(entry))
    assert failed(rehashed(result)) in (["bounds"], ["proof again"], ["no design", "infeasible"])
    assert "no design" in reason_faults(result), "found even if no floor is proved again"


def reason_faults(result: StoredResult) -> list[str]:
    """The reason alone."""
    claim = rebuild(result.data, result.certificate)
    again = SearchAgain()
    examined = partial(examine, effort=Effort.of(result.data, thorough=False), again=again, reasons=False)
    return [check.name for check in blame_checks(claim, examined, again, thorough=True, say=str) if not check.ok]


def relaxed(data: Data) -> Data:
    return data["infeasible"]["relaxations"][0]


def larger(data: Data) -> None:
    """Another least limit, in the text as well."""
    entry = relaxed(data)
    text = str(entry["text"])
    old = text.split()[-2]
    entry["least"], entry["text"] = float(old) * 2, text.replace(old, f"{float(old) * 2:.6g}")


EDITS: dict[str, tuple[dict[str, str], Callable[[Data], object]]] = {
    "area larger": ({"area_mm2": "0.01"}, larger),
    "area text": ({"area_mm2": "0.01"}, lambda d: relaxed(d).update(text="the smallest chip needs 7.186 mm2")),
    "area limit": ({"area_mm2": "0.01"}, lambda d: relaxed(d).update(limit=0.02)),
    "area left out": ({"area_mm2": "0.01"}, lambda d: d["infeasible"].update(relaxations=[])),
    "latency larger": ({"latency_ms": "0.0004"}, larger),
    "energy larger": ({"energy_mj": "0.00016"}, larger),
    "power larger": ({"latency_ms": "0.0005", "power_w": "0.3"}, larger),
    "more to blame": (
        {"area_mm2": "0.01", "latency_ms": "0.1"},
        lambda d: d["infeasible"].update(budgets=["area_mm2", "latency_ms"]),
    ),
    "another to blame": (
        {"area_mm2": "0.01", "latency_ms": "0.1"},
        lambda d: d["infeasible"].update(budgets=["latency_ms"], relaxations=[]),
    ),
    "a layer to blame": ({"area_mm2": "0.01"}, lambda d: d["infeasible"].update(layer="fc")),
    "a remark": ({"area_mm2": "0.01"}, lambda d: d["infeasible"].update(remark="hopeless")),
    "a reason beside a design": ({}, lambda d: d.update(infeasible={"budgets": ["area_mm2"]})),
}


@pytest.mark.parametrize("name", slow_unless(list(EDITS)[1::3], EDITS))
def test_an_edited_reason_fails(name: str) -> None:
    budgets, edit = EDITS[name]
    result = copied(solved(**budgets))
    before = json.dumps(result.data)
    edit(result.data)
    assert json.dumps(result.data) != before
    assert reason_faults(result) == ["infeasible"]


def test_a_reason_is_a_part_of_every_verification() -> None:
    result = copied(solved(area_mm2="0.01"))
    assert not failed(result)
    larger(result.data)
    assert failed(result) == ["infeasible"]


@pytest.mark.slow
def test_sizes_that_are_needed_are_counted() -> None:
    small = ARCHITECTURE.replace("[16 words, 32 words]", "[2 words, 4 words], double_buffered: true")
    found = solve_stored(parse_architecture(load_exact(small)))
    result = copied(found)
    relaxed(result.data).update(least=64, text=relaxed(result.data)["text"].replace("12 B", "8 B"))
    assert failed(result) == ["infeasible"]
    result = copied(found)
    result.data["infeasible"]["layer"] = "fc"
    assert failed(result) == ["infeasible"]


@pytest.fixture(scope="module")
def excluding() -> StoredCodesign:
    """Two networks that exclude each other."""
    found = joint(capped("small", energy_mj="0.00001669"), capped("large", energy_mj="0.00007"))
    assert found.status == "INFEASIBLE" and found.data["infeasible"]["relaxations"]
    assert verify_joint(found).ok
    return found


def reason_of(found: StoredCodesign) -> Data:
    return found.data["infeasible"]


def more(found: StoredCodesign) -> None:
    entry = reason_of(found)["relaxations"][0]
    old = entry["text"].split(" needs ")[1].split()[0]
    entry["least"], entry["text"] = float(old) * 2, entry["text"].replace(old, f"{float(old) * 2:f}")


JOINT_EDITS: list[Callable[[StoredCodesign], object]] = [
    more,
    lambda found: reason_of(found).update(relaxations=[]),
    lambda found: reason_of(found).update(networks=["large"]),
    lambda found: reason_of(found).update(networks=["small"], relaxations=[], complete=False),
    lambda found: reason_of(found)["relaxations"][0].update(limit=1.0),
    lambda found: found.data.pop("infeasible"),
]


@pytest.mark.slow
@pytest.mark.parametrize("number", slow_unless([0, 2, 5], range(len(JOINT_EDITS))))
def test_an_edited_reason_of_a_codesign_fails(excluding: StoredCodesign, number: int) -> None:
    found = copy.deepcopy(excluding)
    JOINT_EDITS[number](found)
    assert [check.name for check in verify_joint(found).checks if not check.ok] == ["infeasible"]


def test_a_network_without_a_design_states_its_reason() -> None:
    found = joint(capped("small"), capped("large", latency_ms="0.0001"))
    assert verify_joint(found).ok
    (entry,) = reason_of(found)["alone"]["large"]["relaxations"]
    old = entry["text"].split()[-2]
    entry["least"], entry["text"] = float(old) * 2, entry["text"].replace(old, f"{float(old) * 2:f}")
    assert [check.name for check in verify_joint(found).checks if not check.ok] == ["large alone"]


@pytest.mark.parametrize("reason", [None, "no", {}, {"budgets": [], "relaxations": [], "complete": None}], ids=str)
def test_a_reason_must_be_stated(reason: object) -> None:
    bad = copied(solved("latency", latency_ms="0.0000001"))
    bad.data["infeasible"] = reason
    assert failed(bad) == ["infeasible"]
