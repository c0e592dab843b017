"""The points behind fan-outs, and the least values there."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@njit(cache=True)
def child(x: int, spots: Ints, v: int, shift: Ints, place: Ints) -> int:
    """The point of a child of a fan-out with a vector's factors; negative: there is none."""
    y = x
    for d in range(len(place)):
        if spots[d, v]:
            y -= shift[d, place[d, x], spots[d, v]]
            if y < 0:
                return -1
    return y


@njit(cache=True)
def spread(source: Floats, slopes: Floats, further: Floats, spots: Ints, shift: Ints, place: Ints) -> Floats:
    """Per point (a row) the least values of the points that a fan-out's vectors lead to.

    ``further[vector]`` are the copies of the output behind it but one, ``slopes`` what each of them adds.
    """
    least = np.full_like(source, np.inf)
    for x in range(len(source)):
        best = least[x]
        for v in range(spots.shape[1]):
            y = child(x, spots, v, shift, place)
            if y >= 0:
                row, slope, more = source[y], slopes[y], further[v]
                for n in range(len(row)):
                    best[n] = min(best[n], row[n] + more * slope[n])
    return least


@njit(cache=True)
def bypass(
    source: Floats,
    slopes: Floats,
    further: Floats,
    spots: Ints,
    shift: Ints,
    place: Ints,
    groups: Ints,
    kinds: Ints,
    costs: Floats,
    rows: Ints,
) -> Floats:
    """Per point and choice of parents the least value behind any vector, with what the multipliers ask.

    A group (`groups`: first column, end, choices, first column of the costs) has columns of `source` that lack the same
    tensors: the least value is found for the vectors of a kind (``kinds[vector, group]``, ``costs[kind, choice]``)
    first. ``rows[group]`` is the first column of a group in what is returned, choice by choice.
    """
    count = len(groups)
    wide, many, at = np.empty(count, np.int64), np.empty(count, np.int64), np.zeros(count + 1, np.int64)
    for g in range(count):
        wide[g], many[g] = groups[g, 1] - groups[g, 0], kinds[:, g].max() + 1
        at[g + 1] = at[g] + wide[g] * many[g]
    found = np.full((len(source), rows[count - 1] + groups[count - 1, 2] * wide[count - 1]), np.inf)
    least = np.empty(at[count])
    for x in range(len(source)):
        least[:] = np.inf
        for v in range(spots.shape[1]):
            y = child(x, spots, v, shift, place)
            if y >= 0:
                row, slope, more = source[y], slopes[y], further[v]
                for g in range(count):
                    first, column = at[g] + kinds[v, g] * wide[g], groups[g, 0]
                    for n in range(wide[g]):
                        least[first + n] = min(least[first + n], row[column + n] + more * slope[column + n])
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
