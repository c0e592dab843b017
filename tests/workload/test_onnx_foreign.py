"""Files with attributes that ONNX does not define, and with types that operators do not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from optimizer.errors import SpecError
from optimizer.onnx_import import import_onnx
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network
from tests.support.onnx_models import tensor, write_model

OWN = {"act_size": 16, "weight_size": 8, "tiling": "4x4", "share": 0.5}
"""Attributes as other tools add them to nodes."""


def weight(name: str, kind: int, *shape: int) -> Any:
    """A weight without data."""
    return TensorProto(name=name, data_type=kind, dims=shape)


def product(path: Path, **attributes: Any) -> Path:
    """A matrix product with more attributes than it has."""
    node = helper.make_node("Gemm", ["x", "w"], ["y"], name="fc", transB=1, **attributes)
    write_model(path, [node], {"x": [8, 4]}, [tensor("w", 6, 4)])
    return path


def convolution(path: Path, given: str, learned: str, declared: str | None = None) -> Network:
    """A convolution with a given element type of its input and of its weights."""
    kinds = [getattr(TensorProto, name) for name in (given, learned)]
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("MaxPool", ["a"], ["y"], name="pool", kernel_shape=[2, 2]),
    ]
    shown = []
    if declared is not None:
        shown = [helper.make_tensor_value_info("a", getattr(TensorProto, declared), [1, 6, 8, 8])]
    inputs = {"x": (kinds[0], [1, 4, 8, 8])}
    write_model(path, nodes, inputs, [weight("w", kinds[1], 6, 4, 3, 3)], value_info=shown)
    return import_onnx(path)


def bits(network: Network) -> list[int]:
    layer = network.graph.nodes["conv"]["layer"]
    assert isinstance(layer, Layer)
    return [operand.bits for operand in layer.operands]


def test_the_checker_of_onnx_refuses_these_nodes() -> None:
    with pytest.raises(onnx.checker.ValidationError, match="Unrecognized attribute"):
        onnx.checker.check_node(helper.make_node("Gemm", ["x", "w"], ["y"], **OWN))


def test_foreign_attributes_change_nothing_but_a_warning(tmp_path: Path) -> None:
    plain, more = import_onnx(product(tmp_path / "m.onnx")), import_onnx(product(tmp_path / "m.onnx", **OWN))
    assert list(plain.layers()) == list(more.layers()) and plain.warnings == []
    (warning,) = more.warnings
    for name in OWN:
        assert f"{name} of Gemm" in warning
    assert "transB" not in warning and "--bits" in warning


def test_nodes_of_functions_and_their_calls_too(tmp_path: Path) -> None:
    body = [helper.make_node("Sigmoid", ["a"], ["s"], core=1), helper.make_node("Mul", ["a", "s"], ["b"])]
    silu = helper.make_function("own", "Silu", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"], name="fc", core=2),
        helper.make_node("Silu", ["m"], ["y"], domain="own", act_size=16),
    ]
    path = write_model(
        tmp_path / "m.onnx", nodes, {"x": [8, 4]}, [tensor("w", 4, 6)], functions=[silu], domains=["own"]
    )
    network = import_onnx(path)
    (warning,) = network.warnings
    assert all(text in warning for text in ("core of MatMul", "core of Sigmoid", "act_size of Silu"))
    assert network.macs == 8 * 4 * 6


def test_attributes_of_other_versions_are_no_foreign_ones(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    write_model(path, [helper.make_node("Squeeze", ["x"], ["y"], axes=[0])], {"x": [1, 1, 4]})
    with pytest.raises(SpecError, match="attribute axes: Squeeze has no such attribute"):
        import_onnx(path)


def test_long_and_many_names_stay_short(tmp_path: Path) -> None:
    found = import_onnx(product(tmp_path / "m.onnx", **{f"n{number}{'x' * 500}": 1 for number in range(20)}))
    (warning,) = found.warnings
    assert len(warning) < 1000 and "and 12 more" in warning


@pytest.mark.parametrize(
    ("given", "learned", "declared", "expected"),
    [
        ("INT8", "INT8", None, [8, 8, 8]),
        ("BFLOAT16", "INT8", None, [8, 16, 16]),
        ("FLOAT16", "INT4", None, [4, 16, 16]),
        ("INT8", "INT8", "INT16", [8, 8, 16]),
        ("FLOAT16", "BFLOAT16", None, [16, 16, 16]),
    ],
)
def test_number_types_are_taken_as_they_stand(
    given: str, learned: str, declared: str | None, expected: list[int], tmp_path: Path
) -> None:
    network = convolution(tmp_path / "m.onnx", given, learned, declared)
    assert bits(network) == expected
    assert network.macs == 6 * 4 * 8 * 8 * 9
    assert network.parameters == 6 * 4 * 9
    names = " and ".join(dict.fromkeys([given, learned]))
    assert f"{names} of Conv" in network.warnings[0] and len(network.warnings) == 1


def test_types_that_onnx_defines_need_no_warning(tmp_path: Path) -> None:
    assert convolution(tmp_path / "m.onnx", "FLOAT16", "FLOAT16").warnings == []


def test_no_numbers_and_wrong_shapes_stay_errors(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="fc")
    write_model(path, [node], {"x": (TensorProto.BOOL, [8, 4])}, [tensor("w", 4, 6)])
    with pytest.raises(SpecError, match="contradicts the definition"):
        import_onnx(path)
    write_model(path, [node], {"x": (TensorProto.INT8, [8, 5])}, [weight("w", TensorProto.INT8, 4, 6)])
    with pytest.raises(SpecError, match="node fc"):
        import_onnx(path)
