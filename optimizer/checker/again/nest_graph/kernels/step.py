"""One step of all labels of a place: loops and then a node, or loops down to the bottom of the region."""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.checker.again.nest_graph.columns import (
    ASKED,
    BEFORE,
    BITS,
    CLOSING,
    DRAINED,
    EXTENTS,
    FREE_DIMS,
    INSTANCES,
    ITEM,
    NO_ITEM,
    OUTPUTS,
    PARENT,
    PARENT_OUTPUTS,
    ROOF,
    RUN,
    RUN_TRIPS,
    SLIDE,
    SLIDE_INSIDE,
    SLIDE_TRIPS,
)
from optimizer.checker.again.nest_graph.kernels.bound import least
from optimizer.checker.again.nest_graph.kernels.pay import ceiling, pay


@njit(cache=True, error_model="numpy")
def expand(
    rows, reals, base, tensor, level, parent, place, end,
    vectors, quotient, counts, strides, extents, tiles, word_bits, lacks, useful, sliding, ruled, block, everything,
    capacity, access, prices, volume, resumes, drains, scale, price, budgeted, parts, unit, layer, bounds, limit,
    idle, clock, most,
):  # fmt: skip
    """Labels after loops and the node of a tensor at a level (-1: no node, the bottom of the region).

    Loops before the next item are those of ``ruled`` places only (:mod:`canonical` has the proof): first loops over
    FREE_DIMS, then, maybe, loops that some tensor with nodes further in sits out, or one along which the input slides.
    """
    dims, columns = vectors.shape[1], rows.shape[1]
    axis_of, coefficient, width = layer[4], layer[3], layer[2]
    room = 1024
    out, out_reals, found = np.empty((room, columns), np.int64), np.empty((room, reals.shape[1])), 0
    digits, place_of, limits = np.zeros(dims, np.int64), np.zeros(dims, np.int64), np.zeros(dims, np.int64)
    row, real = np.zeros(columns, np.int64), np.zeros(reals.shape[1])
    masks = np.zeros(3, np.int64)
    for v in range(3):
        for d in range(dims):
            if lacks[v, d]:
                masks[v] |= 1 << d
    slide_mask = 0
    slide_counts = sliding and (useful[1] or tensor == 1)
    for d in range(dims):
        if axis_of[d] >= 0 and slide_counts:
            slide_mask |= 1 << d
    useful_mask = 0
    for v in range(3):
        if useful[v]:
            useful_mask |= masks[v]
    for n in range(len(rows)):
        if clock[0] != 0 or found > most:
            clock[0] = 1
            break
        closing = rows[n, CLOSING]
        if tensor >= 0 and closing == tensor:
            continue
        free = rows[n, FREE_DIMS] if ruled else everything
        x = rows[n, EXTENTS]
        for d in range(dims):
            place_of[d] = (x // strides[d]) % counts[d]
        for v in range(-1, 3):
            if v >= 0 and (not useful[v] or v == tensor or masks[v] == 0):
                continue
            if closing >= 0 and v >= 0 and v != closing:
                continue
            for slide in range(-1, dims):
                if slide >= 0:
                    if not slide_mask >> slide & 1:
                        continue
                    if v >= 0 and v != 1 and not masks[v] >> slide & 1:
                        continue
                    if closing >= 0 and (v < 0 or not masks[closing] >> slide & 1):
                        continue
                    if v < 0 and free >> slide & 1 and useful_mask >> slide & 1:
                        continue
                allowed = free
                if v >= 0:
                    allowed |= masks[v]
                if slide >= 0 and v < 2 and v != 0:
                    allowed |= 1 << slide
                if closing >= 0:
                    allowed = masks[closing] if v >= 0 else 0
                for d in range(dims):
                    digits[d] = 0
                    limits[d] = place_of[d] if allowed >> d & 1 else 0
                # every vector of trips over the allowed dims: digits are indices of its entries
                while True:
                    y, mask, good = x, 0, True
                    for d in range(dims):
                        if digits[d] > 0:
                            q = quotient[d, place_of[d], digits[d]]
                            if q < 0:
                                good = False
                                break
                            y += (q - place_of[d]) * strides[d]
                            mask |= 1 << d
                    if good:
                        own = mask & masks[v] if v >= 0 else 0
                        others = mask & ~own
                        rest = others
                        if slide >= 0:
                            good = mask >> slide & 1 == 1
                            rest = others & ~(1 << slide)
                        if v >= 0 and own == 0:
                            good = False
                        if rest & ~free != 0 and closing < 0:
                            good = False
                        if slide < 0:
                            if v < 0 and (mask & (useful_mask | slide_mask)) != 0:
                                good = False
                            if v >= 0 and v != 1 and own & slide_mask != 0:
                                good = False
                            if v == 1 and others & slide_mask != 0:
                                good = False
                        elif v < 0 and rest & ~free != 0:
                            good = False
                    if good:
                        row[:] = rows[n]
                        real[:] = reals[n]
                        row[BEFORE] = base + n
                        row[EXTENTS] = y
                        if mask != 0:
                            row[ROOF] = 0
                            if v >= 0:
                                trips = 1
                                for d in range(dims):
                                    if own >> d & 1:
                                        trips *= vectors[x, d] // vectors[y, d]
                                if others == 0 and rows[n, RUN] == v:
                                    trips *= rows[n, RUN_TRIPS]
                                row[RUN], row[RUN_TRIPS] = v, trips
                            else:
                                row[RUN], row[RUN_TRIPS] = -1, 1
                            if slide >= 0:
                                row[SLIDE], row[SLIDE_INSIDE] = slide, vectors[y, slide]
                                row[SLIDE_TRIPS] = vectors[x, slide] // vectors[y, slide]
                            elif not (v == 1 and others == 0):
                                row[SLIDE], row[SLIDE_TRIPS], row[SLIDE_INSIDE] = -1, 1, 1
                            if closing < 0:
                                if v >= 0 and own & ~free != 0:
                                    row[CLOSING] = v
                                if slide >= 0 and v < 2 and v != 0 and not free >> slide & 1:
                                    row[CLOSING] = 1
                        outside = 1
                        for d in range(dims):
                            outside *= extents[d] // vectors[y, d]
                        trips = outside // row[INSTANCES]
                        inside = 0
                        if budgeted >= 0:
                            left = capacity[budgeted] - row[BITS + budgeted]
                            inside = min(parts, ceiling(left, unit))
                        if tensor >= 0:
                            size = tiles[tensor, y] * word_bits[tensor]
                            row[BITS + level] += size
                            good = capacity[level] < 0 or row[BITS + level] <= capacity[level]
                            if good:
                                times = trips
                                held = row[RUN] == tensor and row[RUN_TRIPS] > 1
                                if held:
                                    times //= row[RUN_TRIPS]
                                brought = tiles[tensor, y]
                                if tensor == 1 and row[SLIDE] >= 0:
                                    d = row[SLIDE]
                                    wide = int(width[axis_of[d], y])
                                    step = coefficient[d] * row[SLIDE_INSIDE]
                                    brought += (row[SLIDE_TRIPS] - 1) * (brought // wide * min(wide, step))
                                    times //= row[SLIDE_TRIPS]
                                fill = brought * times * word_bits[tensor]
                                read, updated, filled = fill * row[ASKED + tensor], 0, fill
                                if tensor == 2:
                                    updated = read
                                    if not resumes:
                                        read -= volume // row[PARENT_OUTPUTS] * word_bits[2]
                                        filled -= volume // row[OUTPUTS] * word_bits[2]
                                    read += row[DRAINED]
                                    row[DRAINED] = fill if drains else 0
                                    row[PARENT_OUTPUTS] = row[OUTPUTS]
                                pay(row, real, parent, read, 0, updated, row[PARENT + tensor], prices, access, scale,
                                    price)  # fmt: skip
                                pay(row, real, level, 0, filled, 0, row[INSTANCES], prices, access, scale, price)
                                row[PARENT + tensor], row[ASKED + tensor] = row[INSTANCES], 1
                                row[ITEM] = tensor + 4 * level
                                row[FREE_DIMS] = block[tensor]
                                if held:
                                    row[FREE_DIMS] = everything
                                if tensor == 1 and v < 0 and closing < 0:
                                    row[CLOSING] = -1
                                if budgeted >= 0:
                                    left = capacity[budgeted] - row[BITS + budgeted]
                                    inside = min(parts, ceiling(left, unit))
                        else:
                            row[ITEM] = NO_ITEM
                        if good:
                            good = least(real, row, y, place, end, inside, layer, bounds, limit, idle)
                        if good:
                            if found == room:
                                room *= 2
                                wider, wider_reals = (
                                    np.empty((room, columns), np.int64), np.empty((room, reals.shape[1])),
                                )  # fmt: skip
                                wider[:found], wider_reals[:found] = out, out_reals
                                out, out_reals = wider, wider_reals
                            out[found], out_reals[found] = row, real
                            found += 1
                    d = 0
                    while d < dims:
                        digits[d] += 1
                        if digits[d] <= limits[d]:
                            break
                        digits[d] = 0
                        d += 1
                    if d == dims:
                        break
    return out[:found], out_reals[:found]
