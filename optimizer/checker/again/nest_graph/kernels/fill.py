"""Least costs inside of all places of a region, and outside of them, over the extents that may stand there."""

from __future__ import annotations

from optimizer.checker.again.nest_graph.kernels import kernel, part

ALL, SLIDING, LACKED = 0, 1, 2
"""Rows of `columns`: primes of all dims, of those that slide, and from LACKED on of those that a tensor lacks."""
RELAXED, HELD = 3, 7
"""Rows of `words`: what a node brings in without a saving; of the input after any saving, and (RELAXED + 1 + v) while v
is held; from HELD on what a held tensor brings in at least."""


@part
def lower(to, since, codes, fit, words, alpha, beta):
    """Lower costs by others plus those of words, where a tile fits."""
    for x in codes:
        if fit[x]:
            to[x] = min(to[x], words[x] * alpha + since[x] + beta)


@part
def close(to, codes, smaller, columns):
    """Lower costs by those of extents that loops over some dims lead to."""
    for x in codes:
        best, primes = to[x], smaller[x]
        for c in columns:
            if c < 0:
                break
            if primes[c] >= 0:
                best = min(best, to[primes[c]])
        to[x] = best


@kernel
def fill(
    codes, firsts, fits, smaller, columns, words, slides, slid, slid_words, moves, goals, price, commit, bottom,
    closing_bottom, plain, closing,
):  # fmt: skip
    """Fill `plain` and `closing` (:mod:`tables`): ``codes[firsts[p] : firsts[p + 1]]`` are the extents of place p in
    ascending order, and ``goals[p]`` its number among ends, whether it is the roof, and which nodes are relaxed, as
    bits. ``slid[slides[x] : slides[x + 1]]`` are the extents inside of a loop that stands right inside of x and along
    which the input slides.
    """
    for k in range(len(plain)):
        for p in range(len(moves) - 1, -1, -1):
            some, end, here = codes[firsts[p] : firsts[p + 1]], goals[p, 0], plain[k, p]
            for x in some:
                here[x] = bottom[k, end, x] if end >= 0 else 1e300
                for v in range(closing.shape[1]):
                    closing[k, v, p, x] = closing_bottom[k, v, end, x] if end >= 0 else 1e300
            for m in range(moves.shape[1]):
                t, after = moves[p, m, 0], moves[p, m, 2]
                if t < 0:
                    break
                alpha, beta, loose = price[0, k, p, m], price[1, k, p, m], goals[p, 2] >> m & 1
                fit, since = fits[t, moves[p, m, 1]], plain[k, after]
                lower(here, since, some, fit, words[RELAXED if loose else t], alpha, beta)
                for v in range(closing.shape[1]):
                    row = RELAXED if loose else RELAXED + 1 + v if t == 1 else t
                    if v != t:
                        lower(closing[k, v, p], closing[k, v, after], some, fit, words[row], alpha, beta)
                for x in some if t == 1 and not loose else some[:0]:
                    for s in range(slides[x], slides[x + 1]):
                        y = slid[s]
                        if fit[y]:
                            here[x] = min(here[x], slid_words[s] * alpha + since[y] + beta)
            for v in range(closing.shape[1]):
                close(closing[k, v, p], some, smaller, columns[LACKED + v])
                lower(here, closing[k, v, p], some, fits[0, 0], words[HELD + v], commit[0, k, p, v], commit[1, k, p, v])
            close(here, some, smaller, columns[goals[p, 1]])


@kernel
def gather(inside, source, picks, fits, costs, low):
    """Lower costs right inside of a fan-out, at extents `inside`, to those of a table at places, ``source[k, place]``.

    A pick is (end, column of `costs`, its column of `low`, place, tensor, level, tensor, level): both tiles must fit.
    """
    for n in range(len(picks)):
        e, column, least, place = picks[n, 0], picks[n, 1], picks[n, 2], picks[n, 3]
        one, other = fits[picks[n, 4], picks[n, 5]], fits[picks[n, 6], picks[n, 7]]
        for k in range(len(source)):
            values = source[k, place]
            for i in range(len(inside)):
                x = inside[i]
                if one[x] and other[x]:
                    costs[i, e, column, k] = min(costs[i, e, column, k], values[x])
                    low[i, e, least, k] = min(low[i, e, least, k], values[x])


@part
def spread(to, codes, smaller, columns):
    """Lower costs of extents that loops over some dims lead to: the mirror image of `close`."""
    for i in range(len(codes) - 1, -1, -1):
        primes, cost = smaller[codes[i]], to[codes[i]]
        for c in columns:
            if c < 0:
                break
            if primes[c] >= 0:
                to[primes[c]] = min(to[primes[c]], cost)


@kernel
def reach(
    codes, firsts, fits, smaller, columns, words, slides, slid, slid_words, moves, goals, price, commit, bottom, plain
):  # fmt: skip
    """Least costs outside of every bottom, from the cost at the first place: the mirror image of `fill`.

    Entry 0 of the second axis of `plain` has no tensor held, entry 1 + v has tensor v held; these are infinite but for
    the start, as is `bottom`, of the same axes, which is filled here.
    """
    for k in range(len(plain)):
        for p in range(len(moves)):
            some, end = codes[firsts[p] : firsts[p + 1]], goals[p, 0]
            for v in range(-1, 3):
                here = plain[k, v + 1, p]
                if v >= 0:
                    lower(here, plain[k, 0, p], some, fits[0, 0], words[HELD + v], commit[0, k, p, v],
                          commit[1, k, p, v])  # fmt: skip
                spread(here, some, smaller, columns[LACKED + v if v >= 0 else ALL])
                for x in some if end >= 0 else some[:0]:
                    bottom[k, v + 1, end, x] = min(bottom[k, v + 1, end, x], here[x])
                for m in range(moves.shape[1]):
                    t, after = moves[p, m, 0], moves[p, m, 2]
                    if t < 0:
                        break
                    if t == v:
                        continue
                    alpha, beta, loose = price[0, k, p, m], price[1, k, p, m], goals[p, 2] >> m & 1
                    fit, to = fits[t, moves[p, m, 1]], plain[k, v + 1, after]
                    row = RELAXED if loose else RELAXED + 1 + v if t == 1 and v >= 0 else t
                    lower(to, here, some, fit, words[row], alpha, beta)
                    for x in some if v < 0 and t == 1 and not loose else some[:0]:
                        for s in range(slides[x], slides[x + 1]):
                            y = slid[s]
                            if fit[y]:
                                to[y] = min(to[y], slid_words[s] * alpha + here[x] + beta)
