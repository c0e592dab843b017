"""The block of one level: where its nodes stand, what they hold, and what the input moves.

Kept tensors stand in an order; right below node T come the loops over the dims irrelevant to T (three-block
lemma). The input's node may take in part of the loops over its halo dims: its tile is chosen between the
extents below and around the block. Arrays are those of :mod:`formulations.lattice.kernels.layout`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.lattice.kernels.layout import (
    AXES,
    AXIS0,
    AXIS_OF,
    BITS,
    BOTTOM,
    DIMS,
    EXTENT,
    HALO,
    KEEP,
    LACKS,
    LEVEL0,
    LIFT,
    NODE,
    PASSED,
    RESIDENT,
    RESIDENT_AT,
    RESIDENT_FROM,
    SCALARS,
    STEP,
    STRIDE,
    TOP,
    I,
    Int,
)


@njit(cache=True, nogil=True)
def copy(target: Int, source: Int) -> None:
    """Copy the entries of `source` to the front of `target`."""
    for d in range(source.shape[0]):
        target[d] = source[d]


@njit(cache=True, nogil=True)
def width(c: Int, tile: Int, axis: int) -> int:
    """Words of a tile along one input axis."""
    words = 1 + c[AXIS0 + axis, 1] * (tile[c[AXIS0 + axis, 0]] - 1)
    if c[AXIS0 + axis, 2] >= 0:
        words += c[AXIS0 + axis, 3] * (tile[c[AXIS0 + axis, 2]] - 1)
    return words


@njit(cache=True, nogil=True)
def footprint(c: Int, tensor: int, tile: Int) -> int:
    """Words of a tile of a tensor."""
    words = 1
    if tensor == I:
        for a in range(c[SCALARS, AXES]):
            words *= width(c, tile, a)
        return words
    for d in range(c[SCALARS, DIMS]):
        if c[LACKS, d] != tensor:
            words *= tile[d]
    return words


@njit(cache=True, nogil=True)
def refetch(c: Int, tensor: int, tile: Int) -> int:
    """Product of the trips over the dims irrelevant to a tensor, spatial copies included."""
    trips = 1
    for d in range(c[SCALARS, DIMS]):
        if c[LACKS, d] == tensor:
            trips *= c[EXTENT, d] // tile[d]
    return trips


@njit(cache=True, nogil=True)
def input_total(c: Int, tile: Int, refetches: int, window: int, run: int, step_extent: int) -> int:
    """Words of I fetched into all instances: every trip fetches the tile, but for the window's loop.

    `window` is the dim (or negative) whose loop of `run` trips stands right above the node; it moves the tile
    by ``step_extent`` positions of that dim.
    """
    trips = refetches
    for d in range(c[SCALARS, DIMS]):
        if c[LACKS, d] != I:
            trips *= c[EXTENT, d] // tile[d]
    words = 1
    for a in range(c[SCALARS, AXES]):
        along = width(c, tile, a)
        if window >= 0 and c[AXIS_OF, window] == a:
            along += (run - 1) * min(along, c[STEP, window] * step_extent)
        words *= along
    if window >= 0:
        trips //= run
    return trips * words


@njit(cache=True, nogil=True)
def best_outer_window(c: Int, tile: Int, refetches: int, spatial: Int) -> int:
    """Least `input_total` over windows that run over all trips that `spatial` leaves (a lower bound)."""
    best = input_total(c, tile, refetches, np.int64(-1), np.int64(1), np.int64(1))
    for d in range(c[SCALARS, DIMS]):
        if c[HALO, d]:
            run = c[EXTENT, d] // (tile[d] * spatial[d])
            if run > 1:
                best = min(best, input_total(c, tile, refetches, d, run, tile[d] * spatial[d]))
    return best


@njit(cache=True, nogil=True)
def distinct_pair(first: int, bound_first: int, second: int, bound_second: int) -> int:
    """Distinct sums ``i * first + j * second`` for i, j below the bounds.

    Two pairs coincide when they differ by a multiple of ``(second / gcd, -first / gcd)``, so every pair that
    has such a neighbour inside the grid is a repetition.
    """
    a, b = first, second
    while b:
        a, b = b, a % b
    return bound_first * bound_second - max(0, bound_first - second // a) * max(0, bound_second - first // a)


@njit(cache=True, nogil=True)
def distinct_inputs(c: Int, spatial: Int, below: Int, lift: Int) -> int:
    """Distinct input tiles among the children of one fan-out.

    `below` are the extents of one child; of its loops, those of `lift` stand outside of the fan-out.
    """
    distinct = 1
    for a in range(c[SCALARS, AXES]):
        d, f = c[AXIS0 + a, 0], c[AXIS0 + a, 2]
        if f < 0:
            distinct *= spatial[d]
        else:
            first, second = below[d] // lift[d], below[f] // lift[f]
            distinct *= distinct_pair(c[AXIS0 + a, 1] * first, spatial[d], c[AXIS0 + a, 3] * second, spatial[f])
    return distinct


@njit(cache=True, nogil=True)
def least_distinct(c: Int, a: int, spatial: Int, below: Int) -> int:
    """Least distinct tiles along an input axis, whatever loops over one of its dims stand outside of the fan-out."""
    d, f = c[AXIS0 + a, 0], c[AXIS0 + a, 2]
    if f < 0:
        return spatial[d]
    first, second = c[AXIS0 + a, 1] * below[d], c[AXIS0 + a, 3] * below[f]
    least = distinct_pair(first, spatial[d], second, spatial[f])
    if spatial[d] > 1 and spatial[f] > 1:
        for part in range(1, below[d] + 1):
            if below[d] % part == 0:
                least = min(least, distinct_pair(first // part, spatial[d], second, spatial[f]))
        for part in range(1, below[f] + 1):
            if below[f] % part == 0:
                least = min(least, distinct_pair(first, spatial[d], second // part, spatial[f]))
    return least


@njit(cache=True, nogil=True)
def least_distinct_inputs(c: Int, spatial: Int, below: Int) -> int:
    """Least distinct input tiles among the children of a fan-out (see :func:`least_distinct`)."""
    distinct = 1
    for a in range(c[SCALARS, AXES]):
        distinct *= least_distinct(c, a, spatial, below)
    return distinct


@njit(cache=True, nogil=True)
def is_resident(c: Int, level: int, tensor: int) -> bool:
    """Is the node of a tensor at a level hoisted past a level?"""
    return c[SCALARS, RESIDENT] == tensor and c[SCALARS, RESIDENT_AT] == level


@njit(cache=True, nogil=True)
def copies_of(c: Int, vector: Int, tensor: int) -> int:
    """Product of the spatial factors irrelevant to a tensor: instances that hold their own copy of it."""
    copies = 1
    for d in range(c[SCALARS, DIMS]):
        if c[LACKS, d] == tensor:
            copies *= vector[d]
    return copies


@njit(cache=True, nogil=True)
def needs_equal(c: Int, level: int, d: int) -> bool:
    """Must top and bottom agree on dim d?

    No kept node profits from a loop over d in this block (or at a level that its first node is hoisted past), or a
    hoisted node stands outside of the block.
    """
    tensor = c[LACKS, d]
    if c[SCALARS, RESIDENT] >= 0 and level < c[SCALARS, RESIDENT_AT]:
        if level > c[SCALARS, RESIDENT_FROM]:
            return not closes(c, level, d)
        if closes(c, level, d):
            return False
    if tensor >= 0 and (c[LEVEL0 + level, KEEP + tensor] or c[LEVEL0 + level, PASSED + tensor]):
        return False
    return not (c[HALO, d] and (c[LEVEL0 + level, KEEP + I] or c[LEVEL0 + level, PASSED + I]))


@njit(cache=True, nogil=True)
def input_is_free(c: Int, level: int, order: Int, d: int) -> bool:
    """May the input's tile along dim d be smaller than the block's extent?

    Only a halo dim whose loops belong to a tensor that stands above the input.
    """
    tensor = c[LACKS, d]
    if not c[HALO, d] or tensor < 0 or not c[LEVEL0 + level, KEEP + tensor]:
        return False
    for n in range(3):
        if order[n] == I:
            return False
        if order[n] == tensor:
            return True
    return False


@njit(cache=True, nogil=True)
def input_leads(c: Int, level: int, order: Int) -> bool:
    """Does no node of the block stand above the input's, but a resident one?

    Where no loop of the block stands above the input's node, the nodes above it (but a resident one, which stays) may
    as well follow it: the input's tile stays the same, theirs lose the loops over the dims irrelevant to the input.
    """
    return order[0] == I or (is_resident(c, level, order[0]) and order[1] == I)


@njit(cache=True, nogil=True)
def closes(c: Int, level: int, d: int) -> bool:
    """Do the loops over a dim close the block, below all of its nodes, since a node from inside stands above them?

    Of a block that the node passes, these are loops over halo dims only. Other loops may as well be the outermost of
    those that close the block that the node is hoisted to: tiles are smaller there, no tensor moves more words (not the
    input either: it has no halo along them), and no window is closed.
    """
    resident = c[SCALARS, RESIDENT]
    if resident < 0 or c[LACKS, d] != resident or level >= c[SCALARS, RESIDENT_AT]:
        return False
    if level == c[SCALARS, RESIDENT_FROM]:
        return True
    return level > c[SCALARS, RESIDENT_FROM] and resident != I and c[HALO, d] == 1


@njit(cache=True, nogil=True)
def place(c: Int, w: Int, level: int, order: Int, top: Int, bottom: Int, tile: Int) -> int:
    """Note the extents below the n-th node of `order` in ``w[NODE + n]``; return the bits the block holds.

    The entry behind the extents names the tensor. Negative entries of `order` are unused. `tile` is the input's
    choice along halo dims.
    """
    bits = 0
    dims = c[SCALARS, DIMS]
    inner = bottom
    for n in range(2, -1, -1):
        tensor = order[n]
        below = w[NODE + n, level]
        below[dims] = tensor
        if tensor < 0:
            continue
        for d in range(dims):
            below[d] = inner[d]
            if c[LACKS, d] == tensor or closes(c, level, d) or (n == 0 and is_resident(c, level, tensor)):
                below[d] = top[d]
            elif tensor == I and c[HALO, d]:
                below[d] = max(below[d], tile[d])
        bits += footprint(c, tensor, below) * c[BITS, tensor]
        inner = below
    return bits


@njit(cache=True, nogil=True)
def first_tile(c: Int, g: Int, free: Int, top: int, bottom: int) -> int:
    """The point with the digits of `bottom` along the free dims, those of `top` elsewhere."""
    point = top
    for d in range(c[SCALARS, DIMS]):
        if free[d]:
            point += (g[bottom, d] - g[top, d]) * c[STRIDE, d]
    return point


@njit(cache=True, nogil=True)
def next_tile(c: Int, g: Int, q: Int, free: Int, top: int, bottom: int, point: int, fits: bool) -> int:
    """The point behind `point` among those with bottom | tile | top along the free dims; -1 after the last.

    Where `point` does not fit, larger extents along the first dim that is not at its least do not either: the next
    dim is advanced.
    """
    skip = not fits
    for d in range(c[SCALARS, DIMS]):
        if not free[d]:
            continue
        first, last, here = g[bottom, d], g[top, d], g[point, d]
        if skip:
            point += (first - here) * c[STRIDE, d]
            skip = here == first
            continue
        for k in range(here + 1, last + 1):
            if q[0, d, last, k] >= 0 and q[0, d, k, first] >= 0:
                return point + (k - here) * c[STRIDE, d]
        point += (first - here) * c[STRIDE, d]
    return -1


@njit(cache=True, nogil=True)
def smallest_bottom(c: Int, g: Int, level: int, top: int) -> int:
    """The point with the least extents that may stand inside a block with the extents of point `top`."""
    bottom = top
    for d in range(c[SCALARS, DIMS]):
        if not needs_equal(c, level, d):
            bottom -= g[top, d] * c[STRIDE, d]
    return bottom


@njit(cache=True, nogil=True)
def closing_run(c: Int, w: Int, level: int, trips: Int) -> bool:
    """Note the trips of the loops that close a block below a hoisted node; are there any?"""
    some = False
    for d in range(c[SCALARS, DIMS]):
        some = some or (closes(c, level, d) and w[TOP, level, d] != w[BOTTOM, level, d])
    if some:
        for d in range(c[SCALARS, DIMS]):
            trips[d] = w[TOP, level, d] // w[BOTTOM, level, d] if closes(c, level, d) else 1
    return some


@njit(cache=True, nogil=True)
def outward(c: Int, w: Int, level: int, position: int, trips: Int) -> int:
    """The innermost non-empty run of loops of the block above node `position`: its trips.

    `position` 3 stands for the end of the block; lifted loops are not in the block. Returns the index of the node
    right above the run (-1: none), or -2 when everything of this block above `position` is empty (`trips` is then
    untouched).
    """
    dims = c[SCALARS, DIMS]
    inner = w[BOTTOM, level] if position == 3 else w[NODE + position, level]
    if position == 3 and closing_run(c, w, level, trips):
        return 2
    for n in range(position - 1, -2, -1):
        if n >= 0 and w[NODE + n, level, dims] < 0:
            continue
        around = w[NODE + n, level] if n >= 0 else w[TOP, level]
        empty = True
        for d in range(dims):
            lift = w[LIFT, level, d] if n == 0 else 1
            empty = empty and around[d] == inner[d] * lift
        if not empty:
            for d in range(dims):
                trips[d] = around[d] // (inner[d] * (w[LIFT, level, d] if n == 0 else 1))
            return n
        inner = around
    return -2
