"""``tilewright sparse``: exit codes, files and errors; what comes out is in the tutorial."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from optimizer.cli import main
from optimizer.sparse_engine import digits
from optimizer.sparse_engine.digits import Digits

RELEASE = ["1024,64,32", "--out-degrees", "4,16"]
ENGINE = [*RELEASE, "--z", "128,32"]


def run(*words):
    return CliRunner().invoke(main, ["sparse", *map(str, words)])


def stored(folder):
    return json.loads((folder / "sparse.json").read_text())


def test_size_on_the_device_of_the_release(tmp_path):
    outcome = run("size", *RELEASE, "--device", "xc7a100t", "--out", tmp_path)
    assert outcome.exit_code == 0, outcome.output
    assert "OPTIMAL  time 2.4 us  gap 0.0 %" in outcome.output
    data = stored(tmp_path)
    assert data["design"]["z"] == [128, 32] and data["seed"] == 0 and data["versions"]["ortools"]
    checked = run("verify", tmp_path)
    assert checked.exit_code == 0 and checked.output.startswith("PASSED")


@pytest.mark.slow
def test_half_the_device(tmp_path):
    outcome = run("size", *RELEASE, "--device", "xc7a100t", "--dsp", 120, "--out", tmp_path)
    assert outcome.exit_code == 1
    for line in (
        "INFEASIBLE",
        "to blame: dsp, fi-divides-z",
        "  dsp 120: least 224, z = (128, 32), C = 32",
        "  without fi-divides-z: z = (64, 16), C = 64",
    ):
        assert line in outcome.output.splitlines()
    assert run("verify", tmp_path).exit_code == 0
    outcome = run("size", *RELEASE, "--dsp", 120, "--without", "fi-divides-z")
    assert outcome.exit_code == 0 and "64, 16" in outcome.output


def test_densest_network_of_a_rate(tmp_path):
    outcome = run(
        "size", "1024,64,32", "--device", "xc7a100t", "--objective", "density", "--min-rate", 400_000, "--out", tmp_path
    )
    assert outcome.exit_code == 0 and "4, 16; 64, 32" in outcome.output
    data = stored(tmp_path)
    assert data["objective"]["exact"] == {"value": "5/66", "bound": "5/66"}
    data["objective"]["exact"] = {"value": "1/20", "bound": "1/20"}
    (tmp_path / "sparse.json").write_text(json.dumps(data))
    checked = run("verify", tmp_path)
    assert checked.exit_code == 1 and "beats the bound" in checked.output


def test_menus_of_widths_and_multipliers():
    outcome = run(
        "size",
        "64,16,4",
        "--out-degrees",
        "2:4,any",
        "--width",
        "8,12",
        "--objective",
        "lut",
        "--multiplier",
        "combinational@10",
        "--multiplier",
        "deep2@60",
        "--max-time-us",
        "2",
    )
    assert outcome.exit_code == 0 and "8-bit words" in outcome.output


def test_interleave(tmp_path):
    outcome = run("interleave", *ENGINE, "--proctime", 0, "--out", tmp_path)
    assert outcome.exit_code == 0, outcome.output
    data = stored(tmp_path)
    assert [entry["spread"] for entry in data["junctions"]] == [8, 2]
    checked = run("verify", tmp_path)
    assert checked.exit_code == 0 and "junctions: 1, 2" in checked.output
    data["junctions"][1]["starts"][1][0] ^= 1
    (tmp_path / "sparse.json").write_text(json.dumps(data))
    checked = run("verify", tmp_path)
    assert checked.exit_code == 1 and "read again after 1 clocks" in checked.output


@pytest.mark.slow
def test_interleave_without_a_pattern():
    outcome = run("interleave", *ENGINE)
    assert outcome.exit_code == 1 and "junction 2, to blame: latency" in outcome.output
    assert run("interleave", *ENGINE, "--hazards").exit_code == 0


def test_simulate():
    outcome = run("simulate", *ENGINE, "--proctime", 0, "--inputs", 4)
    assert outcome.exit_code == 0, outcome.output
    assert outcome.output.splitlines()[1:] == [
        "no bank conflict, no hazard",
        "weights, biases and outputs equal those of the masked matrices",
    ]


def test_report():
    outcome = run("report", "800,100,10", "--out-degrees", "20,10", "--z", "160,10", "--clock-mhz", "100")
    assert outcome.exit_code == 0
    assert "21,930" in outcome.output and "4.765 x" in outcome.output and "3.92 x" in outcome.output


@pytest.mark.slow
def test_accuracy(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    few = Digits(random.random((90, 64)), np.arange(90) % 10, random.random((20, 64)), np.arange(20) % 10)
    monkeypatch.setattr(digits, "load_digits", lambda seed: few)
    outcome = run("accuracy", "--formats", "8", "--epochs", 1, "--seeds", 1, "--out", tmp_path)
    assert outcome.exit_code == 0 and len(stored(tmp_path)["accuracies"]) == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["size", "1024", "--dsp", 9], "two or more integers"),
        (["size", "12,8", "--out-degrees", "3"], "multiples of 2"),
        (["size", "12,8", "--out-degrees", "2,2"], "1 menus"),
        (["size", "12,x"], "1024,64,32"),
        (["size", "12,8", "--device", "none"], "xc7a100t"),
        (["size", "12,8", "--without", "fi"], "fi-divides-z"),
        (["size", "12,8", "--multiplier", "fast"], "deepSTAGES"),
        (["size", "12,8", "--multiplier", "deep@1.2.3"], "decimals > 0"),
        (["size", "12,8", "--width", "40"], "3 to 18"),
        (["simulate", "12,8", "--out-degrees", "2", "--z", "4", "--format", "9"], "INTEGER.FRACTION"),
        (["interleave", "12,8", "--out-degrees", "2", "--z", "5"], "divisors of 12"),
        (["simulate", *ENGINE], "forwarding"),
        (["verify", "nowhere"], "no such file"),
    ],
)
def test_bad_input_exits_with_2(words, said):
    outcome = run(*words)
    assert outcome.exit_code == 2
    assert said in outcome.output


def test_damaged_results_are_refused(tmp_path):
    (tmp_path / "sparse.json").write_text('{"kind": "sparse sizing", "status": "OPTIMAL"}')
    assert run("verify", tmp_path).exit_code == 2
    (tmp_path / "sparse.json").write_text('{"kind": "other"}')
    assert "sparse patterns" in run("verify", tmp_path).output
