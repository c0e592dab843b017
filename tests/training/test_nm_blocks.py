"""Training steps of networks in N:M blocks: the pattern of the weights holds in both gradients."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.api import solve
from optimizer.architecture.reader import load_architecture
from optimizer.architecture.selection import select
from optimizer.checker.again import verify
from optimizer.networks.builder import NetworkBuilder
from optimizer.training.step import training_step
from optimizer.workload.layer import Layer, VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.sparsity import dense, sparsify
from tests.support.profiles import examples

POINT = {
    "array.x": "16",
    "array.y": "16",
    "GLB.size": "256 KiB",
    "RF.size": "128 words",
}


def small(channels: int, stride: int, kernel: int, *, batch: int = 2) -> Network:
    """Two convolutions and a product with weights."""
    builder = NetworkBuilder("small", batch=batch, bits=16)
    x = builder.conv("first", builder.input(channels, 6, 6), 2 * channels, 3, pad=1, learned="none")
    x = builder.conv("second", x, channels, kernel, stride=stride, pad=kernel // 2, learned="none")
    builder.linear("last", x, 8, bias=False)
    return builder.network


def layers(network: Network) -> dict[str, Layer]:
    return {layer.name: layer for layer in network.mac_layers()}


@settings(max_examples=examples(40))
@given(
    st.sampled_from([4, 8, 12]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["1:2", "2:4", "1:4", "3:4"]),
    st.sampled_from(["sgd", "adam"]),
)
def test_steps_agree_but_for_blocks(channels: int, stride: int, kernel: int, ratio: str, rule: str) -> None:
    network = small(channels, stride, kernel)
    plain, sparse = training_step(network, optimizer=rule), training_step(sparsify(network, ratio), optimizer=rule)
    kept, size = (int(number) for number in ratio.split(":"))
    assert list(plain.graph.edges) == list(sparse.graph.edges)
    for name, layer in layers(sparse).items():
        other = layers(plain)[name]
        assert layer.block is not None and layer.macs * size == other.macs * kept
        assert (dense(layer).dims, dense(layer).operands) == (other.dims, other.operands)
        assert layer.block.role == ("O" if name.endswith(".dW") else "W")
    for name in ("first", "second", "last"):
        whole, stored = (step.graph.nodes[f"{name}.update"]["layer"] for step in (plain, sparse))
        assert isinstance(whole, VectorLayer) and isinstance(stored, VectorLayer)
        assert stored.operations * size == whole.operations * kept


@pytest.mark.slow
def test_a_sparse_step_is_solved_and_verified() -> None:
    architecture = select(load_architecture("edge_skip"), POINT)
    step = training_step(sparsify(small(8, 2, 3), "2:4"))
    found, whole = (solve(network, architecture) for network in (step, training_step(small(8, 2, 3))))
    assert found.status == whole.status == "OPTIMAL"
    assert verify(found).ok
    assert found.to_json()["objective"]["value"] < whole.to_json()["objective"]["value"]
