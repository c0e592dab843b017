"""Built-in networks against published figures, and the loader."""

from collections import Counter
from pathlib import Path

import networkx as nx
import onnx
import pytest

from optimizer import networks
from optimizer.errors import SpecError
from optimizer.workload import Layer, VectorLayer

# Multiply-accumulates and parameters. resnet18, resnet50, vgg16, mobilenet_v2, vit_b16: the parameters are
# the "num_params" that torchvision states, whose "GFLOPS" (1.81, 4.09, 15.47, 0.3, 17.56) are multiply-
# accumulates. alexnet, googlenet: parameters of bvlc_alexnet and bvlc_googlenet in the Caffe model zoo.
# bert_base: 12 layers of 7,087,872 (110 M with the embeddings, in the paper). gpt2: the "124M" release.
# Multiply-accumulates of transformers: per block 12*768^2 for each token and 2*768 for each pair of query
# and key, plus the head.
FIGURES = {
    "alexnet": (724_406_816, 60_965_224),
    "vgg16": (15_470_264_320, 138_357_544),
    "googlenet": (1_582_671_872, 6_998_552),
    "resnet18": (1_814_073_344, 11_689_512),
    "resnet50": (4_089_184_256, 25_557_032),
    "mobilenet_v2": (300_774_272, 3_504_872),
    "bert_base": (12 * (12 * 768**2 * 512 + 2 * 768 * 512**2), 12 * 7_087_872),
    "vit_b16": (
        196 * 768 * 768 + 12 * (12 * 768**2 * 197 + 2 * 768 * 197**2) + 768 * 1000, 86_567_656,
    ),
    "gpt2": (12 * (12 * 768**2 * 1024 + 2 * 768 * 1024**2) + 768 * 50257, 124_439_808),
    "gpt2_decode": (12 * (12 * 768**2 + 2 * 768 * 1024) + 768 * 50257, 124_439_808),
}  # fmt: skip

# Multiply-accumulates of the convolutions: 666 M and 15.3 G in Sze et al., Efficient processing of deep
# neural networks, Proc. IEEE 2017, table II.
CONVOLUTIONS = {"alexnet": 665_784_864, "vgg16": 15_346_630_656}


def test_every_network_has_figures_and_a_description():
    assert networks.names() == list(FIGURES)
    assert all(networks.describe(name) for name in networks.names())


@pytest.mark.parametrize("name", FIGURES)
def test_macs_and_parameters(name):
    network = networks.build(name)
    assert (network.macs, network.parameters) == FIGURES[name]


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution_macs(name):
    layers = networks.build(name).mac_layers()
    assert sum(layer.macs for layer in layers if layer.kind == "conv") == CONVOLUTIONS[name]


@pytest.mark.parametrize(
    ("name", "rounded"), [("resnet18", 1.81), ("resnet50", 4.09), ("vgg16", 15.47), ("vit_b16", 17.56)]
)
def test_published_rounded_macs(name, rounded):
    assert round(networks.build(name).macs / 1e9, 2) == rounded


@pytest.mark.parametrize("name", FIGURES)
def test_the_graph_is_connected_and_every_edge_has_a_tensor(name):
    network = networks.build(name)
    assert nx.is_directed_acyclic_graph(network.graph)
    assert nx.is_weakly_connected(network.graph)
    assert all(tensor for _, _, tensor in network.graph.edges(data="tensor"))


@pytest.mark.parametrize(
    "name", [n for n in FIGURES if n not in ("bert_base", "gpt2", "gpt2_decode", "vit_b16")]
)
def test_convolution_chains_fit_together(name):
    """The words a layer's input axes span are never more than its producer's image and padding hold."""
    network = networks.build(name)
    for producer, consumer in network.graph.edges:
        first, second = (network.graph.nodes[n]["layer"] for n in (producer, consumer))
        written = (
            first.writes[0][0]
            if isinstance(first, VectorLayer)
            else first.operand("O").footprint(first.extents)
        )
        if isinstance(second, VectorLayer):
            assert written in [words for words, _ in second.reads]
        elif second.kind == "matmul":
            assert written == second.operand("I").footprint(second.extents)
        else:
            channels = second.extents.get("G", 1) * second.extents.get("C", 1)
            assert written % channels == 0


@pytest.mark.parametrize("name", FIGURES)
def test_batch_scales_work_but_not_parameters(name):
    one, four = networks.build(name), networks.build(name, batch=4)
    assert four.macs == 4 * one.macs
    assert four.parameters == one.parameters
    for small, large in zip(one.layers(), four.layers(), strict=True):
        if isinstance(small, VectorLayer):
            assert large.operations == 4 * small.operations
            assert [words for words, _ in large.writes] == [4 * words for words, _ in small.writes]


def test_resnet50_has_the_layers_of_the_onnx_model():
    path = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / "light_resnet50.onnx"
    ours, theirs = (networks.load(spec) for spec in ("resnet50", str(path)))

    def shapes(network):
        return Counter(layer.shape_key() for layer in network.mac_layers())

    def edges(network):
        kinds = {layer.name: layer.kind for layer in network.layers()}
        return Counter(
            (kinds[a], kinds[b]) for a, b in network.graph.edges if "pool" not in kinds[a] + kinds[b]
        )

    assert shapes(ours) == shapes(theirs)
    assert edges(ours) == edges(theirs)


def test_bits_reach_every_layer():
    network = networks.build("resnet18", bits={"W": 4, "I": 8, "O": 32})
    for layer in network.layers():
        if isinstance(layer, Layer):
            assert [operand.bits for operand in layer.operands] == [4, 8, 32]
        else:
            assert {bits for _, bits in layer.reads} == {8}
            assert {bits for _, bits in layer.writes} == {32}


def test_sequence_length():
    assert networks.build("bert_base", sequence=128).macs == 12 * (12 * 768**2 * 128 + 2 * 768 * 128**2)
    assert networks.build("gpt2_decode", sequence=1).macs == 12 * (12 * 768**2 + 2 * 768) + 768 * 50257


def test_attention_has_no_parameters_and_decoding_reads_its_cache():
    scores = networks.build("gpt2_decode").graph.nodes["layer3.scores"]["layer"]
    assert scores.parameter_count == 0
    assert scores.extents == {"B": 12, "M": 1, "N": 1024, "K": 64}
    assert scores.operand("W").tensor == "layer3.keys"


@pytest.mark.parametrize(
    ("name", "options", "field"),
    [
        ("resnet18", {"batch": 0}, "batch"),
        ("resnet18", {"batch": True}, "batch"),
        ("resnet18", {"sequence": 5}, "sequence"),
        ("bert_base", {"sequence": 0}, "sequence"),
        ("bert_base", {"sequence": 513}, "sequence"),
        ("gpt2", {"sequence": 1025}, "sequence"),
        ("vgg16", {"bits": {"A": 3}}, "bits.A"),
    ],
)
def test_options_are_checked(name, options, field):
    with pytest.raises(SpecError) as caught:
        networks.build(name, **options)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("name", "close"), [("resnet-18", "resnet18"), ("ResNet50", "resnet50"), ("mobilenet", "mobilenet_v2")]
)
def test_unknown_names_list_the_networks_and_the_closest(name, close):
    with pytest.raises(SpecError, match=f"did you mean {close}") as caught:
        networks.load(name)
    assert all(known in caught.value.allowed for known in networks.names())
    with pytest.raises(SpecError):
        networks.build(name)


def test_load_takes_names_and_files(tmp_path):
    assert networks.load("alexnet", batch=2).macs == 2 * FIGURES["alexnet"][0]
    path = tmp_path / "one.yaml"
    path.write_text("{name: m, type: matmul, dims: {M: 2, N: 3, K: 4}}")
    assert networks.load(str(path)).macs == 24
    with pytest.raises(SpecError, match="no such file"):
        networks.load(str(tmp_path / "missing.onnx"))


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        ("alexnet", {"dims": {"N": 1}}),
        ("alexnet", {"allow_unknown": True}),
        ("a.onnx", {"batch": 2}),
        ("a.yaml", {"sequence": 2}),
        ("a.yaml", {"dims": {"N": 1}}),
    ],
)
def test_load_refuses_options_that_do_not_apply(spec, options):
    with pytest.raises(SpecError, match="this option needs") as caught:
        networks.load(spec, **options)
    assert caught.value.field in options
