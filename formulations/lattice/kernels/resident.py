"""A resident tensor: its tile stays inside while loops of an outer level run. A quick bound, and what it costs."""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.lattice.kernels.blocks import copies_of, footprint
from formulations.lattice.kernels.layout import (
    BITS,
    CAPACITY,
    COMPUTE,
    DIMS,
    EXTENT,
    GAP,
    HAS_HALO,
    KEEP,
    LACKS,
    LEVEL0,
    LEVELS,
    LOW,
    READER,
    RESIDENT,
    RESIDENT_AT,
    RESIDENT_FROM,
    SCALARS,
    SCALE,
    SHARED,
    SPATIAL,
    STARTS,
    VOLUME,
    WORD_FILL,
    WORD_READ,
    I,
    Int,
    O,
    W,
)
from formulations.lattice.kernels.leaf import refetches
from formulations.lattice.kernels.tables import fill_energy, first_visits, resident_energy, words_filled, words_inside
from formulations.problem import INFINITE


@njit(cache=True, nogil=True)
def holds(c: Int, level: int, tile: Int) -> bool:
    """Does a level hold tiles of these extents?"""
    bits = 0
    for tensor in range(3):
        if c[LEVEL0 + level, KEEP + tensor]:
            bits += footprint(c, tensor, tile) * c[BITS, tensor]
    return bits <= c[LEVEL0 + level, CAPACITY]


@njit(cache=True, nogil=True)
def pays(c: Int, tile: Int, whole: Int, instances: int, dearer: bool) -> bool:
    """Can a tensor that stays over loops of level 0 be worth while where the tiles of level 1 are `tile`?

    The blocks outside of the tensor's level have no loops but those that it stays over. Level 1 must hold its tiles,
    and all instances of the tensor's level together its words. But if all levels outside also hold the tiles with the
    loops that the tensor stays over (noted in `whole`), these loops may as well stand right outside of the last
    fan-out, by the lemma of :mod:`formulations.layer.hoisting`, unless its conditions (b) or (c) may hold there
    (`dearer`).
    """
    tensor, level = c[SCALARS, RESIDENT], c[SCALARS, RESIDENT_AT]
    room = min(c[LEVEL0 + level, CAPACITY], INFINITE // instances) * instances
    if not holds(c, np.int64(1), tile) or footprint(c, tensor, tile) * c[BITS, tensor] > room:
        return False
    if dearer:
        return True
    for d in range(c[SCALARS, DIMS]):
        whole[d] = c[EXTENT, d] if c[LACKS, d] == tensor else tile[d]
    for n in range(1, level):
        if not holds(c, n, whole):
            return True
    return False


@njit(cache=True, nogil=True)
def resident_bound(c: Int, e: Int, s: Int, r: Int, dearer: bool) -> int:
    """Scaled energy that no mapping with the resident tensor goes below (INFINITE: none that pays).

    `dearer`: may the loops that the tensor stays over cost more right outside of the last fan-out above it (see
    :func:`pays`)?
    """
    dims, levels, level = c[SCALARS, DIMS], c[SCALARS, LEVELS], c[SCALARS, RESIDENT_AT]
    instances, copies, first = 1, 1, 1
    energy = c[SCALARS, COMPUTE] * c[SCALARS, SCALE] + resident_energy(c, np.int64(1), np.int64(1))
    innermost = words_inside(c, r, levels - 1, np.int64(0), c[LEVEL0 + levels - 1, SHARED : SHARED + 3])
    for n in range(levels):
        energy -= first_visits(c, n, copies)
        most, most_copies = 1, 1
        for row in range(c[STARTS, n], c[STARTS, n + 1]):
            most = max(most, s[row, 2 * dims])
            most_copies = max(most_copies, copies_of(c, s[row, dims : 2 * dims], np.int64(O)))
        copies *= most_copies
        if n == 0:
            first = most
        if n < level:
            instances *= most
        if n == levels - 1:
            energy += innermost // most
    least, whole = INFINITE, np.empty(dims, np.int64)
    for i in range(e.shape[0]):
        if c[SCALARS, RESIDENT_FROM] == 0 and not pays(c, e[i], whole, instances, dearer):
            continue
        moved = (
            words_filled(c, r, np.int64(1), i)
            + words_inside(c, r, np.int64(0), i, c[LEVEL0, SHARED : SHARED + 3]) // first
        )
        moved += words_inside(c, r, np.int64(1), i, c[LEVEL0 + 1, SHARED : SHARED + 3]) if levels > 2 else 0
        if c[SCALARS, HAS_HALO] and c[LEVEL0 + 1, KEEP + I]:
            moved += r[LOW, i] * c[LEVEL0 + 1, WORD_FILL + I] + r[LOW, i] // first * c[LEVEL0, WORD_READ + I]
        for tensor in range(3):
            halo = tensor == I and c[SCALARS, HAS_HALO]
            if c[LEVEL0 + level, KEEP + tensor] and tensor != c[SCALARS, RESIDENT] and not halo:
                moved += c[VOLUME, tensor] * r[tensor, i] * fill_energy(c, level, tensor)
        least = min(least, moved)
    return energy + least if least < INFINITE else INFINITE


@njit(cache=True, nogil=True)
def resident_rest(c: Int, w: Int) -> int:
    """What the resident tensor costs, all fan-outs above it being known, beyond moving every word once.

    An input with halo is priced with its window: only the bound so far is taken back.
    """
    tensor, level = c[SCALARS, RESIDENT], c[SCALARS, RESIDENT_AT]
    known = resident_energy(c, np.int64(1), np.int64(1))
    if tensor == I and c[SCALARS, HAS_HALO]:
        return -known
    reads = fills = refetches(c, w, level, tensor)
    for n in range(c[LEVEL0 + level - 1, READER + tensor], level):
        reads //= copies_of(c, w[SPATIAL, n], tensor)
    return resident_energy(c, reads, fills) - known


@njit(cache=True, nogil=True)
def close_outermost(c: Int, w: Int) -> None:
    """Loops of level 0 that a resident W or O stands above close it: only they stand right above the blocks inside."""
    if c[SCALARS, RESIDENT_FROM] > 0:
        return
    tensor, some = c[SCALARS, RESIDENT], False
    for d in range(c[SCALARS, DIMS]):
        some = some or (c[LACKS, d] == tensor and w[GAP, 1, d] > 1)
    if tensor in (W, O) and some:
        for d in range(c[SCALARS, DIMS]):
            if c[LACKS, d] != tensor:
                w[GAP, 1, d] = 1
