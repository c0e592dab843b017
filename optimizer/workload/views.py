"""Views: the part of a producer's output that a part of a consumer's output needs.

The output of a layer is laid out along three *tile axes*: batch, rows and columns. A position along them holds
all its channels or features. A :data:`Grid` gives the extents; a :data:`View` says, axis by axis, what positions
of the producer a position of the consumer needs: those in a :class:`Window`, or all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

TILE_AXES = ("batch", "rows", "columns")
"""The axes along which an output can be cut, in the order of grids and views."""

Grid = tuple[int, int, int]
"""Extents of an output along the tile axes."""

ONE_POSITION: Grid = (1, 1, 1)
"""The grid of an output that is not cut."""


@dataclass(frozen=True)
class Window:
    """The positions of the producer that a position of the consumer needs along one axis.

    Output position o needs ``stride*o - before ... stride*o - before + reach - 1``, as far as they exist.

    Parameters
    ----------
    stride : int
        Step between the windows of neighbouring outputs.
    reach : int
        Extent of a window: ``dilation * (kernel - 1) + 1``.
    before : int
        Padding at the beginning; negative where positions at the beginning are not needed.
    """

    stride: int = 1
    reach: int = 1
    before: int = 0

    def needs(self, lo: int, hi: int, extent: int) -> tuple[int, int]:
        """The least range of the producer's `extent` positions that holds all that outputs from `lo` up to `hi` need.

        Ranges do not include their end. The result lies in 0 ... extent; it is empty, with equal ends, where
        the range of outputs is, or where it needs only padding.
        """
        first_inside = -((self.reach - 1 - self.before) // self.stride)
        last_inside = (extent - 1 + self.before) // self.stride
        outputs = range(max(lo, first_inside), min(hi, last_inside + 1))
        low = min(max(self.stride * (outputs.start if outputs else lo) - self.before, 0), extent)
        end = self.stride * (outputs.stop - 1) - self.before + self.reach
        return (low, min(end, extent)) if outputs else (low, low)

    def fits(self, outputs: int, extent: int) -> bool:
        """Whether the last of `outputs` outputs has a window that begins within the producer's `extent` positions.

        Otherwise the two axes hardly belong together, and what an output needs is not certain.
        """
        return self.stride * (outputs - 1) - self.before < extent


View = tuple[Window | None, Window | None, Window | None]
"""A window per tile axis; None: every position needs all of the axis."""

IDENTITY_WINDOW = Window()
"""Each position needs the same position of the producer."""

IDENTITY: View = (IDENTITY_WINDOW, IDENTITY_WINDOW, IDENTITY_WINDOW)
"""Each position needs the same position, along all axes."""

WHOLE: View = (None, None, None)
"""Each position needs the whole output of the producer."""


def hull(first: View, second: View) -> View:
    """What is needed by one of two views at most: their common windows, and all of the other axes."""
    batch, rows, columns = (a if a == b else None for a, b in zip(first, second, strict=True))
    return batch, rows, columns


def misfits(view: View, producer: Grid, consumer: Grid) -> list[int]:
    """Axes on which the view has a window that does not fit between these grids."""
    return [
        axis
        for axis, window in enumerate(view)
        if window is not None and not window.fits(consumer[axis], producer[axis])
    ]


def fitted(view: View, producer: Grid, consumer: Grid) -> View:
    """The view without the windows that do not fit between these grids."""
    out = misfits(view, producer, consumer)
    batch, rows, columns = (None if axis in out else window for axis, window in enumerate(view))
    return batch, rows, columns
