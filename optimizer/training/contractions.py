"""Gradients of multiply-accumulate layers, as layers.

With ``O[o] = sum W[w] * I[i]``, where the index expressions `i` may be windows ``s p + d r`` (output dim p, kernel
dim r, padding taken away):

1. Gradient of the second operand: ``dW[w] = sum dO[o] * I[i]``, the same dims and the same windows with the roles
   O := dW, W := dO, I := I.
2. Gradient of the input: ``dI[x] = sum W[w] * dO[o]`` over all (p, r) with ``s p + d r - padding = x``. The rows x
   with equal ``(x + padding) mod s`` use the same taps r, and neighbouring ones read neighbouring rows of dO: a
   *phase* is a layer of stride 1 with those taps in reverse, as in transposed convolutions
   (:func:`optimizer.workload.phases.phases`). Windows along several axes: a layer per combination of phases. No
   product with an inserted zero is left; what a window needs outside of dO counts as padding, like that of any
   convolution. Rows without a phase get no gradient from this layer.
3. A window of one output row (P = 1) has no phases: ``dI[d r] = W[r] * dO``. Nor has an index of one dim, ``s p``: rows
   that no output reads have no gradient.

In a gradient of an input, K and C of a convolution are exchanged and so are N and K of a matrix product; in that of
its second operand M and K. So a gradient is a convolution or product like any other, and equal ones are solved once.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from optimizer.errors import SpecError
from optimizer.workload.layer import Axis, Layer, Operand
from optimizer.workload.phases import Phase, phases
from optimizer.workload.views import IDENTITY_WINDOW, WHOLE, Grid, View

_DIM_ORDER = {"conv": "NGKCPQZRST", "dwconv": "NGKCPQZRST", "matmul": "BMNK"}
_AXIS_ORDER = {"conv": "NGKCPQZRST", "dwconv": "NGKCPQZRST", "matmul": "BMKN"}
_INPUT_NAMES = {"conv": {"K": "C", "C": "K"}, "matmul": {"N": "K", "K": "N"}}
_SECOND_NAMES = {"matmul": {"M": "K", "K": "M"}}


@dataclass(frozen=True)
class GradientPart:
    """One layer of a gradient.

    Parameters
    ----------
    layer : Layer
        Its O is the gradient.
    renamed : mapping of str to str
        Dims of the forward layer to dims of this one, where they differ.
    phases : mapping of str to Phase
        By output dim p of the forward layer: which rows of the input the phase covers, with which taps.
    """

    layer: Layer
    renamed: Mapping[str, str]
    phases: Mapping[str, Phase] = field(default_factory=dict)

    @property
    def view(self) -> View:
        """Per tile axis (batch, rows, columns): the window of the forward layer's output gradient that one position of
        this gradient reads; None: all of it.
        """
        batch, rows, columns = (
            None if dim is None else self.phases[dim].window if dim in self.phases else IDENTITY_WINDOW
            for dim in self.layer.tile_dims
        )
        return batch, rows, columns


@dataclass(frozen=True)
class _Window:
    """The index ``step * output + spread * kernel`` of one axis of the input."""

    output: str
    kernel: str
    step: int
    spread: int


def second_gradient(layer: Layer, name: str, *, gradient: tuple[str, int], bits: int) -> GradientPart:
    """Gradient of operand W.

    Parameters
    ----------
    layer : Layer
        The forward layer.
    name : str
        Name of the gradient's layer.
    gradient : (str, int)
        Name of the gradient of the layer's output, and its bits per element.
    bits : int
        Bits per element of the result.

    Returns
    -------
    GradientPart
        A single layer: this gradient has no phases.
    """
    weights, inputs, outputs = layer.operands
    operands = (
        Operand("W", outputs.axes, gradient[1], gradient[0]),
        inputs,
        Operand("O", weights.axes, bits, name),
    )
    return _part(layer, name, layer.extents, operands, _SECOND_NAMES.get(layer.kind, {}))


def input_gradient(
    layer: Layer, name: str, *, gradient: tuple[str, int], bits: int, view: View = WHOLE, image: Grid | None = None
) -> list[GradientPart]:
    """Gradient of operand I: a layer, or one per phase.

    Parameters
    ----------
    layer, name, gradient, bits
        As in :func:`second_gradient`.
    view : View
        What the layer needs of its input, which says where padding begins.
    image : Grid, optional
        Extents of the input along (batch, rows, columns). Along axes where it or the window is not known, padding
        counts as part of the input.

    Returns
    -------
    list of GradientPart
        Named ``name/phase0``, ``name/phase1`` ... if there are several.

    Raises
    ------
    SpecError
        If the gradient of a window cannot be written as layers: a window over other dims than one of the output and
        one of the kernel.
    """
    windows = [window for axis in layer.operand("I").axes if (window := _window(layer, axis)) is not None]
    choices = [_phases(layer, window, view, image) for window in windows]
    several = len(list(itertools.product(*choices))) > 1
    return [
        _input_part(
            layer, f"{name}/phase{number}" if several else name, list(zip(windows, chosen, strict=True)), gradient, bits
        )
        for number, chosen in enumerate(itertools.product(*choices))
    ]


def _window(layer: Layer, axis: Axis) -> _Window | None:
    """The window of an axis, if it is one."""
    if len(axis.terms) == 1:
        return None
    weights, outputs = layer.operand("W").dims, layer.operand("O").dims
    spread = [term for term in axis.terms if term[0] in weights - outputs]
    steps = [term for term in axis.terms if term[0] in outputs - weights]
    if len(axis.terms) != 2 or len(spread) != 1 or len(steps) != 1:
        raise SpecError(
            "the gradient of this window is no layer",
            field=f"{layer.name}.I",
            value=dict(axis.terms),
            allowed="windows over one dim of the output and one of the weights",
            remedy="train without this layer",
        )
    (output, step), (kernel, width) = steps[0], spread[0]
    if layer.extents[output] == 1 and layer.extents[kernel] > 1:
        return None
    return _Window(output, kernel, step, width)


def _phases(layer: Layer, window: _Window, view: View, image: Grid | None) -> list[Phase]:
    extents, kernel = layer.extents, layer.extents[window.kernel]
    rows, before = 1 + window.step * (extents[window.output] - 1) + window.spread * (kernel - 1), 0
    if image is not None and window.output in layer.tile_dims:
        axis = layer.tile_dims.index(window.output)
        seen = view[axis]
        if seen is not None:
            rows, before = image[axis], seen.before
    return phases(rows, kernel, window.step, window.spread, before)


def _input_part(
    layer: Layer, name: str, chosen: list[tuple[_Window, Phase]], gradient: tuple[str, int], bits: int
) -> GradientPart:
    weights, inputs, outputs = layer.operands
    extents = layer.extents
    slid = {window.output: Axis(((window.output, 1), (window.kernel, phase.dilation))) for window, phase in chosen}
    for window, phase in chosen:
        extents |= {window.output: phase.outputs, window.kernel: len(phase.taps)}
    kept = [_kept_dim(layer, axis, slid) for axis in inputs.axes]
    lone = {dim for axis in inputs.axes if len(axis.terms) > 1 for dim, _ in axis.terms} - set(kept)
    lone -= {window.kernel for window, _ in chosen}
    for dim in lone:
        del extents[dim]
    sliding = tuple(
        slid.get(dim, Axis(((dim, 1),))) for axis in outputs.axes for dim, _ in axis.terms if dim not in lone
    )
    operands = (
        replace(weights),
        Operand("I", sliding, gradient[1], gradient[0]),
        Operand("O", tuple(Axis(((dim, 1),)) for dim in kept), bits, name),
    )
    part = _part(layer, name, extents, operands, _INPUT_NAMES.get(layer.kind, {}))
    return replace(part, phases={window.output: phase for window, phase in chosen})


def _kept_dim(layer: Layer, axis: Axis, slid: Mapping[str, Axis]) -> str:
    """The dim that runs along an axis of the input's gradient."""
    dims = [dim for dim, _ in axis.terms]
    return next((dim for dim in dims if dim in slid), None) or next(
        (dim for dim in dims if layer.extents[dim] > 1), dims[0]
    )


def _part(
    layer: Layer,
    name: str,
    extents: Mapping[str, int],
    operands: tuple[Operand, Operand, Operand],
    names: Mapping[str, str],
) -> GradientPart:
    """The layer with renamed dims, and its axes in the order of its kind."""

    def renamed(axis: Axis) -> Axis:
        return Axis(tuple((names.get(dim, dim), coefficient) for dim, coefficient in axis.terms))

    def ordered(operand: Operand) -> Operand:
        axes = tuple(renamed(axis) for axis in operand.axes)
        order = _AXIS_ORDER.get(layer.kind)
        return replace(operand, axes=axes if order is None else tuple(sorted(axes, key=lambda a: _place(order, a))))

    dims = [(names.get(dim, dim), extent) for dim, extent in extents.items()]
    order = _DIM_ORDER.get(layer.kind)
    if order is not None:
        dims.sort(key=lambda entry: order.find(entry[0]))
    weights, inputs, outputs = (ordered(operand) for operand in operands)
    found = Layer(name, layer.kind, tuple(dims), (weights, inputs, outputs), layer.multiplicity, 0)
    return GradientPart(found, names)


def _place(order: str, axis: Axis) -> int:
    return order.find(axis.terms[0][0])
