"""May anything inside of a label stay below all limits?"""

from __future__ import annotations

from optimizer.checker.again.nest_graph.columns import ROOF, RUN, RUN_TRIPS, SLIDE, SLIDE_INSIDE, SLIDE_TRIPS
from optimizer.checker.again.nest_graph.kernels import part
from optimizer.checker.again.nest_graph.packed import (
    AXIS,
    BOUNDED,
    CAPACITY,
    COEFFICIENT,
    HELD,
    IDLE,
    LIMIT,
    SINGLE,
    TRAFFIC,
    USEFUL,
    WORD_BITS,
)


@part
def fits(tensor, level, x, of_points, of_tensors, of_levels, dims):
    """Does the tile of a tensor with extents x fit a level?"""
    capacity = of_levels[CAPACITY, level]
    return capacity < 0 or of_points[x, dims + tensor] * of_tensors[WORD_BITS, tensor] <= capacity


@part
def share_of(tensor, run, trips, share):
    """Share of its words that the next node of a tensor brings in at least, after a run and a slide."""
    part = 1.0
    if tensor == run:
        part /= trips
    if tensor == 1:
        part *= share
    return part


@part
def held_next(k, place, x, run, trips, share, of_points, words, of_tensors, of_levels, moves, price, plain, dims):
    """Least cost inside of a place at the roof if the next node there is held: its tensor sits out the run, or slides.

    At most two are.
    """
    best = 1e300
    for m in range(moves.shape[1]):
        tensor, after = moves[place, m, 0], moves[place, m, 2]
        if tensor < 0:
            break
        part = share_of(tensor, run, trips, share)
        if part >= 1.0 or not fits(tensor, moves[place, m, 1], x, of_points, of_tensors, of_levels, dims):
            continue
        cost = price[0, k, place, m] * words[TRAFFIC + tensor, x] * part + price[1, k, place, m]
        inside = plain[k, after, x]
        for n in range(moves.shape[1]):
            other = moves[after, n, 0]
            if other < 0:
                break
            part = share_of(other, run, trips, share)
            if other == tensor or part >= 1.0:
                continue
            if fits(other, moves[after, n, 1], x, of_points, of_tensors, of_levels, dims):
                more = price[0, k, after, n] * words[TRAFFIC + other, x] * part + price[1, k, after, n]
                inside = min(inside, more + plain[k, moves[after, n, 2], x])
        best = min(best, cost + inside)
    return best


@part
def least(
    row, real, i, x, place, end, sizes, of_dims, of_points, words, of_tensors, of_levels, of_criteria,
    plain, closing, bottom, closing_bottom, commit, families, moves, price,
):  # fmt: skip
    """May anything inside of label i stay below all limits? (The bounds of :mod:`potential`.)"""
    if sizes[BOUNDED] == 0:
        return True
    dims = of_dims.shape[1]
    run, trips, slide, share = row[i, RUN], row[i, RUN_TRIPS], row[i, SLIDE], 1.0
    if slide >= 0:
        step = of_dims[COEFFICIENT, slide] * row[i, SLIDE_INSIDE] / of_points[x, dims + 3 + of_dims[AXIS, slide]]
        share = (1.0 + (row[i, SLIDE_TRIPS] - 1) * min(1.0, step)) / row[i, SLIDE_TRIPS]
    roof = end < 0 and row[i, ROOF] == 1 and ((run >= 0 and trips > 1) or share < 1.0)
    sure = (run < 0 or trips == 1 or of_tensors[SINGLE, run] == 1) and (share == 1.0 or of_tensors[SINGLE, 1] == 1)
    for k in range(len(of_criteria)):
        best = bottom[k, end, x] if end >= 0 else plain[k, place, x]
        for v in range(3):
            t = trips if run == v else 1
            if of_tensors[USEFUL, v] == 1 and (t > 1 or (v == 1 and slide >= 0)):
                cost = commit[0, k, place, v] * words[HELD + v, x] / t + commit[1, k, place, v]
                cost += closing_bottom[k, v, end, x] if end >= 0 else closing[k, v, place, x]
                best = min(best, cost)
        if roof and sure:
            first = held_next(k, place, x, run, trips, share, of_points, words, of_tensors, of_levels, moves, price,
                              plain, dims)  # fmt: skip
            best = min(best, first)
        elif roof:
            best = min(best, families[k, place, x])
        if real[i, 2 + k] + of_criteria[k, IDLE] * real[i, 1] + best > of_criteria[k, LIMIT]:
            return False
    return True
