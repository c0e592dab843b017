"""ONNX import: If, Loop and what else is control flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from optimizer.errors import SpecError
from optimizer.onnx_import import import_onnx
from optimizer.workload.network import Network
from tests.support.onnx_models import FLOAT, integers, tensor, write_model


def graph(name: str, nodes: list[Any], outputs: list[str], constants: Any = ()) -> Any:
    results = [helper.make_tensor_value_info(one, FLOAT, None) for one in outputs]
    return helper.make_graph(nodes, name, [], results, initializer=list(constants))


def product(output: str, weights: str, name: str = "product") -> Any:
    return helper.make_node("MatMul", ["h", weights], [output], name=name)


def choice(path: Path, flag: Any, *, inputs: Any = (), then: Any = None, **options: Any) -> Network:
    """A product h of x, then an If with 5 columns in one branch and 7 in the other, then a softmax."""
    then = then or graph("then", [product("r", "w5")], ["r"], [tensor("w5", 4, 5)])
    other = graph("else", [product("r", "w7")], ["r"], [tensor("w7", 4, 7)])
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="before"),
        helper.make_node("If", ["flag"], ["s"], name="if", then_branch=then, else_branch=other),
        helper.make_node("Softmax", ["s"], ["y"], name="softmax"),
    ]
    constants = [tensor("w", 3, 4), *([] if flag is None else [tensor("flag", value=np.array(flag))])]
    path = write_model(path / "m.onnx", nodes, {"x": [2, 3], **dict(inputs)}, constants)
    return import_onnx(path, **options)


@pytest.mark.parametrize(("flag", "columns"), [(True, 5), (False, 7), ([True], 5)])
def test_the_branch_that_a_constant_chooses(tmp_path: Path, flag: Any, columns: int) -> None:
    network = choice(tmp_path, flag)
    assert [layer.name for layer in network.layers()] == ["before", "if/product", "softmax"]
    assert list(network.graph.edges) == [("before", "if/product"), ("if/product", "softmax")]
    assert network.macs == 2 * 3 * 4 + 2 * 4 * columns
    assert network.parameters == 3 * 4 + 4 * columns
    assert network.warnings == []


def test_a_condition_that_follows_from_shapes(tmp_path: Path) -> None:
    """As exporters write it: if the last axis is one, squeeze it, else leave it."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "last"], ["extent"]),
        helper.make_node("Equal", ["extent", "one"], ["flag"]),
        helper.make_node(
            "If",
            ["flag"],
            ["s"],
            then_branch=graph("then", [helper.make_node("Squeeze", ["x", "last"], ["r"])], ["r"]),
            else_branch=graph("else", [helper.make_node("Identity", ["x"], ["r"])], ["r"]),
        ),
        helper.make_node("Softmax", ["s"], ["y"], name="softmax"),
    ]
    constants = [integers("last", -1), integers("one", 1)]
    for shape, words in (([6, 1], 6), ([6, 2], 12)):
        (layer,) = import_onnx(write_model(tmp_path / "m.onnx", nodes, {"x": shape}, constants)).layers()
        assert layer.reads == ((words, 16),)


def test_branches_in_branches_and_outer_tensors(tmp_path: Path) -> None:
    """The inner branch reads a tensor of the outer one, which reads one of the graph; both use the same names."""
    inner = graph("inner", [helper.make_node("MatMul", ["r", "v"], ["q"], name="inner")], ["q"], [tensor("v", 5, 6)])
    unused = graph("unused", [helper.make_node("Relu", ["r"], ["q"])], ["q"])
    nested = helper.make_node("If", ["flag"], ["z"], name="nested", then_branch=inner, else_branch=unused)
    then = graph("then", [product("r", "w5"), nested], ["z"], [tensor("w5", 4, 5)])
    network = choice(tmp_path, True, then=then)
    assert [layer.name for layer in network.layers()] == ["before", "if/product", "if/nested/inner", "softmax"]
    assert network.macs == 2 * (3 * 4 + 4 * 5 + 5 * 6)
    assert ("if/product", "if/nested/inner") in network.graph.edges


def test_a_branch_may_give_a_constant_or_a_tensor_of_the_graph(tmp_path: Path) -> None:
    assert [one.name for one in choice(tmp_path, True, then=graph("then", [], ["h"])).layers()] == ["before", "softmax"]
    constant = graph("then", [], ["k"], [tensor("k", 2, 4)])
    assert [one.name for one in choice(tmp_path, True, then=constant).layers()] == ["before"]


def test_a_computed_condition_is_an_error_that_names_both_branches(tmp_path: Path) -> None:
    flag = {"flag": (TensorProto.BOOL, [])}
    with pytest.raises(SpecError, match="condition flag is no constant") as caught:
        choice(tmp_path, None, inputs=flag)
    assert "then_branch of 1 nodes" in str(caught.value)
    assert "else_branch of 1 nodes" in str(caught.value)


def test_loops_are_refused_by_name(tmp_path: Path) -> None:
    values = [helper.make_tensor_value_info(name, kind, []) for name, kind in (("i", 7), ("c", 9), ("a", 1))]
    results = [helper.make_tensor_value_info(name, kind, []) for name, kind in (("c", 9), ("b", 1))]
    body = helper.make_graph([helper.make_node("Exp", ["a"], ["b"])], "body", values, results)
    loop = helper.make_node("Loop", ["n", "", "x"], ["y"], name="loop", body=body)
    path = write_model(tmp_path / "m.onnx", [loop], {"x": []}, [tensor("n", value=np.int64(3))])
    with pytest.raises(SpecError, match="a Loop"):
        import_onnx(path)
