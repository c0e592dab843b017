"""What the search asks of a branch: can it still win, what does its input cost, what does the next level see."""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.lattice.kernels.blocks import copy, input_total, is_resident, outward
from formulations.lattice.kernels.layout import (
    AXIS0,
    AXIS_OF,
    BEST,
    BEST_ENERGY,
    BEST_LATENCY,
    BEST_TOP,
    BLOCKED,
    BOTTOM,
    CAP,
    DIMS,
    ENERGY,
    GAP,
    GAP_SPATIAL,
    GAP_WINDOW,
    HALO,
    KIND,
    LACKS,
    LATENCY,
    LEAVES,
    LEVEL0,
    LIFT,
    LIFTED,
    META,
    NODE,
    OPEN,
    ORDER,
    READER,
    RESIDENT,
    SCALARS,
    SCALE,
    SPATIAL,
    TOP,
    TRIPS,
    UNIT,
    WEIGHT,
    WEIGHTED,
    WINDOW,
    WORD_FILL,
    WORD_READ,
    I,
    Int,
)
from formulations.lattice.kernels.leaf import ceil_div, multicast, price, refetches
from formulations.problem import INFINITE


@njit(cache=True, nogil=True)
def product_below(a: int, b: int, x: int, y: int) -> bool:
    """Exact ``a * b < x * y`` for non-negative integers below 2**62 (128-bit products from 31-bit limbs)."""
    mask = (1 << 31) - 1
    a0, a1, b0, b1 = a & mask, a >> 31, b & mask, b >> 31
    x0, x1, y0, y1 = x & mask, x >> 31, y & mask, y >> 31
    p, r = a0 * b0, x0 * y0
    s, u, v, z = a0 * b1, a1 * b0, x0 * y1, x1 * y0
    low = (p & mask) - (r & mask)
    middle = (p >> 31) + (s & mask) + (u & mask) - (r >> 31) - (v & mask) - (z & mask) + (low >> 31)
    high = (s >> 31) + (u >> 31) + a1 * b1 - (v >> 31) - (z >> 31) - x1 * y1 + (middle >> 31)
    return high < 0


@njit(cache=True, nogil=True)
def hopeless(c: Int, energy: int, latency: int) -> bool:
    """Can a branch with these bounds (scaled energy, latency units) not beat the best?"""
    if latency > c[SCALARS, CAP]:
        return True
    best_energy, best_latency = c[BEST, BEST_ENERGY], c[BEST, BEST_LATENCY]
    if best_energy >= INFINITE // c[SCALARS, SCALE]:
        return False
    scaled = best_energy * c[SCALARS, SCALE]
    if c[SCALARS, KIND] == ENERGY:
        return energy > scaled or (energy == scaled and latency >= best_latency)
    if c[SCALARS, KIND] == LATENCY:
        return latency > best_latency or (latency == best_latency and energy >= scaled)
    if c[SCALARS, KIND] == WEIGHTED:
        weight, unit = c[SCALARS, WEIGHT] * c[SCALARS, SCALE], c[SCALARS, UNIT]
        if weight > 0 and ceil_div(latency, unit) > (1 << 61) // weight:
            return True
        total = energy + weight * ceil_div(latency, unit)
        best = scaled + weight * ceil_div(best_latency, unit)
        return total > best or (total == best and latency >= best_latency)
    if product_below(energy, latency, scaled, best_latency):
        return False
    return energy >= scaled or product_below(scaled, best_latency, energy, latency)


@njit(cache=True, nogil=True)
def keep_if_best(c: Int, w: Int) -> None:
    """Price the complete branch exactly and keep it if it is better."""
    energy, latency = price(c, w)
    c[BEST, LEAVES] += 1
    if hopeless(c, energy * c[SCALARS, SCALE], latency):
        return
    c[BEST, BEST_ENERGY], c[BEST, BEST_LATENCY] = energy, latency
    for plane in range(7):
        for level in range(w.shape[1]):
            copy(w[BEST_TOP + plane, level], w[TOP + plane, level])


@njit(cache=True, nogil=True)
def input_energy(c: Int, w: Int, level: int, words: int, least: bool) -> int:
    """Scaled energy of filling `words` of I into `level` and reading them where they come from.

    With `least` a bound, whatever loops are lifted.
    """
    reader = c[LEVEL0 + level - 1, READER + I]
    read = multicast(c, w, reader, level, np.int64(I), words, least)
    return words * c[LEVEL0 + level, WORD_FILL + I] + read * c[LEVEL0 + reader, WORD_READ + I]


@njit(cache=True, nogil=True)
def hand_on(c: Int, w: Int, level: int, position: int) -> None:
    """Tell the next level which loops stand right above it, and whether their innermost is already chosen.

    `position` is that of the input's node (-1: not kept).
    """
    dims = c[SCALARS, DIMS]
    chosen = w[META, level, WINDOW] if w[META, level, WINDOW] >= 0 else BLOCKED
    above = outward(c, w, level, np.int64(3), w[GAP, level + 1])
    if above == -2:
        lifted = w[META, level, LIFTED] == level
        if is_resident(c, level, np.int64(I)) and blocks_resident(c, w):
            chosen = BLOCKED
        w[META, level + 1, GAP_WINDOW] = chosen if position >= 0 else (OPEN if lifted else w[META, level, GAP_WINDOW])
        for d in range(dims):
            w[GAP, level + 1, d] = w[LIFT, level, d] if lifted else w[GAP, level, d]
            outside = w[SPATIAL, level - 1, d] if lifted else w[GAP_SPATIAL, level, d]
            w[GAP_SPATIAL, level + 1, d] = outside * w[SPATIAL, level, d]
        return
    w[META, level + 1, GAP_WINDOW] = chosen if above < position else OPEN
    for d in range(dims):
        w[GAP_SPATIAL, level + 1, d] = w[SPATIAL, level, d]


@njit(cache=True, nogil=True)
def blocks_resident(c: Int, w: Int) -> bool:
    """Does the resident input stay over any loop of level 0? (Then that loop stands right above the nodes inside.)"""
    for d in range(c[SCALARS, DIMS]):
        if c[LACKS, d] == I and w[TOP, 0, d] != w[BOTTOM, 0, d]:
            return True
    return False


@njit(cache=True, nogil=True)
def most_lifted(c: Int, w: Int, level: int, d: int) -> int:
    """Trips over dim d that may stand outside of the fan-out above `level`, the first node hoisted over them.

    They must belong to the first node's run and share input tiles among the children; no loop irrelevant to the
    node's tensor may stand in the block outside, and only one node may be hoisted.
    """
    tensor, above = w[ORDER, level, 0], w[SPATIAL, level - 1]
    a = c[AXIS_OF, d]
    if tensor < 0 or c[LACKS, d] != tensor or not c[HALO, d] or c[AXIS0 + a, 2] < 0 or c[SCALARS, RESIDENT] >= 0:
        return 1
    partner = c[AXIS0 + a, 0] + c[AXIS0 + a, 2] - d
    if above[d] == 1 or above[partner] == 1 or w[META, level, LIFTED] not in (0, level):
        return 1
    for other in range(c[SCALARS, DIMS]):
        if c[LACKS, other] == tensor and w[TOP, level - 1, other] != w[BOTTOM, level - 1, other]:
            return 1
    for n in range(1, 3):
        if w[NODE + n, level, c[SCALARS, DIMS]] >= 0:
            return w[TOP, level, d] // w[NODE + n, level, d]
    return w[TOP, level, d] // w[BOTTOM, level, d]


@njit(cache=True, nogil=True)
def next_lift(c: Int, w: Int, level: int) -> bool:
    """Advance the lifted trips to the next choice; False after the last."""
    w[META, level, LIFTED] = max(0, w[META, level - 1, LIFTED])
    for d in range(c[SCALARS, DIMS]):
        most = most_lifted(c, w, level, d)
        while w[LIFT, level, d] < most:
            w[LIFT, level, d] += 1
            if most % w[LIFT, level, d] == 0:
                w[META, level, LIFTED] = level
                return True
        w[LIFT, level, d] = 1
    return False


@njit(cache=True, nogil=True)
def choose_window(c: Int, w: Int, level: int, position: int, option: int) -> int:
    """Set the loop that moves the input's tile to `option`; return the words fetched, or -1 if not possible.

    `option` is a halo dim, or negative for no window (only where no halo loop could be one).
    """
    dims = c[SCALARS, DIMS]
    trips = w[TRIPS, level]
    inside = outward(c, w, level, position, trips) != -2
    lifted = w[META, level, LIFTED] == level
    fixed = OPEN
    if not inside:
        fixed = OPEN if lifted else w[META, level, GAP_WINDOW]
        for d in range(dims):
            trips[d] = w[LIFT, level, d] if lifted else w[GAP, level, d]
    movers, usable = 0, False
    for d in range(dims):
        if c[HALO, d] and trips[d] > 1 and fixed in (OPEN, d):
            movers += 1
            usable = usable or d == option
    if not usable and (option >= 0 or movers > 0):
        return -1
    tile = w[NODE + position, level]
    run, moved = 1, 1
    if option >= 0:
        run = trips[option]
        moved = tile[option]
        if not inside:
            moved *= w[SPATIAL, level - 1, option] if lifted else w[GAP_SPATIAL, level, option]
    w[META, level, WINDOW] = option
    return input_total(c, tile, refetches(c, w, level, np.int64(I)), option, run, moved)
