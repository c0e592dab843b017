"""Exact price of a complete mapping: whole accesses per instance, ports, leakage."""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.lattice.kernels.blocks import copies_of, distinct_inputs, is_resident, least_distinct_inputs
from formulations.lattice.kernels.layout import (
    ACCESS,
    BITS,
    BOTTOM,
    COMPUTE,
    DIMS,
    DRAIN,
    EXTENT,
    FILL,
    KEEP,
    LACKS,
    LEAK,
    LEAST_INPUT,
    LEVEL0,
    LEVELS,
    LIFT,
    META,
    PINNED,
    PORT,
    READ,
    RESIDENT_FROM,
    RESUMES,
    SCALARS,
    SPATIAL,
    STEP_BITS,
    STEPS,
    TOP,
    UNIT,
    UPDATE,
    VOLUME,
    WORDS,
    WORK,
    I,
    Int,
    O,
)


@njit(cache=True, nogil=True)
def ceil_div(a: int, b: int) -> int:
    """Quotient rounded up."""
    return -(-a // b)


@njit(cache=True, nogil=True)
def copies_above(c: Int, w: Int, level: int, tensor: int) -> int:
    """Product of the spatial factors above a level: all of them, or (tensor >= 0) those irrelevant to a tensor."""
    copies = 1
    for n in range(level):
        for d in range(c[SCALARS, DIMS]):
            if tensor < 0 or c[LACKS, d] == tensor:
                copies *= w[SPATIAL, n, d]
    return copies


@njit(cache=True, nogil=True)
def fetched(c: Int, w: Int, level: int, tensor: int) -> int:
    """Words that move between the instances of a level and their parents, before multicast.

    The number of levels stands for the multipliers, which take a word, or a part of it, for every step.
    """
    if level == c[SCALARS, LEVELS]:
        return c[SCALARS, STEPS]
    if tensor == I:
        return w[META, level, WORDS]
    return c[VOLUME, tensor] * refetches(c, w, level, tensor)


@njit(cache=True, nogil=True)
def refetches(c: Int, w: Int, level: int, tensor: int) -> int:
    """How often the node of a tensor at a level is filled for every word of the tensor, spatial copies included."""
    start, times = c[SCALARS, RESIDENT_FROM] if is_resident(c, level, tensor) else level, 1
    for d in range(c[SCALARS, DIMS]):
        if c[LACKS, d] == tensor:
            times *= c[EXTENT, d] // w[TOP, start, d]
    for n in range(start, level):
        times *= copies_of(c, w[SPATIAL, n], tensor)
    return times


@njit(cache=True, nogil=True)
def multicast(c: Int, w: Int, outer: int, inner: int, tensor: int, words: int, least: bool) -> int:
    """Words that level `outer` serves so that `words` come into level `inner`; identical tiles count once.

    With `least` a bound, whatever loops are lifted.
    """
    for n in range(outer, inner):
        spread, distinct = 1, 1
        for d in range(c[SCALARS, DIMS]):
            spread *= w[SPATIAL, n, d]
            if c[LACKS, d] != tensor:
                distinct *= w[SPATIAL, n, d]
        if tensor == I and least:
            distinct = least_distinct_inputs(c, w[SPATIAL, n], w[TOP, n + 1])
        elif tensor == I:
            distinct = distinct_inputs(c, w[SPATIAL, n], w[TOP, n + 1], w[LIFT, n + 1])
        words = words // spread * distinct
    return words


@njit(cache=True, nogil=True)
def served_by(c: Int, level: int, tensor: int) -> int:
    """The level whose nodes a level serves; the number of levels if it serves the multipliers."""
    child = level + 1
    while child < c[SCALARS, LEVELS] and not c[LEVEL0 + child, KEEP + tensor]:
        child += 1
    return child


@njit(cache=True, nogil=True)
def requested(c: Int, w: Int, level: int, tensor: int, decided: int, least: bool) -> int:
    """Words that a level's instances read (O: update) for their children; identical tiles count once.

    Where the child lies inside of level `decided`, the least they can read: every word once per refetch. With `least`
    a bound, whatever loops are lifted.
    """
    child = served_by(c, level, tensor)
    if child > decided:
        words = c[VOLUME, LEAST_INPUT] if tensor == I else c[VOLUME, tensor]
        inside = TOP if is_resident(c, child, tensor) and c[SCALARS, RESIDENT_FROM] == level else BOTTOM
        for d in range(c[SCALARS, DIMS]):
            if c[LACKS, d] == tensor:
                words *= c[EXTENT, d] // w[inside, level, d]
        return words
    return multicast(c, w, level, child, tensor, fetched(c, w, child, tensor), least)


@njit(cache=True, nogil=True)
def price_level(c: Int, w: Int, level: int, decided: int, least: bool) -> tuple[int, int]:
    """(energy, latency units) of one level; bounds where a child lies inside of level `decided`, or with `least`."""
    instances = copies_above(c, w, level, np.int64(-1))
    per = c[LEVEL0 + level, ACCESS]
    read_bits, write_bits, energy = 0, 0, 0
    for tensor in range(3):
        outermost = level == c[SCALARS, PINNED + tensor]
        if not outermost and (level == 0 or not c[LEVEL0 + level, KEEP + tensor]):
            continue
        at = 0 if outermost else level
        bits = each = c[BITS, tensor]
        if served_by(c, at, tensor) == c[SCALARS, LEVELS]:
            each = c[BITS, STEP_BITS + tensor]
        reads = requested(c, w, at, tensor, decided, least) // instances * each
        fills = 0 if outermost else fetched(c, w, level, tensor) // instances * bits
        updates = 0
        if tensor == O:
            first = 0 if c[SCALARS, RESUMES] else c[VOLUME, O] * copies_above(c, w, level, np.int64(O)) // instances
            updates, reads = reads, reads - first * min(bits, each)
            if not outermost:
                reads += fills if c[SCALARS, DRAIN] else 0
                fills -= first * bits
        read_bits += reads
        write_bits += fills + updates
        energy += ceil_div(reads, per) * c[LEVEL0 + level, READ]
        energy += ceil_div(fills, per) * c[LEVEL0 + level, FILL]
        energy += ceil_div(updates, per) * c[LEVEL0 + level, UPDATE]
    latency = 0
    for n in range(3):
        divisor = c[LEVEL0 + level, PORT + 2 * n + 1]
        if divisor > 0:
            moved = read_bits if n == 0 else (write_bits if n == 1 else read_bits + write_bits)
            latency = max(latency, ceil_div(moved * c[LEVEL0 + level, PORT + 2 * n], divisor))
    return energy * instances, latency


@njit(cache=True, nogil=True)
def latency_outside(c: Int, w: Int, decided: int, least: bool) -> int:
    """Latency units that the ports outside of level `decided` need at least, the extents around its block being known.

    `least`: which loops are lifted out of the block is not decided yet. A lifted loop can only save reads, since then
    children share words that they do not share otherwise.
    """
    latency = 0
    for level in range(decided):
        row = c[LEVEL0 + level]
        if row[PORT + 1] > 0 or row[PORT + 3] > 0 or row[PORT + 5] > 0:
            latency = max(latency, price_level(c, w, level, decided, least)[1])
    return latency


@njit(cache=True, nogil=True)
def price(c: Int, w: Int) -> tuple[int, int]:
    """(energy units, latency units) of a complete mapping."""
    levels, unit = c[SCALARS, LEVELS], c[SCALARS, UNIT]
    energy = c[SCALARS, COMPUTE]
    latency = c[SCALARS, WORK] // copies_above(c, w, levels, np.int64(-1)) * unit
    for level in range(levels):
        spent, needed = price_level(c, w, level, levels, np.bool_(False))
        energy += spent
        latency = max(latency, needed)
    for level in range(levels):
        energy += c[LEVEL0 + level, LEAK] * copies_above(c, w, level, np.int64(-1)) * ceil_div(latency, unit)
    return energy, latency
