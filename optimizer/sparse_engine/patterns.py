"""Access patterns of a junction: which left neuron every edge joins, and how many patterns there are."""

from __future__ import annotations

import math
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
