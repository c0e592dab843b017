"""The network at another resolution of its input images.

Convolutions that read the input compute as many positions per axis as the image has steps: an image has ``stride *
outputs`` rows and columns (its own size where it is padded to as many windows as steps; a first layer without padding
reads some more). Behind them extents follow from the windows that the network's edges record:

    outputs = layer bound((extent + before + after - reach) / stride) + 1

with the padding ``before`` of the window. The padding ``after`` at the end is not recorded; the outputs at the
original resolution leave `stride` choices. It is that at the beginning if this is one of them, else ``before + stride
- 1`` (windows that may begin up to the border, as where outputs are rounded up), else the least of them.

Words and operations of vector layers are in proportion to their positions, and learned words stay. Layers whose size
does not follow from the image are refused, and so is a matrix product that reads a flattened image: another image would
change its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from optimizer.errors import SpecError
from optimizer.network_adjustment.rebuild import rebuilt
from optimizer.network_adjustment.ties import NORMALIZATIONS
from optimizer.workload.layer import AnyLayer, Axis, Layer, VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.views import Window, misfits

Image = tuple[int, int]
"""Rows and columns."""

GLOBAL = ("globalaveragepool", "globalmaxpool", "globallppool")
REDUCTIONS = (*GLOBAL, "reducemean", "reducemax", "reducesum")
"""Vector layers that may read all positions of an image and write one, with work in proportion to what they read."""

POSITIONWISE = (
    *NORMALIZATIONS,
    *REDUCTIONS,
    "add",
    "sub",
    "mul",
    "div",
    "max",
    "min",
    "mean",
    "maxpool",
    "averagepool",
    "lppool",
    "softmax",
    "logsoftmax",
    "lrn",
    "concat",
    "reorg",
)
"""Vector layers whose words and operations are in proportion to their positions."""


def image_of(network: Network) -> Image:
    """Rows and columns of the images that a network reads.

    Raises
    ------
    SpecError
        If something but convolutions reads the input, or they read several.
    """
    firsts = [layer for layer in network.layers() if not network.graph.in_degree(layer.name)]
    images = {_image(layer) for layer in firsts}
    tensors = {layer.operand("I").tensor or layer.name for layer in firsts if isinstance(layer, Layer)}
    if len(images) != 1 or len(tensors) != 1:
        names = ", ".join(layer.name for layer in firsts)
        _refuse(f"{names} read several inputs", network.name, "networks of one input image")
    return next(iter(images))


def at_resolution(network: Network, image: Image) -> Network:
    """The network for images of the given rows and columns; at its own resolution it is equal.

    Raises
    ------
    SpecError
        If it is not known how the size of a layer follows from that of the image, or the image is too small.
    """
    image_of(network)
    resized = _Resized(network, image)
    return rebuilt(network, lambda layer: resized.layers[layer.name])


def _refuse(problem: str, value: object, allowed: str, remedy: str = "leave --resolution out") -> NoReturn:
    raise SpecError(problem, field="--resolution", value=value, allowed=allowed, remedy=remedy)


def _image(layer: AnyLayer) -> Image:
    """Image that a layer without producers reads."""
    steps = _steps(layer)
    if steps is None:
        _refuse(f"{layer.name} reads an input that is no image", layer.name, "networks whose input convolutions read")
    _, rows, columns = layer.grid
    return steps[0][0] * rows, steps[1][0] * columns


def _steps(layer: AnyLayer) -> list[Image] | None:
    """Stride and reach of a convolution along rows and columns; None of other layers."""
    if not isinstance(layer, Layer) or layer.kind not in ("conv", "dwconv") or layer.tile_dims[1:] != ("P", "Q"):
        return None
    found = []
    for dim in ("P", "Q"):
        axis = next((axis for axis in layer.operand("I").axes if dim in dict(axis.terms)), Axis(()))
        stride = dict(axis.terms).get(dim, 0)
        found.append((stride, axis.extent({**layer.extents, dim: 1})))
    blocks = layer.block is not None and layer.block.dim in ("P", "Q")
    return None if blocks or any(stride < 1 for stride, _ in found) else found


def outputs_of(window: Window, extent: int, outputs: int, resized: int) -> int:
    """Outputs of a window on `resized` positions, given those that it has on `extent`; less than one if none fit."""
    least = window.stride * (outputs - 1) + window.reach - extent - window.before
    most = least + window.stride - 1
    usual = (window.before, window.before + window.stride - 1)
    after = next((padding for padding in usual if least <= padding <= most), least)
    return (resized + window.before + after - window.reach) // window.stride + 1


class _Resized:
    """The layers at another resolution, in the order of the network."""

    def __init__(self, network: Network, image: Image) -> None:
        self._network, self._image = network, image
        self._old = {layer.name: layer for layer in network.layers()}
        self.layers: dict[str, AnyLayer] = {}
        for layer in network.layers():
            self.layers[layer.name] = self._layer(layer)

    def _layer(self, layer: AnyLayer) -> AnyLayer:
        producers = list(self._network.graph.predecessors(layer.name))
        if not producers:
            extents = self._first(layer)
        elif all(self.layers[name].grid == self._old[name].grid for name in producers):
            return layer
        else:
            extents = (self._extent(layer, producers, 1), self._extent(layer, producers, 2))
        if min(extents) < 1:
            self._too_small(layer)
        if isinstance(layer, VectorLayer):
            resized: AnyLayer = self._vector(layer, producers, (layer.grid[0], *extents))
        else:
            resized = self._conv(layer, producers, extents)
        for name in producers:
            if misfits(self._network.view(name, layer.name), self.layers[name].grid, resized.grid):
                self._too_small(layer)
        return resized

    def _too_small(self, layer: AnyLayer) -> NoReturn:
        _refuse(
            f"nothing is left of the image at {layer.name}",
            f"{self._image[0]}x{self._image[1]}",
            "larger images",
            "leave this resolution out",
        )

    def _first(self, layer: AnyLayer) -> Image:
        """Positions of a convolution that reads the image."""
        steps = _steps(layer)
        assert steps is not None  # image_of has seen it
        for extent, (stride, _) in zip(self._image, steps, strict=True):
            if extent % stride:
                _refuse(
                    f"{layer.name} steps over the image by {stride}",
                    f"{self._image[0]}x{self._image[1]}",
                    f"multiples of {stride}",
                    "take the next multiple",
                )
        return self._image[0] // steps[0][0], self._image[1] // steps[1][0]

    def _extent(self, layer: AnyLayer, producers: Sequence[str], axis: int) -> int:
        """Positions of a layer along rows (1) or columns (2)."""
        wanted = set()
        for name in producers:
            window = self._network.view(name, layer.name)[axis]
            before, after = self._old[name].grid[axis], self.layers[name].grid[axis]
            if window is not None:
                wanted.add(outputs_of(window, before, layer.grid[axis], after))
            elif before != after:
                if layer.grid[axis] != 1 or layer.kind not in REDUCTIONS:
                    self._unknown(layer)
                wanted.add(1)
        if len(wanted) > 1:
            self._unknown(layer)
        return next(iter(wanted), layer.grid[axis])

    @staticmethod
    def _unknown(layer: AnyLayer) -> NoReturn:
        flat = isinstance(layer, Layer) and layer.kind == "matmul"
        problem = "reads a flattened image" if flat else f"({layer.kind}) does not say how its size follows from it"
        _refuse(
            f"no other image, since {layer.name} {problem}",
            layer.name,
            "convolutions, pooling and what works position by position",
        )

    def _conv(self, layer: Layer, producers: Sequence[str], extents: Image) -> Layer:
        steps = _steps(layer)
        if steps is None:
            self._unknown(layer)
        for name in producers:
            views = self._network.view(name, layer.name)[1:]
            if [(view.stride, view.reach) for view in views if view is not None] != steps:
                self._unknown(layer)
        sizes = layer.extents | dict(zip("PQ", extents, strict=True))
        return replace(layer, dims=tuple(sizes.items()))

    def _vector(self, layer: VectorLayer, producers: Sequence[str], grid: tuple[int, int, int]) -> VectorLayer:
        """A vector layer with its words and operations per position; of a reduction, per position read."""
        reads = [words for words, _ in layer.reads]
        learned = reads[len(producers) :]
        sources = [_words(self._old[name]) for name in producers]
        known = reads[: len(producers)] == sources and len(layer.writes) == 1 and sum(learned) == layer.parameters
        if not known or layer.kind not in POSITIONWISE or (learned and layer.kind not in NORMALIZATIONS):
            self._unknown(layer)
        read, made = [self._scale(name) for name in producers], _ratio(layer.grid, grid)
        widths = [words // ratio[1] for words, ratio in zip(sources, read, strict=True)]
        ((written, bits),) = layer.writes
        if layer.kind not in ("concat", "reorg") and written // made[1] != max(widths):
            self._unknown(layer)
        if any(words > 2 * widths[0] for words in learned) or self._doubtful(layer, producers[0], widths[0]):
            self._unknown(layer)
        scaled = [self._scaled(layer, words, ratio) for words, ratio in zip(sources, read, strict=True)]
        return replace(
            layer,
            grid=grid,
            reads=tuple(zip([*scaled, *learned], [b for _, b in layer.reads], strict=True)),
            writes=((self._scaled(layer, written, made), bits),),
            operations=self._scaled(layer, layer.operations, read[0] if layer.kind in REDUCTIONS else made),
        )

    def _doubtful(self, layer: VectorLayer, producer: str, width: int) -> bool:
        """May a reduction be one over channels instead, as many as positions?"""
        _, rows, columns = self._old[producer].grid
        return layer.kind in REDUCTIONS and layer.kind not in GLOBAL and width in (rows * columns, rows, columns)

    def _scale(self, name: str) -> Image:
        return _ratio(self._old[name].grid, self.layers[name].grid)

    def _scaled(self, layer: AnyLayer, count: int, ratio: Image) -> int:
        """A count per position."""
        if count % ratio[1]:
            self._unknown(layer)
        return count // ratio[1] * ratio[0]


def _ratio(before: tuple[int, int, int], after: tuple[int, int, int]) -> Image:
    """Positions of an image afterwards and before, over all samples."""
    return after[0] * after[1] * after[2], before[0] * before[1] * before[2]


def _words(layer: AnyLayer) -> int:
    """Words that a layer writes for others to read."""
    if isinstance(layer, VectorLayer):
        return sum(words for words, _ in layer.writes[:1])
    return layer.operand("O").footprint(layer.extents)
