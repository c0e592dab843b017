"""Training steps: gradients against finite differences, work against formulas, accounting, files and the whole way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.errors import SpecError
from optimizer.networks import build
from optimizer.networks.builder import NetworkBuilder
from optimizer.training.bits import TrainingBits
from optimizer.training.operands import output_words
from optimizer.training.step import training_step
from optimizer.workload.einsum import einsum_layer
from optimizer.workload.layer import Layer, VectorLayer, conv
from optimizer.workload.network import Network
from optimizer.workload.reader import dump_network, parse_network
from optimizer.workload.views import IDENTITY_WINDOW, Window
from tests.support.numpy_step import Execution, Reader
from tests.support.profiles import examples

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
            target = random.uniform(size=output_words(layer))
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
    batch: int,
    image: tuple[int, int],
    channels: tuple[int, int],
    groups: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    pad: tuple[int, int],
) -> Network | None:
    """A 1x1 convolution and the one to test behind it, None if it has no output."""
    axes = zip(image, pad, dilation, kernel, stride, strict=True)
    rows = [(n + 2 * b - d * (r - 1) - 1) // s + 1 for n, b, d, r, s in axes]
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
        conv("second", dims, stride=stride, dilation=dilation),
        after={"first": "first"},
        views={"first": (IDENTITY_WINDOW, *windows)},
    )
    return network


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
pads = st.tuples(st.integers(0, 2), st.integers(0, 2))


@settings(max_examples=examples(300))
@given(
    batch=st.integers(1, 2),
    image=st.tuples(st.integers(2, 7), st.integers(1, 5)),
    channels=pairs,
    groups=st.integers(1, 3),
    kernel=pairs,
    stride=pairs,
    dilation=pairs,
    pad=pads,
)
def test_gradients_of_a_convolution(batch, image, channels, groups, kernel, stride, dilation, pad) -> None:
    network = two_convolutions(batch, image, channels, groups, kernel, stride, dilation, pad)
    if network is not None:
        check(executed(network, {"first": (batch, 2, *image)}))


@pytest.mark.parametrize(
    ("text", "dims", "rows"),
    [
        ("O[k,p] += W[k,c,r] * I[c,2p+r]", {"k": 3, "c": 2, "p": 3, "r": 3}, 7),
        ("O[p,k] += W[r,k,c] * I[c,3*p+2*r]", {"k": 2, "c": 2, "p": 3, "r": 2}, 9),
        ("O[k,p] += W[k,c] * I[c,2p]", {"k": 3, "c": 2, "p": 4}, 7),
        ("O[k] += W[k,c,r] * I[c,2r]", {"k": 3, "c": 2, "r": 4}, 7),
        ("O[p,c,k] += W[c,p,k] * I[c,p]", {"k": 3, "c": 2, "p": 4}, 4),
    ],
)
def test_gradients_of_einsums(text, dims, rows) -> None:
    network = Network("n")
    network.add(einsum_layer("a", "O[c,x] += W[c,d] * I[d,x]", {"c": 2, "d": 3, "x": rows}))
    network.add(einsum_layer("b", text, dims), after={"a": "a"})
    check(executed(network, {"a": (3, rows)}))


def test_gradients_without_known_padding() -> None:
    network = two_convolutions(1, (6, 6), (2, 2), 1, (3, 3), (2, 2), (1, 1), (0, 0))
    network.graph.edges["first", "second"]["view"] = (None, None, None)
    step = training_step(network)
    words = sum(output_words(step.graph.nodes[f"second.dI/phase{n}"]["layer"]) for n in range(4))
    assert words == 2 * 5 * 5  # the rows that the window expression reaches: without a view the sixth is not known


@settings(max_examples=examples(20))
@given(
    batch=st.integers(1, 2),
    rows=st.integers(2, 4),
    columns=st.integers(1, 4),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    pad=st.integers(0, 2),
)
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
    """A residual block with strided shortcut, pooling, concatenation and batch normalization.

    The image comes with its padding.
    """
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
    readers = {("scores", "I"): per_head, ("scores", "W"): turned, ("context", "W"): per_head}
    readers |= {("out", "I"): Reader(join, split)}
    check(executed(attention(heads), {"embed": (8, 5)}, readers))


def taps(outputs: int, kernel: int, stride: int, dilation: int, pad: int, rows: int) -> tuple[int, int]:
    """Pairs of a row of the input and a tap that belong together, and those whose row of the output exists."""
    met = [x + pad - dilation * r for x in range(rows) for r in range(kernel)]
    met = [row // stride for row in met if row % stride == 0]
    return len(met), sum(0 <= row < outputs for row in met)


@settings(max_examples=examples(150))
@given(
    batch=st.integers(1, 2),
    image=st.tuples(st.integers(2, 9), st.integers(1, 9)),
    channels=pairs,
    groups=st.integers(1, 3),
    kernel=pairs,
    stride=pairs,
    dilation=pairs,
    pad=pads,
)
def test_multiply_accumulates_of_a_convolution(batch, image, channels, groups, kernel, stride, dilation, pad) -> None:
    network = two_convolutions(batch, image, channels, groups, kernel, stride, dilation, pad)
    if network is None:
        return
    layer = network.graph.nodes["second"]["layer"]
    if any(layer.extents[p] == 1 < layer.extents[r] for p, r in ("PR", "QS")):
        return  # no window: every tap is one row
    step, per_tap = training_step(network), batch * groups * math.prod(channels)
    found = sum(layer.macs for layer in step.mac_layers() if layer.name.startswith("second.dI"))
    axes = [taps(layer.extents[p], *rest) for p, *rest in zip("PQ", kernel, stride, dilation, pad, image, strict=True)]
    assert found == per_tap * axes[0][0] * axes[1][0]
    forward = [
        sum(0 <= s * p + d * r - b < rows for p in range(layer.extents[dim]) for r in range(k))
        for dim, k, s, d, b, rows in zip("PQ", kernel, stride, dilation, pad, image, strict=True)
    ]
    assert [inside for _, inside in axes] == forward  # without padding, both passes multiply the same pairs
    assert step.graph.nodes["second.dW"]["layer"].macs == layer.macs


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "gpt2", "alexnet"])
def test_phases_of_a_network(name) -> None:
    forward = build(name, batch=2, training=True)
    step = training_step(forward)
    macs = dict.fromkeys(("forward", "input_gradient", "weight_gradient"), 0)
    for layer in step.mac_layers():
        macs[step.phase(layer.name)] += layer.macs * layer.multiplicity
    products = sum(x.macs for x in forward.mac_layers() if x.name.endswith((".scores", ".context")))
    first = forward.mac_layers()[0].macs if name != "gpt2" else 0  # embeddings learn: all products go back
    assert macs["forward"] == forward.macs
    assert macs["weight_gradient"] == forward.macs - products
    assert macs["input_gradient"] == forward.macs - first + products
    assert step.parameters == forward.parameters
    assert [layer.name for layer in step.layers()] == list(step.graph)
    updated = sum(layer.reads[0][0] for layer in step.layers() if step.phase(layer.name) == "update")
    assert updated == forward.parameters


def test_a_step_runs_backward_in_reverse_and_says_what_is_saved() -> None:
    step = training_step(build("resnet18", training=True))
    names = list(step.graph)
    order = [names.index(name) for name in ("fc.dI", "layer4.1.conv2.dI", "layer1.0.conv1.dI", "conv1.dW")]
    assert order == sorted(order)
    assert names.index("fc.dI") < names.index("fc.update")
    assert not any(name.startswith("conv1.dI") for name in names)
    layers = {layer.name: layer for layer in step.mac_layers()}
    assert layers["layer1.0.conv2.dI"].shape_key() == layers["layer1.0.conv2"].shape_key()  # solved once
    assert step.graph.edges["layer1.0.conv1.bn", "layer1.0.conv2.dW"]["tensor"] == "layer1.0.conv1.bn"
    assert set(step.graph.pred["conv1.dW"]) == {"conv1.bn.dI"}
    assert step.graph.nodes["conv1.dW"]["layer"].operand("I").tensor == "input"
    assert set(step.graph.pred["maxpool.dI"]) == {"maxpool.sum", "maxpool", "conv1.bn"}
    assert set(step.graph.pred["maxpool.sum"]) == {"layer1.0.add.sum", "layer1.0.conv1.dI"}
    assert {step.phase(name) for name in names} == {"forward", "loss", "input_gradient", "weight_gradient", "update"}


def test_tied_weights_are_updated_once() -> None:
    step = training_step(build("gpt2", sequence=8, training=True))
    assert "head.update" not in step.graph
    assert set(step.graph.pred["token_embedding.update"]) == {"head.dW", "token_embedding.dW"}
    update = step.graph.nodes["token_embedding.update"]["layer"]
    words = 50257 * 768
    assert update.reads == ((words, 32), (words, 32), (words, 32), (words, 32))
    assert update.writes == ((words, 32), (words, 32), (words, 16))
    assert update.operations == 5 * words
    assert step.graph.nodes["head"]["layer"].extents["M"] == 8  # logits of all tokens


@pytest.mark.parametrize(("optimizer", "state", "operations"), [("sgd", 0, 2), ("sgd-momentum", 1, 4), ("adam", 2, 12)])
def test_updates(optimizer, state, operations) -> None:
    step = training_step(residual(), optimizer=optimizer, bits=TrainingBits(state=24, master=20, weight_gradients=8))
    update, words = step.graph.nodes["fc.update"]["layer"], 8 * 5 + 5
    assert update.reads == ((words, 20), (words, 8), *((words, 24),) * state)
    assert update.writes == ((words, 20), *((words, 24),) * state, (words, 16))
    assert update.operations == operations * words
    same = training_step(residual(), optimizer=optimizer, bits=TrainingBits(weights=16, master=16))
    assert len(same.graph.nodes["fc.update"]["layer"].writes) == 1 + state  # no copy


def test_bits_of_every_phase() -> None:
    bits = TrainingBits(weights=8, activations=10, gradients=12, weight_gradients=14)
    step = training_step(attention(1), bits=bits)

    def widths(name: str) -> list[int]:
        return [operand.bits for operand in step.graph.nodes[name]["layer"].operands]

    assert widths("q") == [8, 10, 10]
    assert widths("scores") == [10, 10, 10]
    assert widths("q.dI") == [8, 12, 12]
    assert widths("q.dW") == [12, 10, 14]
    assert widths("scores.dI") == [10, 12, 12]
    assert widths("scores.dW") == [12, 10, 12]
    assert step.graph.nodes["softmax.dI"]["layer"].reads == ((32, 10), (32, 12))
    assert step.graph.nodes["norm"]["layer"].reads == ((48, 10), (12, 8))
    assert step.graph.nodes["norm.dI"]["layer"].writes == ((48, 12), (12, 14))


def test_backward_vector_layers_move_what_the_table_says() -> None:
    step = training_step(residual())
    layers = {name: step.graph.nodes[name]["layer"] for name in step.graph}
    x, y = 2 * 3 * 5 * 4, 2 * 3 * 3 * 2
    assert layers["pool.dI"].reads == ((x, 16), (y, 16), (y, 16))
    assert (layers["pool.dI"].writes, layers["pool.dI"].operations) == (((x, 16),), 9 * y + y)
    assert layers["stem.bn"].reads == ((x, 16), (x, 16), (6, 16))
    assert layers["stem.bn"].writes == ((x, 16), (6, 16))
    assert layers["stem.bn.dI"].reads == ((x, 16), (x, 16), (6, 16), (x, 16), (x, 16), (6, 16))
    assert (layers["stem.bn.dI"].writes, layers["stem.bn.dI"].operations) == (((x, 16), (6, 32)), 11 * x)
    assert layers["b.dB"].reads == ((2 * 4 * 2 * 1, 16),)
    assert layers["b.dB"].writes == ((4, 32),)
    assert layers["softmax.loss"].reads == ((10, 16), (2, 16))
    assert "softmax.dI" not in layers
    assert "add.dI" not in layers
    assert "join.dI" not in layers


def test_a_training_step_comes_back_from_its_file() -> None:
    step = training_step(residual(), optimizer="adam")
    back = parse_network(dump_network(step))
    assert dump_network(back) == dump_network(step)
    assert (
        back.training
        == step.training
        == {
            "optimizer": "adam",
            "bits": {"gradients": 16, "weight_gradients": 32, "master": 32, "state": 32},
        }
    )
    assert [back.phase(name) for name in back.graph] == [step.phase(name) for name in step.graph]
    with pytest.raises(SpecError, match="already"):
        training_step(back)


def vector(name: str, kind: str, parameters: int = 0) -> VectorLayer:
    """A vector layer of four words."""
    return VectorLayer(name, kind, ((4, 16),), ((4, 16),), 4, parameters=parameters)


@pytest.mark.parametrize(("kind", "problem"), [("frobnicate", "not known"), ("argmax", "no derivative")])
def test_layers_without_a_gradient(kind, problem) -> None:
    network = Network("n")
    network.add(vector("scaled", "mul", 4))
    network.add(vector("odd", kind), after={"scaled": "scaled"})
    network.add(vector("end", "softmax"), after={"odd": "odd"})
    with pytest.raises(SpecError, match=problem) as error:
        training_step(network)
    assert error.value.field == "odd"


def test_nothing_is_asked_of_layers_before_the_first_learned_word() -> None:
    network = Network("n")
    network.add(vector("odd", "frobnicate"))
    network.add(vector("scaled", "mul", 4), after={"odd": "odd"})
    step = training_step(network)
    assert set(step.graph) == {"odd", "scaled", "scaled.loss", "scaled.dW", "scaled.update"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"optimizer": "lion"}, "no such optimizer"),
        ({"bits": {"activation": 8}}, "no such tensor"),
        ({"bits": {"master": 0}}, "positive integer"),
    ],
)
def test_bad_requests(change, problem) -> None:
    with pytest.raises(SpecError, match=problem):
        bits = TrainingBits.from_names(change["bits"]) if "bits" in change else None
        training_step(residual(), optimizer=change.get("optimizer", "sgd"), bits=bits)


def test_windows_that_have_no_gradient_are_refused() -> None:
    network = parse_network("""
name: n
layers:
  - {name: a, type: matmul, dims: {M: 4, N: 4, K: 4}}
  - {name: b, einsum: "O[p,r] += W[p,k] * I[p+r,k]", dims: {p: 2, r: 3, k: 4}}
""")
    with pytest.raises(SpecError, match="gradient of this window"):
        training_step(network)
