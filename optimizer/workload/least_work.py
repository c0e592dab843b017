"""The least work of a network whose layers may leave out outputs that nobody reads.

In a fused group a layer computes the positions that its consumers read. With a stride above the kernel, or rows at the
end that no window reaches, these are fewer than its output has.
"""

from __future__ import annotations

import math
from fractions import Fraction

from optimizer.workload.layer import Layer
from optimizer.workload.network import Network
from optimizer.workload.views import Grid, Window


def least_work(network: Network) -> tuple[Fraction, Fraction]:
    """Multiply-accumulates and operations of vector layers that any way to run a network takes.

    Work is proportional to the positions computed. A layer without consumers computes its grid; any other at least what
    one of them reads of it along every axis: n outputs with stride s and reach r read ``n r`` positions if r <= s, else
    at least ``(n - 1) s + r``, but for the padding at both ends.
    """
    positions: dict[str, Grid] = {}
    macs, operations = Fraction(0), Fraction(0)
    for layer in reversed(list(network.layers())):
        grid = layer.grid
        readers = list(network.graph.successors(layer.name))
        read = [_read(network, layer.name, reader, positions[reader]) for reader in readers]
        batch, rows, columns = (max(along) for along in zip(*read, strict=True)) if read else grid
        positions[layer.name] = (batch, rows, columns)
        share = Fraction(batch * rows * columns, math.prod(grid))
        if isinstance(layer, Layer):
            macs += layer.macs * layer.multiplicity * share
        else:
            operations += layer.operations * layer.multiplicity * share
    return macs, operations


def _read(network: Network, producer: str, reader: str, outputs: Grid) -> Grid:
    """Positions of a producer that a reader needs at least, axis by axis."""
    nodes = network.graph.nodes
    given, asked = nodes[producer]["layer"].grid, nodes[reader]["layer"].grid
    view = network.view(producer, reader)
    batch, rows, columns = (_along(*axis) for axis in zip(view, outputs, given, asked, strict=True))
    return batch, rows, columns


def _along(window: Window | None, outputs: int, extent: int, asked: int) -> int:
    """Of `extent` positions those that some `outputs` of `asked` outputs read at least."""
    if outputs == 0:
        return 0
    if window is None:
        return extent
    gaps = window.reach <= window.stride
    read = outputs * window.reach if gaps else (outputs - 1) * window.stride + window.reach
    after = window.stride * (asked - 1) - window.before + window.reach - extent
    return max(0, min(extent, read - max(0, window.before) - max(0, after)))
