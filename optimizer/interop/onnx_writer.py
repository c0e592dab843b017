"""A network as an ONNX structure: nodes, shapes and weights of zero.

Written are convolutions (depthwise, grouped, strided, dilated), matrix products with learned weights, sums and products
of activations, pooling, softmax, local response normalization and concatenation along channels. Two learned words per
channel beside the weights become a BatchNormalization, one a bias. A network does not record activation functions (they
are folded, at no cost) nor the padding of its input, so the file has no activation functions, and its inputs are as
large as the first layers read them, padding included.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from optimizer.errors import TilewrightError
from optimizer.workload.layer import AnyLayer, Layer, VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.vector_ops import LRN_FIXED
from optimizer.workload.views import Window

OPSET = 17
IR_VERSION = 9
MOST_BYTES = (1 << 31) - (1 << 20)
"""Bytes of weights that an ONNX file holds, with room for the rest."""

_PAIRS = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "max": "Max", "min": "Min"}
_POOLS = {"maxpool": "MaxPool", "averagepool": "AveragePool"}
_WHOLE = {"globalaveragepool": "GlobalAveragePool", "globalmaxpool": "GlobalMaxPool"}

Image = tuple[int, ...]


class CannotWriteError(TilewrightError):
    """The network holds something that cannot be written as ONNX."""


def onnx_maker(network: Network) -> Callable[[], bytes]:
    """What makes the ONNX model of a network. The weights, up to 2 GiB, take memory only when it is called.

    Raises
    ------
    CannotWriteError
        At once, if a layer has no counterpart here, or the weights are more than an ONNX file holds.
    """
    writer = _Writer(network)
    for layer in network.layers():
        writer.write(layer)
    return writer.content


def onnx_bytes(network: Network) -> bytes:
    """The network as an ONNX model; errors are those of :func:`onnx_maker`."""
    return onnx_maker(network)()


class _Writer:
    def __init__(self, network: Network) -> None:
        self._network, self._graph = network, network.graph
        self._nodes: list[Any] = []
        self._constants: list[tuple[str, Image, float]] = []
        self._inputs: dict[str, Image] = {}
        self._shape: dict[str, Image] = {}
        self._bytes = 0

    def write(self, layer: AnyLayer) -> None:
        """Append one layer."""
        if layer.multiplicity != 1:
            raise CannotWriteError(f"{layer.name} runs {layer.multiplicity} times")
        if isinstance(layer, VectorLayer):
            self._vector(layer)
        elif layer.kind in ("conv", "dwconv") and layer.block is None:
            self._conv(layer)
        elif layer.kind == "matmul" and layer.block is None and "B" not in layer.extents:
            self._matmul(layer)
        else:
            raise CannotWriteError(f"{layer.name} is no convolution or matrix product with learned weights")

    def content(self) -> bytes:
        """The checked model."""
        model = self._model()
        onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content

    def _model(self) -> Any:
        """Outputs are what no layer reads."""
        outputs = [name for name in self._graph if not self._graph.out_degree(name)]

        def value(name: str, shape: Image) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))

        graph = helper.make_graph(
            self._nodes,
            self._network.name,
            [value(name, shape) for name, shape in self._inputs.items()],
            [value(name, self._shape[name]) for name in outputs],
            initializer=[
                numpy_helper.from_array(np.full(shape, value, dtype=np.float32), name)
                for name, shape, value in self._constants
            ],
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="tilewright")

    def _node(self, kind: str, inputs: list[str], name: str, output: str | None = None, **attributes: object) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [output or name], name=name, **attributes))

    def _constant(self, name: str, *shape: int, value: float = 0.0) -> str:
        self._bytes += 4 * math.prod(shape)
        if self._bytes > MOST_BYTES:
            raise CannotWriteError("its weights are more than the 2 GiB that an ONNX file holds")
        self._constants.append((name, shape, value))
        return name

    def _data(self, layer: Layer, shape: Image) -> str:
        """The single tensor that a layer reads besides its weights; an input of the network has this shape."""
        producers = list(self._graph.predecessors(layer.name))
        if len(producers) > 1:
            raise CannotWriteError(f"{layer.name} reads what several layers compute")
        if producers:
            return str(producers[0])
        name = layer.operand("I").tensor or f"{layer.name}.input"
        if self._inputs.setdefault(name, shape) != shape:
            raise CannotWriteError(f"layers read the input {name} in different shapes")
        self._shape[name] = shape
        return name

    def _learned(self, layer: Layer, channels: int) -> int:
        """Learned words per channel beside the weights: 0, 1 (a bias) or 2 (a normalization)."""
        each, rest = divmod(layer.parameter_count - layer.operand("W").footprint(layer.extents), channels)
        if rest or each not in (0, 1, 2):
            raise CannotWriteError(f"{layer.name} learns {layer.parameter_count} words")
        return each

    def _with_learned(self, layer: Layer, channels: int, kind: str, inputs: list[str], **attributes: object) -> None:
        """The node of a layer, with its bias, or a normalization behind it."""
        each = self._learned(layer, channels)
        if each == 1:
            inputs = [*inputs, self._constant(f"{layer.name}.bias", channels)]
        inner = f"{layer.name}.raw" if each == 2 else layer.name
        self._node(kind, inputs, layer.name, inner, **attributes)
        if each == 2:
            values = {"scale": 0.0, "shift": 0.0, "mean": 0.0, "variance": 1.0}
            learned = [self._constant(f"{layer.name}.{part}", channels, value=v) for part, v in values.items()]
            self._node("BatchNormalization", [inner, *learned], f"{layer.name}.norm", layer.name)

    def _conv(self, layer: Layer) -> None:
        sizes = layer.extents
        if not {"N", "P", "Q", "R", "S"} <= set(sizes):
            raise CannotWriteError(f"{layer.name} has no two image axes")
        steps = [self._steps(layer, out, kernel) for out, kernel in (("P", "R"), ("Q", "S"))]
        groups, each = sizes.get("G", 1), (sizes.get("K", 1), sizes.get("C", 1))
        reach = [spread * (sizes[kernel] - 1) + 1 for (_, spread), kernel in zip(steps, "RS", strict=True)]
        whole = [stride * (sizes[out] - 1) + r for (stride, _), out, r in zip(steps, "PQ", reach, strict=True)]
        data = self._data(layer, (sizes["N"], groups * each[1], *whole))
        windows = [(stride, r, sizes[out]) for (stride, _), r, out in zip(steps, reach, "PQ", strict=True)]
        pads = self._pads(layer, data, windows)
        weight = self._constant(f"{layer.name}.weight", groups * each[0], each[1], sizes["R"], sizes["S"])
        self._shape[layer.name] = (sizes["N"], groups * each[0], sizes["P"], sizes["Q"])
        self._with_learned(
            layer,
            groups * each[0],
            "Conv",
            [data, weight],
            group=groups,
            kernel_shape=[sizes["R"], sizes["S"]],
            strides=[stride for stride, _ in steps],
            dilations=[spread for _, spread in steps],
            pads=pads,
        )

    @staticmethod
    def _steps(layer: Layer, out: str, kernel: str) -> tuple[int, int]:
        """Stride and dilation along one image axis."""
        for axis in layer.operand("I").axes:
            terms = dict(axis.terms)
            if out in terms:
                return terms[out], terms.get(kernel, 1)
        raise CannotWriteError(f"{layer.name} has no window along {out}")

    def _pads(self, layer: AnyLayer, data: str, windows: list[tuple[int, int, int]]) -> list[int]:
        """Padding at the beginnings and ends of rows and columns, for (stride, reach, outputs) along both."""
        shape = self._shape[data]
        if len(shape) != 4:
            raise CannotWriteError(f"{layer.name} reads no image")
        views = self._graph.edges[data, layer.name]["view"][1:] if data in self._graph else (None, None)
        before, after = [], []
        for extent, view, (stride, reach, outputs) in zip(shape[2:], views, windows, strict=True):
            whole = stride * (outputs - 1) + reach
            first = view.before if isinstance(view, Window) else max(0, whole - extent) // 2
            last = max(0, whole - extent - first)
            if first < 0 or (extent + first + last - reach) // stride + 1 != outputs:
                raise CannotWriteError(f"{layer.name} reads a part of {data} only")
            before.append(first)
            after.append(last)
        return [*before, *after]

    def _matmul(self, layer: Layer) -> None:
        rows, columns, inner = (layer.extents[dim] for dim in "MNK")
        self._learned_weights(layer)
        data = self._data(layer, (rows, inner))
        shape = self._shape[data]
        if len(shape) == 4 and (shape[0], math.prod(shape[1:])) == (rows, inner):
            self._node("Flatten", [data], f"{layer.name}.flat", axis=1)
            data = f"{layer.name}.flat"
        elif shape != (rows, inner):
            raise CannotWriteError(f"{layer.name} reads another view of {data}")
        if self._learned(layer, columns) == 2:
            raise CannotWriteError(f"{layer.name} learns {layer.parameter_count} words")
        self._shape[layer.name] = (rows, columns)
        self._with_learned(layer, columns, "Gemm", [data, self._constant(f"{layer.name}.weight", inner, columns)])

    @staticmethod
    def _learned_weights(layer: Layer) -> None:
        if layer.parameter_count < layer.operand("W").footprint(layer.extents):
            raise CannotWriteError(f"the weights of {layer.name} are not its own")

    def _vector(self, layer: VectorLayer) -> None:
        inputs = [str(name) for name in self._graph.predecessors(layer.name)]
        if not inputs or len(inputs) != len(layer.reads) or layer.parameters:
            raise CannotWriteError(f"{layer.name} ({layer.kind}) reads more than what layers compute")
        shapes = [self._shape[name] for name in inputs]
        kinds: Mapping[str, Callable[[VectorLayer, list[str], list[Image]], Image]] = {
            **dict.fromkeys(_PAIRS, self._pointwise),
            **dict.fromkeys(_POOLS, self._pool),
            **dict.fromkeys(_WHOLE, self._global_pool),
            "softmax": self._softmax,
            "concat": self._concat,
            "lrn": self._lrn,
        }
        if layer.kind not in kinds:
            raise CannotWriteError(f"{layer.name} is a {layer.kind}")
        shape = self._shape[layer.name] = kinds[layer.kind](layer, inputs, shapes)
        if math.prod(shape) != sum(words for words, _ in layer.writes):
            raise CannotWriteError(f"{layer.name} ({layer.kind}) writes another shape")

    def _pointwise(self, layer: VectorLayer, inputs: list[str], shapes: list[Image]) -> Image:
        if len({len(shape) for shape in shapes}) != 1 or len(inputs) != 2:
            raise CannotWriteError(f"{layer.name} ({layer.kind}) joins other shapes")
        self._node(_PAIRS[layer.kind], inputs, layer.name)
        return tuple(map(max, *shapes))

    def _pool(self, layer: VectorLayer, inputs: list[str], shapes: list[Image]) -> Image:
        views = self._graph.edges[inputs[0], layer.name]["view"][1:]
        if len(inputs) != 1 or not all(isinstance(view, Window) for view in views):
            raise CannotWriteError(f"the windows of {layer.name} are not known")
        windows = [(view.stride, view.reach, outputs) for view, outputs in zip(views, layer.grid[1:], strict=True)]
        self._node(
            _POOLS[layer.kind],
            inputs,
            layer.name,
            kernel_shape=[view.reach for view in views],
            strides=[view.stride for view in views],
            pads=self._pads(layer, inputs[0], windows),
        )
        return (*shapes[0][:2], *layer.grid[1:])

    def _global_pool(self, layer: VectorLayer, inputs: list[str], shapes: list[Image]) -> Image:
        self._node(_WHOLE[layer.kind], inputs, layer.name)
        return (*shapes[0][:2], 1, 1)

    def _softmax(self, layer: VectorLayer, inputs: list[str], shapes: list[Image]) -> Image:
        self._node("Softmax", inputs, layer.name, axis=1)
        return shapes[0]

    def _concat(self, layer: VectorLayer, inputs: list[str], shapes: list[Image]) -> Image:
        self._node("Concat", inputs, layer.name, axis=1)
        return (shapes[0][0], sum(shape[1] for shape in shapes), *shapes[0][2:])

    def _lrn(self, layer: VectorLayer, inputs: list[str], shapes: list[Image]) -> Image:
        each, rest = divmod(layer.operations, layer.reads[0][0])
        if rest or each <= LRN_FIXED:
            raise CannotWriteError(f"the window of {layer.name} is not known")
        self._node("LRN", inputs, layer.name, size=(each - LRN_FIXED) // 2)
        return shapes[0]
