"""What moving the input into a level costs at least, per tile that it may have: the extents around are known.

For a block with extents `top` the input's node has a tile below it that agrees with `top` but along the halo dims
that are free. ``t[l, TILES, p]`` is a bound on the energy of moving the input into level l when point p is the tile.
It holds for one block only, and is filled when the search enters it. A tile that does not fit by itself has the bound
INFINITE, or one left from another block: it is turned down either way.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.lattice.kernels.blocks import (
    closes,
    copy,
    first_tile,
    input_is_free,
    input_leads,
    input_total,
    is_resident,
    next_tile,
    place,
    refetch,
    smallest_bottom,
    width,
)
from formulations.lattice.kernels.branch import input_energy
from formulations.lattice.kernels.layout import (
    AXES,
    AXIS0,
    BITS,
    BOTTOM,
    CAPACITY,
    COUNT,
    DIMS,
    EXTENT,
    FLOOR,
    FREE,
    GAP,
    GAP_SPATIAL,
    GAP_WINDOW,
    HALO,
    LEVEL0,
    META,
    OPEN,
    ORDER0,
    ORDER_COUNT,
    SCALARS,
    STRIDE,
    TILE,
    TILES,
    TOP,
    TOP_POINT,
    I,
    Int,
)
from formulations.lattice.kernels.leaf import refetches
from formulations.problem import INFINITE

ALONG, ALL, SLIDES = range(3)
"""Kinds of :func:`slide_tables`."""


@njit(cache=True, nogil=True)
def least_words(c: Int, w: Int, level: int, times: int) -> int:
    """Least words of I fetched into the block of `level` with the tile ``w[TILE, level]``, whatever moves it.

    `times` are the refetches of I.

    A loop of the block moves the tile by at least its own extent and runs at most from the tile to the block's
    extents; more trips and shorter steps fetch fewer words per trip. A loop outside of the block moves it only if no
    loop of the block stands above the node, so if the tile is the block's (or if part of them is lifted: these run
    at most as long, over longer steps). Loops that close the block, or of a resident input, stand below the node.
    """
    tile, top, gap = w[TILE, level], w[TOP, level], w[GAP, level]
    whole = True
    for d in range(c[SCALARS, DIMS]):
        if closes(c, level, d) or is_resident(c, level, np.int64(I)):
            tile[d] = top[d]
        whole = whole and (tile[d] == top[d] or not c[HALO, d])
    best = input_total(c, tile, times, np.int64(OPEN), np.int64(1), np.int64(1))
    fixed = w[META, level, GAP_WINDOW]
    for d in range(c[SCALARS, DIMS]):
        if not c[HALO, d]:
            continue
        run = top[d] // tile[d]
        if run > 1:
            best = min(best, input_total(c, tile, times, d, run, tile[d]))
        if whole and gap[d] > 1 and fixed in (OPEN, d):
            best = min(best, input_total(c, tile, times, d, gap[d], tile[d] * w[GAP_SPATIAL, level, d]))
    return best


@njit(cache=True, nogil=True)
def too_large(c: Int, level: int, tile: Int) -> bool:
    """Does the input's tile alone overflow the level, whatever its extents along dims without halo?"""
    bits = c[BITS, I]
    for a in range(c[SCALARS, AXES]):
        if c[HALO, c[AXIS0 + a, 0]]:
            bits *= width(c, tile, a)
    return bits > c[LEVEL0 + level, CAPACITY]


@njit(cache=True, nogil=True)
def fill_tiles(c: Int, g: Int, e: Int, q: Int, t: Int, w: Int, level: int) -> None:
    """Fill ``t[level, TILES]`` for all tiles inside the block of `level`, whose extents and gap are on the branch."""
    top, times = w[META, level, TOP_POINT], refetches(c, w, level, np.int64(I))
    point = first_tile(c, g, c[HALO], top, np.int64(0))
    while point >= 0:
        fits = not too_large(c, level, e[point])
        t[level, TILES, point] = INFINITE
        if fits:
            copy(w[TILE, level], e[point])
            t[level, TILES, point] = input_energy(c, w, level, least_words(c, w, level, times), np.bool_(True))
        point = next_tile(c, g, q, c[HALO], top, np.int64(0), point, fits)


@njit(cache=True, nogil=True)
def slide_tables(c: Int, e: Int, q: Int) -> Int:
    """Per axis with halo, and digits of the input's tile along its dims: ``[axis, kind, i, j, k]``.

    Kind ALONG: words along the axis. ALL: times the trips over it. SLIDES, one behind for the second dim: the same
    when a loop over the dim, from the tile to the extent of digit k, moves the tile.
    """
    tile, most = np.ones(c[SCALARS, DIMS], np.int64), q.shape[2]
    axes = np.empty((c[SCALARS, AXES], SLIDES + 2, most, most, most), np.int64)
    for a in range(c[SCALARS, AXES]):
        d, f = c[AXIS0 + a, 0], c[AXIS0 + a, 2]
        for i in range(c[COUNT, d] if c[HALO, d] else 0):
            tile[d] = e[i * c[STRIDE, d], d]
            for j in range(c[COUNT, f] if f >= 0 else 1):
                if f >= 0:
                    tile[f] = e[j * c[STRIDE, f], f]
                along = width(c, tile, a)
                trips = c[EXTENT, d] // tile[d] * (c[EXTENT, f] // tile[f] if f >= 0 else 1)
                axes[a, ALONG, i, j, 0], axes[a, ALL, i, j, 0] = along, along * trips
                for term in range(2 if f >= 0 else 1):
                    dim, moves = c[AXIS0 + a, 2 * term], c[AXIS0 + a, 2 * term + 1]
                    for k in range(c[COUNT, dim]):
                        run = e[k * c[STRIDE, dim], dim] // tile[dim]
                        if run > 0 and run * tile[dim] == e[k * c[STRIDE, dim], dim]:
                            slid = along + (run - 1) * min(along, moves * tile[dim])
                            axes[a, SLIDES + term, i, j, k] = trips // run * slid
    return axes


@njit(cache=True, nogil=True)
def extend(c: Int, g: Int, q: Int, axes: Int, a: int, top: int, tiles: Int, count: int, to: Int) -> int:
    """Extend `tiles` by all extents along axis `a` inside those of `top`: rows point, words, words if moved, width."""
    d, f, number = c[AXIS0 + a, 0], c[AXIS0 + a, 2], 0
    last, end = g[top, d], g[top, f] if f >= 0 else 0
    for i in range(last + 1):
        if q[0, d, last, i] < 0:
            continue
        for j in range(end + 1):
            if f >= 0 and q[0, f, end, j] < 0:
                continue
            every, along = axes[a, ALL, i, j, 0], axes[a, ALONG, i, j, 0]
            slid = axes[a, SLIDES, i, j, last]
            shift = (i - last) * c[STRIDE, d]
            if f >= 0:
                slid = min(slid, axes[a, SLIDES + 1, i, j, end])
                shift += (j - end) * c[STRIDE, f]
            for n in range(count):
                to[0, number], to[1, number] = tiles[0, n] + shift, tiles[1, n] * every
                to[2, number], to[3, number] = min(tiles[2, n] * every, tiles[1, n] * slid), tiles[3, n] * along
                number += 1
    return number


@njit(cache=True, nogil=True)
def fill_words(c: Int, g: Int, e: Int, q: Int, t: Int, w: Int, axes: Int, x: Int, level: int, top: int) -> None:
    """Put the words of :func:`least_words` into ``t[level, TILES]`` in place of energies, for loops of the block only.

    They are products over the axes, one of them with a loop that moves the tile: ``x`` holds the tiles so far. Notes
    the extents around the block, and the least of the words (FLOOR).
    """
    m, now, count = w[META, level], 0, 1
    copy(w[TOP, level], e[top])
    m[TOP_POINT] = top
    x[0, 0, 0], x[0, 1, 0], x[0, 3, 0] = top, refetch(c, np.int64(I), e[top]), c[BITS, I]
    for a in range(c[SCALARS, AXES]):
        if not c[HALO, c[AXIS0 + a, 0]]:
            x[0, 1, 0] *= c[EXTENT, c[AXIS0 + a, 0]]
    x[0, 2, 0] = x[0, 1, 0]
    for a in range(c[SCALARS, AXES]):
        if c[HALO, c[AXIS0 + a, 0]]:
            count = extend(c, g, q, axes, a, top, x[now], count, x[1 - now])
            now = 1 - now
    m[FLOOR] = INFINITE
    for n in range(count):
        words = x[now, 2, n] if x[now, 3, n] <= c[LEVEL0 + level, CAPACITY] else INFINITE
        t[level, TILES, x[now, 0, n]] = words
        m[FLOOR] = min(m[FLOOR], words)


@njit(cache=True, nogil=True)
def can_be_first(c: Int, g: Int, e: Int, w: Int, level: int) -> bool:
    """Can the input stand outermost in the block around the extents of :func:`fill_words`?

    Of all orders with no loops above the input's node, those in which it leads need the least room.
    """
    top = w[META, level, TOP_POINT]
    bottom, room = e[smallest_bottom(c, g, level, top)], c[LEVEL0 + level, CAPACITY]
    for number in range(c[ORDER0 + level, ORDER_COUNT]):
        order = c[ORDER0 + level, 3 * number : 3 * number + 3]
        if input_leads(c, level, order) and place(c, w, level, order, e[top], bottom, e[top]) <= room:
            return True
    return False


@njit(cache=True, nogil=True)
def least_moved(c: Int, g: Int, e: Int, q: Int, t: Int, w: Int, level: int) -> int:
    """Least of ``t[level, TILES]`` over tiles that fit in some order (INFINITE: none fits).

    A block holds the least bits for the smallest extents inside of it: footprints grow with the extents.
    """
    top, best = w[META, level, TOP_POINT], INFINITE
    bottom = smallest_bottom(c, g, level, top)
    copy(w[BOTTOM, level], e[bottom])
    for number in range(c[ORDER0 + level, ORDER_COUNT]):
        order = c[ORDER0 + level, 3 * number : 3 * number + 3]
        for d in range(c[SCALARS, DIMS]):
            w[FREE, level, d] = input_is_free(c, level, order, d)
        smallest = point = first_tile(c, g, w[FREE, level], top, bottom)
        while point >= 0:
            fits = t[level, TILES, point] < INFINITE
            if t[level, TILES, point] < best:
                if place(c, w, level, order, w[TOP, level], w[BOTTOM, level], e[point]) <= c[LEVEL0 + level, CAPACITY]:
                    best = t[level, TILES, point]
                elif point == smallest:
                    break
                else:
                    fits = False
            point = next_tile(c, g, q, w[FREE, level], top, bottom, point, fits)
    return best
