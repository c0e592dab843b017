"""Caps out of reach are closed without a search, and what is said of them then holds."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from formulations.engines import PathEngine
from formulations.primes import divisors
from formulations.spatial_vectors import spatial_vectors
from formulations.spread import widest
from optimizer import api
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.reader import load_architecture
from optimizer.checker.again import verify, verify_joint
from optimizer.checker.effort import Route
from optimizer.features import front as front_study
from optimizer.features import study
from optimizer.networks.load import load
from optimizer.pricing.lowering import lower
from optimizer.problem.problem import Problem
from optimizer.report.solve import infeasible_text
from optimizer.results.result import Result
from optimizer.search.instant_bounds import AtOnce
from optimizer.search.prepared_problem import prepare
from optimizer.studies.metrics import Range
from optimizer.workload.layer import conv
from optimizer.workload.reader import parse_network
from tests.support.choices import slow_unless
from tests.support.codesign_cases import capped, joint
from tests.support.tiny_problem import NETWORK, TINY, under
from tests.support.wide_chip import CHIP

IMPOSSIBLE = [
    ({"latency_ms": "0.0001"}, ["latency_ms"]),
    ({"energy_mj": "0.001"}, ["energy_mj"]),
    ({"latency_ms": "20", "power_w": "0.0001"}, ["latency_ms", "power_w"]),
    ({"latency_ms": "0.0001", "energy_mj": "1000", "area_mm2": "4"}, ["latency_ms"]),
]


def edge(budgets: dict[str, str], preset: str = "edge_small") -> Architecture:
    limits = Budgets(**{name: Fraction(limit) for name, limit in budgets.items()})
    return load_architecture(preset).with_budgets(limits)


@pytest.fixture
def no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever searches fails."""

    def searched(*_: object, **__: object) -> None:
        raise AssertionError("a layer was searched")

    monkeypatch.setattr(PathEngine, "solve", searched)


@pytest.mark.parametrize(
    ("budgets", "blamed"), slow_unless(IMPOSSIBLE[:1], IMPOSSIBLE), ids=[" ".join(budgets) for budgets, _ in IMPOSSIBLE]
)
def test_caps_out_of_reach_need_no_search(no_search: None, budgets: dict[str, str], blamed: list[str]) -> None:
    result = api.solve(load("resnet18"), edge(budgets))
    assert result.status == "INFEASIBLE"
    reason = result.to_json()["infeasible"]
    assert reason["budgets"] == blamed and not reason["complete"]
    assert [entry["budget"] for entry in reason["relaxations"]] == blamed
    for entry in reason["relaxations"]:
        assert not entry["exact"] and entry["least"] > entry["limit"] and "needs at least" in entry["text"]
    told = str(infeasible_text(result.body.infeasible))
    assert f"No design without {'this' if len(blamed) == 1 else 'one of these'}:" in told
    one = f"the budget {blamed[0]} excludes it."
    assert (one if len(blamed) == 1 else f"these budgets exclude it together: {', '.join(blamed)}.") in told


@pytest.mark.slow
def test_the_roofline_is_stated(no_search: None) -> None:
    """1.8 G multiply-accumulates on 32 x 32 multipliers at 500 MHz take 3.5 ms."""
    network = load("resnet18")
    (entry,) = api.solve(network, edge({"latency_ms": "1"}, "edge")).to_json()["infeasible"]["relaxations"]
    assert 1000 * network.macs / (32 * 32 * 500e6) <= entry["least"] < 5


@pytest.mark.slow
@pytest.mark.parametrize("objective", slow_unless(["edp"], ["energy", "latency", "edp"]))
def test_a_certificate_of_caps_out_of_reach_verifies(
    no_search: None, objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    caps = ({"latency_ms": "0.0001"}, {"energy_mj": "0.000001"})
    results = [
        api.solve(parse_network(NETWORK), under(budgets), objective=objective, time_limit_s=0.0) for budgets in caps
    ]
    monkeypatch.undo()  # the least relaxations are sought again
    for result in results:
        assert result.status == "INFEASIBLE", "whatever the time"
        checked = verify(result, thorough=True)
        assert checked.ok and all(set(tally.by) <= {Route.COUNTING} for tally in checked.proofs)


@pytest.mark.slow
def test_a_time_limit_asks_for_the_least_relaxation() -> None:
    network, architecture = load("resnet18"), edge({"latency_ms": "0.0001"})
    quick = api.solve(network, architecture).to_json()["infeasible"]["relaxations"][0]
    longer = api.solve(network, architecture, time_limit_s=1.0).to_json()["infeasible"]["relaxations"][0]
    assert longer["least"] >= quick["least"]
    tiny = api.solve(parse_network(NETWORK), under({"latency_ms": "0.0001"}))
    assert tiny.to_json()["infeasible"]["complete"] and tiny.to_json()["infeasible"]["relaxations"][0]["exact"]


@pytest.mark.parametrize("name", ["latency_ms", "energy_mj"])
def test_no_design_is_below_what_is_known_at_once(name: str) -> None:
    objective = {"latency_ms": "latency", "energy_mj": "energy"}[name]
    prepared = prepare(Problem(parse_network(NETWORK), under({name: "1"}), objective))
    known = AtOnce(prepared, list(prepared.points.points.values()))
    least = known.least(name, TINY.limits)
    found = api.solve(parse_network(NETWORK), TINY, objective=objective).to_json()
    exact = found["latency_ms"] if name == "latency_ms" else found["energy_pj"] / 1e9
    assert least is not None and 0.2 * exact < least <= exact


def studies() -> list[Callable[[], Result]]:
    network, area = load("resnet18"), [Range("area-mm2", Fraction(2), Fraction(6))]
    return [
        lambda: study(network, edge({"latency_ms": "0.0001"}), area),
        lambda: study(network, edge({"energy_mj": "0.001"}), area, objective="edp"),
        lambda: front_study(network, edge({"latency_ms": "0.0001"}), []),
        lambda: front_study(network, edge({"energy_mj": "0.001"}), [Range("latency-ms")], objective="energy"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("number", slow_unless([1, 2], range(4)))
def test_studies_of_caps_out_of_reach_need_no_search(no_search: None, number: int) -> None:
    result = studies()[number]()
    assert result.to_json()["study"]["status"] == "INFEASIBLE" and result.to_json()["study"]["designs"] == []
    assert verify(result).ok


def test_areas_without_a_design_need_no_search(no_search: None) -> None:
    """The smallest chip that holds all layers is a design."""
    few = [Range("area-mm2", Fraction("0.1"), Fraction("0.3"))]
    section = study(load("resnet18"), load_architecture("edge_small"), few).to_json()["study"]
    points = load_architecture("edge_small").points()
    smallest = min(point.area_um2 for point in points)
    assert section["status"] == "INFEASIBLE"
    assert section["least"] == [{"area-mm2": str(Fraction(smallest, 10**6))}]


@pytest.mark.slow
def test_a_codesign_with_a_cap_out_of_reach_needs_no_search(no_search: None, monkeypatch: pytest.MonkeyPatch) -> None:
    caps = ({"latency_ms": "0.000001"}, {"energy_mj": "0.0000001"})
    results = [joint("small", capped("large", **cap), time_limit_s=0.0) for cap in caps]
    monkeypatch.undo()  # the least relaxations are sought again
    for cap, found in zip(caps, results, strict=True):
        assert found.status == "INFEASIBLE"
        reason = found.to_json()["infeasible"]
        assert reason["networks"] == ["large"] and reason["alone"]["large"]["budgets"] == list(cap)
        assert found.alone["small"].status == "UNKNOWN", "it was not sought"
        assert verify_joint(found, thorough=True).ok


def test_the_widest_spread_is_that_of_all_vectors() -> None:
    rng = random.Random(5)
    hardware = next(iter(load_architecture("edge").points()))
    for _ in range(60):
        extents = {dim: rng.randint(1, 24) for dim in "KCPR"}
        problem = lower(conv("layer", extents), hardware)
        fanout = rng.randint(1, 16), rng.randint(1, 16)
        along: list[Any] = [tuple(rng.random() < 0.7 for _ in problem.extents) for _ in "XY"]
        level = replace(problem.levels[1], fanout=fanout, spatial_x=along[0], spatial_y=along[1])
        other = replace(problem, levels=(problem.levels[0], level, problem.levels[2]))
        most = int(spatial_vectors(other, 1).prod(axis=1).max())
        assert widest(problem.extents, fanout, along[0], along[1]) == most


@pytest.mark.parametrize("fanout", [(10**5, 10**5), (10**9, 2), (2, 10**9), (10**18, 10**18)])
def test_the_widest_spread_depends_on_the_extents_alone(fanout: tuple[int, int]) -> None:
    """A table as large as the array would not fit into memory."""
    extents, free = (32, 512, 512, 56, 56, 3, 3), (True,) * 7
    factors = [a for a in divisors(math.prod(extents)) if a <= min(fanout)]
    other = [b for b in divisors(math.prod(extents)) if b <= max(fanout)]
    most = max(a * next(b for b in reversed(other) if math.prod(extents) % (a * b) == 0) for a in factors)
    assert widest(extents, fanout, free, free) == most


def test_an_array_of_any_size_keeps_the_time_limit(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text(CHIP.replace("array: {x: [4, 8], y: 4}", "array: {x: 100000, y: 100000}"))
    layer = conv("layer", {"K": 64, "C": 64, "P": 28, "R": 3})
    result = api.map_layer(layer, load_architecture(tmp_path / "chip.yaml"), time_limit_s=0.01, workers=1)
    assert result.objective.bound > 0
