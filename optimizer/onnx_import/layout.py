"""Which axes of an ONNX tensor are the batch, the rows and the columns of the layer that computes it.

A consumer that cuts its output along the same axes of the tensor needs only windows of it; along axes that the
producer does not cut, or not in the same way, it needs all.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from optimizer.workload.views import IDENTITY_WINDOW, WHOLE, Grid, View, Window

Axes = tuple[int, ...]
"""Axes of a tensor that make up one tile axis; the last one runs fastest."""

Layout = tuple[Axes, Axes, Axes]
"""Axes of a tensor along each tile axis. Axes of extent 1 are left out, so that equal layouts mean the same."""

NO_AXES: Layout = ((), (), ())


@dataclass(frozen=True)
class Read:
    """How a layer reads a tensor.

    Parameters
    ----------
    tensor : str
        Its name.
    axes : Layout
        Axes of the tensor along which the tile axes of the layer's output run.
    windows : View
        What a position of the output needs along these axes.
    """

    tensor: str
    axes: Layout = NO_AXES
    windows: View = WHOLE

    def view(self, layout: Layout | None) -> View:
        """What the layer needs of a producer that lays the tensor out like this; None: in no known way."""
        if layout is None:
            return WHOLE
        batch, rows, columns = (
            window if axes == given else None
            for window, axes, given in zip(self.windows, self.axes, layout, strict=True)
        )
        return batch, rows, columns


def spatial_layout(shape: Sequence[int]) -> Layout:
    """Layout of (samples, channels, rows), with columns, or with columns and a third axis that no tile cuts."""
    return squeezed(((0,), (2,), (3,) if len(shape) > 3 else ()), shape)


def usual_layout(shape: Sequence[int]) -> Layout:
    """Layout of a tensor of which only the shape is known: an image, sequences of features, or one sequence."""
    if len(shape) == 4:
        return spatial_layout(shape)
    if len(shape) in (2, 3):
        return squeezed(((), (0,), ()) if len(shape) == 2 else ((0,), (1,), ()), shape)
    return NO_AXES


def squeezed(layout: Layout, shape: Sequence[int]) -> Layout:
    """The layout without axes of extent 1."""
    batch, rows, columns = (tuple(axis for axis in axes if shape[axis] > 1) for axes in layout)
    return batch, rows, columns


def shifted(layout: Layout, by: int) -> Layout:
    """The same layout of a tensor that has `by` more axes in front."""
    batch, rows, columns = (tuple(axis + by for axis in axes) for axes in layout)
    return batch, rows, columns


def grid_of(layout: Layout, shape: Sequence[int]) -> Grid:
    """Extents along the tile axes."""
    batch, rows, columns = (math.prod(shape[axis] for axis in axes) for axes in layout)
    return batch, rows, columns


def spatial_read(tensor: str, shape: Sequence[int], windows: Sequence[Window | None]) -> Read:
    """How images are read through a window per spatial axis."""
    down, across = [*windows, None][:2]
    return Read(tensor, spatial_layout(shape), (IDENTITY_WINDOW, down, across))


def aligned_read(
    tensor: str, shape: Sequence[int], output: Sequence[int], layout: Layout, mixed: Collection[int] = ()
) -> Read:
    """How an operator that works element by element reads an operand.

    Axes along which the operand is broadcast have extent 1 and so are in no layout of it: it is needed as a whole.

    Parameters
    ----------
    tensor : str
        The operand.
    shape, output : sequence of int
        Shapes of the operand, which may be broadcast, and of the output.
    layout : Layout
        Layout of the output.
    mixed : collection of int
        Axes of the output along which an element depends on several elements of the operand, as in a softmax.
    """
    batch, rows, columns = (None if any(axis in mixed for axis in axes) else IDENTITY_WINDOW for axes in layout)
    return Read(tensor, shifted(layout, len(shape) - len(output)), (batch, rows, columns))
