"""Labels of equal keys, compared."""

from __future__ import annotations

import numpy as np

from optimizer.checker.again.nest_graph.columns import COST, KEY_END
from optimizer.checker.again.nest_graph.kernels import kernel
from optimizer.checker.again.nest_graph.lattice import Ints

FAR = float(1 << 61)
COMPARED = 24


def hashes_of(rows: Ints) -> Ints:
    """A number for the key of every label, equal for equal keys."""
    code = np.full(len(rows), 1469598103934665603, np.int64)
    for c in range(KEY_END):
        code = (code ^ rows[:, c]) * np.int64(1099511628211)
        code ^= code >> 29
    return code


@kernel
def mark_kept(rows, energy, order, hashes, compared, alive, kept):
    """Mark the labels that no other one dominates, of labels in an order of hashes and energies; `alive` is room for
    those that later ones are compared with."""
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
            for i in range(len(compared)):
                if rows[m, compared[i]] > rows[n, compared[i]]:
                    same = False
                    break
            if not same:
                continue
            apart = energy[n] - energy[m]
            if apart > FAR or (apart > -FAR and rows[n, COST] - rows[m, COST] >= 0):
                kept[n] = False
                break
        if kept[n] and count < len(alive):
            alive[count] = n
            count += 1
