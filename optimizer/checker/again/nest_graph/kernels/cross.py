"""All labels at the bottom of a region go through a fan-out."""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.checker.again.nest_graph.columns import (
    ASKED,
    BEFORE,
    CLOSING,
    EXTENTS,
    FREE_DIMS,
    INSTANCES,
    ITEM,
    OUTPUTS,
    ROOF,
)
from optimizer.checker.again.nest_graph.kernels.bound import least


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
