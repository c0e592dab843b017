"""Tables of a region, filled step by step (:mod:`formulations.shortest_path.filling`)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

TARGET, SOURCE, COUNT, FIRST, PRIMES = 0, 1, 2, 3, 7
"""Parts of a step: the column that it lowers, by another column (-1: by its own values at the points inside that loops
over some primes reach), how many costs, up to four of them; or those primes (bits)."""
CHUNK = 256
"""Points at once."""


@njit(cache=True)
def fill(values: Floats, costs: Floats, steps: Ints, parts: Ints, points: Ints, back: Ints) -> None:
    """Lower columns of values (rows of the arrays) by steps, a few points at a time.

    Points inside come first, so what a step takes is final. Part by part (`parts`: first step, end, first place in
    `points`, end) some points are filled, or all if the places are negative. ``back[n, x]`` is the point inside of a
    loop over the n-th prime, -1 if there is none.
    """
    for part in range(len(parts)):
        first, end = parts[part, 2], parts[part, 3]
        total = end - first if first >= 0 else values.shape[1]
        for begin in range(0, total, CHUNK):
            stop = min(begin + CHUNK, total)
            for n in range(parts[part, 0], parts[part, 1]):
                if steps[n, SOURCE] < 0:
                    for prime in range(len(back)):
                        if steps[n, PRIMES] >> prime & 1:
                            if first >= 0:
                                _close_some(values[steps[n, TARGET]], back[prime], points[first + begin : first + stop])
                            else:
                                _close(values[steps[n, TARGET]], back[prime], begin, stop)
                elif first >= 0:
                    _lower_some(values, costs, steps[n], points[first + begin : first + stop])
                else:
                    _lower(values, costs, steps[n], begin, stop)


@njit(cache=True)
def _close(target: Floats, back: Ints, begin: int, stop: int) -> None:
    for x in range(begin, stop):
        if back[x] >= 0:
            target[x] = min(target[x], target[back[x]])


@njit(cache=True)
def _close_some(target: Floats, back: Ints, points: Ints) -> None:
    for x in points:
        if back[x] >= 0:
            target[x] = min(target[x], target[back[x]])


@njit(cache=True)
def _lower(values: Floats, costs: Floats, step: Ints, begin: int, stop: int) -> None:
    """One step at neighbouring points."""
    target, source = values[step[TARGET], begin:stop], values[step[SOURCE], begin:stop]
    a, b = costs[step[FIRST], begin:stop], costs[step[FIRST + 1], begin:stop]
    c, d = costs[step[FIRST + 2], begin:stop], costs[step[FIRST + 3], begin:stop]
    if step[COUNT] == 0:
        for n in range(len(target)):
            value = source[n]
            target[n] = value if value < target[n] else target[n]
    elif step[COUNT] == 1:
        for n in range(len(target)):
            value = source[n] + a[n]
            target[n] = value if value < target[n] else target[n]
    elif step[COUNT] == 2:
        for n in range(len(target)):
            value = (source[n] + a[n]) + b[n]
            target[n] = value if value < target[n] else target[n]
    else:
        for n in range(len(target)):
            value = (((source[n] + a[n]) + b[n]) + c[n]) + d[n]
            target[n] = value if value < target[n] else target[n]


@njit(cache=True)
def _lower_some(values: Floats, costs: Floats, step: Ints, points: Ints) -> None:
    """One step at some points."""
    target, source = values[step[TARGET]], values[step[SOURCE]]
    a, b, c, d = costs[step[FIRST]], costs[step[FIRST + 1]], costs[step[FIRST + 2]], costs[step[FIRST + 3]]
    if step[COUNT] <= 1:
        for x in points:
            target[x] = min(target[x], source[x] + a[x])
    else:
        for x in points:
            target[x] = min(target[x], (((source[x] + a[x]) + b[x]) + c[x]) + d[x])
