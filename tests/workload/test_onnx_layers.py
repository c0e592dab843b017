"""ONNX import: convolutions and products."""

import itertools
import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from optimizer.errors import SpecError
from optimizer.onnx_import import import_onnx
from optimizer.onnx_import.contraction import Contraction, broadcast_product
from optimizer.onnx_import.transposed import paddings
from optimizer.workload.layer import Layer, VectorLayer
from optimizer.workload.phases import phases
from optimizer.workload.reader import dump_network, parse_network
from optimizer.workload.stored import stored_in
from optimizer.workload.upscaling import block_parts
from tests.support.choices import slow_if
from tests.support.onnx_models import FLOAT, INT64, integers, tensor, write_model

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"

# Multiply-accumulates and learned words. resnet50, squeezenet, vgg19 and densenet121: what torchvision states
# for its models (4.09 G, 0.35 G, 19.63 G, 2.83 G; 25,557,032, 1,235,496, 143,667,240 and 7,978,856 words),
# but here densenet121 has scale and shift of every normalization twice, 83,648 words more. alexnet: the Caffe
# model without padding, 60,965,224 words. inception_v1: GoogLeNet with poolings that round down.
LIGHT_FIGURES = {
    "bvlc_alexnet": (654_560_384, 60_965_224),
    "densenet121": (2_834_161_664, 7_978_856 + 83_648),
    "inception_v1": (1_431_556_352, 6_998_552),
    "inception_v2": (2_018_851_840, 11_214_888),
    "resnet50": (4_089_184_256, 25_557_032),
    "shufflenet": (124_664_528, 1_393_320),
    "squeezenet": (349_151_936, 1_235_496),
    "vgg19": (19_632_062_464, 143_667_240),
    "zfnet512": (1_481_727_008, 87_250_536),
}


@pytest.mark.parametrize("name", slow_if(["densenet121", "inception_v2", "resnet50"], LIGHT_FIGURES))
def test_light_models(name):
    network = import_onnx(LIGHT / f"light_{name}.onnx")
    assert (network.macs, network.parameters) == LIGHT_FIGURES[name]
    assert network.warnings == []
    assert len(list(network.layers())) == len(network.graph)


def test_every_light_model_is_covered():
    assert {path.stem.removeprefix("light_") for path in LIGHT.glob("*.onnx")} == set(LIGHT_FIGURES)


# --- Convolutions -------------------------------------------------------------------------------------------


def only_layer(network):
    (layer,) = network.layers()
    return layer


def run_layer(layer, weights, image):
    """The layer's result by its own loops and index expressions."""
    extents = layer.extents
    operands = {operand.role: operand for operand in layer.operands}

    def index(role, point):
        return tuple(sum(c * point[dim] for dim, c in axis.terms) for axis in operands[role].axes)

    result = np.zeros([axis.extent(extents) for axis in operands["O"].axes])
    for values in itertools.product(*(range(extent) for extent in extents.values())):
        point = dict(zip(extents, values, strict=True))
        result[index("O", point)] += weights[index("W", point)] * image[index("I", point)]
    return result


CONVOLUTIONS = [
    ("plain", [2, 3, 6, 7], [4, 3, 3, 2], {}),
    ("strided", [1, 3, 9, 9], [4, 3, 3, 3], {"strides": [2, 3]}),
    ("dilated", [1, 2, 9, 9], [3, 2, 3, 3], {"dilations": [2, 3]}),
    ("padded", [1, 2, 5, 5], [3, 2, 3, 3], {"pads": [1, 1, 1, 1]}),
    ("asymmetric", [1, 2, 5, 5], [3, 2, 3, 3], {"pads": [0, 2, 1, 0], "strides": [2, 1]}),
    ("grouped", [1, 4, 5, 5], [6, 2, 3, 3], {"group": 2}),
    ("depthwise", [1, 4, 5, 5], [4, 1, 3, 3], {"group": 4, "pads": [1, 1, 1, 1]}),
    ("multiplier", [1, 4, 5, 5], [8, 1, 3, 3], {"group": 4}),
    ("pointwise", [1, 4, 5, 5], [8, 4, 1, 1], {"strides": [2, 2]}),
    ("same_upper", [1, 2, 6, 7], [3, 2, 3, 4], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ("same_lower", [1, 2, 6, 7], [3, 2, 3, 4], {"auto_pad": "SAME_LOWER", "strides": [2, 1]}),
    ("valid", [1, 2, 6, 7], [3, 2, 3, 4], {"auto_pad": "VALID"}),
    ("line", [2, 3, 9], [4, 3, 3], {"strides": [2], "pads": [1, 0]}),
    ("dilated_line", [1, 3, 9], [4, 3, 3], {"dilations": [2]}),
    ("depthwise_line", [1, 4, 9], [4, 1, 3], {"group": 4}),
]


def pads_of(image, kernel, given):
    """(before, after) of every spatial axis."""
    rank = len(image) - 2
    mode = given.get("auto_pad", "NOTSET")
    if mode == "NOTSET":
        pads = given.get("pads", [0] * 2 * rank)
        return list(zip(pads[:rank], pads[rank:], strict=True))
    result = []
    for axis in range(rank):
        rows, taps, stride = image[2 + axis], kernel[2 + axis], given.get("strides", [1] * rank)[axis]
        total = 0 if mode == "VALID" else max(0, (math.ceil(rows / stride) - 1) * stride + taps - rows)
        small, large = total // 2, total - total // 2
        result.append((small, large) if mode == "SAME_UPPER" else (large, small))
    return result


@pytest.mark.parametrize(("image", "kernel", "given"), [c[1:] for c in CONVOLUTIONS], ids=[c[0] for c in CONVOLUTIONS])
def test_a_convolution_computes_what_onnx_says(tmp_path, image, kernel, given):
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv", **given)
    path = write_model(tmp_path / "m.onnx", [node], {"x": image}, [tensor("w", *kernel)])
    layer = only_layer(import_onnx(path))
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-4, 5, shape).astype(np.float32) for shape in (image, kernel))
    padded = np.pad(x, [(0, 0), (0, 0), *pads_of(image, kernel, given)])
    groups = given.get("group", 1)
    shapes = {
        "I": [image[0], *([groups] if groups > 1 else []), image[1] // groups, *padded.shape[2:]],
        "W": [*([groups] if groups > 1 else []), kernel[0] // groups, kernel[1], *kernel[2:]],
    }
    if layer.kind == "dwconv":
        shapes = {"I": [*image[:2], *padded.shape[2:]], "W": [groups, *kernel[2:]]}
    result = run_layer(layer, w.reshape(shapes["W"]), padded.reshape(shapes["I"]))
    (expected,) = ReferenceEvaluator(node, opsets={"": 17}).run(None, {"x": x, "w": w})
    assert np.array_equal(result.reshape(expected.shape), expected)
    assert layer.macs == expected.size * math.prod(kernel[1:])
    assert layer.parameter_count == math.prod(kernel)


@pytest.mark.parametrize(
    ("case", "kind", "dims"),
    [
        ("plain", "conv", "NKCPQRS"),
        ("grouped", "conv", "NGKCPQRS"),
        ("depthwise", "dwconv", "NGPQRS"),
        ("multiplier", "conv", "NGKCPQRS"),
        ("pointwise", "conv", "NKCPQRS"),
        ("line", "conv", "NKCPR"),
        ("depthwise_line", "dwconv", "NGPR"),
    ],
)
def test_dims_of_convolutions(tmp_path, case, kind, dims):
    image, kernel, given = next(c[1:] for c in CONVOLUTIONS if c[0] == case)
    node = helper.make_node("Conv", ["x", "w"], ["y"], **given)
    layer = only_layer(import_onnx(write_model(tmp_path / "m.onnx", [node], {"x": image}, [tensor("w", *kernel)])))
    assert layer.kind == kind
    assert "".join(layer.extents) == dims
    assert [operand.tensor for operand in layer.operands] == ["w", "x", "y"]


def test_bias_and_batch_normalization_are_learned_words_of_the_convolution(tmp_path):
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv"),
        helper.make_node("BatchNormalization", ["c", "s", "t", "mean", "var"], ["n"]),
        helper.make_node("Relu", ["n"], ["y"]),
    ]
    constants = [tensor("w", 4, 3, 1, 1), *(tensor(n, 4) for n in ("b", "s", "t", "mean", "var"))]
    layer = only_layer(import_onnx(write_model(tmp_path / "m.onnx", nodes, {"x": [1, 3, 5, 5]}, constants)))
    assert layer.parameter_count == 12 + 4 + 8


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_weights_that_a_layer_computes_are_not_learned(tmp_path, op):
    nodes = [
        helper.make_node("MatMul", ["a", "m"], ["w0"], name="make"),
        helper.make_node("Reshape", ["w0", "shape"], ["w"]),
        helper.make_node(op, ["x", "w"], ["y"], name="use"),
    ]
    constants = [tensor("m", 3, 9), integers("shape", 2, 2, 3, 3)]
    network = import_onnx(write_model(tmp_path / "m.onnx", nodes, {"x": [1, 2, 5, 5], "a": [4, 3]}, constants))
    assert network.parameters == 27
    assert list(network.graph.edges) == [("make", "use")]


def test_quantized_convolution(tmp_path):
    scales = [tensor(n, value=np.float32(0.5)) for n in ("xs", "ws", "ys")]
    zeros = [tensor(n, value=np.uint8(0)) for n in ("xz", "wz", "yz")]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
        helper.make_node("QLinearConv", ["q", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], ["c"], name="conv"),
        helper.make_node("DequantizeLinear", ["c", "ys", "yz"], ["y"]),
    ]
    weights = tensor("w", value=np.zeros((4, 3, 3, 3), np.uint8))
    bias = tensor("b", value=np.zeros(4, np.int32))
    path = write_model(tmp_path / "m.onnx", nodes, {"x": [1, 3, 5, 5]}, [*scales, *zeros, weights, bias])
    network = import_onnx(path)
    assert [layer.kind for layer in network.layers()] == ["quantizelinear", "conv"]
    assert network.macs == 4 * 3 * 9 * 9
    assert network.parameters == 4 * 3 * 9 + 4


def test_convolutions_in_three_dimensions(tmp_path):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="cube", strides=[1, 2, 1], pads=[1, 1, 1] * 2),
        helper.make_node("MaxPool", ["c"], ["p"], name="pool", kernel_shape=[1, 2, 2]),
        helper.make_node("ConvTranspose", ["p", "u"], ["y"], name="up", strides=[2, 2, 2]),
    ]
    constants = [tensor("w", 3, 2, 3, 3, 3), tensor("u", 3, 4, 2, 2, 2)]
    network = import_onnx(write_model(tmp_path / "m.onnx", nodes, {"x": [1, 2, 6, 7, 5]}, constants))
    cube, up = network.mac_layers()
    assert cube.extents == {"N": 1, "K": 3, "C": 2, "P": 6, "Q": 4, "Z": 5, "R": 3, "S": 3, "T": 3}
    assert cube.operand("I").footprint(cube.extents) == 2 * 8 * 9 * 7, "padded"
    assert cube.macs == 3 * 2 * 6 * 4 * 5 * 27
    assert network.graph.nodes["pool"]["layer"].writes[0][0] == 3 * 6 * 3 * 4
    assert up.extents == {"N": 1, "K": 4 * 8, "C": 3, "P": 6, "Q": 3, "Z": 4, "R": 1, "S": 1, "T": 1}
    assert up.macs == up.asked_macs == 3 * 4 * 8 * 6 * 3 * 4
    assert network.parameters == 3 * 2 * 27 + 3 * 4 * 8


def test_four_spatial_axes_are_not_understood(tmp_path):
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="tesseract")
    path = write_model(tmp_path / "m.onnx", [node], {"x": [1, 2, 5, 5, 5, 5]}, [tensor("w", 3, 2, 3, 3, 3, 3)])
    with pytest.raises(SpecError, match="4 spatial axes") as caught:
        import_onnx(path)
    assert "tesseract" in caught.value.field


# --- Transposed convolutions --------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_phases_compute_the_transposed_convolution(stride, kernel, dilation, padding):
    rows = 6
    outputs = stride * (rows - 1) + dilation * (kernel - 1) + 1 - padding
    rng = np.random.default_rng(0)
    image, taps = rng.integers(1, 9, rows), rng.integers(1, 9, kernel)
    expected = np.zeros(outputs, int)
    for i, r in itertools.product(range(rows), range(kernel)):
        y = stride * i + dilation * r - padding
        if 0 <= y < outputs:
            expected[y] += image[i] * taps[r]
    result, macs = np.zeros(outputs, int), 0
    for phase in phases(outputs, kernel, stride, dilation, padding):
        for m, (n, r) in itertools.product(range(phase.outputs), enumerate(phase.taps)):
            i = phase.first_input + m - n * phase.dilation
            result[phase.first_output + m * stride] += taps[r] * (image[i] if 0 <= i < rows else 0)
            macs += 1
    assert np.array_equal(result, expected)
    meeting = [(y, r) for y in range(outputs) for r in range(kernel) if (y + padding - dilation * r) % stride == 0]
    assert macs == len(meeting)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("extra", [0, 1])
def test_blocks_compute_the_transposed_convolution(stride, kernel, dilation, padding, extra):
    rows = 6
    outputs = stride * (rows - 1) + dilation * (kernel - 1) + 1 - padding + extra
    rng = np.random.default_rng(0)
    image, taps = rng.integers(1, 9, rows), rng.integers(1, 9, kernel)
    expected, reached = np.zeros(outputs, int), np.zeros(outputs, int)
    for i, r in itertools.product(range(-kernel * dilation, rows + kernel * dilation), range(kernel)):
        y = stride * i + dilation * r - padding
        if 0 <= y < outputs:
            expected[y] += taps[r] * (image[i] if 0 <= i < rows else 0)
            reached[y] += 1
    result, written, macs = np.zeros(outputs, int), np.zeros(outputs, int), 0
    for part in block_parts(outputs, kernel, stride, dilation, padding):
        for m, (row, weights) in itertools.product(range(part.blocks), zip(part.rows, part.kernel, strict=True)):
            y = row + m * stride
            written[y] += 1
            for u, tap in enumerate(weights):
                i = part.first_input + m + u * part.dilation
                result[y] += 0 if tap is None or not 0 <= i < rows else taps[tap] * image[i]
        macs += part.real_taps * len(part.rows) * part.blocks * part.taps
    assert np.array_equal(result, expected)
    assert np.array_equal(written, reached > 0), "every row with a tap is written once"
    assert macs == reached.sum()


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (4, 2, 1), (9, 2, 4), (16, 8, 4), (3, 2, 1)])
def test_one_part_reads_nearly_all(kernel, stride, padding):
    outputs = 32 * stride
    parts = block_parts(outputs, kernel, stride, 1, padding)
    assert max(len(part.rows) * part.blocks for part in parts) >= outputs - 2 * stride
    assert max(part.taps for part in parts) == -(-kernel // stride), "no wider than the phase with the most taps"


@pytest.mark.parametrize(
    ("image", "kernel", "given", "count"),
    [
        ([1, 4, 5, 5], [4, 3, 4, 4], {"strides": [2, 2], "pads": [1, 1, 1, 1]}, 9),
        ([2, 4, 5, 6], [4, 3, 3, 2], {"strides": [2, 3]}, 2),
        ([1, 4, 5, 5], [4, 3, 2, 2], {"strides": [2, 2], "group": 2}, 1),
        ([1, 4, 5, 5], [4, 1, 3, 3], {"group": 4, "strides": [2, 1]}, 2),
        ([1, 4, 5, 5], [4, 3, 3, 3], {"dilations": [2, 2], "strides": [2, 2]}, 1),
        ([1, 4, 5, 5], [4, 3, 3, 3], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, 1),
        ([1, 4, 5, 5], [4, 3, 3, 3], {"auto_pad": "SAME_LOWER", "strides": [2, 2]}, 1),
        ([1, 4, 5, 5], [4, 3, 3, 3], {"strides": [2, 2], "output_shape": [10, 10]}, 1),
        ([1, 4, 7], [4, 3, 5], {"strides": [2], "pads": [1, 0], "output_padding": [1]}, 2),
    ],
)
def test_transposed_convolution_layers(tmp_path, image, kernel, given, count):
    node = helper.make_node("ConvTranspose", ["x", "w", "b"], ["t"], name="up", **given)
    groups = given.get("group", 1)
    constants = [tensor("w", *kernel), tensor("b", kernel[1] * groups)]
    relu = helper.make_node("MaxPool", ["t"], ["y"], name="pool", kernel_shape=[1] * (len(image) - 2))
    path = write_model(tmp_path / "m.onnx", [node, relu], {"x": image}, constants)
    (shape,) = (
        [size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in onnx.shape_inference.infer_shapes(onnx.load(path)).graph.value_info
        if value.name == "t"
    )
    network = import_onnx(path)
    layers = network.mac_layers()
    assert len(layers) == count
    pool = network.graph.nodes["pool"]["layer"]
    writers = [network.graph.nodes[name]["layer"] for name in network.graph.predecessors("pool")]
    written = [w.operand("O").footprint(w.extents) if isinstance(w, Layer) else w.writes[0][0] for w in writers]
    assert sum(written) == pool.writes[0][0], "every word is written once"
    assert network.parameters == math.prod(kernel) + kernel[1] * groups
    assert network.macs == meetings(image, kernel, given, shape[2:])
    assert {layer.name for layer in layers} <= set(network.graph.predecessors("pool"))
    assert len({layer.operand("O").tensor for layer in layers}) == 1


def meetings(image, kernel, given, output):
    """Products of a transposed convolution, those with padding of the input included, counted one by one."""
    spatial, groups = len(image) - 2, given.get("group", 1)
    stride, dilation = given.get("strides", [1] * spatial), given.get("dilations", [1] * spatial)
    plain = {key: value.encode() if isinstance(value, str) else value for key, value in given.items()}
    padding = paddings(plain, image[2:], kernel[2:], output, stride=stride, dilation=dilation)
    along = [
        sum((y + padding[a] - dilation[a] * r) % stride[a] == 0 for y in range(output[a]) for r in range(k))
        for a, k in enumerate(kernel[2:])
    ]
    return image[0] * math.prod(along) * (kernel[0] // groups) * kernel[1] * groups


def test_transposed_convolution_multiplies_no_inserted_zero(tmp_path):
    """Stride 2 and a 4 x 4 kernel: 2 x 2 taps for every output element."""
    node = helper.make_node(
        "ConvTranspose", ["x", "w"], ["y"], name="up", strides=[2, 2], kernel_shape=[4, 4], pads=[1, 1, 1, 1]
    )
    network = import_onnx(write_model(tmp_path / "m.onnx", [node], {"x": [1, 8, 7, 7]}, [tensor("w", 8, 5, 4, 4)]))
    assert network.macs == sum(layer.macs for layer in network.mac_layers()) == 14 * 14 * 5 * 8 * 4


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
def test_automatic_padding_of_transposed_convolutions(mode):
    """The padding found here makes the phases agree with ONNX's own evaluation."""
    rng = np.random.default_rng(0)
    x, w = rng.integers(1, 9, (1, 1, 5)).astype(np.float32), rng.integers(1, 9, (1, 1, 4)).astype(np.float32)
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[3], auto_pad=mode)
    (expected,) = ReferenceEvaluator(node, opsets={"": 17}).run(None, {"x": x, "w": w})
    (padding,) = paddings({"auto_pad": mode.encode()}, [5], [4], [15], stride=[3], dilation=[1])
    result = np.zeros(15)
    for phase in phases(15, 4, 3, 1, padding):
        for m, (n, r) in itertools.product(range(phase.outputs), enumerate(phase.taps)):
            i = phase.first_input + m - n
            result[phase.first_output + 3 * m] += w[0, 0, r] * (x[0, 0, i] if 0 <= i < 5 else 0)
    assert np.array_equal(result, expected[0, 0])


# --- Products -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "size"),
    [
        ((5, 7), (7, 3), Contraction(1, 5, 3, 7)),
        ((7,), (7, 3), Contraction(1, 1, 3, 7)),
        ((5, 7), (7,), Contraction(1, 5, 1, 7)),
        ((7,), (7,), Contraction(1, 1, 1, 7)),
        ((2, 4, 5, 7), (7, 3), Contraction(1, 40, 3, 7)),
        ((5, 7), (4, 7, 3), Contraction(1, 5, 12, 7)),
        ((2, 4, 5, 7), (2, 4, 7, 3), Contraction(8, 5, 3, 7)),
        ((2, 4, 5, 7), (4, 7, 3), Contraction(4, 10, 3, 7)),
        ((2, 1, 5, 7), (1, 4, 7, 3), Contraction(1, 10, 12, 7)),
        ((6, 2, 1, 5, 7), (2, 4, 7, 3), Contraction(2, 30, 12, 7)),
    ],
)
def test_batched_products(tmp_path, left, right, size):
    assert broadcast_product(left, right) == size
    output = np.matmul(np.zeros(left), np.zeros(right))
    assert output.size == size.b * size.m * size.n
    node = helper.make_node("MatMul", ["a", "b"], ["y"])
    layer = only_layer(import_onnx(write_model(tmp_path / "m.onnx", [node], {"a": [*left], "b": [*right]})))
    assert layer.macs == output.size * left[-1]
    assert layer.parameter_count == 0
    assert ("B" in layer.extents) == (size.b > 1)


@pytest.mark.parametrize("trans_a", [0, 1])
@pytest.mark.parametrize("trans_b", [0, 1])
def test_gemm(tmp_path, trans_a, trans_b):
    left, right = ([5, 7], [7, 5])[trans_a], ([7, 3], [3, 7])[trans_b]
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transA=trans_a, transB=trans_b)
    constants = [tensor("w", *right), tensor("b", 3)]
    layer = only_layer(import_onnx(write_model(tmp_path / "m.onnx", [node], {"x": left}, constants)))
    assert layer.extents == {"M": 5, "N": 3, "K": 7}
    assert layer.parameter_count == 21 + 3


def test_gemm_of_two_activations_adds_its_bias_in_a_vector_layer(tmp_path):
    """Learned words beside a product would say that its W holds weights."""
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], name="r"),
        helper.make_node("Gemm", ["r", "r", "b"], ["y"], name="g", transB=1),
    ]
    network = import_onnx(write_model(tmp_path / "m.onnx", nodes, {"x": [3, 4]}, [tensor("b", 3)]))
    product, bias = (network.graph.nodes[name]["layer"] for name in ("g", "g/bias"))
    assert (product.macs, product.parameter_count) == (36, 0)
    assert (bias.parameters, bias.operations, bias.reads) == (3, 9, ((9, 16), (3, 16)))


@pytest.mark.parametrize("kind", [TensorProto.INT4, TensorProto.INT16, TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT])
def test_tables_of_every_number_type_are_learned(tmp_path, kind):
    table = helper.make_tensor("t", kind, [6, 4], [0] * 24)
    node = helper.make_node("Gather", ["t", "i"], ["y"])
    path = write_model(tmp_path / "m.onnx", [node], {"i": (TensorProto.INT64, [2])}, [table], opset=21)
    (layer,) = import_onnx(path).layers()
    assert layer.parameters == 24


def test_gemm_with_a_computed_bias_adds_it_in_a_vector_layer(tmp_path):
    node = helper.make_node("Gemm", ["x", "w", "c"], ["y"], name="g")
    path = write_model(tmp_path / "m.onnx", [node], {"x": [5, 7], "c": [5, 3]}, [tensor("w", 7, 3)])
    network = import_onnx(path)
    product, add = network.layers()
    assert product.parameter_count == 21
    assert add == VectorLayer("g/bias", "add", ((15, 16), (15, 16)), ((15, 16),), 15, grid=(1, 5, 1))
    assert list(network.graph.edges) == [(product.name, add.name)]


def test_a_constant_first_factor_is_the_weights(tmp_path):
    node = helper.make_node("MatMul", ["w", "x"], ["y"])
    layer = only_layer(import_onnx(write_model(tmp_path / "m.onnx", [node], {"x": [7, 3]}, [tensor("w", 5, 7)])))
    assert layer.extents == {"M": 3, "N": 5, "K": 7}
    assert (layer.operand("W").tensor, layer.parameter_count) == ("w", 35)


def attention(path, sequence):
    """One head-split attention block over tokens of 8 features in 2 heads, with a dynamic sequence."""
    split = [integers("split", 0, 0, 2, 4), integers("joined", 0, 0, 8)]
    weights = [tensor(n, 8, 8) for n in ("wq", "wk", "wv", "wo")] + [tensor("bq", 8)]
    nodes = []
    for part, perm in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes.append(helper.make_node("MatMul", ["x", f"w{part}"], [f"{part}0"], name=part))
        last = f"{part}0"
        if part == "q":
            nodes.append(helper.make_node("Add", ["bq", last], ["q1"], name="bias"))
            last = "q1"
        nodes.append(helper.make_node("Reshape", [last, "split"], [f"{part}2"]))
        nodes.append(helper.make_node("Transpose", [f"{part}2"], [f"{part}3"], perm=perm))
    nodes += [
        helper.make_node("MatMul", ["q3", "k3"], ["s0"], name="scores"),
        helper.make_node("Div", ["s0", "two"], ["s1"], name="scale"),
        helper.make_node("Softmax", ["s1"], ["s2"], name="softmax", axis=-1),
        helper.make_node("MatMul", ["s2", "v3"], ["c0"], name="context"),
        helper.make_node("Transpose", ["c0"], ["c1"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["c1", "joined"], ["c2"]),
        helper.make_node("MatMul", ["c2", "wo"], ["o"], name="output"),
        helper.make_node("Add", ["x", "o"], ["y"], name="residual"),
    ]
    constants = [*split, *weights, tensor("two", value=np.float32(2))]
    return write_model(path, nodes, {"x": ["batch", sequence, 8]}, constants)


def test_attention(tmp_path):
    network = import_onnx(attention(tmp_path / "m.onnx", "tokens"), dims={"batch": 3, "tokens": 10})
    layers = {layer.name: layer for layer in network.layers()}
    assert list(layers) == ["q", "k", "v", "scores", "softmax", "context", "output", "residual"]
    assert layers["scores"].extents == {"B": 6, "M": 10, "N": 10, "K": 4}
    assert layers["context"].extents == {"B": 6, "M": 10, "N": 4, "K": 10}
    assert layers["q"].extents == {"M": 30, "N": 8, "K": 8}
    assert network.parameters == 4 * 64 + 8
    assert layers["softmax"].operations == 5 * 600
    assert set(network.graph.edges) == {
        ("q", "scores"),
        ("k", "scores"),
        ("scores", "softmax"),
        ("softmax", "context"),
        ("v", "context"),
        ("context", "output"),
        ("output", "residual"),
    }
    assert network.graph.edges["q", "scores"]["tensor"] == "q0"


# --- Dims and files -----------------------------------------------------------------------------------------


def test_symbolic_dims_must_be_fixed(tmp_path):
    path = attention(tmp_path / "m.onnx", "tokens")
    with pytest.raises(SpecError, match="'tokens'") as caught:
        import_onnx(path, dims={"batch": 1})
    assert "--dim tokens=?" in caught.value.remedy


def test_dims_without_a_name_go_by_their_place(tmp_path):
    path = attention(tmp_path / "m.onnx", None)
    with pytest.raises(SpecError, match=r"x\.1") as caught:
        import_onnx(path, dims={"batch": 1})
    assert "--dim x.1=?" in caught.value.remedy
    assert import_onnx(path, dims={"batch": 1, "x.1": 4}).macs == 4 * 4 * 64 + 2 * 2 * 4 * 4 * 4


@pytest.mark.parametrize("extent", [0, -1, True, 2.0, "2"])
def test_extents_of_dims_are_checked(tmp_path, extent):
    with pytest.raises(SpecError, match="positive integer") as caught:
        import_onnx(attention(tmp_path / "m.onnx", "tokens"), dims={"batch": extent})
    assert caught.value.field == "--dim batch"


def test_unknown_dims_are_refused(tmp_path):
    with pytest.raises(SpecError, match="no such dim") as caught:
        import_onnx(attention(tmp_path / "m.onnx", 4), dims={"batch": 1, "width": 3})
    assert caught.value.allowed == "batch"


def test_precision(tmp_path):
    path = attention(tmp_path / "m.onnx", 4)
    layers = {layer.name: layer for layer in import_onnx(path, dims={"batch": 1}, bits={"W": 4, "I": 8}).layers()}
    assert [operand.bits for operand in layers["q"].operands] == [4, 8, 16]
    assert layers["softmax"].reads == ((32, 8),)
    with pytest.raises(SpecError, match="unknown role"):
        import_onnx(path, dims={"batch": 1}, bits={"X": 3})


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "no ONNX graph"), (b"this is not protobuf" * 9, "cannot read"), (b"\x00\xff" * 99, "cannot read")],
)
def test_corrupt_files(tmp_path, content, problem):
    path = tmp_path / "corrupt.onnx"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=problem) as caught:
        import_onnx(path)
    assert caught.value.file == str(path)


def test_truncated_file(tmp_path):
    path = attention(tmp_path / "m.onnx", 4)
    path.write_bytes(path.read_bytes()[:-37])
    with pytest.raises(SpecError):
        import_onnx(path, dims={"batch": 1})


def test_missing_file(tmp_path):
    with pytest.raises(SpecError, match="no such file"):
        import_onnx(tmp_path / "missing.onnx")


def test_inconsistent_shapes(tmp_path):
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="bad")
    path = write_model(tmp_path / "m.onnx", [node], {"x": [3, 4]}, [tensor("w", 5, 6)])
    with pytest.raises(SpecError, match="do not fit together") as caught:
        import_onnx(path)
    assert "bad" in caught.value.field


def test_a_tensor_from_nowhere(tmp_path):
    node = helper.make_node("Relu", ["ghost"], ["y"], name="r")
    with pytest.raises(SpecError, match="no node before it produces") as caught:
        import_onnx(write_model(tmp_path / "m.onnx", [node], {"x": [3, 4]}))
    assert caught.value.value == "ghost"


def test_external_weights_are_not_needed(tmp_path):
    weights = TensorProto(name="w", data_type=FLOAT, dims=[4, 3], data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value="nowhere.bin")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    network = import_onnx(write_model(tmp_path / "m.onnx", [node], {"x": [2, 4]}, [weights]))
    assert (network.macs, network.parameters) == (24, 12)


def test_weights_from_nodes_count_as_weights(tmp_path):
    nodes = [
        helper.make_node("Constant", [], ["w0"], value=numpy_helper.from_array(np.zeros((3, 4), np.float32))),
        helper.make_node("Transpose", ["w0"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    layer = only_layer(import_onnx(write_model(tmp_path / "m.onnx", nodes, {"x": [2, 4]})))
    assert layer.parameter_count == 12


def test_token_ids_are_integers(tmp_path):
    node = helper.make_node("Gather", ["table", "ids"], ["y"], name="embed")
    path = write_model(tmp_path / "m.onnx", [node], {"ids": (INT64, [2, 5])}, [tensor("table", 100, 8)])
    layer = only_layer(import_onnx(path))
    assert layer == VectorLayer("embed", "gather", ((10, 16), (80, 16)), ((80, 16),), 0, parameters=800, grid=(2, 5, 1))


def test_names_become_one_line_and_stay_different(tmp_path):
    told = ["a\nb", "a\tb", "a_b", "a\u202eb"]
    nodes = [helper.make_node("Softmax", ["x"], [f"y{n}"], name=name) for n, name in enumerate(told)]
    nodes.append(helper.make_node("Ghost", ["x"], ["odd\ttensor"], name="g\x1b[31m"))
    network = import_onnx(write_model(tmp_path / "m.onnx", nodes, {"x": [2, 4]}, outputs=["y0"]), allow_unknown=True)
    assert list(network.graph) == ["a_b", "a_b_2", "a_b_3", "a_b_4", "g_[31m"]
    warning, _ = network.warnings
    assert "g_[31m" in warning and "odd_tensor" in warning


def test_words_that_layers_share_are_stored_once(tmp_path):
    """An embedding that is the last product's weights too: 16 x 4 words of 16 bits, and a bias of the product's own."""
    nodes = [
        helper.make_node("Gather", ["e", "i"], ["h"]),
        helper.make_node("Transpose", ["e"], ["et"], perm=[1, 0]),
        helper.make_node("MatMul", ["h", "et"], ["p"]),
        helper.make_node("Add", ["p", "b"], ["y"]),
    ]
    inputs = {"i": (TensorProto.INT64, [2])}
    network = import_onnx(write_model(tmp_path / "m.onnx", nodes, inputs, [tensor("e", 16, 4), tensor("b", 16)]))
    assert network.stored_bits == stored_in(network).bits == (16 * 4 + 16) * 16
    assert parse_network(dump_network(network)).stored_bits == network.stored_bits
    alone = [helper.make_node("MatMul", ["x", "e"], ["y"])]
    network = import_onnx(write_model(tmp_path / "n.onnx", alone, {"x": [2, 16]}, [tensor("e", 16, 4)]))
    assert network.stored_bits is None and stored_in(network).bits == 16 * 4 * 16
