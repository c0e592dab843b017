"""Engines: their results are shown, verified and compared like all others; forged ones fail."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import optimizer
from formulations.engines import CpSatEngine, CutShortError, PathEngine
from formulations.nest import FanOutItem, LoopItem, Nest, NodeItem
from formulations.nest_check import is_nest_of
from formulations.stop import Stop
from optimizer.errors import SpecError
from optimizer.pricing.lowering import lower
from optimizer.problem.fusion_options import Fusion
from optimizer.problem.space import SPACE
from optimizer.store.store import Store
from tests.support.choices import slow_if
from tests.support.command_line import bad, good, run

ARCHITECTURE = str(Path(__file__).parents[2] / "examples" / "my_arch.yaml")
NETWORK = """
name: pair
layers:
  - {name: c, type: conv, dims: {K: 4, C: 2, P: 4, R: 3}}
  - {name: m, type: matmul, dims: {M: 4, N: 6, K: 8}}
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("engines") / "pair.yaml"
    path.write_text(NETWORK, encoding="utf-8")
    return str(path), "-a", ARCHITECTURE, "--choose", "RF.size=128 words", "--no-cache", "--quiet"


@pytest.fixture(scope="module")
def solved(asked: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("engines") / "path"
    good("solve", *asked, "--engine", "path", "--out", out)
    return out


def data_of(folder: Path, name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return data


@pytest.mark.slow
def test_it_is_verified_as_a_whole(solved: Path) -> None:
    """By other searches: the checker's own one, and the program over the same nests."""
    outcome = good("verify", solved, "--thorough")
    assert "by the checker's own search" in outcome.output and "by CP-SAT too" in outcome.output
    assert "Every loop nest" in good("show", solved).output


@pytest.mark.parametrize("engine", slow_if(["cp-sat", "both"], ["cp-sat", "both"]))
def test_other_engines_find_the_same(solved: Path, asked: tuple[str, ...], tmp_path: Path, engine: str) -> None:
    good("solve", *asked, "--engine", engine, "--out", tmp_path / engine)
    path, other = (optimizer.load_result(folder) for folder in (solved, tmp_path / engine))
    assert other.status == "OPTIMAL" and other.certificate.value == path.certificate.value
    assert other.to_json()["space"]["text"] == SPACE
    assert other.to_json()["problem"]["engine"] == engine
    good("verify", tmp_path / engine, "--thorough")


def test_auto_is_the_default_and_not_recorded(asked: tuple[str, ...], tmp_path: Path) -> None:
    good("solve", *asked, "--engine", "auto", "--out", tmp_path / "auto")
    good("solve", *asked, "--out", tmp_path / "plain")
    problems = [optimizer.load_result(tmp_path / name).to_json()["problem"] for name in ("auto", "plain")]
    assert problems[0] == problems[1] and "engine" not in problems[0]


def test_engines_that_disagree_are_an_internal_fault(
    asked: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = CpSatEngine.solve

    def wrong(self: CpSatEngine, *question: Any, **more: Any) -> Nest | None:
        found = true(self, *question, **more)
        return None if found is None else replace(found, energy=found.energy + 1)

    monkeypatch.setattr(CpSatEngine, "solve", wrong)
    outcome = run("solve", *asked, "--engine", "both", "--out", tmp_path / "both")
    assert outcome.exit_code == 70 and "by CP-SAT" in outcome.output


@pytest.mark.slow
def test_a_solve_cut_short_is_honest(monkeypatch: pytest.MonkeyPatch) -> None:
    """FEASIBLE with a bound if the program had a nest, UNKNOWN without one; never OPTIMAL."""
    layer = optimizer.load("alexnet").mac_layers()[2]
    architecture = optimizer.load_architecture("eyeriss")
    best = optimizer.map_layer(layer, architecture, engine="path")
    true = CpSatEngine.solve

    def cut_short(with_nest: bool) -> Any:
        def solve(self: CpSatEngine, *question: Any, **more: Any) -> None:
            found = true(self, *question, **more)
            assert found is not None
            raise CutShortError(found if with_nest else None, found.energy - 1)

        return solve

    for with_nest, status in ((True, "FEASIBLE"), (False, "UNKNOWN")):
        monkeypatch.setattr(CpSatEngine, "solve", cut_short(with_nest))
        found = optimizer.map_layer(layer, architecture, engine="cp-sat")
        assert found.status == status
        assert found.certificate.bound is not None and best.objective is not None
        assert int(found.certificate.bound) <= int(best.certificate.value)


@pytest.mark.slow
def test_the_question_names_the_engine(solved: Path, asked: tuple[str, ...]) -> None:
    network, *rest = asked
    question = ["--network", network, *rest[:4]]
    good("verify", solved, *question, "--engine", "path")
    good("verify", solved, *question)
    assert run("verify", solved, *question, "--engine", "cp-sat").exit_code == 1


@pytest.mark.parametrize("share", slow_if([1.2], [1.0005, 1.2]))
def test_a_floor_that_lies_fails(solved: Path, tmp_path: Path, share: float) -> None:
    """The floors of all boxes but the best are raised, with their bounds."""
    result, certificate = data_of(solved, "result.json"), data_of(solved, "certificate.json")
    closed = [box for box in certificate["boxes"] if [low for low, _ in box["box"]] != certificate["design"]]
    assert closed
    for box in closed:
        floors = [int(floor * share) for floor in box["energy_floors"]]
        box["bound"] = str(int(box["bound"]) + sum(floors) - sum(box["energy_floors"]))
        box["energy_floors"] = floors
    for name, data in (("result.json", result), ("certificate.json", certificate)):
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
    assert run("verify", tmp_path, "--thorough").exit_code == 1


def test_an_unknown_engine_is_refused(solved: Path, tmp_path: Path, asked: tuple[str, ...]) -> None:
    assert "allowed: auto, path, cp-sat, both" in bad("solve", *asked, "--engine", "paths")
    network, architecture = optimizer.load_network(asked[0]), optimizer.load_architecture(ARCHITECTURE)
    with pytest.raises(SpecError, match="unknown engine"):
        optimizer.solve(network, architecture, engine="paths")
    with pytest.raises(SpecError, match="CP-SAT does not price groups"):
        optimizer.solve(network, architecture, engine="cp-sat", fusion=Fusion())
    result, certificate = data_of(solved, "result.json"), data_of(solved, "certificate.json")
    result["problem"]["engine"] = "cp-sat"
    for name, data in (("result.json", result), ("certificate.json", certificate)):
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
    assert run("verify", tmp_path).exit_code == 1


def test_what_is_no_nest_of_the_problem_is_not_taken_from_a_store() -> None:
    architecture = optimizer.load_architecture(ARCHITECTURE)
    layer = optimizer.load("alexnet").mac_layers()[2]
    problem = lower(layer, next(iter(architecture.points())))
    nest = PathEngine().solve(problem)
    assert nest is not None and is_nest_of(problem, nest)
    store = Store()
    store.note_optimum("key", nest)
    assert store.optimum("key") == (True, nest)
    items = nest.items
    fan = next(n for n, item in enumerate(items) if isinstance(item, FanOutItem) and max(item.factors) > 1)
    spread = items[fan]
    assert isinstance(spread, FanOutItem)
    wrong = {
        "twice the loop": (*items, LoopItem(0, 2)),
        "a dim there is not": (*items, LoopItem(9, 1)),
        "no node of a tensor": tuple(item for item in items if item != NodeItem(0, 0)),
        "a level there is not": (*items, NodeItem(1, 7)),
        "a node twice": (items[0], *items),
        "a fan-out twice": (*items[: fan + 1], replace(spread, factors=(1,) * len(spread.factors)), *items[fan + 1 :]),
        "too wide": tuple(replace(i, factors=tuple(64 * f for f in i.factors)) if i == spread else i for i in items),
    }
    for name, changed in wrong.items():
        assert not is_nest_of(problem, Nest(changed, nest.energy, nest.latency)), name
    assert not is_nest_of(problem, replace(nest, latency=0))


@pytest.mark.slow
def test_cp_sat_searches_and_verifies_without_compiled_kernels(tmp_path: Path) -> None:
    """Numba may be missing."""
    script = f"""
import sys
sys.modules.update(numba=None, llvmlite=None)
import optimizer
from optimizer.workload.layer import matmul
layer = matmul("m", {{"M": 4, "N": 6, "K": 8}})
result = optimizer.map_layer(layer, optimizer.load_architecture("eyeriss"), engine="cp-sat")
assert result.status == "OPTIMAL"
optimizer.save(result, {str(tmp_path / "out")!r})
assert optimizer.verify({str(tmp_path / "out")!r}, thorough=True).ok
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)


def test_a_stopped_shortest_path_tells_its_bound() -> None:
    layer = optimizer.load("alexnet").mac_layers()[2]
    hardware = next(iter(optimizer.load_architecture("eyeriss").points()))
    problem = lower(layer, hardware)
    best = PathEngine().solve(problem)
    assert best is not None
    stop = Stop()
    stop.request()
    for cutoff in (None, (best.energy, 0)):
        with pytest.raises(CutShortError) as caught:
            PathEngine().solve(problem, cutoff=cutoff, stop=stop)
        most = best.energy if cutoff is None else cutoff[0]
        assert 0 < caught.value.bound <= most


@pytest.mark.slow
def test_a_missing_package_is_named(asked: tuple[str, ...]) -> None:
    script = f"import sys\nsys.modules.update(numba=None)\nfrom optimizer.cli import main\nmain({['solve', *asked]!r})"
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3 and "numba is not installed" in done.stderr


@pytest.mark.slow
def test_the_result_says_what_the_searches_did(solved: Path, asked: tuple[str, ...], tmp_path: Path) -> None:
    good("solve", *asked, "--engine", "path", "--workers", "1", "--out", tmp_path / "one")
    good("solve", *asked, "--engine", "path", "--workers", "1", "--out", tmp_path / "two")
    (effort,) = data_of(tmp_path / "one", "result.json")["search"]
    assert [effort] == data_of(tmp_path / "two", "result.json")["search"], "with one worker it is the same each time"
    assert effort["engine"] == "path" and effort["searches"] >= 2 and effort["seen"] > effort["kept"] > 0
    good("solve", *asked, "--engine", "both", "--out", tmp_path / "both")
    assert [one["engine"] for one in data_of(tmp_path / "both", "result.json")["search"]] == ["path", "cp-sat"]
    assert "search " in run("show", solved).stdout
    body = optimizer.load_result(tmp_path / "both").body
    assert body.search is not None and body.search[1].searches >= 2  # type: ignore[union-attr]


def test_what_the_store_answers_is_not_searched(asked: tuple[str, ...], tmp_path: Path) -> None:
    cached = [word for word in asked if word != "--no-cache"]
    for name in ("first", "second"):
        good("solve", *cached, "--cache", tmp_path / "cache", "--out", tmp_path / name)
    (first,), (second,) = (data_of(tmp_path / name, "result.json")["search"] for name in ("first", "second"))
    assert first["kept"] > 0 and second == {**first, "searches": 0, "seen": 0, "kept": 0}
