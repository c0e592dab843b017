"""Check that one network is the other at another input resolution, layer by layer and edge by edge.

It reads the two networks only, and shares no code with what built them. Convolutions that read the input must have the
extents that the stated image gives; after them, the same end padding must explain the extents of both networks; words
and operations of vector layers must be in proportion to their positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from optimizer.errors import SpecError
from optimizer.workload.layer import AnyLayer, Layer, VectorLayer
from optimizer.workload.network import Network
from optimizer.workload.views import Window


def image_faults(before: Network, after: Network, images: tuple[list[int], list[int]]) -> Iterator[str]:
    """What does not follow from the images stated (rows and columns, before and after), as sentences."""
    if list(before.graph.nodes) != list(after.graph.nodes) or set(before.graph.edges) != set(after.graph.edges):
        yield "the networks do not have the same layers and edges"
        return
    for name in before.graph:
        producers = list(before.graph.predecessors(name))
        for axis in (1, 2):
            extents = _grid(before, name)[axis], _grid(after, name)[axis]
            if not producers:
                stride = _stride(before.graph.nodes[name]["layer"], "NPQ"[axis])
                if any(image[axis - 1] != stride * n for image, n in zip(images, extents, strict=True)):
                    yield f"{name} has {extents} positions, the images {images[0]} and {images[1]} are stated"
            for producer in producers:
                window = before.view(producer, name)[axis]
                given = _grid(before, producer)[axis], _grid(after, producer)[axis]
                if not _follows(window, given, extents):
                    yield f"{name} has {extents} positions, {producer} {given}, along axis {axis}"


def brought_back(before: Network, after: Network) -> Network:
    """The new network scaled back to the positions of the original, so that only other differences remain.

    Raises
    ------
    SpecError
        If words or operations of a vector layer are not in proportion to its positions.
    """
    result = Network(after.name, after.graph.copy(), mapping=after.mapping)
    for name in before.graph:
        old, new = before.graph.nodes[name]["layer"], after.graph.nodes[name]["layer"]
        if isinstance(old, Layer) and isinstance(new, Layer):
            sizes = {dim: old.extents.get(dim, n) if dim in ("P", "Q") else n for dim, n in new.dims}
            back: AnyLayer = replace(new, dims=tuple(sizes.items()))
        elif isinstance(old, VectorLayer) and isinstance(new, VectorLayer):
            sources = [_shrunk(before, after, p) for p in before.graph.predecessors(name)]
            back = _vector_back(old, new, sources, _shrunk(before, after, name))
        else:
            back = new
        result.graph.nodes[name]["layer"] = back
    return result


def _grid(network: Network, name: str) -> tuple[int, int, int]:
    layer: AnyLayer = network.graph.nodes[name]["layer"]
    return layer.grid


def _stride(layer: AnyLayer, dim: str) -> int:
    """Step of a convolution over its input along an output dim; 0 if there is none."""
    if not isinstance(layer, Layer):
        return 0
    return sum(step for axis in layer.operand("I").axes for name, step in axis.terms if name == dim)


def _follows(window: Window | None, given: tuple[int, int], extents: tuple[int, int]) -> bool:
    """Do the numbers of outputs and of input positions fit the window, with the same padding at the end both times?"""
    if given[0] == given[1]:
        return extents[0] == extents[1] or window is None
    if window is None:
        return extents == (1, 1)
    least, most = [], []
    for extent, outputs in zip(given, extents, strict=True):
        used = window.stride * (outputs - 1) + window.reach - window.before - extent
        least.append(used)
        most.append(used + window.stride - 1)
    return max(least) <= min(most)


def _shrunk(before: Network, after: Network, name: str) -> Fraction:
    """Ratio of a layer's positions in the original network to those in the new one."""
    (_, rows, columns), (_, more, wider) = _grid(before, name), _grid(after, name)
    return Fraction(rows * columns, more * wider)


def _vector_back(old: VectorLayer, new: VectorLayer, sources: list[Fraction], own: Fraction) -> VectorLayer:
    """A vector layer scaled back to its original positions: reads scale with its producers, the rest with its output.

    Operations of a layer that reads an image and writes one position scale with its reads.
    """

    def scaled(count: int, ratio: Fraction) -> int:
        words = count * ratio
        if words.denominator != 1:
            raise SpecError(
                "words or operations are not so many per position",
                field=new.name,
                value=count,
                allowed=f"multiples of {ratio.denominator}",
                remedy="adjust the network again",
            )
        return int(words)

    ratios = [*sources, *[Fraction(1)] * (len(new.reads) - len(sources))]
    reads = tuple((scaled(n, ratio), bits) for (n, bits), ratio in zip(new.reads, ratios, strict=True))
    writes = tuple((scaled(n, own), bits) for n, bits in new.writes)
    pooled = own == 1 and new.grid[1:] == (1, 1) and bool(sources)
    operations = scaled(new.operations, sources[0] if pooled else own)
    return replace(new, reads=reads, writes=writes, operations=operations, grid=old.grid)
