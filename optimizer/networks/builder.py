"""A small builder for networks: every method appends a layer and returns the tensor it computes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from optimizer.onnx_import.transposed import phases
from optimizer.precision import role_bits
from optimizer.vector_ops import LAYER_NORM, LRN_FIXED, SOFTMAX, vector_layer
from optimizer.workload import AnyLayer, Layer, Network, conv, matmul

BATCH_NORM_WORDS = 2
"""Learned words of a batch normalization per channel: scale and shift. It is folded into its convolution."""

LEARNED = {"batch_norm": BATCH_NORM_WORDS, "bias": 1, "bias_and_slope": 2, "none": 0}
"""Learned words per channel besides the weights; the slope is that of a parametric ReLU."""


@dataclass(frozen=True)
class Tensor:
    """An activation: its name, its shape in words per axis, and the layer that computes it (None: an input).

    Images are (channels, rows, columns) and sequences (tokens, features), both per sample.
    """

    name: str
    shape: tuple[int, ...]
    producer: str | None = None

    @property
    def words(self) -> int:
        """Words per sample."""
        return math.prod(self.shape)


class NetworkBuilder:
    """Builds a network layer by layer.

    Parameters
    ----------
    name : str
        Name of the network.
    batch : int
        Samples computed together: N of convolutions, a factor of M of matrix products.
    bits : int or mapping of role to int, optional
        Bits per element of W, I and O; 16 where nothing is said.
    """

    def __init__(self, name: str, *, batch: int, bits: object) -> None:
        self.network = Network(name)
        self.batch = batch
        self.bits = role_bits(bits)

    def input(self, *shape: int, name: str = "input") -> Tensor:
        """An input of the network."""
        return Tensor(name, shape)

    def conv(
        self, name: str, x: Tensor, channels: int, kernel: int, *, stride: int = 1, pad: int = 0,
        groups: int = 1, learned: str = "batch_norm",
    ) -> Tensor:  # fmt: skip
        """A square convolution, depthwise if each group has one channel in and out.

        `learned` says what is learned besides the weights: ``batch_norm`` (scale and shift), ``bias``,
        ``bias_and_slope`` (bias and slope of a parametric ReLU) or ``none``. Activation functions that follow
        are folded.
        """
        given, rows, columns = x.shape
        p, q = ((extent + 2 * pad - kernel) // stride + 1 for extent in (rows, columns))
        spatial = {"P": p, "Q": q, "R": kernel, "S": kernel}
        if groups == given == channels:
            dims = {"N": self.batch, "G": groups, **spatial}
        else:
            split = {"G": groups} if groups > 1 else {}
            dims = {"N": self.batch, **split, "K": channels // groups, "C": given // groups, **spatial}
        layer = conv(name, dims, stride=(stride, stride), bits=self.bits)
        return self._mac(layer, [x], (channels, p, q), LEARNED[learned] * channels)

    def transposed_conv(
        self, name: str, x: Tensor, channels: int, kernel: int, *, stride: int, pad: int = 0
    ) -> tuple[Tensor, ...]:
        """A square transposed convolution with bias that makes an image `stride` times as high and as wide.

        It becomes one convolution of stride 1 per phase, as in ONNX models: what a phase computes is every
        stride-th row and column of the image.
        """
        given, rows, columns = x.shape
        axes = [phases(stride * extent, kernel, stride, 1, pad) for extent in (rows, columns)]
        parts = []
        for number, (down, across) in enumerate(itertools.product(*axes)):
            shape = (channels, down.outputs, across.outputs)
            dims = {"N": self.batch, "K": channels, "C": given, "P": shape[1], "Q": shape[2]}
            taps = {"R": len(down.taps), "S": len(across.taps)}
            layer = conv(f"{name}/phase{number}", dims | taps, bits=self.bits)
            parts.append(self._mac(layer, [x], shape, channels if number == 0 else 0))
        return tuple(parts)

    def linear(self, name: str, x: Tensor, features: int, *, bias: bool = True, tied: bool = False) -> Tensor:
        """A matrix product with weights; images are flattened. `tied` weights are counted elsewhere."""
        tokens, given = x.shape if len(x.shape) == 2 else (1, x.words)
        layer = matmul(name, {"M": self.batch * tokens, "N": features, "K": given}, bits=self.bits)
        if tied:
            layer = replace(layer, parameters=0)
        return self._mac(layer, [x], (tokens, features), features if bias else 0)

    def product(
        self, name: str, x: Tensor, y: Tensor, *, groups: int, rows: int, columns: int, inner: int
    ) -> Tensor:
        """A batched product of two activations, ``rows x inner`` by ``inner x columns``, for each group."""
        dims = {"B": self.batch * groups, "M": rows, "N": columns, "K": inner}
        layer = replace(matmul(name, dims, bits=self.bits), parameters=0)
        return self._mac(layer, [x, y], (groups, rows, columns), 0)

    def add(self, name: str, x: Tensor, y: Tensor) -> Tensor:
        """The sum of two activations."""
        return self._vector(name, "add", [x, y], x.shape, x.words)

    def add_learned(self, name: str, x: Tensor) -> Tensor:
        """The sum of an activation and a learned table of its shape."""
        return self._vector(name, "add", [x], x.shape, x.words, learned=x.words)

    def append_learned_row(self, name: str, x: Tensor) -> Tensor:
        """A sequence with one learned token put before it."""
        tokens, features = x.shape
        return self._vector(name, "concat", [x], (tokens + 1, features), 0, learned=features)

    def concat(self, name: str, parts: Sequence[Tensor]) -> Tensor:
        """Images joined along their channels."""
        channels = sum(part.shape[0] for part in parts)
        return self._vector(name, "concat", parts, (channels, *parts[0].shape[1:]), 0)

    def reorg(self, name: str, x: Tensor, stride: int) -> Tensor:
        """Every block of stride x stride pixels as one pixel with so many times the channels; a rest is dropped."""
        channels, rows, columns = x.shape
        shape = (channels * stride**2, rows // stride, columns // stride)
        return self._vector(name, "reorg", [x], shape, 0)

    def pool(
        self, name: str, x: Tensor, kernel: int, stride: int, *, kind: str = "maxpool", pad: int = 0,
        ceil: bool = False,
    ) -> Tensor:  # fmt: skip
        """Pooling over square windows; with `ceil` the last window may reach over the border."""
        channels, *extents = x.shape
        over = stride - 1 if ceil else 0
        p, q = ((extent + 2 * pad - kernel + over) // stride + 1 for extent in extents)
        return self._vector(name, kind, [x], (channels, p, q), channels * p * q * kernel**2)

    def global_pool(self, name: str, x: Tensor) -> Tensor:
        """The mean of every channel."""
        return self._vector(name, "globalaveragepool", [x], (x.shape[0], 1, 1), x.words)

    def lrn(self, name: str, x: Tensor, size: int = 5) -> Tensor:
        """Local response normalization over `size` channels."""
        return self._vector(name, "lrn", [x], x.shape, (2 * size + LRN_FIXED) * x.words)

    def softmax(self, name: str, x: Tensor) -> Tensor:
        """Softmax along the last axis."""
        return self._vector(name, "softmax", [x], x.shape, SOFTMAX * x.words)

    def layer_norm(self, name: str, x: Tensor) -> Tensor:
        """Layer normalization along the last axis, with learned scale and shift."""
        learned = 2 * x.shape[-1]
        return self._vector(name, "layernormalization", [x], x.shape, LAYER_NORM * x.words, learned=learned)

    def embedding(self, name: str, tokens: Tensor, rows: int, features: int) -> Tensor:
        """One row of a learned table of `rows` for every token."""
        shape = (tokens.words, features)
        words = self.batch * tokens.words * features
        layer = vector_layer(
            name, "gather", [self.batch * tokens.words], [words], 0, bits=self.bits,
            constants=[words], parameters=rows * features,
        )  # fmt: skip
        return self._append(layer, [tokens], shape)

    def tokens(self, x: Tensor, count: int) -> Tensor:
        """A view of an activation as `count` tokens."""
        return replace(x, shape=(count, x.words // count))

    def rows(self, x: Tensor, count: int) -> Tensor:
        """A view of `count` rows of a sequence."""
        return replace(x, shape=(count, *x.shape[1:]))

    def _mac(self, layer: Layer, inputs: Sequence[Tensor], shape: tuple[int, ...], extra: int) -> Tensor:
        """Append a multiply-accumulate layer; the first input is I, a second one W."""
        weights, data, output = layer.operands
        second = inputs[-1].name if len(inputs) > 1 else f"{layer.name}.weight"
        named = (
            replace(weights, tensor=second),
            replace(data, tensor=inputs[0].name),
            replace(output, tensor=layer.name),
        )
        parameters = layer.parameter_count + extra if extra else layer.parameters
        return self._append(replace(layer, operands=named, parameters=parameters), inputs, shape)

    def _vector(
        self, name: str, kind: str, inputs: Sequence[Tensor], shape: tuple[int, ...], operations: int, *,
        learned: int = 0,
    ) -> Tensor:  # fmt: skip
        layer = vector_layer(
            name, kind, [self.batch * x.words for x in inputs], [self.batch * math.prod(shape)],
            self.batch * operations, bits=self.bits, constants=[learned] if learned else [],
        )  # fmt: skip
        return self._append(layer, inputs, shape)

    def _append(self, layer: AnyLayer, inputs: Sequence[Tensor], shape: tuple[int, ...]) -> Tensor:
        after = {x.producer: x.name for x in inputs if x.producer is not None}
        self.network.add(layer, after=after)
        return Tensor(layer.name, shape, layer.name)
