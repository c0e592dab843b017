"""What moving the input into a level costs at least, per tile that it may have: the extents around are known.

For a block with extents `top` the input's node has a tile below it that agrees with `top` but along the halo dims
that are free. ``t[l, TILES, p]`` is a bound on the energy of moving the input into level l when point p is the tile.
It holds for one block only, and is filled when the search enters it. A tile that does not fit by itself has the bound
INFINITE, or one left from another block: it is turned down either way.
"""

from __future__ import annotations

from numba import njit

from formulations.kernels.blocks import (
    closes,
    copy,
    first_tile,
    input_is_free,
    input_leads,
    input_total,
    is_resident,
    next_tile,
    place,
    smallest_bottom,
    width,
)
from formulations.kernels.branch import input_energy
from formulations.kernels.layout import (
    AXES,
    AXIS0,
    BITS,
    BLOCKED,
    BOTTOM,
    CAPACITY,
    DIMS,
    FLOOR,
    FREE,
    GAP,
    GAP_SPATIAL,
    GAP_WINDOW,
    HALO,
    INFINITE,
    LEVEL0,
    META,
    OPEN,
    ORDER0,
    ORDER_COUNT,
    SCALARS,
    TILE,
    TILES,
    TOP,
    TOP_POINT,
    I,
    Int,
)
from formulations.kernels.leaf import refetches


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
        if closes(c, level, d) or is_resident(c, level, I):
            tile[d] = top[d]
        whole = whole and (tile[d] == top[d] or not c[HALO, d])
    best = input_total(c, tile, times, OPEN, 1, 1)
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
    top, times = w[META, level, TOP_POINT], refetches(c, w, level, I)
    point = first_tile(c, g, c[HALO], top, 0)
    while point >= 0:
        fits = not too_large(c, level, e[point])
        t[level, TILES, point] = INFINITE
        if fits:
            copy(w[TILE, level], e[point])
            t[level, TILES, point] = input_energy(c, w, level, least_words(c, w, level, times), True)
        point = next_tile(c, g, q, c[HALO], top, 0, point, fits)


@njit(cache=True, nogil=True)
def fill_words(c: Int, g: Int, e: Int, q: Int, t: Int, w: Int, level: int, top: int, times: int) -> None:
    """Put the words of :func:`least_words` into ``t[level, TILES]`` in place of energies, for loops of the block only.

    Notes the extents around the block, and the least of the words over tiles that fit (FLOOR).
    """
    m = w[META, level]
    copy(w[TOP, level], e[top])
    m[TOP_POINT], m[GAP_WINDOW] = top, BLOCKED
    point = first_tile(c, g, c[HALO], top, 0)
    while point >= 0:
        fits = not too_large(c, level, e[point])
        t[level, TILES, point] = INFINITE
        if fits:
            copy(w[TILE, level], e[point])
            t[level, TILES, point] = least_words(c, w, level, times)
        point = next_tile(c, g, q, c[HALO], top, 0, point, fits)
    m[FLOOR] = least_moved(c, g, e, q, t, w, level)


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
