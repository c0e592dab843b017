"""All labels at the bottom of a region go through a fan-out."""

from __future__ import annotations

from optimizer.checker.again.nest_graph.columns import (
    ASKED,
    BEFORE,
    CLOSING,
    EXTENTS,
    FAN_OUT,
    FREE_DIMS,
    INSTANCES,
    ITEM,
    OUTPUTS,
    ROOF,
)
from optimizer.checker.again.nest_graph.kernels import kernel, part
from optimizer.checker.again.nest_graph.kernels.bound import least
from optimizer.checker.again.nest_graph.kernels.loops import divided
from optimizer.checker.again.nest_graph.packed import AXIS, EVERYTHING, MASK, RULED, SLIDES


@part
def distinct_inputs(f, y, factors, of_points, terms):
    """Distinct tiles of the input among children with extents y; along an axis of two terms they start at sums of
    multiples of p and of q."""
    found = 1
    for a in range(len(terms)):
        d, e = terms[a, 0], terms[a, 2]
        m = factors[f, d]
        if e < 0:
            found *= m
            continue
        k, p, q = factors[f, e], terms[a, 1] * of_points[y, d], terms[a, 3] * of_points[y, e]
        g, h = p, q
        while h > 0:
            g, h = h, g % h
        found *= m * k - max(0, m - q // g) * max(0, k - p // g)
    return found


@part
def spread(row, i, f, y, factors, sizes, of_dims, of_points, of_tensors, terms):
    """Instances and distinct tiles of label i inside of a fan-out."""
    free, outputs, weights, children = 0, 1, 1, 1
    for d in range(of_dims.shape[1]):
        s = factors[f, d]
        children *= s
        if not of_tensors[MASK, 2] >> d & 1:
            outputs *= s
        if not of_tensors[MASK, 0] >> d & 1:
            weights *= s
        if sizes[SLIDES] and of_dims[AXIS, d] >= 0 and s > 1:
            free |= 1 << d
    row[i, ASKED] *= weights
    row[i, ASKED + 1] *= distinct_inputs(f, y, factors, of_points, terms)
    row[i, ASKED + 2] *= outputs
    row[i, INSTANCES] *= children
    row[i, OUTPUTS] *= outputs
    row[i, CLOSING], row[i, ROOF] = -1, 1
    row[i, FREE_DIMS] = free if sizes[RULED] else sizes[EVERYTHING]


@kernel
def cross(
    rows, reals, numbers, first, factors, codes, shares_from, place, idle_here, terms, sizes, of_dims, quotient,
    of_points, words, of_tensors, of_levels, of_criteria, plain, closing, bottom, closing_bottom, commit, families,
    moves, price, out, out_reals, state,
):  # fmt: skip
    """Labels inside of a fan-out, for some vectors of its factors; ``terms[a]`` are the dims (dim, coefficient, dim,
    coefficient) of an axis of the input, the second one -1 where there is none.

    From row `first` on, as long as there is room; the number of labels and of rows done go to `state`.
    """
    state[0] = 0
    found, outside = state[0], state[0] - 1
    for n in range(first, len(rows)):
        state[0], state[1] = found, n
        for f in range(len(factors)):
            y = divided(rows[n, EXTENTS], codes[f], of_dims, quotient)
            if y < 0:
                continue
            if found == len(out):
                return
            for c in range(rows.shape[1]):
                out[found, c] = rows[n, c]
            for c in range(reals.shape[1]):
                out_reals[found, c] = reals[n, c]
            out[found, BEFORE], out[found, EXTENTS], out[found, ITEM] = numbers[n], y, FAN_OUT + shares_from + f
            spread(out, found, f, y, factors, sizes, of_dims, of_points, of_tensors, terms)
            out_reals[found, 1] = idle_here
            if least(out, out_reals, found, y, place, outside, sizes, of_dims, of_points, words,
                     of_tensors, of_levels, of_criteria, plain, closing, bottom, closing_bottom, commit, families,
                     moves, price):  # fmt: skip
                found += 1
    state[0], state[1] = found, len(rows)
