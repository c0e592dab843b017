"""ONNX import: operators that sample images, Fourier transforms, and writing into a cache."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from optimizer.errors import SpecError
from optimizer.onnx_import import import_onnx
from optimizer.onnx_import.transforms import transform_operations
from optimizer.workload.network import Network
from optimizer.workload.views import IDENTITY
from tests.support.onnx_models import INT64, tensor, write_model


def only(path: Path, op: str, inputs: dict[str, Any], constants: Any = (), opset: int = 22, **given: Any) -> Network:
    """A network of one operator that reads these inputs, then these constants in the order of their names."""
    reads = given.pop("reads", [*inputs, *(one.name for one in constants)])
    node = helper.make_node(op, reads, ["y"], name="op", **given)
    return import_onnx(write_model(path / "m.onnx", [node], inputs, constants, opset=opset))


def scalar(name: str, value: int) -> Any:
    return tensor(name, value=np.array(value, np.int64))


@pytest.mark.parametrize(("mode", "taps"), [("nearest", 0), ("linear", 2), ("cubic", 4)])
@pytest.mark.parametrize("extents", [(5, 6), (5, 6, 7)])
def test_grid_sample(tmp_path: Path, mode: str, taps: int, extents: tuple[int, ...]) -> None:
    axes, image = len(extents), math.prod(extents)
    shape = [2, 3, *(4 for _ in extents)]
    inputs = {"x": [2, 3, *extents], "grid": [2, *shape[2:], axes]}
    (layer,) = only(tmp_path, "GridSample", inputs, mode=mode).layers()
    places = 2 * 4**axes
    assert layer.reads == ((6 * image, 16), (places * axes, 16))
    assert layer.writes == ((3 * places, 16),)
    assert layer.operations == 3 * places * 2 * taps**axes + places * (taps**axes + 2 * axes)


def test_the_modes_of_older_opsets(tmp_path: Path) -> None:
    inputs = {"x": [1, 1, 5, 5], "grid": [1, 2, 2, 2]}
    (layer,) = only(tmp_path, "GridSample", inputs, mode="bilinear", opset=16).layers()
    assert layer.operations == 4 * 8 + 4 * (4 + 4)
    with pytest.raises(SpecError, match="no way of sampling"):
        only(tmp_path, "GridSample", inputs, mode="guess")


def test_regions_of_an_image(tmp_path: Path) -> None:
    inputs = {"x": [1, 3, 20, 20], "rois": [5, 4], "at": (INT64, [5])}
    given = {"output_height": 2, "output_width": 4}
    (layer,) = only(tmp_path, "RoiAlign", inputs, sampling_ratio=3, **given).layers()
    places = 5 * 2 * 4 * 9
    assert layer.writes == ((5 * 3 * 8, 16),)
    assert layer.operations == places * (3 * (8 + 1) + 4 + 4)
    with pytest.raises(SpecError, match="sampling_ratio 0"):
        only(tmp_path, "RoiAlign", inputs, **given)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("masked", [True, False])
def test_deformable_convolutions(tmp_path: Path, groups: int, masked: bool) -> None:
    """As many multiply-accumulates as the convolution has, on columns that are sampled for two groups of offsets."""
    inputs = {"x": [2, 4, 9, 9], "offset": [2, 2 * 9 * 2, 4, 4], **({"mask": [2, 2 * 9, 4, 4]} if masked else {})}
    constants = [tensor("w", 8, 4 // groups, 3, 3), tensor("b", 8)]
    reads = ["x", "w", "offset", "b", *(["mask"] if masked else [])]
    given = {"reads": reads, "group": groups, "offset_group": 2, "strides": [2, 2], "kernel_shape": [3, 3]}
    network = only(tmp_path, "DeformConv", inputs, constants, **given)
    samples, layer = network.layers()
    output, sampled, places = 2 * 8 * 16, 2 * 4 * 9 * 16, 2 * 2 * 9 * 16
    assert network.macs == output * 4 // groups * 9
    assert network.parameters == 8 * 4 // groups * 9 + 8
    assert samples.writes == ((sampled, 16),)
    assert samples.reads == ((648, 16), (2 * places, 16), *(((places, 16),) if masked else ()))
    assert samples.operations == sampled * (8 + masked) + places * 6
    assert layer.operand("I").footprint(layer.extents) == sampled
    assert network.view("op/samples", "op") == IDENTITY


def test_deformable_convolutions_that_do_not_fit(tmp_path: Path) -> None:
    inputs, constants = {"x": [1, 4, 9, 9], "offset": [1, 18, 7, 6]}, [tensor("w", 8, 4, 3, 3)]
    with pytest.raises(SpecError, match="does not fit taps and output"):
        only(tmp_path, "DeformConv", inputs, constants, reads=["x", "w", "offset"])


@pytest.mark.parametrize(("points", "halvings"), [(1, 0), (2, 1), (8, 3), (9, 4), (400, 9)])
def test_operations_of_a_fast_transform(points: int, halvings: int) -> None:
    assert halvings == math.ceil(math.log2(points))
    assert transform_operations(points, real=False) == 5 * points * halvings
    assert transform_operations(points, real=True) == math.ceil(5 * points * halvings / 2)


@pytest.mark.parametrize(
    ("opset", "shape", "given", "constants", "lanes", "points", "real"),
    [
        (17, [3, 16, 2], {}, [], 3, 16, False),
        (17, [3, 16, 5, 1], {"axis": 2, "onesided": 1}, [], 48, 5, True),
        (20, [3, 5, 16, 1], {}, [], 15, 16, True),
        (20, [3, 5, 16, 2], {"inverse": 1}, [scalar("n", 32), scalar("axis", 1)], 48, 32, False),
    ],
)
def test_fourier_transforms(
    tmp_path: Path, opset: int, shape: Any, given: Any, constants: Any, lanes: int, points: int, *, real: bool
) -> None:
    (layer,) = only(tmp_path, "DFT", {"x": shape}, constants, opset, **given).layers()
    assert layer.reads == ((math.prod(shape), 16),)
    assert layer.operations == lanes * transform_operations(points, real=real)


def test_a_transform_whose_length_is_computed_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("DFT", ["x", "n"], ["y"], name="op")
    declared = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 8, 2])]
    path = write_model(tmp_path / "m.onnx", [node], {"x": [3, 16, 2], "n": (INT64, [])}, value_info=declared, opset=20)
    with pytest.raises(SpecError, match=r"dft_length .n. is no constant"):
        import_onnx(path)


def test_short_time_transforms(tmp_path: Path) -> None:
    constants = [scalar("step", 8), tensor("window", 16), scalar("length", 16)]
    network = only(tmp_path, "STFT", {"x": [2, 64, 1]}, constants, 17)
    (layer,) = network.layers()
    frames = 2 * ((64 - 16) // 8 + 1)
    assert layer.reads == ((128, 16), (16, 16))
    assert layer.writes == ((frames * 9 * 2, 16),)
    assert layer.operations == frames * (transform_operations(16, real=True) + 16)


def test_writing_into_a_cache_moves_what_is_new(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Exp", ["u"], ["new"], name="new"),
        helper.make_node("TensorScatter", ["cache", "new", "at"], ["y"], name="op"),
        helper.make_node("Softmax", ["y"], ["z"], name="softmax"),
    ]
    inputs = {"cache": [2, 3, 32, 4], "u": [2, 3, 5, 4], "at": (INT64, [2])}
    network = import_onnx(write_model(tmp_path / "m.onnx", nodes, inputs, opset=24))
    layer = network.graph.nodes["op"]["layer"]
    assert (layer.reads, layer.writes, layer.operations) == (((120, 16), (2, 16)), ((120, 16),), 0)
    assert network.graph.nodes["softmax"]["layer"].reads == ((768, 16),)
    assert list(network.graph.edges) == [("new", "op"), ("op", "softmax")]


def test_boxes_that_depend_on_data_are_refused_by_name(tmp_path: Path) -> None:
    inputs = {"boxes": [1, 50, 4], "scores": [1, 3, 50]}
    with pytest.raises(SpecError, match=r"NonMaxSuppression .how many boxes it compares depends on the data"):
        only(tmp_path, "NonMaxSuppression", inputs)
