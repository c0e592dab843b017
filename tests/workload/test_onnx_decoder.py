"""A step of a language model as onnxruntime's tools export it: the same products as the built-in network has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from optimizer.networks.load import load
from optimizer.onnx_import import import_onnx
from optimizer.workload.layer import VectorLayer
from optimizer.workload.network import Network
from tests.support.onnx_models import INT64, tensor, write_model

HIDDEN, INNER, HEADS, SHARED, WORDS, CONTEXT, BLOCK = 32, 64, 8, 2, 100, 20, 32
WIDTH = HIDDEN // HEADS
CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": 1,
    "num_attention_heads": HEADS,
    "num_key_value_heads": SHARED,
    "vocab_size": WORDS,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-5,
    "max_position_embeddings": 128,
    "tie_word_embeddings": False,
    "rope_theta": 10000.0,
}
SHAPES = {
    "q": (HIDDEN, HIDDEN),
    "k": (HIDDEN, SHARED * WIDTH),
    "v": (HIDDEN, SHARED * WIDTH),
    "o": (HIDDEN, HIDDEN),
    "up": (HIDDEN, INNER),
    "gate": (HIDDEN, INNER),
    "down": (INNER, HIDDEN),
    "head": (HIDDEN, WORDS),
}
"""Rows and columns of the weights."""


def ours(op: str, inputs: list[str], outputs: list[str], **given: Any) -> Any:
    return helper.make_node(op, inputs, outputs, name=outputs[0], domain="com.microsoft", **given)


def linear(data: str, name: str) -> Any:
    rows, columns = SHAPES[name]
    given = {"K": rows, "N": columns, "bits": 4, "block_size": BLOCK}
    return ours("MatMulNBits", [data, f"{name}.w", f"{name}.s"], [name], **given)


def exported(path: Path) -> Network:
    """One token at the end of a context of 20, with weights of four bits."""
    attention = ["q", "k", "v", "pk", "pv", "lengths", "total", "cos", "sin"]
    heads = {"num_heads": HEADS, "kv_num_heads": SHARED, "do_rotary": 1}
    nodes = [
        helper.make_node("Gather", ["table", "token"], ["x"], name="x"),
        helper.make_node("SimplifiedLayerNormalization", ["x", "g"], ["n1"], name="n1"),
        *(linear("n1", name) for name in "qkv"),
        ours("GroupQueryAttention", attention, ["a", "nk", "nv"], **heads),
        linear("a", "o"),
        ours("SkipSimplifiedLayerNormalization", ["x", "o", "g"], ["n2", "", "", "sum"]),
        linear("n2", "gate"),
        linear("n2", "up"),
        helper.make_node("Sigmoid", ["gate"], ["sigmoid"]),
        helper.make_node("Mul", ["gate", "sigmoid"], ["silu"]),
        helper.make_node("Mul", ["silu", "up"], ["inner"], name="inner"),
        linear("inner", "down"),
        ours("SkipSimplifiedLayerNormalization", ["sum", "down", "g"], ["n3"]),
        linear("n3", "head"),
    ]
    constants = [tensor("table", WORDS, HIDDEN), tensor("g", HIDDEN)]
    constants += [tensor(name, 128, WIDTH // 2) for name in ("cos", "sin")]
    constants.append(tensor("total", value=np.array([CONTEXT], np.int32)))
    for name, (rows, columns) in SHAPES.items():
        constants.append(tensor(f"{name}.w", value=np.zeros((columns, rows // BLOCK, BLOCK // 2), np.uint8)))
        constants.append(tensor(f"{name}.s", columns, rows // BLOCK))
    inputs: dict[str, Any] = {"token": (INT64, [1, 1]), "lengths": (TensorProto.INT32, [1])}
    inputs |= {name: [1, SHARED, CONTEXT - 1, WIDTH] for name in ("pk", "pv")}
    return import_onnx(write_model(path / "m.onnx", nodes, inputs, constants, domains=["com.microsoft"]))


def test_an_exported_decoder_has_the_products_of_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    built_in = load(str(tmp_path / "config.json"), phase="decode", context=CONTEXT)
    network = exported(tmp_path)
    dims = [sorted(layer.dims for layer in one.mac_layers()) for one in (network, built_in)]
    assert dims[0] == dims[1]
    assert network.macs == built_in.macs
    scales = sum(rows // BLOCK * columns for rows, columns in SHAPES.values())
    assert network.parameters == built_in.parameters + scales

    def operations(one: Network, kind: str) -> int:
        return sum(layer.operations for layer in one.layers() if isinstance(layer, VectorLayer) and layer.kind == kind)

    assert operations(network, "rotary") == operations(built_in, "rotary")
    normalizations = operations(network, "simplifiedlayernormalization")
    normalizations += operations(network, "skipsimplifiedlayernormalization")
    assert normalizations == operations(built_in, "rmsnorm") + operations(built_in, "add")
    widths = {layer.operand("W").bits for layer in network.mac_layers() if layer.parameter_count}
    assert widths == {4}
    assert network.warnings == []
