"""Lower bounds on the inside of a level, for every point of the divisor lattice.

``t[l, INSIDE, p]``: least energy (scaled) of everything below the temporal loops of level l when the extents
there are point p: reads and updates of level l by its children, and all deeper levels. ``t[l, BLOCK, p]``: the
same with the block of level l added, when the extents around it are p; the input's own fills into level l are
left to the fan-out above, which knows the spatial factors. ``t[l, FIRST, p]``: can the input stand outermost
in the block? ``t[l, LOCAL, p]``: least words of I fetched into the level when it does not. All are bounds:
where the input has a window they assume the best loop order outside.
"""

from __future__ import annotations

from numba import njit

from formulations.kernels.blocks import (
    best_outer_window,
    copy,
    first_tile,
    input_is_free,
    input_total,
    is_resident,
    needs_equal,
    next_tile,
    outward,
    place,
    refetch,
)
from formulations.kernels.layout import (
    BEST,
    BLOCK,
    BOTTOM,
    CAPACITY,
    COUNTS,
    DIMS,
    DRAIN,
    FIRST,
    FREE,
    HALO,
    HAS_HALO,
    INFINITE,
    INSIDE,
    KEEP,
    LEAST_INPUT,
    LEVEL0,
    LEVELS,
    LOCAL,
    LOW,
    NODE,
    ORDER0,
    ORDER_COUNT,
    RANKED,
    READER,
    RESIDENT,
    RESIDENT_AT,
    SCALARS,
    SHARED,
    STOPPED,
    STRIDE,
    TOP,
    TRIPS,
    VOLUME,
    WORD_FILL,
    WORD_READ,
    WORD_UPDATE,
    I,
    Int,
    O,
)


@njit(cache=True, nogil=True)
def combine(c: Int, q: Int, g: Int, how: int, point: int, digit: Int) -> int:
    """Point divided (how = 0) or multiplied (1) by a vector of divisors; -1 where there is no such point."""
    index = 0
    for d in range(c[SCALARS, DIMS]):
        k = q[how, d, g[point, d], digit[d]]
        if k < 0:
            return -1
        index += k * c[STRIDE, d]
    return index


@njit(cache=True, nogil=True)
def contains(c: Int, q: Int, g: Int, outer: int, inner: int) -> bool:
    """Does every extent of `inner` divide that of `outer`?"""
    for d in range(c[SCALARS, DIMS]):
        if q[0, d, g[outer, d], g[inner, d]] < 0:
            return False
    return True


@njit(cache=True, nogil=True)
def fill_energy(c: Int, level: int, tensor: int) -> int:
    """Scaled energy that a level spends on a word that moves between it and the level that serves it."""
    each = c[LEVEL0 + level, WORD_FILL + tensor]
    if tensor == O and c[SCALARS, DRAIN]:
        each += c[LEVEL0 + level, WORD_READ + O]
    return each


@njit(cache=True, nogil=True)
def words_inside(c: Int, r: Int, level: int, point: int, shared: Int) -> int:
    """Scaled energy of what the children of a level read and update where it is kept, input with halo left out.

    `point` are the extents around the fan-out of the level; ``shared[tensor]`` is the multicast of the fan-outs
    from the level that serves the tensor to this one.
    """
    energy = 0
    for tensor in range(3):
        if level + 1 < c[SCALARS, LEVELS] and not c[LEVEL0 + level + 1, KEEP + tensor]:
            continue
        if (tensor == I and c[SCALARS, HAS_HALO]) or is_resident(c, level + 1, tensor):
            continue
        reader = c[LEVEL0 + c[LEVEL0 + level, READER + tensor]]
        each = reader[WORD_READ + tensor]
        if tensor == O:
            each += reader[WORD_UPDATE + O]
        energy += c[VOLUME, tensor] * r[tensor, point] // shared[tensor] * each
    return energy


@njit(cache=True, nogil=True)
def words_filled(c: Int, r: Int, level: int, point: int) -> int:
    """Scaled energy of the fills (and drains) of a level, input with halo and first visits left out."""
    energy = 0
    for tensor in range(3):
        if not c[LEVEL0 + level, KEEP + tensor] or (tensor == I and c[SCALARS, HAS_HALO]):
            continue
        if not is_resident(c, level, tensor):
            energy += c[VOLUME, tensor] * r[tensor, point] * fill_energy(c, level, tensor)
    return energy


@njit(cache=True, nogil=True)
def resident_energy(c: Int, reads: int, fills: int) -> int:
    """Scaled energy of moving the resident tensor: so many times is every word read outside, and filled inside.

    For an input with halo a lower bound.
    """
    tensor, level = c[SCALARS, RESIDENT], c[SCALARS, RESIDENT_AT]
    if tensor < 0:
        return 0
    reader = c[LEVEL0 + c[LEVEL0 + level - 1, READER + tensor]]
    each = reads * reader[WORD_READ + tensor] + fills * fill_energy(c, level, tensor)
    if tensor == O:
        each += reads * reader[WORD_UPDATE + O]
    return c[VOLUME, LEAST_INPUT if tensor == I and c[SCALARS, HAS_HALO] else tensor] * each


@njit(cache=True, nogil=True)
def first_visits(c: Int, level: int, copies: int) -> int:
    """Scaled energy saved at a level because first visits of outputs are neither read nor filled."""
    row = c[LEVEL0 + level]
    if not row[KEEP + O]:
        return 0
    each = row[WORD_READ + O]
    if level > 0:
        each += row[WORD_FILL + O]
    return c[VOLUME, O] * copies * each


@njit(cache=True, nogil=True)
def add_reads(c: Int, t: Int, r: Int, level: int) -> None:
    """Add to ``t[level, INSIDE]`` what the children of the level read."""
    shared = c[LEVEL0 + level, SHARED : SHARED + 3]
    for i in range(t.shape[2]):
        if t[level, INSIDE, i] < INFINITE:
            t[level, INSIDE, i] += words_inside(c, r, level, i, shared)


@njit(cache=True, nogil=True)
def window_here(c: Int, trips: Int, refetches: int, tile: Int) -> int:
    """Least words fetched when loops with these trips stand right above the input's node."""
    best = input_total(c, tile, refetches, -1, 1, 1)
    for d in range(c[SCALARS, DIMS]):
        if c[HALO, d] and trips[d] > 1:
            best = min(best, input_total(c, tile, refetches, d, trips[d], tile[d]))
    return best


@njit(cache=True, nogil=True)
def try_block(c: Int, g: Int, e: Int, q: Int, t: Int, r: Int, w: Int, level: int, top: int, bottom: int, exact: bool
) -> bool:  # fmt: skip
    """Does some order fit the capacity? With `exact`, also note how the input may stand (first, local)."""
    dims = c[SCALARS, DIMS]
    outer, inner = e[top], e[bottom]
    for d in range(dims):
        if outer[d] != inner[d] and needs_equal(c, level, d):
            return False
    copy(w[TOP, level], outer)
    copy(w[BOTTOM, level], inner)
    free, trips = w[FREE, level], w[TRIPS, level]
    special = c[SCALARS, HAS_HALO] and c[LEVEL0 + level, KEEP + I]
    fits = False
    for number in range(c[ORDER0 + level, ORDER_COUNT]):
        order = c[ORDER0 + level, 3 * number : 3 * number + 3]
        for d in range(dims):
            free[d] = special and input_is_free(c, level, order, d)
        smallest = point = first_tile(c, g, free, top, bottom)
        while point >= 0:
            if place(c, w, level, order, outer, inner, e[point]) <= c[LEVEL0 + level, CAPACITY]:
                fits = True
                if not (exact and special):
                    return True
                position = 0
                while order[position] != I:
                    position += 1
                if outward(c, w, level, position, trips) == -2:
                    t[level, FIRST, top] = 1
                else:
                    words = window_here(c, trips, r[I, top], w[NODE + position, level])
                    t[level, LOCAL, top] = min(t[level, LOCAL, top], words)
            elif point == smallest:
                break
            point = next_tile(c, g, q, free, top, bottom, point) if exact else -1
    return fits


@njit(cache=True, nogil=True)
def fill_block(c: Int, g: Int, e: Int, q: Int, t: Int, r: Int, w: Int, level: int, exact: bool) -> None:
    """Fill ``t[level, BLOCK]``: the best extents inside the block for every point around it."""
    for i in range(t.shape[2]):
        if c[BEST, STOPPED]:
            return
        for k in range(c[COUNTS, level]):
            u = t[level, RANKED, k]
            if t[level, INSIDE, u] >= t[level, BLOCK, i]:
                break
            if contains(c, q, g, i, u) and try_block(c, g, e, q, t, r, w, level, i, u, exact):
                t[level, BLOCK, i] = t[level, INSIDE, u]
        if t[level, BLOCK, i] < INFINITE:
            t[level, BLOCK, i] += words_filled(c, r, level, i)


@njit(cache=True, nogil=True)
def fill_refetches(c: Int, g: Int, e: Int, q: Int, r: Int, ones: Int) -> None:
    """Fill ``r``: refetches per tensor, and the least words of I over all tiles inside a point and all windows."""
    dims = c[SCALARS, DIMS]
    for i in range(e.shape[0]):
        for tensor in range(3):
            r[tensor, i] = refetch(c, tensor, e[i])
        r[LOW, i] = best_outer_window(c, e[i], r[I, i], ones)
        for d in range(dims):
            if c[HALO, d]:
                here = g[i, d]
                for j in range(here):
                    if q[0, d, here, j] >= 0:
                        r[LOW, i] = min(r[LOW, i], r[LOW, i + (j - here) * c[STRIDE, d]])
