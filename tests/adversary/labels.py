"""Labels of a shortest path over all loop nests, from the multipliers outwards. Compiled.

A node holds its tile until, going outwards, the first temporal loop comes that indexes its tensor: there it *breaks*,
and what it costs is known: its words times all iterations outside. A label stands for the best nests of some loops
and nodes. It keeps the extents inside, what broken tensors ask of their next node, and the pending nodes: of the
tensor that is to survive the next loops (the *survivor*), and of the input where the next loop slides its tile (the
*slider*). All other tensors are charged at once. Labels that no continuation can make the best are dropped: those
that cost, ask, hold and use no less than another of the same place, extents and survivor.

The levels between two fan-outs are a region, in which nodes of different tensors stand in any order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]

BASE = 1 << 60
"""Energies are pairs (high, low) that stand for ``high * BASE + low``."""

(HI, LO, X, SURVIVOR, SLIDER, PARENT, MOVE, ARG, VALUE, ASKS, KAP_HI, KAP_LO, HELD, HELD_I, DEBT, RAW, STATE) = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 18,
)  # fmt: skip
"""Columns of a label. ASKS has one column per tensor."""
FIELDS = 19
"""Then six columns per level: bits in use, and of the pending tensors counts, asks and tiles."""
USED, COUNT, READS, COUNT_I, READS_I, TILE_I = range(6)

START, RUN, PLAIN, SLIDE, NODE, CROSS, PAID, KEPT = range(8)
"""Moves: none; loops over dims irrelevant to the survivor; other loops; the loop along which the input slides; a node
(VALUE: what becomes of it); a fan-out."""

W, I, O = 0, 1, 2  # noqa: E741

READ_O, FIRST_BITS, MORE_COPIES = 3, 4, 5
"""Columns of prices, after the least price per bit asked of each tensor: of reads of the output, the bits of its first
visits, and how many more copies of it there may be."""


class Tables(NamedTuple):
    """What all steps read."""

    extents: Ints
    outs: Ints
    words: Ints
    widths: Ints
    place: Ints
    stride: Ints
    divisors: Ints
    counts: Ints
    primes: Ints
    lacks: Ints
    axis: Ints
    coefficient: Ints
    halo: Ints
    bits: Ints
    levels: Ints
    may_keep: Ints
    may_skip: Ints
    flags: Ints


CAPACITY, ACCESS, READ, FILL, UPDATE, INSTANCES, COPIES, ROUNDS = range(8)
"""Columns of a level. INSTANCES is 0 where it is not known; COPIES are those of the output; ROUNDS: a transfer may be a
part of an access."""
DRAINS, RESUMES, VOLUME_O, SMALL_O = range(4)
"""Flags: accounting looptree; the output resumes; words of the output; bits of a first visit that the
multipliers ask for."""


@njit(cache=True, inline="always")
def product(a, b):
    """The pair of a product of two numbers below BASE."""
    mask = (1 << 30) - 1
    a1, a0, b1, b0 = a >> 30, a & mask, b >> 30, b & mask
    middle = a1 * b0 + a0 * b1
    low = a0 * b0 + ((middle & mask) << 30)
    return a1 * b1 + (middle >> 30) + (low >> 60), low & (BASE - 1)


@njit(cache=True)
def add(row, a, b):
    """Add a product to a label's energy."""
    high, low = product(a, b)
    low += row[LO]
    row[HI] += high + (low >> 60)
    row[LO] = low & (BASE - 1)


@njit(cache=True)
def credit(row, a, b):
    """First visits that cost nothing: less energy now, and for every further copy of the output."""
    high, low = product(a, b)
    add_kap = low + row[KAP_LO]
    row[KAP_HI] += high + (add_kap >> 60)
    row[KAP_LO] = add_kap & (BASE - 1)
    left = row[LO] - low
    row[HI] += (left >> 60) - high
    row[LO] = left & (BASE - 1)


@njit(cache=True)
def copied(row, copies):
    """A fan-out makes copies of the output: its first visits cost nothing in any."""
    if copies == 1 or (row[KAP_HI] == 0 and row[KAP_LO] == 0):
        return
    high, low = product(row[KAP_LO], copies)
    high += row[KAP_HI] * copies
    left = row[LO] - (low - row[KAP_LO])
    row[HI] += (left >> 60) - (high - row[KAP_HI])
    row[LO] = left & (BASE - 1)
    row[KAP_HI], row[KAP_LO] = high, low


@njit(cache=True)
def accesses(level, bits):
    """Accesses of all instances for so many bits of all instances."""
    access, instances = level[ACCESS], level[INSTANCES]
    if instances == 0:
        return bits // access
    return -(-(bits // instances) // access) * instances


@njit(cache=True)
def serve(t, row, level, tensor, bits, drained):
    """Charge what is asked of a level; `drained`: bits of an output tile that a drain reads there."""
    table = t.levels[level]
    if tensor != O:
        add(row, accesses(table, bits), table[READ])
        return
    add(row, accesses(table, bits), table[UPDATE])
    first = 0
    if not t.flags[RESUMES]:
        first = t.flags[VOLUME_O] * (t.flags[SMALL_O] if row[RAW] else t.bits[O])
        if table[INSTANCES] == 0:
            credit(row, first // table[ACCESS], table[READ])
            first = 0
        else:
            first *= table[COPIES]
    add(row, accesses(table, bits - first + drained), table[READ])


@njit(cache=True)
def fill(t, row, level, tensor, words):
    """Charge what comes into a node; an output's first visits are not filled."""
    table = t.levels[level]
    bits = words * t.bits[tensor]
    if tensor == O:
        if t.flags[DRAINS] and not table[ROUNDS]:
            add(row, accesses(table, bits), table[READ])
        if table[INSTANCES] and not t.flags[RESUMES]:
            bits -= t.flags[VOLUME_O] * t.bits[O] * table[COPIES]
    add(row, accesses(table, bits), table[FILL])


@njit(cache=True)
def column(levels, what, level):
    """Where a label keeps a number of a level."""
    return FIELDS + what * levels + level


@njit(cache=True)
def moved(held, wide, step, trips):
    """Words that come in `trips` moves of a tile along an axis."""
    return held + (trips - 1) * (held // wide * min(wide, step))


@njit(cache=True)
def pay(t, row, tensor, x, dim, trips):
    """The pending nodes of a tensor are moved by the loop right outside of the extents x: charge all of them.

    The input slides along `dim` in so many trips, if dim >= 0.
    """
    levels = len(t.levels)
    count, reads = (COUNT_I, READS_I) if tensor == I else (COUNT, READS)
    outs = t.outs[x]
    asked, child = 0, -1
    for level in range(levels - 1, -1, -1):
        at = column(levels, reads, level)
        if row[at]:
            words = row[at] * outs
            if dim >= 0:
                words = slid(t, x, child, row[at], dim, trips)
            row[at] = 0
            counted = row[column(levels, count, level)] > 0
            if tensor == O and counted and t.flags[DRAINS] and t.levels[level, ROUNDS]:
                row[DEBT] = words * t.bits[tensor]
            else:
                serve(t, row, level, tensor, words * t.bits[tensor], 0)
        at = column(levels, count, level)
        if row[at]:
            words = row[at] * outs
            if dim >= 0:
                child = row[column(levels, TILE_I, level)]
                words = slid(t, x, child, row[at], dim, trips)
            elif tensor == I:
                child = row[column(levels, TILE_I, level)]
            if row[DEBT] and tensor == O:
                serve(t, row, level, tensor, row[DEBT], words * t.bits[O])
                row[DEBT] = 0
            if tensor == O:
                row[RAW] = 0
            fill(t, row, level, tensor, words)
            row[at] = 0
            if tensor == I:
                row[column(levels, TILE_I, level)] = -1
    if tensor == I:
        asked = row[HELD_I] * outs if dim < 0 else slid(t, x, child, row[HELD_I], dim, trips)
        row[HELD_I] = 0
    else:
        asked = row[HELD] * outs
        row[HELD] = 0
    row[ASKS + tensor] = asked * t.bits[tensor]


@njit(cache=True)
def slid(t, x, tile, words, dim, trips):
    """Words of copies of a tile (`words` in all) when a loop over `dim` outside of extents x makes so many trips."""
    axis = t.axis[dim]
    held = t.words[I, tile]
    step = t.coefficient[dim] * t.extents[x, dim]
    return words // held * moved(held, t.widths[axis, tile], step, trips) * (t.outs[x] // trips)


@njit(cache=True)
def covers(a, b, levels, halo):
    """Is label a as good as label b, whatever comes (same place, extents and survivor)?"""
    if a[HI] > b[HI] or (a[HI] == b[HI] and a[LO] > b[LO]):
        return False
    if a[KAP_HI] < b[KAP_HI] or (a[KAP_HI] == b[KAP_HI] and a[KAP_LO] < b[KAP_LO]):
        return False
    if a[HELD] > b[HELD] or a[HELD_I] > b[HELD_I] or a[STATE] > b[STATE] or a[RAW] != b[RAW] or a[DEBT] > b[DEBT]:
        return False
    for tensor in range(3):
        if a[ASKS + tensor] > b[ASKS + tensor]:
            return False
    for n in range(FIELDS, FIELDS + 5 * levels):
        if a[n] > b[n]:
            return False
    if a[DEBT] or b[DEBT]:
        for n in range(FIELDS + COUNT * levels, FIELDS + (COUNT + 1) * levels):
            if (a[n] > 0) != (b[n] > 0):
                return False
    if halo:
        for n in range(FIELDS + 5 * levels, FIELDS + 6 * levels):
            if a[n] != b[n]:
                return False
    return True


@njit(cache=True)
def insert(row, labels, after, count, heads, key, levels, halo):
    """Put a label into a list unless one there is as good; labels that are not as good leave it. The new count."""
    place, last = heads[key], -1
    while place >= 0:
        if covers(labels[place], row, levels, halo):
            return count
        place = after[place]
    place = heads[key]
    while place >= 0:
        follower = after[place]
        if covers(row, labels[place], levels, halo):
            if last < 0:
                heads[key] = follower
            else:
                after[last] = follower
        else:
            last = place
        place = follower
    labels[count] = row
    after[count] = -1
    if last < 0:
        heads[key] = count
    else:
        after[last] = count
    return count + 1


@njit(cache=True)
def key_of(row, q, size):
    """The list of a label: nodes placed, extents, survivor, slider."""
    return ((q * size) + row[X]) * 6 + (row[SURVIVOR] if not row[SLIDER] else 3 + (row[SURVIVOR] + 1) // 2)


@njit(cache=True)
def note(row, parent, move, arg, value):
    """How a label was made."""
    row[PARENT], row[MOVE], row[ARG], row[VALUE] = parent, move, arg, value


@njit(cache=True)
def bound(row, prices):
    """A lower bound on the energy of every nest through a label: what is asked, at the least price (rounded down)."""
    high, low = float(BASE) * row[HI], float(row[LO])
    total = high + low - (float(BASE) * row[KAP_HI] + row[KAP_LO]) * prices[MORE_COPIES]
    for tensor in range(3):
        total += row[ASKS + tensor] * prices[tensor]
    total += max(0.0, row[ASKS + O] - prices[FIRST_BITS]) * prices[READ_O]
    return total - (abs(high) + low) * 1e-11


@njit(cache=True)
def expand_all(t, labels, after, count, heads, region, has_outside, prices, best):
    """Steps of one region, whose levels are given innermost first: every label of every list is extended.

    Returns the number of labels, or minus what is needed if they do not fit the arrays (then nothing is lost but time).
    """
    dims, size = len(t.lacks), len(t.outs)
    k = len(region)
    halo = t.halo.max() if dims else 0
    row = np.empty(labels.shape[1], np.int64)
    limit = len(labels) - 64
    for q in range((k + 1) ** 3):
        placed = (q // ((k + 1) * (k + 1)), q // (k + 1) % (k + 1), q % (k + 1))
        for x in range(size):
            for s in range(6):
                current = heads[(q * size + x) * 6 + s]
                while current >= 0:
                    if count > limit - 64 * dims:
                        return -1
                    if bound(labels[current], prices) <= best:
                        if has_outside or min(placed[0], placed[1], placed[2]) < k:
                            count = loops(
                                t, labels, after, count, heads, q, current, row, has_outside, halo, prices, best
                            )
                        for tensor in range(3):
                            for j in range(placed[tensor] + 1, k + 1):
                                count = node(
                                    t,
                                    labels,
                                    after,
                                    count,
                                    heads,
                                    q,
                                    current,
                                    row,
                                    region,
                                    placed,
                                    tensor,
                                    j,
                                    halo,
                                    prices,
                                    best,
                                )
                                if not t.may_skip[region[j - 1], tensor]:
                                    break
                    current = after[current]
    return count


@njit(cache=True)
def loops(t, labels, after, count, heads, q, current, row, has_outside, halo, prices, best):
    """A label with one more loop."""
    dims, levels, size = len(t.lacks), len(t.levels), len(t.outs)
    x, survivor, slider, state = (
        labels[current, X],
        labels[current, SURVIVOR],
        labels[current, SLIDER],
        labels[current, STATE],
    )
    for dim in range(dims):
        here = t.place[x, dim]
        run = survivor > 0 and t.lacks[dim] == survivor - 1
        if slider and not (run and t.halo[dim]):
            continue
        slides = slider or (survivor == I + 1 and t.halo[dim])
        if not run and state == 2 and survivor:
            continue
        if not (run or t.halo[dim] or (has_outside and state < 2)):
            continue
        for there in range(here + 1, t.counts[dim]):
            trips = t.divisors[dim, there] // t.divisors[dim, here]
            if t.divisors[dim, there] % t.divisors[dim, here] or not (slides or t.primes[trips]):
                continue
            row[:] = labels[current]
            row[X] = x + (there - here) * t.stride[dim]
            if run and not slider:
                note(row, current, RUN, dim, trips)
            elif slides:
                pay(t, row, I, x, dim, trips)
                row[SLIDER] = 0
                if survivor == I + 1:
                    row[SURVIVOR] = 0
                note(row, current, SLIDE, dim, trips)
            else:
                if survivor:
                    pay(t, row, survivor - 1, x, -1, 1)
                    row[SURVIVOR] = 0
                if not (t.halo[dim]):
                    row[STATE] = 1
                note(row, current, PLAIN, dim, trips)
            if bound(row, prices) <= best:
                count = insert(row, labels, after, count, heads, key_of(row, q, size), levels, halo)
    return count


@njit(cache=True)
def node(t, labels, after, count, heads, q, current, row, region, placed, tensor, j, halo, prices, best):
    """A label with one more node."""
    levels, size, k = len(t.levels), len(t.outs), len(region)
    level = region[j - 1]
    x, survivor, slider, state = (
        labels[current, X],
        labels[current, SURVIVOR],
        labels[current, SLIDER],
        labels[current, STATE],
    )
    words = t.words[tensor, x]
    used = labels[current, column(levels, USED, level)] + words * t.bits[tensor]
    if not t.may_keep[level, tensor] or (t.levels[level, CAPACITY] >= 0 and used > t.levels[level, CAPACITY]):
        return count
    weight = (k + 1) ** (2 - tensor)
    q += (j - placed[tensor]) * weight
    pending = survivor == tensor + 1 or (slider and tensor == I)
    for choice in range(4):  # survives; pays; survives while the input waits to slide; waits to slide
        row[:] = labels[current]
        row[column(levels, USED, level)] = used
        if tensor == O and t.levels[level, INSTANCES] == 0 and not t.flags[RESUMES]:
            credit(row, t.flags[VOLUME_O] * t.bits[O] // t.levels[level, ACCESS], t.levels[level, FILL])
        if pending:
            if choice:
                break
            hold(row, levels, level, tensor, words, x, True)
        else:
            later = tensor == O and t.flags[DRAINS] and t.levels[level, ROUNDS]
            if later:
                row[DEBT] = row[ASKS + O]
            else:
                serve(t, row, level, tensor, row[ASKS + tensor], 0)
                if tensor == O:
                    row[RAW] = 0
            row[ASKS + tensor] = 0
            if choice in (0, 2):
                if survivor and state == 2:
                    continue
                if choice == 2 and not (survivor == I + 1 and not slider and halo):
                    continue
                if choice == 2:
                    row[SLIDER] = 1
                elif survivor:
                    pay(t, row, survivor - 1, x, -1, 1)
                    if tensor == I and slider:
                        continue
                hold(row, levels, level, tensor, words, x, False)
                row[SURVIVOR] = tensor + 1
                row[STATE] = 2 if state else 0
            elif choice == 1:
                if not survivor:
                    continue
                # a node that pays at once: its tile moves with the next loop
                outs = t.outs[x]
                if later:
                    serve(t, row, level, tensor, row[DEBT], words * outs * t.bits[O])
                    row[DEBT] = 0
                if tensor == O:
                    row[RAW] = 0
                fill(t, row, level, tensor, words * outs)
                row[ASKS + tensor] = words * outs * t.bits[tensor]
            else:
                if tensor != I or not survivor or slider or not halo:
                    continue
                hold(row, levels, level, tensor, words, x, False)
                row[SLIDER] = 1
        note(row, current, NODE, tensor * levels + level, choice)
        if bound(row, prices) <= best:
            count = insert(row, labels, after, count, heads, key_of(row, q, size), levels, halo)
    return count


@njit(cache=True)
def hold(row, levels, level, tensor, words, x, below):
    """A node waits for a loop that moves its tile; `below`: so does the node inside of it, which asks of it."""
    count, reads, held = (COUNT_I, READS_I, HELD_I) if tensor == I else (COUNT, READS, HELD)
    if below:
        row[column(levels, reads, level)] = row[held]
    row[column(levels, count, level)] = words
    row[held] = words
    if tensor == I:
        row[column(levels, TILE_I, level)] = x


@njit(cache=True)
def cross(t, labels, after, count, heads, sources, vectors, number, before, prices, best):
    """Labels that leave a region go through a fan-out, with every vector of factors."""
    dims, levels, size = len(t.lacks), len(t.levels), len(t.outs)
    halo = t.halo.max() if dims else 0
    row = np.empty(labels.shape[1], np.int64)
    for source in sources:
        if bound(labels[source], before) > best:
            continue
        for n in range(len(vectors)):
            if count > len(labels) - 64:
                return -1
            x, fits = labels[source, X], True
            for dim in range(dims):
                if t.extents[size - 1, dim] // t.extents[x, dim] % vectors[n, dim]:
                    fits = False
                    break
            if not fits:
                continue
            row[:] = labels[source]
            spread(t, row, vectors[n], x)
            note(row, source, CROSS, number, n)
            row[STATE] = 0
            if bound(row, prices) <= best:
                count = insert(row, labels, after, count, heads, key_of(row, 0, size), levels, halo)
    return count


@njit(cache=True)
def spread(t, row, factors, x):
    """The effect of a fan-out on a label."""
    dims, levels = len(t.lacks), len(t.levels)
    children, target = 1, x
    apart = np.ones(3, np.int64)
    for dim in range(dims):
        children *= factors[dim]
        there = t.place[x, dim]
        while t.divisors[dim, there] != t.divisors[dim, t.place[x, dim]] * factors[dim]:
            there += 1
        target += (there - t.place[x, dim]) * t.stride[dim]
        for tensor in (W, O):
            if t.lacks[dim] != tensor:
                apart[tensor] *= factors[dim]
    for axis in range(len(t.widths)):
        apart[I] *= starts(t, axis, factors, x)
    for tensor in range(3):
        row[ASKS + tensor] = row[ASKS + tensor] // children * apart[tensor]
    if row[SURVIVOR] and row[SURVIVOR] != I + 1:
        row[HELD] *= apart[row[SURVIVOR] - 1]
    row[HELD_I] *= apart[I]
    for what in (COUNT, READS, COUNT_I, READS_I):
        for level in range(levels):
            row[column(levels, what, level)] *= children
    for level in range(levels):
        row[column(levels, USED, level)] = 0
    copied(row, children // apart[O])
    row[X] = target


@njit(cache=True)
def starts(t, axis, factors, x):
    """Distinct places along an axis of the input at which the tiles of the children start."""
    step, number = 0, 1
    for dim in range(len(t.lacks)):
        if t.axis[dim] == axis and factors[dim] > 1:
            other = t.coefficient[dim] * t.extents[x, dim]
            if step == 0:
                step, number = other, factors[dim]
            else:
                a, b = step, other
                while b:
                    a, b = b, a % b
                number = number * factors[dim] - max(0, number - other // a) * max(0, factors[dim] - step // a)
    return number


@njit(cache=True)
def finish(t, labels, sources, tops, result):
    """The best end over labels that reach the outermost level: (label, kind of end) and its energy.

    The outermost level holds everything; the survivor's loops come first, then all others.
    """
    dims, levels, size = len(t.lacks), len(t.levels), len(t.outs)
    row = np.empty(labels.shape[1], np.int64)
    best_hi, best_lo = result[0], result[1]
    for source in sources:
        survivor, slider = labels[source, SURVIVOR], labels[source, SLIDER]
        for dim in range(-1, dims):
            if dim >= 0 and not t.halo[dim]:
                continue
            row[:] = labels[source]
            x = row[X]
            top = x
            if survivor:
                for d in range(dims):
                    if t.lacks[d] == survivor - 1:
                        top += (t.counts[d] - 1 - t.place[x, d]) * t.stride[d]
            for tensor in range(3):
                if row[ASKS + tensor]:
                    serve(t, row, tops[tensor], tensor, row[ASKS + tensor], 0)
                elif tensor == I:
                    row[column(levels, READS_I, tops[I])] = row[HELD_I]
                else:
                    row[column(levels, READS, tops[tensor])] = row[HELD]
            base = x if slider else top
            trips = 1
            if dim >= 0:
                trips = t.extents[size - 1, dim] // t.extents[base, dim]
                if trips == 1 or not (slider or survivor == I + 1) or (slider and t.lacks[dim] != survivor - 1):
                    continue
            if slider:
                pay(t, row, I, x, dim, trips)
            if survivor == I + 1:
                pay(t, row, I, top, dim, trips)
            elif survivor:
                pay(t, row, survivor - 1, top, -1, 1)
            if row[HI] < best_hi or (row[HI] == best_hi and row[LO] < best_lo):
                best_hi, best_lo = row[HI], row[LO]
                result[0], result[1], result[2], result[3] = best_hi, best_lo, source, dim


@njit(cache=True)
def leaving(labels, after, heads, size, allowed, last, out):
    """Numbers of the labels that may leave a region, in `out`; how many there are."""
    count = 0
    for q in range(len(allowed)):
        if allowed[q]:
            for key in range(q * size * 6, (q + 1) * size * 6):
                place = heads[key]
                while place >= 0:
                    if labels[place, STATE] != 1 and not (
                        last and labels[place, MOVE] < NODE and labels[place, MOVE] > START
                    ):
                        if count < len(out):
                            out[count] = place
                        count += 1
                    place = after[place]
    return count
