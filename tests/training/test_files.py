"""Training steps from files to verified results: ONNX, YAML, the command line, fusion."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from onnx import helper

from optimizer import api, load_architecture
from optimizer.checker.again import verify
from optimizer.checker.stored import load as load_stored
from optimizer.cli import main
from optimizer.errors import SpecError
from optimizer.networks import load
from optimizer.onnx_import import import_onnx
from optimizer.problem.fusion_options import Fusion
from optimizer.report.layers import network_in
from optimizer.report.phases import phase_totals
from optimizer.results.kinds import SolveResult
from optimizer.results.load import load_result
from optimizer.workload.reader import parse_network
from tests.support.onnx_models import tensor, write_model

TINY = """
name: tiny
layers:
  - {name: a, type: conv, dims: {N: 2, K: 4, C: 3, P: 4, Q: 4, R: 3, S: 3}}
  - {name: b, type: conv, dims: {N: 2, K: 4, C: 4, P: 2, Q: 2, R: 3, S: 3}, stride: 2,
     views: {a: [[1, 1, 0], [2, 3, 1], [2, 3, 1]]}}
  - {name: pool, type: vector, kind: globalaveragepool, reads: [32], writes: [8], operations: 32}
  - {name: c, type: matmul, dims: {M: 2, N: 6, K: 4}}
"""
POINT = [
    "-a",
    "edge_small",
    "--choose",
    "array.x=8",
    "--choose",
    "array.y=8",
    "--choose",
    "GLB.size=64 KiB",
    "--choose",
    "RF.size=64 words",
]


@pytest.fixture
def model(tmp_path):
    """Convolution, normalization, transposed convolution, convolution, pooling and classifier."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("BatchNormalization", ["c", "s", "t", "m", "v"], ["n"], name="norm"),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("ConvTranspose", ["r", "u"], ["up"], name="up", strides=[2, 2]),
        helper.make_node("Conv", ["up", "k", "bias"], ["d"], name="last"),
        helper.make_node("GlobalAveragePool", ["d"], ["g"], name="mean"),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "z"], ["y"], name="fc"),
    ]
    shapes = {"w": (4, 3, 3, 3), "u": (4, 2, 3, 3), "k": (5, 2, 2, 2), "bias": (5,), "z": (5, 7)}
    constants = [tensor(name, *shape) for name, shape in shapes.items()] + [tensor(name, 4) for name in "stmv"]
    return write_model(tmp_path / "model.onnx", nodes, {"x": [2, 3, 8, 8]}, constants)


def test_onnx_models_are_trained(model) -> None:
    step = load(str(model), training="adam")
    layers = {name: step.graph.nodes[name]["layer"] for name in step.graph}
    words = 2 * 4 * 4 * 4
    assert layers["norm"].kind == "batchnorm"
    assert layers["norm"].reads == ((words, 16), (words, 16), (4, 16), (4, 16))
    assert layers["norm"].writes == ((words, 16), (8, 16))
    assert layers["norm.dI"].writes == ((words, 16), (8, 32))
    assert set(step.graph.pred["norm.sum"]) == {f"up/phase{n}.dI" for n in range(4)}
    assert layers["norm.sum"].reads == ((words, 16),) * 4
    assert set(step.graph.pred["up/phase0.dW"]) == {"last.dI", "norm"}
    assert layers["last.dB"].writes == ((5, 32),)
    assert "conv.dI" not in layers
    assert layers["conv.update"].reads[0] == (4 * 3 * 9, 32)
    forward = import_onnx(model, training=True)
    assert step.parameters == forward.parameters == import_onnx(model).parameters
    assert len(import_onnx(model).graph) == len(forward.graph) - 1


def test_input_gradient_of_a_transposed_convolution_is_as_much_work_as_a_strided_one(model) -> None:
    step = load(str(model), training="sgd")
    found = [layer.macs for layer in step.mac_layers() if layer.name.startswith("up/") and layer.name.endswith(".dI")]
    assert sum(found) == 2 * (4 * 4) * 4 * 2 * (3 * 3)  # N, positions, C and K, taps


@pytest.mark.slow
def test_the_command_line_trains_and_the_result_is_verified(tmp_path) -> None:
    file, out = tmp_path / "tiny.yaml", tmp_path / "out"
    file.write_text(TINY, encoding="utf-8")
    given = ["--training", "adam", "--training-bits", "gradients=8,activations=8", "--no-cache"]
    done = CliRunner().invoke(main, ["solve", str(file), *POINT, *given, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "one step, adam; bits: activations 8, gradients 8" in done.output
    assert "weight gradient" in done.output
    data = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert data["status"] == "OPTIMAL"
    assert data["training"]["optimizer"] == "adam"
    found = load_result(out)
    assert isinstance(found, SolveResult)
    totals = phase_totals(found.layers, network_in(found.body))
    assert list(totals) == ["forward", "loss", "input_gradient", "weight_gradient", "update"]
    assert sum(total.energy_pj for total in totals.values()) == pytest.approx(data["energy_pj"])
    assert sum(total.latency_cycles for total in totals.values()) == data["latency_cycles"]
    assert totals["update"].layers == 3
    with pytest.raises(SpecError, match="does not hold the network"):
        phase_totals((replace(found.layers[0], name="x"),), network_in(found.body))
    result = load_stored(out)
    assert verify(result).ok
    result.data["training"]["optimizer"] = "sgd"
    assert not verify(result).ok


@pytest.mark.slow
def test_groups_of_a_training_step_are_verified(tmp_path) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY, encoding="utf-8")
    step = load(str(file), training="sgd")
    fused = api.solve(step, load_architecture("eyeriss_rs"), fusion=Fusion(max_group=2))
    assert fused.status == "OPTIMAL"
    assert fused.to_json()["groups"]
    assert verify(fused).ok


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["--training", "lion"], "no such optimizer"),
        (["--training-bits", "master=16"], "there is no training"),
        (["--training", "sgd", "--training-bits", "master"], "not of the form name=value"),
        (["--training", "sgd", "--training-bits", "master=1,master=2"], "given twice"),
        (["--training", "sgd", "--training-bits", "weight=8"], "no such tensor"),
    ],
)
def test_bad_options(tmp_path, given, problem) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY, encoding="utf-8")
    done = CliRunner().invoke(main, ["solve", str(file), *POINT, *given])
    assert done.exit_code == 2
    assert problem in done.output


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("name: a,", "name: a, phase: sideways,", "no such phase"),
        ("layers:", "training: sgd\nlayers:", "expected optimizer and bits"),
    ],
)
def test_bad_files(old, new, problem) -> None:
    with pytest.raises(SpecError, match=problem):
        parse_network(TINY.replace(old, new))
