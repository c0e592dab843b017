"""ONNX import: folded, free, streaming and unknown operators."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from optimizer.errors import SpecError
from optimizer.onnx_import import import_onnx
from optimizer.workload.layer import VectorLayer
from optimizer.workload.reader import dump_network, parse_network
from optimizer.workload.views import IDENTITY, IDENTITY_WINDOW, Window
from tests.support.onnx_models import FLOAT, INT64, integers, tensor, write_model
from tests.support.profiles import nightly

X = [2, 4, 6, 6]


def node(op, inputs, output="y", **attributes):
    return helper.make_node(op, inputs, [output], name=op.lower(), **attributes)


def conv_then(tmp_path, nodes, constants=(), *, inputs=None, opset=20, **options):
    """A 1x1 convolution from x to c, and what follows it."""
    first = helper.make_node("Conv", ["x", "w"], ["c"], name="conv")
    constants = [tensor("w", 4, 4, 1, 1), *constants]
    path = tmp_path / "m.onnx"
    write_model(path, [first, *nodes], {"x": X, **(inputs or {})}, constants, opset=opset)
    return import_onnx(path, **options)


def names(network):
    return [layer.name for layer in network.layers()]


# --- Folding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "op",
    [
        "Relu",
        "LeakyRelu",
        "Sigmoid",
        "Tanh",
        "Gelu",
        "Erf",
        "HardSwish",
        "HardSigmoid",
        "Elu",
        "Selu",
        "Celu",
        "Softplus",
        "Mish",
        "Exp",
        "Abs",
        "Clip",
        "Identity",
        "Dropout",
    ],
)
def test_activations_fold_into_their_producer(tmp_path, op):
    network = conv_then(tmp_path, [node(op, ["c"], "a"), node("MaxPool", ["a"], kernel_shape=[2, 2])], opset=22)
    assert names(network) == ["conv", "maxpool"]
    assert list(network.graph.edges(data="tensor")) == [("conv", "maxpool", "c")]
    assert network.view("conv", "maxpool") == (IDENTITY_WINDOW, Window(1, 2), Window(1, 2))


def test_cast_and_quantization_fold(tmp_path):
    scale, zero = tensor("s", value=np.float32(0.5)), tensor("z", value=np.uint8(0))
    nodes = [
        node("QuantizeLinear", ["c", "s", "z"], "q"),
        node("DequantizeLinear", ["q", "s", "z"], "d"),
        node("Cast", ["d"], to=TensorProto.FLOAT16),
    ]
    assert names(conv_then(tmp_path, nodes, [scale, zero])) == ["conv"]


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "PRelu"])
@pytest.mark.parametrize(("shape", "learned"), [((4, 1, 1), 4), ((), 0)])
def test_scalars_and_vectors_fold_and_vectors_are_learned(tmp_path, op, shape, learned):
    network = conv_then(tmp_path, [node(op, ["c", "k"])], [tensor("k", *shape)])
    assert names(network) == ["conv"]
    assert network.parameters == 16 + learned


def test_larger_constants_are_streamed(tmp_path):
    network = conv_then(tmp_path, [node("Add", ["c", "k"])], [tensor("k", 4, 6, 6)])
    layer = network.graph.nodes["add"]["layer"]
    assert layer == VectorLayer("add", "add", ((288, 16), (144, 16)), ((288, 16),), 288, parameters=144, grid=(2, 6, 6))


def test_masks_made_from_shapes_are_read_but_not_learned(tmp_path):
    nodes = [node("Shape", ["c"], "s"), node("ConstantOfShape", ["s"], "m"), node("Add", ["c", "m"])]
    network = conv_then(tmp_path, nodes)
    assert network.graph.nodes["add"]["layer"].reads == ((288, 16), (288, 16))
    assert network.parameters == 16


def test_normalization_of_an_input_is_a_layer(tmp_path):
    norm = node("BatchNormalization", ["x", "s", "t", "m", "v"])
    path = write_model(tmp_path / "m.onnx", [norm], {"x": X}, [tensor(n, 4) for n in "stmv"])
    (layer,) = import_onnx(path).layers()
    assert layer.reads == ((288, 16), (4, 16), (4, 16))
    assert (layer.operations, layer.parameters) == (2 * 288, 8)


def test_functions_of_one_tensor_fold(tmp_path):
    """x * sigmoid(x) and the error-function form of GELU."""
    halves = [tensor(n, value=np.float32(v)) for n, v in (("root", 1.4), ("one", 1.0), ("half", 0.5))]
    nodes = [
        node("Sigmoid", ["c"], "s"),
        node("Mul", ["c", "s"], "silu"),
        node("Div", ["silu", "root"], "g1"),
        node("Erf", ["g1"], "g2"),
        node("Add", ["g2", "one"], "g3"),
        helper.make_node("Mul", ["silu", "g3"], ["g4"]),
        helper.make_node("Mul", ["g4", "half"], ["y"]),
    ]
    assert names(conv_then(tmp_path, nodes, halves)) == ["conv"]


def test_a_tensor_and_its_transpose_are_two_operands(tmp_path):
    nodes = [node("Transpose", ["c"], "t", perm=[0, 1, 3, 2]), node("Add", ["c", "t"])]
    network = conv_then(tmp_path, nodes)
    assert names(network) == ["conv", "add"]
    assert network.graph.nodes["add"]["layer"].reads == ((288, 16), (288, 16))


def test_residual_and_what_follows(tmp_path):
    nodes = [node("Add", ["c", "x"], "r"), node("Relu", ["r"])]
    network = conv_then(tmp_path, nodes)
    assert names(network) == ["conv", "add"]
    assert network.graph.nodes["add"]["layer"] == VectorLayer(
        "add", "add", ((288, 16), (288, 16)), ((288, 16),), 288, grid=(2, 6, 6)
    )
    assert network.view("conv", "add") == IDENTITY


def test_broadcast_of_an_activation_is_a_layer(tmp_path):
    """Squeeze and excitation: a scale per channel that is computed."""
    nodes = [node("GlobalAveragePool", ["c"], "g"), node("Sigmoid", ["g"], "s"), node("Mul", ["c", "s"])]
    network = conv_then(tmp_path, nodes)
    assert names(network) == ["conv", "globalaveragepool", "mul"]
    assert network.graph.nodes["mul"]["layer"].reads == ((288, 16), (8, 16))


def test_pointwise_operators_on_an_input_are_layers(tmp_path):
    path = write_model(tmp_path / "m.onnx", [node("Relu", ["x"])], {"x": [3, 5]})
    (layer,) = import_onnx(path).layers()
    assert layer == VectorLayer("relu", "relu", ((15, 16),), ((15, 16),), 15, grid=(1, 3, 1))


def test_an_operand_used_twice_is_read_once(tmp_path):
    path = write_model(tmp_path / "m.onnx", [node("Mul", ["x", "x"])], {"x": [3, 5]})
    (layer,) = import_onnx(path).layers()
    assert layer == VectorLayer("mul", "mul", ((15, 16),), ((15, 16),), 15, grid=(1, 3, 1))


# --- Streaming operators ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "attributes", "constants", "writes", "operations", "grid"),
    [
        ("MaxPool", {"kernel_shape": [3, 3], "strides": [3, 3]}, [], 32, 32 * 9, (2, 2, 2)),
        ("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]}, [], 72, 72 * 4, (2, 3, 3)),
        ("LpPool", {"kernel_shape": [2, 2], "strides": [2, 2]}, [], 72, 72 * 4, (2, 3, 3)),
        ("GlobalAveragePool", {}, [], 8, 288, (2, 1, 1)),
        ("GlobalMaxPool", {}, [], 8, 288, (2, 1, 1)),
        ("Softmax", {"axis": 1}, [], 288, 5 * 288, (2, 6, 6)),
        ("LRN", {"size": 5}, [], 288, 13 * 288, (2, 6, 6)),
        ("ReduceMean", {}, [integers("axes", 2, 3)], 8, 288, (2, 1, 1)),
        ("ReduceSum", {"keepdims": 0}, [integers("axes", 1)], 72, 288, (2, 6, 1)),
        ("ArgMax", {"axis": 1}, [], 72, 288, (2, 6, 6)),
        ("Pad", {}, [integers("pads", 0, 0, 1, 1, 0, 0, 1, 1)], 512, 0, (2, 8, 8)),
        ("Tile", {}, [integers("repeats", 1, 2, 1, 1)], 576, 0, (2, 6, 6)),
        ("CumSum", {}, [tensor("axis", value=np.int64(1))], 288, 576, (2, 6, 6)),
    ],
)
def test_streaming_operators(tmp_path, op, attributes, constants, *, writes, operations, grid):
    network = conv_then(tmp_path, [node(op, ["c", *(c.name for c in constants)], **attributes)], constants)
    layer = network.graph.nodes[op.lower()]["layer"]
    assert layer == VectorLayer(op.lower(), op.lower(), ((288, 16),), ((writes, 16),), operations, grid=grid)


@pytest.mark.parametrize(("mode", "operations"), [("nearest", 0), ("linear", 2 * 4 * 1152), ("cubic", 2 * 16 * 1152)])
def test_resize(tmp_path, mode, operations):
    scales = tensor("scales", value=np.array([1, 1, 2, 2], np.float32))
    network = conv_then(tmp_path, [node("Resize", ["c", "", "scales"], mode=mode)], [scales])
    layer = network.graph.nodes["resize"]["layer"]
    assert (layer.writes, layer.operations) == (((1152, 16),), operations)


def test_concat_and_where(tmp_path):
    nodes = [
        node("Concat", ["c", "x"], "both", axis=1),
        node("Where", ["mask", "both", "other"]),
    ]
    inputs = {"mask": (TensorProto.BOOL, [6, 6]), "other": (FLOAT, [1])}
    network = conv_then(tmp_path, nodes, inputs=inputs)
    assert network.graph.nodes["concat"]["layer"].reads == ((288, 16), (288, 16))
    assert network.graph.nodes["where"]["layer"].reads == ((36, 16), (576, 16), (1, 16))
    assert list(network.graph.edges) == [("conv", "concat"), ("concat", "where")]


def test_normalizations_read_their_learned_words(tmp_path):
    network = conv_then(
        tmp_path,
        [node("LayerNormalization", ["c", "s", "b"], "l"), node("InstanceNormalization", ["l", "t", "u"])],
        [tensor("s", 6), tensor("b", 6), tensor("t", 4), tensor("u", 4)],
    )
    layer = network.graph.nodes["layernormalization"]["layer"]
    assert layer.reads == ((288, 16), (6, 16), (6, 16))
    assert (layer.operations, layer.parameters) == (8 * 288, 12)
    assert network.parameters == 16 + 12 + 8


def test_top_k_writes_values_and_indices(tmp_path):
    top = helper.make_node("TopK", ["c", "k"], ["y", "indices"], name="top", axis=1)
    layer = conv_then(tmp_path, [top], [integers("k", 3)]).graph.nodes["top"]["layer"]
    assert layer == VectorLayer("top", "topk", ((288, 16),), ((216, 16), (216, 16)), 576, grid=(2, 6, 6))


# --- Free operators -----------------------------------------------------------------------------------------


def test_views_cost_nothing_and_pass_edges_on(tmp_path):
    split = helper.make_node("Split", ["c"], ["left", "right"], axis=1, num_outputs=2)
    constants = [
        integers("starts", 1),
        integers("ends", 3),
        integers("axes", 2),
        integers("flat", 2, -1),
        tensor("first", value=np.int64(0)),
    ]
    nodes = [
        split,
        node("Slice", ["left", "starts", "ends", "axes"], "part"),
        node("Unsqueeze", ["part", "starts"], "u"),
        node("Squeeze", ["u", "starts"], "s"),
        node("Reshape", ["s", "flat"], "f"),
        node("Transpose", ["f"], "t"),
        node("Gather", ["t", "first"], "row", axis=0),
        node("Softmax", ["row"], "z"),
        node("GlobalMaxPool", ["right"]),
    ]
    network = conv_then(tmp_path, nodes, constants)
    assert names(network) == ["conv", "softmax", "globalmaxpool"]
    assert list(network.graph.successors("conv")) == ["softmax", "globalmaxpool"]
    assert network.graph.nodes["softmax"]["layer"].reads == ((2, 16),)
    assert network.graph.nodes["globalmaxpool"]["layer"].reads == ((144, 16),)


def test_shape_arithmetic_is_computed(tmp_path):
    """Reshape to (shape[0], shape[1]*shape[2]*shape[3] / 2, 2), the way exporters write it."""
    values = {"zero": 0, "one": 1, "last": 4, "two": 2, "minus": -1}
    constants = [integers(name, value) for name, value in values.items()]
    nodes = [
        node("Shape", ["c"], "shape"),
        node("Gather", ["shape", "zero"], "n", axis=0),
        node("Slice", ["shape", "one", "last"], "rest"),
        node("ReduceProd", ["rest"], "size", axes=[0]),
        node("Div", ["size", "two"], "half"),
        node("Equal", ["half", "minus"], "never"),
        node("Where", ["never", "one", "half"], "chosen"),
        node("Concat", ["n", "chosen", "two"], "target", axis=0),
        node("Reshape", ["c", "target"], "r"),
        node("Softmax", ["r"], axis=-1),
    ]
    network = conv_then(tmp_path, nodes, constants, opset=13)
    assert names(network) == ["conv", "softmax"]


def test_local_functions_are_inlined(tmp_path):
    body = [helper.make_node("MatMul", ["a", "b"], ["m"]), helper.make_node("Relu", ["m"], ["out"])]
    function = helper.make_function("own", "Dense", ["a", "b"], ["out"], body, [helper.make_opsetid("", 17)])
    call = helper.make_node("Dense", ["x", "w"], ["y"], domain="own")
    path = write_model(
        tmp_path / "m.onnx", [call], {"x": [2, 3]}, [tensor("w", 3, 5)], functions=[function], domains=["own"]
    )
    assert import_onnx(path).macs == 30


def test_operators_that_onnx_defines_by_others_are_written_out(tmp_path):
    """Attention of 5 queries over 7 keys, 2 heads of 4 features."""
    call = helper.make_node("Attention", ["q", "k", "v"], ["y"], name="attention")
    inputs = {"q": [1, 2, 5, 4], "k": [1, 2, 7, 4], "v": [1, 2, 7, 4]}
    network = import_onnx(write_model(tmp_path / "m.onnx", [call], inputs, opset=23))
    scores, context = network.mac_layers()
    assert scores.extents == {"B": 2, "M": 5, "N": 7, "K": 4}
    assert context.extents == {"B": 2, "M": 5, "N": 4, "K": 7}
    assert context.operand("I").tensor.startswith("y/")
    assert network.parameters == 0


def test_empty_tensors_move_nothing(tmp_path):
    constants = [integers("zero", 0), integers("one", 1)]
    nodes = [node("Slice", ["c", "zero", "zero", "one"], "none"), node("Concat", ["c", "none"], axis=1)]
    network = conv_then(tmp_path, nodes, constants)
    assert network.graph.nodes["concat"]["layer"].reads == ((288, 16),)


def test_names_are_unique_and_never_empty(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="same"),
        helper.make_node("MatMul", ["a", "w"], ["b"], name="same"),
        helper.make_node("MatMul", ["b", "w"], ["y"]),
    ]
    path = write_model(tmp_path / "m.onnx", nodes, {"x": [2, 3]}, [tensor("w", 3, 3)])
    assert names(import_onnx(path)) == ["same", "same_2", "MatMul_y"]


# --- Unknown operators --------------------------------------------------------------------------------------


def custom(tmp_path, **options):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="before"),
        helper.make_node("Magic", ["a", "scale"], ["b"], name="magic", domain="com.example"),
        helper.make_node("MatMul", ["b", "w"], ["y"], name="after"),
    ]
    declared = [helper.make_tensor_value_info("b", FLOAT, [2, 3])]
    path = write_model(
        tmp_path / "m.onnx",
        nodes,
        {"x": [2, 3]},
        [tensor("w", 3, 3), tensor("scale", 3)],
        value_info=declared,
        domains=["com.example"],
    )
    return import_onnx(path, **options)


def test_unknown_operators_are_an_error(tmp_path):
    with pytest.raises(SpecError, match="not understood") as caught:
        custom(tmp_path)
    assert "magic" in caught.value.field
    assert caught.value.value == "operator Magic of domain com.example"
    assert "--allow-unknown" in caught.value.remedy


def test_unknown_operators_can_be_kept_as_traffic(tmp_path):
    network = custom(tmp_path, allow_unknown=True)
    assert names(network) == ["before", "magic", "after"]
    assert network.graph.nodes["magic"]["layer"] == VectorLayer(
        "magic", "magic", ((6, 16), (3, 16)), ((6, 16),), 0, parameters=3, grid=(1, 2, 1)
    )
    warning, share = network.warnings
    assert "Magic" in warning
    assert "com.example" in warning
    assert "1 operators are not known" in share and f"{network.macs:,}" in share
    assert network.uncounted == ("magic",)
    assert parse_network(dump_network(network)).uncounted == ("magic",)


def test_control_flow_is_not_understood_but_keeps_its_edges(tmp_path):
    branch = helper.make_graph(
        [helper.make_node("Relu", ["c"], ["out"])],
        "branch",
        [],
        [helper.make_tensor_value_info("out", FLOAT, X)],
    )
    choice = node("If", ["flag"], then_branch=branch, else_branch=branch)
    inputs = {"flag": (TensorProto.BOOL, [])}
    with pytest.raises(SpecError, match="not understood"):
        conv_then(tmp_path, [choice], inputs=inputs)
    network = conv_then(tmp_path, [choice], inputs=inputs, allow_unknown=True)
    assert list(network.graph.edges) == [("conv", "if")]
    assert network.graph.nodes["if"]["layer"].reads == ((1, 16), (288, 16))


def test_batch_normalization_in_training_is_not_understood(tmp_path):
    norm = helper.make_node(
        "BatchNormalization", ["c", "s", "t", "m", "v"], ["y", "m2", "v2"], name="norm", training_mode=1
    )
    with pytest.raises(SpecError, match="training mode"):
        conv_then(tmp_path, [norm], [tensor(n, 4) for n in "stmv"])


def test_shapes_that_depend_on_data_are_an_error_where_they_matter(tmp_path):
    nodes = [
        node("NonZero", ["ids"], "where"),
        node("Cast", ["where"], "f", to=FLOAT),
        node("Softmax", ["f"]),
    ]
    path = write_model(tmp_path / "m.onnx", nodes, {"ids": (INT64, [5])})
    with pytest.raises(SpecError, match="shape of tensor 'f' is not known"):
        import_onnx(path, allow_unknown=True)


def test_a_model_of_constants_has_nothing_to_compute(tmp_path):
    path = write_model(tmp_path / "m.onnx", [node("Relu", ["k"])], {"x": [1]}, [tensor("k", 3)])
    with pytest.raises(SpecError, match="nothing to compute"):
        import_onnx(path)


def survives(path):
    """Whether the model imports; any error but a SpecError fails the test."""
    try:
        network = import_onnx(path, allow_unknown=True)
    except SpecError:
        return False
    return dump_network(parse_network(dump_network(network))) == dump_network(network)


@pytest.mark.slow
def test_small_models_of_onnx_itself():
    paths = sorted((Path(onnx.__file__).parent / "backend" / "test" / "data").glob("*/*/model.onnx"))
    assert sum(survives(path) for path in paths) >= 100


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_operator_test_of_onnx_itself(tmp_path):
    from onnx.backend.test.case.node import collect_testcases  # noqa: PLC0415 (it builds 1900 models)

    every = 1 if nightly() else 5
    path, imported = tmp_path / "m.onnx", 0
    for case in collect_testcases(None)[::every]:
        onnx.save(case.model, str(path))
        imported += survives(path)
    assert imported >= 1400 // every
