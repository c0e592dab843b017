"""``tilewright adjust`` with ``--resolution`` and ``--expansion``: output, errors, and what ``verify`` finds."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from click.testing import CliRunner
from click.testing import Result as Outcome

from optimizer.bodies.adjust import AdjustBody
from optimizer.checker.adjust import _checks
from optimizer.checker.stored import load as load_result
from optimizer.cli import main
from optimizer.files.records import from_json
from optimizer.network_adjustment.resolution import at_resolution, image_of
from optimizer.onnx_import import import_onnx
from optimizer.problem.problem import network_json
from optimizer.report.adjust import adjust_report
from optimizer.report.solve import to_text
from optimizer.workload.reader import dump_network, load_network
from tests.support.adjust_cases import SMALL_ARCH, build


def run(*arguments: object) -> Outcome:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Network, architecture, and an adjustment of the one to the other at another resolution."""
    place = tmp_path_factory.mktemp("sizes")
    (place / "net.yaml").write_text(dump_network(build(["inverted"], [4, 8], 6, pooled=True)))
    (place / "flat.yaml").write_text(dump_network(build(["inverted"], [4, 8], 6)))
    (place / "arch.yaml").write_text(SMALL_ARCH)
    outcome = adjusted(place, "net.yaml", "--resolution", "6,4x5,9", "--out", place / "out")
    assert outcome.exit_code == 0, outcome.output
    (place / "report.txt").write_text(outcome.stdout)
    outcome = adjusted(place, "net.yaml", "--expansion", "3/2,2.5,3", "--freeze", "classes", "--out", place / "ratios")
    assert outcome.exit_code == 0, outcome.output
    (place / "ratios.txt").write_text(outcome.stdout)
    return place


def adjusted(place, network: str, *more: object) -> Outcome:
    wide = ("--multiple", 2, "--range", "0.5:1.5", "--params", "+-40%", "--macs", "+-60%")
    return run("adjust", place / network, "-a", place / "arch.yaml", *wide, "--cache", place / "cache", *more)


@pytest.mark.slow
def test_what_it_writes(folder) -> None:
    data = json.loads((folder / "out" / "adjust.json").read_text())
    assert data["status"] == "OPTIMAL" and data["request"]["resolutions"] == [[6, 6], [4, 5], [9, 9]]
    assert data["resolution"]["before"] == [6, 6] and data["resolution"]["after"] == [4, 5]
    searched = {tuple(entry["image"]): entry for entry in data["resolution"]["searched"]}
    assert searched[4, 5]["value"] == searched[4, 5]["bound"] == data["objective"]["value"]
    assert all(entry["complete"] for entry in searched.values())
    assert all(entry["bound"] is None or entry["bound"] >= data["objective"]["bound"] for entry in searched.values())
    network = load_network(folder / "out" / "adjusted.yaml")
    assert image_of(network) == (4, 5) and network.macs == data["after"]["macs"]
    written = import_onnx(folder / "out" / "adjusted.onnx")
    assert [layer.grid for layer in written.layers()] == [layer.grid for layer in network.layers()]
    shown = [line.rstrip() for line in (folder / "report.txt").read_text().splitlines()]
    assert shown == to_text(adjust_report(from_json(AdjustBody, data)), 150).splitlines()
    assert "input image" in "\n".join(shown) and "chosen" in "\n".join(shown)


@pytest.mark.slow
def test_verified(folder) -> None:
    outcome = run("verify", folder / "out")
    assert outcome.exit_code == 0, outcome.output
    assert "every extent follows from the image" in outcome.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "value", "check"),
    [
        ("resolution.after", [6, 6], "resolution"),
        ("resolution.before", [5, 5], "resolution"),
        ("request.resolutions", [[6, 6], [9, 9]], "resolution"),
        ("resolution", None, "ties"),
    ],
)
def test_tampering_is_found(folder, where, value, check) -> None:
    data = json.loads((folder / "out" / "adjust.json").read_text())
    breach(data, where, value)
    assert check in failed(folder / "out", data)


def breach(data, where: str, value: object) -> None:
    *path, last = where.split(".")
    for key in path:
        data = data[int(key)] if key.isdigit() else data[key]
    data[last] = value


def failed(place, data) -> list[str]:
    after, before = load_result(place), load_result(place / "original")
    network = load_network(place / "adjusted.yaml")
    return [found.name for found in _checks(data, before, after, network) if not found.ok]


def test_another_resolution_is_found(folder) -> None:
    data = json.loads((folder / "out" / "adjust.json").read_text())
    assert not failed(folder / "out", data)
    after, before = load_result(folder / "out"), load_result(folder / "out" / "original")
    other = at_resolution(load_network(folder / "out" / "adjusted.yaml"), (6, 6))
    after.data["problem"] |= network_json(other)
    found = [check.name for check in _checks(data, before, after, other) if not check.ok]
    assert found == ["resolution", "limits"]


def test_ratios(folder) -> None:
    data = json.loads((folder / "ratios" / "adjust.json").read_text())
    assert data["status"] == "OPTIMAL" and data["request"]["expansion"] == ["3/2", "5/2", "3"]
    hidden, given = data["classes"][1], data["classes"][0]
    assert hidden["expansion"]["of"] == 0 and hidden["expansion"]["before"] == "2"
    assert hidden["candidates"] == [3, 5, 6, 9, 10, 12, 15, 18] and given["candidates"] == [2, 4, 6]
    assert Fraction(hidden["after"], given["after"]) == Fraction(hidden["expansion"]["after"])
    assert hidden["expansion"]["after"] in data["request"]["expansion"] and not failed(folder / "ratios", data)
    assert f"ratio 2 to {hidden['expansion']['after']}" in (folder / "ratios.txt").read_text()


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("classes.1.expansion.after", "7"),
        ("classes.1.expansion.before", "3"),
        ("request.expansion", ["11"]),
        ("classes.1.frozen", "asked for"),
        ("classes.1", None),
    ],
)
def test_tampering_with_ratios_is_found(folder, where, value) -> None:
    data = json.loads((folder / "ratios" / "adjust.json").read_text())
    if value is None:
        del data["classes"][1]["expansion"]
    else:
        breach(data, where, value)
    assert failed(folder / "ratios", data) == ["widths"]


def test_no_resolution_within_the_tolerances(folder) -> None:
    outcome = adjusted(folder, "net.yaml", "--resolution", "24", "--out", folder / "none")
    assert outcome.exit_code == 1 and outcome.stdout.startswith("INFEASIBLE")
    data = json.loads((folder / "none" / "adjust.json").read_text())
    assert data["resolution"]["after"] is None and data["resolution"]["searched"][0]["bound"] is None


@pytest.mark.parametrize(
    ("network", "options", "words"),
    [
        ("net.yaml", ["--resolution", "big"], ["not a resolution", "'big'", "1 to 99999", "write e.g."]),
        ("net.yaml", ["--resolution", "6,0x4"], ["'0x4'"]),
        ("flat.yaml", ["--resolution", "9"], ["classes reads a flattened image", "allowed", "leave --resolution out"]),
        ("gpt2", ["--resolution", "9", "--sequence", "16"], ["token_embedding reads an input that is no image"]),
        ("net.yaml", ["--expansion", "2,x"], ["--expansion", "not a ratio", "'x'", "1 to 64", "write e.g."]),
        ("net.yaml", ["--expansion", "1/2"], ["'1/2'"]),
        ("net.yaml", ["--expansion", "65"], ["'65'"]),
        ("net.yaml", ["--expansion", "7/5"], ["no ratio gives", "a whole number of channels", "add a ratio"]),
        ("resnet18", ["--expansion", "2"], ["no inverted bottlenecks", "leave --expansion out"]),
        ("mobilenet_v2", ["--resolution", "225"], ["conv1 steps over the image by 2", "multiples of 2"]),
    ],
)
def test_bad_input(folder, tmp_path, network, options, words) -> None:
    source = folder / network if network.endswith("yaml") else network
    outcome = run("adjust", source, "-a", folder / "arch.yaml", "--no-cache", "--out", tmp_path / "out", *options)
    assert outcome.exit_code == 2, outcome.output
    for word in [options[0], *words]:
        assert word in outcome.stderr
    assert not (tmp_path / "out").exists()
