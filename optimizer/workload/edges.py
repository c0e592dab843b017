"""What is read of a tensor against what is written: the words and bits on every edge of a network.

A tensor is written once. A reader takes all of it or a part; where its windows reach over the border, words of padding
are counted as if they were data. Anything else is a fault of whoever made the network.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from optimizer.workload.layer import AnyLayer, Layer
from optimizer.workload.network import Network
from optimizer.workload.sparsity import dense
from optimizer.workload.views import Window


class Reading(str, Enum):
    """How the words that a layer reads at least once compare with those that were written."""

    ALL = "all"
    PART = "part"
    PADDED = "padded"
    MORE = "more"


@dataclass(frozen=True)
class EdgeTraffic:
    """A tensor between two layers, in all of their runs.

    Attributes
    ----------
    producer, consumer, tensor : str
    written_words, written_bits : int
        Words of the tensor that the producer writes, and bits of one.
    read_words, read_bits : int
        Words that the consumer reads at least once, and bits of one.
    reading : Reading
        ``PADDED``: words beyond the tensor, which lie in the padding of windows; ``MORE``: beyond it without any.
    """

    producer: str
    consumer: str
    tensor: str
    written_words: int
    written_bits: int
    read_words: int
    read_bits: int
    reading: Reading

    @property
    def border_words(self) -> int:
        """Words of padding that are counted as data."""
        return max(0, self.read_words - self.written_words) if self.reading is Reading.PADDED else 0


def edge_traffic(network: Network) -> Iterator[EdgeTraffic]:
    """Every edge whose words can be told: those of layers that join several tensors in one operand cannot."""
    for layer in network.layers():
        taken: list[tuple[int, int]] = [] if isinstance(layer, Layer) else _all_runs(layer, layer.reads)
        for producer in network.graph.predecessors(layer.name):
            written = written_tensors(network.graph.nodes[producer]["layer"])
            pair = _read_by_role(network, layer, producer) if isinstance(layer, Layer) else _streamed(taken, written)
            if pair is not None:
                yield _edge(network, producer, layer, written, pair)


def border_words(network: Network) -> int:
    """Words of padding that are counted as data, of all edges."""
    return sum(edge.border_words for edge in edge_traffic(network))


def width_mismatches(network: Network) -> list[EdgeTraffic]:
    """Edges on which words are read with other bits than they were written with."""
    return [edge for edge in edge_traffic(network) if edge.read_bits != edge.written_bits]


def width_warnings(network: Network) -> list[str]:
    """A line that names the first of the edges on which bits differ, if there are any."""
    edges = width_mismatches(network)
    if not edges:
        return []
    first = edges[0]
    more = "" if len(edges) == 1 else f", and {len(edges) - 1} more"
    return [
        f"bits written and bits read differ: {first.producer} writes words of {first.written_bits} bits, "
        f"{first.consumer} reads them with {first.read_bits} bits{more}"
    ]


def written_tensors(layer: AnyLayer) -> list[tuple[int, int]]:
    """Words of what a layer writes in all of its runs, and bits of one, tensor by tensor."""
    if isinstance(layer, Layer):
        plain = dense(layer)
        output = plain.operand("O")
        return [(output.footprint(plain.extents) * plain.multiplicity, output.bits)]
    return _all_runs(layer, layer.writes)


def _all_runs(layer: AnyLayer, tensors: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    return [(words * layer.multiplicity, bits) for words, bits in tensors]


def _read_by_role(network: Network, layer: Layer, producer: str) -> tuple[int, int] | None:
    """Words and bits of the operand that a producer's tensor is; None if it is not the only one in it."""
    graph = network.graph
    tensor = graph.edges[producer, layer.name]["tensor"]
    named = [operand for operand in layer.operands[:2] if operand.tensor == tensor]
    if not named and graph.in_degree(layer.name) == 1 and layer.parameter_count:
        named = [layer.operand("I")]
    if len(named) != 1:
        return None
    plain = dense(layer)
    operand = plain.operand(named[0].role)
    return operand.footprint(plain.extents) * plain.multiplicity, operand.bits


def _streamed(taken: list[tuple[int, int]], written: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The tensor that a vector layer reads of those written, by its words; each is taken once."""
    for words, _ in written:
        match = next((pair for pair in taken if pair[0] == words), None)
        if match is not None:
            taken.remove(match)
            return match
    return None


def _edge(
    network: Network, producer: str, layer: AnyLayer, written: list[tuple[int, int]], pair: tuple[int, int]
) -> EdgeTraffic:
    words, bits = next((one for one in written if one[0] == pair[0]), max(written))
    view, grid = network.view(producer, layer.name), network.graph.nodes[producer]["layer"].grid
    if pair[0] == words:
        reading = Reading.ALL
    elif pair[0] < words:
        reading = Reading.PART
    else:
        reach = [_reached(window, count, extent) for window, count, extent in zip(view, layer.grid, grid, strict=True)]
        padded = pair[0] * math.prod(grid) <= words * math.prod(reach)
        reading = Reading.PADDED if padded or words >= _least_data(layer) else Reading.MORE
    tensor = network.graph.edges[producer, layer.name]["tensor"]
    return EdgeTraffic(producer, layer.name, tensor, words, bits, *pair, reading)


def _least_data(layer: AnyLayer) -> int:
    """Words of a layer's input if every window at a border held a single word of data along each axis, in all runs."""
    if not isinstance(layer, Layer):
        return 1 << 62
    extents, words = layer.extents, layer.multiplicity
    for axis in layer.operand("I").axes:
        reach = min((coefficient * (extents[dim] - 1) for dim, coefficient in axis.terms), default=0)
        padding = 2 * reach if len(axis.terms) > 1 else 0
        words *= max(1, axis.extent(extents) - padding)
    return words


def _reached(window: Window | None, outputs: int, extent: int) -> int:
    """Positions along an axis that the windows of all outputs span, padding included."""
    return extent if window is None else max(extent, window.stride * (outputs - 1) + window.reach)
