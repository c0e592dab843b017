"""Minimized inputs of kinds that once crashed, hung or killed a reader, made in code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from onnx import AttributeProto, TensorProto, helper

from tests.fuzz import seeds
from tests.fuzz.seeds import model, parsed
from tests.support.onnx_models import tensor

X = {"x": [2, 4, 4]}


def _one(op: str, inputs: list[str], outputs: tuple[str, ...] = ("y",), **attributes: Any) -> Any:
    return model([helper.make_node(op, inputs, list(outputs), name="bad", **attributes)], X, [tensor("w", 4, 4)])


def _split() -> Any:
    return _one("Split", ["x"], ("y", "z"), num_outputs=1)


def _split_in_a_loop() -> Any:
    """No check of ours looks into the body; onnx's own code aborts, or says no."""
    body = helper.make_graph(
        [helper.make_node("Split", ["x"], ["a", "b"], num_outputs=1), helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []), helper.make_tensor_value_info("b", 1, None)],
    )
    constants = [tensor("n", value=np.array(3)), tensor("go", value=np.array(True))]
    return model([helper.make_node("Loop", ["n", "go"], ["y"], name="bad", body=body)], X, constants)


def _no_operator() -> Any:
    made = _one("Relu", ["x"])
    made.graph.node[0].op_type = ""
    return made


def _same_functions() -> Any:
    made = _functions(1, 1, "Relu")
    made.functions.add().CopyFrom(made.functions[0])
    return made


def _loop_with_too_few_outputs() -> Any:
    made = parsed(seeds.models()[4])
    loop = made.graph.node[0]
    loop.name = "bad"
    loop.input.append("x")
    loop.attribute[0].g.input.add().CopyFrom(loop.attribute[0].g.input[2])
    loop.attribute[0].g.input[3].name = "c"
    return made


def _undefined_input() -> Any:
    made = _one("Relu", ["x"])
    made.graph.input[0].type.tensor_type.elem_type = 0
    return made


def _undefined_weight() -> Any:
    made = _one("MatMul", ["x", "w"])
    made.graph.initializer[0].data_type = 0
    return made


def _short_data() -> Any:
    made = _one("MatMul", ["x", "w"])
    made.graph.initializer[0].raw_data = b"1234567"
    return made


def _short_typed_data() -> Any:
    made = _one("MatMul", ["x", "w"])
    made.graph.initializer[0].ClearField("raw_data")
    made.graph.initializer[0].float_data.extend([1.0] * 3)
    return made


def _huge_weight() -> Any:
    made = _one("MatMul", ["x", "w"])
    made.graph.initializer[0].dims[:] = [2**62, 2**62]
    made.graph.initializer[0].ClearField("raw_data")
    return made


def _opset() -> Any:
    made = _one("Relu", ["x"])
    made.opset_import[0].version = 2**40
    return made


def _two_opsets() -> Any:
    made = _one("Relu", ["x"])
    made.opset_import.add(domain="", version=9)
    return made


def _kind() -> Any:
    made = _one("Softmax", ["x"], axis=1)
    made.graph.node[0].attribute[0].type = AttributeProto.FLOATS
    return made


def _no_kind() -> Any:
    made = _one("Softmax", ["x"], axis=1)
    made.graph.node[0].attribute[0].type = AttributeProto.UNDEFINED
    return made


def _twice() -> Any:
    made = _one("Relu", ["x"])
    made.graph.node.add().CopyFrom(made.graph.node[0])
    return made


def _nested() -> Any:
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [])
    for _ in range(20):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=graph)], "g", [], [])
    return model([helper.make_node("If", ["x"], ["y"], name="bad", then_branch=graph)], X)


def _functions(count: int, calls: int, last: str) -> Any:
    """Functions each of which calls the next one; the last one calls `last`."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("my", 1)]
    made = []
    for number in range(count):
        op = f"F{number + 1}" if number + 1 < count else last
        nodes = [
            helper.make_node(op, ["a" if n == 0 else f"t{n}"], [f"t{n + 1}"], domain="my" if op[0] == "F" else "")
            for n in range(calls)
        ]
        made.append(helper.make_function("my", f"F{number}", ["a"], [f"t{calls}"], nodes, opsets))
    return model([helper.make_node("F0", ["x"], ["y"], domain="my", name="bad")], X, functions=tuple(made))


def _bad_operator() -> bytes:
    made: bytes = _one("Relu", ["x"]).SerializeToString()
    return made.replace(b"Relu", b"Re\xedu")


MODELS: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "split": (_split, ("node bad (Split)", "attribute num_outputs")),
    "split in a loop": (_split_in_a_loop, ("node bad (Loop)",)),
    "loop with too few outputs": (_loop_with_too_few_outputs, ("node bad (Loop)", "attribute body", "2 carried")),
    "undefined input": (_undefined_input, ("tensor x", "UNDEFINED", "FLOAT")),
    "undefined weight": (_undefined_weight, ("tensor w", "UNDEFINED", "FLOAT")),
    "short data": (_short_data, ("tensor w", "7 bytes", "64 bytes")),
    "short typed data": (_short_typed_data, ("tensor w", "as many elements")),
    "huge weight": (_huge_weight, ("tensor w", "too large")),
    "opset": (_opset, ("opset_import", "1 to 1000")),
    "two opsets": (_two_opsets, ("opset_import", "two versions")),
    "kind of attribute": (_kind, ("node bad", "attribute axis", "FLOATS", "INT")),
    "attribute without kind": (_no_kind, ("node bad", "attribute axis", "no kind")),
    "tensor twice": (_twice, ("node bad", "'y'", "names used once")),
    "too few inputs": (lambda: _one("MatMul", ["x"]), ("node bad", "number of inputs", "2")),
    "empty input": (lambda: _one("MatMul", ["x", ""]), ("node bad", "input 1", "required input")),
    "too many outputs": (lambda: _one("Relu", ["x"], ("y", "z")), ("node bad", "number of outputs", "1")),
    "no such attribute": (
        lambda: _one("Relu", ["x"], consumed_inputs=[0]),
        ("node bad", "attribute consumed_inputs", "none"),
    ),
    "huge kernel": (lambda: _one("MaxPool", ["x"], kernel_shape=[2**40]), ("node bad", "attribute kernel_shape")),
    "stride 0": (lambda: _one("MaxPool", ["x"], kernel_shape=[2], strides=[0]), ("attribute strides", "1 to")),
    "short kernel": (lambda: _one("MaxPool", ["x"], kernel_shape=[2, 2]), ("attribute kernel_shape", "1 entries")),
    "padding": (lambda: _one("MaxPool", ["x"], kernel_shape=[2], auto_pad="ALL"), ("attribute auto_pad", "VALID")),
    "no operator": (_no_operator, ("node bad", "without an operator")),
    "functions of one name": (_same_functions, ("functions", "'F0'", "same name")),
    "product with a scalar": (
        lambda: model([helper.make_node("MatMul", ["x", "s"], ["y"], name="bad")], {"x": [2, 4], "s": []}),
        ("node bad (MatMul)",),
    ),
    "negative window": (lambda: _one("LRN", ["x"], size=-3), ("node bad (LRN)", "attribute size", "1 to")),
    "nested graphs": (_nested, ("nested too deeply",)),
    "function that calls itself": (lambda: _functions(1, 1, "F0"), ("function 'F0'", "calls itself")),
    "functions that grow": (lambda: _functions(9, 9, "Relu"), ("too many nodes", "functions inlined")),
}
"""Models, and what the refusal says."""


def model_bytes(name: str) -> bytes:
    """A model of :data:`MODELS`."""
    data: bytes = MODELS[name][0]().SerializeToString()
    return data


def other_models() -> Iterator[bytes]:
    """Inputs that are no models."""
    yield from (b"", b"\x00", b"x" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x3a" * 300, _bad_operator())
    empty = parsed(b"")
    empty.graph.node.add()
    yield empty.SerializeToString()
