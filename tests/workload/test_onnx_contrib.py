"""ONNX import: operators of onnxruntime's domain com.microsoft that are products, normalizations and embeddings."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from optimizer.errors import SpecError
from optimizer.onnx_import import import_onnx
from optimizer.workload.layer import VectorLayer
from optimizer.workload.network import Network
from tests.support.onnx_models import INT64, tensor, write_model

MICROSOFT = "com.microsoft"


def node(op: str, inputs: list[str], outputs: list[str] | None = None, domain: str = MICROSOFT, **given: Any) -> Any:
    return helper.make_node(op, inputs, outputs or ["y"], name=op.lower(), domain=domain, **given)


def network(path: Path, nodes: list[Any], inputs: Any, constants: Any = (), **options: Any) -> Network:
    opset = options.pop("opset", 17)
    model = write_model(path / "m.onnx", nodes, inputs, constants, domains=[MICROSOFT], opset=opset)
    return import_onnx(model, **options)


def packed(inner: int, columns: int, block: int, bits: int) -> list[Any]:
    """Weights, scales and zero points as onnxruntime packs them: every block of a column in whole bytes."""
    blocks = math.ceil(inner / block)
    return [
        tensor("w", value=np.zeros((columns, blocks, block * bits // 8), np.uint8)),
        tensor("s", columns, blocks),
        tensor("z", value=np.zeros((columns, math.ceil(blocks * bits / 8)), np.uint8)),
        tensor("b", columns),
    ]


@pytest.mark.parametrize(("bits", "inner", "block"), [(4, 64, 32), (4, 72, 32), (8, 64, 16), (2, 128, 128)])
def test_weights_in_blocks(tmp_path: Path, bits: int, inner: int, block: int) -> None:
    call = node("MatMulNBits", ["x", "w", "s", "z", "", "b"], K=inner, N=24, bits=bits, block_size=block)
    found = network(tmp_path, [call], {"x": [2, 5, inner]}, packed(inner, 24, block, bits))
    product, scales = found.graph.nodes["matmulnbits"]["layer"], found.graph.nodes["matmulnbits/scales"]["layer"]
    blocks = 24 * math.ceil(inner / block)
    assert product.extents == {"M": 10, "N": 24, "K": inner}
    assert [operand.bits for operand in product.operands] == [bits, 16, 16]
    assert scales.reads == ((blocks, 16), (blocks, bits))
    assert scales.operations == 2 * 24 * inner
    assert found.parameters == 24 * inner + 2 * blocks + 24
    assert found.macs == 10 * 24 * inner


def test_weights_in_blocks_without_zero_points_and_with_given_widths(tmp_path: Path) -> None:
    call = node("MatMulNBits", ["x", "w", "s"], K=64, N=24, block_size=32)
    found = network(tmp_path, [call], {"x": (TensorProto.FLOAT16, [3, 64])}, packed(64, 24, 32, 4)[:2], bits={"W": 8})
    assert [operand.bits for operand in found.mac_layers()[0].operands] == [8, 16, 16]
    assert found.graph.nodes["matmulnbits/scales"]["layer"].reads == ((48, 8),)
    assert found.parameters == 24 * 64 + 48


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"block_size": 24}, "power of two"),
        ({"block_size": 64}, "size that N, K, bits and block_size say"),
        ({"bits": 8}, "size that N, K, bits and block_size say"),
        ({"K": 60}, "K columns"),
        ({"bits": 9}, "out of range"),
        ({"shift": 1}, "no such attribute"),
        ({"bits": 4.0}, "another kind"),
    ],
)
def test_weights_in_blocks_that_contradict_themselves(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    call = node("MatMulNBits", ["x", "w", "s"], **{"K": 64, "N": 24, "bits": 4, "block_size": 32, **given})
    with pytest.raises(SpecError, match=words) as caught:
        network(tmp_path, [call], {"x": [3, 64]}, packed(64, 24, 32, 4)[:2])
    assert "matmulnbits" in str(caught.value.field)


def test_operators_that_the_opset_does_not_define(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="the opset of the model does not define"):
        network(tmp_path, [node("RotaryEmbedding", ["x"], domain="")], {"x": [2, 3, 4]}, opset=22)


def test_missing_inputs_and_attributes_of_other_domains(tmp_path: Path) -> None:
    for call, words in (
        (node("MatMulNBits", ["x", "w", "s"], K=64, N=24), "required attribute"),
        (node("MatMulNBits", ["x", "w", ""], K=64, N=24, block_size=32), "required input"),
        (node("MatMulNBits", ["x", "w"], K=64, N=24, block_size=32), "number of inputs"),
    ):
        with pytest.raises(SpecError, match=words):
            network(tmp_path, [call], {"x": [3, 64]}, packed(64, 24, 32, 4)[:2])


@pytest.mark.parametrize("op", ["FusedMatMul", "TransposeMatMul"])
@pytest.mark.parametrize(("turn_left", "turn_right"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_products_with_turned_factors(tmp_path: Path, op: str, turn_left: int, turn_right: int) -> None:
    left, right = ([2, 3, 6, 5], [2, 3, 5, 4])
    shapes = [shape[:2] + shape[2:][:: -1 if turn else 1] for shape, turn in ((left, turn_left), (right, turn_right))]
    call = node(op, ["x", "v"], alpha=0.5, transA=turn_left, transB=turn_right)
    found = network(tmp_path, [call, node("FastGelu", ["y"], ["z"])], {"x": shapes[0], "v": shapes[1]})
    (layer,) = found.layers()
    one, other = (np.ones(shape) for shape in shapes)
    result = (one.swapaxes(2, 3) if turn_left else one) @ (other.swapaxes(2, 3) if turn_right else other)
    assert found.macs == result.sum(), "every sum of ones counts its products"
    assert layer.extents == {"B": 6, "M": 6, "N": 4, "K": 5}
    assert layer.grid == (6, 6, 1)


def test_products_with_turned_batches_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="transBatchA"):
        network(tmp_path, [node("FusedMatMul", ["x", "v"], transBatchA=1)], {"x": [2, 3, 4], "v": [3, 4, 5]})
    with pytest.raises(SpecError, match="do not fit together"):
        network(tmp_path, [node("FusedMatMul", ["x", "v"], transB=1)], {"x": [2, 3], "v": [3, 4]})


@pytest.mark.parametrize(
    ("op", "biased"), [("Gelu", 0), ("BiasGelu", 1), ("FastGelu", 1), ("FastGelu", 0), ("QuickGelu", 0)]
)
def test_activations_fold(tmp_path: Path, op: str, biased: int) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"], name="product"), node(op, ["h", "b"][: 1 + biased])]
    found = network(tmp_path, nodes, {"x": [7, 3]}, [tensor("w", 3, 5), tensor("b", 5)])
    assert [layer.name for layer in found.layers()] == ["product"]
    assert found.parameters == 15 + 5 * biased


def test_normalization_of_a_sum(tmp_path: Path) -> None:
    call = node("SkipLayerNormalization", ["x", "skip", "g", "b", "bias"], ["y", "mean", "", "sum"])
    found = network(
        tmp_path,
        [call, node("Gelu", ["sum"], ["z"])],
        {"x": [2, 3, 8], "skip": [3, 8]},
        [tensor(n, 8) for n in ("g", "b", "bias")],
    )
    (layer,) = found.layers()
    assert layer.reads == ((48, 16), (24, 16), (8, 16), (8, 16), (8, 16))
    assert layer.writes == ((48, 16), (6, 16), (48, 16))
    assert layer.operations == (8 + 2) * 48
    assert found.parameters == 24


def test_root_mean_square_normalizations(tmp_path: Path) -> None:
    nodes = [
        node("SimplifiedLayerNormalization", ["x", "g"], ["a"], domain="", axis=-1),
        node("SkipSimplifiedLayerNormalization", ["a", "x", "g"], ["b", "", "", "sum"]),
        helper.make_node("Add", ["b", "sum"], ["y"], name="add"),
    ]
    found = network(tmp_path, nodes, {"x": [2, 3, 8]}, [tensor("g", 8)])
    first, second, add = found.layers()
    assert (first.reads, first.writes, first.operations) == (((48, 16), (8, 16)), ((48, 16),), 4 * 48)
    assert (second.reads, second.operations) == (((48, 16), (48, 16), (8, 16)), 5 * 48)
    assert add.reads == ((48, 16), (48, 16))
    assert list(found.graph.edges) == [(first.name, second.name), (second.name, "add")]
    assert found.parameters == 16


@pytest.mark.parametrize(
    ("shape", "positions", "given", "turned", "rows"),
    [
        ([2, 6, 32], [2, 6], {}, 384, 12),
        ([2, 6, 32], [1], {}, 384, 6),
        ([2, 4, 6, 8], [2, 6], {}, 384, 12),
        ([2, 4, 6, 8], [2, 6], {"rotary_embedding_dim": 4}, 192, 12),
        ([2, 6, 32], [2, 6], {"rotary_embedding_dim": 4, "num_heads": 4}, 192, 12),
    ],
)
def test_rotary_embeddings(tmp_path: Path, *, shape: Any, positions: Any, given: Any, turned: int, rows: int) -> None:
    half = given.get("rotary_embedding_dim", 8) // 2
    inputs = {"x": shape, "at": (INT64, positions)}
    call = node("RotaryEmbedding", ["x", "at", "cos", "sin"], **given)
    found = network(tmp_path, [call], inputs, [tensor("cos", 100, half), tensor("sin", 100, half)])
    (layer,) = found.layers()
    assert isinstance(layer, VectorLayer)
    assert layer.reads == ((384, 16), (rows * half, 16), (rows * half, 16), (math.prod(positions), 16))
    assert (layer.writes, layer.operations) == (((384, 16),), 3 * turned)
    assert found.parameters == 0, "sines and cosines are not learned"


def test_rotary_embeddings_of_onnx(tmp_path: Path) -> None:
    call = node("RotaryEmbedding", ["x", "cos", "sin"], domain="", num_heads=4)
    inputs = {"x": [2, 6, 32], "cos": [2, 6, 4], "sin": [2, 6, 4]}
    (layer,) = network(tmp_path, [call], inputs, opset=23).layers()
    assert (layer.reads, layer.operations) == (((384, 16), (48, 16), (48, 16)), 3 * 384)
