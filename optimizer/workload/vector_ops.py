"""Scalar operations of vector layers: how many operations an element costs, by kind.

The counts are those of the textbook formula, one for each addition, multiplication, comparison or
exponential. They feed the vector unit's energy and latency; traffic usually outweighs them.
"""

from __future__ import annotations

from collections.abc import Sequence

from optimizer.workload.layer import VectorLayer
from optimizer.workload.views import ONE_POSITION, Grid

SOFTMAX = 5
"""Per element: running maximum, subtraction, exponential, sum, division."""

LAYER_NORM = 8
"""Per element: sum; subtraction, square, sum of squares; root; division by the deviation; gamma; beta."""

RMS_NORM = 4
"""Per element: square, sum of squares; division by the root; scale."""

ROTARY = 3
"""Rotary embedding, per element: two multiplications and one addition."""

BATCH_NORM = 6
"""Per element, in training: sum; square, sum of squares; then subtraction, scale, shift."""

LRN_FIXED = 3
"""Local response normalization, per element besides the window's squares and sums: scale, power, division."""


def vector_layer(
    name: str,
    kind: str,
    reads: Sequence[int],
    writes: Sequence[int],
    operations: int,
    *,
    bits: dict[str, int],
    constants: Sequence[int] = (),
    parameters: int | None = None,
    grid: Grid = ONE_POSITION,
) -> VectorLayer:
    """A vector layer whose tensors have the precision of their role.

    Parameters
    ----------
    name, kind : str
        Name and label.
    reads, writes : sequence of int
        Words of every activation read and of every tensor written.
    operations : int
        Scalar operations.
    bits : dict of str to int
        Bits per element of W, I and O: `constants` are W, `reads` I and `writes` O.
    constants : sequence of int
        Words read of every constant tensor: scales, masks, tables.
    parameters : int, optional
        Learned words that belong to the layer; default: the constants.
    grid : (int, int, int), optional
        Extents of the output along the tile axes.
    """
    streams = [(words, bits["I"]) for words in reads] + [(words, bits["W"]) for words in constants]
    return VectorLayer(
        name,
        kind,
        tuple(stream for stream in streams if stream[0]),
        tuple((words, bits["O"]) for words in writes if words),
        operations,
        parameters=sum(constants) if parameters is None else parameters,
        grid=grid,
    )
