"""Labels that another label at the same state makes needless."""

from __future__ import annotations

import numpy as np

from optimizer.checker.again.nest_graph.kernels.compare import COMPARED, hashes_of, mark_kept
from optimizer.checker.again.nest_graph.lattice import Floats, Ints


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
    hashes = hashes_of(rows)
    order = np.lexsort((reals[:, 0], hashes))
    kept = np.ones(len(rows), np.bool_)
    alive = np.empty(COMPARED, np.int64)
    mark_kept(rows, reals[:, 0].copy(), order, hashes, np.array(compared, np.int64), alive, kept)
    return rows[kept], reals[kept]
