"""Tables of fused groups beside a rule and layer by layer; skipped where only the wheel is installed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("benchmarks.registry")

from benchmarks import fused_table
from benchmarks.__main__ import main
from benchmarks.fused_case import Case, compare, rule_gap, word_bits
from optimizer import networks
from optimizer.workload.layer import VectorLayer
from tests.support.fused_block import ARCHITECTURE, NETWORK

FIGURES = {"dram_mb": 4.0, "latency_ms": 2.0, "energy_mj": 8.0, "value": 8e9, "groups": []}


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("specs")
    (folder / "network.yaml").write_text(NETWORK)
    (folder / "chip.yaml").write_text(ARCHITECTURE.replace("[1 KiB, 2 KiB]", "1 KiB"))
    return Case(str(folder / "chip.yaml"), str(folder / "network.yaml"), 3)


@pytest.fixture(scope="module")
def entry(case: Case) -> dict[str, Any]:
    return compare(case)


def made(case: Case, **proof: Any) -> dict[str, Any]:
    """An entry with made-up figures."""
    ruled = FIGURES | {"dram_mb": 3.0, "value": 5e9, "groups": [["a", "b", "c"]]}
    fused = FIGURES | {"dram_mb": 2.0, "latency_ms": 1.5, "energy_mj": 4.0, "value": 4e9, "groups": [["a", "b"]]}
    found = {"status": "OPTIMAL", "bound": 4e9, "gap": 0.0, "wall_s": 1.5} | proof
    return {
        **case.key,
        "time_limit_s": case.time_limit_s,
        "layer_by_layer": FIGURES,
        "rule": ruled,
        "rule_in_space": ruled,
        "fused": fused if found["gap"] is not None else None,
        "proof": found,
    }


def test_designs_are_in_order(entry: dict[str, Any]) -> None:
    before, rule, fused = (entry[way]["value"] for way in ("layer_by_layer", "rule_in_space", "fused"))
    assert fused <= rule and fused <= before
    assert entry["proof"]["status"] == "OPTIMAL" and entry["proof"]["bound"] == fused
    assert rule_gap(entry) == pytest.approx(1 - fused / rule)
    assert entry["fused"]["groups"] and entry["layer_by_layer"]["groups"] == []


def test_figures_have_their_units(entry: dict[str, Any], case: Case) -> None:
    """Inputs, weights and outputs of three layers by themselves, each once, in words of two bytes."""
    alone = entry["layer_by_layer"]
    assert alone["value"] == pytest.approx(alone["energy_mj"] * 1e9)
    least = 2 * (256 + 16 + 256 + 400 + 144 + 256 + 512 + 256) / 1e6
    assert alone["dram_mb"] >= least
    assert entry["fused"]["dram_mb"] == pytest.approx(2 * (256 + 16 + 144 + 256) / 1e6)


def test_longer_groups_of_the_rule_are_not_in_the_space(case: Case) -> None:
    found = compare(replace(case, max_group=2))
    assert all(len(group) <= 2 for group in found["rule_in_space"]["groups"])
    assert found["fused"]["value"] <= found["rule_in_space"]["value"]


def test_words_of_several_widths_are_refused() -> None:
    network = networks.build("vgg16")
    assert word_bits(network) == 16
    network.add(VectorLayer("wide", "add", ((4, 32),), ((4, 16),), 4))
    with pytest.raises(ValueError, match=r"words of \[16, 32\] bits"):
        word_bits(network)


@pytest.mark.parametrize(
    ("status", "spent", "allowed", "done"),
    [
        ("OPTIMAL", 10, None, True),
        ("FEASIBLE", 10, 10, True),
        ("FEASIBLE", 10, 20, False),
        ("UNKNOWN", 10, None, False),
        ("FEASIBLE", None, 5, True),
    ],
)
def test_what_was_stopped_is_done_again_with_more_time(status: str, spent: Any, allowed: Any, done: bool) -> None:
    case = Case("vwa", "vgg16", time_limit_s=allowed)
    found = made(replace(case, time_limit_s=spent), status=status)
    assert fused_table.finished(case, found) is done
    assert not fused_table.finished(replace(case, max_group=2), found)


def test_finished_cases_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Case] = []

    def priced(case: Case, cache_dir: Path | None) -> dict[str, Any]:
        if len(asked) == 3:
            raise KeyboardInterrupt
        asked.append(case)
        return made(case)

    monkeypatch.setattr(fused_table, "compare", priced)
    file, wanted = tmp_path / "results" / "table.json", fused_table.cases(("one", "two"), ("a", "b"))
    with pytest.raises(KeyboardInterrupt):
        fused_table.fill(file, wanted, lambda line: None)
    assert len(json.loads(file.read_text())) == 3
    asked.clear()
    found = fused_table.fill(file, wanted, lambda line: None)
    assert [(entry["preset"], entry["network"]) for entry in found] == [(c.preset, c.network) for c in wanted]
    assert asked == wanted[3:]


def test_tables() -> None:
    case = Case("vwa", "vgg16")
    stopped = made(replace(case, network="fsrcnn"), status="UNKNOWN", bound=0, gap=None)
    text = fused_table.markdown([made(case), stopped])
    assert "| vgg16 | 4 | 3 | 2 | -25.0 % | -50.0 % |" in text
    assert "| fsrcnn | 4 | 3 | - | -25.0 % | - |" in text
    assert "| published |  |  |  |  | -55.6 % |" in text and "-36.7 %" in text and "-49.2 %" in text
    assert "| vgg16 | 4 | OPTIMAL | 0.0 % | 1.5 | 1 (3) | 1 (2) | 20.0 % |" in text
    assert "| fsrcnn | 4 | UNKNOWN | - | 1.5 | 1 (3) | - | - |" in text
    assert "arXiv:2205.01729" in text


def test_command(case: Case, tmp_path: Path) -> None:
    out, shown = tmp_path / "table.json", tmp_path / "table.md"
    arguments = ["fused-table", "--out", str(out), "--preset", case.preset, "--network", case.network]
    arguments += ["--max-group", "2", "--markdown", str(shown)]
    first = CliRunner().invoke(main, arguments)
    again = CliRunner().invoke(main, arguments)
    assert first.exit_code == again.exit_code == 0, first.output
    assert "already" in again.output and "already" not in first.output
    assert shown.read_text() in first.output and shown.read_text() in again.output
    assert shown.read_text().count("OPTIMAL") == 1
