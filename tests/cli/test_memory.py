"""``tilewright memory``: what it prints and writes, how it fails."""

from __future__ import annotations

import json
import sys

import pytest
from click.testing import CliRunner
from click.testing import Result as Outcome

from optimizer.bodies.memory import MemoryBody
from optimizer.cli import main
from optimizer.cli.inputs import read_network
from optimizer.files.records import from_json
from optimizer.recompute.costs import design_costs
from optimizer.recompute.lifetimes import lifetimes
from optimizer.report.memory import memory_report
from optimizer.report.solve import to_text
from tests.support.result_cases import HARDWARE, NETWORK, fc_layer, level, result

ALEXNET = ("memory", "alexnet", "--training", "sgd-momentum", "--batch", "64")


def run(*arguments: str) -> Outcome:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_memory_over_time() -> None:
    outcome = run(*ALEXNET)
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.startswith("EVALUATED  peak ")
    for word in ("optimizer state", "weight gradients", "Off-chip memory over time", "Largest saved activations"):
        assert word in outcome.stdout


def test_recompute_writes_what_it_shows(tmp_path) -> None:
    outcome = run(*ALEXNET, "--recompute", "--off-chip-gb", "0.85", "--out", tmp_path)
    assert outcome.exit_code == 0, outcome.output
    data = json.loads((tmp_path / "memory.json").read_text())
    assert data["status"] == "OPTIMAL" and data["objective"]["gap"] == 0 and data["objective"]["name"] == "overhead"
    assert data["chosen"]["peak_off_chip_bits"] <= data["budgets"]["off_chip_bits"] == 85 * 8 * 10**7
    assert {t["choice"] for t in data["tensors"] if t["saved"]} <= {"keep", "redo"}
    shown = [line.rstrip() for line in outcome.stdout.splitlines()]
    assert shown == to_text(memory_report(from_json(MemoryBody, data)), 150).splitlines()


def test_budget_that_cannot_be_met() -> None:
    outcome = run(*ALEXNET, "--recompute", "--off-chip-gb", "0.5", "--quiet")
    assert outcome.exit_code == 1
    assert outcome.stdout.startswith("INFEASIBLE") and "the least that can be met is" in outcome.stdout


def test_budget_without_recomputation_is_checked() -> None:
    assert run(*ALEXNET, "--off-chip-gb", "10", "--quiet").stdout.startswith("OPTIMAL  overhead 0")
    assert run(*ALEXNET, "--off-chip-gb", "1e10", "--quiet").stdout.startswith("OPTIMAL  overhead 0")
    assert run(*ALEXNET, "--off-chip-gb", "0.5", "--quiet").exit_code == 1


def test_on_chip_and_cap_on_overhead(tmp_path) -> None:
    options = ("--on-chip-kib", "2048", "--max-overhead", "0.5", "--objective", "peak", "--out", tmp_path)
    outcome = run(*ALEXNET, "--recompute", *options)
    assert outcome.exit_code == 0, outcome.output
    data = json.loads((tmp_path / "memory.json").read_text())
    assert data["chosen"]["peak_on_chip_bits"] <= 2048 * 8 * 1024
    assert data["chosen"]["overhead_of_step"] <= 0.005


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("memory", "alexnet"), "add e.g. --training"),
        ((*ALEXNET, "--objective", "peak"), "--recompute"),
        ((*ALEXNET, "--plot"), "--out"),
        ((*ALEXNET, "--cost", "energy"), "--result"),
        ((*ALEXNET, "--max-overhead", "3"), "--recompute"),
        ((*ALEXNET, "--off-chip-gb", "0"), "not a positive number"),
        ((*ALEXNET, "--result", "nowhere"), "no such folder"),
    ],
)
def test_bad_input(arguments, word) -> None:
    outcome = run(*arguments)
    assert outcome.exit_code == 2 and word in outcome.stderr


@pytest.mark.slow
def test_plot(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    outcome = run(*ALEXNET, "--recompute", "--off-chip-gb", "0.85", "--out", tmp_path, "--plot")
    assert outcome.exit_code == 0, outcome.output
    assert "<svg" in (tmp_path / "memory.svg").read_text()


def test_plot_without_matplotlib(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    outcome = run(*ALEXNET, "--out", tmp_path, "--plot")
    assert outcome.exit_code == 2 and "pip install" in outcome.stderr


def test_costs_of_a_design(tmp_path) -> None:
    """Energies come from the result; the gain is one write and one read per reader at the outermost level."""
    path = tmp_path / "net.yaml"
    path.write_text(NETWORK)
    options = {"dims": (), "batch": None, "sequence": None, "bits": None, "allow_unknown": False}
    options |= {"training": "sgd", "sparsity": None}
    network = read_network(str(path), options)
    lives = lifetimes(network)
    figures = {"energy_pj": 2.5, "latency_cycles": 7, "multiplicity": 2}
    outer = level("DRAM", None, access_bits=64, update_energy_pj=10.0, read_energy_pj=4.0)
    step = result(layers=[fc_layer(name, **figures) for name in lives.steps], hardware=HARDWARE | {"levels": [outer]})
    costs = design_costs(lives, step, "energy")
    first = lives.activations[0]
    readers = sum(1 for _ in network.graph.successors(first.name))
    assert costs.redo[first.name] == 5000 and costs.total == 5000 * len(lives.steps)
    assert costs.gain[first.name] == -(-first.bits // 64) * (10_000 + readers * 4_000)
    assert design_costs(lives, step, "latency").redo[first.name] == 14
