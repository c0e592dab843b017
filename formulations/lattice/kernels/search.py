"""Best-first search of one layer's mappings on the divisor lattice.

Decisions run from the outside in: extents of a block, extents inside it, the order of its nodes, the input's
tile and the loop that moves it, the spatial factors below. A branch is cut when its bound (the exact cost of
what is decided plus a table for the rest) cannot beat the best mapping; every leaf is priced exactly.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.lattice.kernels.blocks import (
    copies_of,
    copy,
    first_tile,
    input_is_free,
    is_resident,
    needs_equal,
    next_tile,
    place,
    smallest_bottom,
)
from formulations.lattice.kernels.branch import choose_window, hand_on, hopeless, input_energy, keep_if_best, next_lift
from formulations.lattice.kernels.fanout import input_pair
from formulations.lattice.kernels.layout import (
    ALIKE,
    BEST,
    BLOCK,
    BOTTOM,
    BOTTOM_POINT,
    CAPACITY,
    COPIES,
    COUNTS,
    DIMS,
    ENERGY_IN,
    ENERGY_OUT,
    EXTENT,
    FITTED,
    FLOOR,
    FREE,
    GAP,
    GAP_SPATIAL,
    GAP_WINDOW,
    HALO,
    HAS_HALO,
    INSIDE,
    INSIDE_NOW,
    KEEP,
    LACKS,
    LATENCY_IN,
    LATENCY_OUT,
    LEVEL0,
    LEVELS,
    LIFT,
    LIFTED,
    LOW,
    META,
    NODE,
    NODES_SEEN,
    OPEN,
    OPTION,
    ORDER,
    ORDER0,
    ORDER_COUNT,
    ORDER_NUMBER,
    PORT_FLOOR,
    POSITION,
    RANK,
    RANKED,
    READER,
    RESIDENT,
    RESIDENT_AT,
    ROW,
    SCALARS,
    SPATIAL,
    SPATIAL_BELOW,
    STARTS,
    STOPPED,
    TILE,
    TILE_POINT,
    TILES,
    TOP,
    TOP_POINT,
    UNIT,
    VOLUME,
    WINDOW,
    WORDS,
    WORK,
    I,
    Int,
    O,
)
from formulations.lattice.kernels.leaf import ceil_div, copies_above, latency_outside, refetches
from formulations.lattice.kernels.moved import fill_tiles, least_moved
from formulations.lattice.kernels.resident import close_outermost, resident_rest
from formulations.lattice.kernels.tables import combine, contains, first_visits, words_filled, words_inside
from formulations.lattice.kernels.tops import outermost
from formulations.problem import INFINITE

# Phases of the exploration of a level.
NEXT_BOTTOM, NEXT_ORDER, PLACE, NEXT_TILE, NEXT_LIFT, NEXT_WINDOW, NEXT_ROW, ENTERED, LEAVE = range(9)


@njit(cache=True, nogil=True)
def may_stand(c: Int, level: int, top: Int, bottom: Int) -> bool:
    """Do top and bottom agree on the dims that no kept node profits from?"""
    for d in range(c[SCALARS, DIMS]):
        if top[d] != bottom[d] and needs_equal(c, level, d):
            return False
    return True


@njit(cache=True, nogil=True)
def enter(
    c: Int, g: Int, e: Int, q: Int, t: Int, r: Int, w: Int, level: int, energy: int, latency: int, top: int
) -> None:
    """Start deciding the block of `level` with extents ``e[top]``; `energy`, `latency` bound all outside."""
    m = w[META, level]
    special = c[SCALARS, HAS_HALO] == 1 and c[LEVEL0 + level, KEEP + I] == 1
    copy(w[TOP, level], e[top])
    m[TOP_POINT], m[RANK] = top, -1
    m[ENERGY_IN] = energy + words_filled(c, r, level, top)
    m[WORDS] = r[LOW, top] if special else c[VOLUME, I] * r[I, top]
    if is_resident(c, level, np.int64(I)):
        m[WORDS] = m[WORDS] // r[I, top] * refetches(c, w, level, np.int64(I))
    for d in range(c[SCALARS, DIMS]):
        w[LIFT, level, d] = 1
    m[LATENCY_IN] = max(latency, latency_outside(c, w, level, np.bool_(True)))
    m[FLOOR] = 0
    if special:
        fill_tiles(c, g, e, q, t, w, level)
        m[FLOOR] = least_moved(c, g, e, q, t, w, level)
        if m[FLOOR] >= INFINITE:
            m[RANK] = c[COUNTS, level]
    m[COPIES] = 1
    for n in range(level):
        m[COPIES] *= copies_of(c, w[SPATIAL, n], np.int64(O))
    for tensor in range(3):
        m[ALIKE + tensor] = 1
        for n in range(c[LEVEL0 + level, READER + tensor], level):
            for d in range(c[SCALARS, DIMS]):
                if c[LACKS, d] == tensor or (tensor == I and c[HALO, d]):
                    m[ALIKE + tensor] *= w[SPATIAL, n, d]


@njit(cache=True, nogil=True)
def next_bottom(c: Int, g: Int, e: Int, q: Int, t: Int, r: Int, w: Int, level: int) -> int:
    """Go to the next promising point inside the block; the only one is the point around it if no dim may differ."""
    m = w[META, level]
    alone = smallest_bottom(c, g, level, m[TOP_POINT]) == m[TOP_POINT]
    while True:
        m[RANK] += 1
        if m[RANK] >= (1 if alone else c[COUNTS, level]):
            return LEAVE
        u = m[TOP_POINT] if alone else t[level, RANKED, m[RANK]]
        if hopeless(c, m[ENERGY_IN] + t[level, INSIDE, u] + m[FLOOR], m[LATENCY_IN]):
            return LEAVE
        if contains(c, q, g, m[TOP_POINT], u) and may_stand(c, level, w[TOP, level], e[u]):
            copy(w[BOTTOM, level], e[u])
            m[BOTTOM_POINT], m[ORDER_NUMBER], m[FITTED] = u, -1, 0
            m[INSIDE_NOW] = words_inside(c, r, level, u, m[ALIKE : ALIKE + 3])
            return NEXT_ORDER


@njit(cache=True, nogil=True)
def next_order(c: Int, g: Int, w: Int, level: int) -> int:
    """Go to the next order of the nodes; without halo the first that fits is as good as any."""
    m = w[META, level]
    m[ORDER_NUMBER] += 1
    if m[ORDER_NUMBER] >= c[ORDER0 + level, ORDER_COUNT] or (m[FITTED] and not c[SCALARS, HAS_HALO]):
        return NEXT_BOTTOM
    order = c[ORDER0 + level, 3 * m[ORDER_NUMBER] : 3 * m[ORDER_NUMBER] + 3]
    copy(w[ORDER, level], order)
    m[POSITION] = -1
    for n in range(3):
        if order[n] == I:
            m[POSITION] = n
    for d in range(c[SCALARS, DIMS]):
        w[FREE, level, d] = m[POSITION] >= 0 and input_is_free(c, level, order, d)
    m[TILE_POINT] = first_tile(c, g, w[FREE, level], m[TOP_POINT], m[BOTTOM_POINT])
    return PLACE


@njit(cache=True, nogil=True)
def place_nodes(c: Int, g: Int, e: Int, t: Int, w: Int, level: int) -> int:
    """Place the nodes for the input's tile on the branch; go on if they fit, to the next order if none can."""
    m = w[META, level]
    order = w[ORDER, level, :3]
    bits = place(c, w, level, order, w[TOP, level], w[BOTTOM, level], e[m[TILE_POINT]])
    if bits > c[LEVEL0 + level, CAPACITY]:
        smallest = first_tile(c, g, w[FREE, level], m[TOP_POINT], m[BOTTOM_POINT])
        return NEXT_ORDER if m[TILE_POINT] == smallest else NEXT_TILE
    m[FITTED] = 1
    if tile_hopeless(c, t, w, level):
        return NEXT_TILE
    m[OPTION], m[LIFTED] = -2, w[META, level - 1, LIFTED]
    for d in range(c[SCALARS, DIMS]):
        w[LIFT, level, d] = 1
    return NEXT_WINDOW


@njit(cache=True, nogil=True)
def tile_hopeless(c: Int, t: Int, w: Int, level: int) -> bool:
    """Is the input's tile on the branch too small for the mapping to be the best, whatever moves it?"""
    m = w[META, level]
    if m[POSITION] < 0 or not c[SCALARS, HAS_HALO]:
        return False
    inside = t[level, INSIDE, m[BOTTOM_POINT]]
    return hopeless(c, m[ENERGY_IN] + inside + t[level, TILES, m[TILE_POINT]], m[LATENCY_IN])


@njit(cache=True, nogil=True)
def next_input_tile(c: Int, g: Int, q: Int, t: Int, w: Int, level: int) -> int:
    """Go to the input's next promising tile in this order."""
    m = w[META, level]
    while True:
        fits = t[level, TILES, m[TILE_POINT]] < INFINITE
        m[TILE_POINT] = next_tile(c, g, q, w[FREE, level], m[TOP_POINT], m[BOTTOM_POINT], m[TILE_POINT], fits)
        if m[TILE_POINT] < 0:
            return NEXT_ORDER
        if not tile_hopeless(c, t, w, level):
            return PLACE


@njit(cache=True, nogil=True)
def next_hoist(c: Int, w: Int, level: int) -> int:
    """Go to the next part of the first node's loops that stands outside of the fan-out above."""
    if next_lift(c, w, level):
        w[META, level, OPTION] = -2
        return NEXT_WINDOW
    return NEXT_TILE


@njit(cache=True, nogil=True)
def next_window(c: Int, e: Int, t: Int, w: Int, level: int) -> int:
    """Go to the next loop that may move the input's tile, and price what it decides."""
    m = w[META, level]
    special = c[SCALARS, HAS_HALO] == 1 and m[POSITION] >= 0
    copy(w[TILE, level], e[m[TILE_POINT]])
    while True:
        m[OPTION] += 1
        if m[OPTION] >= (c[SCALARS, DIMS] if special else 0):
            return NEXT_LIFT
        m[ENERGY_OUT], m[WINDOW] = m[ENERGY_IN], -1
        if special:
            words = choose_window(c, w, level, m[POSITION], m[OPTION])
            if words < 0:
                continue
            m[WORDS] = words
            m[ENERGY_OUT] += input_energy(c, w, level, words, np.bool_(False))
        m[LATENCY_OUT] = max(m[LATENCY_IN], latency_outside(c, w, level, np.bool_(False)))
        if hopeless(c, m[ENERGY_OUT] + t[level, INSIDE, m[BOTTOM_POINT]], m[LATENCY_OUT]):
            continue
        if special:
            copy(w[TILE, level], w[NODE + m[POSITION], level, : c[SCALARS, DIMS]])
        c[BEST, NODES_SEEN] += 1
        m[ROW] = c[STARTS, level] - 1
        return NEXT_ROW


@njit(cache=True, nogil=True)
def next_row(c: Int, g: Int, e: Int, q: Int, s: Int, t: Int, r: Int, w: Int, level: int) -> int:
    """Go to the next spatial factors below the block: price a complete mapping, or enter the next level."""
    dims, inner = c[SCALARS, DIMS], level + 1
    last = inner == c[SCALARS, LEVELS]
    m = w[META, level]
    while True:
        m[ROW] += 1
        if m[ROW] >= c[STARTS, inner]:
            for d in range(dims):
                w[SPATIAL, level, d] = 1
            return NEXT_WINDOW
        child = combine(c, q, g, np.int64(0), m[BOTTOM_POINT], s[m[ROW], :dims])
        if child < 0 or (last and child != 0):
            continue
        vector = s[m[ROW], dims : 2 * dims]
        passed = m[ENERGY_OUT] + m[INSIDE_NOW]
        bound = passed
        copy(w[SPATIAL, level], vector)
        if not last:
            passed -= first_visits(c, inner, copies_of(c, vector, np.int64(O)) * m[COPIES])
            if c[SCALARS, RESIDENT] >= 0 and c[SCALARS, RESIDENT_AT] == inner:
                passed += resident_rest(c, w)
            bound = passed + t[inner, BLOCK, child]
        if c[SCALARS, HAS_HALO]:
            bound += input_pair(c, e, t, r, level, vector, child, m[ALIKE + I])
        spread = w[SPATIAL_BELOW, 0, inner] * copies_above(c, w, inner, np.int64(-1))
        latency = max(m[LATENCY_OUT], ceil_div(c[SCALARS, WORK], spread) * c[SCALARS, UNIT])
        if hopeless(c, bound, latency):
            continue
        if last:
            keep_if_best(c, w)
            continue
        hand_on(c, w, level, m[POSITION])
        enter(c, g, e, q, t, r, w, inner, passed, latency, child)
        return ENTERED


@njit(cache=True, nogil=True)
def explore(c: Int, g: Int, e: Int, q: Int, s: Int, t: Int, r: Int, w: Int) -> None:
    """Explore everything inside the outermost block that :func:`enter` prepared for level 1, depth first."""
    level, phase = 1, NEXT_BOTTOM
    while level > 0 and not c[BEST, STOPPED]:
        if phase == NEXT_BOTTOM:
            phase = next_bottom(c, g, e, q, t, r, w, level)
        elif phase == NEXT_ORDER:
            phase = next_order(c, g, w, level)
        elif phase == PLACE:
            phase = place_nodes(c, g, e, t, w, level)
        elif phase == NEXT_TILE:
            phase = next_input_tile(c, g, q, t, w, level)
        elif phase == NEXT_LIFT:
            phase = next_hoist(c, w, level)
        elif phase == NEXT_WINDOW:
            phase = next_window(c, e, t, w, level)
        elif phase == NEXT_ROW:
            phase = next_row(c, g, e, q, s, t, r, w, level)
        elif phase == ENTERED:
            level, phase = level + 1, NEXT_BOTTOM
        else:
            level, phase = level - 1, NEXT_ROW


@njit(cache=True, nogil=True)
def search(c: Int, g: Int, e: Int, q: Int, s: Int, t: Int, r: Int, w: Int, ranked: Int, bounds: Int) -> None:
    """Open outermost blocks in the order `ranked` while their bound can beat the best noted in ``c``."""
    dims = c[SCALARS, DIMS]
    latency = max(ceil_div(c[SCALARS, WORK], w[SPATIAL_BELOW, 0, 0]) * c[SCALARS, UNIT], c[SCALARS, PORT_FLOOR])
    points = e.shape[0]
    for k in ranked:
        row, top = c[STARTS, 0] + k // points, k % points
        bound = bounds[k // points, top]
        if bound >= INFINITE or hopeless(c, bound, latency) or c[BEST, STOPPED]:
            break
        outer = combine(c, q, g, np.int64(1), top, s[row, :dims])
        copy(w[SPATIAL, 0], s[row, dims : 2 * dims])
        copy(w[TOP, 0], c[EXTENT, :dims])
        copy(w[TILE, 0], c[EXTENT, :dims])
        copy(w[BOTTOM, 0], e[outer])
        for d in range(dims):
            w[GAP, 1, d] = c[EXTENT, d] // e[outer, d]
            w[GAP_SPATIAL, 1, d], w[LIFT, 0, d] = s[row, dims + d], 1
        close_outermost(c, w)
        w[META, 1, GAP_WINDOW], w[META, 0, WINDOW], w[META, 0, LIFTED] = OPEN, -1, 0
        enter(c, g, e, q, t, r, w, np.int64(1), outermost(c, r, w[SPATIAL, 0], outer), latency, top)
        explore(c, g, e, q, s, t, r, w)


@njit(cache=True, nogil=True)
def price_spatial(c: Int, s: Int, w: Int) -> None:
    """Price every mapping of a single level: its spatial factors decide all, no loop order or tile does."""
    dims = c[SCALARS, DIMS]
    copy(w[TOP, 0], c[EXTENT, :dims])
    copy(w[TILE, 0], c[EXTENT, :dims])
    w[META, 0, WINDOW] = -1
    for row in range(c[STARTS, 0], c[STARTS, 1]):
        copy(w[SPATIAL, 0], s[row, dims : 2 * dims])
        copy(w[BOTTOM, 0], s[row, dims : 2 * dims])
        keep_if_best(c, w)
