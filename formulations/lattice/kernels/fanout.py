"""The best spatial factors of a fan-out for every point of the lattice.

A pair of spatial factors and extents of a child costs little once, per vector of factors and input axis, the
words along the axis are tabulated over the child's extents.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from formulations.lattice.kernels.blocks import (
    best_outer_window,
    copies_of,
    is_resident,
    least_distinct,
    least_distinct_inputs,
    width,
)
from formulations.lattice.kernels.layout import (
    AXES,
    AXIS0,
    AXIS_OF,
    BEST,
    BLOCK,
    COUNT,
    DIMS,
    EXACT,
    EXTENT,
    FIRST,
    HALO,
    HAS_HALO,
    INSIDE,
    KEEP,
    LEAK,
    LEVEL0,
    LEVELS,
    LOCAL,
    LOW,
    READER,
    SCALARS,
    SCALE,
    SHARED,
    STARTS,
    STEP_READ,
    STEPS,
    STOPPED,
    STRIDE,
    WORD_FILL,
    WORD_READ,
    WORK,
    I,
    Int,
    O,
)
from formulations.lattice.kernels.tables import first_visits
from formulations.problem import INFINITE

PLAIN, SLID, DISTINCT = range(3)
"""Per axis and digits of its dims: words over all trips, the same with the best window, distinct children."""
DIGIT, CHILD, AROUND = range(3)
"""Planes of :func:`note_steps`."""


@njit(cache=True, nogil=True)
def moves_input(c: Int, inner: int) -> bool:
    """Is I fetched into a level, at a cost that its fan-out decides? (A resident input is priced elsewhere.)"""
    return c[LEVEL0 + inner, KEEP + I] == 1 and not is_resident(c, inner, np.int64(I))


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
    reader = c[LEVEL0 + c[LEVEL0 + level, READER + I]]
    if inner == c[SCALARS, LEVELS]:
        words = c[SCALARS, STEPS] // (spread * shared) * least_distinct_inputs(c, vector, e[child])
        return words * reader[STEP_READ + I]
    read = reader[WORD_READ + I]
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
def tabulate(c: Int, e: Int, vector: Int, axes: Int) -> None:
    """Fill ``axes[axis, kind, i, j]`` for one vector of spatial factors (see PLAIN, SLID, DISTINCT).

    `i`, `j` are the digits of the axis's dims in the child.
    """
    tile = np.ones(c[SCALARS, DIMS], np.int64)
    for a in range(c[SCALARS, AXES]):
        d, f = c[AXIS0 + a, 0], c[AXIS0 + a, 2]
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
                for term in range(2 if f >= 0 else 1):
                    dim = c[AXIS0 + a, 2 * term]
                    run = c[EXTENT, dim] // (tile[dim] * vector[dim])
                    if c[HALO, dim] and run > 1:
                        step = c[AXIS0 + a, 2 * term + 1] * tile[dim] * vector[dim]
                        slid = (along + (run - 1) * min(along, step)) * (trips // run)
                        axes[a, SLID, i, j] = min(axes[a, SLID, i, j], slid)


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
def fill_inside(
    c: Int,
    g: Int,
    e: Int,
    q: Int,
    s: Int,
    t: Int,
    r: Int,
    level: int,
    copies_outside: int,
    spread_elsewhere: int,
    max_cycles: int,
) -> None:
    """Fill ``t[level, INSIDE]``: the best spatial factors of the fan-out below `level` for every point.

    `copies_outside` and `spread_elsewhere` bound the spatial factors of the other fan-outs; factors that leave
    more than `max_cycles` compute cycles are skipped. Vectors of many factors come first: they mostly cost less, and
    others are then passed over by the least words of the input (LOW).
    """
    levels, dims, inner = c[SCALARS, LEVELS], c[SCALARS, DIMS], level + 1
    steps = np.empty((3, dims, q.shape[2] + 1), np.int64)
    axes = np.empty((c[SCALARS, AXES], 3, q.shape[2], q.shape[2]), np.int64)
    outside = c[LEVEL0 + level, SHARED + I]
    with_input = c[SCALARS, HAS_HALO] == 1 and inner < levels and moves_input(c, inner)
    for row in range(c[STARTS, level + 1] - 1, c[STARTS, level] - 1, -1):
        product = s[row, 2 * dims]
        cycles = c[SCALARS, WORK] // (product * spread_elsewhere)
        if cycles > max_cycles:
            continue
        if c[BEST, STOPPED]:
            return
        vector = s[row, dims : 2 * dims]
        fixed = fixed_energy(c, level, product, cycles, copies_of(c, vector, np.int64(O)) * copies_outside)
        if c[SCALARS, HAS_HALO] and inner == levels:
            fixed += input_pair(c, e, t, r, level, vector, np.int64(0), outside)
        if with_input:
            tabulate(c, e, vector, axes)
        note_steps(c, q, s[row], inner == levels, steps)
        fill_row(c, t, r, level, steps, axes, fixed, product * outside, with_input)


@njit(cache=True, nogil=True)
def note_steps(c: Int, q: Int, row: Int, last: bool, steps: Int) -> None:
    """Per dim, behind their number: digits of a child, and what they add to its number and that of the point around.

    Only digits that the factors of `row` can be multiplied with; of the `last` fan-out only the least.
    """
    for d in range(c[SCALARS, DIMS]):
        count = 0
        for k in range(1 if last else c[COUNT, d]):
            grown = q[1, d, row[d], k]
            if grown >= 0:
                count += 1
                steps[DIGIT, d, count] = k
                steps[CHILD, d, count], steps[AROUND, d, count] = k * c[STRIDE, d], grown * c[STRIDE, d]
        steps[DIGIT, d, 0] = count


@njit(cache=True, nogil=True)
def fill_row(
    c: Int, t: Int, r: Int, level: int, steps: Int, axes: Int, fixed: int, spread: int, with_input: bool
) -> None:
    """The part of :func:`fill_inside` for one vector of spatial factors: all pairs of a child and a point around.

    Pairs that differ in one dim only, the longest, come one after the other: what they share is computed once.
    """
    inner, dims, inside, longest = level + 1, c[SCALARS, DIMS], t[level, INSIDE], 0
    for d in range(dims):
        if steps[DIGIT, d, 0] > steps[DIGIT, longest, 0]:
            longest = d
    fill, read = c[LEVEL0 + inner, WORD_FILL + I], c[LEVEL0 + c[LEVEL0 + level, READER + I], WORD_READ + I]
    blocks, exact, along = inner < c[SCALARS, LEVELS], inner == c[SCALARS, EXACT], c[AXIS_OF, longest]
    now, shared = np.ones(dims, np.int64), np.ones((3, steps.shape[2]), np.int64)
    while True:
        first = around = 0
        for d in range(dims):
            if d != longest:
                first, around = first + steps[CHILD, d, now[d]], around + steps[AROUND, d, now[d]]
        if with_input:
            share_axes(c, steps, axes, now, longest, shared)
        for k in range(1, steps[DIGIT, longest, 0] + 1):
            child, outer = first + steps[CHILD, longest, k], around + steps[AROUND, longest, k]
            energy, least = fixed, inside[outer]
            if blocks:
                if t[inner, BLOCK, child] >= INFINITE:
                    continue
                energy += t[inner, BLOCK, child]
            if energy >= least:
                continue
            if with_input:
                n, words = steps[DIGIT, longest, k] if along >= 0 else 0, r[LOW, child]
                served = shared[DISTINCT, n] * read
                bound = energy + words * fill + words // spread * served
                if bound >= least:
                    continue
                slid = r[I, child] * shared[SLID, n]
                energy = energy + moved_exact(c, t, inner, child, slid, spread, served) if exact else bound
            inside[outer] = min(least, energy)
        d = 0
        while d < dims and (d == longest or now[d] == steps[DIGIT, d, 0]):
            now[d] = 1
            d += 1
        if d == dims:
            return
        now[d] += 1


@njit(cache=True, nogil=True)
def share_axes(c: Int, steps: Int, axes: Int, now: Int, longest: int, shared: Int) -> None:
    """SLID and DISTINCT of all axes of I together, per digit of the dim `longest`; only at 0 if it is on no axis."""
    plain = slid = distinct = 1
    own, partner = -1, 0
    for a in range(c[SCALARS, AXES]):
        d, f = c[AXIS0 + a, 0], c[AXIS0 + a, 2]
        if longest in (d, f):
            own, partner = a, steps[DIGIT, d + f - longest, now[d + f - longest]] if f >= 0 else 0
            continue
        i, j = steps[DIGIT, d, now[d]], steps[DIGIT, f, now[f]] if f >= 0 else 0
        slid = min(slid * axes[a, PLAIN, i, j], plain * axes[a, SLID, i, j])
        plain, distinct = plain * axes[a, PLAIN, i, j], distinct * axes[a, DISTINCT, i, j]
    shared[SLID, 0], shared[DISTINCT, 0] = slid, distinct
    if own < 0:
        return
    for k in range(1, steps[DIGIT, longest, 0] + 1):
        n = steps[DIGIT, longest, k]
        i, j = (n, partner) if c[AXIS0 + own, 0] == longest else (partner, n)
        shared[SLID, n] = min(slid * axes[own, PLAIN, i, j], plain * axes[own, SLID, i, j])
        shared[DISTINCT, n] = distinct * axes[own, DISTINCT, i, j]
