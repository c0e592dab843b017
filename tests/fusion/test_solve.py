"""Solving with fusion: results, their verification, the command line, and inputs that make no sense."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from formulations.stop import StoppedError
from optimizer import api
from optimizer.architecture.budgets import Budgets
from optimizer.architecture.reader import parse_architecture
from optimizer.architecture.selection import select
from optimizer.checker.again import verify
from optimizer.checker.stored import stored
from optimizer.cli import main
from optimizer.errors import SpecError
from optimizer.files.exact_yaml import load_exact
from optimizer.fusion.group_pricer import GroupPricer
from optimizer.problem.fusion_options import Fusion
from optimizer.report.solve import full_report, to_text
from optimizer.results.kinds import SolveResult
from tests.support.choices import slow_unless
from tests.support.fused_block import ARCHITECTURE, NETWORK, block, tiny


@pytest.fixture(scope="module", params=slow_unless(["energy"], ["energy", "edp", "latency"]))
def solved(request: pytest.FixtureRequest) -> SolveResult:
    return api.compare(block(), tiny(), fusion=Fusion(3), objective=request.param)


@pytest.mark.slow
def test_groups_are_part_of_the_optimum(solved: SolveResult) -> None:
    data = solved.to_json()
    assert solved.status == "OPTIMAL" and data["groups"]
    both = data["comparison"]
    assert both["fused"]["objective"] <= both["layer_by_layer"]["objective"]
    assert both["fused"]["dram_words"] < both["layer_by_layer"]["dram_words"]
    assert "at most 3 layers" in data["space"]["text"]
    inside = [name for group in data["groups"] for name in group["layers"]]
    alone = [entry["name"] for entry in data["layers"] if entry["group"] is None]
    assert sorted(inside + alone) == ["one", "sum", "three"]


def test_real_results_pass(solved: SolveResult) -> None:
    found = verify(solved)
    assert found.ok, [check for check in found.checks if not check.ok]
    assert verify(solved, thorough=True).ok


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all numbers and texts inside."""
    if isinstance(value, dict):
        return [place for key, item in value.items() for place in leaves(item, (*path, key))]
    if isinstance(value, list):
        return [place for key, item in enumerate(value) for place in leaves(item, (*path, key))]
    return [path]


def changed(data: Any, path: tuple[Any, ...]) -> Any:
    """A copy with another value at a place."""
    copied = copy.deepcopy(data)
    holder = copied
    for key in path[:-1]:
        holder = holder[key]
    value = holder[path[-1]]
    holder[path[-1]] = value + 1 if isinstance(value, (int, float)) and not isinstance(value, bool) else "other"
    return copied


@pytest.mark.slow
def test_every_number_of_a_group_is_checked(solved: SolveResult) -> None:
    for path in leaves(solved.to_json()["groups"]):
        tampered = stored(solved)
        tampered.data = changed(tampered.data, ("groups", *path))
        assert not verify(tampered).ok, path


@pytest.mark.slow
def test_figures_of_the_comparison_are_checked(solved: SolveResult) -> None:
    for name in ("energy_pj", "latency_cycles", "dram_words", "objective"):
        tampered = stored(solved)
        tampered.data = changed(tampered.data, ("comparison", "fused", name))
        assert not verify(tampered).ok, name


def test_the_report_shows_groups(solved: SolveResult) -> None:
    text = to_text(full_report(solved.body))
    assert "Fused groups" in text and "group 1" in text and "Fused against layer by layer" in text


def test_command_line(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NETWORK)
    (tmp_path / "chip.yaml").write_text(ARCHITECTURE)
    arguments = ["solve", str(tmp_path / "net.yaml"), "-a", str(tmp_path / "chip.yaml"), "--fusion", "--max-group", "2"]
    outcome = CliRunner().invoke(main, [*arguments, "--compare", "--no-cache", "--out", str(tmp_path / "out")])
    assert outcome.exit_code == 0, outcome.output
    assert "Fused groups" in outcome.output
    stored = json.loads((tmp_path / "out" / "result.json").read_text())
    assert stored["problem"]["fusion"] == {"max_group": 2, "halo": ["cache", "recompute"], "axes": ["batch", "rows"]}
    assert all(len(group["layers"]) <= 2 for group in stored["groups"])
    assert CliRunner().invoke(main, ["verify", str(tmp_path / "out")]).exit_code == 0
    shown = CliRunner().invoke(main, ["show", str(tmp_path / "out"), "--layer", stored["groups"][0]["layers"][0]])
    assert shown.exit_code == 0 and "in group 1" in shown.output


def test_compare_needs_fusion(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NETWORK)
    outcome = CliRunner().invoke(main, ["solve", str(tmp_path / "net.yaml"), "-a", "edge_small", "--compare"])
    assert outcome.exit_code == 2 and "--fusion" in outcome.output


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"max_group": 1}, "max_group"),
        ({"halo": ("keep",)}, "halo"),
        ({"halo": ()}, "halo"),
        ({"axes": ("channels",)}, "axes"),
        ({"axes": ("rows", "rows")}, "axes"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError, match=field):
        Fusion(**options)


def test_what_does_not_go_together() -> None:
    with pytest.raises(SpecError, match="padding"):
        api.solve(block(), tiny(), fusion=Fusion(2), padding="auto")
    with pytest.raises(SpecError, match="latency_ms"):
        api.solve(block(), tiny().with_budgets(Budgets(latency_ms=1)), fusion=Fusion(2))
    lonely = load_exact(ARCHITECTURE)
    lonely["levels"] = [lonely["levels"][0], lonely["levels"][2]]
    with pytest.raises(SpecError, match="one buffer"):
        api.solve(block(), parse_architecture(lonely), fusion=Fusion(2))


@pytest.mark.parametrize("objective", slow_unless(["energy"], ["energy", "edp", "latency"]))
def test_a_search_given_up_keeps_what_it_found(objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any group is priced: a design at least as good as layer by layer, with a bound."""
    architecture = select(tiny(), {"GLB.size": "2 KiB"})

    def interrupted(*_: Any) -> Any:
        raise StoppedError

    monkeypatch.setattr(GroupPricer, "best", interrupted)
    found = api.solve(block(), architecture, fusion=Fusion(3), objective=objective)
    monkeypatch.undo()
    full = api.solve(block(), architecture, fusion=Fusion(3), objective=objective)
    alone = api.solve(block(), architecture, objective=objective)
    assert found.status == "FEASIBLE"
    values = [result.to_json()["objective"]["value"] for result in (full, found, alone)]
    assert 0 < found.to_json()["objective"]["bound"] <= values[0] <= values[1]
    assert objective == "edp" or values[1] <= values[2]
    checked = verify(found)
    assert checked.ok, checked.checks
