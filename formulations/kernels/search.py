"""Best-first search of one layer's mappings on the divisor lattice.

Decisions run from the outside in: extents of a block, extents inside it, the order of its nodes, the input's
tile and the loop that moves it, the spatial factors below. A branch is cut when its bound (the exact cost of
what is decided plus a table for the rest) cannot beat the best mapping; every leaf is priced exactly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from formulations.kernels.arrays import UNBOUNDED, Int, Lattice, Machine, Spatial
from formulations.kernels.blocks import (
    BLOCKED,
    NO_WINDOW,
    distinct_inputs,
    input_is_free,
    input_total,
    kept_orders,
    needs_equal,
    next_tile,
    place,
)
from formulations.kernels.leaf import latency_of_level, price
from formulations.kernels.tables import (
    INFINITE,
    Tables,
    contains,
    copies_of_outputs,
    divide,
    first_visit_credit,
    input_pair,
    times,
    words_filled,
    words_inside,
)

W, I, O = 0, 1, 2  # noqa: E741
ENERGY, LATENCY, EDP = 0, 1, 2


class Work(NamedTuple):
    """What is decided on the current branch, per level, and the best mapping so far.

    ``gap[l]`` are the trips of the first non-empty run of loops outside of level l's block, ``gap_window[l]``
    the halo dim chosen to be innermost in it (-1: still open, -2: none), ``gap_spatial[l]`` the spatial factors
    between it and the block.
    """

    top: Int
    bottom: Int
    tile: Int
    order: Int
    spatial: Int
    window: Int
    input_words: Int
    gap: Int
    gap_window: Int
    gap_spatial: Int
    best: Int  # energy, latency, leaves priced, nodes visited
    best_top: Int
    best_bottom: Int
    best_tile: Int
    best_order: Int
    best_spatial: Int
    best_window: Int


@njit(cache=True)
def new_work(levels: int, dims: int, energy: int, latency: int) -> Work:
    """Fresh state; `energy` and `latency` are the values to beat."""
    best = np.zeros(4, np.int64)
    best[0], best[1] = energy, latency
    return Work(
        np.ones((levels, dims), np.int64), np.ones((levels, dims), np.int64), np.ones((levels, dims), np.int64),
        np.full((levels, 3), -1, np.int64), np.ones((levels, dims), np.int64), np.full(levels, -1, np.int64),
        np.zeros(levels + 1, np.int64), np.ones((levels + 1, dims), np.int64), np.full(levels + 1, -1, np.int64),
        np.ones((levels + 1, dims), np.int64), best,
        np.ones((levels, dims), np.int64), np.ones((levels, dims), np.int64), np.ones((levels, dims), np.int64),
        np.full((levels, 3), -1, np.int64), np.ones((levels, dims), np.int64), np.full(levels, -1, np.int64),
    )  # fmt: skip


@njit(cache=True)
def product_below(a: int, b: int, c: int, d: int) -> bool:
    """Exact ``a * b < c * d`` for non-negative 62-bit integers (128-bit products)."""
    mask = np.int64((1 << 31) - 1)
    high = np.int64(0)
    mid = np.int64(0)
    low = np.int64(0)
    for sign, x, y in ((1, a, b), (-1, c, d)):
        x0, x1 = x & mask, x >> 31
        y0, y1 = y & mask, y >> 31
        low_part = x0 * y0
        cross = x0 * y1
        cross2 = x1 * y0
        low += sign * (low_part & mask)
        mid += sign * ((low_part >> 31) + (cross & mask) + (cross2 & mask))
        high += sign * ((cross >> 31) + (cross2 >> 31) + x1 * y1)
    mid += low >> 31
    low &= mask
    high += mid >> 31
    return bool(high < 0)


@njit(cache=True)
def hopeless(w: Work, m: Machine, kind: int, cap: int, energy: int, latency: int) -> bool:
    """Can a branch with these bounds (scaled energy, latency units) not beat the best?"""
    if latency > cap:
        return True
    best_energy, best_latency = w.best[0], w.best[1]
    if best_energy >= INFINITE // m.scale:
        return False
    scaled = best_energy * m.scale
    if kind == ENERGY:
        return energy > scaled or (energy == scaled and latency >= best_latency)
    if kind == LATENCY:
        return latency > best_latency or (latency == best_latency and energy >= scaled)
    if product_below(energy, latency, scaled, best_latency):
        return False
    if product_below(scaled, best_latency, energy, latency):
        return True
    return energy >= scaled


@njit(cache=True)
def keep_best(p: Lattice, m: Machine, w: Work, kind: int, cap: int) -> None:
    """Price the complete branch exactly and keep it if it is better."""
    energy, latency = price(p, m, w.top, w.bottom, w.tile, w.spatial, w.input_words)
    w.best[2] += 1
    if hopeless(w, m, kind, cap, energy * m.scale, latency):
        return
    w.best[0], w.best[1] = energy, latency
    w.best_top[:], w.best_bottom[:], w.best_tile[:] = w.top, w.bottom, w.tile
    w.best_order[:], w.best_spatial[:], w.best_window[:] = w.order, w.spatial, w.window


@njit(cache=True)
def compute_cycles(p: Lattice, w: Work, level: int, rest: int) -> int:
    """Least compute cycles given the spatial factors above `level`; `rest` bounds those below."""
    spread = rest
    for n in range(level):
        for d in range(p.extent.shape[0]):
            spread *= w.spatial[n, d]
    return -(-p.macs // spread)


@njit(cache=True)
def close_gap(p: Lattice, w: Work, level: int, nodes: Any, used: int, position: int) -> None:
    """Find the innermost non-empty run of loops of a block and hand it to the next level.

    `used` is the number of nodes, `position` that of the input (-1 if absent). Where the block is empty the
    run outside of it is handed on, with the window that the input chose.
    """
    inner = w.bottom[level]
    for n in range(used - 1, -2, -1):
        around = nodes[n] if n >= 0 else w.top[level]
        if not np.array_equal(around, inner):
            for d in range(p.extent.shape[0]):
                w.gap[level + 1, d] = around[d] // inner[d]
            above_input = n < position
            w.gap_window[level + 1] = w.window[level] if above_input and position >= 0 else -1
            if above_input and position >= 0 and w.window[level] < 0:
                w.gap_window[level + 1] = BLOCKED
            w.gap_spatial[level + 1] = w.spatial[level]
            return
        inner = around
    w.gap[level + 1] = w.gap[level]
    chosen = position >= 0
    w.gap_window[level + 1] = w.gap_window[level]
    if chosen:
        w.gap_window[level + 1] = w.window[level] if w.window[level] >= 0 else BLOCKED
    w.gap_spatial[level + 1] = w.gap_spatial[level] * w.spatial[level]


@njit(cache=True)
def loops_above_input(p: Lattice, w: Work, level: int, nodes: Any, position: int, trips: Int) -> bool:
    """Trips of the loops right above the input's node; True when they belong to this block."""
    inner = nodes[position]
    for n in range(position - 1, -2, -1):
        around = nodes[n] if n >= 0 else w.top[level]
        if not np.array_equal(around, inner):
            for d in range(p.extent.shape[0]):
                trips[d] = around[d] // inner[d]
            return True
        inner = around
    trips[:] = w.gap[level]
    return False


@njit(cache=True)
def descend(
    p: Lattice, m: Machine, s: Spatial, t: Tables, w: Work, kind: int, cap: int, rest: Int, level: int, energy: int,
    latency: int, top: int,
) -> int:  # fmt: skip
    """Decide the block of `level` with extents `top`; `energy`, `latency` bound all that lies outside."""
    dims = p.extent.shape[0]
    has_halo = np.any(p.halo)
    special = has_halo and m.keep[level, I]
    w.top[level] = p.point[top]
    energy += words_filled(p, m, level, t.refetch, top, has_halo)
    nodes = np.empty((3, dims), np.int64)
    free = np.zeros(dims, np.bool_)
    trips = np.ones(dims, np.int64)
    orders = kept_orders(m, level)
    floor = 0
    if m.keep[level, I] and not has_halo:
        w.input_words[level] = p.volume[I] * t.refetch[I, top]
    if special:
        floor = input_energy(p, m, w, level, t.input_low[top])
    for k in range(t.count[level]):
        u = t.order[level, k]
        bound = energy + t.inside[level, u]
        if hopeless(w, m, kind, cap, bound + floor, latency):
            break
        if not contains(p, top, u):
            continue
        w.bottom[level] = p.point[u]
        skip = False
        for d in range(dims):
            skip = skip or (w.top[level, d] != w.bottom[level, d] and needs_equal(p, m, level, d))
        if skip:
            continue
        for number in range(orders.shape[0]):
            order = orders[number]
            position, used = -1, 0
            for n in range(3):
                used += order[n] >= 0
                if order[n] == I:
                    position = n
            w.order[level] = order
            tile = w.tile[level]
            for d in range(dims):
                free[d] = special and input_is_free(p, m, level, order, d)
                tile[d] = w.bottom[level, d] if free[d] else w.top[level, d]
            fitted = False
            while True:
                if place(p, m, level, order, w.top[level], w.bottom[level], tile, nodes) <= m.capacity[level]:
                    fitted = True
                    choose_window(p, m, s, t, w, kind, cap, rest, level, energy, latency, u, nodes, used, position, special, trips)
                if not special or not next_tile(p, free, w.top[level], w.bottom[level], tile):
                    break
            if fitted and not has_halo:
                break
    return 0


@njit(cache=True)
def input_energy(p: Lattice, m: Machine, w: Work, level: int, words: int) -> int:
    """Scaled energy of filling `words` of I into `level` and reading them next door outside."""
    energy = words * m.word_fill[level, I]
    if level > 0 and m.keep[level - 1, I]:
        spread = 1
        for d in range(p.extent.shape[0]):
            spread *= w.spatial[level - 1, d]
        energy += words // spread * distinct_inputs(p, w.spatial[level - 1], w.top[level]) * m.word_read[level - 1, I]
    return energy


@njit(cache=True)
def choose_window(
    p: Lattice, m: Machine, s: Spatial, t: Tables, w: Work, kind: int, cap: int, rest: Int, level: int, energy: int,
    latency: int, u: int, nodes: Any, used: int, position: int, special: bool, trips: Int,
) -> None:  # fmt: skip
    """Choose the loop that moves the input's tile, then go on to the fan-out below."""
    w.window[level] = NO_WINDOW
    if not special:
        to_fanout(p, m, s, t, w, kind, cap, rest, level, energy, latency, u, nodes, used, position)
        return
    dims = p.extent.shape[0]
    inside = loops_above_input(p, w, level, nodes, position, trips)
    refetches = 1
    for d in range(dims):
        if p.irrelevant_to[d] == I:
            refetches *= p.extent[d] // w.top[level, d]
    fixed = NO_WINDOW if inside else w.gap_window[level]
    movers = 0
    for d in range(dims):
        movers += p.halo[d] and trips[d] > 1 and (fixed == NO_WINDOW or fixed == d)
    for option in range(-1, dims):
        if option < 0 and movers > 0:
            continue
        if option >= 0 and not (p.halo[option] and trips[option] > 1 and (fixed == NO_WINDOW or fixed == option)):
            continue
        tile = nodes[position]
        run, moved = 1, 1
        if option >= 0:
            run = trips[option]
            moved = tile[option] * (1 if inside else w.gap_spatial[level, option])
        words = input_total(p, tile, refetches, option, run, moved)
        total = energy + input_energy(p, m, w, level, words)
        if hopeless(w, m, kind, cap, total + t.inside[level, u], latency):
            continue
        w.window[level] = option
        w.input_words[level] = words
        saved = w.tile[level].copy()
        w.tile[level] = tile
        to_fanout(p, m, s, t, w, kind, cap, rest, level, total, latency, u, nodes, used, position)
        w.tile[level] = saved


@njit(cache=True)
def to_fanout(
    p: Lattice, m: Machine, s: Spatial, t: Tables, w: Work, kind: int, cap: int, rest: Int, level: int, energy: int,
    latency: int, u: int, nodes: Any, used: int, position: int,
) -> None:  # fmt: skip
    """Choose the spatial factors below `level`, given everything above; price complete mappings."""
    levels = m.capacity.shape[0]
    inner = level + 1
    has_halo = np.any(p.halo)
    w.best[3] += 1
    if level > 0:
        latency = max(latency, latency_of_level(p, m, w.top, w.bottom, w.tile, w.spatial, w.input_words, level - 1))
        if hopeless(w, m, kind, cap, energy + t.inside[level, u], latency):
            return
    inside = words_inside(p, m, level, t.refetch, u, has_halo)
    far_input = has_halo and m.keep[level, I] and inner < levels and not m.keep[inner, I]
    far = p.volume[I] * t.refetch[I, u] * m.word_read[level, I] if far_input else 0
    outer_copies = 1
    for n in range(level):
        outer_copies *= copies_of_outputs(p, w.spatial[n])
    for row in range(s.start[level], s.start[level + 1]):
        child = divide(p, u, s.digit[row])
        if child < 0 or (inner == levels and child != 0):
            continue
        vector = s.vector[row]
        bound = energy + inside
        if inner < levels:
            if t.block[inner, child] >= INFINITE:
                continue
            bound += t.block[inner, child]
            bound -= first_visit_credit(p, m, inner, copies_of_outputs(p, vector) * outer_copies)
        if has_halo:
            bound += input_pair(p, m, t, level, vector, child, False)
        w.spatial[level] = vector
        cycles = compute_cycles(p, w, inner, rest[inner]) * m.latency_unit
        if hopeless(w, m, kind, cap, bound + far, max(latency, cycles)):
            continue
        if inner == levels:
            keep_best(p, m, w, kind, cap)
            continue
        close_gap(p, w, level, nodes, used, position)
        passed = energy + inside + far - first_visit_credit(p, m, inner, copies_of_outputs(p, vector) * outer_copies)
        descend(p, m, s, t, w, kind, cap, rest, inner, passed, max(latency, cycles), child)
    w.spatial[level] = 1


@njit(cache=True)
def rank_tops(p: Lattice, m: Machine, s: Spatial, t: Tables, cycles: int, kind: int, cap: int, w: Work) -> Any:
    """(key, fan-out row, point, bound) of every outermost block, most promising first."""
    has_halo = np.any(p.halo)
    n = p.point.shape[0]
    rows = s.start[1] - s.start[0]
    lowest = np.int64(INFINITE)
    for i in range(n):
        lowest = min(lowest, t.inside[1, i])
    bounds = np.empty(n * rows, np.int64)
    which = np.empty((n * rows, 2), np.int64)
    count = 0
    for row in range(s.start[0], s.start[1]):
        copies = copies_of_outputs(p, s.vector[row])
        for i in range(n):
            outer = times(p, i, s.digit[row])
            if outer < 0 or lowest >= INFINITE:
                continue
            energy = words_inside(p, m, 0, t.refetch, outer, has_halo) + words_filled(p, m, 1, t.refetch, i, has_halo)
            energy += p.macs * m.mac_energy * m.scale
            energy -= first_visit_credit(p, m, 0, 1) + first_visit_credit(p, m, 1, copies)
            if has_halo:
                energy += input_pair(p, m, t, 0, s.vector[row], i, False)
                if not m.keep[1, I]:
                    energy += p.volume[I] * t.refetch[I, outer] * m.word_read[0, I]
            if hopeless(w, m, kind, cap, energy + lowest, cycles):
                continue
            bounds[count], which[count, 0], which[count, 1] = energy + lowest, row, i
            count += 1
    ranked = np.argsort(bounds[:count], kind="mergesort")
    return bounds[:count][ranked], which[:count][ranked]


@njit(cache=True)
def search(p: Lattice, m: Machine, s: Spatial, t: Tables, w: Work, kind: int, cap: int) -> int:
    """Search all mappings; the best ends up in `w`. Returns the least bound of any block left unopened."""
    levels = m.capacity.shape[0]
    dims = p.extent.shape[0]
    has_halo = np.any(p.halo)
    rest = np.ones(levels + 1, np.int64)
    for level in range(levels - 1, -1, -1):
        most = 1
        for row in range(s.start[level], s.start[level + 1]):
            most = max(most, s.product[row])
        rest[level] = rest[level + 1] * most
    cycles = -(-p.macs // rest[0]) * m.latency_unit
    bounds, which = rank_tops(p, m, s, t, cycles, kind, cap, w)
    for k in range(bounds.shape[0]):
        if hopeless(w, m, kind, cap, bounds[k], cycles):
            return int(bounds[k])
        row, top = which[k, 0], which[k, 1]
        w.spatial[0] = s.vector[row]
        outer = times(p, top, s.digit[row])
        w.top[0], w.bottom[0], w.tile[0] = p.extent, p.point[outer], p.extent
        for d in range(dims):
            w.gap[1, d] = p.extent[d] // w.bottom[0, d]
        w.gap_window[1] = NO_WINDOW
        w.gap_spatial[1] = s.vector[row]
        w.window[0] = NO_WINDOW
        w.input_words[0] = 0
        energy = p.macs * m.mac_energy * m.scale + words_inside(p, m, 0, t.refetch, outer, has_halo)
        energy -= first_visit_credit(p, m, 0, 1) + first_visit_credit(p, m, 1, copies_of_outputs(p, s.vector[row]))
        descend(p, m, s, t, w, kind, cap, rest, 1, energy, cycles, top)
    return INFINITE


__all__ = ["EDP", "ENERGY", "LATENCY", "UNBOUNDED", "Work", "new_work", "search"]
