"""Exact price of a complete mapping: whole accesses per instance, ports, leakage."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from formulations.kernels.arrays import Int, Lattice, Machine
from formulations.kernels.blocks import distinct_along

W, I, O = 0, 1, 2  # noqa: E741


@njit(cache=True)
def copies_above(p: Lattice, spatial: Any, level: int, tensor: int) -> int:
    """Product of the spatial factors above a level: all of them, or (tensor >= 0) those irrelevant to a tensor."""
    copies = 1
    for n in range(level):
        for d in range(p.extent.shape[0]):
            if tensor < 0 or p.irrelevant_to[d] == tensor:
                copies *= spatial[n, d]
    return copies


@njit(cache=True)
def child_of(m: Machine, level: int, tensor: int) -> int:
    """Next level inside that keeps a tensor; the number of levels stands for the multipliers."""
    child = level + 1
    while child < m.capacity.shape[0] and not m.keep[child, tensor]:
        child += 1
    return child


@njit(cache=True)
def fetched(p: Lattice, m: Machine, top: Any, input_words: Int, level: int, tensor: int) -> int:
    """Words moved between a level and its children of all instances, before multicast; `level` is the child."""
    if level == m.capacity.shape[0]:
        return p.macs
    if tensor == I:
        return input_words[level]
    words = p.volume[tensor]
    for d in range(p.extent.shape[0]):
        if p.irrelevant_to[d] == tensor:
            words *= p.extent[d] // top[level, d]
    return words


@njit(cache=True)
def shared(p: Lattice, m: Machine, top: Any, spatial: Any, level: int, child: int, tensor: int, words: int) -> int:
    """Words that the parents read (or, for O, update) when their children move `words` in all."""
    spread, distinct = 1, 1
    for n in range(level, child):
        for d in range(p.extent.shape[0]):
            spread *= spatial[n, d]
            if tensor != I and p.irrelevant_to[d] != tensor:
                distinct *= spatial[n, d]
    if tensor == I:
        span = child - level
        steps = np.empty(2 * span, np.int64)
        bounds = np.empty(2 * span, np.int64)
        for a in range(p.axis.shape[0]):
            for n in range(level, child):
                for term in range(2):
                    d = p.axis[a, 2 * term]
                    k = 2 * (n - level) + term
                    bounds[k] = spatial[n, d] if d >= 0 else 1
                    below = top[n + 1, d] if d >= 0 and n + 1 < top.shape[0] else 1
                    steps[k] = p.axis[a, 2 * term + 1] * below
            distinct *= distinct_along(steps, bounds)
    return words // spread * distinct


@njit(cache=True)
def counts(p: Lattice, m: Machine, top: Any, spatial: Any, input_words: Int, level: int, tensor: int) -> Any:
    """Reads, fills and updates of one used instance of a level for one tensor it keeps."""
    instances = copies_above(p, spatial, level, -1)
    child = child_of(m, level, tensor)
    down = shared(p, m, top, spatial, level, child, tensor, fetched(p, m, top, input_words, child, tensor)) // instances
    own = fetched(p, m, top, input_words, level, tensor) // instances if level > 0 else 0
    if tensor != O:
        return down, own, 0
    first = p.volume[O] * copies_above(p, spatial, level, O) // instances
    reads = down - first
    if level > 0 and m.drain:
        reads += own
    return reads, own - first if level > 0 else 0, down


@njit(cache=True)
def ceil_div(a: int, b: int) -> int:
    """Quotient rounded up."""
    return -(-a // b)


@njit(cache=True)
def level_price(p: Lattice, m: Machine, top: Any, spatial: Any, input_words: Int, level: int) -> Any:
    """(energy, latency units) of one level."""
    read_bits, write_bits, energy = 0, 0, 0
    for tensor in range(3):
        if not m.keep[level, tensor]:
            continue
        reads, fills, updates = counts(p, m, top, spatial, input_words, level, tensor)
        bits = p.bits[tensor]
        read_bits += reads * bits
        write_bits += (fills + updates) * bits
        per = m.access_bits[level]
        energy += ceil_div(reads * bits, per) * m.read[level] + ceil_div(fills * bits, per) * m.fill[level]
        energy += ceil_div(updates * bits, per) * m.update[level]
    latency = 0
    for n in range(3):
        if m.port[level, n, 1] > 0:
            moved = read_bits if n == 0 else (write_bits if n == 1 else read_bits + write_bits)
            latency = max(latency, ceil_div(moved * m.port[level, n, 0], m.port[level, n, 1]))
    return energy * copies_above(p, spatial, level, -1), latency


@njit(cache=True)
def latency_of_level(
    p: Lattice, m: Machine, top: Any, bottom: Any, tile: Any, spatial: Any, input_words: Int, level: int
) -> int:
    """Latency units that the ports of `level` need once the block of the next level is decided.

    Only when every tensor kept here is kept right inside; else 0, a valid bound.
    """
    if m.port[level, 0, 1] == 0 and m.port[level, 1, 1] == 0 and m.port[level, 2, 1] == 0:
        return 0
    for tensor in range(3):
        if m.keep[level, tensor] and not m.keep[level + 1, tensor]:
            return 0
    return int(level_price(p, m, top, spatial, input_words, level)[1])


@njit(cache=True)
def price(p: Lattice, m: Machine, top: Any, bottom: Any, tile: Any, spatial: Any, input_words: Int) -> Any:
    """(energy units, latency units) of a complete mapping."""
    levels = m.capacity.shape[0]
    energy = p.macs * m.mac_energy
    latency = p.macs // copies_above(p, spatial, levels, -1) * m.latency_unit
    for level in range(levels):
        spent, needed = level_price(p, m, top, spatial, input_words, level)
        energy += spent
        latency = max(latency, needed)
    for level in range(levels):
        energy += m.leak[level] * copies_above(p, spatial, level, -1) * ceil_div(latency, m.latency_unit)
    return energy, latency
