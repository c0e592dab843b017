"""ONNX import: attention of ONNX and of onnxruntime, counted against extents that are written down here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from optimizer.errors import SpecError
from optimizer.onnx_import import import_onnx
from optimizer.workload.network import Network
from optimizer.workload.views import IDENTITY
from tests.support.onnx_models import integers, tensor, write_model

MICROSOFT = "com.microsoft"
BATCH, QUERIES, HEADS, WIDTH = 2, 5, 6, 4
INT32 = TensorProto.INT32


def attend(path: Path, inputs: dict[str, Any], reads: list[str], constants: Any = (), **options: Any) -> Network:
    """A network of one attention that reads these tensors."""
    op, domain = options.pop("op", "Attention"), options.pop("domain", MICROSOFT)
    outputs, before = options.pop("outputs", ["y"]), options.pop("before", [])
    call = helper.make_node(op, reads, outputs, name="a", domain=domain, **options)
    model = write_model(path / "m.onnx", [*before, call], inputs, constants, domains=[MICROSOFT], opset=23)
    return import_onnx(model)


def macs(keys: int, heads: int = HEADS, value_width: int = WIDTH) -> int:
    """Every query of every head meets every key, and every score every value."""
    return BATCH * heads * QUERIES * keys * (WIDTH + value_width)


def scalar(name: str, value: int) -> Any:
    return tensor(name, value=np.array([value], np.int32))


def words(network: Network, layer: str, role: str) -> int:
    found = network.graph.nodes[layer]["layer"]
    return found.operand(role).footprint(found.extents)


# --- Attention of ONNX --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shared", [6, 3, 2, 1])
@pytest.mark.parametrize("flat", [True, False])
def test_heads_share_keys_and_values(tmp_path: Path, shared: int, flat: bool) -> None:
    if flat:
        shapes = [[BATCH, QUERIES, HEADS * WIDTH], [BATCH, 7, shared * WIDTH], [BATCH, 7, shared * 3]]
    else:
        shapes = [[BATCH, HEADS, QUERIES, WIDTH], [BATCH, shared, 7, WIDTH], [BATCH, shared, 7, 3]]
    given = {"q_num_heads": HEADS, "kv_num_heads": shared} if flat else {}
    network = attend(tmp_path, dict(zip("qkv", shapes, strict=True)), ["q", "k", "v"], domain="", **given)
    assert network.macs == macs(7, value_width=3)
    assert words(network, "a/scores", "W") == BATCH * shared * 7 * WIDTH, "keys are read once per head of keys"
    assert words(network, "a/context", "W") == BATCH * shared * 7 * 3
    assert words(network, "a/context", "O") == BATCH * HEADS * QUERIES * 3
    softmax = network.graph.nodes["a/softmax"]["layer"]
    assert (softmax.reads, softmax.operations) == (((420, 16),), 5 * 420)
    assert network.view("a/scores", "a/softmax") == network.view("a/softmax", "a/context") == IDENTITY
    assert network.parameters == 0


def test_new_keys_are_appended_to_the_cache(tmp_path: Path) -> None:
    inputs = {
        "q": [BATCH, HEADS, QUERIES, WIDTH],
        **{name: [BATCH, 2, QUERIES, WIDTH] for name in "kv"},
        **{name: [BATCH, 2, 9, WIDTH] for name in ("pk", "pv")},
        "mask": [QUERIES, 14],
    }
    reads = ["q", "k", "v", "mask", "pk", "pv"]
    network = attend(tmp_path, inputs, reads, domain="", outputs=["y", "nk", "nv", "s"], qk_matmul_output_mode=3)
    assert network.macs == macs(14)
    assert [layer.name for layer in network.layers()] == ["a/keys", "a/scores", "a/softmax", "a/values", "a/context"]
    keys = network.graph.nodes["a/keys"]["layer"]
    assert (keys.reads, keys.writes, keys.operations) == (((80, 16),), ((80, 16),), 0)
    softmax = network.graph.nodes["a/softmax"]["layer"]
    assert softmax.reads == ((BATCH * HEADS * QUERIES * 14, 16), (70, 16))
    assert softmax.operations == 6 * BATCH * HEADS * QUERIES * 14
    assert network.graph.nodes["a/scores"]["layer"].operand("W").tensor == "nk"


def test_narrow_caches_are_as_wide_as_their_type(tmp_path: Path) -> None:
    inputs: dict[str, Any] = {name: (TensorProto.FLOAT16, [1, 2, 3, 4]) for name in ("q", "k", "v", "pk", "pv")}
    network = attend(tmp_path, inputs, ["q", "k", "v", "", "pk", "pv"], domain="", outputs=["y", "nk", "nv"])
    assert network.macs == 2 * 3 * 6 * 8
    assert {o.bits for layer in network.mac_layers() for o in layer.operands} == {16}


@pytest.mark.parametrize(
    ("shapes", "given", "message"),
    [
        (([2, 6, 5, 4], [2, 4, 7, 4], [2, 4, 7, 4]), {}, "cannot share"),
        (([2, 6, 5, 4], [2, 6, 7, 3], [2, 6, 7, 4]), {}, "do not fit together"),
        (([2, 5, 24], [2, 7, 24], [2, 7, 24]), {"q_num_heads": 5, "kv_num_heads": 6}, "divisible|whole heads"),
        (([2, 6, 5, 4],) * 3, {"qk_matmul_output_mode": 1, "outputs": ["y", "", "", "s"]}, "qk_matmul_output_mode 1"),
    ],
)
def test_what_does_not_fit_or_is_not_counted(tmp_path: Path, shapes: Any, given: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        attend(tmp_path, dict(zip("qkv", map(list, shapes), strict=True)), ["q", "k", "v"], domain="", **given)


# --- MultiHeadAttention -------------------------------------------------------------------------------------

APART = {"q": [BATCH, QUERIES, 24], "k": [BATCH, 7, 24], "v": [BATCH, 7, 18]}


@pytest.mark.parametrize(
    ("inputs", "keys", "value_width"),
    [
        (APART, 7, 3),
        ({"q": [BATCH, QUERIES, HEADS, 3, WIDTH]}, QUERIES, WIDTH),
        ({"q": [BATCH, QUERIES, 24], "k": [BATCH, 7, HEADS, 2, WIDTH]}, 7, WIDTH),
        ({"q": [BATCH, QUERIES, 24], "k": [BATCH, HEADS, 7, WIDTH], "v": [BATCH, HEADS, 7, 3]}, 7, 3),
    ],
)
def test_multi_head_attention(tmp_path: Path, inputs: Any, keys: int, value_width: int) -> None:
    after = {"op": "MultiHeadAttention", "num_heads": HEADS}
    network = attend(tmp_path, inputs, list(inputs), **after)
    assert network.macs == macs(keys, value_width=value_width)
    assert words(network, "a/scores", "W") == BATCH * HEADS * keys * WIDTH
    assert network.parameters == 0


def test_multi_head_attention_with_bias_mask_and_cache(tmp_path: Path) -> None:
    """The queries come from a product, which takes their part of the bias; the keys and values are inputs."""
    before = [helper.make_node("MatMul", ["x", "w"], ["q"], name="product")]
    inputs = {"x": [BATCH, QUERIES, 8], "k": [BATCH, 7, 24], "v": [BATCH, 7, 24], "m": (INT32, [BATCH, 16])}
    inputs |= {name: [BATCH, HEADS, 9, WIDTH] for name in ("pk", "pv")} | {"add": [1, HEADS, QUERIES, 16]}
    reads = ["q", "k", "v", "b", "m", "add", "pk", "pv"]
    constants = [tensor("w", 8, 24), tensor("b", 72)]
    given = {"op": "MultiHeadAttention", "num_heads": HEADS, "outputs": ["y", "nk", "nv", "s"], "before": before}
    network = attend(tmp_path, inputs, reads, constants, **given)
    assert network.macs == BATCH * QUERIES * 8 * 24 + macs(16)
    assert network.graph.nodes["product"]["layer"].parameter_count == 8 * 24 + 24
    assert network.graph.nodes["a/k_bias"]["layer"].reads == ((BATCH * 7 * 24, 16), (24, 16))
    assert network.parameters == 8 * 24 + 72
    scores = BATCH * HEADS * QUERIES * 16
    softmax = network.graph.nodes["a/softmax"]["layer"]
    assert (softmax.reads, softmax.operations) == (((scores, 16), (32, 16), (480, 16)), 7 * scores)
    assert ("product", "a/scores") in network.graph.edges


@pytest.mark.parametrize(("length", "keys"), [(3, 10), (9, 16)])
def test_shared_buffers_are_as_full_as_the_model_says(tmp_path: Path, length: int, keys: int) -> None:
    inputs: dict[str, Any] = {**APART, "v": APART["k"], **{name: [BATCH, HEADS, 9, WIDTH] for name in ("pk", "pv")}}
    reads = [*"qkv", "", "", "", "pk", "pv", "n"]
    given = {"op": "MultiHeadAttention", "num_heads": HEADS}
    assert attend(tmp_path, inputs, reads, [scalar("n", length)], **given).macs == macs(keys)
    with pytest.raises(SpecError, match="more keys than the cache holds"):
        attend(tmp_path, inputs, reads, [scalar("n", 10)], **given)
    with pytest.raises(SpecError, match=r"past_sequence_length .n. is no constant"):
        attend(tmp_path, {**inputs, "n": (INT32, [1])}, reads, **given)


# --- GroupQueryAttention ------------------------------------------------------------------------------------

GROUPED = {"op": "GroupQueryAttention", "num_heads": HEADS, "kv_num_heads": 2}
LENGTHS = {"lengths": (INT32, [BATCH])}


def caches(keys: int) -> dict[str, Any]:
    return {name: [BATCH, 2, keys, WIDTH] for name in ("pk", "pv")}


@pytest.mark.parametrize(
    ("cached", "total", "keys"), [(9, 14, 14), (9, None, 14), (32, 14, 14), (0, 5, 5), (0, None, 5)]
)
def test_grouped_attention(tmp_path: Path, cached: int, total: int | None, keys: int) -> None:
    inputs: dict[str, Any] = {"q": [BATCH, QUERIES, 24], "k": [BATCH, QUERIES, 8], "v": [BATCH, QUERIES, 8], **LENGTHS}
    inputs |= caches(cached) if cached else {}
    inputs |= {} if total else {"n": (INT32, [1])}
    reads = [*"qkv", *(["pk", "pv"] if cached else ["", ""]), "lengths", "n"]
    constants = [scalar("n", total)] if total else []
    network = attend(tmp_path, inputs, reads, constants, outputs=["y", "nk", "nv"], **GROUPED)
    assert network.macs == macs(keys)
    assert words(network, "a/scores", "W") == BATCH * 2 * keys * WIDTH
    assert network.graph.nodes["a/scores"]["layer"].extents == {"B": 4, "M": 15, "N": keys, "K": 4}
    assert ("a/keys" in network.graph) == (cached > 0)
    assert network.graph.nodes["a/softmax"]["layer"].reads == ((BATCH * HEADS * QUERIES * keys, 16), (BATCH, 16))


def test_packed_grouped_attention_with_rotary_embeddings(tmp_path: Path) -> None:
    """As exported for decoding: one product gives queries, keys and values; sines and cosines are constants."""
    before = [helper.make_node("MatMul", ["x", "w"], ["q"], name="product")]
    inputs: dict[str, Any] = {"x": [BATCH, QUERIES, 8], **LENGTHS, **caches(9)}
    constants = [tensor("w", 8, 40), tensor("cos", 64, 1), tensor("sin", 64, 1), scalar("n", 14), tensor("sink", HEADS)]
    reads = ["q", "", "", "pk", "pv", "lengths", "n", "cos", "sin", "", "", "sink"]
    given = {"outputs": ["y", "nk", "nv"], "do_rotary": 1, "before": before, **GROUPED}
    network = attend(tmp_path, inputs, reads, constants, **given)
    rotary = network.graph.nodes["a/rotary"]["layer"]
    queries, new = BATCH * QUERIES * 24, BATCH * QUERIES * 8
    assert rotary.reads == ((queries, 16), (new, 16), (BATCH * QUERIES, 16), (BATCH * QUERIES, 16))
    assert rotary.writes == ((queries, 16), (new, 16))
    assert rotary.operations == 3 * BATCH * QUERIES * (HEADS + 2) * 2, "two of four features are turned"
    assert network.macs == BATCH * QUERIES * 8 * 40 + macs(14)
    assert network.parameters == 8 * 40 + HEADS
    assert network.graph.nodes["a/softmax"]["layer"].operations == BATCH * HEADS * QUERIES * (5 * 14 + 2)
    edges = set(network.graph.edges)
    assert {("product", "a/rotary"), ("a/rotary", "a/keys"), ("a/keys", "a/scores"), ("product", "a/values")} <= edges


def test_lengths_from_the_shape_of_the_mask(tmp_path: Path) -> None:
    """The total is the extent of the attention mask, as exporters write it."""
    before = [
        helper.make_node("Shape", ["mask"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["length"], axis=0),
        helper.make_node("Cast", ["length"], ["n"], to=INT32),
    ]
    inputs: dict[str, Any] = {"q": [BATCH, QUERIES, 40], **LENGTHS, **caches(32), "mask": (INT32, [BATCH, 20])}
    reads = ["q", "", "", "pk", "pv", "lengths", "n"]
    assert attend(tmp_path, inputs, reads, [integers("one", 1)], before=before, **GROUPED).macs == macs(20)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sliding_window_cache": 1}, "sliding_window_cache"),
        ({"k_quant_type": "PER_TENSOR"}, "k_quant_type"),
        ({"do_rotary": 1}, "cos_cache"),
        ({"outputs": ["y", "nk", "nv", "s"], "qk_output": 1}, "qk_output 1"),
        ({"kv_num_heads": 4}, "whole heads"),
        ({"num_heads": 0}, "out of range"),
    ],
)
def test_forms_of_grouped_attention_that_are_refused(tmp_path: Path, given: Any, message: str) -> None:
    inputs: dict[str, Any] = {"q": [BATCH, QUERIES, 40], **LENGTHS, **caches(9)}
    with pytest.raises(SpecError, match=message):
        attend(tmp_path, inputs, ["q", "", "", "pk", "pv", "lengths", "n"], [scalar("n", 14)], **{**GROUPED, **given})


def test_what_is_missing_of_the_length_is_said(tmp_path: Path) -> None:
    inputs: dict[str, Any] = {"q": [BATCH, QUERIES, 40], **LENGTHS, **caches(9), "n": (INT32, [1])}
    reads, outputs = ["q", "", "", "pk", "pv", "lengths", "n"], ["y", "nk", "nv"]
    shared = [helper.make_tensor_value_info("nk", TensorProto.FLOAT, [BATCH, 2, 9, WIDTH])]
    call = helper.make_node(
        "GroupQueryAttention", reads, outputs, name="a", domain=MICROSOFT, num_heads=6, kv_num_heads=2
    )
    path = write_model(tmp_path / "m.onnx", [call], inputs, domains=[MICROSOFT], value_info=shared)
    with pytest.raises(SpecError, match=r"total_sequence_length .n. is no constant") as caught:
        import_onnx(path)
    assert str(caught.value.field) == "node a (GroupQueryAttention)"
    with pytest.raises(SpecError, match="does not fit the cache"):
        attend(tmp_path, {**inputs, "n": inputs["q"]}, [*reads[:6], "m"], [scalar("m", 15)], **GROUPED)


# --- Attention of onnxruntime -------------------------------------------------------------------------------


@pytest.mark.parametrize(("past", "sizes"), [(0, None), (0, [24, 24, 18]), (9, None)])
def test_merged_attention(tmp_path: Path, past: int, sizes: list[int] | None) -> None:
    columns = sum(sizes) if sizes else 72
    inputs: dict[str, Any] = {"x": [BATCH, QUERIES, 8], "m": (INT32, [BATCH])}
    inputs |= {"past": [2, BATCH, HEADS, past, WIDTH]} if past else {}
    given = {"num_heads": HEADS, "outputs": ["y", "present"] if past else ["y"]}
    given |= {"qkv_hidden_sizes": sizes} if sizes else {}
    constants = [tensor("w", 8, columns), tensor("b", columns)]
    network = attend(tmp_path, inputs, ["x", "w", "b", "m", "past" if past else ""], constants, **given)
    value_width = 3 if sizes else WIDTH
    assert network.macs == BATCH * QUERIES * 8 * columns + macs(QUERIES + past, value_width=value_width)
    assert network.parameters == 9 * columns
    assert ("a/keys" in network.graph) == ("a/values" in network.graph) == bool(past)


def test_quantized_attention(tmp_path: Path) -> None:
    """The product is done on eight bits, with a scale per column; scores and values are as wide as the scales say."""
    inputs = {"x": (TensorProto.UINT8, [BATCH, QUERIES, 8]), "past": [2, BATCH, HEADS, 9, WIDTH]}
    constants = [tensor("w", value=np.zeros((8, 72), np.int8)), tensor("b", 72)]
    constants += [tensor("xs", value=np.float32(0.5)), tensor("ws", 72)]
    reads = ["x", "w", "b", "xs", "ws", "", "", "", "past"]
    given = {"op": "QAttention", "num_heads": HEADS, "outputs": ["y", "present"]}
    network = attend(tmp_path, inputs, reads, constants, **given)
    assert network.macs == BATCH * QUERIES * 8 * 72 + macs(QUERIES + 9)
    assert network.parameters == 8 * 72 + 72 + 72
    product, scores, context = network.mac_layers()
    assert [operand.bits for operand in product.operands] == [8, 8, 16]
    assert [operand.bits for layer in (scores, context) for operand in layer.operands] == [16] * 6


def test_merged_attention_that_contradicts_itself(tmp_path: Path) -> None:
    inputs, constants = {"x": [BATCH, QUERIES, 8]}, [tensor("w", 8, 72)]
    for given, message in (
        ({"qkv_hidden_sizes": [24, 24, 23]}, "do not fit the weights"),
        ({"num_heads": 5}, "whole heads"),
        ({"do_rotary": 1}, "do_rotary"),
        ({"num_head": 6}, "no such attribute"),
    ):
        with pytest.raises(SpecError, match=message):
            attend(tmp_path, inputs, ["x", "w"], constants, **{"num_heads": HEADS, **given})


@pytest.mark.parametrize(
    ("given", "reads", "message"),
    [
        ({"op": "Attention", "domain": ""}, ["c", "v", "v"], "constant queries"),
        (
            {"op": "Attention", "domain": "", "outputs": ["y", "nk", "nv"]},
            ["q", "v", "c", "", "p", "p"],
            "constant keys",
        ),
        ({"op": "MultiHeadAttention", "num_heads": HEADS}, ["f", "g", "g", "b"], "changes constant"),
    ],
)
def test_constants_are_refused_before_anything_is_counted(
    tmp_path: Path, given: Any, reads: list[str], message: str
) -> None:
    shape = [BATCH, HEADS, QUERIES, WIDTH]
    inputs = {"q": shape, "v": shape, "p": shape, "f": [BATCH, QUERIES, 24]}
    constants = [tensor("c", *shape), tensor("g", BATCH, QUERIES, 24), tensor("b", 72)]
    inputs = {name: shape for name, shape in inputs.items() if name in reads}
    with pytest.raises(SpecError, match=message):
        attend(tmp_path, inputs, reads, constants, **given)


def test_constant_values_are_learned(tmp_path: Path) -> None:
    shape = [BATCH, HEADS, QUERIES, WIDTH]
    reads = ["q", "q", "c"]
    network = attend(tmp_path, {"q": shape}, reads, [tensor("c", *shape)], domain="")
    assert (network.macs, network.parameters) == (macs(QUERIES), BATCH * HEADS * QUERIES * WIDTH)
