"""The whole verification: real results pass, tampered ones do not, damaged files are errors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formulations.engines import PathEngine
from formulations.stop import Stop
from optimizer.architecture import technology_reader
from optimizer.architecture.reader import load_architecture, parse_architecture
from optimizer.checker import least_cycles
from optimizer.checker.again import points as points_again
from optimizer.checker.again import statements, verify
from optimizer.checker.again.layer_bounds import reprove
from optimizer.checker.claims.solve import hash_of, rebuild
from optimizer.checker.effort import Effort, Route
from optimizer.checker.optimistic_corner import worse
from optimizer.checker.stored import StoredResult, load
from optimizer.checker.verification import Verification
from optimizer.cli import main
from optimizer.errors import SpecError
from optimizer.files.exact_yaml import load_exact
from optimizer.problem.exact_json import decode_exact, encode_exact
from optimizer.problem.progress import Progress
from optimizer.results.formats import CERTIFICATE_FILE, RESULT_FILE
from optimizer.workload.reader import parse_network
from tests.support.choices import slow_unless
from tests.support.pair_results import ARCHITECTURE, NETWORK, make
from tests.support.profiles import examples
from tests.support.stored_results import solve, written
from tests.support.tampering import Tamper, changed, leaves, put, replaced, shift_floor

TECHNOLOGY = ("problem", "architecture", "technology")
UNCHECKED = {"versions", "seed", "wall_s", "search", "infeasible"}


@pytest.fixture(scope="module")
def energy() -> StoredResult:
    """Least energy under all kinds of budgets that bind nothing but the area."""
    return make("energy", area_mm2="0.06", latency_ms="1", dram_gbps="1.5")


@pytest.fixture(scope="module")
def edp() -> StoredResult:
    """Least energy-delay product."""
    return make("edp", accounting="looptree")


@pytest.fixture(scope="module", params=["energy", "edp"])
def result(request: pytest.FixtureRequest) -> StoredResult:
    """Both of them."""
    found: StoredResult = request.getfixturevalue(request.param)
    return found


def failed(found: Verification) -> list[str]:
    """Names of the checks that failed."""
    assert found.ok == all(check.ok for check in found.checks)
    return [check.name for check in found.checks if not check.ok]


def test_real_results_pass(result: StoredResult) -> None:
    messages: list[Progress] = []
    found = verify(result, progress=messages.append)
    assert not failed(found), found.checks
    assert result.status == "OPTIMAL"
    assert messages
    names = {check.name for check in found.checks}
    assert {"problem", "hardware", "mappings", "totals", "boxes", "bounds", "proof again"} <= names


def test_a_thorough_check_proves_all_floors(energy: StoredResult) -> None:
    found = verify(energy, thorough=True)
    assert not failed(found), found.checks
    assert found.complete and found.share == 1
    assert "; all " in found.verdict and "(100 % of the bound)" in found.verdict


@pytest.mark.slow
@pytest.mark.parametrize(
    "objective, budgets, status",
    [
        pytest.param("latency", {}, "OPTIMAL", marks=pytest.mark.slow),
        pytest.param("edp", {"power_w": "0.05"}, "OPTIMAL", marks=pytest.mark.slow),
        ("latency", {"power_w": "0.05"}, "OPTIMAL"),
        ("energy", {"latency_ms": "0.0011"}, None),
        pytest.param("edp", {"latency_ms": "0.0012", "energy_mj": "0.0001"}, None, marks=pytest.mark.slow),
        pytest.param("latency", {"energy_mj": "0.00000001"}, "INFEASIBLE", marks=pytest.mark.slow),
        ("energy", {"area_mm2": "0.001"}, "INFEASIBLE"),
    ],
)
def test_results_under_budgets_pass(objective: str, budgets: dict[str, str], status: str | None) -> None:
    result = make(objective, padding="none", **budgets)
    assert status is None or result.status == status
    found = verify(result)
    assert not failed(found), found.checks


def test_a_result_cut_short_passes() -> None:
    architecture = parse_architecture(load_exact(ARCHITECTURE))
    result = solve(parse_network(NETWORK), architecture, objective="energy", time_limit_s=0.0)
    assert result.status in ("UNKNOWN", "FEASIBLE")
    assert not failed(verify(result))


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), by=st.sampled_from([-1, 1, 1000]))
def test_any_changed_leaf_of_the_result_is_caught(result: StoredResult, data: st.DataObject, by: int) -> None:
    stored = StoredResult(json.loads(json.dumps(result.data)), result.certificate)
    known = {key: value for key, value in stored.data.items() if key not in UNCHECKED}
    paths = [path for path in leaves(known) if path[:3] != TECHNOLOGY]
    path = data.draw(st.sampled_from(paths) | st.sampled_from(leaves(known)))
    bad = changed(stored, lambda d, c: put(d, path, lambda v: replaced(v, by)))
    assert failed(verify(bad)), path


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), by=st.sampled_from([-1, 1, 10**9]))
def test_any_changed_leaf_of_the_certificate_is_caught(energy: StoredResult, data: st.DataObject, by: int) -> None:
    stored = StoredResult(energy.data, json.loads(json.dumps(energy.certificate)))
    path = data.draw(st.sampled_from(leaves(stored.certificate)))
    bad = changed(stored, lambda d, c: put(c, path, lambda v: replaced(v, by)))
    assert failed(verify(bad)), path


@pytest.mark.parametrize("key", ["mapping", "energy_pj", "accesses", "latency_cycles", "dims", "utilization"])
def test_a_missing_field_of_a_layer_is_caught(result: StoredResult, key: str) -> None:
    assert failed(verify(changed(result, lambda d, c: d["layers"][0].pop(key))))


@pytest.mark.parametrize("part", ["data", "certificate"])
def test_any_missing_key_is_caught(result: StoredResult, part: str) -> None:
    for key in set(getattr(result, part)) - UNCHECKED:
        assert failed(verify(changed(result, lambda d, c, k=key: (d if part == "data" else c).pop(k)))), key


def swap_loops(data: dict[str, Any], certificate: dict[str, Any]) -> None:
    """Let a loop and the node beside it change places: the outer one of both, if there is one, else the inner one."""
    for outer, inner in (("for", "keep"), ("keep", "for")):
        for layer in data["layers"]:
            items = layer["mapping"] or []
            for n in range(3, len(items) - 1):
                if outer in items[n] and inner in items[n + 1]:
                    items[n : n + 2] = items[n + 1], items[n]
                    return
    raise AssertionError("no loop stands beside a node")


def raise_bound(data: dict[str, Any], certificate: dict[str, Any]) -> None:
    """A loop with one trip more."""
    next(i for i in data["layers"][0]["mapping"] if "bound" in i)["bound"] += 1


def other_design(data: dict[str, Any], certificate: dict[str, Any]) -> None:
    """The certificate names another point."""
    certificate["design"][-1] = 1 - certificate["design"][-1]


def relabel(status: str) -> Tamper:
    """Another status in both files."""

    def tamper(data: dict[str, Any], certificate: dict[str, Any]) -> None:
        data["status"] = certificate["status"] = status

    return tamper


def rebudget(data: dict[str, Any], certificate: dict[str, Any]) -> None:
    """Another budget with the right hash."""
    data["problem"]["budgets"]["area_mm2"] = "0.001"
    data["problem_hash"] = certificate["problem_hash"] = hash_of(data["problem"])


def reobjective(data: dict[str, Any], certificate: dict[str, Any]) -> None:
    """Another objective, everywhere it is named."""
    for holder, key in ((data["problem"], "objective"), (data["objective"], "name"), (certificate, "objective")):
        holder[key] = "latency"
    data["problem_hash"] = certificate["problem_hash"] = hash_of(data["problem"])


TAMPERS: dict[str, Tamper] = {
    "order of loops": swap_loops,
    "trips": raise_bound,
    "layer twice": lambda d, c: d["layers"].append(d["layers"][0]),
    "layer gone": lambda d, c: d["layers"].pop(),
    "layers turned": lambda d, c: d["layers"].reverse(),
    "box gone": lambda d, c: c["boxes"].pop(),
    "box twice": lambda d, c: c["boxes"].append(c["boxes"][0]),
    "no boxes": lambda d, c: c["boxes"].clear(),
    "other design": other_design,
    "no design": lambda d, c: c.update(design=None),
    "feasible": relabel("FEASIBLE"),
    "infeasible": relabel("INFEASIBLE"),
    "unknown": relabel("UNKNOWN"),
    "budget": rebudget,
    "objective": reobjective,
    "floors gone": lambda d, c: c["boxes"][0].update(energy_floors=[]),
    "wrong reason": lambda d, c: c["boxes"][-1].update(closed_by="infeasible"),
    "side turned": lambda d, c: c["boxes"][-1].update(box=[side[::-1] for side in c["boxes"][-1]["box"]] + [[0, 0]]),
    "text as a box": lambda d, c: c["boxes"][0].update(box="all"),
    "layers as text": lambda d, c: d.update(layers="none"),
    "problem as a list": lambda d, c: d.update(problem=[]),
    "zero denominators": lambda d, c: c.update(bound="1/0"),
}


@pytest.mark.parametrize("tamper", TAMPERS.values(), ids=TAMPERS.keys())
def test_tampering_is_caught(result: StoredResult, tamper: Tamper) -> None:
    assert failed(verify(changed(result, tamper)))


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_a_raised_floor_with_its_bound_is_refuted(energy: StoredResult, number: int) -> None:
    bad = changed(energy, shift_floor(10**9, number))
    found = verify(bad, thorough=True)
    assert failed(found) == ["proof again"], found.checks


@pytest.mark.slow
@pytest.mark.parametrize("route", [Route.CHECKER, Route.CP_SAT, Route.PATH])
def test_every_route_proves_and_refutes(energy: StoredResult, route: Route, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("by_own_search", "by_program")[: [Route.CHECKER, Route.CP_SAT, Route.PATH].index(route)]:
        monkeypatch.setattr(statements, name, lambda *_: None)
    claim = rebuild(energy.data, changed(energy, shift_floor(10**9, 0)).certificate)
    assert [check.ok for check in reprove(claim, Effort(True, 0), engine=PathEngine())] == [False]
    claim, effort = rebuild(energy.data, energy.certificate), Effort(True, 0)
    assert [check.ok for check in reprove(claim, effort, engine=PathEngine())] == [True]
    assert set(effort.tallies[0].by) - {Route.COUNTING} == {route}
    assert effort.tallies[0].twice == (effort.tallies[0].by[route] if route is Route.CHECKER else 0)


def test_a_raised_bound_of_a_solved_point_is_refuted(edp: StoredResult) -> None:
    def tamper(data: dict[str, Any], certificate: dict[str, Any]) -> None:
        design = [[i, i] for i in certificate["design"]]
        for box in certificate["boxes"]:
            if box["closed_by"] == "solved" and box["box"] != design:
                box["bound"] = str(2 * Fraction(box["bound"]))
                return

    if sum(box["closed_by"] == "solved" for box in edp.certificate["boxes"]) > 1:
        assert failed(verify(changed(edp, tamper), thorough=True)) == ["points again"]


@pytest.mark.slow
def test_fronts_prove_what_lines_prove(edp: StoredResult, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = rebuild(json.loads(json.dumps(edp.data)), json.loads(json.dumps(edp.certificate)))
    solved = tuple(entry for entry in claim.entries if entry.by == "solved")
    monkeypatch.setattr(points_again, "prove", lambda *_: None)
    for entry in solved:
        derived = points_again.derive(claim, entry, PathEngine(), Stop(), str)
        assert not derived.faults and derived.statements
        for statement in derived.statements:
            found = statements.by_program(statement, claim.accounting, 60.0)
            assert found == (Route.CP_SAT, "", ""), statement
    value = claim.value
    assert value is not None
    raised = next(replace(e, bound=value + 1) for e in solved if e.box == claim.design)
    assert points_again.derive(claim, raised, PathEngine(), Stop(), str).faults


def test_hardware_that_does_not_bound_a_point_is_seen(energy: StoredResult) -> None:
    claim = rebuild(energy.data, energy.certificate)
    points = list(claim.points.points.values())
    corner = claim.points.corner(claim.points.whole)
    assert not any(list(worse(corner, point)) for point in points)
    assert any(list(worse(points[0], point)) for point in points)
    expensive = replace(corner, mac_energy=corner.mac_energy + 1)
    assert list(worse(expensive, points[0])) == ["mac_energy"]


def test_widest_spread() -> None:
    assert least_cycles.widest((("K", 6), ("C", 4)), (4, 3), (("K",), ("C",))) == 6
    assert least_cycles.widest((("K", 6), ("C", 4)), (4, 3), (None, None)) == 12
    assert least_cycles.widest((("K", 7),), (4, 3), (None, None)) == 1


def test_files(tmp_path: Path, energy: StoredResult) -> None:
    folder = written(energy, tmp_path / "out")
    assert verify(folder).ok
    assert verify(str(folder)).ok
    assert CliRunner().invoke(main, ["verify", str(folder), "--quiet"]).exit_code == 0
    data = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
    data["layers"][0]["energy_pj"] += 1
    (folder / RESULT_FILE).write_text(json.dumps(data), encoding="utf-8")
    outcome = CliRunner().invoke(main, ["verify", str(folder), "--quiet"])
    assert outcome.exit_code == 1
    assert "mappings" in outcome.output


OWN_TECHNOLOGY = """
name: own
description: numbers without a binary float
node_nm: 45
energy_unit: pJ
units_per_energy: 1000
clock_mhz: 500
sources: {fraction: a source with an unlucky key}
mac: [{type: int, bits: 16, energy: 0.1, area_um2: 1000.25, source: fraction}]
pe_overhead: {area_um2: 100, source: fraction}
vector: {energy: 0.7, lane_um2: 10, source: fraction}
components:
  dram: {kind: constant, word_bits: 64, read: 1280, write: 1280.5, source: fraction}
  sram: {kind: constant, word_bits: 64, read: 8.3, write: 9.1, area_um2_per_bit: 0.44, source: fraction}
  regfile: {kind: constant, word_bits: 16, read: 0.2, write: 0.3, area_um2_per_bit: 2.8, source: fraction}
"""


@pytest.fixture(scope="module")
def own_technology(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved result whose architecture and technology came from files that are gone since."""
    place = tmp_path_factory.mktemp("own")
    files = place / "files"
    files.mkdir()
    (files / "own.yaml").write_text(OWN_TECHNOLOGY, encoding="utf-8")
    (files / "chip.yaml").write_text(ARCHITECTURE.replace("generic45", "own.yaml"), encoding="utf-8")
    found = solve(parse_network(NETWORK), load_architecture(files / "chip.yaml"), objective="energy")
    shutil.rmtree(files)
    return written(found, place / "out")


@pytest.mark.slow
def test_a_result_needs_no_file_besides(own_technology: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(technology_reader, "read_spec", None)
    found = verify(own_technology)
    assert found.ok, found.checks


RETOUCHES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "multiplier": lambda t: t["mac"][0].update(energy={"fraction": "1/20"}),
    "off-chip reads": lambda t: t["components"]["dram"].update(read=640),
    "area": lambda t: t["pe_overhead"].update(area_um2=99),
    "unit": lambda t: t.update(units_per_energy=100),
    "nothing but text": lambda t: t.update(description="another"),
}


@pytest.mark.parametrize("rehashed", [False, True])
@pytest.mark.parametrize(
    "retouch",
    slow_unless([RETOUCHES["multiplier"]], RETOUCHES.values()),
    ids=RETOUCHES.keys(),
)
def test_another_technology_in_the_result_is_caught(
    own_technology: Path, retouch: Callable[[dict[str, Any]], Any], rehashed: bool
) -> None:
    def tamper(data: dict[str, Any], certificate: dict[str, Any]) -> None:
        retouch(data["problem"]["architecture"]["technology"])
        if rehashed:
            data["problem_hash"] = certificate["problem_hash"] = hash_of(data["problem"])

    told = failed(verify(changed(load(own_technology), tamper)))
    harmless = rehashed and retouch is RETOUCHES["nothing but text"]
    assert bool(told) != harmless
    assert rehashed or "problem" in told


def test_a_technology_by_name_is_not_read(energy: StoredResult) -> None:
    def tamper(data: dict[str, Any], certificate: dict[str, Any]) -> None:
        data["problem"]["architecture"]["technology"] = "generic45"
        data["problem_hash"] = certificate["problem_hash"] = hash_of(data["problem"])

    assert failed(verify(changed(energy, tamper))) == ["problem"]


@pytest.mark.parametrize("data", [{"fraction": "1/2"}, {"mapping": {"fraction": Fraction(1, 3)}}, [{}, {"a": 1}]])
def test_exact_data_comes_back(data: Any) -> None:
    assert decode_exact(json.loads(json.dumps(encode_exact(data)))) == data


@pytest.mark.parametrize("name", [RESULT_FILE, CERTIFICATE_FILE])
@pytest.mark.parametrize("text", ["{", "[]", None])
def test_damaged_files_are_errors(tmp_path: Path, energy: StoredResult, name: str, text: str | None) -> None:
    folder = written(energy, tmp_path / "out")
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(SpecError):
        verify(folder)
