"""Which widths are tied, and networks with other widths."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from optimizer.checker.width_ties import bottleneck_layers, tie_faults
from optimizer.errors import SpecError
from optimizer.network_adjustment.bottlenecks import candidates_of, find_bottlenecks, ratio_of
from optimizer.network_adjustment.request import WidthChanges
from optimizer.network_adjustment.space import WidthSpace
from optimizer.network_adjustment.ties import find_ties, resized
from optimizer.networks.load import load
from optimizer.onnx_import import import_onnx
from optimizer.workload.layer import VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.reader import dump_network, parse_network
from tests.support.adjust_cases import build, networks
from tests.support.choices import slow_if
from tests.support.onnx_models import integers, tensor, write_model
from tests.support.profiles import examples


def layers(name: str) -> list[tuple[str, ...]]:
    return [entry.layers for entry in find_ties(load(name)).classes]


def test_mobilenet_v2() -> None:
    ties = find_ties(load("mobilenet_v2"))
    stages = {2: 2, 3: 3, 4: 4, 5: 3, 6: 3}
    found = {entry.layers: entry for entry in ties.classes}
    for stage, blocks in stages.items():
        shared = tuple(f"block{stage}.{n}.project" for n in range(blocks))
        assert found.pop(shared).frozen is None
        for n in range(blocks):
            assert found.pop((f"block{stage}.{n}.expand", f"block{stage}.{n}.depthwise")).frozen is None
    assert found.pop(("conv1", "block1.0.depthwise")).width == 32
    assert found.pop(("block7.0.expand", "block7.0.depthwise")).width == 960
    assert found.pop(("fc",)).frozen == "output of the network"
    assert set(found) == {("block1.0.project",), ("block7.0.project",), ("conv_last",)}


def test_bottlenecks() -> None:
    network = load("mobilenet_v2")
    ties = find_ties(network, ["block2.1.expand"])
    pairs = find_bottlenecks(network, ties)
    found = [(ties.classes[pair.hidden].layers[0], ratio_of(pair, ties.widths)) for pair in pairs]
    stages = enumerate((2, 3, 4, 3, 3, 1), 2)
    blocks = [f"block{stage}.{n}.expand" for stage, count in stages for n in range(count)]
    assert found == [(name, 6) for name in blocks if name != "block2.1.expand"]
    assert list(bottleneck_layers(network)) == blocks
    for name in ("mobilenet_v1", "resnet50", "yolov2"):
        assert not find_bottlenecks(load(name), find_ties(load(name))) and not list(bottleneck_layers(load(name)))


def test_candidates_of_bottlenecks() -> None:
    network = build(["inverted"], [8, 16])
    ties = find_ties(network)
    pairs = find_bottlenecks(network, ties)
    request = WidthChanges(4, expansion=(Fraction(2), Fraction(5, 4), Fraction(7, 5)))
    assert candidates_of(ties, pairs, request)[:2] == ((8,), (10, 16))
    wide = replace(request, low=Fraction(1, 2), high=Fraction(2))
    assert candidates_of(ties, pairs, wide)[:2] == ((4, 8, 12, 16), (5, 8, 10, 15, 16, 20, 24, 32))
    with pytest.raises(SpecError, match=r"no ratio gives b0\.inverted\.expand, b0.inverted\.depthwise a whole"):
        candidates_of(ties, pairs, replace(request, expansion=(Fraction(7, 5),)))
    with pytest.raises(SpecError, match="no inverted bottlenecks"):
        candidates_of(ties, (), request)


def test_resnet18() -> None:
    found = layers("resnet18")
    assert found[0] == ("conv1", "layer1.0.conv2", "layer1.1.conv2")
    for stage in (2, 3, 4):
        assert (f"layer{stage}.0.conv2", f"layer{stage}.0.downsample", f"layer{stage}.1.conv2") in found
        assert (f"layer{stage}.0.conv1",) in found and (f"layer{stage}.1.conv1",) in found
    assert len(found) == 13


def test_only_hidden_widths_of_a_transformer() -> None:
    free = [entry for entry in find_ties(load("gpt2", sequence=16)).classes if entry.frozen is None]
    assert [(entry.width, entry.layers) for entry in free] == [(3072, (f"layer{n}.up",)) for n in range(12)]


@pytest.mark.parametrize(
    "name",
    slow_if(
        ["googlenet", "resnet50", "mobilenet_v2", "yolov2", "vit_b16"],
        ["alexnet", "vgg16", "googlenet", "resnet50", "mobilenet_v1", "mobilenet_v2", "yolov2", "fsrcnn", "vit_b16"],
    ),
)
def test_own_widths_give_the_same_network(name: str) -> None:
    network = load(name)
    ties = find_ties(network)
    assert dump_network(resized(network, ties, ties.widths)) == dump_network(network)


@given(networks())
@settings(max_examples=examples(80))
def test_other_widths_give_the_network_built_with_them(case) -> None:
    blocks, old, new = case
    network = build(blocks, old)
    ties = find_ties(network)
    if "a sum of widths" in str([entry.frozen for entry in ties.classes]):
        return  # a join before a residual sum
    widths = [*new, 10]
    assert ties.widths == (*old, 10) and ties.classes[-1].frozen
    after = resized(network, ties, widths)
    assert dump_network(after) == dump_network(build(blocks, new))
    assert dump_network(parse_network(dump_network(after))) == dump_network(after)
    assert not list(tie_faults(network, after))


@given(networks(), st.data())
@settings(max_examples=examples(80))
def test_a_width_that_breaks_a_tie_is_found(case, data) -> None:
    blocks, old, _ = case
    network = build(blocks, old)
    ties = find_ties(network)
    broken = resized(network, ties, ties.widths)
    names = [name for name in network.graph if not isinstance(network.graph.nodes[name]["layer"], VectorLayer)]
    name = data.draw(st.sampled_from(names))
    alone = Network("alone")
    alone.add(network.graph.nodes[name]["layer"])
    alone.add(VectorLayer("end", "add", ((1, 16),), ((1, 16),), 0), after={name: "x"})
    free = find_ties(alone)
    wider = resized(alone, free, [width + 1 for width in free.widths])
    if wider.graph.nodes[name]["layer"] == network.graph.nodes[name]["layer"]:
        return
    broken.graph.nodes[name]["layer"] = wider.graph.nodes[name]["layer"]
    assert list(tie_faults(network, broken))


def test_a_sum_that_has_to_equal_another_is_frozen() -> None:
    ties = find_ties(build(["joined", "residual"], [4, 3, 3]))
    assert [bool(entry.frozen) for entry in ties.classes] == [False, True, True, True, True]


def test_grouped_and_gated() -> None:
    assert [entry.frozen is None for entry in find_ties(load("alexnet")).classes] == [False, False, True, True, False]
    ties = find_ties(build(["gated"], [4, 6, 5]))
    assert [entry.layers for entry in ties.classes if entry.frozen is None] == [
        ("stem",),
        ("b0.gated.gate",),
        ("b0.gated.after",),
    ]


def test_views_of_channels_are_frozen(tmp_path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], name="first"),
        helper.make_node("Slice", ["a", "from", "to", "axis"], ["half"]),
        helper.make_node("Conv", ["half", "w2"], ["b"], name="second"),
        helper.make_node("Conv", ["b", "w3"], ["y"], name="third"),
    ]
    constants = [
        tensor("w1", 8, 3, 1, 1),
        tensor("w2", 8, 4, 1, 1),
        tensor("w3", 8, 8, 1, 1),
        integers("from", 0),
        integers("to", 4),
        integers("axis", 1),
    ]
    network = import_onnx(write_model(tmp_path / "m.onnx", nodes, {"x": [1, 3, 5, 5]}, constants))
    frozen = {entry.layers[0]: entry.frozen for entry in find_ties(network).classes}
    assert frozen["first"] == "second: it does not read channels one for one"
    assert frozen["second"] is None and frozen["third"] == "output of the network"


def test_asked_for() -> None:
    ties = find_ties(load("resnet18"), ["layer1.0.conv1", "maxpool"])
    assert [entry.layers[0] for entry in ties.classes if entry.frozen == "asked for"] == ["conv1", "layer1.0.conv1"]
    with pytest.raises(SpecError, match="no such layer to freeze"):
        find_ties(load("resnet18"), ["nothing"])
    with pytest.raises(SpecError, match="before training"):
        find_ties(load("alexnet", training="sgd"))


@given(networks(3), st.integers(1, 4))
@settings(max_examples=examples(40))
def test_tables_count_words_and_macs(case, multiple) -> None:
    """The totals at the entries of any widths are those of the network with these widths."""
    blocks, old, new = case
    network = build(blocks, old)
    ties, request = find_ties(network), WidthChanges(multiple=multiple)
    space = WidthSpace(network, ties, request)
    chosen = [options[new[n % len(new)] % len(options)] for n, options in enumerate(space.problem.widths)]
    after = resized(network, ties, space.widths(chosen))
    words, macs = after.parameters, after.macs
    for table in space.problem.tables:
        totals = tuple(sum(chosen[place] for place in space.problem.axes[axis]) for axis in table.axes)
        entry = space.problem.entries(table.axes).index(totals)
        words, macs = words - table.words[entry], macs - table.macs[entry]
    assert words == request.parameters.within(network.parameters)[1] - space.problem.words[1]
    assert macs == request.macs.within(network.macs)[1] - space.problem.macs[1]
