"""One step of all labels of a place: loops and then a node, or loops down to the bottom of the region."""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.checker.again.nest_graph.columns import (
    ASKED,
    BEFORE,
    BITS,
    CLOSING,
    COST,
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


@njit(cache=True, error_model="numpy")
def ceiling(a, b):
    """a / b, rounded up."""
    return -((-a) // b)


@njit(cache=True, error_model="numpy")
def pay(row, reals, level, read, filled, updated, instances, prices, access, scale, price):
    """Add accesses of a level: exact modulo 2**64 in COST, as floating numbers besides."""
    r, f, u = ceiling(read, access[level]), ceiling(filled, access[level]), ceiling(updated, access[level])
    row[COST] += (r * prices[level, 0] + f * prices[level, 1] + u * prices[level, 2]) * instances
    energy = float(r) * prices[level, 0] + float(f) * prices[level, 1] + float(u) * prices[level, 2]
    energy *= instances
    levels = len(access)
    row[BITS + levels + level] += read
    row[BITS + 2 * levels + level] += filled + updated
    reals[0] += energy
    for k in range(len(scale)):
        reals[2 + k] += scale[k] * energy + price[k, 0, level] * read + price[k, 1, level] * (filled + updated)


@njit(cache=True, error_model="numpy")
def held_next(k, place, room, x, run, trips, share, layer, bounds):
    """Least cost inside of a place at the roof if the next node there is held: its tensor sits out the run, or slides.

    At most two are.
    """
    plain, moves, alpha, beta = bounds[0], bounds[10], bounds[11], bounds[12]
    traffic, tiles, word_bits, capacity, budgeted, unit = layer[0], layer[5], layer[6], layer[7], layer[8], layer[9]
    best = 1e300
    for m in range(moves.shape[1]):
        tensor, level, after = moves[place, m, 0], moves[place, m, 1], moves[place, m, 2]
        if tensor < 0:
            break
        part = 1.0
        if tensor == run:
            part /= trips
        if tensor == 1:
            part *= share
        if part >= 1.0:
            continue
        bits = tiles[tensor, x] * word_bits[tensor]
        left = room
        if capacity[level] >= 0 and bits > capacity[level]:
            continue
        if level == budgeted:
            left = min(room * unit, capacity[level]) - bits
            if left < 0:
                continue
            left = (left + unit - 1) // unit
        cost = alpha[k, place, m] * traffic[tensor, x] * part + beta[k, place, m]
        inside = plain[k, after, left, x]
        for n in range(moves.shape[1]):
            other = moves[after, n, 0]
            if other < 0:
                break
            if other == tensor:
                continue
            part = 1.0
            if other == run:
                part /= trips
            if other == 1:
                part *= share
            if part >= 1.0:
                continue
            bits = tiles[other, x] * word_bits[other]
            level = moves[after, n, 1]
            rest = left
            if capacity[level] >= 0 and bits > capacity[level]:
                continue
            if level == budgeted:
                rest = min(left * unit, capacity[level]) - bits
                if rest < 0:
                    continue
                rest = (rest + unit - 1) // unit
            more = alpha[k, after, n] * traffic[other, x] * part + beta[k, after, n]
            inside = min(inside, more + plain[k, moves[after, n, 2], rest, x])
        best = min(best, cost + inside)
    return best


@njit(cache=True, error_model="numpy")
def least(reals, row, x, place, end, roof_room, layer, bounds, limit, idle):
    """May anything inside of here stay below all limits? (The bounds of :mod:`potential`.)"""
    held, width, coefficient, axis_of = layer[1], layer[2], layer[3], layer[4]
    plain, closing, bottom, closing_bottom, alpha, beta = bounds[:6]
    families, single, closes, cut = bounds[6], bounds[7], bounds[8], bounds[9]
    if not cut:
        return True
    run, trips, slide = row[RUN], row[RUN_TRIPS], row[SLIDE]
    share = 1.0
    if slide >= 0:
        step = coefficient[slide] * row[SLIDE_INSIDE] / width[axis_of[slide], x]
        share = (1.0 + (row[SLIDE_TRIPS] - 1) * min(1.0, step)) / row[SLIDE_TRIPS]
    for k in range(len(limit)):
        if end >= 0:
            best = bottom[k, end, x]
        else:
            best = plain[k, place, roof_room, x]
        for v in range(3):
            t = trips if run == v else 1
            if (t > 1 or (v == 1 and slide >= 0)) and closes[v]:
                cost = alpha[k, place, v] * held[v, x] / t + beta[k, place, v]
                if end >= 0:
                    best = min(best, cost + closing_bottom[k, v, end, x])
                else:
                    best = min(best, cost + closing[k, v, place, roof_room, x])
        if end < 0 and row[ROOF] == 1 and ((run >= 0 and trips > 1) or share < 1.0):
            sure = (run < 0 or trips == 1 or single[run]) and (share == 1.0 or single[1])
            if sure:
                first = held_next(k, place, roof_room, x, run, trips, share, layer, bounds)
                best = min(best, first)
            else:
                best = min(best, families[k, place, roof_room, x])
        if reals[2 + k] + idle[k] * reals[1] + best > limit[k]:
            return False
    return True


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


@njit(cache=True, error_model="numpy")
def cross(
    rows, reals, numbers, factors, codes, shares_from, place, vectors, quotient, counts, strides, lacks, terms,
    sliding, axis_of, ruled, everything, roof_room, item, idle_here, layer, bounds, limit, idle, clock, most,
):  # fmt: skip
    """Labels inside of a fan-out, for some vectors of its factors; ``terms[a]`` are the dims (dim, coefficient, dim,
    coefficient) of an axis of the input, the second one -1 where there is none."""
    dims, columns = vectors.shape[1], rows.shape[1]
    room = 1024
    out, out_reals, found = np.empty((room, columns), np.int64), np.empty((room, reals.shape[1])), 0
    row, real = np.zeros(columns, np.int64), np.zeros(reals.shape[1])
    for n in range(len(rows)):
        if clock[0] != 0 or found > most:
            clock[0] = 1
            break
        x = rows[n, EXTENTS]
        for f in range(len(factors)):
            y, good = x, True
            for d in range(dims):
                if codes[f, d] > 0:
                    i = (x // strides[d]) % counts[d]
                    q = quotient[d, i, codes[f, d]]
                    if q < 0:
                        good = False
                        break
                    y += (q - i) * strides[d]
            if not good:
                continue
            row[:] = rows[n]
            real[:] = reals[n]
            row[BEFORE], row[EXTENTS], row[ITEM] = numbers[n], y, item + shares_from + f
            free, outputs, weights, children = 0, 1, 1, 1
            for d in range(dims):
                s = factors[f, d]
                children *= s
                if not lacks[2, d]:
                    outputs *= s
                if not lacks[0, d]:
                    weights *= s
                if sliding and axis_of[d] >= 0 and s > 1:
                    free |= 1 << d
            inputs = 1
            for a in range(len(terms)):
                d, c, e, b = terms[a, 0], terms[a, 1], terms[a, 2], terms[a, 3]
                m = factors[f, d]
                if e < 0:
                    inputs *= m
                    continue
                k = factors[f, e]
                p, q = c * vectors[y, d], b * vectors[y, e]
                g, h = p, q
                while h > 0:
                    g, h = h, g % h
                inputs *= m * k - max(0, m - q // g) * max(0, k - p // g)
            row[ASKED] *= weights
            row[ASKED + 1] *= inputs
            row[ASKED + 2] *= outputs
            row[INSTANCES] *= children
            row[OUTPUTS] *= outputs
            row[CLOSING], row[ROOF] = -1, 1
            row[FREE_DIMS] = free if ruled else everything
            real[1] = idle_here
            if least(real, row, y, place, -1, roof_room, layer, bounds, limit, idle):
                if found == room:
                    room *= 2
                    wider, wider_reals = np.empty((room, columns), np.int64), np.empty((room, reals.shape[1]))
                    wider[:found], wider_reals[:found] = out, out_reals
                    out, out_reals = wider, wider_reals
                out[found], out_reals[found] = row, real
                found += 1
    return out[:found], out_reals[:found]
