"""Where search and cost model disagree the design is kept and written, nothing is claimed, and the exit code is 70."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from formulations.engines import PathEngine
from formulations.nest import Nest
from optimizer import api
from optimizer.architecture.reader import parse_architecture
from optimizer.checker.again import verify, verify_folder
from optimizer.cli import main
from optimizer.errors import InternalDisagreementError, SpecError, TilewrightError
from optimizer.files.exact_yaml import load_exact
from optimizer.fusion.tile_pricer import Runs
from optimizer.pricing import layer_pricer
from optimizer.problem.disagreement import disagreement
from optimizer.problem.fusion_options import Fusion
from optimizer.report.solve import full_report, to_text
from optimizer.results.kinds import SolveResult
from optimizer.results.load import save_result
from optimizer.store.store import Store
from optimizer.studies import staircase
from optimizer.workload.reader import parse_network
from tests.support.choices import slow_if
from tests.support.codesign_cases import ARCHITECTURE, architecture, joint, network
from tests.support.fused_block import ARCHITECTURE as FUSED_CHIP
from tests.support.fused_block import NETWORK as BLOCK

LAYER = "{name: fc, type: matmul, dims: {M: 8, N: 8, K: 8}}"


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the search state energies, or latencies, that are too low."""

    def install(pricer: Any = PathEngine, search: str = "solve", **less: int) -> None:
        right = getattr(pricer, search)

        def searched(*arguments: Any, **options: Any) -> Nest | None:
            found: Nest | None = right(*arguments, **options)
            if found is None:
                return None
            low = {name: getattr(found, name) - value for name, value in less.items()}
            return replace(found, **low)

        monkeypatch.setattr(pricer, search, searched)

    return install


def check(result: SolveResult, *words: str) -> None:
    """The result keeps a design, claims nothing, and names what happened; its numbers are those of the cost model."""
    assert result.status == "FEASIBLE"
    text = "\n".join(result.to_json()["disagreements"])
    for word in (*words, "internal disagreement", "tilewright", "ortools", "numba", "report"):
        assert word in text, word
    assert "internal disagreement" in to_text(full_report(result.body))
    assert {box.closed_by for box in result.certificate.boxes} == {"open"}
    assert verify(result).ok, [c.detail for c in verify(result).checks if not c.ok]


def solved(objective: str) -> SolveResult:
    return api.solve(network("large"), architecture(), objective=objective)


@pytest.mark.slow
@pytest.mark.parametrize("objective", slow_if(["latency"], ["energy", "latency", "edp"]))
@pytest.mark.parametrize("less", [{"energy": 7}, {"latency": 1}])
def test_the_design_is_kept_without_a_bound(objective: str, less: dict[str, int], wrong: Callable[..., None]) -> None:
    optimum = solved(objective)
    wrong(**less)
    result = solved(objective)
    check(result, "layer fc", "the search says", "the cost model says")
    value, bound = int(result.certificate.value), int(result.certificate.bound)
    assert value >= int(optimum.certificate.value)
    assert 0 < bound <= int(optimum.certificate.value)


def test_a_search_that_misses_a_known_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the larger of two arrays the search finds nothing, though the mapping of the smaller one fits."""
    (layer,) = network("large").mac_layers()
    small, large = architecture("64 words").points()
    pricer = layer_pricer.Pricer(layer, 1, "timeloop", {}, Store(None))
    assert pricer.price(small) is not None
    monkeypatch.setattr(PathEngine, "solve", lambda *_, **__: None)
    with pytest.raises(InternalDisagreementError, match=r"layer fc has a mapping of energy .* none as good"):
        pricer.price(large)


def test_a_disagreement_ends_the_exploration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The design known by then is kept."""
    right, calls = layer_pricer.Pricer.price, []

    def price(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > 2:
            raise disagreement("layer fc has two optima")
        return right(*arguments, **options)

    monkeypatch.setattr(layer_pricer.Pricer, "price", price)
    check(solved("energy"), "layer fc has two optima")


@pytest.mark.slow
def test_fused_networks(wrong: Callable[..., None]) -> None:
    wrong(Runs, "_search", energy=7)
    result = api.solve(parse_network(BLOCK), parse_architecture(load_exact(FUSED_CHIP)), fusion=Fusion())
    check(result, "on a run of", "on the group", "the cost model says", "the walk says")


@pytest.mark.slow
def test_a_comparison_tells_of_both_designs(wrong: Callable[..., None]) -> None:
    """Layers by themselves are priced wrongly, and no group needs them."""
    wrong(energy=7)
    result = api.compare(parse_network(BLOCK), parse_architecture(load_exact(FUSED_CHIP)), fusion=Fusion())
    assert result.to_json()["comparison"]["layer_by_layer"]["status"] == "FEASIBLE"
    assert "on layer one the search says" in "\n".join(result.to_json()["disagreements"])


@pytest.mark.slow
def test_codesign_keeps_the_joint_design(
    wrong: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong(energy=7)
    found = joint("small", "large")
    assert found.status == "FEASIBLE" and found.to_json()["disagreements"]
    assert all(result.status == "FEASIBLE" for result in (*found.networks.values(), *found.alone.values()))
    monkeypatch.undo()
    told = verify_folder(save_result(found, tmp_path / "out"))
    assert told.ok, [check for check in told.checks if not check.ok]
    assert "result.json: disagreements" in told.verdict, "named, as nothing checks it"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, Path]]:
    """Runs a command with ``--out``: exit code, what it says on stderr, the folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(f"name: net\nlayers:\n  - {LAYER}\n")
    (tmp_path / "chip.yaml").write_text(ARCHITECTURE)
    (tmp_path / "other.yaml").write_text(f"name: other\nlayers:\n  - {LAYER.replace('K: 8', 'K: 12')}\n")

    def invoke(*arguments: str) -> tuple[int, str, Path]:
        fixed = ("-a", "chip.yaml", "--no-cache", "--quiet", "--out", "out")
        outcome = CliRunner().invoke(main, [*arguments, *fixed])
        return outcome.exit_code, outcome.stderr, tmp_path / "out"

    return invoke


@pytest.mark.parametrize(
    "arguments",
    [
        ("solve", "net.yaml"),
        ("map", "net.yaml"),
        ("codesign", "net.yaml", "other.yaml"),
        ("study", "net.yaml", "--vary", "buffer-kib=0.01:1"),
    ],
)
def test_exit_code_and_folder(
    arguments: tuple[str, ...], run: Callable[..., tuple[int, str, Path]], wrong: Callable[..., None]
) -> None:
    wrong(energy=7)
    code, text, folder = run(*arguments)
    assert code == 70, text
    assert "error: internal disagreement" in text and "layer fc" in text
    assert json.loads((folder / "result.json").read_text())["status"] == "FEASIBLE"


def test_a_rising_staircase_keeps_the_design_of_the_loosest_limits(
    run: Callable[..., tuple[int, str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def rises(self: object) -> None:
        raise InternalDisagreementError("internal disagreement: the optimum rises")

    monkeypatch.setattr(staircase.Staircase, "_check", rises)
    code, text, folder = run("study", "net.yaml", "--vary", "buffer-kib=0.01:1")
    assert code == 70 and "the optimum rises" in text
    assert json.loads((folder / "result.json").read_text())["status"] == "FEASIBLE"


def test_the_error_is_no_bad_input() -> None:
    assert issubclass(InternalDisagreementError, TilewrightError)
    assert not issubclass(InternalDisagreementError, SpecError)
