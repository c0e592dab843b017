"""The block of one level: where its nodes stand, what they hold, and what the input moves.

Kept tensors stand in an order; right below node T come the loops over the dims irrelevant to T (three-block
lemma). The input's node may take in part of the loops over its halo dims: its tile is chosen between the
extents below and around the block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from formulations.kernels.arrays import Int, Lattice, Machine

W, I, O = 0, 1, 2  # noqa: E741
NO_WINDOW = -1
BLOCKED = -2

ORDERS = np.array(
    [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]], np.int64
)  # fmt: skip


@njit(cache=True)
def widths(p: Lattice, tile: Int, axis: int) -> int:
    """Words of a tile along one input axis."""
    width = 1 + p.axis[axis, 1] * (tile[p.axis[axis, 0]] - 1)
    if p.axis[axis, 2] >= 0:
        width += p.axis[axis, 3] * (tile[p.axis[axis, 2]] - 1)
    return width


@njit(cache=True)
def footprint(p: Lattice, tensor: int, tile: Int) -> int:
    """Words of a tile of a tensor."""
    words = 1
    if tensor == I:
        for a in range(p.axis.shape[0]):
            words *= widths(p, tile, a)
        return words
    for d in range(p.extent.shape[0]):
        if p.irrelevant_to[d] != tensor:
            words *= tile[d]
    return words


@njit(cache=True)
def refetch(p: Lattice, tensor: int, tile: Int) -> int:
    """Product of the trips over the dims irrelevant to a tensor, spatial copies included."""
    trips = 1
    for d in range(p.extent.shape[0]):
        if p.irrelevant_to[d] == tensor:
            trips *= p.extent[d] // tile[d]
    return trips


@njit(cache=True)
def input_total(p: Lattice, tile: Int, refetches: int, window: int, run: int, step_extent: int) -> int:
    """Words of I fetched into all instances: every trip fetches the tile, but for the window's loop.

    `window` is the dim whose loop of `run` trips stands right above the node; it moves the tile by
    ``step_extent`` positions of that dim.
    """
    trips = refetches
    for d in range(p.extent.shape[0]):
        if p.irrelevant_to[d] != I:
            trips *= p.extent[d] // tile[d]
    words = 1
    for a in range(p.axis.shape[0]):
        width = widths(p, tile, a)
        if window >= 0 and p.axis_of[window] == a:
            width += (run - 1) * min(width, p.step[window] * step_extent)
        words *= width
    return (trips // run if window >= 0 else trips) * words


@njit(cache=True)
def best_outer_window(p: Lattice, tile: Int, refetches: int, spatial: Int) -> int:
    """Least `input_total` over windows that run over all trips that `spatial` leaves (a lower bound)."""
    best = input_total(p, tile, refetches, NO_WINDOW, 1, 1)
    for d in range(p.extent.shape[0]):
        if p.halo[d]:
            run = p.extent[d] // (tile[d] * spatial[d])
            if run > 1:
                best = min(best, input_total(p, tile, refetches, d, run, tile[d] * spatial[d]))
    return best


@njit(cache=True)
def distinct_along(steps: Int, bounds: Int) -> int:
    """Distinct sums of ``i * step`` over all children along one axis."""
    used = 0
    for n in range(bounds.shape[0]):
        used += bounds[n] > 1
    if used <= 1:
        return int(np.prod(bounds))
    if used == 2:
        first = -1
        second = -1
        for n in range(bounds.shape[0]):
            if bounds[n] > 1:
                if first < 0:
                    first = n
                else:
                    second = n
        a, b = steps[first], steps[second]
        while b:
            a, b = b, a % b
        across, along = steps[second] // a, steps[first] // a
        return bounds[first] * bounds[second] - max(0, bounds[first] - across) * max(0, bounds[second] - along)
    sums = np.zeros(1, np.int64)
    for n in range(bounds.shape[0]):
        grown = np.empty(sums.shape[0] * bounds[n], np.int64)
        for i in range(bounds[n]):
            grown[i * sums.shape[0] : (i + 1) * sums.shape[0]] = sums + i * steps[n]
        sums = np.unique(grown)
    return sums.shape[0]


@njit(cache=True)
def distinct_inputs(p: Lattice, spatial: Int, below: Int) -> int:
    """Distinct input tiles among the children of one fan-out; `below` are the extents of one child."""
    distinct = 1
    steps = np.empty(2, np.int64)
    bounds = np.empty(2, np.int64)
    for a in range(p.axis.shape[0]):
        d, e = p.axis[a, 0], p.axis[a, 2]
        if e < 0:
            distinct *= spatial[d]
        elif spatial[d] == 1 or spatial[e] == 1:
            distinct *= spatial[d] * spatial[e]
        else:
            steps[0], bounds[0] = p.axis[a, 1] * below[d], spatial[d]
            steps[1], bounds[1] = p.axis[a, 3] * below[e], spatial[e]
            distinct *= distinct_along(steps, bounds)
    return distinct


@njit(cache=True)
def needs_equal(p: Lattice, m: Machine, level: int, d: int) -> bool:
    """Must top and bottom agree on dim d? (No kept node profits from a loop over d in this block.)"""
    tensor = p.irrelevant_to[d]
    if tensor >= 0 and m.keep[level, tensor]:
        return False
    return not (p.halo[d] and m.keep[level, I])


@njit(cache=True)
def input_is_free(p: Lattice, m: Machine, level: int, order: Int, d: int) -> bool:
    """May the input's tile along halo dim d be smaller than the block's extent?"""
    tensor = p.irrelevant_to[d]
    if not p.halo[d] or tensor < 0 or not m.keep[level, tensor]:
        return False
    for n in range(3):  # free only when the tensor whose loops these are stands above the input
        if order[n] == I:
            return False
        if order[n] == tensor:
            return True
    return False


@njit(cache=True)
def place(p: Lattice, m: Machine, level: int, order: Int, top: Int, bottom: Int, tile: Int, nodes: Any) -> int:
    """Fill ``nodes[n]`` with the extents below the n-th node of `order`; return the bits the block holds.

    Entries of `order` that are negative are unused. ``tile`` is the input's choice along free halo dims.
    """
    bits = 0
    dims = p.extent.shape[0]
    below = bottom.copy()
    for n in range(2, -1, -1):
        tensor = order[n]
        if tensor < 0:
            continue
        for d in range(dims):
            if p.irrelevant_to[d] == tensor:
                below[d] = top[d]
            elif tensor == I and p.halo[d]:
                below[d] = max(below[d], tile[d])
        for d in range(dims):
            nodes[n, d] = below[d]
        bits += footprint(p, tensor, below) * p.bits[tensor]
    return bits


@njit(cache=True)
def kept_orders(m: Machine, level: int) -> Any:
    """Orders of the kept tensors, padded with -1."""
    orders = np.full((6, 3), -1, np.int64)
    count = 0
    for k in range(6):
        row = np.full(3, -1, np.int64)
        n = 0
        for t in range(3):
            if m.keep[level, ORDERS[k, t]]:
                row[n] = ORDERS[k, t]
                n += 1
        known = False
        for j in range(count):
            known = known or np.array_equal(orders[j], row)
        if not known:
            orders[count] = row
            count += 1
    return orders[:count]


@njit(cache=True)
def next_tile(p: Lattice, free: Any, top: Int, bottom: Int, tile: Int) -> bool:
    """Advance `tile` to the next choice along the free dims (bottom | tile | top); False after the last."""
    for d in range(p.extent.shape[0]):
        if not free[d]:
            continue
        value = tile[d]
        while value < top[d]:
            value += bottom[d]
            if top[d] % value == 0:
                break
        if value <= top[d] and value != tile[d]:
            tile[d] = value
            return True
        tile[d] = bottom[d]
    return False
