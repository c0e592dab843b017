"""Least energy still to come, for every point of the lattice: the graph without what couples its steps. Compiled.

A table belongs to a region, to a code (the place of every tensor's last node in the region, 0: none yet) and to the
status of every tensor:

``FREE``
    Its last node's level is known. Or it is not (the node stands further out), and a loop of this region that the
    tensor does not have may bring its next node in again: then its parent is read so many times more.
``TIGHT``
    Its last node stands further out, and no loop of this region brings its next node in again.
``NONE``
    It has no node from this region on.
``HELD``
    Its next node breaks further out, at a loop right outside of which it stays: what comes into it is not part of the
    table, and loops that would move it may not come.

What is left out: bits in use are added up for the nodes placed last only; a node's words are those that the loops inside
touch; a parent further out is read at its least price, and what it costs more is charged where the fan-out is passed, as
if all nodes stood there; the output's first visits save as much as they ever can.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from formulations.shortest_path.tables import (
    ACCESS,
    CAPACITY,
    DRAINS,
    FILL,
    READ,
    REGIONS,
    RESUMES,
    STEPS,
    UPDATE,
    VOLUME,
)

Floats = NDArray[np.float64]
W, I, O = 0, 1, 2  # noqa: E741

READS, FILLS, UPDATES = range(3)
"""Columns of the energies per bit."""
FREE, TIGHT, NONE, HELD = range(4)
STATUSES = 64
"""Combinations of statuses: ``16 * W + 4 * I + O``."""


@njit(cache=True, inline="always", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def status_of(statuses, tensor):
    """The status of a tensor."""
    return statuses >> (4 - 2 * tensor) & 3


@njit(cache=True, inline="always", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def with_status(statuses, tensor, status):
    """The combination with another status of a tensor."""
    shift = 4 - 2 * tensor
    return statuses & ~(3 << shift) | status << shift


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def price(m, level, tensor, bits, first):
    """What it costs at least to serve bits of a tensor at a level; `first`: bits of first visits at most."""
    if tensor != O:
        return bits * m.rates[level, READS]
    left = bits if m.flags[RESUMES] else max(0.0, bits - first)
    return bits * m.rates[level, UPDATES] + left * m.rates[level, READS]


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def fill_price(m, level, tensor, bits, first):
    """What it costs at least to fill a node with so many bits (and to drain it), less first visits."""
    if tensor != O:
        return bits * m.rates[level, FILLS]
    left = bits if m.flags[RESUMES] else max(0.0, bits - first)
    drained = bits * m.rates[level, READS] if m.flags[DRAINS] else 0.0
    return left * m.rates[level, FILLS] + drained


@njit(cache=True)
def most_shared(t, m):
    """Per region's fan-out and tensor, the most children that one read serves."""
    regions = m.flags[REGIONS]
    shared = np.ones((regions, 3))
    for r in range(regions):
        for n in range(m.first[r], m.first[r + 1]):
            for tensor in range(len(m.tops)):
                children = 1.0
                for d in range(len(t.lacks)):
                    if t.lacks[d] == tensor or (tensor == I and t.halo[d]):
                        children *= m.vectors[n, d]
                shared[r, tensor] = max(shared[r, tensor], children)
    return shared


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def first_bits(t, m, region, shared):
    """Bits of first visits at a level of a region at most: of every copy."""
    copies = 1.0
    for r in range(region):
        copies *= shared[r, O]
    return m.flags[VOLUME] * max(t.bits[O], t.step_bits[O]) * copies


OUT_READ, OUT_UPDATE, OUT_FIRST, FILLED, AGAIN = range(5)
"""Columns of the prices per region and tensor: of a parent further out, the least energy of reads and of updates per bit
that comes in, and the bits of first visits at most; the least energy of filling a node from the region on (infinite if it
has none), per bit, and the least number of trips of a loop that brings a tensor in again."""


@njit(cache=True)
def prices_of(t, m, shared):
    """Least prices, per region and tensor."""
    regions = m.flags[REGIONS]
    prices = np.zeros((regions + 1, 3, 5))
    for region in range(regions):
        for tensor in range(len(m.tops)):
            row = prices[region, tensor]
            row[OUT_READ] = row[OUT_UPDATE] = row[FILLED] = row[AGAIN] = np.inf
            served = 1.0
            for r in range(region - 1, -1, -1):
                served *= shared[r, tensor]
                first = first_bits(t, m, r, shared) * served
                for n in range(m.members.shape[1]):
                    level = m.members[r, n]
                    if level < 0 or not m.may_keep[level, tensor]:
                        continue
                    row[OUT_READ] = min(row[OUT_READ], m.rates[level, READS] / served)
                    row[OUT_UPDATE] = min(row[OUT_UPDATE], m.rates[level, UPDATES] / served)
                    row[OUT_FIRST] = max(row[OUT_FIRST], first)
                if r == 0:
                    level = m.tops[tensor]
                    row[OUT_READ] = min(row[OUT_READ], m.rates[level, READS] / served)
                    row[OUT_UPDATE] = min(row[OUT_UPDATE], m.rates[level, UPDATES] / served)
                    row[OUT_FIRST] = max(row[OUT_FIRST], first)
            for r in range(region, regions):
                for level in m.members[r]:
                    if level >= 0 and m.may_keep[level, tensor]:
                        row[FILLED] = min(row[FILLED], m.rates[level, FILLS])
            for d in range(len(t.lacks)):
                if t.lacks[d] == tensor:
                    for n in range(1, t.counts[d]):
                        row[AGAIN] = min(row[AGAIN], t.divisors[d, n])
    return prices


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def outside(m, prices, region, tensor, bits):
    """What so many bits cost at a parent further out at least."""
    row = prices[region, tensor]
    if tensor != O:
        return row[OUT_READ] * bits
    left = bits if m.flags[RESUMES] else max(0.0, bits - row[OUT_FIRST])
    return row[OUT_UPDATE] * bits + row[OUT_READ] * left


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def least_fill(t, m, prices, region, tensor, bits, shared):
    """The least cost of filling any node of a tensor from a region on."""
    if tensor == O and not m.flags[RESUMES]:
        bits = max(0.0, bits - first_bits(t, m, m.flags[REGIONS] - 1, shared))
    each = prices[region, tensor, FILLED]
    return each * bits if each < np.inf else np.inf


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def traffic(t, tensor, x):
    """Bits that come into a node at these extents at least."""
    return t.traffic[tensor, x]


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def inside(t, x, spots):
    """The extents of a child of a fan-out with factors at these places of the divisors, or -1."""
    y = x
    for d in range(len(spots)):
        if spots[d]:
            here = t.place[x, d]
            there = t.quotient[d, here, spots[d]]
            if there < 0:
                return -1
            y -= (here - there) * t.stride[d]
    return y


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def spread_least(t, vectors, source, target):
    """Into target, per row and point, the least value of the points that these factors lead to."""
    size = source.shape[1]
    target[:] = np.inf
    inner = np.empty(size, np.int64)
    for spots in vectors:
        for x in range(size):
            inner[x] = inside(t, x, spots)
        for row in range(len(source)):
            for x in range(size):
                y = inner[x]
                if y >= 0 and source[row, y] < target[row, x]:
                    target[row, x] = source[row, y]


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def may_loop(t, m, region, statuses, digits, d):
    """May a loop over a dim come?

    In front of the first node of a region a loop may stand outside of the fan-out as well: what comes into nodes is the
    same, but for the input, if the loop is over one of its windows.
    """
    if region > 0 and digits[0] + digits[1] + digits[2] == 0 and not t.halo[d]:
        return False
    for tensor in range(len(m.tops)):
        status = status_of(statuses, tensor)
        if t.lacks[d] != tensor:
            if status == HELD:
                return False
        elif status == TIGHT:
            return False
    return True


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def close(t, values, d):
    """Loops over a dim: a value is at most that of every point inside that they reach."""
    for x in range(len(values)):
        for k in range(t.down.shape[2]):
            there = t.down[d, t.place[x, d], k]
            if there < 0:
                break
            least = values[x - (t.place[x, d] - there) * t.stride[d]]
            if least < values[x]:
                values[x] = least


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def parent_of(m, region, tensor, digit):
    """The level of a tensor's last node, where it is known: in the region, or the outermost one."""
    if digit > 0:
        return m.members[region, digit - 1]
    return m.tops[tensor] if region == 0 else -1


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def is_valid(m, region, statuses, digits):
    """Is there a table of these statuses?"""
    held = 0
    for tensor in range(len(m.tops)):
        status = status_of(statuses, tensor)
        held += status == HELD
        if parent_of(m, region, tensor, digits[tensor]) >= 0:
            if status == TIGHT or status == NONE:
                return False
        elif status == NONE and not m.without[region, tensor]:
            return False
    return held < 2 or (held == 2 and status_of(statuses, I) == HELD)


@njit(cache=True)
def rows_of(m, region):
    """The number of the table of a code and statuses (-1: there is none), in ``[code * STATUSES + statuses]``."""
    k = m.counts[region]
    rows = np.full((k + 1) ** 3 * STATUSES, -1, np.int64)
    digits = np.zeros(3, np.int64)
    count = 0
    for code in range((k + 1) ** 3):
        digits[0], digits[1], digits[2] = code // ((k + 1) * (k + 1)), code // (k + 1) % (k + 1), code % (k + 1)
        for statuses in range(STATUSES):
            if is_valid(m, region, statuses, digits):
                rows[code * STATUSES + statuses] = count
                count += 1
    return rows, count


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def step_bits_shared(t, m, region, tensor, shared):
    """Bits that the multipliers ask of a node in front of a region's fan-out at least, if it is the last one."""
    bits = float(m.flags[STEPS]) * t.step_bits[tensor]
    for r in range(region, m.flags[REGIONS]):
        bits /= shared[r, tensor]
    return bits


@njit(cache=True)
def bypassing(t, m, region, then, parents, shared, source, out):
    """What lies behind a region's fan-out if tensors have no node there, with what the multipliers ask of their parents.

    Row n is of the statuses ``then[n]`` and of the levels ``parents[n]`` (-1: the tensor has a node inside); `source` has
    the values right behind the fan-out.
    """
    size = source.shape[1]
    out[:] = np.inf
    inner = np.empty(size, np.int64)
    for v in range(m.first[region], m.first[region + 1]):
        factors = m.vectors[v]
        for x in range(size):
            inner[x] = inside(t, x, m.spots[v])
        for n in range(len(then)):
            cost = 0.0
            for tensor in range(len(m.tops)):
                if parents[n, tensor] >= 0:
                    bits = float(m.flags[STEPS]) * t.step_bits[tensor]
                    for r in range(region + 1, m.flags[REGIONS]):
                        bits /= shared[r, tensor]
                    for d in range(len(t.lacks)):
                        if t.lacks[d] == tensor or (tensor == I and t.halo[d]):
                            bits /= factors[d]
                    cost += price(m, parents[n, tensor], tensor, bits, first_bits(t, m, region, shared))
            row = source[n]
            for x in range(size):
                if inner[x] >= 0 and row[inner[x]] + cost < out[n, x]:
                    out[n, x] = row[inner[x]] + cost


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def surcharge(m, prices, region, tensor, level, bits, first):
    """What it costs at least to serve a node behind a fan-out at this level, above the least price of any parent."""
    return price(m, level, tensor, bits, first) - outside(m, prices, region, tensor, bits)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def leave(t, m, region, statuses, digits, inner, bypass, numbers, shared, prices, values):
    """Values of leaving a region, into `values`; `inner`: what lies behind its fan-out, per statuses."""
    values[:] = np.inf
    firsts = first_bits(t, m, region, shared)
    known = np.empty(3, np.int64)
    for tensor in range(len(m.tops)):
        if not m.leaves[region, tensor, digits[tensor]]:
            return
        known[tensor] = parent_of(m, region, tensor, digits[tensor])
    if region + 1 == m.flags[REGIONS]:
        total = 0.0
        for tensor in range(len(m.tops)):
            if known[tensor] >= 0:
                total += price(m, known[tensor], tensor, step_bits_shared(t, m, region, tensor, shared), firsts)
            elif status_of(statuses, tensor) != NONE:
                return
        values[:] = total
        return
    for then in range(STATUSES):
        fits, number = True, 0
        for tensor in range(len(m.tops)):
            here, there = status_of(statuses, tensor), status_of(then, tensor)
            if here == HELD or known[tensor] < 0:
                fits = fits and here == there
            elif there == HELD:
                fits = False
            number = number * (len(m.levels) + 1) + (known[tensor] + 1 if there == NONE else 0)
        if not fits or inner[len(values), then] == np.inf:
            continue
        row = inner[:, then]
        if number:
            row = bypass[:, numbers[then * (len(m.levels) + 1) ** 3 + number]]
        for x in range(len(values)):
            total = row[x]
            if total < values[x]:
                for tensor in range(len(m.tops)):
                    there = status_of(then, tensor)
                    if known[tensor] >= 0 and there < NONE:
                        bits = traffic(t, tensor, x) * (prices[region, tensor, AGAIN] if there == FREE else 1.0)
                        total += surcharge(m, prices, region + 1, tensor, known[tensor], bits, firsts)
                if total < values[x]:
                    values[x] = total


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def room(t, m, level, tensor, digits, place, x):
    """Do the nodes that stand at a level last, and the one to place there, fit its capacity?"""
    capacity = m.levels[level, CAPACITY]
    if capacity < 0:
        return True
    bits = t.words[tensor, x] * t.bits[tensor]
    for other in range(len(m.tops)):
        if other == tensor:
            continue
        if digits[other] == place and m.tops[other] != level:
            bits += t.words[other, x] * t.bits[other]
        elif digits[other] < place and not m.may_skip[level, other] and m.may_keep[level, other]:
            bits += t.bits[other]
    return bits <= capacity


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def reading(m, prices, region, tensor, known, bits, first):
    """What it costs at least to serve bits at the last node, whose level may not be known (-1)."""
    if known < 0:
        return outside(m, prices, region, tensor, bits)
    return price(m, known, tensor, bits, first)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def costs_of(t, m, region, shared, prices):
    """Per tensor, place of its last node and point: what reading it costs for a node there, and filling a node of that
    place; for place 0 the least cost of filling any node further inside.
    """
    k = m.counts[region]
    reads, fills = np.empty((3, k + 1, len(t.outs))), np.empty((3, k + 1, len(t.outs)))
    firsts = first_bits(t, m, region, shared)
    for tensor in range(len(m.tops)):
        for place in range(k + 1):
            known = parent_of(m, region, tensor, place)
            level = m.members[region, place - 1]
            for x in range(len(t.outs)):
                bits = traffic(t, tensor, x)
                reads[tensor, place, x] = reading(m, prices, region, tensor, known, bits, firsts)
                if place:
                    fills[tensor, place, x] = fill_price(m, level, tensor, bits, firsts)
                else:
                    fills[tensor, place, x] = least_fill(t, m, prices, region, tensor, bits, shared)
    return reads, fills


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def place_node(t, m, region, statuses, digits, tensor, place, rows, tables, reads, fills, values, scratch):
    """Lower the values by those of placing a node."""
    k = m.counts[region]
    level = m.members[region, place - 1]
    if not m.may_keep[level, tensor]:
        return
    for j in range(digits[tensor], place - 1):
        if not m.may_skip[m.members[region, j], tensor]:
            return
    held = status_of(statuses, tensor) == HELD
    code = 0
    for other in range(len(m.tops)):
        code = code * (k + 1) + (place if other == tensor else digits[other])
    row = tables[rows[code * STATUSES + with_status(statuses, tensor, FREE)]]
    other_row = tables[rows[code * STATUSES + statuses]] if held else row
    read, fill = reads[tensor, digits[tensor]], fills[tensor, place]
    for x in range(len(values)):
        least = min(row[x], other_row[x])
        if least < np.inf and room(t, m, level, tensor, digits, place, x):
            scratch[x] = least
        else:
            scratch[x] = np.inf
    for d in range(-1, len(t.lacks)):
        moved = scratch
        if d >= 0:
            if tensor != I or held or not t.halo[d] or not may_loop(t, m, region, statuses, digits, d):
                continue
            moved = scratch.copy()
            close(t, moved, d)
        for x in range(len(values)):
            total = moved[x] if held else moved[x] + fill[x] + read[x]
            if total < values[x]:
                values[x] = total


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def hold(t, m, region, statuses, code, digits, tensor, rows, tables, reads, fills, values):
    """Lower the values by those of a node further inside that breaks here."""
    if status_of(statuses, tensor) >= NONE:
        return
    number = rows[code * STATUSES + with_status(statuses, tensor, HELD)]
    if number < 0:
        return
    row = tables[number]
    read, fill = reads[tensor, digits[tensor]], fills[tensor, 0]
    for d in range(-1, len(t.lacks)):
        moved = row
        if d >= 0:
            if tensor != I or not t.halo[d] or not may_loop(t, m, region, statuses, digits, d):
                continue
            moved = row.copy()
            close(t, moved, d)
        for x in range(len(values)):
            total = moved[x] + fill[x] + read[x]
            if total < values[x]:
                values[x] = total


@njit(cache=True)
def fill_region(t, m, region, inner, bypass, numbers, shared, prices, rows, tables):
    """Fill the tables of a region; `inner` holds what lies behind its fan-out."""
    k = m.counts[region]
    scratch = np.empty(tables.shape[1])
    digits = np.zeros(3, np.int64)
    reads, fills = costs_of(t, m, region, shared, prices)
    for code in range((k + 1) ** 3 - 1, -1, -1):
        digits[0], digits[1], digits[2] = code // ((k + 1) * (k + 1)), code // (k + 1) % (k + 1), code % (k + 1)
        for most in range(2, -1, -1):
            for statuses in range(STATUSES):
                held = 0
                for tensor in range(len(m.tops)):
                    held += status_of(statuses, tensor) == HELD
                number = rows[code * STATUSES + statuses]
                if number < 0 or held != most:
                    continue
                values = tables[number]
                leave(t, m, region, statuses, digits, inner, bypass, numbers, shared, prices, values)
                for tensor in range(len(m.tops)):
                    if status_of(statuses, tensor) == NONE:
                        continue
                    for place in range(digits[tensor] + 1, k + 1):
                        place_node(
                            t, m, region, statuses, digits, tensor, place, rows, tables, reads, fills, values, scratch
                        )
                for tensor in range(len(m.tops)):
                    hold(t, m, region, statuses, code, digits, tensor, rows, tables, reads, fills, values)
                for d in range(len(t.lacks)):
                    if may_loop(t, m, region, statuses, digits, d):
                        close(t, values, d)


@njit(cache=True)
def behind(t, rows, tables, vectors_x, vectors_y, out):
    """What lies behind the fan-out that leads into a region, per statuses; the least of each comes last."""
    size = tables.shape[1]
    used = np.flatnonzero(rows[:STATUSES] >= 0)
    source, target = np.empty((len(used), size)), np.empty((len(used), size))
    for n in range(len(used)):
        source[n] = tables[rows[used[n]]]
    spread_least(t, vectors_x, source, target)
    spread_least(t, vectors_y, target, source)
    out[:] = np.inf
    for n in range(len(used)):
        out[:size, used[n]] = source[n]
        out[size, used[n]] = source[n].min()
