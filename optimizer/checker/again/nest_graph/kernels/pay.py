"""Accesses of a level, paid for."""

from __future__ import annotations

from optimizer.checker.again.nest_graph.columns import BITS, COST
from optimizer.checker.again.nest_graph.kernels import part
from optimizer.checker.again.nest_graph.packed import ACCESS, PRICES, READ, SCALE


@part
def pay(row, real, i, level, kind, bits, instances, of_levels, of_criteria):
    """Add accesses of one kind (READ, FILL, UPDATE) to label i: exact modulo 2**64 in COST, as floating numbers too."""
    access, levels, energy = of_levels[ACCESS, level], of_levels.shape[1], of_levels[kind, level]
    accesses = (bits + access - 1) // access
    row[i, COST] += accesses * energy * instances
    cost = float(accesses) * energy * instances
    port = level if kind == READ else levels + level
    row[i, BITS + levels + port] += bits
    real[i, 0] += cost
    for k in range(len(of_criteria)):
        real[i, 2 + k] += of_criteria[k, SCALE] * cost + of_criteria[k, PRICES + port] * bits
