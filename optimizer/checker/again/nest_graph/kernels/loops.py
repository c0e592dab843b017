"""Which loops may stand before the next node (:mod:`canonical` has the proof), and what they do to a label."""

from __future__ import annotations

from optimizer.checker.again.nest_graph.columns import (
    CLOSING,
    EXTENTS,
    ROOF,
    RUN,
    RUN_TRIPS,
    SLIDE,
    SLIDE_INSIDE,
    SLIDE_TRIPS,
)
from optimizer.checker.again.nest_graph.kernels import part
from optimizer.checker.again.nest_graph.packed import COUNT, MASK, STRIDE, USEFUL


@part
def allowed_dims(v, slide, closing, free, tensor, slide_mask, useful_mask, of_tensors):
    """Dims over which loops may stand, as bits, if tensor v sits out the last ones (-1: none) and the input slides
    along one (-1: none); -1 if that cannot be."""
    if v >= 0 and (of_tensors[USEFUL, v] == 0 or v == tensor or of_tensors[MASK, v] == 0):
        return -1
    if closing >= 0 and v >= 0 and v != closing:
        return -1
    if slide >= 0:
        if not slide_mask >> slide & 1:
            return -1
        if v >= 0 and v != 1 and not of_tensors[MASK, v] >> slide & 1:
            return -1
        if closing >= 0 and (v < 0 or not of_tensors[MASK, closing] >> slide & 1):
            return -1
        if v < 0 and free >> slide & 1 and useful_mask >> slide & 1:
            return -1
    if closing >= 0:
        return of_tensors[MASK, closing] if v >= 0 else 0
    found = free
    if v >= 0:
        found |= of_tensors[MASK, v]
    if slide >= 0 and v < 2 and v != 0:
        found |= 1 << slide
    return found


@part
def is_legal(mask, v, slide, closing, free, slide_mask, useful_mask, own_mask):
    """May loops over the dims of a mask stand here, with this choice of v and slide and no other?"""
    own = mask & own_mask
    others = mask & ~own
    rest = others
    if slide >= 0:
        if not mask >> slide & 1:
            return False
        rest = others & ~(1 << slide)
    if v >= 0 and own == 0:
        return False
    if rest & ~free != 0 and closing < 0:
        return False
    if slide < 0:
        if v < 0:
            return mask & (useful_mask | slide_mask) == 0
        if v == 1:
            return others & slide_mask == 0
        return own & slide_mask == 0
    return v >= 0 or rest & ~free == 0


@part
def divided(x, digits, of_dims, quotient):
    """The code of extents x over trips, which are given by their indices; -1 if one does not divide."""
    y = x
    for d in range(len(digits)):
        if digits[d] > 0:
            i = (x // of_dims[STRIDE, d]) % of_dims[COUNT, d]
            q = quotient[d, i, digits[d]]
            if q < 0:
                return -1
            y += (q - i) * of_dims[STRIDE, d]
    return y


@part
def loop(row, i, y, mask, v, slide, closing, free, own_mask, of_points, dims):
    """Loops over the dims of a mask, from a label's extents down to y, are placed in label i."""
    x = row[i, EXTENTS]
    row[i, EXTENTS] = y
    if mask == 0:
        return
    own = mask & own_mask
    others = mask & ~own
    row[i, ROOF] = 0
    trips = 1
    if v >= 0:
        for d in range(dims):
            if own >> d & 1:
                trips *= of_points[x, d] // of_points[y, d]
        if others == 0 and row[i, RUN] == v:
            trips *= row[i, RUN_TRIPS]
    row[i, RUN], row[i, RUN_TRIPS] = v, trips
    if slide >= 0:
        row[i, SLIDE], row[i, SLIDE_INSIDE] = slide, of_points[y, slide]
        row[i, SLIDE_TRIPS] = of_points[x, slide] // of_points[y, slide]
    elif not (v == 1 and others == 0):
        row[i, SLIDE], row[i, SLIDE_TRIPS], row[i, SLIDE_INSIDE] = -1, 1, 1
    if closing < 0:
        if v >= 0 and own & ~free != 0:
            row[i, CLOSING] = v
        if slide >= 0 and v < 2 and v != 0 and not free >> slide & 1:
            row[i, CLOSING] = 1
