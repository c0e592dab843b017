"""ONNX import: recurrent operators, counted against formulas that are written down here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from optimizer.errors import SpecError
from optimizer.onnx_import import import_onnx
from optimizer.workload.layer import VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.reader import dump_network, parse_network
from optimizer.workload.stored import stored_in
from tests.support.onnx_models import tensor, write_model

STEPS, BATCH, FEATURES, HIDDEN = 7, 2, 3, 5
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def recurrent(path: Path, op: str, directions: int = 1, extra: Any = (), **given: Any) -> Network:
    """A network of one recurrent operator; `extra` are the inputs behind the recurrent weights."""
    gates, shape = GATES[op] * HIDDEN, given.pop("x", [STEPS, BATCH, FEATURES])
    constants = [tensor("w", directions, gates, FEATURES), tensor("r", directions, gates, HIDDEN)]
    constants += [tensor("b", directions, 2 * gates), tensor("p", directions, 3 * HIDDEN)]
    constants += [tensor("h0", directions, BATCH, HIDDEN)]
    inputs = {"x": shape, "n": (TensorProto.INT32, [BATCH]), "c0": [directions, BATCH, HIDDEN]}
    outputs, options = given.pop("outputs", ["y"]), given.pop("options", {})
    given.setdefault("hidden_size", HIDDEN)
    node = helper.make_node(op, ["x", "w", "r", *extra], outputs, name="cell", **given)
    return import_onnx(write_model(path / "m.onnx", [node], inputs, constants, opset=22), **options)


def expected(op: str, directions: int = 1) -> int:
    return STEPS * BATCH * directions * GATES[op] * HIDDEN * (FEATURES + HIDDEN)


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_every_product_is_counted(tmp_path: Path, op: str, direction: str) -> None:
    directions = 2 if direction == "bidirectional" else 1
    network = recurrent(tmp_path, op, directions, ["b"], direction=direction)
    gates = GATES[op] * HIDDEN
    assert network.macs == expected(op, directions)
    assert network.parameters == directions * gates * (FEATURES + HIDDEN + 2)
    inputs, *steps = network.mac_layers()
    assert inputs.extents == {"M": STEPS * BATCH, "N": directions * gates, "K": FEATURES}
    assert inputs.multiplicity == 1
    assert [layer.multiplicity for layer in steps] == [STEPS] * len(steps)
    assert sum(layer.extents["N"] for layer in steps) == gates
    assert all(layer.extents.get("B", 1) == directions for layer in steps)
    assert dump_network(parse_network(dump_network(network))) == dump_network(network)


def test_the_gates_of_an_lstm(tmp_path: Path) -> None:
    """Peepholes, lengths, initial states, and no output but the last state."""
    network = recurrent(tmp_path, "LSTM", 1, ["b", "n", "h0", "c0", "p"], outputs=["", "last"])
    states = STEPS * BATCH * HIDDEN
    assert network.graph.nodes["cell"]["layer"] == VectorLayer(
        "cell",
        "lstm",
        ((4 * states, 16), (4 * states, 16), (states, 16), (STEPS * 3 * HIDDEN, 16), (BATCH, 16)),
        ((states, 16), (states, 16)),
        (13 + 6) * states,
        parameters=40 + 15 + BATCH * HIDDEN,
    )
    assert network.parameters == 20 * FEATURES + 20 * HIDDEN + 40 + 15 + BATCH * HIDDEN
    assert list(network.graph.edges) == [("cell/inputs", "cell"), ("cell/state", "cell")]


@pytest.mark.parametrize("bits", [{"W": 16, "I": 8}, {"W": 8, "I": 16}])
def test_recurrent_weights_are_stored_at_the_bits_of_weights(tmp_path: Path, bits: dict[str, int]) -> None:
    network = recurrent(tmp_path, "LSTM", options={"bits": bits})
    assert stored_in(network).weight_bits == bits["W"] * 4 * HIDDEN * (FEATURES + HIDDEN)


@pytest.mark.parametrize(("before", "reads", "writes", "parts"), [(1, 1, 1, [15]), (0, 2, 2, [10, 5])])
def test_the_gates_of_a_gru(tmp_path: Path, *, before: int, reads: int, writes: int, parts: list[int]) -> None:
    """Where the reset comes first, the product with the reset state is one of its own: read and written besides."""
    network = recurrent(tmp_path, "GRU", linear_before_reset=before)
    states = STEPS * BATCH * HIDDEN
    cell = network.graph.nodes["cell"]["layer"]
    assert cell.reads == ((3 * states, 16),) * 2 + ((states, 16),) * reads
    assert cell.writes == ((states, 16),) * writes
    assert cell.operations == 11 * states
    assert [layer.extents["N"] for layer in network.mac_layers()[1:]] == parts
    assert network.macs == expected("GRU")


def test_samples_may_come_first(tmp_path: Path) -> None:
    network = recurrent(tmp_path, "RNN", x=[BATCH, STEPS, FEATURES], layout=1)
    assert network.macs == expected("RNN")
    (step,) = network.mac_layers()[1:]
    assert (step.multiplicity, step.extents) == (STEPS, {"M": BATCH, "N": HIDDEN, "K": HIDDEN})


@pytest.mark.parametrize("directions", [1, 2])
def test_a_quantized_lstm(tmp_path: Path, directions: int) -> None:
    """Weights are stored the other way round; inputs and states are quantized before each product."""
    gates = 4 * HIDDEN
    shapes = {"w": (directions, FEATURES, gates), "r": (directions, HIDDEN, gates)}
    constants = [tensor(name, value=np.zeros(shape, np.int8)) for name, shape in shapes.items()]
    constants += [tensor("b", directions, 2 * gates), tensor("ws", directions, gates), tensor("rs", directions, gates)]
    constants += [tensor(name, value=np.zeros((directions, gates), np.int8)) for name in ("wz", "rz")]
    reads = ["x", "w", "r", "b", "", "", "", "", "ws", "wz", "rs", "rz"]
    direction = "bidirectional" if directions == 2 else "forward"
    options = {"hidden_size": HIDDEN, "direction": direction, "domain": "com.microsoft"}
    nodes = [
        helper.make_node("DynamicQuantizeLSTM", reads, ["h"], name="cell", **options),
        helper.make_node("Softmax", ["h"], ["y"], name="softmax"),
    ]
    inputs = {"x": [STEPS, BATCH, FEATURES]}
    network = import_onnx(write_model(tmp_path / "m.onnx", nodes, inputs, constants, domains=["com.microsoft"]))
    states = STEPS * BATCH * HIDDEN * directions
    assert network.macs == expected("LSTM", directions)
    assert network.parameters == directions * gates * (FEATURES + HIDDEN + 2 + 4)
    assert [[operand.bits for operand in layer.operands] for layer in network.mac_layers()] == [[8, 8, 16]] * 2
    quantize, cell = network.graph.nodes["cell/quantize"]["layer"], network.graph.nodes["cell"]["layer"]
    words = STEPS * BATCH * FEATURES
    assert (quantize.reads, quantize.writes, quantize.operations) == (((words, 16),), ((words, 8),), 4 * words)
    assert cell.writes == ((states, 16), (states, 16), (states, 8))
    assert cell.operations == (13 + 4) * states
    assert network.graph.nodes["softmax"]["layer"].reads == ((states, 16),)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"direction": "sideways"}, "no direction"),
        ({"hidden_size": 6}, "no steps of this size"),
        ({"extra": ["r"]}, "does not fit steps, samples, directions and gates"),
        ({"direction": "bidirectional"}, "does not fit steps, samples, directions and gates"),
        ({"extra": ["", "", "c0"], "directions": 2}, "does not fit steps, samples, directions and gates"),
        ({"options": {"training": True}}, "LSTM in training"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        recurrent(tmp_path, "LSTM", **given)
    assert "cell" in str(caught.value.field)


def test_biases_that_are_computed_are_refused_by_name(tmp_path: Path) -> None:
    node = helper.make_node("RNN", ["x", "w", "r", "b"], ["y"], name="cell", hidden_size=2)
    inputs = {"x": [4, 1, 3], "w": [1, 2, 3], "r": [1, 2, 2], "b": [1, 4]}
    with pytest.raises(SpecError, match="RNN with biases that are computed"):
        import_onnx(write_model(tmp_path / "m.onnx", [node], inputs, opset=22))
    node.input[:] = ["x", "w", "r"]
    network = import_onnx(write_model(tmp_path / "m.onnx", [node], inputs, opset=22))
    assert (network.macs, network.parameters) == (4 * 2 * (3 + 2), 0)
