"""Labels kept once per place, unless one there is as good (rule R5)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from formulations.shortest_path.kernels.steps import copy
from formulations.shortest_path.labels import (
    APART,
    BARE,
    COPIES,
    DEAD,
    DRAIN,
    HI,
    IN,
    INSTANCES,
    KIDS,
    LAST,
    LEAKING,
    LO,
    RAN,
    RHO,
    RUN,
    SLIDE,
    STEP,
    TRIPS,
    USED,
    WINDOWS,
    X,
)

Ints = NDArray[np.int64]
UNTIMED, TIED, TIMED = range(3)
"""When cycles count: never, between labels of equal energy, always."""


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def covers(a: Ints, b: Ints, where: Ints, timing: int, rounds: bool) -> bool:
    """Is a label as good as another one of its place?

    It is if it costs no more and is no worse in all that later costs depend on. ``where`` are the regions of levels,
    ``timing`` says when cycles count, ``rounds`` whether accesses are rounded up per instance.

    Of two slides along one dim, the one of more trips n and of the smaller step s is as good: the input's next node is
    filled ``words + (n - 1) * new`` times ``outs / n``, that is ``outs * (new + (words - new) / n)``, and its new words
    per trip are no more than its words and grow with s.
    """
    if a[HI] > b[HI] or (a[HI] == b[HI] and a[LO] > b[LO]):
        return False
    timed = timing == TIMED or (timing == TIED and a[HI] == b[HI] and a[LO] == b[LO])
    if a[COPIES] < b[COPIES] or a[DRAIN] > b[DRAIN] or a[BARE] > b[BARE] or a[RAN] > b[RAN]:
        return False
    if (timed or rounds) and a[INSTANCES] != b[INSTANCES]:
        return False
    for tensor in range(3):
        if (timed or rounds) and a[KIDS + tensor] != b[KIDS + tensor]:
            return False
        if a[APART + tensor] * b[KIDS + tensor] > b[APART + tensor] * a[KIDS + tensor]:
            return False
    if b[RHO] != 1 and (a[RUN] != b[RUN] or a[RHO] < b[RHO]):
        return False
    if a[RAN] != 0 and a[RUN] != b[RUN]:
        return False
    if a[BARE] != 0 and a[WINDOWS] != b[WINDOWS]:
        return False
    if b[SLIDE] >= 0 and (a[SLIDE] != b[SLIDE] or a[TRIPS] < b[TRIPS] or a[STEP] > b[STEP]):
        return False
    levels = len(where)
    for level in range(1, levels):
        if where[level] == a[IN] and a[USED + level] > b[USED + level]:
            return False
    if timed:
        if a[LEAKING] > b[LEAKING]:
            return False
        for column in range(USED + levels, USED + 3 * levels):
            if a[column] > b[column]:
                return False
    return True


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _slot(place: int, row: Ints, timing: int, rounds: bool, size: int) -> int:
    """Where the chain of a label begins.

    If cycles count always, or accesses are rounded, no label covers one of other instances or children: they need
    not be in one chain.
    """
    number = place * 0x9E3779B97F4A7C1
    if timing == TIMED or rounds:
        for column in (INSTANCES, KIDS, KIDS + 1, KIDS + 2):
            number = ((number ^ number >> 29) + row[column]) * 0x9E3779B97F4A7C1
    return (number >> 20) & (size - 1)


@njit(cache=True, no_cfunc_wrapper=True)
def rehash(places: Ints, store: Ints, count: int, heads: Ints, nexts: Ints, timing: int, rounds: bool) -> None:
    """Enter all labels that are of use into a larger table of chains."""
    heads[:] = -1
    for n in range(count):
        if store[n, DEAD] == 0:
            slot = _slot(places[n], store[n], timing, rounds, len(heads))
            nexts[n] = heads[slot]
            heads[slot] = n


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _place(row: Ints, levels: int, size: int, columns: Ints, sizes: Ints) -> int:
    """The number of region, last nodes, point, and what the rules of the user ask (columns of so many values)."""
    place = row[IN]
    for tensor in range(3):
        place = place * levels + row[LAST + tensor]
    place = place * size + row[X]
    for n in range(len(columns)):
        place = place * sizes[n] + row[columns[n]]
    return place


@njit(cache=True, no_cfunc_wrapper=True)
def insert(
    store: Ints,
    count: int,
    places: Ints,
    heads: Ints,
    nexts: Ints,
    rows: Ints,
    order: Ints,
    where: Ints,
    size: int,
    columns: Ints,
    sizes: Ints,
    timing: int,
    rounds: bool,
    dominance: bool,
) -> Ints:
    """Keep labels (some of `rows`, in this order, best first) that none at their place covers.

    What they cover is marked as of no use. Returned are those kept, as numbers of rows.
    """
    kept = np.empty(len(order), np.int64)
    begin = count
    for n in order:
        new = store[count]
        copy(rows[n], new)
        place = _place(new, len(where), size, columns, sizes)
        slot = _slot(place, new, timing, rounds, len(heads))
        before, old, good = -1, heads[slot], True
        while old >= 0 and dominance:
            following = nexts[old]
            if places[old] == place:
                if covers(store[old], new, where, timing, rounds):
                    good = False
                    break
                if covers(new, store[old], where, timing, rounds):
                    store[old, DEAD] = 1
                    if before < 0:
                        heads[slot] = following
                    else:
                        nexts[before] = following
                    old = following
                    continue
            before, old = old, following
        if good:
            places[count] = place
            nexts[count] = heads[slot]
            heads[slot] = count
            kept[count - begin] = n
            count += 1
    return kept[: count - begin]
