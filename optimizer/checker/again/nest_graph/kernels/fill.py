"""Fills the least costs of what is still to be placed, inside out, over all extents."""

from __future__ import annotations

import numpy as np
from numba import njit

INF = 1e300


@njit(cache=True, error_model="numpy")
def least_share(vectors, x, z, axis_of, coefficient, width, lacks, tensor):
    """Least share of its words that the input's tile with extents x brings in per trip of a loop right outside of
    extents z that slides it: n trips of a step bring in ``1 + (n - 1) min(1, step / width)`` tiles, which is least for
    all trips that are left. With a tensor only loops over its dims slide."""
    share = 1.0
    last = len(vectors) - 1
    for d in range(vectors.shape[1]):
        a = axis_of[d]
        if a >= 0 and (tensor < 0 or lacks[tensor, d]):
            step = min(1.0, coefficient[d] * vectors[z, d] / width[a, x])
            n = vectors[last, d] // vectors[z, d]
            share = min(share, (1.0 + (n - 1) * step) / n)
    return share


@njit(cache=True, error_model="numpy")
def parts_left(bits, level, b, capacity, budgeted, unit):
    """Parts that are left of a level's bits after a tile, -1 if it does not fit."""
    if capacity[level] >= 0 and bits > capacity[level]:
        return -1
    if level != budgeted:
        return b
    left = min(b * unit, capacity[level]) - bits
    return (left + unit - 1) // unit if left >= 0 else -1


@njit(cache=True, error_model="numpy")
def fill_places(
    smaller, dim_of, tiles, traffic, held, width, axis_of, coefficient, vectors, quotient, counts, strides,
    moves, alpha, beta, relaxed, ends, commit_alpha, commit_beta, lacks, roof, bottom, closing_bottom,
    word_bits, capacity, budgeted, parts, unit, wanted, asked, plain, closing,
):  # fmt: skip
    """See :mod:`optimizer.checker.again.nest_graph.potential`: ``plain[k, place, b, x]`` and
    ``closing[k, V, place, b, x]``."""
    criteria, places, _, size = plain.shape
    primes, dims, closes = smaller.shape[1], vectors.shape[1], closing.shape[1]
    slid, shares = np.empty(dims * quotient.shape[1], np.int64), np.empty(dims * quotient.shape[1])
    loose = np.ones(4)
    for x in range(size):
        if not wanted[x]:
            continue
        count = 0
        for d in range(dims):
            a = axis_of[d]
            if a < 0:
                continue
            i = (x // strides[d]) % counts[d]
            for j in range(1, i + 1):
                q = quotient[d, i, j]
                if q < 0:
                    continue
                y = x + (q - i) * strides[d]
                n = vectors[x, d] // vectors[y, d]
                share = (1.0 + (n - 1) * min(1.0, coefficient[d] * vectors[y, d] / width[a, y])) / n
                if share < 1.0:
                    slid[count], shares[count] = y, share
                    count += 1
        for v in range(4):
            loose[v] = least_share(vectors, x, x, axis_of, coefficient, width, lacks, v if v < 3 else -1)
        for p in range(places - 1, -1, -1):
            if not asked[p]:
                continue
            for k in range(criteria):
                for b in range(parts + 1):
                    best = bottom[k, ends[p], x] if ends[p] >= 0 else INF
                    for j in range(primes):
                        y = smaller[x, j]
                        if y >= 0 and (not roof[p] or axis_of[dim_of[j]] >= 0):
                            best = min(best, plain[k, p, b, y])
                    plain[k, p, b, x] = best
                    for v in range(closes):
                        best = closing_bottom[k, v, ends[p], x] if ends[p] >= 0 else INF
                        for j in range(primes):
                            y = smaller[x, j]
                            if y >= 0 and lacks[v, dim_of[j]]:
                                best = min(best, closing[k, v, p, b, y])
                        closing[k, v, p, b, x] = best
                for m in range(moves.shape[1]):
                    tensor = moves[p, m, 0]
                    if tensor < 0:
                        break
                    level, after = moves[p, m, 1], moves[p, m, 2]
                    node, fixed = alpha[k, p, m] * traffic[tensor, x], beta[k, p, m]
                    bits = tiles[tensor, x] * word_bits[tensor]
                    share = loose[3] if relaxed[p, m] else 1.0
                    for b in range(parts + 1):
                        left = parts_left(bits, level, b, capacity, budgeted, unit)
                        if left < 0:
                            continue
                        cost = node * share + fixed + plain[k, after, left, x]
                        plain[k, p, b, x] = min(plain[k, p, b, x], cost)
                        for v in range(closes):
                            if v != tensor:
                                part = 1.0
                                if tensor == 1:
                                    part = share if relaxed[p, m] else loose[v]
                                cost = node * part + fixed + closing[k, v, after, left, x]
                                closing[k, v, p, b, x] = min(closing[k, v, p, b, x], cost)
                    if tensor != 1 or relaxed[p, m]:
                        continue
                    for n in range(count):
                        y = slid[n]
                        bits = tiles[1, y] * word_bits[1]
                        node = alpha[k, p, m] * traffic[1, y] * shares[n] + fixed
                        for b in range(parts + 1):
                            left = parts_left(bits, level, b, capacity, budgeted, unit)
                            if left >= 0:
                                plain[k, p, b, x] = min(plain[k, p, b, x], node + plain[k, after, left, y])
                for v in range(closes):
                    cost = commit_alpha[k, p, v] * held[v, x] + commit_beta[k, p, v]
                    for b in range(parts + 1):
                        if closing[k, v, p, b, x] < INF:
                            plain[k, p, b, x] = min(plain[k, p, b, x], cost + closing[k, v, p, b, x])
