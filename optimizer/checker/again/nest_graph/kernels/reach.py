"""Fills the least costs of what stands outside of a place, outside in: the mirror image of :mod:`fill`."""

from __future__ import annotations

from numba import njit

from optimizer.checker.again.nest_graph.kernels.fill import INF, least_share, parts_left


@njit(cache=True, error_model="numpy")
def reach_places(
    smaller, dim_of, tiles, traffic, held, width, axis_of, coefficient, vectors, quotient, counts, strides,
    moves, alpha, beta, relaxed, ends, commit_alpha, commit_beta, lacks, word_bits, capacity, budgeted, parts, unit,
    plain, closing, bottom, closing_bottom,
):  # fmt: skip
    """From the costs at the first place, that is filled, those at all others and at the bottom."""
    criteria, places, _, size = plain.shape
    primes = smaller.shape[1]
    dims = vectors.shape[1]
    closes = closing.shape[1]
    for p in range(places):
        for x in range(size - 1, -1, -1):
            for b in range(parts + 1):
                alive = plain[0, p, b, x] < INF
                for v in range(closes):
                    if alive:
                        for k in range(criteria):
                            cost = plain[k, p, b, x] + commit_alpha[k, p, v] * held[v, x] + commit_beta[k, p, v]
                            closing[k, v, p, b, x] = min(closing[k, v, p, b, x], cost)
                    if closing[0, v, p, b, x] >= INF:
                        continue
                    for k in range(criteria):
                        cost = closing[k, v, p, b, x]
                        if ends[p] >= 0:
                            closing_bottom[k, v, ends[p], x] = min(closing_bottom[k, v, ends[p], x], cost)
                        for j in range(primes):
                            y = smaller[x, j]
                            if y >= 0 and lacks[v, dim_of[j]]:
                                closing[k, v, p, b, y] = min(closing[k, v, p, b, y], cost)
                if alive:
                    for k in range(criteria):
                        cost = plain[k, p, b, x]
                        if ends[p] >= 0:
                            bottom[k, ends[p], x] = min(bottom[k, ends[p], x], cost)
                        for j in range(primes):
                            y = smaller[x, j]
                            if y >= 0:
                                plain[k, p, b, y] = min(plain[k, p, b, y], cost)
                for m in range(moves.shape[1]):
                    tensor = moves[p, m, 0]
                    if tensor < 0:
                        break
                    level, after = moves[p, m, 1], moves[p, m, 2]
                    loose = 1.0
                    if tensor == 1:
                        loose = least_share(vectors, x, x, axis_of, coefficient, width, lacks, -1)
                    inside = parts_left(tiles[tensor, x] * word_bits[tensor], level, b, capacity, budgeted, unit)
                    if inside >= 0:
                        share = loose if relaxed[p, m] else 1.0
                        for k in range(criteria):
                            node = alpha[k, p, m] * traffic[tensor, x]
                            if alive:
                                cost = plain[k, p, b, x] + node * share + beta[k, p, m]
                                plain[k, after, inside, x] = min(plain[k, after, inside, x], cost)
                            for v in range(closes):
                                if v != tensor:
                                    slack = 1.0
                                    if tensor == 1 and closing[k, v, p, b, x] < INF:
                                        only = -1 if relaxed[p, m] else v
                                        slack = least_share(vectors, x, x, axis_of, coefficient, width, lacks, only)
                                    cost = closing[k, v, p, b, x] + node * slack + beta[k, p, m]
                                    closing[k, v, after, inside, x] = min(closing[k, v, after, inside, x], cost)
                    if tensor != 1 or relaxed[p, m] or not alive:
                        continue
                    for d in range(dims):
                        a = axis_of[d]
                        if a < 0:
                            continue
                        i = (x // strides[d]) % counts[d]
                        for j in range(1, counts[d]):
                            q = quotient[d, i, j]
                            if q < 0:
                                continue
                            y = x + (q - i) * strides[d]
                            inside = parts_left(tiles[1, y] * word_bits[1], level, b, capacity, budgeted, unit)
                            share = min(1.0, coefficient[d] * vectors[y, d] / width[a, y])
                            if inside < 0 or share >= 1.0:
                                continue
                            n = vectors[x, d] // vectors[y, d]
                            share = (1.0 + (n - 1) * share) / n
                            for k in range(criteria):
                                cost = plain[k, p, b, x] + alpha[k, p, m] * traffic[1, y] * share + beta[k, p, m]
                                plain[k, after, inside, y] = min(plain[k, after, inside, y], cost)


@njit(cache=True, error_model="numpy")
def divide_some(smaller, wanted):
    """Mark all divisors of marked vectors."""
    for x in range(len(wanted) - 1, -1, -1):
        if wanted[x]:
            for j in range(smaller.shape[1]):
                if smaller[x, j] >= 0:
                    wanted[smaller[x, j]] = True


@njit(cache=True, error_model="numpy")
def inside_of(extents, factors, quotient, counts, strides, wanted):
    """Mark the extents inside of a fan-out, of some extents outside of it and indices of its factors."""
    dims = len(counts)
    for n in range(len(extents)):
        for f in range(len(factors)):
            x, good = extents[n], True
            for d in range(dims):
                i = (extents[n] // strides[d]) % counts[d]
                q = quotient[d, i, factors[f, d]]
                if q < 0:
                    good = False
                    break
                x += (q - i) * strides[d]
            if good:
                wanted[x] = True
