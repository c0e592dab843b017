"""Training steps: gradients against finite differences, work against formulas, accounting, files and the whole way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import SpecError
from optimizer.geometry import IDENTITY_WINDOW, Window
from optimizer.networks import build
from optimizer.networks.builder import NetworkBuilder
from optimizer.training.bits import TrainingBits
from optimizer.training.step import training_step
from optimizer.workload import Layer, Network, VectorLayer, conv
from optimizer.workload_yaml import dump_network, parse_network
from tests.numpy_step import Execution, Reader

STEP = 1e-6


def executed(network: Network, shapes: dict[str, tuple[int, ...]], readers=None, seed: int = 0) -> Execution:
    """A training step of the network with random weights, inputs and targets; `shapes` are those of the inputs."""
    random = np.random.default_rng(seed)
    learned, targets = {}, {}
    for layer in network.layers():
        if isinstance(layer, Layer) and layer.parameter_count:
            weights = layer.operand("W")
            shape = [axis.extent(layer.extents) for axis in weights.axes]
            learned[layer.name] = random.normal(size=shape)
            extra = layer.parameter_count - math.prod(shape)
            if extra:
                learned[f"{layer.name}.bias"] = random.normal(size=extra)
        elif isinstance(layer, VectorLayer) and layer.parameters:
            learned[layer.name] = random.normal(size=layer.parameters)
        if not network.graph.out_degree(layer.name):
            words = layer.writes[0][0] if isinstance(layer, VectorLayer) else layer.operand("O").footprint(layer.extents)
            target = random.uniform(size=words)
            targets[layer.name] = target / target.sum()
    inputs = {name: random.normal(size=shape) for name, shape in shapes.items()}
    execution = Execution(network, training_step(network), learned, inputs, targets, readers or {})
    execution.backward()
    return execution


def check(execution: Execution) -> None:
    """Directional derivatives along random directions of every learned tensor; every node of the step was run."""
    random = np.random.default_rng(1)
    gradients = {name: gradient.copy() for name, gradient in execution.gradients.items()}
    assert set(gradients) == set(execution.learned)
    for name, values in execution.learned.items():
        for _ in range(2):
            direction = random.normal(size=values.shape)
            sides = []
            for sign in (1, -1):
                execution.learned[name] = values + sign * STEP * direction
                sides.append(execution.loss())
            execution.learned[name] = values
            expected = (sides[0] - sides[1]) / (2 * STEP)
            found = float((gradients[name].reshape(values.shape) * direction).sum())
            assert found == pytest.approx(expected, rel=2e-4, abs=2e-6), name
    step = execution.step
    ran = {name for name in step.graph if step.phase(name) != "forward"}
    assert ran == execution.seen


def two_convolutions(
    batch: int, image: tuple[int, int], channels: tuple[int, int], groups: int, kernel: tuple[int, int],
    stride: tuple[int, int], dilation: tuple[int, int], pad: tuple[int, int],
) -> Network | None:  # fmt: skip
    """A 1x1 convolution and the one to test behind it, None if it has no output."""
    rows = [(n + 2 * b - d * (r - 1) - 1) // s + 1 for n, b, d, r, s in zip(image, pad, dilation, kernel, stride, strict=True)]
    if min(rows) < 1 or any(d * (r - 1) + 1 - b < 1 for d, r, b in zip(dilation, kernel, pad, strict=True)):
        return None
    given, made = channels
    network = Network("two")
    network.add(conv("first", {"N": batch, "K": given * groups, "C": 2, "P": image[0], "Q": image[1], "R": 1, "S": 1}))
    dims = {"N": batch, "P": rows[0], "Q": rows[1], "R": kernel[0], "S": kernel[1]}
    dims |= {"G": groups} if groups > 1 else {}
    dims |= {} if groups > 1 and given == made == 1 else {"K": made, "C": given}
    windows = [Window(s, d * (r - 1) + 1, b) for s, d, r, b in zip(stride, dilation, kernel, pad, strict=True)]
    network.add(
        conv("second", dims, stride=stride, dilation=dilation), after={"first": "first"},
        views={"first": (IDENTITY_WINDOW, *windows)},
    )  # fmt: skip
    return network


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=150, deadline=None)
@given(
    batch=st.integers(1, 2), image=st.tuples(st.integers(2, 7), st.integers(1, 5)), channels=pairs,
    groups=st.integers(1, 3), kernel=pairs, stride=pairs, dilation=pairs, pad=st.tuples(st.integers(0, 2), st.integers(0, 2)),
)  # fmt: skip
def test_gradients_of_a_convolution(batch, image, channels, groups, kernel, stride, dilation, pad) -> None:
    network = two_convolutions(batch, image, channels, groups, kernel, stride, dilation, pad)
    if network is not None:
        check(executed(network, {"first": (batch, 2, *image)}))


def test_gradients_without_known_padding() -> None:
    network = two_convolutions(1, (6, 6), (2, 2), 1, (3, 3), (2, 2), (1, 1), (0, 0))
    network.graph.edges["first", "second"]["view"] = (None, None, None)
    step = training_step(network)
    rows = sum(step.graph.nodes[f"second.dI/phase{n}"]["layer"].operand("O").footprint(
        step.graph.nodes[f"second.dI/phase{n}"]["layer"].extents) for n in range(4))
    assert rows == 2 * 5 * 5  # the rows that the window expression reaches: without a view the sixth is not known


@settings(max_examples=20, deadline=None)
@given(
    batch=st.integers(1, 2), rows=st.integers(2, 4), columns=st.integers(1, 4), kernel=st.integers(1, 5),
    stride=st.integers(1, 3), pad=st.integers(0, 2),
)  # fmt: skip
def test_gradients_of_a_transposed_convolution(batch, rows, columns, kernel, stride, pad) -> None:
    net = NetworkBuilder("up", batch=batch, bits=None, training=True)
    x = net.conv("first", net.input(2, rows, columns), 3, 1, learned="none")
    if kernel <= pad or any(part.words < 1 for part in net.transposed_conv("up", x, 2, kernel, stride=stride, pad=pad)):
        return
    network = net.network
    for name in [n for n in network.graph if n.endswith("phase0")]:  # its bias is the whole image's
        layer = network.graph.nodes[name]["layer"]
        network.graph.nodes[name]["layer"] = Layer(name, layer.kind, layer.dims, layer.operands)
    check(executed(network, {"first": (batch, 2, rows, columns)}))


def residual(kind: str = "maxpool") -> Network:
    """A residual block (its image comes with its padding) with strided shortcut, pooling, concatenation and batch normalization."""
    net = NetworkBuilder("residual", batch=2, bits=None, training=True)
    x = net.pool("pool", net.conv("stem", net.input(2, 9, 8), 3, 3, stride=2, pad=1), 3, 2, kind=kind, pad=1)
    y = net.conv("b", net.conv("a", x, 4, 3, stride=2, pad=1), 4, 3, pad=1, learned="bias")
    x = net.add("add", y, net.conv("short", x, 4, 1, stride=2))
    x = net.concat("join", [x, net.conv("depthwise", x, 4, 3, pad=1, groups=4, learned="none")])
    net.softmax("softmax", net.linear("fc", net.global_pool("mean", x), 5))
    return net.network


@pytest.mark.parametrize("kind", ["maxpool", "averagepool"])
def test_gradients_of_a_residual_network(kind) -> None:
    check(executed(residual(kind), {"stem": (2, 2, 11, 9)}))


def attention(heads: int) -> Network:
    """Attention with a residual and normalization, two samples of four tokens of six features."""
    net = NetworkBuilder("attention", batch=2, bits=None, training=True)
    x = net.linear("embed", net.input(4, 5), 6)
    q, k, v = (net.linear(part, x, 6) for part in "qkv")
    scores = net.product("scores", q, k, groups=heads, rows=4, columns=4, inner=6 // heads)
    y = net.product("context", net.softmax("softmax", scores), v, groups=heads, rows=4, columns=6 // heads, inner=4)
    x = net.layer_norm("norm", net.add("add", x, net.linear("out", net.tokens(y, 4), 6)))
    net.linear("head", x, 3, bias=False)
    return net.network


@pytest.mark.parametrize("heads", [1, 3])
def test_gradients_of_attention(heads) -> None:
    width = 6 // heads

    def split(x):
        return x.reshape(2, 4, heads, width).transpose(0, 2, 1, 3).reshape(2 * heads, 4, width)

    def join(x):
        return x.reshape(2, heads, 4, width).transpose(0, 2, 1, 3).reshape(8, 6)

    per_head = Reader(split, join)
    turned = Reader(lambda x: split(x).transpose(0, 2, 1), lambda x: join(x.transpose(0, 2, 1)))
    readers = {("scores", "I"): per_head, ("scores", "W"): turned, ("context", "W"): per_head, ("out", "I"): Reader(join, split)}
    check(executed(attention(heads), {"embed": (8, 5)}, readers))
