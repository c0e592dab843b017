"""Fills the least costs of what is still to be placed, inside out, over all extents."""

from __future__ import annotations

import numpy as np
from numba import njit

INF = 1e300


@njit(cache=True)
def fill_places(
    smaller, dim_of, tiles, traffic, held, width, axis_of, coefficient, vectors, quotient, counts, strides,
    moves, alpha, beta, relaxed, ends, commit_alpha, commit_beta, lacks, roof, bottom, closing_bottom,
    word_bits, capacity, budgeted, parts, unit, wanted, asked, plain, closing,
):  # fmt: skip
    """See :mod:`optimizer.checker.again.nest_graph.potential`: ``plain[k, place, b, x]`` and
    ``closing[k, V, place, b, x]``."""
    criteria, places, _, size = plain.shape
    primes = smaller.shape[1]
    dims = vectors.shape[1]
    closes = closing.shape[1]
    for p in range(places - 1, -1, -1):
        if not asked[p]:
            continue
        for x in range(size):
            if not wanted[x]:
                continue
            place_of = np.zeros(dims, np.int64)
            for d in range(dims):
                place_of[d] = (x // strides[d]) % counts[d]
            for b in range(parts + 1):
                for k in range(criteria):
                    best = INF
                    if ends[p] >= 0:
                        best = bottom[k, ends[p], x]
                    for m in range(moves.shape[1]):
                        tensor = moves[p, m, 0]
                        if tensor < 0:
                            break
                        level, after = moves[p, m, 1], moves[p, m, 2]
                        size_bits = tiles[tensor, x] * word_bits[tensor]
                        inside = b
                        fits = capacity[level] < 0 or size_bits <= capacity[level]
                        if fits and level == budgeted:
                            left = min(b * unit, capacity[level]) - size_bits
                            fits = left >= 0
                            inside = (left + unit - 1) // unit
                        if fits:
                            share = 1.0
                            if relaxed[p, m]:
                                for d in range(dims):
                                    a = axis_of[d]
                                    if a >= 0:
                                        share = min(share, coefficient[d] * vectors[x, d] / width[a, x])
                            cost = alpha[k, p, m] * traffic[tensor, x] * share + beta[k, p, m]
                            best = min(best, cost + plain[k, after, inside, x])
                        if tensor == 1 and not relaxed[p, m]:
                            for d in range(dims):
                                a = axis_of[d]
                                if a < 0:
                                    continue
                                for j in range(1, counts[d]):
                                    q = quotient[d, place_of[d], j]
                                    if q < 0:
                                        continue
                                    y = x + (q - place_of[d]) * strides[d]
                                    size_bits = tiles[1, y] * word_bits[1]
                                    inside = b
                                    fits = capacity[level] < 0 or size_bits <= capacity[level]
                                    if fits and level == budgeted:
                                        left = min(b * unit, capacity[level]) - size_bits
                                        fits = left >= 0
                                        inside = (left + unit - 1) // unit
                                    if fits:
                                        n = vectors[x, d] // vectors[y, d]
                                        share = min(1.0, coefficient[d] * vectors[y, d] / width[a, y])
                                        if share < 1.0:
                                            share = (1.0 + (n - 1) * share) / n
                                            cost = alpha[k, p, m] * traffic[1, y] * share + beta[k, p, m]
                                            best = min(best, cost + plain[k, after, inside, y])
                    for v in range(closes):
                        least = INF
                        if ends[p] >= 0:
                            least = closing_bottom[k, v, ends[p], x]
                        for m in range(moves.shape[1]):
                            tensor = moves[p, m, 0]
                            if tensor < 0:
                                break
                            if tensor == v:
                                continue
                            level, after = moves[p, m, 1], moves[p, m, 2]
                            size_bits = tiles[tensor, x] * word_bits[tensor]
                            inside = b
                            fits = capacity[level] < 0 or size_bits <= capacity[level]
                            if fits and level == budgeted:
                                left = min(b * unit, capacity[level]) - size_bits
                                fits = left >= 0
                                inside = (left + unit - 1) // unit
                            if fits:
                                share = 1.0
                                if tensor == 1:
                                    for d in range(dims):
                                        a = axis_of[d]
                                        if a >= 0:
                                            share = min(share, coefficient[d] * vectors[x, d] / width[a, x])
                                cost = alpha[k, p, m] * traffic[tensor, x] * share + beta[k, p, m]
                                least = min(least, cost + closing[k, v, after, inside, x])
                        for j in range(primes):
                            y = smaller[x, j]
                            if y >= 0 and lacks[v, dim_of[j]]:
                                least = min(least, closing[k, v, p, b, y])
                        closing[k, v, p, b, x] = least
                        if least < INF:
                            cost = commit_alpha[k, p, v] * held[v, x] + commit_beta[k, p, v]
                            best = min(best, cost + least)
                    for j in range(primes):
                        y = smaller[x, j]
                        if y >= 0 and (not roof[p] or axis_of[dim_of[j]] >= 0):
                            best = min(best, plain[k, p, b, y])
                    plain[k, p, b, x] = best


@njit(cache=True)
def lift(
    vectors, code_strides, counts, quotient, factors, rows, delta, closing_rows, traffic, width, axis_of, coefficient,
    slid, bottom, closing_bottom,
):  # fmt: skip
    """Least costs outside of a fan-out from those inside of it, for some vectors of factors."""
    criteria, ends, size = bottom.shape
    dims = vectors.shape[1]
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
            share = 1.0
            for d in range(dims):
                a = axis_of[d]
                if a >= 0:
                    share = min(share, coefficient[d] * vectors[x, d] * factors[f, d] / width[a, x])
            for k in range(criteria):
                for e in range(ends):
                    cost = rows[k, e, x] + delta[k]
                    if cost < bottom[k, e, z]:
                        bottom[k, e, z] = cost
                    for v in range(3):
                        cost = closing_rows[k, v, e, x] + delta[k]
                        if v != 1 and share < 1.0:
                            cost -= (1.0 - share) * slid[k, e] * traffic[1, x]
                        if cost < closing_bottom[k, v, e, z]:
                            closing_bottom[k, v, e, z] = cost
