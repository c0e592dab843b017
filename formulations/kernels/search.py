"""Best-first search of one layer's mappings on the divisor lattice.

Decisions run from the outside in: extents of a block, extents inside it, the order of its nodes, the input's
tile and the loop that moves it, the spatial factors below. A branch is cut when its bound (the exact cost of
what is decided plus a table for the rest) cannot beat the best mapping; every leaf is priced exactly.
"""

from __future__ import annotations

from numba import njit

from formulations.kernels.blocks import (
    copy,
    distinct_inputs,
    input_is_free,
    input_total,
    needs_equal,
    next_tile,
    outward,
    place,
)
from formulations.kernels.layout import (
    BEST,
    BEST_ENERGY,
    BEST_LATENCY,
    BEST_TOP,
    BLOCK,
    BLOCKED,
    BOTTOM,
    CAP,
    CAPACITY,
    COUNTS,
    DIMS,
    ENERGY,
    EXTENT,
    FREE,
    GAP,
    GAP_SPATIAL,
    GAP_WINDOW,
    HALO,
    HAS_HALO,
    INFINITE,
    INSIDE,
    KEEP,
    KIND,
    LACKS,
    LATENCY,
    LEAVES,
    LEVEL0,
    LEVELS,
    LOW,
    MAC_ENERGY,
    MACS,
    META,
    NODE,
    NODES_SEEN,
    OPEN,
    ORDER,
    ORDER0,
    ORDER_COUNT,
    RANKED,
    SAVED,
    SCALARS,
    SCALE,
    SPATIAL,
    SPATIAL_BELOW,
    STARTS,
    TILE,
    TOP,
    TRIPS,
    UNIT,
    VOLUME,
    WINDOW,
    WORD_FILL,
    WORD_READ,
    WORDS,
    I,
    Int,
)
from formulations.kernels.leaf import ceil_div, copies_above, latency_of, price
from formulations.kernels.tables import (
    combine,
    contains,
    copies_of_outputs,
    far_input,
    first_visits,
    input_pair,
    words_filled,
    words_inside,
)


@njit(cache=True)
def product_below(a: int, b: int, x: int, y: int) -> bool:
    """Exact ``a * b < x * y`` for non-negative integers below 2**62 (128-bit products from 31-bit limbs)."""
    mask = (1 << 31) - 1
    a0, a1, b0, b1 = a & mask, a >> 31, b & mask, b >> 31
    x0, x1, y0, y1 = x & mask, x >> 31, y & mask, y >> 31
    p, r = a0 * b0, x0 * y0
    s, u, v, z = a0 * b1, a1 * b0, x0 * y1, x1 * y0
    low = (p & mask) - (r & mask)
    middle = (p >> 31) + (s & mask) + (u & mask) - (r >> 31) - (v & mask) - (z & mask) + (low >> 31)
    high = (s >> 31) + (u >> 31) + a1 * b1 - (v >> 31) - (z >> 31) - x1 * y1 + (middle >> 31)
    return high < 0


@njit(cache=True)
def hopeless(c: Int, energy: int, latency: int) -> bool:
    """Can a branch with these bounds (scaled energy, latency units) not beat the best?"""
    if latency > c[SCALARS, CAP]:
        return True
    best_energy, best_latency = c[BEST, BEST_ENERGY], c[BEST, BEST_LATENCY]
    if best_energy >= INFINITE // c[SCALARS, SCALE]:
        return False
    scaled = best_energy * c[SCALARS, SCALE]
    if c[SCALARS, KIND] == ENERGY:
        return energy > scaled or (energy == scaled and latency >= best_latency)
    if c[SCALARS, KIND] == LATENCY:
        return latency > best_latency or (latency == best_latency and energy >= scaled)
    if product_below(energy, latency, scaled, best_latency):
        return False
    return energy >= scaled or product_below(scaled, best_latency, energy, latency)


@njit(cache=True)
def keep_if_best(c: Int, w: Int) -> None:
    """Price the complete branch exactly and keep it if it is better."""
    energy, latency = price(c, w)
    c[BEST, LEAVES] += 1
    if hopeless(c, energy * c[SCALARS, SCALE], latency):
        return
    c[BEST, BEST_ENERGY], c[BEST, BEST_LATENCY] = energy, latency
    for plane in range(6):
        for level in range(w.shape[1]):
            copy(w[BEST_TOP + plane, level], w[TOP + plane, level])


@njit(cache=True)
def input_energy(c: Int, w: Int, level: int, words: int) -> int:
    """Scaled energy of filling `words` of I into `level` and reading them right outside."""
    energy = words * c[LEVEL0 + level, WORD_FILL + I]
    if c[LEVEL0 + level - 1, KEEP + I]:
        spread = 1
        for d in range(c[SCALARS, DIMS]):
            spread *= w[SPATIAL, level - 1, d]
        distinct = distinct_inputs(c, w[SPATIAL, level - 1], w[TOP, level])
        energy += words // spread * distinct * c[LEVEL0 + level - 1, WORD_READ + I]
    return energy


@njit(cache=True)
def hand_on(c: Int, w: Int, level: int, position: int) -> None:
    """Tell the next level which loops stand right above it, and whether their innermost is already chosen.

    `position` is that of the input's node (-1: not kept).
    """
    dims = c[SCALARS, DIMS]
    chosen = w[META, level, WINDOW] if w[META, level, WINDOW] >= 0 else BLOCKED
    above = outward(c, w, level, 3, w[GAP, level + 1])
    if above == -2:
        w[GAP, level + 1] = w[GAP, level]
        w[META, level + 1, GAP_WINDOW] = chosen if position >= 0 else w[META, level, GAP_WINDOW]
        for d in range(dims):
            w[GAP_SPATIAL, level + 1, d] = w[GAP_SPATIAL, level, d] * w[SPATIAL, level, d]
        return
    w[META, level + 1, GAP_WINDOW] = chosen if above < position else OPEN
    for d in range(dims):
        w[GAP_SPATIAL, level + 1, d] = w[SPATIAL, level, d]


@njit(cache=True)
def choose_window(c: Int, w: Int, level: int, position: int, option: int) -> int:
    """Set the loop that moves the input's tile to `option`; return the words fetched, or -1 if not possible.

    `option` is a halo dim, or negative for no window (only where no halo loop could be one).
    """
    dims = c[SCALARS, DIMS]
    trips = w[TRIPS, level]
    inside = outward(c, w, level, position, trips) != -2
    fixed = OPEN
    if not inside:
        fixed = w[META, level, GAP_WINDOW]
        for d in range(dims):
            trips[d] = w[GAP, level, d]
    movers, usable = 0, False
    for d in range(dims):
        if c[HALO, d] and trips[d] > 1 and fixed in (OPEN, d):
            movers += 1
            usable = usable or d == option
    if not usable and (option >= 0 or movers > 0):
        return -1
    refetches = 1
    for d in range(dims):
        if c[LACKS, d] == I:
            refetches *= c[EXTENT, d] // w[TOP, level, d]
    tile = w[NODE + position, level]
    run, moved = 1, 1
    if option >= 0:
        run = trips[option]
        moved = tile[option]
        if not inside:
            moved *= w[GAP_SPATIAL, level, option]
    w[META, level, WINDOW] = option
    return input_total(c, tile, refetches, option, run, moved)


@njit(cache=True)
def may_stand(c: Int, level: int, top: Int, bottom: Int) -> bool:
    """Do top and bottom agree on the dims that no kept node profits from?"""
    for d in range(c[SCALARS, DIMS]):
        if top[d] != bottom[d] and needs_equal(c, level, d):
            return False
    return True


@njit(cache=True)
def start_tile(c: Int, w: Int, level: int, special: bool) -> int:
    """Set the input's first tile and its free dims for the order on the branch; return its node's position."""
    order = w[ORDER, level, :3]
    position = -1
    for n in range(3):
        if order[n] == I:
            position = n
    for d in range(c[SCALARS, DIMS]):
        w[FREE, level, d] = special and input_is_free(c, level, order, d)
        w[TILE, level, d] = w[BOTTOM, level, d] if w[FREE, level, d] else w[TOP, level, d]
    return position


@njit(cache=True)
def descend(
    c: Int, g: Int, e: Int, q: Int, s: Int, t: Int, r: Int, w: Int, level: int, energy: int, latency: int, top: int
) -> int:  # fmt: skip
    """Decide the block of `level` with extents ``e[top]``, its fan-out, and, by recursion, all that lies inside.

    `energy` (scaled) and `latency` bound all that lies outside.
    """
    dims, levels = c[SCALARS, DIMS], c[SCALARS, LEVELS]
    inner = level + 1
    special = c[SCALARS, HAS_HALO] == 1 and c[LEVEL0 + level, KEEP + I] == 1
    copy(w[TOP, level], e[top])
    outside = energy + words_filled(c, r, level, top)
    w[META, level, WORDS] = c[VOLUME, I] * r[I, top]
    floor = input_energy(c, w, level, r[LOW, top]) if special else 0
    copies = 1
    for n in range(level):
        copies *= copies_of_outputs(c, w[SPATIAL, n])
    free, tile, saved = w[FREE, level], w[TILE, level], w[SAVED, level]
    for k in range(c[COUNTS, level]):
        u = t[level, RANKED, k]
        if hopeless(c, outside + t[level, INSIDE, u] + floor, latency):
            break
        if not contains(c, q, g, top, u) or not may_stand(c, level, e[top], e[u]):
            continue
        copy(w[BOTTOM, level], e[u])
        inside = words_inside(c, r, level, u) + far_input(c, r, level, u)
        for number in range(c[ORDER0 + level, ORDER_COUNT]):
            order = c[ORDER0 + level, 3 * number : 3 * number + 3]
            copy(w[ORDER, level], order)
            position = start_tile(c, w, level, special)
            fitted, more = False, True
            while more:
                fits = place(c, w, level, order, w[TOP, level], w[BOTTOM, level], tile) <= c[LEVEL0 + level, CAPACITY]
                fitted = fitted or fits
                copy(saved, tile)
                for option in range(-1, dims if special and fits else 0):
                    if not fits:
                        break
                    total = outside
                    w[META, level, WINDOW] = -1
                    if special:
                        words = choose_window(c, w, level, position, option)
                        if words < 0:
                            continue
                        w[META, level, WORDS] = words
                        total += input_energy(c, w, level, words)
                        copy(tile, w[NODE + position, level, :dims])
                    later = max(latency, latency_of(c, w, level - 1))
                    if hopeless(c, total + t[level, INSIDE, u], later):
                        continue
                    c[BEST, NODES_SEEN] += 1
                    for row in range(c[STARTS, level], c[STARTS, inner]):
                        child = combine(c, q, g, 0, u, s[row, :dims])
                        if child < 0 or (inner == levels and child != 0):
                            continue
                        vector = s[row, dims : 2 * dims]
                        passed = total + inside
                        if inner < levels:
                            passed -= first_visits(c, inner, copies_of_outputs(c, vector) * copies)
                        bound = passed + (t[inner, BLOCK, child] if inner < levels else 0)
                        if c[SCALARS, HAS_HALO]:
                            bound += input_pair(c, e, t, r, level, vector, child, False)
                        copy(w[SPATIAL, level], vector)
                        spread = w[SPATIAL_BELOW, 0, inner] * copies_above(c, w, inner, -1)
                        cycles = max(later, ceil_div(c[SCALARS, MACS], spread) * c[SCALARS, UNIT])
                        if hopeless(c, bound, cycles):
                            continue
                        if inner == levels:
                            keep_if_best(c, w)
                        else:
                            hand_on(c, w, level, position)
                            descend(c, g, e, q, s, t, r, w, inner, passed, cycles, child)
                    for d in range(dims):
                        w[SPATIAL, level, d] = 1
                copy(tile, saved)
                more = special and next_tile(c, free, w[TOP, level], w[BOTTOM, level], tile)
            if fitted and not c[SCALARS, HAS_HALO]:
                break
    return levels


@njit(cache=True)
def bound_tops(c: Int, g: Int, e: Int, q: Int, s: Int, t: Int, r: Int, w: Int, bounds: Int) -> None:
    """Bounds on every outermost block, one per row of the outermost fan-out and point (INFINITE: none)."""
    dims, levels = c[SCALARS, DIMS], c[SCALARS, LEVELS]
    w[SPATIAL_BELOW, 0, levels] = 1
    for level in range(levels - 1, -1, -1):
        most = 1
        for row in range(c[STARTS, level], c[STARTS, level + 1]):
            most = max(most, s[row, 2 * dims])
        w[SPATIAL_BELOW, 0, level] = w[SPATIAL_BELOW, 0, level + 1] * most
    lowest = t[1, INSIDE, t[1, RANKED, 0]]
    for row in range(c[STARTS, 0], c[STARTS, 1]):
        for i in range(e.shape[0]):
            outer = combine(c, q, g, 1, i, s[row, :dims])
            if outer >= 0:
                energy = outermost(c, r, s[row, dims : 2 * dims], outer) + words_filled(c, r, 1, i) + lowest
                if c[SCALARS, HAS_HALO]:
                    energy += input_pair(c, e, t, r, 0, s[row, dims : 2 * dims], i, False)
                bounds[row - c[STARTS, 0], i] = energy


@njit(cache=True)
def outermost(c: Int, r: Int, vector: Int, outer: int) -> int:
    """Scaled energy of the multiply-accumulates and the outermost level, input with halo left out."""
    energy = c[SCALARS, MACS] * c[SCALARS, MAC_ENERGY] * c[SCALARS, SCALE] - first_visits(c, 0, 1)
    energy += words_inside(c, r, 0, outer) + far_input(c, r, 0, outer)
    return energy - first_visits(c, 1, copies_of_outputs(c, vector))


@njit(cache=True)
def search(c: Int, g: Int, e: Int, q: Int, s: Int, t: Int, r: Int, w: Int, ranked: Int, bounds: Int) -> None:
    """Open outermost blocks in the order `ranked` while their bound can beat the best noted in ``c``."""
    dims = c[SCALARS, DIMS]
    latency = ceil_div(c[SCALARS, MACS], w[SPATIAL_BELOW, 0, 0]) * c[SCALARS, UNIT]
    points = e.shape[0]
    for k in ranked:
        row, top = c[STARTS, 0] + k // points, k % points
        bound = bounds[k // points, top]
        if bound >= INFINITE or hopeless(c, bound, latency):
            break
        outer = combine(c, q, g, 1, top, s[row, :dims])
        copy(w[SPATIAL, 0], s[row, dims : 2 * dims])
        copy(w[TOP, 0], c[EXTENT, :dims])
        copy(w[TILE, 0], c[EXTENT, :dims])
        copy(w[BOTTOM, 0], e[outer])
        for d in range(dims):
            w[GAP, 1, d] = c[EXTENT, d] // e[outer, d]
            w[GAP_SPATIAL, 1, d] = s[row, dims + d]
        w[META, 1, GAP_WINDOW], w[META, 0, WINDOW] = OPEN, -1
        descend(c, g, e, q, s, t, r, w, 1, outermost(c, r, w[SPATIAL, 0], outer), latency, top)
