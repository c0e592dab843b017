"""``tilewright adjust``: what it prints and writes, how it fails, and what ``verify`` finds."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import onnx
import pytest
from click.testing import CliRunner
from click.testing import Result as Outcome

from optimizer.bodies.adjust import AdjustBody
from optimizer.checker.adjust import _checks
from optimizer.checker.stored import load as load_result
from optimizer.cli import main
from optimizer.errors import SpecError
from optimizer.files.records import from_json
from optimizer.interop import onnx_writer
from optimizer.interop.onnx_writer import CannotWriteError, onnx_bytes
from optimizer.network_adjustment.request import parse_range, parse_tolerance
from optimizer.networks.load import load
from optimizer.onnx_import import import_onnx
from optimizer.report.adjust import adjust_report
from optimizer.report.solve import to_text
from optimizer.results import load as results
from optimizer.results.kinds import AdjustResult
from optimizer.workload.layer import Layer
from optimizer.workload.reader import dump_network, load_network
from tests.support.adjust_cases import SMALL_ARCH, build
from tests.support.choices import slow_if


def run(*arguments: object) -> Outcome:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Network, architecture, and an adjustment of the one to the other."""
    place = tmp_path_factory.mktemp("adjust")
    (place / "net.yaml").write_text(dump_network(build(["inverted"], [4, 8])))
    (place / "arch.yaml").write_text(SMALL_ARCH)
    outcome = adjusted(place, "--out", place / "out")
    assert outcome.exit_code == 0, outcome.output
    (place / "report.txt").write_text(outcome.stdout)
    return place


def adjusted(place, *more: object) -> Outcome:
    wide = () if "--range" in more else ("--multiple", 2, "--range", "0.5:1.5", "--params", "+-40%", "--macs", "±40%")
    hardware = () if "--hardware" in more else ("-a", place / "arch.yaml")
    return run("adjust", place / "net.yaml", *hardware, *wide, "--cache", place / "cache", *more)


def test_what_it_writes(folder) -> None:
    data = json.loads((folder / "out" / "adjust.json").read_text())
    assert data["status"] == "OPTIMAL" and data["objective"]["gap"] == 0 and data["objective"]["gain"] > 0
    assert "not predicted" in data["accuracy"]
    network = load_network(folder / "out" / "adjusted.yaml")
    assert (network.parameters, network.macs) == (data["after"]["parameters"], data["after"]["macs"])
    (tied,) = [entry for entry in data["classes"] if "b0.inverted.depthwise" in entry["layers"]]
    for name in tied["layers"]:
        layer = network.graph.nodes[name]["layer"]
        assert layer.extents.get("G", layer.extents.get("K")) == tied["after"]
    result = json.loads((folder / "out" / "result.json").read_text())
    assert result["objective"]["value"] == data["objective"]["value"] == data["after"]["energy_pj"]
    shown = [line.rstrip() for line in (folder / "report.txt").read_text().splitlines()]
    assert shown == to_text(adjust_report(from_json(AdjustBody, data)), 150).splitlines()


def test_onnx_that_it_writes(folder) -> None:
    network = load_network(folder / "out" / "adjusted.yaml")
    onnx.checker.check_model(str(folder / "out" / "adjusted.onnx"), full_check=True)
    same_layers(network, import_onnx(folder / "out" / "adjusted.onnx"))


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_if(["mobilenet_v2"], ["mobilenet_v2", "resnet18"]))
def test_onnx_of_known_networks(name, tmp_path) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx_bytes(load(name)))
    same_layers(load(name), import_onnx(tmp_path / "m.onnx"))


def same_layers(network, other) -> None:
    def seen(layer):
        if isinstance(layer, Layer):
            return layer.name, layer.kind, layer.dims, [o.axes for o in layer.operands], layer.parameter_count
        return layer.name, layer.kind, layer.reads, layer.writes, layer.operations

    assert [seen(layer) for layer in network.layers()] == [seen(layer) for layer in other.layers()]
    assert network.parameters == other.parameters


@pytest.mark.parametrize("name", slow_if(["yolov2"], ["gpt2", "yolov2", "fsrcnn"]))
def test_what_cannot_be_written_as_onnx(name) -> None:
    with pytest.raises(CannotWriteError):
        onnx_bytes(load(name))


def test_weights_of_an_onnx_model_are_made_when_it_is(monkeypatch) -> None:
    made = []
    array = onnx_writer.numpy_helper.from_array
    monkeypatch.setattr(onnx_writer.numpy_helper, "from_array", lambda *given: made.append(1) or array(*given))
    network = build(["inverted"], [4, 8])
    make = onnx_writer.onnx_maker(network)
    assert not made
    assert make() == make() == onnx_bytes(network) and made


def test_a_result_makes_its_onnx_model_when_asked(folder) -> None:
    found = results.load_result(folder / "out")
    assert isinstance(found, AdjustResult)
    assert found.network_onnx == (folder / "out" / "adjusted.onnx").read_bytes()
    asked = []
    again = replace(found, make_onnx=lambda: asked.append(1) or b"model")
    assert again == found and not asked
    assert again.files()["adjusted.onnx"] == again.network_onnx == b"model" and len(asked) == 2


def test_networks_without_onnx_are_written_as_yaml(folder, tmp_path) -> None:
    layers = [
        {"name": "up", "type": "matmul", "dims": {"M": 4, "N": 8, "K": 6}},
        {"name": "mix", "einsum": "O[m,n] += W[n,k] * I[m,k]", "dims": {"m": 4, "n": 8, "k": 8}},
    ]
    (tmp_path / "net.yaml").write_text(json.dumps({"name": "n", "layers": layers}))
    outcome = run("adjust", tmp_path / "net.yaml", "-a", folder / "arch.yaml", "--no-cache", "--out", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert "no adjusted.onnx: mix is no convolution" in outcome.stderr
    assert (tmp_path / "out" / "adjusted.yaml").is_file() and not (tmp_path / "out" / "adjusted.onnx").exists()
    assert "not written" in json.loads((tmp_path / "out" / "adjust.json").read_text())["onnx"]


def test_verified(folder) -> None:
    outcome = run("verify", folder / "out")
    assert outcome.exit_code == 0, outcome.output
    assert "\nverified: both designs, ties" in outcome.stdout
    assert "% of the bound)" in outcome.stdout and "not proved again: that no other widths cost less" in outcome.stdout


def test_hardware_of_a_result(folder, tmp_path) -> None:
    outcome = adjusted(folder, "--hardware", folder / "out" / "original", "--quiet")
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.splitlines()[0] == (folder / "report.txt").read_text().splitlines()[0].rstrip()


def breach(data, where: str, value: object) -> None:
    *path, last = where.split(".")
    for key in path:
        data = data[int(key)] if key.isdigit() else data[key]
    data[last] = value


@pytest.mark.parametrize(
    ("where", "value", "check"),
    [
        ("objective.gain", 0.9, "gain"),
        ("objective.original", 1, "gain"),
        ("objective.bound", 10**12, "gain"),
        ("before.energy_pj", 1, "gain"),
        ("after.parameters", 7, "limits"),
        ("request.macs", ["0", "0"], "limits"),
        ("request.multiple", 7, "widths"),
        ("request.range", ["1", "1"], "widths"),
        ("classes.1.after", 5, "widths"),
        ("classes.1.layers", [], "widths"),
        ("request.freeze", ["b0.inverted.expand"], "widths"),
        ("classes", None, "adjustment"),
    ],
)
def test_tampering_is_found(folder, tmp_path, where, value, check) -> None:
    data = json.loads((folder / "out" / "adjust.json").read_text())
    breach(data, where, value)
    after, before = load_result(folder / "out"), load_result(folder / "out" / "original")
    network = load_network(folder / "out" / "adjusted.yaml")
    if check == "adjustment":
        with pytest.raises(TypeError):
            list(_checks(data, before, after, network))
        return
    assert check in [found.name for found in _checks(data, before, after, network) if not found.ok]


def test_another_network_is_found(folder, tmp_path) -> None:
    shutil.copytree(folder / "out", tmp_path / "out")
    (tmp_path / "out" / "adjusted.yaml").write_text(dump_network(build(["inverted"], [4, 6])))
    outcome = run("verify", tmp_path / "out")
    assert outcome.exit_code == 1 and "NOT VERIFIED: network" in outcome.stdout


def test_nothing_within_the_tolerances(folder) -> None:
    outcome = adjusted(folder, "--params", "+39.9%:+40%", "--macs", "-40%:-39.9%")
    assert outcome.exit_code == 1
    assert outcome.stdout.startswith("INFEASIBLE") and "widen --params" in outcome.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--params", "five"], ["--params", "'five'", "+-5%", "write e.g."]),
        (["--macs", "+5%:-5%"], ["--macs", "not below -100%"]),
        (["--macs=-101%:+0%"], ["--macs", "not below -100%"]),
        (["--range", "1.1:1.2"], ["--range", "LOW <= 1 <= HIGH", "write e.g."]),
        (["--range", "wide"], ["--range", "'wide'"]),
        (["--freeze", "nothing"], ["--freeze", "'nothing'", "name a layer"]),
        (["--max-latency-ms", "3"], ["No such option"]),
        (["--hardware", "nowhere", "-a", "edge"], ["given twice", "--hardware DIR and --architecture NAME"]),
        (["--hardware", "nowhere"], ["no such folder"]),
        (["--hardware", "nowhere", "--choose", "a=b"], ["--choose", "with --architecture", "leave it out"]),
    ],
)
def test_bad_input(folder, tmp_path, options, words) -> None:
    hardware = () if "--hardware" in options else ("-a", folder / "arch.yaml")
    outcome = run("adjust", folder / "net.yaml", *hardware, "--no-cache", "--out", tmp_path / "out", *options)
    assert outcome.exit_code == 2, outcome.output
    for word in words:
        assert word in outcome.stderr
    assert not (tmp_path / "out").exists()


def test_hardware_and_budgets_that_do_not_go(folder, tmp_path) -> None:
    assert "it is not said which hardware" in run("adjust", folder / "net.yaml").stderr
    (tmp_path / "arch.yaml").write_text(SMALL_ARCH + "budgets: {latency_ms: 5}\n")
    outcome = run("adjust", folder / "net.yaml", "-a", tmp_path / "arch.yaml", "--no-cache")
    assert outcome.exit_code == 2 and "budgets.latency_ms" in outcome.stderr and "drop the budget" in outcome.stderr
    outcome = run("verify", folder)
    assert outcome.exit_code == 2


def test_tolerances_and_ranges_are_exact() -> None:
    for text in ("+-5%", "±5%", "5%", "5 %", "+/-5%"):
        assert parse_tolerance(text, "--params").within(1000) == (950, 1050)
    assert parse_tolerance("-0%:+2.5%", "--params").within(1001) == (1001, 1026)
    assert parse_tolerance("-100%:+0%", "--macs").within(7) == (0, 7)
    assert [str(part) for part in parse_range(".75:1.3", "--range")] == ["3/4", "13/10"]
    with pytest.raises(SpecError, match="not a tolerance"):
        parse_tolerance("-5%:-6%", "--params")


@pytest.mark.parametrize("limits", [["--area-mm2", "0.0001"], ["--constraints", "never.yaml"]], ids=str)
def test_hardware_that_does_not_run_the_network_is_refused(folder, tmp_path, monkeypatch, limits):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "never.yaml").write_text("constraints: [array.x == 3]\n")
    outcome = adjusted(folder, *limits)
    assert outcome.exit_code == 2, outcome.output
    assert "--architecture: the hardware does not run the network as it is" in outcome.stderr


def test_constraints_are_kept(folder, tmp_path):
    (tmp_path / "more.yaml").write_text("constraints: [GLB.size >= 1 KiB]\n")
    outcome = adjusted(folder, "--constraints", tmp_path / "more.yaml", "--out", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert "GLB.size >= 1 KiB" in json.loads((tmp_path / "out" / "adjust.json").read_text())["space"]
    assert run("verify", tmp_path / "out").exit_code == 0
