"""Which part of a producer's output a part of a consumer's output needs."""

import itertools
import math
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from optimizer import networks
from optimizer.errors import SpecError
from optimizer.networks.builder import NetworkBuilder
from optimizer.onnx_import import import_onnx
from optimizer.workload.einsum import einsum_layer
from optimizer.workload.layer import VectorLayer, conv, matmul
from optimizer.workload.network import Network
from optimizer.workload.phases import phases
from optimizer.workload.reader import dump_network, load_network, parse_network
from optimizer.workload.upscaling import block_parts
from optimizer.workload.views import IDENTITY, IDENTITY_WINDOW, ONE_POSITION, WHOLE, Window, fitted, hull, misfits
from tests.support.choices import NETWORKS, slow_if, slow_unless
from tests.support.geometry_cases import check_layer, convolve, convolve_transposed, pool_max
from tests.support.onnx_models import FLOAT, integers, tensor, write_model

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "files.md"
LIGHT = {
    path.stem.removeprefix("light_"): path
    for path in sorted((Path(onnx.__file__).parent / "backend" / "test" / "data" / "light").glob("*.onnx"))
}

WINDOWS = st.builds(Window, st.integers(1, 4), st.integers(1, 6), st.integers(-3, 5))


# --- Windows and views --------------------------------------------------------------------------------------


@given(WINDOWS, st.integers(0, 9), st.integers(0, 9), st.integers(0, 14))
def test_needs_are_the_positions_that_exist(window, first, second, extent):
    lo, hi = sorted((first, second))
    low, high = window.needs(lo, hi, extent)
    positions = {window.stride * o - window.before + i for o in range(lo, hi) for i in range(window.reach)} & set(
        range(extent)
    )
    assert 0 <= low <= high <= extent
    if positions:
        assert (low, high) == (min(positions), max(positions) + 1)
    else:
        assert low == high
    if lo == hi:
        assert low == high


def test_needs_of_a_range_in_the_padding_are_empty():
    assert Window(1, 3, 5).needs(0, 2, 10) == (0, 0)
    assert Window(1, 3, 0).needs(11, 13, 10) == (10, 10)
    assert Window(1, 3, 1).needs(4, 4, 10) == (3, 3)


def test_a_window_fits_if_the_last_one_begins_within_the_producer():
    assert Window(2, 3, 1).fits(5, 9)
    assert Window(2, 3, 1).fits(5, 8)
    assert not Window(2, 3, 1).fits(5, 7)
    view = (IDENTITY_WINDOW, Window(2, 3, 1), None)
    assert misfits(view, (2, 7, 1), (2, 5, 9)) == [1]
    assert fitted(view, (2, 7, 1), (2, 5, 9)) == (IDENTITY_WINDOW, None, None)
    assert fitted(view, (2, 8, 1), (2, 5, 9)) == view


def test_hull():
    view = (IDENTITY_WINDOW, Window(1, 3, 1), None)
    assert hull(view, view) == view
    assert hull(view, IDENTITY) == (IDENTITY_WINDOW, None, None)
    assert hull(view, WHOLE) == WHOLE


# --- Layers and networks ------------------------------------------------------------------------------------

IMAGE = {"N": 2, "K": 4, "C": 3, "P": 5, "Q": 7, "R": 3, "S": 3}


@pytest.mark.parametrize(
    ("layer", "dims", "grid"),
    [
        (conv("c", IMAGE), ("N", "P", "Q"), (2, 5, 7)),
        (conv("c", {"K": 4, "C": 3, "P": 5, "R": 3}), (None, "P", None), (1, 5, 1)),
        (conv("c", {"N": 2, "G": 4, "P": 5, "Q": 7, "R": 3, "S": 3}), ("N", "P", "Q"), (2, 5, 7)),
        (matmul("m", {"M": 5, "N": 4, "K": 3}), (None, "M", None), (1, 5, 1)),
        (matmul("m", {"B": 2, "M": 5, "N": 4, "K": 3}), ("B", "M", None), (2, 5, 1)),
        (einsum_layer("e", "O[n,p] += W[k,n] * I[p,k]", {"N": 2, "P": 3, "K": 4}), (None,) * 3, ONE_POSITION),
        (
            einsum_layer("e", "O[k,q] += W[p,k] * I[p,q]", {"K": 2, "P": 3, "Q": 4}, kind="conv"),
            (None, None, "Q"),
            (1, 1, 4),
        ),
    ],
)
def test_tile_axes_of_layers(layer, dims, grid):
    assert layer.tile_dims == dims
    assert layer.grid == grid


def test_views_stand_on_the_edges():
    network = Network("n")
    for name in "abc":
        network.add(conv(name, IMAGE))
    view = (IDENTITY_WINDOW, Window(1, 3, 1), None)
    last = conv("d", IMAGE)
    network.add(last, after={"a": "x", "b": "y", "c": "z"}, views={"b": view})
    assert [network.view(name, "d") for name in "abc"] == [WHOLE, view, WHOLE]
    assert network.graph.edges["b", "d"] == {"tensor": "y", "view": view}
    assert last.shape_key() == conv("e", IMAGE).shape_key()


def test_views_that_make_no_sense_are_refused():
    network = Network("n")
    network.add(conv("a", IMAGE))
    network.add(VectorLayer("v", "add", ((1, 8),), ((1, 8),), 1))
    with pytest.raises(SpecError, match="not read") as caught:
        network.add(conv("b", IMAGE), after={"a": "a"}, views={"v": WHOLE})
    assert caught.value.field == "b.views"
    with pytest.raises(SpecError, match="begins beyond") as caught:
        network.add(conv("b", IMAGE), after={"v": "v"}, views={"v": (None, Window(1, 3, 1), None)})
    assert caught.value.field == "b.views.v"
    assert list(network.graph) == ["a", "v"]


# --- Built-in networks --------------------------------------------------------------------------------------

POOLS = ("maxpool", "averagepool")


def edges(network):
    """Producer and consumer of every edge, as layers, with the view between them."""
    for producer, consumer, view in network.graph.edges(data="view"):
        yield network.graph.nodes[producer]["layer"], network.graph.nodes[consumer]["layer"], view


def check_ranges(network):
    """Views stay inside of the producers' outputs, and grids divide what is written."""
    for producer, consumer, view in edges(network):
        assert misfits(view, producer.grid, consumer.grid) == []
        for window, outputs, extent in zip(view, consumer.grid, producer.grid, strict=True):
            if window is not None:
                low, high = window.needs(0, outputs, extent)
                assert 0 <= low < high <= extent
    for layer in network.layers():
        words = layer.writes[0][0] if isinstance(layer, VectorLayer) else layer.operand("O").footprint(layer.extents)
        assert words % math.prod(layer.grid) == 0


def own_windows(layer):
    """Stride and reach along rows and columns by the index expressions of a convolution."""
    for dim in layer.tile_dims[1:]:
        axes = [axis for axis in layer.operand("I").axes if dim in dict(axis.terms)]
        yield from ((dict(axis.terms)[dim], axis.extent({**layer.extents, dim: 1})) for axis in axes)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", slow_unless(NETWORKS, networks.names()))
def test_views_of_built_in_networks(name, batch):
    network = networks.build(name, batch=batch)
    check_ranges(network)
    for producer, consumer, view in edges(network):
        if consumer.kind in ("conv", "dwconv"):
            assert [(window.stride, window.reach) for window in view[1:]] == list(own_windows(consumer))
        if consumer.kind not in ("conv", "dwconv", *POOLS):
            continue
        assert view[0] == IDENTITY_WINDOW
        for window, outputs, extent in zip(view[1:], consumer.grid[1:], producer.grid[1:], strict=True):
            unused = extent + 2 * window.before - (window.stride * (outputs - 1) + window.reach)
            if consumer.name.startswith("upscale"):
                assert -1 <= unused <= 0
            else:
                reaching = name == "googlenet" and consumer.kind in POOLS
                assert 0 <= unused < window.stride or (reaching and -window.stride < unused < 0)


@pytest.mark.parametrize("batch", slow_if([1], [1, 2]))
@pytest.mark.parametrize("name", slow_unless(NETWORKS, networks.names()))
def test_built_in_networks_come_back_from_yaml_with_their_geometry(name, batch):
    network = networks.build(name, batch=batch)
    again = parse_network(dump_network(network))
    assert list(again.layers()) == list(network.layers())
    assert dict(again.graph.edges) == dict(network.graph.edges)
    assert [layer.grid for layer in again.layers()] == [layer.grid for layer in network.layers()]


def test_what_is_needed_as_a_whole():
    """Flattened images, the other rows of attention, and what a view makes into something else."""
    resnet, bert, vit = (networks.build(name, batch=2) for name in ("resnet18", "bert_base", "vit_b16"))
    assert resnet.view("layer4.1.add", "avgpool") == (IDENTITY_WINDOW, None, None)
    assert resnet.view("avgpool", "fc") == WHOLE
    assert resnet.view("fc", "softmax") == IDENTITY
    assert bert.view("layer0.norm2", "layer1.query") == IDENTITY
    assert bert.view("layer0.query", "layer0.scores")[:2] == (None, None)
    assert bert.view("layer0.scores", "layer0.softmax") == IDENTITY
    assert bert.view("layer0.softmax", "layer0.context")[:2] == (IDENTITY_WINDOW, IDENTITY_WINDOW)
    assert bert.view("layer0.value", "layer0.context")[:2] == (None, None)
    assert bert.view("layer0.context", "layer0.output") == WHOLE
    assert vit.view("patches", "class_token") == WHOLE
    assert vit.view("norm", "head") == WHOLE
    one = networks.build("bert_base")
    assert one.view("layer0.query", "layer0.scores")[:2] == (None, IDENTITY_WINDOW)
    assert networks.build("gpt2").view("layer0.qkv", "layer0.scores") == WHOLE
    assert networks.build("gpt2", sequence=1).view("norm", "head") == IDENTITY
    assert networks.build("gpt2").view("norm", "head") == WHOLE


# --- Layers of the builder on parts of their inputs ---------------------------------------------------------


class Toy:
    """A network of the builder together with what its layers compute."""

    def __init__(self, batch):
        self.net, self.batch = NetworkBuilder("toy", batch=batch, bits=None), batch
        self.rng = np.random.default_rng(batch)
        self.outputs, self.forms, self.runs = {}, {}, {}

    def random(self, *shape):
        return self.rng.normal(size=shape)

    def first(self, *shape):
        """A layer without producers that computes an image or a sequence."""
        x = self.net.input(*shape)
        return self.step("first", self.net.add("first", x, x), self.random(self.batch, *shape), {})

    def step(self, name, made, function, inputs):
        """Note that `function` of the outputs of `inputs`, parameter names to layers, computes a layer."""

        def run(tensors):
            return function(**{key: tensors[layer] for key, layer in inputs.items()}) if inputs else function

        self.runs[name] = run
        self.outputs[name] = run(self.outputs)
        shape = self.outputs[name].shape
        assert shape == (self.batch, *made.shape) or made.shape[:2] == (1, math.prod(shape[1:]))
        heads = name in ("scores", "weights", "context")
        self.forms[name] = "heads" if heads else "image" if len(shape) == 4 else "tokens"
        return made

    def check(self, *, loose=()):
        """Check every layer that has producers."""
        for name, run in self.runs.items():
            if list(self.net.network.graph.predecessors(name)):
                args = (run, self.outputs, self.forms, self.rng)
                check_layer(self.net.network, name, *args, tight=name not in loose)


def normalize(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("batch", [1, 2])
def test_images_of_the_builder(batch):
    toy = Toy(batch)
    net, step, random = toy.net, toy.step, toy.random
    x = toy.first(4, 13, 11)
    w = random(6, 4, 3, 3)
    strided = step(
        "strided",
        net.conv("strided", x, 6, 3, stride=2, pad=1),
        lambda x: convolve(x, w, stride=(2, 2), pads=((1, 1), (1, 1))),
        {"x": "first"},
    )
    u = random(6, 1, 3, 3)
    depthwise = step(
        "depthwise",
        net.conv("depthwise", strided, 6, 3, pad=1, groups=6),
        lambda x: convolve(x, u, pads=((1, 1), (1, 1)), groups=6),
        {"x": "strided"},
    )
    total = step("total", net.add("total", strided, depthwise), lambda a, b: a + b, {"a": "strided", "b": "depthwise"})
    v, t = random(4, 3, 1, 1), random(2, 10, 1, 1)
    grouped = step(
        "grouped", net.conv("grouped", total, 4, 1, groups=2), lambda x: convolve(x, v, groups=2), {"x": "total"}
    )
    joined = step(
        "joined",
        net.concat("joined", [grouped, total]),
        lambda a, b: np.concatenate([a, b], 1),
        {"a": "grouped", "b": "total"},
    )
    rounded = step(
        "rounded", net.pool("rounded", joined, 3, 2, ceil=True), lambda x: pool_max(x, 3, 2, 0, over=1), {"x": "joined"}
    )
    step("padded", net.pool("padded", joined, 3, 2, pad=1), lambda x: pool_max(x, 3, 2, 1, over=0), {"x": "joined"})
    step("blocks", net.reorg("blocks", joined, 2), lambda x: blocks(x, 2), {"x": "joined"})
    step("lrn", net.lrn("lrn", joined), lambda x: x / (1 + (x**2).sum(1, keepdims=True)), {"x": "joined"})
    step("narrow", net.conv("narrow", joined, 2, 1, stride=2), lambda x: convolve(x, t, stride=(2, 2)), {"x": "joined"})
    step("softmax", net.softmax("softmax", joined), softmax, {"x": "joined"})
    step("norm", net.layer_norm("norm", joined), normalize, {"x": "joined"})
    mean = step("mean", net.global_pool("mean", rounded), lambda x: x.mean((2, 3), keepdims=True), {"x": "rounded"})
    m, n = random(10, 5), random(5, 3)
    fc1 = step("fc1", net.linear("fc1", mean, 5), lambda x: x.reshape(batch, 1, -1) @ m, {"x": "mean"})
    step("fc2", net.linear("fc2", fc1, 3), lambda x: x @ n, {"x": "fc1"})
    toy.check()
    views = toy.net.network.view
    assert views("joined", "rounded") == (IDENTITY_WINDOW, Window(2, 3), Window(2, 3))
    assert views("joined", "softmax") == (IDENTITY_WINDOW, IDENTITY_WINDOW, None)


def blocks(x, size):
    n, c, h, w = x.shape
    x = x[:, :, : h // size * size, : w // size * size].reshape(n, c, h // size, size, w // size, size)
    return x.transpose(0, 1, 3, 5, 2, 4).reshape(n, -1, h // size, w // size)


@pytest.mark.parametrize("batch", [1, 2])
def test_sequences_of_the_builder(batch):
    toy = Toy(batch)
    net, step = toy.net, toy.step
    tokens, heads, width = 5, 2, 3
    x = toy.first(tokens, 6)
    longer = step(
        "longer",
        net.append_learned_row("longer", x),
        lambda x: np.concatenate([np.ones((batch, 1, 6)), x], 1),
        {"x": "first"},
    )
    table = toy.random(tokens + 1, 6)
    step("positions", net.add_learned("positions", longer), lambda x: x + table, {"x": "longer"})
    normal = step("norm", net.layer_norm("norm", x), normalize, {"x": "first"})
    parts = {}
    for part in ("query", "key", "value"):
        weights = toy.random(6, 6)
        parts[part] = step(part, net.linear(part, normal, 6), lambda x, w=weights: x @ w, {"x": "norm"})

    def split(x):
        return x.reshape(batch, tokens, heads, width).transpose(0, 2, 1, 3)

    size = {"groups": heads, "rows": tokens}
    scores = net.product("scores", parts["query"], parts["key"], columns=tokens, inner=width, **size)
    step("scores", scores, lambda q, k: split(q) @ split(k).swapaxes(2, 3), {"q": "query", "k": "key"})
    weights = step("weights", net.softmax("weights", scores), softmax, {"x": "scores"})
    context = net.product("context", weights, parts["value"], columns=width, inner=tokens, **size)
    step("context", context, lambda a, v: a @ split(v), {"a": "weights", "v": "value"})
    o = toy.random(6, 6)
    output = step(
        "output",
        net.linear("output", net.tokens(context, tokens), 6),
        lambda y: y.transpose(0, 2, 1, 3).reshape(batch, tokens, 6) @ o,
        {"y": "context"},
    )
    step("sum", net.add("sum", x, output), lambda a, b: a + b, {"a": "first", "b": "output"})
    step("last", net.linear("last", net.rows(output, 1), 6), lambda x: x[:, -1:] @ o, {"x": "output"})
    toy.check(loose=() if batch == 1 else ("longer", "last"))
    down = Window(before=1) if batch == 1 else None
    assert net.network.view("first", "longer") == (IDENTITY_WINDOW, down, IDENTITY_WINDOW)


KERNELS = [(9, 2, 4), (4, 2, 1), (3, 3, 0), (2, 3, 0), (5, 1, 2), (1, 1, 2)]


def blocks_of(whole, down, across, stride):
    """Rows and columns of blocks of images, as channels: what a layer of one part along each axis computes."""
    rows = np.add.outer(stride[0] * np.arange(down.blocks), down.rows)
    columns = np.add.outer(stride[1] * np.arange(across.blocks), across.rows)
    cut = whole[:, :, rows[:, :, None, None], columns[None, None, :, :]]  # n k m a l b
    n, k, m, a, other, b = cut.shape
    return cut.transpose(0, 1, 3, 5, 2, 4).reshape(n, k * a * b, m, other)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("kernel", "stride", "pad"), slow_if(KERNELS[:1], KERNELS))
def test_transposed_convolutions_of_the_builder(kernel, stride, pad, training):
    toy = Toy(2)
    toy.net.training = training
    x = toy.first(3, 4, 5)
    w = toy.random(3, 2, kernel, kernel)
    cut = phases if training else block_parts
    axes = [cut(stride * extent, kernel, stride, 1, pad) for extent in (4, 5)]
    parts = toy.net.transposed_conv("up", x, 2, kernel, stride=stride, pad=pad)
    for part, (down, across) in zip(parts, itertools.product(*axes), strict=True):

        def one(x, down=down, across=across):
            whole = convolve_transposed(x, w, (4 * stride, 5 * stride), stride=(stride, stride), padding=(pad, pad))
            if training:
                return whole[:, :, down.first_output :: stride, across.first_output :: stride]
            return blocks_of(whole, down, across, (stride, stride))

        toy.step(part.name, part, one, {"x": "first"})
    toy.check(loose=[part.name for part in parts] if pad >= kernel or not training else [])
    if len(parts) > 1:
        toy.net.concat("all", parts)
        assert all(toy.net.network.view(part.name, "all") == WHOLE for part in parts)


def test_a_tensor_read_twice_is_needed_as_both_reads_need_it():
    net = NetworkBuilder("n", batch=1, bits=None)
    x = net.linear("x", net.input(4, 6), 6)
    net.product("square", x, x, groups=1, rows=4, columns=4, inner=6)
    net.add("double", x, x)
    net.concat("both", [net.conv("c", net.input(2, 4, 4), 2, 1)] * 2)
    assert net.network.view("x", "square") == (IDENTITY_WINDOW, None, None)
    assert net.network.view("x", "double") == IDENTITY
    assert net.network.view("c", "both") == IDENTITY


def test_equal_extents_are_not_enough():
    """Six rows of two sequences of three are not those of two matrices; a batch of matrices is none of images."""
    net = NetworkBuilder("n", batch=2, bits=None)
    x = net.linear("x", net.input(3, 8), 8)
    y = net.linear("y", net.input(4, 6), 6)
    product = net.product("product", x, y, groups=1, rows=6, columns=6, inner=4)
    assert net.network.view("x", "product")[:2] == (None, None)
    groups = net.product("groups", product, product, groups=3, rows=4, columns=4, inner=2)
    net.pool("pool", groups, 2, 2)
    assert net.network.view("groups", "pool") == WHOLE


def test_windows_that_begin_in_the_padding_at_the_end_are_not_used():
    net = NetworkBuilder("n", batch=1, bits=None)
    x = net.conv("x", net.input(2, 4, 4), 2, 1)
    net.conv("y", x, 2, 1, pad=1)
    assert net.network.view("x", "y") == (IDENTITY_WINDOW, None, None)


# --- ONNX models --------------------------------------------------------------------------------------------


def check_model(tmp_path, nodes, inputs, forms, *, constants=(), opset=17, loose=(), declared=()):
    """Import a model and run every layer on parts of its inputs; layers are called as their nodes.

    `forms` holds the forms of the layers' outputs by name; `loose` layers read less at some positions than at others.
    """
    path = write_model(
        tmp_path / "m.onnx", nodes, inputs, constants, opset=opset, outputs=(nodes[-1].output[0],), value_info=declared
    )
    network = import_onnx(path)
    check_ranges(network)
    rng = np.random.default_rng(0)
    values = {c.name: numpy_helper.to_array(c) for c in constants}
    fixed = {
        name: rng.uniform(0.1, 1, value.shape).astype(value.dtype) if value.dtype == np.float32 else value
        for name, value in values.items()
    }
    fixed |= {name: rng.normal(size=shape).astype(np.float32) for name, shape in inputs.items()}
    written = {node.name: node.output[0] for node in nodes}

    def evaluate(replaced, wanted):
        known = dict(fixed)
        for node in nodes:
            feeds = {name: known[name] for name in node.input if name}
            results = ReferenceEvaluator(node, opsets={"": opset}).run(None, feeds)
            known |= {name: replaced.get(name, result) for name, result in zip(node.output, results, strict=False)}
            if node.output[0] == wanted:
                return results[0]
        return None

    def run_of(name):
        return lambda tensors: evaluate({written[p]: value for p, value in tensors.items()}, written[name])

    outputs = {layer.name: evaluate({}, written[layer.name]) for layer in network.layers()}
    for layer in network.layers():
        if list(network.graph.predecessors(layer.name)):
            check_layer(network, layer.name, run_of(layer.name), outputs, forms, rng, tight=layer.name not in loose)
    return network


def node(op, inputs, name, **attributes):
    return helper.make_node(op, inputs, [name], name=name, **attributes)


CONVOLUTIONS = {
    "strided": ([2, 3, 9, 9], [4, 3, 3, 3], {"strides": [2, 3]}),
    "dilated": ([1, 2, 9, 9], [3, 2, 3, 3], {"dilations": [2, 3]}),
    "asymmetric": ([1, 2, 7, 6], [3, 2, 3, 4], {"pads": [0, 2, 1, 0], "strides": [2, 1]}),
    "dilated_and_padded": ([1, 2, 7, 8], [3, 2, 3, 2], {"pads": [1, 2, 2, 0], "dilations": [2, 1], "strides": [1, 2]}),
    "grouped": ([1, 4, 5, 5], [6, 2, 3, 3], {"group": 2, "pads": [1, 1, 1, 1]}),
    "depthwise": ([2, 4, 5, 5], [4, 1, 3, 3], {"group": 4, "pads": [1, 1, 1, 1]}),
    "pointwise": ([1, 4, 5, 5], [8, 4, 1, 1], {"strides": [2, 2]}),
    "same_upper": ([1, 2, 6, 7], [3, 2, 3, 4], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "same_lower": ([1, 2, 6, 7], [3, 2, 3, 4], {"auto_pad": "SAME_LOWER", "strides": [2, 1]}),
    "valid": ([1, 2, 6, 7], [3, 2, 3, 4], {"auto_pad": "VALID"}),
    "one_row": ([1, 2, 1, 7], [3, 2, 3, 3], {"pads": [1, 1, 1, 1]}),
    "line": ([2, 3, 9], [4, 3, 3], {"strides": [2], "pads": [1, 0]}),
    "dilated_line": ([1, 3, 9], [4, 3, 3], {"dilations": [2]}),
}


@pytest.mark.parametrize("case", slow_unless(list(CONVOLUTIONS)[::2], CONVOLUTIONS))
def test_convolutions_of_onnx(tmp_path, case):
    image, kernel, attributes = CONVOLUTIONS[case]
    form = "image" if len(image) == 4 else "line"
    nodes = [
        node("Conv", ["x", "v"], "first"),
        node("Relu", ["first"], "active"),
        node("Conv", ["active", "w"], "conv", **attributes),
    ]
    constants = [tensor("v", image[1], image[1], *[1] * (len(image) - 2)), tensor("w", *kernel)]
    forms = {"first": form, "conv": form}
    network = check_model(tmp_path, nodes, {"x": image}, forms, constants=constants)
    assert None not in network.view("first", "conv")[: len(image) - 1]


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("MaxPool", {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 0, 1]}),
        ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
        ("MaxPool", {"kernel_shape": [2, 2], "dilations": [2, 3]}),
        ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
        ("AveragePool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ],
)
def test_pools_of_onnx(tmp_path, op, attributes):
    nodes = [node("Conv", ["x", "w"], "first"), node(op, ["first"], "pool", **attributes)]
    constants = [tensor("w", 3, 2, 1, 1)]
    forms = {"first": "image", "pool": "image"}
    network = check_model(tmp_path, nodes, {"x": [2, 2, 8, 7]}, forms, constants=constants, opset=13)
    assert None not in network.view("first", "pool")


TRANSPOSED = {
    "up": ([1, 4, 5, 5], [4, 3, 4, 4], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "uneven": ([2, 4, 5, 6], [4, 3, 3, 2], {"strides": [2, 3]}),
    "grouped": ([1, 4, 5, 5], [4, 3, 2, 2], {"strides": [2, 2], "group": 2}),
    "one_way": ([1, 4, 5, 5], [4, 1, 3, 3], {"group": 4, "strides": [2, 1]}),
    "sparse": ([1, 4, 5, 5], [4, 3, 3, 3], {"dilations": [2, 2], "strides": [2, 2]}),
    "dilated": ([1, 4, 5, 6], [4, 3, 3, 2], {"dilations": [3, 2], "strides": [2, 3], "pads": [1, 0, 0, 1]}),
    "plain": ([1, 4, 5, 5], [4, 3, 3, 3], {"pads": [1, 1, 0, 1]}),
    "longer": ([1, 4, 5, 5], [4, 3, 3, 3], {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}),
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("case", TRANSPOSED)
def test_transposed_convolutions_of_onnx(tmp_path, case, training):
    image, kernel, given = TRANSPOSED[case]
    nodes = [
        node("Conv", ["x", "v"], "first"),
        node("ConvTranspose", ["first", "w"], "up", **given),
        node("MaxPool", ["up"], "pool", kernel_shape=[1, 1]),
    ]
    constants = [tensor("v", image[1], image[1], 1, 1), tensor("w", *kernel)]
    network = import_onnx(write_model(tmp_path / "m.onnx", nodes, {"x": image}, constants), training=training)
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=image), rng.normal(size=kernel)
    stride, dilation = given.get("strides", [1, 1]), given.get("dilations", [1, 1])
    pads, extra = given.get("pads", [0] * 4), given.get("output_padding", [0, 0])
    output = [
        stride[a] * (image[2 + a] - 1) + extra[a] + dilation[a] * (kernel[2 + a] - 1) + 1 - pads[a] - pads[2 + a]
        for a in range(2)
    ]
    cut = phases if training else block_parts
    axes = [cut(output[a], kernel[2 + a], stride[a], dilation[a], pads[a]) for a in range(2)]
    outputs = {"first": x}
    layers = [layer.name for layer in network.mac_layers()][1:]
    for name, (down, across) in zip(layers, itertools.product(*axes), strict=True):

        def one(tensors, down=down, across=across):
            whole = convolve_transposed(
                tensors["first"],
                w,
                output,
                stride=stride,
                dilation=dilation,
                padding=pads[:2],
                groups=given.get("group", 1),
            )
            if training:
                return whole[:, :, down.first_output :: stride[0], across.first_output :: stride[1]]
            return blocks_of(whole, down, across, stride)

        view = network.view("first", name)
        tight = training and None not in view
        check_layer(network, name, one, outputs, {"first": "image", name: "image"}, rng, tight=tight)
        assert view[0] == IDENTITY_WINDOW
        assert None not in view or case == "dilated"
        assert network.view(name, "pool") == (IDENTITY if case == "plain" else WHOLE)


@pytest.mark.slow
def test_a_network_of_images_of_onnx(tmp_path):
    nodes = [
        node("Conv", ["x", "w1"], "c1", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("BatchNormalization", ["c1", "s", "t", "m", "v"], "n1"),
        node("Relu", ["n1"], "r1"),
        node("LRN", ["r1"], "lrn", size=3),
        node("Conv", ["lrn", "w2"], "c2", pads=[1, 1, 1, 1], group=4),
        node("Add", ["c2", "r1"], "sum"),
        node("Concat", ["sum", "lrn"], "joined", axis=1),
        node("Softmax", ["joined"], "over_channels", axis=1),
        node("Softmax", ["joined"], "over_columns", axis=-1),
        node("LayerNormalization", ["joined", "g"], "over_columns2"),
        node("InstanceNormalization", ["joined", "i", "i"], "over_image"),
        node("GlobalAveragePool", ["joined"], "mean"),
        node("Tanh", ["mean"], "gate"),
        node("Mul", ["joined", "gate"], "gated"),
        node("MaxPool", ["gated"], "pool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        node("AveragePool", ["gated"], "pool_again", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Concat", ["pool", "pool_again"], "taller", axis=2),
        node("Flatten", ["pool"], "flat"),
        node("Gemm", ["flat", "w3"], "fc"),
        node("Gemm", ["fc", "w4"], "fc2", transB=1),
        node("Softmax", ["fc2"], "classes"),
    ]
    constants = [
        tensor("w1", 4, 3, 3, 3),
        tensor("w2", 4, 1, 3, 3),
        tensor("w3", 8 * 3 * 3, 5),
        tensor("w4", 2, 5),
        *(tensor(name, 4) for name in "stmv"),
        tensor("g", 6),
        tensor("i", 8),
    ]
    forms = dict.fromkeys(
        (
            "c1",
            "lrn",
            "c2",
            "sum",
            "joined",
            "over_channels",
            "over_columns",
            "over_columns2",
            "over_image",
            "mean",
            "gated",
            "pool",
            "pool_again",
            "taller",
        ),
        "image",
    ) | dict.fromkeys(("fc", "fc2", "classes"), "tokens")
    network = check_model(tmp_path, nodes, {"x": [2, 3, 12, 12]}, forms, constants=constants, loose=["taller"])
    views = network.view
    across = (IDENTITY_WINDOW, IDENTITY_WINDOW, None)
    assert views("c1", "lrn") == views("c1", "sum") == views("lrn", "joined") == IDENTITY
    assert views("joined", "over_channels") == IDENTITY
    assert views("joined", "over_columns") == views("joined", "over_columns2") == across
    assert views("joined", "over_image") == views("joined", "mean") == (IDENTITY_WINDOW, None, None)
    assert views("joined", "gated") == IDENTITY
    assert views("mean", "gated") == (IDENTITY_WINDOW, None, None)
    assert views("pool", "taller") == (IDENTITY_WINDOW, None, IDENTITY_WINDOW)
    assert views("pool", "fc") == WHOLE
    assert views("fc", "fc2") == views("fc2", "classes") == IDENTITY


def test_products_of_onnx(tmp_path):
    """Attention over an input that has heads as an axis: rows of products with weights run over heads as well."""
    nodes = [
        node("MatMul", ["x", "w1"], "q"),
        node("MatMul", ["q", "kt"], "scores"),
        node("Softmax", ["scores"], "soft"),
        node("MatMul", ["x", "w2"], "v"),
        node("MatMul", ["soft", "v"], "context"),
        node("Add", ["context", "v"], "sum"),
        node("LayerNormalization", ["sum", "g"], "norm"),
        node("MatMul", ["norm", "w3"], "up"),
        node("Tanh", ["up"], "active"),
        node("MatMul", ["active", "w4"], "down"),
        node("Add", ["down", "sum"], "residual"),
    ]
    constants = [*(tensor(name, 4, 4) for name in ("w1", "w2")), tensor("g", 4), tensor("w3", 4, 8), tensor("w4", 8, 4)]
    inputs = {"x": [2, 3, 5, 4], "kt": [2, 3, 4, 5]}
    tokens, heads = ("q", "v", "up", "down", "residual"), ("scores", "soft", "context", "sum", "norm")
    forms = dict.fromkeys(tokens, "tokens") | dict.fromkeys(heads, "heads")
    network = check_model(tmp_path, nodes, inputs, forms, constants=constants)
    views = network.view
    assert views("scores", "soft") == views("soft", "context") == views("context", "sum") == IDENTITY
    assert views("up", "down") == views("sum", "norm") == views("down", "residual") == IDENTITY
    for edge in (("q", "scores"), ("v", "context"), ("v", "sum"), ("norm", "up"), ("sum", "residual")):
        assert views(*edge)[:2] == (None, None)


def test_sequences_of_onnx(tmp_path):
    nodes = [
        node("MatMul", ["x", "w1"], "a"),
        node("LayerNormalization", ["a", "g"], "norm"),
        node("MatMul", ["norm", "w2"], "b"),
        node("Add", ["b", "a"], "sum"),
        node("Concat", ["x", "sum"], "longer", axis=1),
        node("LayerNormalization", ["longer", "g"], "norm2"),
        node("Reshape", ["norm2", "shape"], "flat"),
        node("MatMul", ["flat", "w1"], "c"),
        node("Softmax", ["c"], "classes"),
    ]
    constants = [tensor("w1", 4, 4), tensor("w2", 4, 4), tensor("g", 4), integers("shape", -1, 4)]
    forms = dict.fromkeys(("a", "norm", "b", "sum", "longer", "norm2", "c", "classes"), "tokens")
    network = check_model(tmp_path, nodes, {"x": [2, 5, 4]}, forms, constants=constants, loose=["longer"])
    assert network.view("a", "norm") == network.view("norm", "b") == network.view("b", "sum") == IDENTITY
    assert network.view("sum", "longer") == (IDENTITY_WINDOW, None, IDENTITY_WINDOW)
    assert network.view("longer", "norm2") == network.view("c", "classes") == IDENTITY
    assert network.view("norm2", "c") == WHOLE


def test_folded_operators_may_add_axes_in_front(tmp_path):
    nodes = [node("MatMul", ["x", "w"], "a"), node("Add", ["a", "k"], "b"), node("LayerNormalization", ["b", "g"], "c")]
    constants = [tensor("w", 4, 4), tensor("k", 1, 1, 4), tensor("g", 4)]
    network = check_model(tmp_path, nodes, {"x": [5, 4]}, {"a": "tokens", "c": "tokens"}, constants=constants)
    assert network.view("a", "c") == IDENTITY


@pytest.mark.parametrize("operands", [["a", "z"], ["z", "a"]])
def test_operands_may_have_fewer_axes(tmp_path, operands):
    nodes = [node("MatMul", ["x", "w"], "a"), node("Add", operands, "c")]
    inputs, forms = {"x": [5, 4], "z": [1, 5, 4]}, {"a": "tokens", "c": "sentences"}
    network = check_model(tmp_path, nodes, inputs, forms, constants=[tensor("w", 4, 4)])
    assert network.view("a", "c") == IDENTITY


@pytest.mark.parametrize("operands", [["a", "t"], ["t", "a"]])
def test_a_tensor_and_its_transpose_are_needed_as_a_whole(tmp_path, operands):
    nodes = [node("MatMul", ["x", "w"], "a"), node("Transpose", ["a"], "t"), node("Sub", operands, "c")]
    network = import_onnx(write_model(tmp_path / "m.onnx", nodes, {"x": [4, 5]}, [tensor("w", 5, 4)], outputs=("c",)))
    assert network.view("a", "c") == WHOLE


def test_inputs_that_are_sequences_keep_their_batch(tmp_path):
    nodes = [node("LayerNormalization", ["x", "g"], "norm"), node("Softmax", ["norm"], "soft")]
    forms = {"norm": "sentences", "soft": "sentences"}
    network = check_model(tmp_path, nodes, {"x": [2, 5, 4]}, forms, constants=[tensor("g", 4)])
    assert network.view("norm", "soft") == IDENTITY


def test_factors_in_other_places_of_onnx(tmp_path):
    """A constant factor on the left, and a matrix that Gemm takes transposed: its columns are the output's rows."""
    nodes = [
        node("MatMul", ["x", "w1"], "a"),
        node("MatMul", ["w2", "a"], "left"),
        node("MatMul", ["w3", "left"], "left_again"),
        node("Gemm", ["left_again", "w4"], "turned", transA=1),
        node("Gemm", ["w5", "turned"], "of_constant", transA=1, transB=1),
        node("Gemm", ["of_constant", "of_constant", "bias"], "square", transA=1),
    ]
    constants = [tensor(f"w{i}", *shape) for i, shape in enumerate([(4, 6), (3, 5), (4, 3), (4, 2), (2, 3)], 1)]
    network = import_onnx(write_model(tmp_path / "m.onnx", nodes, {"x": [5, 4], "bias": [6, 6]}, constants))
    check_ranges(network)
    views = network.view
    assert views("a", "left") == (IDENTITY_WINDOW, None, IDENTITY_WINDOW)
    assert views("left", "left_again") == IDENTITY
    assert [network.graph.nodes[name]["layer"].grid[1] for name in ("left", "turned")] == [6, 6]
    assert views("left_again", "turned") == IDENTITY
    assert views("turned", "of_constant") == IDENTITY
    assert views("of_constant", "square") == (IDENTITY_WINDOW, None, None)
    assert views("square", "square/bias") == IDENTITY


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize(
    ("op", "attributes", "constants", "kept"),
    [
        ("LogSoftmax", {"axis": 1}, [], "brc"),
        ("LogSoftmax", {"axis": 2}, [], "bc"),
        ("Hardmax", {"axis": 0}, [], "rc"),
        ("LpNormalization", {"axis": -1, "p": 2}, [], "br"),
        ("LayerNormalization", {"axis": 2}, [("g", (5, 3))], "b"),
        ("MeanVarianceNormalization", {}, [], ""),
        ("MeanVarianceNormalization", {"axes": [1, -1]}, [], "br"),
        ("InstanceNormalization", {}, [("g", (4,)), ("h", (4,))], "b"),
        ("GlobalMaxPool", {}, [], "b"),
        ("ReduceMean", {"keepdims": 1}, [], ""),
    ],
)
def test_operators_that_mix_positions(tmp_path, op, attributes, constants, kept):
    """Axes that are not mixed keep their position: `kept` names batch, rows and columns."""
    made = node(op, ["c", *(name for name, _ in constants)], "made", **attributes)
    nodes = [node("Conv", ["x", "w"], "c"), made, node("Relu", ["made"], "last")]
    tensors = [tensor("w", 4, 3, 1, 1), *(tensor(name, *shape) for name, shape in constants)]
    forms = {"c": "image", "made": "image"}
    silent = op == "MeanVarianceNormalization"
    declared = [helper.make_tensor_value_info("made", FLOAT, [2, 4, 5, 3])] if silent else []
    network = check_model(
        tmp_path, nodes, {"x": [2, 3, 5, 3]}, forms, constants=tensors, opset=21, loose=["made"], declared=declared
    )
    assert network.view("c", "made") == tuple(IDENTITY_WINDOW if axis in kept else None for axis in "brc")


def test_normalization_of_groups_mixes_all_but_the_batch(tmp_path):
    """ONNX neither infers its shape nor evaluates it."""
    nodes = [
        node("Conv", ["x", "w"], "c"),
        node("GroupNormalization", ["c", "g", "g"], "made", num_groups=2),
        node("Relu", ["made"], "last"),
    ]
    path = write_model(
        tmp_path / "m.onnx",
        nodes,
        {"x": [2, 3, 5, 3]},
        [tensor("w", 4, 3, 1, 1), tensor("g", 4)],
        opset=21,
        outputs=("last",),
        value_info=[helper.make_tensor_value_info("made", FLOAT, [2, 4, 5, 3])],
    )
    assert import_onnx(path).view("c", "made") == (IDENTITY_WINDOW, None, None)


def test_softmax_before_opset_13_works_over_all_axes_to_the_end(tmp_path):
    nodes = [node("Conv", ["x", "w"], "c"), node("Softmax", ["c"], "soft")]
    network = check_model(
        tmp_path,
        nodes,
        {"x": [2, 3, 4, 5]},
        {"c": "image", "soft": "image"},
        constants=[tensor("w", 3, 3, 1, 1)],
        opset=11,
    )
    assert network.view("c", "soft") == (IDENTITY_WINDOW, None, None)


@pytest.mark.parametrize("name", slow_unless(["shufflenet", "squeezenet"], LIGHT))
def test_views_of_light_models(name):
    network = import_onnx(LIGHT[name])
    check_ranges(network)
    for producer, consumer, view in edges(network):
        hidden = name == "shufflenet" and consumer.kind == "dwconv"
        if consumer.kind in ("conv", "dwconv") and not hidden:
            assert [(window.stride, window.reach) for window in view[1:]] == list(own_windows(consumer))
            for window, outputs, extent in zip(view[1:], consumer.grid[1:], producer.grid[1:], strict=True):
                after = window.stride * (outputs - 1) + window.reach - window.before - extent
                assert -window.stride < after < window.reach
        elif consumer.kind in ("add", "sum", "concat", "lrn"):
            assert view == IDENTITY
        elif consumer.kind in POOLS:
            assert None not in view
    again = parse_network(dump_network(network))
    assert dict(again.graph.edges) == dict(network.graph.edges)
    assert list(again.layers()) == list(network.layers())


# --- YAML ---------------------------------------------------------------------------------------------------

WRITTEN = """
layers:
  - {name: a, type: conv, dims: {N: 1, K: 4, C: 3, P: 8, Q: 9, R: 3, S: 3}}
  - {name: pool, type: vector, kind: maxpool, reads: [288], writes: [80], operations: 320, grid: [1, 4, 5],
     views: {a: [[1, 1, 0], [2, 2, 0], [2, 2, 0]]}}
  - {name: b, type: conv, dims: {N: 1, K: 4, C: 4, P: 4, Q: 5, R: 3, S: 3}, dilation: 2,
     views: {pool: [[1, 1, 0], [1, 5, 2], [1, 5, 2]]}}
  - {name: sum, type: vector, kind: add, reads: [80, 80], writes: [80], operations: 80, grid: [1, 4, 5],
     inputs: {pool: p, b: y}, views: {pool: [[1, 1, 0], [1, 1, 0], null]}}
"""


def test_views_and_grids_written_by_hand():
    network = parse_network(WRITTEN)
    assert network.graph.nodes["pool"]["layer"].grid == (1, 4, 5)
    assert network.view("a", "pool") == (IDENTITY_WINDOW, Window(2, 2), Window(2, 2))
    assert network.view("pool", "b") == (IDENTITY_WINDOW, Window(1, 5, 2), Window(1, 5, 2))
    assert network.view("pool", "sum") == (IDENTITY_WINDOW, IDENTITY_WINDOW, None)
    assert network.view("b", "sum") == WHOLE
    again = parse_network(dump_network(network))
    assert dict(again.graph.edges) == dict(network.graph.edges)
    assert list(again.layers()) == list(network.layers())


def test_what_is_not_said_is_not_written():
    layer = "{name: m, type: matmul, dims: {M: 2, N: 3, K: 4}}"
    text = dump_network(parse_network(f"layers: [{layer}, {layer.replace('m,', 'n,')}]"))
    assert "views" not in text
    assert "grid" not in text


@pytest.mark.parametrize(
    ("old", "new", "field", "problem"),
    [
        ("[1, 4, 5],\n     views", "[1, 4],\n     views", "layers[1].grid", "an extent per tile axis"),
        ("[1, 4, 5],\n     views", "5,\n     views", "layers[1].grid", "a list"),
        ("[1, 4, 5],\n     views", "[1, 0, 5],\n     views", "layers[1].grid[1]", "whole number"),
        ("{a: [[1, 1, 0], [2, 2, 0], [2, 2, 0]]}", "[a]", "layers[1].views", "views of producers"),
        ("{a: [[1, 1, 0]", "{c: [[1, 1, 0]", "layers[1].views", "not read"),
        ("{a: [[1, 1, 0], [2, 2, 0], [2, 2, 0]]}", "{a: [[2, 2, 0]]}", "layers[1].views.a", "a window per tile axis"),
        ("{a: [[1, 1, 0]", "{a: [[1, 1]", "layers[1].views.a[0]", "a window"),
        ("{a: [[1, 1, 0]", "{a: [1", "layers[1].views.a[0]", "a window"),
        ("{a: [[1, 1, 0]", "{a: [[0, 1, 0]", "layers[1].views.a[0][0]", "whole number"),
        ("{a: [[1, 1, 0]", "{a: [[1, 0, 0]", "layers[1].views.a[0][1]", "whole number"),
        ("{a: [[1, 1, 0]", "{a: [[1, 1, x]", "layers[1].views.a[0][2]", "whole number"),
        ("grid: [1, 4, 5],\n     views", "grid: [1, 5, 5],\n     views", "layers[1].views.a[1]", "begins beyond"),
        (", grid: [1, 4, 5],\n     views", ",\n     views", "layers[2].views.pool[1]", "begins beyond"),
        ("[1, 5, 2], [1, 5, 2]", "[1, 3, 2], [1, 5, 2]", "layers[2].views.pool[1]", "not the window of the layer"),
        ("[1, 5, 2], [1, 5, 2]", "[1, 5, 2], [2, 5, 2]", "layers[2].views.pool[2]", "begins beyond"),
    ],
)
def test_errors_in_views_and_grids(tmp_path, old, new, field, problem):
    path = tmp_path / "bad.yaml"
    assert old in WRITTEN
    path.write_text(WRITTEN.replace(old, new))
    with pytest.raises(SpecError, match=problem) as caught:
        load_network(path)
    assert caught.value.file == str(path)
    assert caught.value.field == field
    assert caught.value.allowed
    assert caught.value.remedy


def test_windows_along_a_dim_follow_the_index_expressions():
    """A matmul's rows are those of its input; its second factor is needed as a whole."""
    text = (
        "layers: [{name: a, type: matmul, dims: {M: 6, N: 4, K: 4}}, "
        "{name: b, type: matmul, dims: {M: 3, N: 4, K: 4}, views: {a: [null, WINDOW, null]}}]"
    )
    assert parse_network(text.replace("WINDOW", "[1, 1, -2]")).view("a", "b") == (None, Window(before=-2), None)
    with pytest.raises(SpecError, match="not the window of the layer's input") as caught:
        parse_network(text.replace("WINDOW", "[2, 2, 0]"))
    assert caught.value.field == "layers[1].views.a[1]"


def test_views_stand_inside_of_the_layer_as_the_documentation_shows() -> None:
    network, layer = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[:2]
    stated = re.sub(r"  - \{name: depthwise.*\n", layer, network)
    assert parse_network(stated).graph.edges["conv1", "depthwise"]["view"] == (
        IDENTITY_WINDOW,
        Window(1, 3, 1),
        Window(1, 3, 1),
    )
    with pytest.raises(SpecError, match="views: unknown key"):
        parse_network(network + "views: {conv1: null}\n")
