"""Words and bits on the edges of networks: what is read is what was written."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import helper

from optimizer import networks
from optimizer.networks.load import load as load_any
from optimizer.onnx_import import import_onnx
from optimizer.workload.edges import Reading, border_words, edge_traffic, width_mismatches, width_warnings
from optimizer.workload.network import Network
from optimizer.workload.reader import parse_network
from tests.support.choices import NETWORKS, slow_unless
from tests.support.onnx_models import tensor, write_model

LIGHT = sorted((Path(onnx.__file__).parent / "backend" / "test" / "data" / "light").glob("*.onnx"))


def check(network: Network) -> None:
    edges = list(edge_traffic(network))
    assert not [edge for edge in edges if edge.reading is Reading.MORE]
    assert not width_mismatches(network)
    assert len(edges) >= len(network.graph.edges) - 12  # one tensor as both operands: its words are told by neither


@pytest.mark.parametrize("name", slow_unless(NETWORKS, networks.names()))
def test_built_in_networks_read_what_was_written(name: str) -> None:
    check(networks.load(name))


@pytest.mark.parametrize("file", slow_unless(LIGHT[:1], LIGHT), ids=lambda file: file.stem)
def test_onnx_models_read_what_was_written(file: Path) -> None:
    check(import_onnx(file))


def test_padding_is_counted() -> None:
    """13 x 13 positions of 384 channels are read as 15 x 15."""
    edges = {edge.consumer: edge for edge in edge_traffic(networks.load("alexnet"))}
    assert edges["conv4"].reading is Reading.PADDED
    assert (edges["conv4"].written_words, edges["conv4"].read_words) == (384 * 13 * 13, 384 * 15 * 15)
    assert edges["conv4"].border_words == 384 * (15 * 15 - 13 * 13)
    assert edges["pool1"].reading is Reading.ALL and edges["pool1"].border_words == 0


def test_a_strided_layer_reads_a_part() -> None:
    network = networks.load("resnet18")
    (edge,) = (edge for edge in edge_traffic(network) if edge.consumer == "layer2.0.downsample")
    assert edge.reading is Reading.PART
    assert border_words(network) == sum(edge.border_words for edge in edge_traffic(network)) > 0


WRONG = """
layers:
  - {name: a, type: matmul, dims: {M: 4, N: 8, K: 8}}
  - {name: b, type: matmul, dims: {M: 4, N: 8, K: WORDS}, inputs: [a]}
"""


def test_words_that_nobody_wrote_are_seen() -> None:
    (edge,) = edge_traffic(parse_network(WRONG.replace("WORDS", "9")))
    assert edge.reading is Reading.MORE and (edge.written_words, edge.read_words) == (32, 36)


def test_other_bits_are_warned_of(tmp_path: Path) -> None:
    network = parse_network(WRONG.replace("WORDS", "8").replace("K: 8}}\n  -", "K: 8}, bits: {O: 32}}\n  -"))
    assert [edge.consumer for edge in width_mismatches(network)] == ["b"]
    assert width_warnings(network) == [
        "bits written and bits read differ: a writes words of 32 bits, b reads them with 16 bits"
    ]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("MatMul", ["y", "v"], ["z"])]
    constants = [tensor("w", 4, 4), tensor("v", 4, 4)]
    path = write_model(tmp_path / "m.onnx", nodes, {"x": [2, 4]}, constants)
    assert not load_any(path).warnings
    (line,) = load_any(path, bits={"I": 8, "O": 16}).warnings
    assert "16 bits" in line and "8 bits" in line
