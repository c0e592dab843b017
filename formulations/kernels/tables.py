"""Lower bounds on the inside of a level, for every point of the divisor lattice.

``t[l, INSIDE, p]``: least energy (scaled) of everything below the temporal loops of level l when the extents
there are point p: reads and updates of level l by its children, and all deeper levels. ``t[l, BLOCK, p]``: the
same with the block of level l added, when the extents around it are p; the input's own fills into level l are
left to the fan-out above, which knows the spatial factors. ``t[l, FIRST, p]``: can the input stand outermost
in the block? ``t[l, LOCAL, p]``: least words of I fetched into the level when it does not. All are bounds:
where the input has a window they assume the best loop order outside.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.kernels.blocks import (
    best_outer_window,
    copy,
    distinct_inputs,
    input_is_free,
    input_total,
    needs_equal,
    next_tile,
    outward,
    place,
    refetch,
)
from formulations.kernels.layout import (
    BLOCK,
    BOTTOM,
    CAPACITY,
    COUNT,
    COUNTS,
    DIMS,
    DRAIN,
    EXACT,
    FIRST,
    FREE,
    HALO,
    HAS_HALO,
    INFINITE,
    INSIDE,
    KEEP,
    LACKS,
    LEAK,
    LEAST_INPUT,
    LEVEL0,
    LEVELS,
    LOCAL,
    LOW,
    MACS,
    NODE,
    ORDER0,
    ORDER_COUNT,
    RANKED,
    SCALARS,
    SCALE,
    STARTS,
    STRIDE,
    TILE,
    TOP,
    TRIPS,
    VOLUME,
    WORD_FILL,
    WORD_READ,
    WORD_UPDATE,
    I,
    Int,
    O,
    W,
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
def copies_of_outputs(c: Int, vector: Int) -> int:
    """Product of the spatial factors irrelevant to O: instances that hold their own partial sums."""
    copies = 1
    for d in range(c[SCALARS, DIMS]):
        if c[LACKS, d] == O:
            copies *= vector[d]
    return copies


@njit(cache=True, nogil=True)
def words_inside(c: Int, r: Int, level: int, point: int) -> int:
    """Scaled energy of the reads and updates of a level by its children, input with halo left out."""
    row = c[LEVEL0 + level]
    energy = 0
    if row[KEEP + W]:
        energy += c[VOLUME, W] * r[W, point] * row[WORD_READ + W]
    if row[KEEP + O]:
        energy += c[VOLUME, O] * r[O, point] * (row[WORD_UPDATE + O] + row[WORD_READ + O])
    if row[KEEP + I] and not c[SCALARS, HAS_HALO]:
        energy += c[VOLUME, I] * r[I, point] * row[WORD_READ + I]
    return energy


@njit(cache=True, nogil=True)
def words_filled(c: Int, r: Int, level: int, point: int) -> int:
    """Scaled energy of the fills (and drains) of a level, input with halo and first visits left out."""
    row = c[LEVEL0 + level]
    energy = 0
    if row[KEEP + W]:
        energy += c[VOLUME, W] * r[W, point] * row[WORD_FILL + W]
    if row[KEEP + O]:
        each = row[WORD_FILL + O]
        if c[SCALARS, DRAIN]:
            each += row[WORD_READ + O]
        energy += c[VOLUME, O] * r[O, point] * each
    if row[KEEP + I] and not c[SCALARS, HAS_HALO]:
        energy += c[VOLUME, I] * r[I, point] * row[WORD_FILL + I]
    return energy


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
def far_input(c: Int, r: Int, level: int, point: int) -> int:
    """Bound on the scaled energy of reading I from a level when the next one bypasses it."""
    row = c[LEVEL0 + level]
    if not c[SCALARS, HAS_HALO] or not row[KEEP + I] or level + 1 == c[SCALARS, LEVELS]:
        return 0
    if c[LEVEL0 + level + 1, KEEP + I]:
        return 0
    return c[VOLUME, LEAST_INPUT] * r[I, point] * row[WORD_READ + I]


@njit(cache=True, nogil=True)
def input_pair(c: Int, e: Int, t: Int, r: Int, level: int, vector: Int, child: int) -> int:
    """Least scaled energy of moving I from `level` into the next one, whose block has the extents ``e[child]``."""
    inner = level + 1
    spread = 1
    for d in range(c[SCALARS, DIMS]):
        spread *= vector[d]
    read = c[LEVEL0 + level, WORD_READ + I]
    if inner == c[SCALARS, LEVELS]:
        if not c[LEVEL0 + level, KEEP + I]:
            return 0
        return c[SCALARS, MACS] // spread * distinct_inputs(c, vector, e[child]) * read
    if not c[LEVEL0 + inner, KEEP + I]:
        return 0
    words = r[LOW, child]
    if inner == c[SCALARS, EXACT]:
        words = t[inner, LOCAL, child]
        if t[inner, FIRST, child]:
            words = min(words, best_outer_window(c, e[child], r[I, child], vector))
        if words >= INFINITE:
            return INFINITE
    energy = words * c[LEVEL0 + inner, WORD_FILL + I]
    if c[LEVEL0 + level, KEEP + I]:
        energy += words // spread * distinct_inputs(c, vector, e[child]) * read
    return energy


@njit(cache=True, nogil=True)
def fill_inside(
    c: Int, g: Int, e: Int, q: Int, s: Int, t: Int, r: Int, level: int,
    copies_outside: int,
    spread_elsewhere: int, max_cycles: int,
) -> None:  # fmt: skip
    """Fill ``t[level, INSIDE]``: the best spatial factors of the fan-out below `level` for every point.

    `copies_outside` and `spread_elsewhere` bound the spatial factors of the other fan-outs; factors that leave
    more than `max_cycles` compute cycles are skipped.
    """
    levels, dims = c[SCALARS, LEVELS], c[SCALARS, DIMS]
    inner = level + 1
    points = t.shape[2]
    finite = np.empty(points, np.int64)
    least = np.empty(points, np.int64)
    moved = np.empty(dims, np.int64)
    offsets = np.empty((dims, q.shape[2]), np.int64)
    count = 0
    for i in range(points):
        if (inner == levels and i == 0) or (inner < levels and t[inner, BLOCK, i] < INFINITE):
            finite[count] = i
            count += 1
    with_input = c[SCALARS, HAS_HALO] == 1 and inner < levels and c[LEVEL0 + inner, KEEP + I] == 1
    if with_input:
        least_input(c, e, t, r, inner, finite[:count], least)
    for row in range(c[STARTS, level], c[STARTS, level + 1]):
        product = s[row, 2 * dims]
        cycles = c[SCALARS, MACS] // (product * spread_elsewhere)
        if cycles > max_cycles:
            continue
        digit, vector = s[row, :dims], s[row, dims : 2 * dims]
        fixed = 0
        if inner < levels:
            fixed -= first_visits(c, inner, copies_of_outputs(c, vector) * copies_outside)
        if inner == max(levels - 1, 2):
            for n in range(levels):
                leak = c[LEVEL0 + n, LEAK] * cycles * c[SCALARS, SCALE]
                fixed += leak * product if n > level else leak
        shared = product
        for d in range(dims):
            if c[LACKS, d] != I and not c[HALO, d]:
                shared //= vector[d]
        moving = 0
        for d in range(dims):
            if vector[d] > 1:
                moved[moving] = d
                for k in range(c[COUNT, d]):
                    grown = q[1, d, digit[d], k]
                    offsets[moving, k] = (grown - k) * c[STRIDE, d] if grown >= 0 else -1
                moving += 1
        for k in range(count):
            child = finite[k]
            outer = child
            for n in range(moving):
                d = moved[n]
                offset = offsets[n, g[child, d]]
                if offset < 0:
                    outer = -1
                    break
                outer += offset
            if outer < 0:
                continue
            energy = fixed
            if inner < levels:
                energy += t[inner, BLOCK, child]
            if energy >= t[level, INSIDE, outer]:
                continue
            if with_input:
                low = least[k] * c[LEVEL0 + inner, WORD_FILL + I]
                if c[LEVEL0 + level, KEEP + I]:
                    low += least[k] // shared * c[LEVEL0 + level, WORD_READ + I]
                if energy + low >= t[level, INSIDE, outer]:
                    continue
            if c[SCALARS, HAS_HALO]:
                energy += input_pair(c, e, t, r, level, vector, child)
            t[level, INSIDE, outer] = min(t[level, INSIDE, outer], energy)


@njit(cache=True, nogil=True)
def least_input(c: Int, e: Int, t: Int, r: Int, inner: int, children: Int, least: Int) -> None:
    """Per child the least words of I fetched into its block, whatever the fan-out."""
    for k in range(children.shape[0]):
        child = children[k]
        least[k] = r[LOW, child]
        if inner == c[SCALARS, EXACT]:
            least[k] = t[inner, LOCAL, child]
            if t[inner, FIRST, child]:
                least[k] = min(least[k], best_outer_window(c, e[child], r[I, child], e[0]))


@njit(cache=True, nogil=True)
def add_reads(c: Int, t: Int, r: Int, level: int) -> None:
    """Add to ``t[level, INSIDE]`` what the children read from the level."""
    for i in range(t.shape[2]):
        if t[level, INSIDE, i] < INFINITE:
            t[level, INSIDE, i] += words_inside(c, r, level, i) + far_input(c, r, level, i)


@njit(cache=True, nogil=True)
def window_here(c: Int, trips: Int, refetches: int, tile: Int) -> int:
    """Least words fetched when loops with these trips stand right above the input's node."""
    best = input_total(c, tile, refetches, -1, 1, 1)
    for d in range(c[SCALARS, DIMS]):
        if c[HALO, d] and trips[d] > 1:
            best = min(best, input_total(c, tile, refetches, d, trips[d], tile[d]))
    return best


@njit(cache=True, nogil=True)
def smallest(c: Int, free: Int, bottom: Int, tile: Int) -> bool:
    """Is this the input's smallest tile? (If it does not fit, no other does.)"""
    for d in range(c[SCALARS, DIMS]):
        if free[d] and tile[d] != bottom[d]:
            return False
    return True


@njit(cache=True, nogil=True)
def try_block(c: Int, e: Int, t: Int, r: Int, w: Int, level: int, top: int, bottom: int, exact: bool) -> bool:
    """Does some order fit the capacity? With `exact`, also note how the input may stand (first, local)."""
    dims = c[SCALARS, DIMS]
    outer, inner = e[top], e[bottom]
    for d in range(dims):
        if outer[d] != inner[d] and needs_equal(c, level, d):
            return False
    copy(w[TOP, level], outer)
    copy(w[BOTTOM, level], inner)
    free, tile, trips = w[FREE, level], w[TILE, level], w[TRIPS, level]
    special = c[SCALARS, HAS_HALO] and c[LEVEL0 + level, KEEP + I]
    fits = False
    for number in range(c[ORDER0 + level, ORDER_COUNT]):
        order = c[ORDER0 + level, 3 * number : 3 * number + 3]
        for d in range(dims):
            free[d] = special and input_is_free(c, level, order, d)
            tile[d] = inner[d] if free[d] else outer[d]
        while True:
            if place(c, w, level, order, outer, inner, tile) <= c[LEVEL0 + level, CAPACITY]:
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
            elif smallest(c, free, inner, tile):
                break
            if not exact or not next_tile(c, free, outer, inner, tile):
                break
    return fits


@njit(cache=True, nogil=True)
def fill_block(c: Int, g: Int, e: Int, q: Int, t: Int, r: Int, w: Int, level: int, exact: bool) -> None:
    """Fill ``t[level, BLOCK]``: the best extents inside the block for every point around it."""
    for i in range(t.shape[2]):
        for k in range(c[COUNTS, level]):
            u = t[level, RANKED, k]
            if t[level, INSIDE, u] >= t[level, BLOCK, i]:
                break
            if contains(c, q, g, i, u) and try_block(c, e, t, r, w, level, i, u, exact):
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
