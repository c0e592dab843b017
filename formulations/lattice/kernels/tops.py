"""Bounds on outermost blocks, which the search opens in the order of these."""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.lattice.kernels.blocks import closes, copies_of
from formulations.lattice.kernels.fanout import input_pair
from formulations.lattice.kernels.layout import (
    BEST,
    COMPUTE,
    DIMS,
    HAS_HALO,
    INSIDE,
    LEVEL0,
    LEVELS,
    RANKED,
    RESIDENT,
    RESIDENT_FROM,
    SCALARS,
    SCALE,
    SHARED,
    SPATIAL_BELOW,
    STARTS,
    STOPPED,
    STRIDE,
    Int,
    O,
)
from formulations.lattice.kernels.tables import combine, first_visits, resident_energy, words_filled, words_inside
from formulations.problem import INFINITE


@njit(cache=True, nogil=True)
def least_within(c: Int, g: Int, q: Int, t: Int, lowest: int) -> Int:
    """Per point around block 1 the least bound of what may be inside of it.

    Below a node that is hoisted to block 0, block 1 has only loops over the dims irrelevant to the node's tensor.
    """
    least = t[1, INSIDE].copy()
    if c[SCALARS, RESIDENT] < 0 or c[SCALARS, RESIDENT_FROM] > 0:
        least[:] = lowest
        return least
    for d in range(c[SCALARS, DIMS]):
        if closes(c, np.int64(1), d):
            before = least.copy()
            for i in range(least.shape[0]):
                here = g[i, d]
                for j in range(here):
                    if q[0, d, here, j] >= 0:
                        least[i] = min(least[i], before[i + (j - here) * c[STRIDE, d]])
    return least


@njit(cache=True, nogil=True)
def bound_tops(c: Int, g: Int, e: Int, q: Int, s: Int, t: Int, r: Int, w: Int, bounds: Int) -> None:
    """Bounds on every outermost block, one per row of the outermost fan-out and point (INFINITE: none)."""
    dims, levels = c[SCALARS, DIMS], c[SCALARS, LEVELS]
    w[SPATIAL_BELOW, 0, levels] = 1
    for level in range(levels - 1, -1, -1):
        most = 1
        for row in range(c[STARTS, level], c[STARTS, level + 1]):
            most = max(most, s[row, 2 * dims])
        w[SPATIAL_BELOW, 0, level] = w[SPATIAL_BELOW, 0, level + 1] * most
    lowest = t[1, INSIDE, t[1, RANKED, 0]]
    within = least_within(c, g, q, t, lowest)
    for row in range(c[STARTS, 0], c[STARTS, 1]):
        if c[BEST, STOPPED]:
            return
        for i in range(e.shape[0]):
            outer = combine(c, q, g, np.int64(1), i, s[row, :dims])
            if outer >= 0:
                inside = within[i]
                if inside >= INFINITE:
                    continue
                energy = outermost(c, r, s[row, dims : 2 * dims], outer) + words_filled(c, r, np.int64(1), i) + inside
                if c[SCALARS, HAS_HALO]:
                    energy += input_pair(c, e, t, r, np.int64(0), s[row, dims : 2 * dims], i, np.int64(1))
                bounds[row - c[STARTS, 0], i] = energy


@njit(cache=True, nogil=True)
def outermost(c: Int, r: Int, vector: Int, outer: int) -> int:
    """Scaled energy of the multiply-accumulates and the outermost level, input with halo left out."""
    energy = c[SCALARS, COMPUTE] * c[SCALARS, SCALE] - first_visits(c, np.int64(0), np.int64(1))
    energy += resident_energy(c, np.int64(1), np.int64(1))
    energy += words_inside(c, r, np.int64(0), outer, c[LEVEL0, SHARED : SHARED + 3])
    return energy - first_visits(c, np.int64(1), copies_of(c, vector, np.int64(O)))
