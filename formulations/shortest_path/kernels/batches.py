"""Many labels at once: those behind a batch of them, and what they are worth."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from formulations.shortest_path.kernels.bounds import READS, Terms
from formulations.shortest_path.kernels.goal import LATENCY, Aim, is_hopeless, value
from formulations.shortest_path.kernels.steps import (
    ABOVE,
    ALONE,
    AXIS,
    BEFORE,
    BITS,
    CAPACITY,
    CHILDREN,
    DRAINS,
    EXTENTS,
    HALO,
    INPUT,
    LACKS,
    MAY_KEEP,
    MAY_SKIP,
    MEMBER,
    MORE,
    ORDERED,
    OUTPUT,
    REGIONAL,
    SECOND,
    SHIFT,
    TRIPS_OF,
    UNIT,
    UNTOUCHED,
    WIDEST,
    WORDS,
    WORK,
    Board,
    add,
    copy,
    finish,
    forget,
    least_units,
    note,
    put_loop,
    put_node,
    spread,
)
from formulations.shortest_path.labels import (
    BARE,
    BASE,
    CROSS,
    DIGIT,
    DRAIN,
    HI,
    IN,
    INSTANCES,
    LAST,
    LEAKING,
    LO,
    LOOP,
    NODE,
    RAN,
    RUN,
    USED,
    WINDOWS,
    X,
)
from formulations.shortest_path.tables import FAR

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@njit(inline="always")
def _is_paired(b: Board, d: int) -> bool:
    """Is a dim one of two of an axis of the input?"""
    for other in range(len(b.dims)):
        if other != d and b.dims[d, AXIS] >= 0 and b.dims[other, AXIS] == b.dims[d, AXIS]:
            return True
    return False


@njit(inline="always")
def _loops(b: Board, row: Ints, number: int, may: Flags, ruled: bool, closing: bool, out: Ints, count: int) -> int:
    """Append the labels that a loop behind a label makes; how many there are now.

    Rule R2: the first loop behind a fan-out, in front of nodes, is over a window that the fan-out splits. Rule R3: a
    loop that the input does not slide along has a prime number of trips. Rule R4: behind the last node (`closing`) only
    loops over one of two dims of an axis come.
    """
    x, region = row[X], row[IN]
    for d in range(len(b.dims)):
        if (ruled and not may[d]) or (closing and not _is_paired(b, d)):
            continue
        if b.numbers[BEFORE] and not b.numbers[REGIONAL] and row[BARE] and not row[WINDOWS] >> d & 1:
            continue
        if b.dims[d, SECOND] and b.points[x, UNTOUCHED]:
            continue
        lack, here = b.dims[d, LACKS], b.points[x, EXTENTS + len(b.dims) + d]
        slides = b.dims[d, HALO] == 1 and b.regions[region, row[DIGIT + INPUT], MORE + INPUT] > 0
        more = b.regions[region, row[DIGIT + lack], MORE + lack] if lack >= 0 else 0
        for spot in range(1, here + 1):
            if b.spots[d, here, spot, SHIFT] < FAR and (slides or b.spots[d, spot, spot, ALONE]):
                new = out[count]
                copy(row, new)
                put_loop(b, new, d, spot, more, slides)
                note(new, number, LOOP, d, b.spots[d, spot, spot, TRIPS_OF])
                count += 1
    return count


@njit(inline="always")
def _nodes(b: Board, row: Ints, number: int, may: Flags, ruled: bool, out: Ints, count: int) -> int:
    """Append the labels that a node behind a label makes; how many there are now.

    Rule R1: no node comes right below loops of its region that its tensor lacks.
    """
    dims, levels, region = len(b.dims), len(b.levels), row[IN]
    for tensor in range(3):
        if b.numbers[ABOVE] and row[RAN] and row[RUN] == tensor + 1:
            continue
        bits = b.points[row[X], WORDS + tensor] * b.numbers[BITS + tensor]
        for place in range(1, b.regions.shape[1]):
            level = b.regions[region, place, MEMBER]
            if level < 0:
                break
            if (
                b.levels[level, MAY_KEEP + tensor]
                and row[DIGIT + tensor] < place
                and row[USED + level] + bits <= b.levels[level, CAPACITY]
                and (not ruled or may[dims + tensor * levels + level])
            ):
                new = out[count]
                copy(row, new)
                put_node(b, new, tensor, level)
                forget(b, new, tensor)
                note(new, number, NODE, tensor, level)
                count += 1
            if not b.levels[level, MAY_SKIP + tensor] and row[DIGIT + tensor] < place:
                break
    return count


@njit(cache=True, no_cfunc_wrapper=True)
def expand(b: Board, rows: Ints, numbers: Ints, may: Flags, out: Ints) -> int:
    """Fill `out` with the labels that a loop or a node behind some labels makes; how many there are.

    ``may`` says per label which dims and nodes the rules of the user allow; it has no rows if there are no rules.
    """
    count, ruled, allowed = 0, len(may) > 0, np.zeros(0, np.bool_)
    for n in range(len(numbers)):
        row, further = rows[n], 0
        for tensor in range(3):
            further += b.regions[row[IN], row[DIGIT + tensor], MORE + tensor]
        closing = not further and not ruled
        if not closing or row[IN] + 1 < len(b.regions):
            if ruled:
                allowed = may[n]
            count = _loops(b, row, numbers[n], allowed, ruled, closing, out, count)
            count = _nodes(b, row, numbers[n], allowed, ruled, out, count)
    return count


@njit(inline="always")
def _paid(b: Board, p: Terms, row: Ints) -> float:
    """What a label has paid, with the drain of its last output node."""
    found = row[HI] * float(BASE) + row[LO]
    if b.numbers[DRAINS]:
        found += row[DRAIN] * p.rates[row[LAST + OUTPUT], READS]
    return found


@njit(cache=True, no_cfunc_wrapper=True)
def paid(b: Board, p: Terms, rows: Ints) -> tuple[Floats, Ints]:
    """What labels have paid, and the cycles that they need at least."""
    energies, cycles = np.empty(len(rows)), np.empty(len(rows), np.int64)
    for n in range(len(rows)):
        energies[n] = _paid(b, p, rows[n])
        cycles[n] = -(-least_units(b, rows[n]) // b.numbers[UNIT])
    return energies, cycles


@njit(cache=True, no_cfunc_wrapper=True)
def weigh(b: Board, p: Terms, aim: Aim, rows: Ints, rest: Floats, greed: float) -> tuple[Floats, Floats, Ints]:
    """Bounds (infinite where they are hopeless) and guesses of the values of labels, and least cycles.

    `rest` is what they have still to pay at least; in a guess it counts `greed` times.
    """
    bounds, guesses, cycles = np.empty(len(rows)), np.empty(len(rows)), np.empty(len(rows), np.int64)
    for n in range(len(rows)):
        row, base = rows[n], _paid(b, p, rows[n])
        cycles[n] = -(-least_units(b, row) // b.numbers[UNIT])
        leaked = float(row[LEAKING]) * cycles[n]
        bounds[n] = value(aim, base + rest[n] + leaked, cycles[n])
        if is_hopeless(aim, bounds[n], cycles[n]):
            bounds[n] = np.inf
        guess = base + rest[n] * greed
        guesses[n] = value(aim, guess + leaked, cycles[n])
        if aim.kind == LATENCY:
            guesses[n] *= 1 + 1e-3 * guess / (1 + guess)
    return bounds, guesses, cycles


@njit(cache=True, no_cfunc_wrapper=True)
def sift(
    b: Board,
    aim: Aim,
    rows: Ints,
    base: Floats,
    least: Ints,
    of: Ints,
    vectors: Ints,
    rest: Floats,
    may: Flags,
    passed: Floats,
    close: float,
) -> tuple[Ints, Floats, Floats, Ints]:
    """The vectors with which labels pass their fan-out now: those whose bounds are close to their least one.

    Returned are they, the bounds up to which every label has then passed, and of the vectors that are left the least
    bounds and cycles. `may` says which the rules of the user allow; it is empty if there are no rules.
    """
    bounds, cycles, limits = np.full(len(of), np.inf), np.empty(len(of), np.int64), np.full(len(rows), np.inf)
    for i in range(len(of)):
        n, v = of[i], vectors[i]
        row = rows[n]
        if (len(may) and not may[i]) or (b.points[row[X], UNTOUCHED] and not b.vectors[v, ORDERED]):
            continue
        units = -(-b.numbers[WORK] // (row[INSTANCES] * b.vectors[v, CHILDREN] * b.regions[row[IN] + 1, 0, WIDEST]))
        cycles[i] = max(least[n], -(-units // b.numbers[UNIT]))
        bound = value(aim, base[n] + rest[i] + float(row[LEAKING]) * cycles[i], cycles[i])
        if not is_hopeless(aim, bound, cycles[i]) and bound > passed[n]:
            bounds[i], limits[n] = bound, min(limits[n], bound)
    limits *= 1 + close
    chosen, count = np.empty(len(of), np.int64), 0
    later, soonest = np.full(len(rows), np.inf), np.full(len(rows), np.iinfo(np.int64).max)
    for i in range(len(of)):
        n = of[i]
        if bounds[i] <= limits[n] and bounds[i] < np.inf:
            chosen[count] = i
            count += 1
        elif bounds[i] < np.inf:
            later[n], soonest[n] = min(later[n], bounds[i]), min(soonest[n], cycles[i])
    return chosen[:count], limits, later, soonest


@njit(cache=True, no_cfunc_wrapper=True)
def cross(b: Board, rows: Ints, numbers: Ints, of: Ints, vectors: Ints, y: Ints, out: Ints) -> None:
    """Fill `out` with the labels behind fan-outs that some labels pass with these vectors, to the points y."""
    for i in range(len(of)):
        new = out[i]
        copy(rows[of[i]], new)
        region = new[IN]
        spread(b, new, vectors[i], y[i])
        for tensor in range(3):
            forget(b, new, tensor)
        note(new, numbers[of[i]], CROSS, region, vectors[i])


@njit(cache=True, no_cfunc_wrapper=True)
def complete(b: Board, aim: Aim, rows: Ints, of: Ints, vectors: Ints) -> tuple[Floats, Ints]:
    """Values of the nests behind the last fan-out, and their energies (pairs) and latency units."""
    values, costs = np.empty(len(of)), np.empty((len(of), 3), np.int64)
    new = np.empty(rows.shape[1], np.int64)
    for i in range(len(of)):
        copy(rows[of[i]], new)
        spread(b, new, vectors[i], 0)
        finish(b, new)
        units = least_units(b, new)
        cycles = -(-units // b.numbers[UNIT])
        add(new, new[LEAKING], cycles)
        values[i] = value(aim, new[HI] * float(BASE) + new[LO], cycles)
        costs[i, 0], costs[i, 1], costs[i, 2] = new[HI], new[LO], units
    return values, costs
