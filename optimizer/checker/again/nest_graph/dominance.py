"""Labels that another label at the same state makes needless."""

from __future__ import annotations

import numpy as np
from numba import njit

from optimizer.checker.again.nest_graph.columns import COST, KEY_END
from optimizer.checker.again.nest_graph.lattice import Floats, Ints

FAR = float(1 << 61)
COMPARED = 24


@njit(cache=True, error_model="numpy")
def _hashes(rows):
    found = np.empty(len(rows), np.int64)
    for n in range(len(rows)):
        code = np.int64(1469598103934665603)
        for c in range(KEY_END):
            code = (code ^ rows[n, c]) * np.int64(1099511628211)
            code ^= code >> 29
        found[n] = code
    return found


@njit(cache=True, error_model="numpy")
def _kept(rows, energy, order, hashes, compared):
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


def undominated(rows: Ints, reals: Floats, compared: list[int]) -> tuple[Ints, Floats]:
    """The labels of one place without those that another one dominates.

    A label dominates another one with equal key (extents, loops that are sat out and slid along, what may come next,
    what parents were asked for and their instances) if its energy without leakage is not larger, and neither are the
    bits in `compared` (in use at levels of the region; and, where time counts, read and written per level).

    *Proof.* What stands inside of the one may stand inside of the other: the same loops and nodes are legal, since the
    key says what is, and bits in use are no more. Every access from here on costs the same, as it is priced from
    extents, trips and numbers of the key; so the whole costs no more, and no port carries more bits. Equal keys place
    the same trips outside, so the multipliers take as long, and instances of all levels are the same from here on;
    those of levels further out are in the key where they still count, and for leakage where time counts (`compared`
    then has a column that tells fan-outs apart, their product being part of the key).

    Energies may have 100 bits: they are kept modulo 2**64 and as floating numbers, of which the error stays far below
    2**61. Where those differ by less the difference modulo 2**64 is the difference.
    """
    if len(rows) < 2:
        return rows, reals
    hashes = _hashes(rows)
    order = np.lexsort((reals[:, 0], hashes))
    kept = _kept(rows, reals[:, 0], order, hashes, np.array(compared, np.int64))
    return rows[kept], reals[kept]
