"""The best spatial factors of a fan-out for every point of the lattice.

A pair of spatial factors and extents of a child costs little once, per vector of factors and input axis, the
words along the axis are tabulated over the child's extents.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.kernels.blocks import (
    best_outer_window,
    copies_of,
    is_resident,
    least_distinct,
    least_distinct_inputs,
    width,
)
from formulations.kernels.layout import (
    AXES,
    AXIS0,
    BEST,
    BLOCK,
    COUNT,
    DIMS,
    EXACT,
    EXTENT,
    FIRST,
    HALO,
    HAS_HALO,
    INFINITE,
    INSIDE,
    KEEP,
    LEAK,
    LEVEL0,
    LEVELS,
    LOCAL,
    LOW,
    MACS,
    READER,
    SCALARS,
    SCALE,
    SHARED,
    STARTS,
    STOPPED,
    STRIDE,
    WORD_FILL,
    WORD_READ,
    I,
    Int,
    O,
)
from formulations.kernels.tables import first_visits

PLAIN, SLID, DISTINCT = range(3)
"""Per axis and digits of its dims: words over all trips, the same with the best window, distinct children."""


@njit(cache=True, nogil=True)
def moves_input(c: Int, inner: int) -> bool:
    """Is I fetched into a level, at a cost that its fan-out decides? (A resident input is priced elsewhere.)"""
    return c[LEVEL0 + inner, KEEP + I] == 1 and not is_resident(c, inner, I)


@njit(cache=True, nogil=True)
def moved(c: Int, inner: int, words: int, spread: int, served: int) -> int:
    """Scaled energy of filling `words` of I into a level; a `spread`-th of them is read outside, for `served` each."""
    return words * c[LEVEL0 + inner, WORD_FILL + I] + words // spread * served


@njit(cache=True, nogil=True)
def moved_exact(c: Int, t: Int, inner: int, child: int, slid: int, spread: int, served: int) -> int:
    """Least of :func:`moved` and what the block of `inner` then costs beyond its least; `slid` words if I is first."""
    energy = INFINITE
    if t[inner, FIRST, child] < INFINITE:
        energy = t[inner, FIRST, child] + moved(c, inner, slid, spread, served)
    for plane in range(LOCAL, t.shape[1], 2):
        if t[inner, plane, child] >= INFINITE:
            break
        energy = min(energy, t[inner, plane + 1, child] + moved(c, inner, t[inner, plane, child], spread, served))
    return energy


@njit(cache=True, nogil=True)
def input_pair(c: Int, e: Int, t: Int, r: Int, level: int, vector: Int, child: int, shared: int) -> int:
    """Least scaled energy of moving I into the level inside `level`, whose block has the extents ``e[child]``.

    `shared` bounds how often the fan-outs between the level that serves I and this one multicast the same words.
    """
    inner = level + 1
    spread = 1
    for d in range(c[SCALARS, DIMS]):
        spread *= vector[d]
    read = c[LEVEL0 + c[LEVEL0 + level, READER + I], WORD_READ + I]
    if inner == c[SCALARS, LEVELS]:
        return c[SCALARS, MACS] // (spread * shared) * least_distinct_inputs(c, vector, e[child]) * read
    if not moves_input(c, inner):
        return 0
    distinct = least_distinct_inputs(c, vector, e[child])
    if inner != c[SCALARS, EXACT]:
        return moved(c, inner, r[LOW, child], spread * shared, distinct * read)
    slid = INFINITE
    if t[inner, FIRST, child] < INFINITE:
        slid = best_outer_window(c, e[child], r[I, child], vector)
    return moved_exact(c, t, inner, child, slid, spread * shared, distinct * read)


@njit(cache=True, nogil=True)
def tabulate(c: Int, e: Int, vector: Int, axes: Int) -> int:
    """Fill ``axes[axis, kind, i, j]`` for one vector of spatial factors (see PLAIN, SLID, DISTINCT).

    `i`, `j` are the digits of the axis's dims in the child. Returns the least distinct inputs of all children.
    """
    tile, least = np.ones(c[SCALARS, DIMS], np.int64), 1
    for a in range(c[SCALARS, AXES]):
        d, f, fewest = c[AXIS0 + a, 0], c[AXIS0 + a, 2], INFINITE
        for i in range(c[COUNT, d]):
            tile[d] = e[i * c[STRIDE, d], d]
            for j in range(c[COUNT, f] if f >= 0 else 1):
                if f >= 0:
                    tile[f] = e[j * c[STRIDE, f], f]
                along = width(c, tile, a)
                trips = c[EXTENT, d] // tile[d] * (c[EXTENT, f] // tile[f] if f >= 0 else 1)
                axes[a, PLAIN, i, j] = along * trips
                axes[a, SLID, i, j] = along * trips
                axes[a, DISTINCT, i, j] = least_distinct(c, a, vector, tile)
                fewest = min(fewest, axes[a, DISTINCT, i, j])
                for term in range(2 if f >= 0 else 1):
                    dim = c[AXIS0 + a, 2 * term]
                    run = c[EXTENT, dim] // (tile[dim] * vector[dim])
                    if c[HALO, dim] and run > 1:
                        step = c[AXIS0 + a, 2 * term + 1] * tile[dim] * vector[dim]
                        slid = (along + (run - 1) * min(along, step)) * (trips // run)
                        axes[a, SLID, i, j] = min(axes[a, SLID, i, j], slid)
        least *= fewest
    return least


@njit(cache=True, nogil=True)
def tabulated_pair(
    c: Int, g: Int, t: Int, r: Int, axes: Int, level: int, child: int, spread: int
) -> int:  # fmt: skip
    """The value of :func:`input_pair`, read off the axes' tables; `spread` includes the multicast outside."""
    inner = level + 1
    plain, slid, distinct = r[I, child], r[I, child], 1
    for a in range(c[SCALARS, AXES]):
        f = c[AXIS0 + a, 2]
        i, j = g[child, c[AXIS0 + a, 0]], g[child, f] if f >= 0 else 0
        along = axes[a, PLAIN, i, j]
        slid = min(slid * along, plain * axes[a, SLID, i, j])
        plain *= along
        distinct *= axes[a, DISTINCT, i, j]
    read = c[LEVEL0 + c[LEVEL0 + level, READER + I], WORD_READ + I]
    if inner != c[SCALARS, EXACT]:
        return moved(c, inner, r[LOW, child], spread, distinct * read)
    return moved_exact(c, t, inner, child, slid, spread, distinct * read)


@njit(cache=True, nogil=True)
def fixed_energy(c: Int, level: int, product: int, cycles: int, copies: int) -> int:
    """Scaled energy that depends on the spatial factors alone: leakage, less the first visits of outputs.

    `product` of the factors, compute `cycles`, and `copies` of the outputs.
    """
    levels, energy = c[SCALARS, LEVELS], 0
    if level + 1 < levels:
        energy -= first_visits(c, level + 1, copies)
    if level + 1 == max(levels - 1, 2):
        for n in range(levels):
            leak = c[LEVEL0 + n, LEAK] * cycles * c[SCALARS, SCALE]
            energy += leak * product if n > level else leak
    return energy


@njit(cache=True, nogil=True)
def finite_children(c: Int, t: Int, level: int, children: Int) -> int:
    """Note the points that may stand below the fan-out of `level`; return how many."""
    inner, count = level + 1, 0
    for i in range(t.shape[2]):
        if (inner == c[SCALARS, LEVELS] and i == 0) or (inner < c[SCALARS, LEVELS] and t[inner, BLOCK, i] < INFINITE):
            children[count] = i
            count += 1
    return count


@njit(cache=True, nogil=True)
def fill_inside(
    c: Int, g: Int, e: Int, q: Int, s: Int, t: Int, r: Int, level: int,
    copies_outside: int,
    spread_elsewhere: int, max_cycles: int,
) -> None:  # fmt: skip
    """Fill ``t[level, INSIDE]``: the best spatial factors of the fan-out below `level` for every point.

    `copies_outside` and `spread_elsewhere` bound the spatial factors of the other fan-outs; factors that leave
    more than `max_cycles` compute cycles are skipped. Vectors of many factors come first: they mostly cost less, and
    others are then passed over by the least words of the input (LOW) and the least distinct tiles of all children.
    """
    levels, dims, inner = c[SCALARS, LEVELS], c[SCALARS, DIMS], level + 1
    children = np.empty(t.shape[2], np.int64)
    count = finite_children(c, t, level, children)
    movers = np.empty(dims, np.int64)
    offsets = np.empty((dims, q.shape[2]), np.int64)
    axes = np.empty((c[SCALARS, AXES], 3, q.shape[2], q.shape[2]), np.int64)
    outside = c[LEVEL0 + level, SHARED + I]
    read = c[LEVEL0 + c[LEVEL0 + level, READER + I], WORD_READ + I]
    with_input = c[SCALARS, HAS_HALO] == 1 and inner < levels and moves_input(c, inner)
    for row in range(c[STARTS, level + 1] - 1, c[STARTS, level] - 1, -1):
        product = s[row, 2 * dims]
        cycles = c[SCALARS, MACS] // (product * spread_elsewhere)
        if cycles > max_cycles:
            continue
        if c[BEST, STOPPED]:
            return
        digit, vector = s[row, :dims], s[row, dims : 2 * dims]
        fixed = fixed_energy(c, level, product, cycles, copies_of(c, vector, O) * copies_outside)
        if c[SCALARS, HAS_HALO] and inner == levels:
            fixed += input_pair(c, e, t, r, level, vector, 0, outside)
        served = tabulate(c, e, vector, axes) * read if with_input else 0
        moving = 0
        for d in range(dims):
            if vector[d] > 1:
                movers[moving] = d
                for k in range(c[COUNT, d]):
                    grown = q[1, d, digit[d], k]
                    offsets[moving, k] = (grown - k) * c[STRIDE, d] if grown >= 0 else -1
                moving += 1
        for k in range(count):
            child = children[k]
            outer = child
            for n in range(moving):
                offset = offsets[n, g[child, movers[n]]]
                if offset < 0:
                    outer = -1
                    break
                outer += offset
            if outer < 0:
                continue
            energy = fixed
            if inner < levels:
                energy += t[inner, BLOCK, child]
            if with_input:
                if energy + moved(c, inner, r[LOW, child], product * outside, served) >= t[level, INSIDE, outer]:
                    continue
                energy += tabulated_pair(c, g, t, r, axes, level, child, product * outside)
            t[level, INSIDE, outer] = min(t[level, INSIDE, outer], energy)
