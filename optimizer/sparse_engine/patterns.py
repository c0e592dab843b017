"""Access patterns of a junction: which left neuron every edge joins, how many patterns there are, and their check."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.sparse_engine.engine import Junction

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class AccessPattern:
    """Start rows and dither of a junction whose z divides ``N_{i-1}``.

    Parameters
    ----------
    junction : Junction
    starts : tuple of tuple of int
        ``starts[k][m]``: row of memory m at the first clock of sweep k; then one row on per clock, round and round.
    order : tuple of tuple of int, optional
        ``order[k][j]``: memory that slot j of sweep k reads; memory j if left out.
    """

    junction: Junction
    starts: tuple[tuple[int, ...], ...]
    order: tuple[tuple[int, ...], ...] | None = None

    def memories(self, clock: int) -> Integers:
        """Memory of every slot at a clock of the junction cycle."""
        z = self.junction.parallel
        return np.array(range(z) if self.order is None else self.order[clock // self.junction.depth], dtype=np.int64)

    def rows(self, clock: int) -> Integers:
        """Row of every slot at a clock of the junction cycle."""
        sweep, step = divmod(clock, self.junction.depth)
        starts = np.array(self.starts[sweep], dtype=np.int64)[self.memories(clock)]
        return (starts + step) % self.junction.depth

    def left_of_edge(self) -> Integers:
        """Left neuron of every edge, edges numbered by right neuron; shape ``(W,)``."""
        z = self.junction.parallel
        clocks = range(self.junction.depth * self.junction.out_degree)
        return np.concatenate([self.rows(clock) * z + self.memories(clock) for clock in clocks])

    def right_of_edge(self) -> Integers:
        """Right neuron of every edge; shape ``(W,)``."""
        return np.arange(self.junction.edges, dtype=np.int64) // self.junction.in_degree


def turned_pattern(junction: Junction) -> AccessPattern:
    """The plainest pattern: memory m starts at row ``m mod D``, in every sweep."""
    starts = tuple(memory % junction.depth for memory in range(junction.parallel))
    return AccessPattern(junction, (starts,) * junction.out_degree)


def pattern_count(junction: Junction, kind: int, *, dither: bool = False) -> int:
    """Number of clash-free patterns (arXiv 1812.01164).

    Type 1, any order of rows in every memory and sweep: ``(k (D!)^z)^fo``. Type 2, start rows per sweep and memory:
    ``(k D^z)^fo``. Type 3, the same in all sweeps: ``k D^z``. Under dither ``k = z! / (fi!)^(z/fi)`` where z / fi is an
    integer (ways to deal the memories out to the right neurons of a clock), else 1.

    Parameters
    ----------
    junction : Junction
    kind : {1, 2, 3}
    dither : bool
    """
    z, depth, fan_in, sweeps = junction.parallel, junction.depth, junction.in_degree, junction.out_degree
    ways = 1
    if dither and z % fan_in == 0:
        ways = math.factorial(z) // math.factorial(fan_in) ** (z // fan_in)
    base = ways * (math.factorial(depth) if kind == 1 else depth) ** z
    return int(base if kind == 3 else base**sweeps)


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
