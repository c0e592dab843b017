"""The check of access patterns, from the table of edges alone; shares no code with the interleaver program."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


def spread(left_of_edge: Integers, right: int, parallel: int) -> int:
    """Fewest rows that a right neuron reads from; a row is `parallel` consecutive left neurons.

    Parameters
    ----------
    left_of_edge : ndarray of int, shape (W,)
        Left neuron of every edge, edges numbered by right neuron.
    right : int
        Right neurons.
    parallel : int
        Edges per clock, z.
    """
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


def stored_faults(entry: dict[str, Any]) -> list[str]:
    """What is wrong with a stored pattern: its table is made again from its start rows, then checked."""
    junction, starts = entry["junction"], entry["starts"]
    left, right, z, depth = (junction[name] for name in ("left", "right", "z", "depth"))
    if left != z * depth or len(starts) * left != right * junction["in_degree"]:
        return ["the junction's figures do not fit"]
    edges = stored_edges(entry)
    found = list(pattern_faults(edges, left, right, z, entry["latency"]))
    if spread(edges, right, z) != entry["spread"] or entry["spread"] < (entry["wanted_spread"] or 1):
        found.append("spread")
    if entry["type"] == 3 and any(row != starts[0] for row in starts):
        found.append("sweeps differ")
    return found


def stored_edges(entry: dict[str, Any]) -> Integers:
    """The left neuron of every edge of a stored pattern, from its start rows."""
    starts, orders = entry["starts"], entry["order"]
    z, depth = (entry["junction"][name] for name in ("z", "depth"))
    table = [
        (starts[sweep][memory] + clock) % depth * z + memory
        for sweep in range(len(starts))
        for clock in range(depth)
        for memory in (range(z) if orders is None else orders[sweep])
    ]
    return np.array(table, dtype=np.int64)


def digest(entry: dict[str, Any]) -> str:
    """SHA-256 of the edges of a stored pattern."""
    return hashlib.sha256(stored_edges(entry).astype("<i8").tobytes()).hexdigest()


def spread_is_proved(entry: dict[str, Any]) -> bool:
    """Whether no pattern can have a larger spread by counting alone: it is all rows, or the in-degree."""
    junction = entry["junction"]
    return bool(entry["spread"] == min(junction["depth"], junction["in_degree"]))
