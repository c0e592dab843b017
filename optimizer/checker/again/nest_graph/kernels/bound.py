"""May anything inside of a label stay below all limits?"""

from __future__ import annotations

from numba import njit

from optimizer.checker.again.nest_graph.columns import (
    ROOF,
    RUN,
    RUN_TRIPS,
    SLIDE,
    SLIDE_INSIDE,
    SLIDE_TRIPS,
)


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
