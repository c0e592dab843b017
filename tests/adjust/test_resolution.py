"""Networks at other resolutions: against the builder, and how ``verify`` checks them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optimizer.checker.resolution_check import brought_back, image_faults
from optimizer.checker.width_ties import tie_faults
from optimizer.errors import SpecError
from optimizer.network_adjustment.request import parse_resolutions
from optimizer.network_adjustment.resolution import at_resolution, image_of, outputs_of
from optimizer.networks.builder import NetworkBuilder
from optimizer.networks.load import load
from optimizer.workload.layer import Layer, VectorLayer, conv, matmul
from optimizer.workload.network import Network
from optimizer.workload.reader import dump_network
from optimizer.workload.views import Window
from tests.support.adjust_cases import build, networks
from tests.support.choices import slow_unless
from tests.support.profiles import examples

IMAGES = {
    "googlenet": (224, 224),
    "resnet18": (224, 224),
    "resnet34": (224, 224),
    "resnet50": (224, 224),
    "mobilenet_v1": (224, 224),
    "mobilenet_v2": (224, 224),
    "yolov2": (416, 416),
    "yolov2_720p": (720, 1280),
    "fsrcnn": (540, 960),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_unless(["resnet18", "mobilenet_v1", "fsrcnn"], IMAGES))
def test_known_networks_are_those_of_the_builder(name, monkeypatch) -> None:
    network = load(name, batch=2)
    own = image_of(network)
    assert own == IMAGES[name]
    assert dump_network(at_resolution(network, own)) == dump_network(network)
    plain = NetworkBuilder.input
    for image in ((192, 208), (194, 230), (352, 320)):
        with monkeypatch.context() as patch:
            patch.setattr(NetworkBuilder, "input", lambda net, c, *_, image=image, **kw: plain(net, c, *image, **kw))
            wanted = load(name, batch=2)
        found = at_resolution(network, image)
        assert dump_network(found) == dump_network(wanted) and image_of(found) == image
        stated = (list(own), list(image))
        assert not list(image_faults(network, found, stated))
        assert not list(tie_faults(network, brought_back(network, found)))
        assert list(image_faults(network, found, (list(own), [image[0], image[1] + 2])))


@given(networks(), st.integers(4, 12), st.integers(4, 12))
@settings(max_examples=examples(40))
def test_random_networks_are_those_of_the_builder(case, side, other) -> None:
    blocks, widths, _ = case
    network, wanted = (build(blocks, widths, n, pooled=True) for n in (side, other))
    assume(max(network.mac_layers()[-2].grid[1:]) > 1)  # one position: 1 x 1 windows and whole maps are alike
    assert dump_network(at_resolution(network, (other, other))) == dump_network(wanted)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 3), st.integers(5, 40), st.integers(5, 40), st.booleans())
def test_outputs_of_a_window(stride, reach, before, extent, other, ceil) -> None:
    """Rounded down with equal padding, or up where the extent shows it."""
    over = stride - 1 if ceil else 0

    def outputs(n: int) -> int:
        return (n + 2 * before - reach + over) // stride + 1

    plain = (extent + 2 * before - reach) // stride + 1
    assume(not ceil or plain != outputs(extent))
    window = Window(stride, reach, before)
    assert outputs_of(window, extent, outputs(extent), other) == outputs(other)
    assert outputs_of(window, extent, outputs(extent), extent) == outputs(extent)


def changed(network: Network, name: str, **values: object) -> Network:
    """The network with one layer changed."""
    graph = network.graph.copy()
    graph.nodes[name]["layer"] = replace(graph.nodes[name]["layer"], **values)
    return replace(network, graph=graph)


@given(networks(3), st.sampled_from([5, 7, 9]), st.data())
@settings(max_examples=examples(60))
def test_wrong_extents_are_found(case, other, data) -> None:
    """No layer may have other positions, words or operations than follow."""
    blocks, widths, _ = case
    network = build(blocks, widths, 6, pooled=True)
    found = at_resolution(network, (other, other))
    images = ([6, 6], [other, other])
    assert not list(image_faults(network, found, images))
    name = data.draw(st.sampled_from([n for n in found.graph if n not in ("mean", "classes", "softmax")]))
    layer = found.graph.nodes[name]["layer"]
    if isinstance(layer, Layer):
        broken = changed(found, name, dims=tuple((d, 2 * n if d == "P" else n) for d, n in layer.dims))
        assert list(image_faults(network, broken, images))
        return
    assert isinstance(layer, VectorLayer)
    (words, bits), *rest = layer.reads
    if data.draw(st.booleans()) and layer.operations:
        broken = changed(found, name, operations=2 * layer.operations)
    else:
        broken = changed(found, name, reads=((2 * words, bits), *rest))
    assert list(tie_faults(network, brought_back(network, broken)))


def test_words_that_are_no_multiple_are_found() -> None:
    network = build(["residual"], [4], 6, pooled=True)
    found = at_resolution(network, (9, 9))
    for values in ({"reads": ((4 * 81 + 1, 16), (4 * 81, 16))}, {"operations": 4 * 81 + 1}):
        with pytest.raises(SpecError, match="not so many per position"):
            brought_back(network, changed(found, "b0.residual.add", **values))


def test_what_is_refused() -> None:
    for name, image, words in (
        ("alexnet", (448, 448), "fc6 reads a flattened image"),
        ("vit_b16", (448, 448), "class_token"),
        ("gpt2", (448, 448), "no image"),
        ("mobilenet_v2", (225, 224), "multiples of 2"),
        ("resnet18", (448, 223), "conv1 steps over the image by 2"),
        ("googlenet", (2, 2), "nothing is left"),
        ("yolov2", (8, 8), "nothing is left"),
    ):
        with pytest.raises(SpecError, match=words) as caught:
            at_resolution(load(name), image)
        assert "--resolution" in str(caught.value) and "remedy" in str(caught.value)


def test_several_inputs_and_unknown_views_are_refused() -> None:
    two = Network("two")
    for name, extent in (("left", 8), ("right", 4)):
        two.add(conv(name, {"N": 1, "K": 4, "C": 3, "P": extent, "Q": extent, "R": 1, "S": 1}))
    with pytest.raises(SpecError, match="left, right read several inputs"):
        image_of(two)
    blind = Network("blind")
    blind.add(conv("one", {"N": 1, "K": 4, "C": 3, "P": 8, "Q": 8, "R": 1, "S": 1}))
    blind.add(conv("next", {"N": 1, "K": 4, "C": 4, "P": 8, "Q": 8, "R": 1, "S": 1}), after={"one": "one"})
    assert image_of(blind) == (8, 8)
    with pytest.raises(SpecError, match=r"next \(conv\) does not say how its size follows"):
        at_resolution(blind, (16, 16))
    flat = Network("flat")
    flat.add(matmul("first", {"M": 1, "N": 4, "K": 3}))
    with pytest.raises(SpecError, match="no image"):
        image_of(flat)


def test_lists_of_resolutions() -> None:
    assert parse_resolutions("192, 224,192x256,192", "--resolution") == ((192, 192), (224, 224), (192, 256))
    for text in ("", "192,", "0", "192x0", "-5", "192x", "1e3", "100000"):
        with pytest.raises(SpecError, match="not a resolution"):
            parse_resolutions(text, "--resolution")
