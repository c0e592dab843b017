"""``tilewright codesign`` on the command line: outputs, errors, what goes to which network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from click.testing import Result as Outcome

from optimizer.cli import main
from optimizer.cli.codesign_options import read_members
from optimizer.results import codesign_folder
from optimizer.search import processes as exploration
from tests.support.codesign_cases import ARCHITECTURE, NETWORKS
from tests.support.command_line import bad


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small networks and their architecture as files, and a private cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "arch.yaml").write_text(ARCHITECTURE)
    for name, layer in NETWORKS.items():
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nlayers:\n  - {layer}\n")
    return tmp_path


def command(folder: Path, *arguments: object, networks: tuple[str, ...] = ("small", "large")) -> list[str]:
    """Arguments of a co-design of the networks."""
    names = [str(folder / f"{name}.yaml") for name in networks]
    return ["codesign", *names, "-a", str(folder / "arch.yaml"), *map(str, arguments)]


def run(*arguments: object) -> Outcome:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_report_with_files_that_verify(folder: Path) -> None:
    out = folder / "out"
    outcome = run(*command(folder, "--out", out, "--weight", "large=2", "--cap", "small:latency-ms=1"))
    assert outcome.exit_code == 0, outcome.output
    for text in ("OPTIMAL", "geomean of energy", "Cross table", "joint is better by", "latency_ms <= 1", "Hardware"):
        assert text in outcome.output
    assert "all networks" in outcome.stderr and "network 1 of 2 alone: small" in outcome.stderr
    data = json.loads((out / "result.json").read_text())
    assert data["objective"]["weights"] == {"small": 1, "large": 2}
    assert data["problem"]["networks"][0]["budgets"] == {"latency_ms": "1"}
    assert data["problem"]["networks"][1]["budgets"] == {}
    assert (out / codesign_folder.CROSS_FILE).read_text().startswith("design,network")
    verified = run("verify", out)
    assert verified.exit_code == 0 and "verified" in verified.output
    assert run("verify", out / "networks" / "small", "--quiet").exit_code == 0
    assert run("verify", out / "alone" / "large", "--quiet").exit_code == 0
    shown = run("show", out)
    assert shown.exit_code == 0 and "Cross table" in shown.output
    data["cross"][0]["networks"]["small"]["energy_pj"] += 1
    (out / "result.json").write_text(json.dumps(data))
    broken = run("verify", out)
    assert broken.exit_code == 1 and "NOT VERIFIED: agreement" in broken.output


@pytest.mark.slow
def test_quiet_is_one_line(folder: Path) -> None:
    outcome = run(*command(folder, "--quiet", "--aggregate", "max", "--relative", "--objective", "edp"))
    assert outcome.exit_code == 0 and outcome.stderr == ""
    assert outcome.stdout.startswith("OPTIMAL  max of edp 1.") and "x optimum" in outcome.stdout
    assert len(outcome.stdout.splitlines()) == 1


@pytest.mark.slow
def test_networks_that_exclude_each_other(folder: Path) -> None:
    caps = ("--cap", "small:energy-mj=0.00001669", "--cap", "large:energy-mj=0.00007")
    outcome = run(*command(folder, *caps, "--out", folder / "out"))
    assert outcome.exit_code == 1
    assert "There is no design for small and large together" in outcome.stdout
    assert "energy_mj of large" in outcome.stdout
    assert run("verify", folder / "out", "--quiet").exit_code == 0
    assert "no design for small and large" in run("show", folder / "out").stdout


def test_a_network_without_a_design(folder: Path) -> None:
    outcome = run(*command(folder, "--cap", "large:latency-ms=0.0001"))
    assert outcome.exit_code == 1
    assert "large alone: There is no design" in outcome.stdout and "latency_ms" in outcome.stdout


@pytest.mark.slow
def test_limits_of_tasks_run_in_processes(folder: Path) -> None:
    outcome = run(*command(folder, "--processes", "--task-time-limit", 60, "--workers", 1, "--quiet"))
    assert outcome.exit_code == 0
    assert outcome.stdout == run(*command(folder, "--quiet")).stdout


def test_tasks_that_are_given_up_leave_their_boxes_open(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not tried again for ever."""
    monkeypatch.setattr(exploration, "evaluate_box", lambda payload, cache_dir: {"complete": False})
    short = ("--processes", "--task-time-limit", 1, "--workers", 1, "--no-cache")
    outcome = run(*command(folder, *short, "--out", folder / "out"))
    assert outcome.exit_code == 1 and outcome.stdout.startswith("UNKNOWN")
    data = json.loads((folder / "out" / "result.json").read_text())
    assert data["hardware_points"]["open"] == data["hardware_points"]["total"] == 8
    assert run("verify", folder / "out", "--quiet").exit_code == 0


@pytest.mark.slow
def test_a_plot(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    outcome = run(*command(folder, "--plot", folder / "cross.svg", "--quiet", networks=("small",)))
    assert outcome.exit_code == 0
    assert "<svg" in (folder / "cross.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--weight", "large"], ["--weight", "large", "NETWORK=NUMBER"]),
        (["--weight", "large=0"], ["--weight", "0", "decimals > 0"]),
        (["--weight", "other=2"], ["--weight", "other", "small, large"]),
        (["--weight", "large=2", "--weight", "large=3"], ["given twice", "--weight large"]),
        (["--cap", "large:area-mm2=2"], ["--cap", "area-mm2", "latency-ms"]),
        (["--cap", "latency-ms=2"], ["--cap", "NETWORK:latency-ms=LIMIT"]),
        (["--cap", "other:latency-ms=2"], ["--cap", "other", "small, large"]),
        (["--cap", "large:latency-ms=x"], ["--cap", "decimals > 0"]),
        (["--cap", "large:latency-ms=2", "--cap", "large:latency-ms=3"], ["given twice", "--cap large"]),
        (["--relative"], ["relative", "weighted or max"]),
        (["--weight", "large=0.999"], ["powers", "at most 64"]),
        (["--plot", "cross.txt"], ["--plot", "cross.txt", ".svg, .png, .pdf"]),
        (["--plot", "nowhere/cross.svg"], ["--plot", "no such folder"]),
        (["--batch", "2"], ["batch", "built-in"]),
        (["--padding", "Z=64"], ["padding.Z", "no layer has this dim"]),
        (["--scheduler", "tcp://127.0.0.1:1", "--memory-limit", "9"], ["--memory-limit", "--scheduler"]),
    ],
)
def test_bad_options(folder: Path, arguments: list[str], words: list[str]) -> None:
    text = bad(*command(folder, *arguments, "--out", folder / "out"))
    assert all(word in text for word in words), text
    assert not (folder / "out").exists()


def test_the_same_network_twice(folder: Path) -> None:
    text = bad(*command(folder, networks=("small", "small")))
    assert "two networks have the same name" in text and "small" in text
    (folder / "twin.yaml").write_text((folder / "small.yaml").read_text())
    assert "the same name" in bad(*command(folder, networks=("small", "twin")))


def test_layers_are_shown_from_the_folders_of_the_networks(folder: Path) -> None:
    run(*command(folder, "--out", folder / "out"))
    text = bad("show", folder / "out", "--layer", "fc")
    assert "--layer" in text and "networks/NETWORK" in text
    assert "fc" in run("show", folder / "out" / "networks" / "small", "--layer", "fc").stdout


def test_options_go_to_the_networks_that_they_suit() -> None:
    options: dict[str, Any] = {
        "batch": 2,
        "sequence": 16,
        "dims": (),
        "allow_unknown": False,
        "bits": None,
        "sparsity": None,
        "weights": (),
        "caps": (),
    }
    alexnet, gpt2 = read_members(["alexnet", "gpt2"], options)
    assert alexnet.network.mac_layers()[0].extents["N"] == 2
    assert any(16 in layer.extents.values() for layer in gpt2.network.mac_layers())


def test_no_networks() -> None:
    outcome = run("codesign", "-a", "edge_small")
    assert outcome.exit_code == 2 and "NETWORK" in outcome.stderr
