"""A small builder for networks: every method appends a layer and returns the tensor it computes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from optimizer.workload.layer import AnyLayer, Layer, conv, matmul
from optimizer.workload.network import Network
from optimizer.workload.precision import role_bits
from optimizer.workload.upscaling import block_parts, phase_parts
from optimizer.workload.vector_ops import BATCH_NORM, LAYER_NORM, LRN_FIXED, SOFTMAX, vector_layer
from optimizer.workload.views import IDENTITY_WINDOW, ONE_POSITION, WHOLE, Grid, View, Window, fitted, hull

BATCH_NORM_WORDS = 2
"""Learned words of a batch normalization per channel: scale and shift. Except in training it is folded."""

LEARNED = {"batch_norm": BATCH_NORM_WORDS, "bias": 1, "bias_and_slope": 2, "none": 0}
"""Learned words per channel besides the weights; the slope is that of a parametric ReLU."""


@dataclass(frozen=True)
class BuilderTensor:
    """An activation: its name, its shape in words per axis, and the layer that computes it (None: an input).

    Images are (channels, rows, columns) and sequences (tokens, features), both per sample. ``grid`` holds its
    extents along the tile axes, all samples together; ``direct`` says whether positions there are those of the
    producer's output, which a view may have changed.
    """

    name: str
    shape: tuple[int, ...]
    producer: str | None = None
    grid: Grid = ONE_POSITION
    direct: bool = True

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
    training : bool, optional
        The forward pass of training: batch normalizations are layers of their own.
    """

    def __init__(self, name: str, *, batch: int, bits: object, training: bool = False) -> None:
        self.network = Network(name)
        self.batch, self.training = batch, training
        self.bits = role_bits(bits)

    def input(self, *shape: int, name: str = "input") -> BuilderTensor:
        """An input of the network."""
        return BuilderTensor(name, shape, grid=self._grid(shape))

    def conv(
        self,
        name: str,
        x: BuilderTensor,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        pad: int = 0,
        groups: int = 1,
        learned: str = "batch_norm",
    ) -> BuilderTensor:
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
        window = Window(stride, kernel, pad)
        views = [self._image_view(x, window, window)]
        unfolded = self.training and learned == "batch_norm"
        extra = 0 if unfolded else LEARNED[learned] * channels
        y = self._mac(layer, [x], (channels, p, q), extra, views)
        return self.batch_norm(f"{name}.bn", y) if unfolded else y

    def batch_norm(self, name: str, x: BuilderTensor) -> BuilderTensor:
        """Batch normalization in training: the statistics of the batch, which are kept, then their use."""
        channels = x.shape[0]
        layer = vector_layer(
            name,
            "batchnorm",
            [self.batch * x.words] * 2,
            [self.batch * x.words, 2 * channels],
            BATCH_NORM * self.batch * x.words,
            bits=self.bits,
            constants=[BATCH_NORM_WORDS * channels],
            grid=self._grid(x.shape),
        )
        return self._append(layer, [x], x.shape, [WHOLE])

    def transposed_conv(
        self, name: str, x: BuilderTensor, channels: int, kernel: int, *, stride: int, pad: int = 0
    ) -> tuple[BuilderTensor, ...]:
        """A square transposed convolution with bias that makes an image `stride` times as high and as wide.

        It becomes convolutions of stride 1 whose output channels are rows and columns of blocks of the image
        (:mod:`optimizer.workload.upscaling`), in training one per phase (:mod:`optimizer.workload.phases`), as in ONNX
        models. Their positions are not those of the image, so their tensors are not direct.
        """
        given, rows, columns = x.shape
        cut, word = (phase_parts, "phase") if self.training else (block_parts, "part")
        axes = [cut(stride * extent, kernel, stride, 1, pad) for extent in (rows, columns)]
        several = self.training or math.prod(map(len, axes)) > 1
        parts = []
        for number, (down, across) in enumerate(itertools.product(*axes)):
            shape = (channels * len(down.rows) * len(across.rows), down.blocks, across.blocks)
            dims = {"N": self.batch, "K": shape[0], "C": given, "P": shape[1], "Q": shape[2]}
            layer = conv(f"{name}/{word}{number}" if several else name, dims | {"R": down.taps, "S": across.taps})
            layer = replace(layer.with_bits(self.bits), real_taps=down.real_taps * across.real_taps)
            if not self.training:  # parts share the taps, phases have their own
                layer = replace(layer, parameters=0 if number else channels * given * kernel**2)
            views = [self._image_view(x, down.window, across.window)]
            part = self._mac(layer, [x], shape, 0 if number else channels, views)
            parts.append(replace(part, direct=False))
        return tuple(parts)

    def linear(
        self, name: str, x: BuilderTensor, features: int, *, bias: bool = True, tied: str | None = None
    ) -> BuilderTensor:
        """A matrix product with weights; images are flattened. Weights `tied` to another layer's are counted there."""
        tokens, given = x.shape if len(x.shape) == 2 else (1, x.words)
        layer = matmul(name, {"M": self.batch * tokens, "N": features, "K": given}, bits=self.bits)
        if tied is not None:
            layer = replace(layer, parameters=0)
        view = _same_positions(x, layer.grid) if len(x.shape) == 2 else WHOLE
        owner = tied if self.training else None
        return self._mac(layer, [x], (tokens, features), features if bias else 0, [view], owner)

    def product(
        self, name: str, x: BuilderTensor, y: BuilderTensor, *, groups: int, rows: int, columns: int, inner: int
    ) -> BuilderTensor:
        """A batched product of two activations, ``rows x inner`` by ``inner x columns``, for each group.

        Rows of the result are rows of `x`; what they need of `y` is all rows of their group.
        """
        dims = {"B": self.batch * groups, "M": rows, "N": columns, "K": inner}
        layer = replace(matmul(name, dims, bits=self.bits), parameters=0)
        batch, down, across = _same_positions(x, layer.grid)
        of_group, _, _ = _same_positions(y, layer.grid)
        by_rows = x.shape[-2] == rows and x.shape[:-2] in ((), (groups,))
        views: list[View] = [(batch, down if by_rows else None, across), (of_group, None, None)]
        return self._mac(layer, [x, y], (groups, rows, columns), 0, views)

    def add(self, name: str, x: BuilderTensor, y: BuilderTensor) -> BuilderTensor:
        """The sum of two activations."""
        return self._vector(name, "add", [x, y], x.shape, x.words)

    def add_learned(self, name: str, x: BuilderTensor) -> BuilderTensor:
        """The sum of an activation and a learned table of its shape."""
        return self._vector(name, "add", [x], x.shape, x.words, learned=x.words)

    def append_learned_row(self, name: str, x: BuilderTensor) -> BuilderTensor:
        """A sequence with one learned token put before it."""
        tokens, features = x.shape
        shape = (tokens + 1, features)
        down = Window(before=1) if self.batch == 1 else None
        views: list[View] = [(IDENTITY_WINDOW, down, IDENTITY_WINDOW)]
        return self._vector(name, "concat", [x], shape, 0, grid=self._grid(shape), views=views, learned=features)

    def concat(self, name: str, parts: Sequence[BuilderTensor]) -> BuilderTensor:
        """Images joined along their channels."""
        shape = (sum(part.shape[0] for part in parts), *parts[0].shape[1:])
        return self._vector(name, "concat", parts, shape, 0, grid=self._grid(shape))

    def reorg(self, name: str, x: BuilderTensor, stride: int) -> BuilderTensor:
        """Every block of stride x stride pixels becomes one pixel with stride^2 times the channels; a remainder is
        dropped.
        """
        channels, rows, columns = x.shape
        shape = (channels * stride**2, rows // stride, columns // stride)
        block = Window(stride, stride)
        views = [self._image_view(x, block, block)]
        return self._vector(name, "reorg", [x], shape, 0, grid=self._grid(shape), views=views)

    def pool(
        self,
        name: str,
        x: BuilderTensor,
        kernel: int,
        stride: int,
        *,
        kind: str = "maxpool",
        pad: int = 0,
        ceil: bool = False,
    ) -> BuilderTensor:
        """Pooling over square windows; with `ceil` the last window may reach over the border."""
        channels, *extents = x.shape
        over = stride - 1 if ceil else 0
        p, q = ((extent + 2 * pad - kernel + over) // stride + 1 for extent in extents)
        shape, window = (channels, p, q), Window(stride, kernel, pad)
        views = [self._image_view(x, window, window)]
        operations = channels * p * q * kernel**2
        return self._vector(name, kind, [x], shape, operations, grid=self._grid(shape), views=views)

    def global_pool(self, name: str, x: BuilderTensor) -> BuilderTensor:
        """The mean of every channel."""
        shape, views = (x.shape[0], 1, 1), [self._image_view(x, None, None)]
        return self._vector(name, "globalaveragepool", [x], shape, x.words, grid=self._grid(shape), views=views)

    def lrn(self, name: str, x: BuilderTensor, size: int = 5) -> BuilderTensor:
        """Local response normalization over `size` channels."""
        operations = (2 * size + LRN_FIXED) * x.words
        return self._vector(name, "lrn", [x], x.shape, operations, grid=self._grid(x.shape))

    def softmax(self, name: str, x: BuilderTensor) -> BuilderTensor:
        """Softmax along the last axis."""
        return self._vector(name, "softmax", [x], x.shape, SOFTMAX * x.words, views=[_along_last_axis(x)])

    def layer_norm(self, name: str, x: BuilderTensor) -> BuilderTensor:
        """Layer normalization along the last axis, with learned scale and shift."""
        operations, learned = LAYER_NORM * x.words, 2 * x.shape[-1]
        views = [_along_last_axis(x)]
        return self._vector(name, "layernormalization", [x], x.shape, operations, views=views, learned=learned)

    def embedding(self, name: str, tokens: BuilderTensor, rows: int, features: int) -> BuilderTensor:
        """One row of a learned table of `rows` for every token."""
        shape = (tokens.words, features)
        words = self.batch * tokens.words * features
        layer = vector_layer(
            name,
            "gather",
            [self.batch * tokens.words],
            [words],
            0,
            bits=self.bits,
            constants=[words],
            parameters=rows * features,
            grid=self._grid(shape),
        )
        return self._append(layer, [tokens], shape, [WHOLE])

    def tokens(self, x: BuilderTensor, count: int) -> BuilderTensor:
        """A view of an activation as `count` tokens."""
        shape = (count, x.words // count)
        return replace(x, shape=shape, grid=self._grid(shape), direct=x.direct and shape == x.shape)

    def rows(self, x: BuilderTensor, count: int) -> BuilderTensor:
        """A view of `count` rows of a sequence."""
        shape = (count, *x.shape[1:])
        return replace(x, shape=shape, grid=self._grid(shape), direct=x.direct and shape == x.shape)

    def _grid(self, shape: tuple[int, ...]) -> Grid:
        """Extents of an image or a sequence along the tile axes."""
        if len(shape) == 3:
            return (self.batch, shape[1], shape[2])
        return (1, self.batch * shape[0], 1) if len(shape) == 2 else ONE_POSITION

    def _image_view(self, x: BuilderTensor, down: Window | None, across: Window | None) -> View:
        """Windows along rows and columns of an image; everything of what is none."""
        return (IDENTITY_WINDOW, down, across) if x.grid == self._grid(x.shape) else WHOLE

    def _mac(
        self,
        layer: Layer,
        inputs: Sequence[BuilderTensor],
        shape: tuple[int, ...],
        extra: int,
        views: Sequence[View],
        owner: str | None = None,
    ) -> BuilderTensor:
        """Append a multiply-accumulate layer; the first input is I, a second one W. The owner has its weights."""
        weights, data, output = layer.operands
        second = inputs[-1].name if len(inputs) > 1 else f"{owner or layer.name}.weight"
        named = (
            replace(weights, tensor=second),
            replace(data, tensor=inputs[0].name),
            replace(output, tensor=layer.name),
        )
        parameters = layer.parameter_count + extra if extra else layer.parameters
        return self._append(replace(layer, operands=named, parameters=parameters), inputs, shape, views)

    def _vector(
        self,
        name: str,
        kind: str,
        inputs: Sequence[BuilderTensor],
        shape: tuple[int, ...],
        operations: int,
        *,
        grid: Grid | None = None,
        views: Sequence[View] | None = None,
        learned: int = 0,
    ) -> BuilderTensor:
        """Append a vector layer; by default on the grid of its first input, element by element."""
        grid = grid or inputs[0].grid
        layer = vector_layer(
            name,
            kind,
            [self.batch * x.words for x in inputs],
            [self.batch * math.prod(shape)],
            self.batch * operations,
            bits=self.bits,
            constants=[learned] if learned else [],
            grid=grid,
        )
        return self._append(layer, inputs, shape, views or [_same_positions(x, grid) for x in inputs])

    def _append(
        self, layer: AnyLayer, inputs: Sequence[BuilderTensor], shape: tuple[int, ...], views: Sequence[View]
    ) -> BuilderTensor:
        after = {x.producer: x.name for x in inputs if x.producer is not None}
        needed: dict[str, View] = {}
        for x, view in zip(inputs, views, strict=True):
            if x.producer is not None:
                seen = fitted(view, x.grid, layer.grid) if x.direct else WHOLE
                needed[x.producer] = hull(needed.get(x.producer, seen), seen)
        self.network.add(layer, after=after, views=needed)
        return BuilderTensor(layer.name, shape, layer.name, layer.grid)


def _same_positions(x: BuilderTensor, grid: Grid) -> View:
    """Each position needs the same position of `x`, along the axes on which the extents agree."""
    batch, rows, columns = (
        IDENTITY_WINDOW if given == wanted else None for given, wanted in zip(x.grid, grid, strict=True)
    )
    return batch, rows, columns


def _along_last_axis(x: BuilderTensor) -> View:
    """Each position needs the same position of `x` and all others along the last axis: the columns of an image."""
    return IDENTITY_WINDOW, IDENTITY_WINDOW, IDENTITY_WINDOW if x.grid[2] == 1 else None
