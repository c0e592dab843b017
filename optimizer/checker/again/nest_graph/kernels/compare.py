"""Labels of equal keys, compared."""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.checker.again.nest_graph.columns import COST, KEY_END

FAR = float(1 << 61)
COMPARED = 24


@njit(cache=True, error_model="numpy")
def hashes_of(rows):
    """A number for the key of every label, equal for equal keys."""
    found = np.empty(len(rows), np.int64)
    for n in range(len(rows)):
        code = np.int64(1469598103934665603)
        for c in range(KEY_END):
            code = (code ^ rows[n, c]) * np.int64(1099511628211)
            code ^= code >> 29
        found[n] = code
    return found


@njit(cache=True, error_model="numpy")
def kept_of(rows, energy, order, hashes, compared):
    """Which labels no other one dominates, of labels in an order of hashes and energies."""
    kept = np.ones(len(rows), np.bool_)
    alive = np.empty(COMPARED, np.int64)
    count, group = 0, np.int64(0)
    for place in range(len(order)):
        n = order[place]
        if place == 0 or hashes[n] != group:
            count, group = 0, hashes[n]
        for other in range(count):
            m = alive[other]
            same = True
            for c in range(KEY_END):
                if rows[m, c] != rows[n, c]:
                    same = False
                    break
            if not same:
                continue
            for c in compared:
                if rows[m, c] > rows[n, c]:
                    same = False
                    break
            if not same:
                continue
            apart = energy[n] - energy[m]
            if apart > FAR or (apart > -FAR and rows[n, COST] - rows[m, COST] >= 0):
                kept[n] = False
                break
        if kept[n] and count < COMPARED:
            alive[count] = n
            count += 1
    return kept
