"""Lower bounds on the inside of a level, for every point of the divisor lattice.

``t[l, INSIDE, p]``: least energy (scaled) of everything below the temporal loops of level l when the extents
there are point p: reads and updates of level l by its children, and all deeper levels. ``t[l, BLOCK, p]``: the
same with the block of level l added, when the extents around it are p; the input's own fills into level l are
left to the fan-out above, which knows the spatial factors. ``t[l, FIRST, p]``: by how much the inside costs more
than the best inside where the input stands outermost in the block (INFINITE: it cannot). ``t[l, LOCAL + 2k, p]``
and ``t[l, LOCAL + 2k + 1, p]``: words of I fetched into the level when it does not, and by how much the inside then
costs more, for several k: every inside has a k that is no worse in either. All are bounds: where the input has a
window they assume the best loop order outside.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.lattice.kernels.blocks import (
    best_outer_window,
    copy,
    first_tile,
    input_is_free,
    input_leads,
    input_total,
    is_resident,
    needs_equal,
    next_tile,
    outward,
    place,
    refetch,
    smallest_bottom,
)
from formulations.lattice.kernels.layout import (
    BEST,
    BLOCK,
    BOTTOM,
    CAPACITY,
    COUNTS,
    DIMS,
    DRAIN,
    FIRST,
    FIRST_READ,
    FLOOR,
    FREE,
    HALO,
    HAS_HALO,
    INSIDE,
    KEEP,
    LEAST_INPUT,
    LEVEL0,
    LEVELS,
    LOCAL,
    LOW,
    META,
    NODE,
    ORDER0,
    ORDER_COUNT,
    RANKED,
    READER,
    RESIDENT,
    RESIDENT_AT,
    RESUMES,
    SCALARS,
    SHARED,
    STEP_READ,
    STEP_UPDATE,
    STOPPED,
    STRIDE,
    TILES,
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
from formulations.lattice.kernels.moved import can_be_first, fill_words, least_moved, slide_tables
from formulations.problem import INFINITE


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
        last = level + 1 == c[SCALARS, LEVELS]
        each = reader[(STEP_READ if last else WORD_READ) + tensor]
        if tensor == O:
            each += reader[(STEP_UPDATE if last else WORD_UPDATE) + O]
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
    if c[SCALARS, RESUMES] or not row[KEEP + O]:
        return 0
    each = row[FIRST_READ]
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
    best = input_total(c, tile, refetches, np.int64(-1), np.int64(1), np.int64(1))
    for d in range(c[SCALARS, DIMS]):
        if c[HALO, d] and trips[d] > 1:
            best = min(best, input_total(c, tile, refetches, d, trips[d], tile[d]))
    return best


@njit(cache=True, nogil=True)
def try_block(
    c: Int, g: Int, e: Int, q: Int, t: Int, r: Int, w: Int, level: int, top: int, bottom: int, most: int
) -> bool:
    """Does some order fit the capacity? With ``most >= 0``, also note how the input may stand (first, local).

    This passes over tiles that fetch no fewer words than are of interest, by the bound of :func:`fill_words`; if that
    excludes all, over orders that need more room for the input without loops above it (:func:`can_be_first`).
    """
    dims, exact = c[SCALARS, DIMS], most >= 0
    least = limit = useful_words(t, level, top, t[level, INSIDE, bottom], most) if exact else INFINITE
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
        done = t[level, FIRST, top] < INFINITE or not input_leads(c, level, order)
        if exact and done and least <= w[META, level, FLOOR]:
            continue
        for d in range(dims):
            free[d] = special and input_is_free(c, level, order, d)
        smallest = point = first_tile(c, g, free, top, bottom)
        while point >= 0:
            known = exact and t[level, TILES, point] >= least
            if known and (point != top or t[level, FIRST, top] < INFINITE):
                point = next_tile(c, g, q, free, top, bottom, point, t[level, TILES, point] < INFINITE)
                continue
            held = place(c, w, level, order, outer, inner, e[point]) <= c[LEVEL0 + level, CAPACITY]
            if held:
                fits = True
                if not exact:
                    return True
                position = 0
                while order[position] != I:
                    position += 1
                if outward(c, w, level, position, trips) == -2:
                    t[level, FIRST, top] = min(t[level, FIRST, top], t[level, INSIDE, bottom])
                else:
                    least = min(least, window_here(c, trips, r[I, top], w[NODE + position, level]))
            elif point == smallest:
                break
            point = next_tile(c, g, q, free, top, bottom, point, held) if exact else -1
    if least < limit:
        note_local(t, level, top, least, t[level, INSIDE, bottom])
    return fits


@njit(cache=True, nogil=True)
def useful_words(t: Int, level: int, top: int, inside: int, most: int) -> int:
    """Below how many words an inside of this energy is of interest, no word costing more than `most`.

    What :func:`note_local` noted has no more energy inside. If it is not worse at the price `most` it is so at every
    lower price: either it has no more words, or a lower price favours it.
    """
    least = INFINITE
    for plane in range(LOCAL, t.shape[1], 2):
        if t[level, plane, top] >= INFINITE:
            break
        least = min(least, t[level, plane, top])
        if most > 0:
            least = min(least, max(0, t[level, plane, top] - (inside - t[level, plane + 1, top]) // most))
    return least


@njit(cache=True, nogil=True)
def note_local(t: Int, level: int, top: int, words: int, inside: int) -> None:
    """Note that the input may stand inside of the block, `words` fetched, with this energy inside.

    Calls come with rising energy inside: only fewer words are of interest. Where the planes do not suffice, the last
    pair is the least of both numbers, for a bound.
    """
    last = t.shape[1] - 2
    for plane in range(LOCAL, last + 1, 2):
        if words >= t[level, plane, top]:
            return
        if t[level, plane + 1, top] >= INFINITE:
            t[level, plane, top], t[level, plane + 1, top] = words, inside
            return
        if plane == last or inside == t[level, plane + 1, top]:
            t[level, plane, top] = words
            return


@njit(cache=True, nogil=True)
def count_held(c: Int, g: Int, e: Int, q: Int, t: Int, r: Int, w: Int, level: int) -> int:
    """How many points around the block of `level` leave room for some inside."""
    count = 0
    for i in range(t.shape[2]):
        count += try_block(c, g, e, q, t, r, w, level, i, smallest_bottom(c, g, level, i), np.int64(-1))
    return count


@njit(cache=True, nogil=True)
def fill_block(c: Int, g: Int, e: Int, q: Int, t: Int, r: Int, w: Int, level: int, most: int) -> None:
    """Fill ``t[level, BLOCK]``: the best extents inside the block for every point around it.

    What does not hold the least extents inside holds no others. With ``most >= 0``, fill the planes from LOCAL on as
    well, until the input stands first as cheaply as it can, and can fetch no fewer words that are of interest where it
    does not; no word costs more than `most`, which is 0 where there is one inside only.
    """
    axes = slide_tables(c, e, q)
    tiles = np.empty((2, 4, t.shape[2]), np.int64)
    for i in range(t.shape[2]):
        if c[BEST, STOPPED]:
            return
        if most != 0 and not try_block(c, g, e, q, t, r, w, level, i, smallest_bottom(c, g, level, i), np.int64(-1)):
            continue
        first = False
        if most >= 0:
            fill_words(c, g, e, q, t, w, axes, tiles, level, i)
        if most > 0:
            w[META, level, FLOOR] = least_moved(c, g, e, q, t, w, level)
            first = can_be_first(c, g, e, w, level)
        for k in range(c[COUNTS, level]):
            u = t[level, RANKED, k]
            if t[level, BLOCK, i] < INFINITE:
                wanted = first and t[level, FIRST, i] >= INFINITE
                useful = most > 0 and useful_words(t, level, i, t[level, INSIDE, u], most) > w[META, level, FLOOR]
                if not wanted and not useful:
                    break
            if contains(c, q, g, i, u) and try_block(c, g, e, q, t, r, w, level, i, u, most):
                t[level, BLOCK, i] = min(t[level, BLOCK, i], t[level, INSIDE, u])
        finish_block(c, t, r, level, i)


@njit(cache=True, nogil=True)
def finish_block(c: Int, t: Int, r: Int, level: int, i: int) -> None:
    """Turn energies inside into what they are above the least, and add the fills of the level to that."""
    least = t[level, BLOCK, i]
    if least >= INFINITE:
        return
    if t[level, FIRST, i] < INFINITE:
        t[level, FIRST, i] -= least
    for plane in range(LOCAL + 1, t.shape[1], 2):
        if t[level, plane, i] < INFINITE:
            t[level, plane, i] -= least
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
