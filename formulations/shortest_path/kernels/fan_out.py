"""The points behind fan-outs, and the least values there."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@njit(cache=True)
def reach(x: int, spots: Ints, jumps: Ints, shift: Ints, place: Ints, points: Ints, vectors: Ints) -> int:
    """The children of a point, and the vectors of a fan-out that lead there; returned is how many there are.

    Vectors are sorted. ``jumps[d, v]`` is the first one behind v that differs in a dim up to d, ``jumps[-1, v]`` the
    first dim in which v differs from the one before. So vectors that begin alike are left out together.
    """
    dims, total = spots.shape
    inside = np.empty(dims + 1, np.int64)
    inside[0] = x
    count, v, d = 0, 0, 0
    while v < total:
        while d < dims:
            y = inside[d]
            if spots[d, v]:
                y -= shift[d, place[d, x], spots[d, v]]
                if y < 0:
                    break
            d += 1
            inside[d] = y
        if d == dims:
            points[count], vectors[count] = inside[dims], v
            count += 1
            v += 1
        else:
            v = jumps[d, v]
        if v < total:
            d = jumps[dims, v]
    return count


@njit(cache=True)
def spread(
    source: Floats,
    slopes: Floats,
    ends: Ints,
    further: Floats,
    spots: Ints,
    jumps: Ints,
    shift: Ints,
    place: Ints,
    mirror: Ints,
) -> Floats:
    """Per point (a row) the least values of the points that a fan-out's vectors lead to.

    Those of a point and of its image in ``mirror`` are the same; they are found at the first one of both.

    ``further[vector]`` are the copies of the output behind it but one. ``slopes[kind]`` is what each of them adds at
    least to the columns of a kind, which end at ``ends[kind]``.
    """
    least = np.full_like(source, np.inf)
    points, vectors = np.empty(spots.shape[1], np.int64), np.empty(spots.shape[1], np.int64)
    for x in range(len(source)):
        if mirror[x] < x:
            continue
        best = least[x]
        for c in range(reach(x, spots, jumps, shift, place, points, vectors)):
            row, slope, more, begin = source[points[c]], slopes[points[c]], further[vectors[c]], 0
            for kind in range(len(ends)):
                added = more * slope[kind]
                for n in range(begin, ends[kind]):
                    value = row[n] + added
                    best[n] = value if value < best[n] else best[n]
                begin = ends[kind]
    return least


@njit(cache=True)
def bypass(
    source: Floats,
    slopes: Floats,
    further: Floats,
    spots: Ints,
    jumps: Ints,
    shift: Ints,
    place: Ints,
    mirror: Ints,
    groups: Ints,
    kinds: Ints,
    costs: Floats,
    rows: Ints,
) -> Floats:
    """Per point and choice of parents the least value behind any vector, with what the multipliers ask.

    A group (`groups`: first column, end, choices, first column of the costs) has columns of `source` that lack the same
    tensors, and one of ``slopes``. The least value is found for the vectors of a kind (``kinds[vector, group]``,
    ``costs[kind, choice]``) first. ``rows[group]`` is the first column of a group in what is returned, choice by
    choice. They are found at the first one of a point and its image in ``mirror``.
    """
    count = len(groups)
    wide, many, at = np.empty(count, np.int64), np.empty(count, np.int64), np.zeros(count + 1, np.int64)
    for g in range(count):
        wide[g], many[g] = groups[g, 1] - groups[g, 0], kinds[:, g].max() + 1
        at[g + 1] = at[g] + wide[g] * many[g]
    found = np.full((len(source), rows[count - 1] + groups[count - 1, 2] * wide[count - 1]), np.inf)
    least = np.empty(at[count])
    points, vectors = np.empty(spots.shape[1], np.int64), np.empty(spots.shape[1], np.int64)
    for x in range(len(source)):
        if mirror[x] < x:
            continue
        least[:] = np.inf
        for c in range(reach(x, spots, jumps, shift, place, points, vectors)):
            v = vectors[c]
            row, slope, more = source[points[c]], slopes[points[c]], further[v]
            for g in range(count):
                first, column, added = at[g] + kinds[v, g] * wide[g], groups[g, 0], more * slope[g]
                for n in range(wide[g]):
                    value = row[column + n] + added
                    least[first + n] = value if value < least[first + n] else least[first + n]
        best = found[x]
        for g in range(count):
            for n in range(wide[g]):
                for kind in range(many[g]):
                    value = least[at[g] + kind * wide[g] + n]
                    if value < np.inf:
                        for choice in range(groups[g, 2]):
                            column = rows[g] + choice * wide[g] + n
                            best[column] = min(best[column], value + costs[kind, groups[g, 3] + choice])
    return found
