"""The files in ``examples/``: they load, fit together, and show what the documentation says about them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import optimizer
from optimizer.architecture.selection import single_point
from optimizer.cli import main
from optimizer.golden.walk import walk
from optimizer.mapping.reader import load_mapping
from tests.support.command_line import good

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def conv():
    (layer,) = optimizer.load(str(EXAMPLES / "conv.yaml")).mac_layers()
    return layer


def test_conv_is_a_layer_of_resnet18(conv):
    shapes = {layer.shape_key() for layer in optimizer.load("resnet18").mac_layers()}
    assert conv.shape_key() in shapes


def test_network_has_one_layer_of_every_way_to_write_it():
    network = optimizer.load(str(EXAMPLES / "network.yaml"))
    assert [layer.kind for layer in network.layers()] == ["conv", "dwconv", "einsum", "add", "matmul"]
    assert set(network.graph.predecessors("add")) == {"conv1", "mix"}


def test_architecture_has_twelve_points():
    architecture = optimizer.load_architecture(EXAMPLES / "my_arch.yaml")
    assert len(architecture) == len(list(architecture.points())) == 12
    assert architecture.budgets.area_mm2 == 4


def test_constraints_leave_three_points(conv, tmp_path):
    """As the documentation runs it."""
    architecture = optimizer.load_architecture(EXAMPLES / "my_arch.yaml")
    kept = optimizer.with_constraints(architecture, EXAMPLES / "constraints.yaml")
    assert len(kept) == 3
    options = ["-a", str(EXAMPLES / "my_arch.yaml"), "--constraints", str(EXAMPLES / "constraints.yaml")]
    command = ["map", str(EXAMPLES / "conv.yaml"), *options, "--no-cache", "--quiet", "--out", str(tmp_path / "out")]
    outcome = CliRunner().invoke(main, command)
    assert outcome.exit_code == 0, outcome.output
    stored = json.loads((tmp_path / "out" / "result.json").read_text())
    assert (stored["status"], stored["hardware_points"]["total"]) == ("OPTIMAL", 3)
    assert "tape-outs" in stored["space"]["text"]
    question = ["--network", str(EXAMPLES / "conv.yaml"), *options]
    checked = CliRunner().invoke(main, ["verify", str(tmp_path / "out"), *question])
    assert checked.exit_code == 0, checked.output
    other = CliRunner().invoke(main, ["verify", str(tmp_path / "out"), *question[:-2]])
    assert other.exit_code == 1, "without the constraints it is another problem"


@pytest.mark.slow
def test_constraints_on_mappings_are_kept(conv, tmp_path):
    """As the documentation runs it."""
    rules = EXAMPLES / "mapping_constraints.yaml"
    options = ["-a", str(EXAMPLES / "my_arch.yaml"), "--constraints", str(rules)]
    command = ["map", str(EXAMPLES / "conv.yaml"), *options, "--engine", "path", "--no-cache", "--out", str(tmp_path)]
    outcome = CliRunner().invoke(main, command)
    assert outcome.exit_code == 0, outcome.output
    assert "OPTIMAL  energy 560.4 uJ" in outcome.output and "stationary W at RF" in outcome.output
    question = ["--network", str(EXAMPLES / "conv.yaml"), *options, "--engine", "path"]
    checked = CliRunner().invoke(main, ["verify", str(tmp_path), *question])
    assert checked.exit_code == 0, checked.output


@pytest.mark.parametrize("reuse", ["exact", "innermost"])
def test_mapping_by_hand_is_legal_and_not_better_than_the_optimum(conv, reuse):
    eyeriss = optimizer.load_architecture("eyeriss")
    hardware = single_point(eyeriss)
    mapping = load_mapping(EXAMPLES / "mapping.yaml", conv, hardware)
    cost = optimizer.evaluate(conv, hardware, mapping, reuse=reuse)
    walked = walk(conv, hardware, mapping, accounting="timeloop", reuse=reuse)
    assert not walked.violations
    assert (walked.energy, walked.latency_cycles) == (cost.energy, cost.latency_cycles)
    best = optimizer.map_layer(conv, eyeriss)
    assert best.status == "OPTIMAL"
    assert best.objective.value <= hardware.energy_pj(cost.energy)


@pytest.mark.slow
def test_groups_by_hand_save_words_of_dram(tmp_path):
    """As the documentation runs it; the first group never leaves the chip between convolution and pooling."""
    command = ["evaluate", "resnet18", "-a", "eyeriss_rs", "--groups", str(EXAMPLES / "groups.yaml"), "--no-cache"]
    outcome = CliRunner().invoke(main, [*command, "--out", str(tmp_path / "out")])
    assert outcome.exit_code == 0, outcome.output
    stored = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    first, second, third = stored["groups"]
    image, weights, pooled = 3 * 229 * 229, 64 * 3 * 7 * 7, 64 * 56 * 56
    assert first["dram_words"] >= image + weights + pooled
    assert first["dram_words"] < image + weights + pooled + 64 * 112 * 112
    assert (second["halo"]["rows"], third["tile"]["tiles"]) == ("recompute", 1)
    reduction = stored["comparison"]["reduction"]
    assert reduction["energy_pj"] > 0 and reduction["dram_words"] > 0


@pytest.mark.slow
def test_sweep_gives_the_same_in_processes_and_from_the_store(tmp_path):
    script = shutil.copy(EXAMPLES / "sweep.py", tmp_path)
    shown = [
        subprocess.run([sys.executable, script, workers], check=True, capture_output=True, text=True).stdout
        for workers in ("2", "1")
    ]
    assert shown[0] == shown[1] and shown[0].count("OPTIMAL") == 6
    outcome = CliRunner().invoke(main, ["store", "list", "--cache", str(tmp_path / "results")])
    assert outcome.exit_code == 0 and "array 16 x 12" in outcome.stdout


@pytest.mark.slow
def test_a_partial_mapping_is_completed(tmp_path):
    partial = EXAMPLES / "partial_mapping.yaml"
    asked = ("map", EXAMPLES / "conv.yaml", "-a", "eyeriss", "--no-cache", "--quiet")
    energies = {}
    for name, more in {"free": ("--engine", "path"), "partial": ("--constraints", partial)}.items():
        good(*asked, *more, "--out", tmp_path / name)
        energies[name] = json.loads((tmp_path / name / "result.json").read_text(encoding="utf-8"))["energy_pj"]
    assert energies["free"] < energies["partial"] < 769_044_480, "the mapping of which it is a part costs as much"
