"""The check of access patterns, from the table of edges alone; shares no code with the interleaver program."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


def spread(left_of_edge: Integers, right: int, parallel: int) -> int:
    """Fewest rows, of `parallel` left neurons next to each other, that a right neuron reads from."""
    rows = left_of_edge.reshape(right, -1) // parallel
    return min(len(set(some)) for some in rows.tolist())


def pattern_faults(
    left_of_edge: Integers, left: int, right: int, parallel: int, latency: int | None = None
) -> Iterator[str]:
    """What breaks the definition, from the table of edges alone: the check of the interleaver program.

    Clashes in a clock, neurons that a sweep misses, connections made twice and, with a `latency`, rows of a memory that
    are read again before a partial sum read `latency` clocks ago is written.
    """
    edges = left_of_edge.tolist()
    depth = left // parallel
    fan_in = len(edges) // right
    clocks = [edges[first : first + parallel] for first in range(0, len(edges), parallel)]
    for clock, neurons in enumerate(clocks):
        if sorted(neuron % parallel for neuron in neurons) != list(range(parallel)):
            yield f"clock {clock}: two reads of a memory"
    for sweep in range(len(edges) // left):
        if sorted(itertools.chain(*clocks[sweep * depth : (sweep + 1) * depth])) != list(range(left)):
            yield f"sweep {sweep}: not every left neuron once"
    for neuron in range(right):
        if len(set(edges[neuron * fan_in : (neuron + 1) * fan_in])) < fan_in:
            yield f"right neuron {neuron}: a connection twice"
    read: dict[int, int] = {}
    for clock, neurons in enumerate(clocks if latency is not None else ()):
        for neuron in neurons:
            if neuron in read and latency is not None and clock - read[neuron] <= latency:
                yield f"clock {clock}: left neuron {neuron} is read again after {clock - read[neuron]} clocks"
            read[neuron] = clock
