"""Bits per element that an ONNX model states: narrow types, quantization, integer operators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from optimizer.onnx_import import import_onnx
from optimizer.workload.network import Network
from tests.support.onnx_models import tensor, write_model

SCALE = tensor("s", value=np.float32(0.5))
ZERO = tensor("z", value=np.int8(0))
KERNEL = tensor("w", value=np.zeros((4, 3, 3, 3), np.int8))


def network(path: Path, nodes: list[Any], constants: list[Any], x: Any = None, **options: Any) -> Network:
    shape = [1, 3, 6, 6]
    model = write_model(path / "m.onnx", nodes, {"x": shape if x is None else (x, shape)}, constants, opset=22)
    return import_onnx(model, **options)


def bits(layer: Any) -> tuple[int, ...]:
    return tuple(operand.bits for operand in layer.operands)


def quantized(kernel: Any = KERNEL, zero: str = "z") -> list[Any]:
    """Quantized input and weights, a convolution, an activation and its quantization, then a pooling in float."""
    return [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], name="quantize"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "s", zero], ["v"]),
        helper.make_node("Conv", ["d", "v"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "s", "z"], ["rq"]),
        helper.make_node("DequantizeLinear", ["rq", "s", "z"], ["rd"]),
        helper.make_node("MaxPool", ["rd"], ["y"], name="pool", kernel_shape=[2, 2]),
    ]


def test_quantize_and_dequantize_around_a_convolution(tmp_path: Path) -> None:
    found = network(tmp_path, quantized(), [SCALE, ZERO, KERNEL])
    nodes = found.graph.nodes
    assert bits(nodes["conv"]["layer"]) == (8, 8, 8)
    assert nodes["quantize"]["layer"].reads == ((108, 16),)
    assert nodes["quantize"]["layer"].writes == ((108, 8),)
    assert nodes["pool"]["layer"].reads == ((64, 8),)
    assert nodes["pool"]["layer"].writes == ((36, 16),)


def test_weights_of_four_bits(tmp_path: Path) -> None:
    kernel = helper.make_tensor("w", TensorProto.INT4, [4, 3, 3, 3], np.zeros(108, np.int8))
    zero = helper.make_tensor("z4", TensorProto.INT4, [], [0])
    found = network(tmp_path, quantized(zero="z4"), [SCALE, ZERO, zero, kernel])
    assert bits(found.graph.nodes["conv"]["layer"]) == (4, 8, 8)
    assert found.parameters == 108


def test_widths_that_the_user_gives_go_first(tmp_path: Path) -> None:
    found = network(tmp_path, quantized(), [SCALE, ZERO, KERNEL], bits={"W": 2, "O": 12})
    assert bits(found.graph.nodes["conv"]["layer"]) == (2, 8, 12)
    assert bits(network(tmp_path, quantized(), [SCALE, ZERO, KERNEL], bits=7).graph.nodes["conv"]["layer"]) == (7, 7, 7)


def test_what_is_folded_behind_a_quantization_is_done_at_the_reader(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], name="conv"),
        helper.make_node("QuantizeLinear", ["c", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("Relu", ["d"], ["r"]),
        helper.make_node("Transpose", ["r"], ["t"], perm=[0, 1, 3, 2]),
        helper.make_node("Conv", ["t", "l"], ["y"], name="next"),
    ]
    found = network(tmp_path, nodes, [SCALE, ZERO, tensor("k", 4, 3, 3, 3), tensor("l", 2, 4, 1, 1)])
    assert bits(found.graph.nodes["conv"]["layer"]) == (16, 16, 8)
    assert bits(found.graph.nodes["next"]["layer"]) == (16, 8, 16)


def test_integer_operators(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"], name="dynamic"),
        helper.make_node("ConvInteger", ["q", "w", "qz"], ["c"], name="conv"),
        helper.make_node("Cast", ["c"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "s"], ["m"]),
        helper.make_node("MatMulInteger", ["q", "b"], ["y"], name="product"),
        helper.make_node("MaxPool", ["m"], ["z2"], name="pool", kernel_shape=[2, 2]),
    ]
    square = tensor("b", value=np.zeros((6, 5), np.int8))
    found = network(tmp_path, nodes, [SCALE, KERNEL, square])
    assert bits(found.graph.nodes["conv"]["layer"]) == (8, 8, 16), "scaled sums are written, not int32"
    assert bits(found.graph.nodes["product"]["layer"]) == (8, 8, 32)
    assert found.graph.nodes["dynamic"]["layer"].writes[0] == (108, 8)


@pytest.mark.parametrize(
    ("kind", "width"), [(TensorProto.FLOAT16, 16), (TensorProto.BFLOAT16, 16), (TensorProto.DOUBLE, 16)]
)
def test_floating_types(tmp_path: Path, kind: int, width: int) -> None:
    kernel = helper.make_tensor("w", kind, [4, 3, 3, 3], np.zeros(108))
    found = network(tmp_path, [helper.make_node("Conv", ["x", "w"], ["y"], name="conv")], [kernel], kind)
    assert bits(found.graph.nodes["conv"]["layer"]) == (width,) * 3


def test_weights_of_float8(tmp_path: Path) -> None:
    kernel = helper.make_tensor("w", TensorProto.FLOAT8E4M3FN, [4, 3, 3, 3], np.zeros(108))
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["v"]),
        helper.make_node("Conv", ["x", "v"], ["y"], name="conv"),
    ]
    assert bits(network(tmp_path, nodes, [SCALE, kernel]).graph.nodes["conv"]["layer"]) == (8, 16, 16)


def test_a_scale_folded_into_a_quantization_leaves_the_bits_of_its_first_output(tmp_path: Path) -> None:
    """The product of scales behind DynamicQuantizeLinear is a function of the scale, which is its second output."""
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "t", "n"], name="quantize"),
        helper.make_node("ConvInteger", ["q", "w", "n"], ["c"], name="conv"),
        helper.make_node("Cast", ["c"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["t", "s"], ["ts"]),
        helper.make_node("Mul", ["f", "ts"], ["y"]),
    ]
    found = network(tmp_path, nodes, [SCALE, KERNEL])
    assert found.graph.nodes["quantize"]["layer"].writes == ((108, 8), (1, 16), (1, 8))
    assert not found.warnings


def test_a_quantization_is_written_where_its_tensor_is(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("TopK", ["x", "k"], ["v", "i"], name="top"),
        helper.make_node("Cast", ["i"], ["y"], to=TensorProto.INT8),
    ]
    found = network(tmp_path, nodes, [tensor("k", value=np.array([2], np.int64))])
    assert found.graph.nodes["top"]["layer"].writes == ((36, 16), (36, 8))
