"""Verification of co-designs: real ones pass, tampered ones do not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.checker import codesign as joint_check
from optimizer.checker.again import verify_joint
from optimizer.checker.claims.solve import hash_of
from optimizer.checker.stored import StoredCodesign
from optimizer.problem.progress import Progress
from tests.support.choices import slow_if, slow_unless
from tests.support.codesign_cases import capped
from tests.support.profiles import examples
from tests.support.stored_results import joint
from tests.support.tampering import leaves, put, replaced

UNCHECKED = {"versions", "seed", "wall_s", "search", "infeasible"}
TECHNOLOGY = "technology"
Tamper = Callable[[StoredCodesign], Any]


@pytest.fixture(scope="module")
def energy() -> StoredCodesign:
    """Three networks, one of them capped; the geometric mean."""
    return joint("small", capped("large", 2, latency_ms="0.002"), "conv")


@pytest.fixture(scope="module")
def edp() -> StoredCodesign:
    """The largest energy-delay product relative to the own optimum."""
    return joint("small", "large", "conv", objective="edp", aggregate="max", relative=True)


@pytest.fixture(scope="module", params=slow_if(["edp"], ["energy", "edp"]))
def result(request: pytest.FixtureRequest) -> StoredCodesign:
    """Both of them."""
    found: StoredCodesign = request.getfixturevalue(request.param)
    return found


def failed(result: StoredCodesign, *, thorough: bool = False) -> list[str]:
    """Names of the checks that failed."""
    return [check.name for check in verify_joint(result, thorough=thorough).checks if not check.ok]


def changed(result: StoredCodesign, tamper: Tamper) -> StoredCodesign:
    """A copy with something changed."""
    other = copy.deepcopy(result)
    tamper(other)
    return other


def test_real_results_pass(result: StoredCodesign) -> None:
    messages: list[Progress] = []
    found = verify_joint(result, progress=messages.append)
    assert found.ok, [check for check in found.checks if not check.ok]
    names = {check.name for check in found.checks}
    assert {"agreement", "cross table", "boxes", "bounds", "status", "cross table again", "small alone"} <= names
    assert any("cross table" in progress.message for progress in messages)
    assert any(progress.message.startswith("conv alone: ") for progress in messages)


def test_a_thorough_check_solves_all_cells(energy: StoredCodesign) -> None:
    found = verify_joint(energy, thorough=True)
    assert found.ok
    detail = next(check.detail for check in found.checks if check.name == "cross table again")
    assert detail.split(" of ")[0] == detail.split(" of ")[1].split()[0] == "6"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "options"),
    [
        pytest.param("latency", {}, marks=pytest.mark.slow),
        ("latency", {"aggregate": "max"}),
        pytest.param("edp", {"aggregate": "weighted", "relative": True}, marks=pytest.mark.slow),
        ("energy", {"padding": "auto"}),
    ],
)
def test_other_kinds_pass(objective: str, options: dict[str, Any]) -> None:
    assert not failed(joint("small", "conv", objective=objective, **options))


@pytest.mark.slow
def test_points_that_only_a_trade_excludes_pass() -> None:
    """Under both caps a network has no mapping on a point, which its floors do not show."""
    found = joint(capped("conv", latency_ms="0.00016", energy_mj="0.000036"), "small", objective="edp")
    assert found.status == "OPTIMAL"
    checks = {check.name: check.ok for check in verify_joint(found).checks}
    assert checks["excluded again"] and all(checks.values())

    def exclude(result: StoredCodesign) -> None:
        boxes = result.certificate["boxes"]
        box = next(b for b in boxes if b["closed_by"] == "solved" and b["box"][1][0] != result.certificate["design"][1])
        box["closed_by"] = "infeasible"
        counts = result.data["hardware_points"]
        counts["solved"] -= 1
        counts["closed_by_caps"] += 1

    assert failed(changed(found, exclude))


def numbers_of(data: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Paths of all leaves but those of the technology, of which not every entry takes part."""
    known = {key: value for key, value in data.items() if key not in UNCHECKED}
    return [path for path in leaves(known) if TECHNOLOGY not in path and "mapping" not in path]


def change_result(result: StoredCodesign, data: st.DataObject, by: int) -> None:
    stored = StoredCodesign(
        json.loads(json.dumps(result.data)), result.certificate, None, result.networks, result.alone
    )
    path = data.draw(st.sampled_from(numbers_of(stored.data)))
    bad = changed(stored, lambda r: put(r.data, path, lambda value: replaced(value, by)))
    assert failed(bad), path


def may_stay_true(certificate: dict[str, Any], path: tuple[Any, ...]) -> bool:
    """The bound of one network on a solved point: where the search stopped early, another one is true as well."""
    match path:
        case ("boxes", int() as number, "bounds", _):
            return bool(certificate["boxes"][number]["closed_by"] == "solved")
    return False


def change_certificate(result: StoredCodesign, data: st.DataObject, by: int) -> None:
    certificate = json.loads(json.dumps(result.certificate))
    stored = StoredCodesign(result.data, certificate, None, result.networks, result.alone)
    path = data.draw(st.sampled_from([path for path in leaves(certificate) if not may_stay_true(certificate, path)]))
    bad = changed(stored, lambda r: put(r.certificate, path, lambda value: replaced(value, by)))
    assert failed(bad), path


@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), by=st.sampled_from([-1, 1, 1000]))
def test_any_changed_leaf_of_the_result_is_caught(energy: StoredCodesign, data: st.DataObject, by: int) -> None:
    change_result(energy, data, by)


@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), by=st.sampled_from([-1, 1, 10**9]))
def test_any_changed_leaf_of_the_certificate_is_caught(energy: StoredCodesign, data: st.DataObject, by: int) -> None:
    change_certificate(energy, data, by)


@pytest.mark.slow
@settings(max_examples=examples(80), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), by=st.sampled_from([-1, 1, 1000, 10**9]))
def test_any_changed_leaf_is_caught_often(result: StoredCodesign, data: st.DataObject, by: int) -> None:
    data.draw(st.sampled_from([change_result, change_certificate]))(result, data, by)


def shift_cell(result: StoredCodesign) -> None:
    """A cell of the cross table away from the diagonal, in its exact form."""
    result.certificate["cross"][1]["networks"][1][0] += 1


def shift_cell_everywhere(result: StoredCodesign) -> None:
    """The same cell in both files, with all that follows from it."""
    shift_cell(result)
    faults = [fault for fault in _number_faults(result) if ".networks.large." in fault or "cross[1]." in fault]
    cell = result.data["cross"][1]
    for fault in faults:
        key, value = fault.split(" is ")[0].split(".")[-1], fault.rsplit(" ", 1)[-1]
        target = cell["networks"]["large"] if ".networks." in fault else cell
        target[key] = json.loads(value)


def _number_faults(result: StoredCodesign) -> list[str]:
    return list(joint_check.number_faults(joint_check.rebuild_joint(result)))


def swap_networks(result: StoredCodesign) -> None:
    """Results of two networks change places."""
    networks = result.networks
    networks["small"], networks["conv"] = networks["conv"], networks["small"]


def other_point(result: StoredCodesign) -> None:
    """A network's result on another point than the joint one."""
    point = result.certificate["design"]
    result.certificate["design"] = [0 for _ in point]


def rebudget(result: StoredCodesign) -> None:
    """Another cap with the right hash."""
    result.data["problem"]["networks"][1]["budgets"]["latency_ms"] = "0.0001"
    result.data["problem_hash"] = result.certificate["problem_hash"] = hash_of(result.data["problem"])


def raise_bound(result: StoredCodesign) -> None:
    """The bounds of a box that is closed by its bound, so that they agree with each other."""
    box = next(box for box in result.certificate["boxes"] if box["closed_by"] == "bound" and box["bounds"])
    box["bounds"] = [str(2 * Fraction(bound)) for bound in box["bounds"]]
    box["bound"] = str(16 * Fraction(box["bound"]))


TAMPERS: dict[str, Tamper] = {
    "cell": shift_cell,
    "networks swapped": swap_networks,
    "network gone": lambda r: r.networks.pop("small"),
    "alone gone": lambda r: r.alone.pop("large"),
    "alone is another": lambda r: r.alone.update(small=r.alone["conv"]),
    "other point": other_point,
    "cap": rebudget,
    "box gone": lambda r: r.certificate["boxes"].pop(),
    "boxes gone": lambda r: r.certificate["boxes"].clear(),
    "box twice": lambda r: r.certificate["boxes"].append(r.certificate["boxes"][0]),
    "bounds": raise_bound,
    "floor of a network gone": lambda r: r.certificate["boxes"][0]["energy_floors"][1].pop(),
    "floors of a network gone": lambda r: r.certificate["boxes"][0]["energy_floors"].pop(),
    "column gone": lambda r: (r.certificate["cross"].pop(), r.data["cross"].pop()),
    "weights": lambda r: r.certificate.update(weights=["1", "1", "1"], powers=[1, 1, 1]),
    "huge weight": lambda r: put(r.certificate, ("weights", 0), lambda _: "1000000001"),
    "status": lambda r: (r.data.update(status="FEASIBLE"), r.certificate.update(status="FEASIBLE")),
    "infeasible": lambda r: (r.data.update(status="INFEASIBLE"), r.certificate.update(status="INFEASIBLE")),
    "no design": lambda r: r.certificate.update(design=None),
    "mapping": lambda r: r.networks["small"].data["layers"][0]["mapping"].reverse(),
    "text as cross": lambda r: r.certificate.update(cross="all"),
}


@pytest.mark.parametrize("tamper", slow_unless(list(TAMPERS.values())[::3], TAMPERS.values()), ids=TAMPERS.keys())
def test_tampering_is_caught(energy: StoredCodesign, tamper: Tamper) -> None:
    assert failed(changed(energy, tamper))


def test_a_cell_that_is_wrong_everywhere_is_solved_again(energy: StoredCodesign) -> None:
    bad = changed(energy, shift_cell_everywhere)
    assert failed(bad) == ["cross table again"]


def test_a_raised_floor_with_all_its_bounds_is_refuted(energy: StoredCodesign) -> None:
    def tamper(result: StoredCodesign) -> None:
        claim = joint_check.rebuild_joint(result)
        for number, box in enumerate(result.certificate["boxes"]):
            if box["closed_by"] == "bound" and box["bounds"]:
                count = result.certificate["networks"][0]["layers"][0]["count"]
                box["energy_floors"][0][0] += 10**9
                bounds = [entry.entries[number].bound for entry in claim.claims]
                bounds[0] += count * 10**9
                box["bounds"] = [str(bound) for bound in bounds]
                box["bound"] = str(claim.join(bounds))
                return

    assert failed(changed(energy, tamper), thorough=True) == ["proof again, small"]
