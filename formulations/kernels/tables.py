"""Lower bounds on the inside of a level, for every point of the divisor lattice.

``inside[l, p]``: least energy (scaled) of everything below the temporal loops of level l when the extents there
are point p: reads and updates of level l by its children, and all deeper levels. ``block[l, p]``: the same with
the block of level l added, when the extents around it are p; the input's own fills into level l are left to the
fan-out above, which knows the spatial factors. Both are bounds: where the input has a window they assume the
best loop order outside.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from formulations.kernels.arrays import UNBOUNDED, Int, Lattice, Machine, Spatial
from formulations.kernels.blocks import (
    BLOCKED,
    NO_WINDOW,
    best_outer_window,
    distinct_inputs,
    input_is_free,
    input_total,
    kept_orders,
    needs_equal,
    next_tile,
    place,
    refetch,
)

W, I, O = 0, 1, 2  # noqa: E741
INFINITE = UNBOUNDED


class Tables(NamedTuple):
    """Bounds per level and point.

    ``first[l, p]``: can the input stand outermost in the block? ``local[l, p]``: least words fetched into the
    level when it does not (spatial copies included). ``order[l, :count[l]]``: points with a finite ``inside``,
    cheapest first. ``input_low[p]``: least words fetched into a level whose block is p.
    """

    inside: Int
    block: Int
    first: Any
    local: Int
    order: Int
    count: Int
    input_low: Int
    refetch: Int


@njit(cache=True)
def point_index(p: Lattice, extents_digit: Int) -> int:
    """Index of a point from its digits."""
    index = 0
    for d in range(extents_digit.shape[0]):
        index += extents_digit[d] * p.stride[d]
    return index


@njit(cache=True)
def divide(p: Lattice, point: int, digit: Int) -> int:
    """Point divided by a vector of divisors (digits); -1 where it does not divide."""
    index = 0
    for d in range(digit.shape[0]):
        q = p.quotient[d, p.digit[point, d], digit[d]]
        if q < 0:
            return -1
        index += q * p.stride[d]
    return index


@njit(cache=True)
def times(p: Lattice, point: int, digit: Int) -> int:
    """Point times a vector of divisors; -1 where the product does not divide the extents."""
    index = 0
    for d in range(digit.shape[0]):
        q = p.multiple[d, p.digit[point, d], digit[d]]
        if q < 0:
            return -1
        index += q * p.stride[d]
    return index


@njit(cache=True)
def contains(p: Lattice, outer: int, inner: int) -> bool:
    """Does every extent of `inner` divide that of `outer`?"""
    for d in range(p.extent.shape[0]):
        if p.quotient[d, p.digit[outer, d], p.digit[inner, d]] < 0:
            return False
    return True


@njit(cache=True)
def input_lower(p: Lattice, refetches: Any) -> Int:
    """Least words of I fetched into a level whose block has extents p, over all tiles inside and windows."""
    n, dims = p.point.shape
    low = np.empty(n, np.int64)
    ones = np.ones(dims, np.int64)
    for i in range(n):
        low[i] = best_outer_window(p, p.point[i], refetches[I, i], ones)
        for d in range(dims):
            if p.halo[d]:
                here = p.digit[i, d]
                for j in range(here):
                    if p.quotient[d, here, j] >= 0:
                        low[i] = min(low[i], low[i + (j - here) * p.stride[d]])
    return low


@njit(cache=True)
def words_inside(p: Lattice, m: Machine, level: int, refetches: Any, point: int, has_halo: bool) -> int:
    """Scaled energy of the reads and updates of a level by its children, input with halo left out."""
    energy = 0
    if m.keep[level, W]:
        energy += p.volume[W] * refetches[W, point] * m.word_read[level, W]
    if m.keep[level, O]:
        energy += p.volume[O] * refetches[O, point] * (m.word_update[level, O] + m.word_read[level, O])
    if m.keep[level, I] and not has_halo:
        energy += p.volume[I] * refetches[I, point] * m.word_read[level, I]
    return energy


@njit(cache=True)
def words_filled(p: Lattice, m: Machine, level: int, refetches: Any, point: int, has_halo: bool) -> int:
    """Scaled energy of the fills (and drains) of a level, input with halo and first visits left out."""
    energy = 0
    if m.keep[level, W]:
        energy += p.volume[W] * refetches[W, point] * m.word_fill[level, W]
    if m.keep[level, O]:
        each = m.word_fill[level, O] + (m.word_read[level, O] if m.drain else 0)
        energy += p.volume[O] * refetches[O, point] * each
    if m.keep[level, I] and not has_halo:
        energy += p.volume[I] * refetches[I, point] * m.word_fill[level, I]
    return energy


@njit(cache=True)
def first_visit_credit(p: Lattice, m: Machine, level: int, copies: int) -> int:
    """Scaled energy saved at a level because first visits of outputs are neither read nor filled."""
    if not m.keep[level, O]:
        return 0
    return p.volume[O] * copies * (m.word_read[level, O] + (m.word_fill[level, O] if level > 0 else 0))


@njit(cache=True)
def copies_of_outputs(p: Lattice, vector: Int) -> int:
    """Product of the spatial factors irrelevant to O: instances that hold their own partial sums."""
    copies = 1
    for d in range(p.extent.shape[0]):
        if p.irrelevant_to[d] == O:
            copies *= vector[d]
    return copies


@njit(cache=True)
def input_pair(p: Lattice, m: Machine, t: Tables, level: int, vector: Int, child: int, exact: bool) -> int:
    """Least scaled energy of moving I from `level` into the next one, whose block has the extents `child`."""
    inner = level + 1
    last = inner == m.capacity.shape[0]
    spread = 1
    for d in range(p.extent.shape[0]):
        spread *= vector[d]
    if last:
        if not m.keep[level, I]:
            return 0
        return p.macs // spread * distinct_inputs(p, vector, p.point[child]) * m.word_read[level, I]
    if not m.keep[inner, I]:
        return 0
    words = t.input_low[child]
    if exact:
        words = t.local[inner, child]
        if t.first[inner, child]:
            words = min(words, best_outer_window(p, p.point[child], t.refetch[I, child], vector))
        if words >= INFINITE:
            return INFINITE
    energy = words * m.word_fill[inner, I]
    if m.keep[level, I]:
        energy += words // spread * distinct_inputs(p, vector, p.point[child]) * m.word_read[level, I]
    return energy


@njit(cache=True)
def fill_inside(
    p: Lattice, m: Machine, s: Spatial, t: Tables, level: int, has_halo: bool, exact: bool, outer_copies: int,
    other_spread: int, max_cycles: int,
) -> None:  # fmt: skip
    """Fill ``t.inside[level]``: the best spatial factors of the fan-out below `level` for every point.

    `outer_copies` and `other_spread` bound the spatial factors of the other fan-outs; factors that leave more
    than `max_cycles` compute cycles are skipped.
    """
    levels = m.capacity.shape[0]
    inner = level + 1
    finite = np.ones(1, np.int64)
    finite[0] = 0
    if inner < levels:
        finite = np.nonzero(t.block[inner] < INFINITE)[0]
    for row in range(s.start[level], s.start[level + 1]):
        cycles = p.macs // (s.product[row] * other_spread)
        if cycles > max_cycles:
            continue
        vector = s.vector[row]
        copies = copies_of_outputs(p, vector) * outer_copies
        saved = first_visit_credit(p, m, inner, copies) if inner < levels else 0
        leak = 0
        for n in range(levels):
            if inner == max(levels - 1, 2):
                leak += m.leak[n] * (s.product[row] if n > level else 1) * cycles * m.scale
        for child in finite:
            outer = times(p, child, s.digit[row])
            if outer < 0:
                continue
            energy = (t.block[inner, child] if inner < levels else 0) - saved + leak
            if energy >= t.inside[level, outer]:
                continue
            if has_halo:
                energy += input_pair(p, m, t, level, vector, child, exact)
            t.inside[level, outer] = min(t.inside[level, outer], energy)
    for i in range(p.point.shape[0]):
        if t.inside[level, i] < INFINITE:
            t.inside[level, i] += words_inside(p, m, level, t.refetch, i, has_halo)
            if has_halo and m.keep[level, I] and inner < levels and not m.keep[inner, I]:
                t.inside[level, i] += p.volume[I] * t.refetch[I, i] * m.word_read[level, I]


@njit(cache=True)
def sort_inside(t: Tables, level: int) -> None:
    """Order the finite points of a level by their bound."""
    finite = np.nonzero(t.inside[level] < INFINITE)[0]
    ranked = finite[np.argsort(t.inside[level][finite], kind="mergesort")]
    t.count[level] = ranked.shape[0]
    t.order[level, : ranked.shape[0]] = ranked


@njit(cache=True)
def window_here(p: Lattice, gap_outer: Int, gap_inner: Int, refetches: int, tile: Int) -> int:
    """Least words fetched when the loops right above I's node are ``gap_outer / gap_inner``; -1 for no loops."""
    best = np.int64(-1)
    for d in range(p.extent.shape[0]):
        if gap_outer[d] != gap_inner[d] and best < 0:
            best = input_total(p, tile, refetches, NO_WINDOW, 1, 1)
    if best >= 0:
        for d in range(p.extent.shape[0]):
            if p.halo[d] and gap_outer[d] != gap_inner[d]:
                best = min(best, input_total(p, tile, refetches, d, gap_outer[d] // gap_inner[d], tile[d]))
    return best


@njit(cache=True)
def try_block(p: Lattice, m: Machine, t: Tables, level: int, top: int, bottom: int, has_halo: bool, exact: bool) -> bool:
    """Does some order fit the capacity? With `exact`, also note how the input may stand (first, local)."""
    dims = p.extent.shape[0]
    outer, inner = p.point[top], p.point[bottom]
    for d in range(dims):
        if outer[d] != inner[d] and needs_equal(p, m, level, d):
            return False
    nodes = np.empty((3, dims), np.int64)
    free = np.zeros(dims, np.bool_)
    tile = np.empty(dims, np.int64)
    fits = False
    for order in kept_orders(m, level):
        for d in range(dims):
            free[d] = has_halo and m.keep[level, I] and input_is_free(p, m, level, order, d)
            tile[d] = inner[d] if free[d] else outer[d]
        while True:
            if place(p, m, level, order, outer, inner, tile, nodes) <= m.capacity[level]:
                fits = True
                if not (exact and has_halo and m.keep[level, I]):
                    return True
                note_input(p, t, level, top, order, nodes, outer)
            if not exact or not next_tile(p, free, outer, inner, tile):
                break
    return fits


@njit(cache=True)
def note_input(p: Lattice, t: Tables, level: int, top: int, order: Int, nodes: Any, outer: Int) -> None:
    """Record where the loops above the input's node come from in one feasible block."""
    position = 0
    while order[position] != I:
        position += 1
    inner = nodes[position]
    for n in range(position - 1, -2, -1):
        around = nodes[n] if n >= 0 else outer
        words = window_here(p, around, inner, t.refetch[I, top], nodes[position])
        if words >= 0:
            t.local[level, top] = min(t.local[level, top], words)
            return
        inner = around
    t.first[level, top] = True


@njit(cache=True)
def fill_block(p: Lattice, m: Machine, t: Tables, level: int, has_halo: bool, exact: bool) -> None:
    """Fill ``t.block[level]``: the best extents inside the block for every point around it."""
    for i in range(p.point.shape[0]):
        for k in range(t.count[level]):
            u = t.order[level, k]
            if t.inside[level, u] >= t.block[level, i]:
                break
            if contains(p, i, u) and try_block(p, m, t, level, i, u, has_halo, exact):
                t.block[level, i] = t.inside[level, u]
        if t.block[level, i] < INFINITE:
            t.block[level, i] += words_filled(p, m, level, t.refetch, i, has_halo)


@njit(cache=True)
def empty_tables(p: Lattice, levels: int) -> Tables:
    """Tables with every bound infinite."""
    n = p.point.shape[0]
    ratios = np.empty((3, n), np.int64)
    for i in range(n):
        for tensor in range(3):
            ratios[tensor, i] = refetch(p, tensor, p.point[i])
    return Tables(
        np.full((levels, n), INFINITE, np.int64), np.full((levels, n), INFINITE, np.int64),
        np.zeros((levels, n), np.bool_), np.full((levels, n), INFINITE, np.int64),
        np.zeros((levels, n), np.int64), np.zeros(levels, np.int64), input_lower(p, ratios), ratios,
    )  # fmt: skip


@njit(cache=True)
def spatial_bounds(p: Lattice, s: Spatial, level: int) -> Any:
    """Largest product of the other fan-outs' factors, and largest copies of outputs of the fan-outs above."""
    spread, copies = 1, 1
    for other in range(s.start.shape[0] - 1):
        most, many = 1, 1
        for row in range(s.start[other], s.start[other + 1]):
            most = max(most, s.product[row])
            many = max(many, copies_of_outputs(p, s.vector[row]))
        if other != level:
            spread *= most
        if other < level:
            copies *= many
    return spread, copies


@njit(cache=True)
def build(p: Lattice, m: Machine, s: Spatial, max_cycles: int) -> Tables:
    """Bounds of every level but the outermost, from the inside out (level 1 without its block)."""
    levels = m.capacity.shape[0]
    t = empty_tables(p, levels)
    has_halo = np.any(p.halo)
    for level in range(levels - 1, 0, -1):
        spread, copies = spatial_bounds(p, s, level)
        exact = level + 1 == levels - 1 and t.count[level + 1] == 1
        fill_inside(p, m, s, t, level, has_halo, exact, copies, spread, max_cycles)
        sort_inside(t, level)
        if level > 1:
            fill_block(p, m, t, level, has_halo, level == levels - 1 and t.count[level] == 1)
    return t


__all__ = ["BLOCKED", "INFINITE", "Tables", "build", "contains", "divide", "point_index", "times"]
