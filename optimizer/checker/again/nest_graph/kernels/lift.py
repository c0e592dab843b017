"""Least costs on both sides of a fan-out."""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.checker.again.nest_graph.kernels.fill import least_share


@njit(cache=True, error_model="numpy")
def lift(
    vectors, code_strides, counts, quotient, factors, rows, delta, closing_rows, both_rows, traffic, width, axis_of,
    coefficient, lacks, slid, bottom, closing_bottom,
):  # fmt: skip
    """Least costs outside of a fan-out from those inside of it, for some vectors of factors.

    Where a loop outside of the fan-out is sat out by V and slides the input, the input's node may stand at the roof as
    well and then brings in the share of a width that a step is, or more of it; ``both_rows`` are the costs besides.
    """
    criteria, ends, size = bottom.shape
    dims = vectors.shape[1]
    shares = np.ones(3)
    for x in range(size):
        for f in range(len(factors)):
            z = x
            fits = True
            for d in range(dims):
                s = factors[f, d]
                if s > 1:
                    i = (x // code_strides[d]) % counts[d]
                    found = -1
                    for j in range(i + 1, counts[d]):
                        q = quotient[d, j, i]
                        if q >= 0 and vectors[q * code_strides[d], d] == s:
                            found = j
                            break
                    if found < 0:
                        fits = False
                        break
                    z += (found - i) * code_strides[d]
            if not fits:
                continue
            for k in range(criteria):
                for e in range(ends):
                    cost = rows[k, e, x] + delta[k]
                    bottom[k, e, z] = min(bottom[k, e, z], cost)
                    for v in range(3):
                        cost = closing_rows[k, v, e, x] + delta[k]
                        if v != 1 and k == 0 and e == 0:
                            shares[v] = least_share(vectors, x, z, axis_of, coefficient, width, lacks, v)
                        share = shares[v]
                        if v != 1 and share < 1.0:
                            both = slid[k, e] * share * traffic[1, x] + both_rows[k, v, e, x] + delta[k]
                            cost = min(cost, both)
                        closing_bottom[k, v, e, z] = min(closing_bottom[k, v, e, z], cost)


@njit(cache=True, error_model="numpy")
def held_inputs(vectors, code_strides, counts, quotient, lacks, codes, factors, traffic, terms, width, axis_of,
                coefficient, held):  # fmt: skip
    """Least words of the input that a level outside of a fan-out reads for nodes held right inside of it.

    With extents z outside of the fan-out and factors s, the tiles have the extents z / s. All of them bring in
    ``traffic(z / s)`` words, of which the share of distinct tiles is read, and a slide lowers that by no more than the
    share of a width that a step is. Dims that the input lacks divide it by what stands inside, and nothing else: so the
    least over s is taken once for them all.
    """
    dims = vectors.shape[1]
    for z in range(len(vectors)):
        base, times = z, 1.0
        for d in range(dims):
            if lacks[1, d]:
                base -= ((z // code_strides[d]) % counts[d]) * code_strides[d]
                times *= vectors[z, d]
        if base != z:
            held[z] = max(held[z], held[base] / times)
            continue
        best = 1e300
        for f in range(len(factors)):
            x, children, good = z, 1.0, True
            for d in range(dims):
                if codes[f, d] > 0:
                    i = (z // code_strides[d]) % counts[d]
                    q = quotient[d, i, codes[f, d]]
                    if q < 0:
                        good = False
                        break
                    x += (q - i) * code_strides[d]
                    children *= factors[f, d]
            if not good:
                continue
            inputs, share = 1, 1.0
            for a in range(len(terms)):
                d, c, e, b = terms[a, 0], terms[a, 1], terms[a, 2], terms[a, 3]
                m = factors[f, d]
                if e < 0:
                    inputs *= m
                    continue
                k = factors[f, e]
                p, q = c * vectors[x, d], b * vectors[x, e]
                g, h = p, q
                while h > 0:
                    g, h = h, g % h
                inputs *= m * k - max(0, m - q // g) * max(0, k - p // g)
            share = least_share(vectors, x, z, axis_of, coefficient, width, lacks, -1)
            best = min(best, traffic[x] * share * inputs / children)
        held[z] = max(held[z], best)
