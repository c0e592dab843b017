"""What is mutated: small models, files and a result, each of which is read without an error."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from optimizer import api
from optimizer.architecture.reader import parse_architecture
from optimizer.files.exact_yaml import load_exact
from optimizer.results.formats import CERTIFICATE_FILE, RESULT_FILE
from optimizer.workload.reader import parse_network
from tests.support import tiny_problem
from tests.support.onnx_models import integers, tensor

FLOAT = TensorProto.FLOAT


def model(
    nodes: list[Any],
    inputs: dict[str, list[Any]],
    constants: list[Any] | None = None,
    *,
    outputs: tuple[str, ...] = ("y",),
    functions: tuple[Any, ...] = (),
    opset: int = 18,
) -> Any:
    """A model of these parts; domain ``my`` is that of its functions."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        initializer=constants or [],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("my", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=9)


def _loop() -> Any:
    """A loop whose body adds."""
    body = helper.make_graph(
        [helper.make_node("Add", ["a", "a"], ["b"]), helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("a", FLOAT, [2, 4]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("b", FLOAT, [2, 4]),
        ],
    )
    constants = [tensor("n", value=np.array(3)), tensor("go", value=np.array(True))]
    return model([helper.make_node("Loop", ["n", "go", "x"], ["y"], name="l", body=body)], {"x": [2, 4]}, constants)


def _function() -> Any:
    body = helper.make_function(
        "my", "F", ["a", "b"], ["c"], [helper.make_node("MatMul", ["a", "b"], ["c"])], [helper.make_opsetid("", 18)]
    )
    nodes = [helper.make_node("F", ["x", "w"], ["y"], domain="my")]
    return model(nodes, {"x": [2, 3]}, [tensor("w", 3, 4)], functions=(body,))


@cache
def models() -> list[bytes]:
    """ONNX models, every handler of an operator in one of them."""
    make = helper.make_node
    convolutions = [
        make("Conv", ["x", "w", "b"], ["c"], name="conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        make("BatchNormalization", ["c", "b", "b", "b", "b"], ["n"]),
        make("Relu", ["n"], ["r"]),
        make("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER"),
        make("ConvTranspose", ["p", "t"], ["u"], kernel_shape=[3, 3], strides=[2, 2], output_padding=[1, 1]),
        make("GlobalAveragePool", ["u"], ["g"]),
        make("Flatten", ["g"], ["f"], axis=1),
        make("Gemm", ["f", "m", "k"], ["y"], alpha=1.0, transB=1),
    ]
    weights = [tensor("w", 4, 4, 3, 3), tensor("b", 4), tensor("t", 4, 4, 3, 3), tensor("m", 5, 4), tensor("k", 5)]
    shapes = [
        make("Shape", ["x"], ["s"], start=0),
        make("Gather", ["s", "i"], ["n"], axis=0),
        make("Concat", ["n", "m"], ["sh"], axis=0),
        make("Reshape", ["x", "sh"], ["r"]),
        make("Split", ["r"], ["a", "b"], num_outputs=2, axis=1),
        make("Concat", ["a", "b"], ["c"], axis=-1),
        make("Softmax", ["c"], ["d"], axis=-1),
        make("Transpose", ["d"], ["e"], perm=[1, 0]),
        make("MatMul", ["d", "e"], ["y"]),
    ]
    vectors = [
        make("LayerNormalization", ["x", "g"], ["l"], axis=-1),
        make("Einsum", ["l", "l"], ["e"], equation="bhid,bhjd->bhij"),
        make("ReduceMean", ["e", "axes"], ["m"], keepdims=1),
        make("Mul", ["e", "m"], ["q"]),
        make("Resize", ["q", "", "scales"], ["z"], mode="linear"),
        make("TopK", ["z", "k"], ["v", "w"], axis=-1),
        make("Gelu", ["v"], ["ge"]),
        make("Pad", ["ge", "pads"], ["pd"]),
        make("Constant", [], ["ct"], value=tensor("v", 1, 1)),
        make("Add", ["pd", "ct"], ["y"]),
    ]
    numbers = [
        tensor("g", 4),
        integers("axes", -1),
        tensor("scales", value=np.array([1, 1, 2, 2], np.float32)),
        integers("k", 2),
        integers("pads", 0, 0, 1, 1, 0, 0, 1, 1),
    ]
    quantized = [
        make("QuantizeLinear", ["x", "s", "z"], ["q"]),
        make("QLinearConv", ["q", "s", "z", "w", "s", "z", "s", "z"], ["c"], group=2),
        make("DequantizeLinear", ["c", "s", "z"], ["y"]),
    ]
    bytes_of = [
        tensor("s", value=np.array(0.5, np.float32)),
        tensor("z", value=np.array(1, np.uint8)),
        tensor("w", value=np.ones((4, 2, 1, 1), np.uint8)),
    ]
    made = [
        model(convolutions, {"x": [1, 4, 8, 8]}, weights),
        model(shapes, {"x": [2, 4, 4]}, [integers("i", 0), integers("m", -1)]),
        model(vectors, {"x": [1, 2, 3, 4]}, numbers, opset=20),
        model(quantized, {"x": [1, 4, 4, 4]}, bytes_of),
        _loop(),
        _function(),
        model([make("Attention", ["q", "q", "q"], ["y"])], {"q": [1, 2, 3, 4]}, opset=23),
    ]
    return [one.SerializeToString() for one in made]


NETWORK = """
name: net
bits: {W: 8, I: 8, O: 16}
layers:
  - {name: a, type: conv, dims: {N: 1, K: 4, C: 2, P: 6, Q: 6, R: 3, S: 3}, stride: [1, 1]}
  - {name: v, type: vector, kind: relu, reads: [144], writes: [144], operations: 144, inputs: [a]}
  - {name: b, type: matmul, dims: {M: 4, N: 10, K: 11}, multiplicity: 2}
  - {name: e, einsum: "O[m,n] += W[n,k] * I[m,k]", dims: {M: 2, N: 3, K: 4}}
mapping:
  - {stationary: W, level: RF}
  - {utilization: 0.5}
"""
MAPPING = """
levels:
  - {level: DRAM, keep: [W, I, O], temporal: [[P, 3], [K, 2]]}
  - {level: GLB, keep: [I, O], temporal: [[C, 2]], spatial: [[K, 2, X]]}
  - {level: RF, keep: [W, I, O], temporal: [[P, 2], [R, 3]]}
"""
CONSTRAINTS = """
constraints:
  - GLB.size >= 16 * RF.size * array.x
  - GLB.size + RF.size * array.x * array.y <= 160 KiB
  - name: tape-outs
    allowed: [{array.x: 2, GLB.size: 1 KiB}, {array.x: 4, GLB.size: 4 KiB}]
mapping:
  - {keep: [I, O], level: GLB}
  - {unroll: [K, C], level: GLB}
"""


LAYER = "name: one\nlayers: [{name: fc, type: matmul, dims: {M: 2, N: 3, K: 4}}]"
POINT = (
    tiny_problem.ARCHITECTURE.replace("[2, 4]", "2").replace("[1 KiB, 4 KiB]", "1 KiB").replace("[16 words, 32", "[16")
)


@cache
def result_files() -> dict[str, bytes]:
    """The files of a small result."""
    files = api.solve(parse_network(LAYER), parse_architecture(load_exact(POINT))).files()
    return {name: json.dumps(json.loads(files[name])).encode() for name in (RESULT_FILE, CERTIFICATE_FILE)}


def parsed(data: bytes) -> Any:
    """A model from its bytes."""
    return onnx.ModelProto.FromString(data)
