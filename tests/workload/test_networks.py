"""Built-in networks against published figures, and the loader."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

import networkx as nx
import onnx
import pytest

from optimizer import networks
from optimizer.errors import SpecError
from optimizer.workload.layer import Layer, VectorLayer

# Multiply-accumulates and parameters. resnet18, resnet34, resnet50, vgg16, vgg19, mobilenet_v2, vit_b16: the
# parameters are the "num_params" that torchvision states, whose "GFLOPS" (1.81, 3.66, 4.09, 15.47, 19.63, 0.3,
# 17.56) are multiply-accumulates. alexnet, googlenet: parameters of bvlc_alexnet and bvlc_googlenet in the Caffe
# model zoo. mobilenet_v1: 569 M multiply-accumulates and 4.2 M parameters (Howard et al. 2017, table 4); exactly
# the "trainable params" of Keras' MobileNet. yolov2, fsrcnn: see below.
# bert_base: 12 layers of 7,087,872 (110 M with the embeddings, in the paper). gpt2: the "124M" release.
# Multiply-accumulates of transformers: per block 12*768^2 for each token and 2*768 for each pair of query
# and key, plus the head.
FIGURES = {
    "alexnet": (724_406_816, 60_965_224),
    "vgg16": (15_470_264_320, 138_357_544),
    "vgg19": (19_632_062_464, 143_667_240),
    "googlenet": (1_582_671_872, 6_998_552),
    "resnet18": (1_814_073_344, 11_689_512),
    "resnet34": (3_663_761_408, 21_797_672),
    "resnet50": (4_089_184_256, 25_557_032),
    "mobilenet_v1": (568_740_352, 4_231_976),
    "mobilenet_v2": (300_774_272, 3_504_872),
    "yolov2": (14_732_084_224, 50_962_889),
    "yolov2_720p": (77_528_678_400, 50_962_889),
    "fsrcnn": (12_464 * 960 * 540, 12_809),
    "bert_base": (12 * (12 * 768**2 * 512 + 2 * 768 * 512**2), 12 * 7_087_872),
    "vit_b16": (
        196 * 768 * 768 + 12 * (12 * 768**2 * 197 + 2 * 768 * 197**2) + 768 * 1000,
        86_567_656,
    ),
    "gpt2": (12 * (12 * 768**2 * 1024 + 2 * 768 * 1024**2) + 768 * 50257, 124_439_808),
    "gpt2_decode": (12 * (12 * 768**2 + 2 * 768 * 1024) + 768 * 50257, 124_439_808),
}

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
    ("name", "rounded"),
    [
        ("resnet18", 1.81),
        ("resnet34", 3.66),
        ("resnet50", 4.09),
        ("vgg16", 15.47),
        ("vgg19", 19.63),
        ("mobilenet_v1", 0.57),
        ("vit_b16", 17.56),
    ],
)
def test_published_rounded_macs(name, rounded):
    assert round(networks.build(name).macs / 1e9, 2) == rounded


def test_yolov2_at_608_has_the_operations_that_darknet_states():
    """62.94 billion, two per multiply-accumulate (pjreddie.com/darknet/yolov2, COCO, 608 x 608 images).

    All extents of 416 x 416 images are multiples of 13, those of 608 x 608 the same multiples of 19.
    """
    assert round(2 * networks.build("yolov2").macs * 19**2 / 13**2 / 1e9, 2) == 62.94


def test_yolov2_fills_the_weights_file_of_darknet():
    """yolov2.weights has 203,934,260 bytes (AlexeyAB/darknet, issue 1910): a head of 16, then 32-bit numbers.

    For a normalized channel it holds four: scale, bias, mean and variance, of which the last two fold into the others.
    """
    network = networks.build("yolov2")
    normalized = sum(layer.extents["K"] for layer in network.mac_layers() if layer.name != "detection")
    assert 16 + 4 * (network.parameters + 2 * normalized) == 203_934_260


def test_yolov2_has_the_extents_of_darknet():
    """416 x 416: yolov2.cfg; 1280 x 720: rows rounded down to 22, where 45 are pooled and where they are rearranged."""
    for name, fine, coarse in (("yolov2", (26, 26), (13, 13)), ("yolov2_720p", (45, 80), (22, 40))):
        layers = {layer.name: layer for layer in networks.build(name).layers()}
        assert tuple(layers["passthrough"].extents[dim] for dim in "PQ") == fine
        last = layers["detection"].extents
        assert (last["K"], last["P"], last["Q"]) == (425, *coarse)
        assert layers["reorg"].writes[0][0] == 256 * coarse[0] * coarse[1]
        assert layers["conv8"].extents["C"] == 1024 + 256


def test_fsrcnn_has_the_parameters_of_the_paper():
    """12464, biases and slopes of the parametric ReLUs not counted (Dong et al. 2016, table 1).

    One multiply-accumulate each per low-resolution pixel: the transposed convolution multiplies no inserted zero.
    With 173 biases and 172 slopes there are 12809.
    """
    network = networks.build("fsrcnn", training=True)
    layers = network.mac_layers()
    assert sum(layer.operand("W").footprint(layer.extents) for layer in layers) == 12_464
    assert sum(layer.macs for layer in layers) == 12_464 * 960 * 540
    phases = [layer.extents for layer in layers if layer.name.startswith("upscale")]
    assert sum(phase["K"] * phase["P"] * phase["Q"] for phase in phases) == 1920 * 1080
    assert sorted((phase["R"], phase["S"]) for phase in phases) == [(4, 4), (4, 5), (5, 4), (5, 5)]
    for found in (network, networks.build("fsrcnn")):
        assert (found.macs, found.parameters) == (12_464 * 960 * 540, 12_464 + 173 + 172)


def test_the_transposed_convolution_of_fsrcnn_is_one_layer():
    """5 x 5 taps to 2 x 2 pixels, of which 81 of 100 are taps of the operator."""
    (layer,) = [layer for layer in networks.build("fsrcnn").mac_layers() if layer.name.startswith("upscale")]
    assert layer.extents == {"N": 1, "K": 4, "C": 56, "P": 540, "Q": 960, "R": 5, "S": 5}
    assert layer.operand("O").footprint(layer.extents) == 1920 * 1080
    assert layer.real_taps == Fraction(81, 100) and layer.asked_macs == 81 * 56 * 540 * 960


@pytest.mark.parametrize("name", FIGURES)
def test_the_graph_is_connected_and_every_edge_has_a_tensor(name):
    network = networks.build(name)
    assert nx.is_directed_acyclic_graph(network.graph)
    assert nx.is_weakly_connected(network.graph)
    assert all(tensor for _, _, tensor in network.graph.edges(data="tensor"))


@pytest.mark.parametrize("name", [n for n in FIGURES if n not in ("bert_base", "gpt2", "gpt2_decode", "vit_b16")])
def test_convolution_chains_fit_together(name):
    """The words a layer's input axes span are never more than its producer's image and padding hold."""
    network = networks.build(name)
    for producer, consumer in network.graph.edges:
        first, second = (network.graph.nodes[n]["layer"] for n in (producer, consumer))
        written = first.writes[0][0] if isinstance(first, VectorLayer) else first.operand("O").footprint(first.extents)
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
        return Counter((kinds[a], kinds[b]) for a, b in network.graph.edges if "pool" not in kinds[a] + kinds[b])

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
