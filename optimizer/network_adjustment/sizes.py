"""How the size of a layer follows from channel widths, and the layer with other widths.

A :class:`Shape` says how many channels a layer reads and writes, as sums of width classes (:data:`Form`). Everything
else about a layer stays: positions, kernels, strides, precisions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from optimizer.workload.layer import AnyLayer, Axis, Layer, VectorLayer

Form = tuple[int, ...]
"""Numbers of the width classes that a number of channels is the sum of, in ascending order."""

Kind = Literal["fixed", "conv", "depthwise", "matmul", "stream", "concat"]


@dataclass(frozen=True)
class Shape:
    """How a layer's size follows from widths.

    Parameters
    ----------
    kind : str
        ``fixed``: it does not. ``conv``: K and C. ``depthwise``: G. ``matmul``: N and K. ``stream``: all words and
        operations of a vector layer are multiples of its channels. ``concat``: its reads are `parts`.
    reads, writes : Form or None
        Channels it reads and writes; None where they are no sum of classes.
    positions : int
        Words of every channel that a matrix product of a flattened image reads.
    parts : tuple of Form
        Channels of every read of a concatenation.
    """

    kind: Kind = "fixed"
    reads: Form | None = None
    writes: Form | None = None
    positions: int = 1
    parts: tuple[Form, ...] = ()

    @property
    def forms(self) -> tuple[Form, ...]:
        """The different sums of widths that the layer's size depends on; reads before writes."""
        if self.kind == "fixed":
            return ()
        forms = (*self.parts, *(form for form in (self.reads, self.writes) if form is not None))
        return tuple(dict.fromkeys(forms))


Channels = Callable[[Form], int]
"""Channels that a sum of classes stands for."""


def with_widths(layer: AnyLayer, shape: Shape, before: Channels, after: Channels) -> AnyLayer:
    """The layer with other widths.

    Parameters
    ----------
    layer : Layer or VectorLayer
    shape : Shape
        Its own.
    before, after : callable
        Channels of a form as they are, and as they shall be.
    """
    if shape.kind == "fixed":
        return layer
    if isinstance(layer, Layer):
        return _mac(layer, shape, before, after)
    assert shape.writes is not None
    old, new = before(shape.writes), after(shape.writes)
    if shape.kind == "concat":
        grown = [after(part) for part in shape.parts]
        reads = tuple(
            (words // before(part) * width, bits)
            for (words, bits), part, width in zip(layer.reads, shape.parts, grown, strict=True)
        )
        return replace(layer, reads=reads, writes=_scaled(layer.writes, old, new))
    return replace(
        layer,
        reads=_scaled(layer.reads, old, new),
        writes=_scaled(layer.writes, old, new),
        operations=layer.operations // old * new,
        parameters=layer.parameters // old * new,
    )


def _scaled(traffic: tuple[tuple[int, int], ...], old: int, new: int) -> tuple[tuple[int, int], ...]:
    return tuple((words // old * new, bits) for words, bits in traffic)


def _mac(layer: Layer, shape: Shape, before: Channels, after: Channels) -> Layer:
    """A multiply-accumulate layer; words learned beside the weights are a number per output channel, and a constant."""
    given, made = {"conv": ("C", "K"), "matmul": ("K", "N"), "depthwise": ("", "G")}[shape.kind]
    extents = layer.extents
    if shape.reads is not None and given:
        extents[given] = shape.positions * after(shape.reads)
    if shape.writes is not None:
        extents[made] = after(shape.writes)
    resized = replace(layer, dims=tuple(extents.items()))
    if layer.parameters is None or shape.writes is None:
        return resized
    weights = layer.operand("W").footprint(layer.extents)
    each, rest = divmod(layer.parameters - weights, before(shape.writes))
    words = resized.operand("W").footprint(extents) + each * after(shape.writes) + rest
    return replace(resized, parameters=words)


def is_regular(layer: Layer, *dims: str) -> bool:
    """Does every one of these dims index its operands by an axis of its own, not in blocks?"""
    return layer.block is None and all(
        dim in layer.extents and all(Axis(((dim, 1),)) in o.axes for o in layer.operands if dim in o.dims)
        for dim in dims
    )


def channels_of(layer: AnyLayer) -> int | None:
    """Channels of a vector layer's only output at every position of its grid; None if that is not known."""
    if not isinstance(layer, VectorLayer) or len(layer.writes) != 1:
        return None
    batch, rows, columns = layer.grid
    channels, rest = divmod(layer.writes[0][0], batch * rows * columns)
    return None if rest or not channels else channels
