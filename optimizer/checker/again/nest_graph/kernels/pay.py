"""Accesses of a level, paid for."""

from __future__ import annotations

from numba import njit

from optimizer.checker.again.nest_graph.columns import (
    BITS,
    COST,
)


@njit(cache=True, error_model="numpy")
def ceiling(a, b):
    """a / b, rounded up."""
    return -((-a) // b)


@njit(cache=True, error_model="numpy")
def pay(row, reals, level, read, filled, updated, instances, prices, access, scale, price):
    """Add accesses of a level: exact modulo 2**64 in COST, as floating numbers besides."""
    r, f, u = ceiling(read, access[level]), ceiling(filled, access[level]), ceiling(updated, access[level])
    row[COST] += (r * prices[level, 0] + f * prices[level, 1] + u * prices[level, 2]) * instances
    energy = float(r) * prices[level, 0] + float(f) * prices[level, 1] + float(u) * prices[level, 2]
    energy *= instances
    levels = len(access)
    row[BITS + levels + level] += read
    row[BITS + 2 * levels + level] += filled + updated
    reals[0] += energy
    for k in range(len(scale)):
        reals[2 + k] += scale[k] * energy + price[k, 0, level] * read + price[k, 1, level] * (filled + updated)
