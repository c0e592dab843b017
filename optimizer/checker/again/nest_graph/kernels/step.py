"""One step of all labels of a place: loops and then a node, or loops down to the bottom of the region."""

from __future__ import annotations

from optimizer.checker.again.nest_graph.columns import BEFORE, BITS, CLOSING, EXTENTS, FREE_DIMS, ITEM, NO_ITEM
from optimizer.checker.again.nest_graph.kernels import kernel, part
from optimizer.checker.again.nest_graph.kernels.bound import least
from optimizer.checker.again.nest_graph.kernels.loops import allowed_dims, is_legal, loop
from optimizer.checker.again.nest_graph.kernels.node import node
from optimizer.checker.again.nest_graph.packed import (
    AXIS,
    CAPACITY,
    EVERYTHING,
    IDLE,
    LIMIT,
    MASK,
    RULED,
    SLIDES,
    USEFUL,
    WORD_BITS,
)


@part
def place(
    rows, reals, n, base, y, mask, v, slide, free, own_mask, found, move, sizes, of_dims, of_points, of_tensors,
    of_levels, of_criteria, out, out_reals,
):  # fmt: skip
    """Write the label after these loops and the node of a move to row `found`."""
    tensor = move[0]
    for c in range(rows.shape[1]):
        out[found, c] = rows[n, c]
    for c in range(reals.shape[1]):
        out_reals[found, c] = reals[n, c]
    closed = rows[n, CLOSING]
    loop(out, found, y, mask, v, slide, closed, free, own_mask, of_points, of_dims.shape[1])
    out[found, BEFORE], out[found, ITEM] = base + n, NO_ITEM
    if tensor >= 0:
        node(out, out_reals, found, y, tensor, move[1], move[2], v >= 0 or closed >= 0, sizes, of_dims, of_points,
             of_tensors, of_levels, of_criteria)  # fmt: skip


@part
def trips_between(x, y, of_points, dims):
    """Dims over which loops lead from extents x to y, as bits; -1 if one does not divide."""
    found = 0
    for d in range(dims):
        a, b = of_points[x, d], of_points[y, d]
        if a != b:
            if a < b or a % b != 0:
                return -1
            found |= 1 << d
    return found


@part
def has_room(rows, n, y, tensor, level, of_points, of_tensors, of_levels, dims):
    """Does the tile of a tensor with extents y fit a level besides what label n has there?"""
    bits = rows[n, BITS + level] + of_points[y, dims + tensor] * of_tensors[WORD_BITS, tensor]
    return of_levels[CAPACITY, level] < 0 or bits <= of_levels[CAPACITY, level]


@part
def is_early(reals, n, y, low, of_criteria):
    """Is label n above a limit with the least costs inside of extents y?"""
    for k in range(len(of_criteria)):
        if reals[n, 2 + k] + of_criteria[k, IDLE] * reals[n, 1] + low[k, y] > of_criteria[k, LIMIT]:
            return True
    return False


@kernel
def expand(
    rows, reals, base, first, move, scratch, ahead, low, sizes, of_dims, quotient, of_points, words, of_tensors,
    of_levels, of_criteria, plain, closing, bottom, closing_bottom, commit, families, moves, price, out, out_reals,
    state,
):  # fmt: skip
    """Labels after loops and the node of a move, (tensor, level, its parent, place inside, -1), or (-1, -1, -1, place,
    number of the bottom of the region).

    Loops lead to the extents `ahead`, in ascending order, with the least costs `low` from there on. From row `first`
    on, as long as there is room; the number of labels and of rows done go to `state`.
    """
    dims, tensor = of_dims.shape[1], move[0]
    state[0] = 0
    slide_mask, useful_mask, found = state[0], state[0], state[0]  # 0, but no constant: those have a type of their own
    for d in range(dims):
        if of_dims[AXIS, d] >= 0 and sizes[SLIDES] and (of_tensors[USEFUL, 1] or tensor == 1):
            slide_mask |= 1 << d
    for v in range(3):
        if of_tensors[USEFUL, v]:
            useful_mask |= of_tensors[MASK, v]
    for n in range(first, len(rows)):
        state[0], state[1] = found, n
        closed, x = rows[n, CLOSING], rows[n, EXTENTS]
        if tensor >= 0 and closed == tensor:
            continue
        free = rows[n, FREE_DIMS] if sizes[RULED] else sizes[EVERYTHING]
        for choice in range(len(scratch)):
            v, slide = choice // (dims + 1) - 1, choice % (dims + 1) - 1
            scratch[choice] = allowed_dims(v, slide, closed, free, tensor, slide_mask, useful_mask, of_tensors)
        for i in range(-1, len(ahead)):
            y = ahead[i] if i >= 0 else x
            if i >= 0 and (y >= x or is_early(reals, n, y, low, of_criteria)):
                continue
            mask = trips_between(x, y, of_points, dims)
            if mask < 0 or (
                tensor >= 0 and not has_room(rows, n, y, tensor, move[1], of_points, of_tensors, of_levels, dims)
            ):
                continue
            for choice in range(len(scratch)):
                if scratch[choice] < 0 or mask & ~scratch[choice] != 0:
                    continue
                v, slide = choice // (dims + 1) - 1, choice % (dims + 1) - 1
                own_mask = of_tensors[MASK, v] if v >= 0 else 0
                if not is_legal(mask, v, slide, closed, free, slide_mask, useful_mask, own_mask):
                    continue
                if found == len(out):
                    return
                place(rows, reals, n, base, y, mask, v, slide, free, own_mask, found, move, sizes, of_dims, of_points,
                      of_tensors, of_levels, of_criteria, out, out_reals)  # fmt: skip
                if least(out, out_reals, found, y, move[3], move[4], sizes, of_dims, of_points, words, of_tensors,
                         of_levels, of_criteria, plain, closing, bottom, closing_bottom, commit, families, moves,
                         price):  # fmt: skip
                    found += 1
    state[0], state[1] = found, len(rows)
