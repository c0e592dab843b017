"""Best-first search over labels. Compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from formulations.shortest_path.labels import (
    APART,
    BASE,
    CROSS,
    BARE,
    DEAD,
    DRAIN,
    FROM,
    HI,
    IN,
    KIDS,
    LAST,
    INSTANCES,
    LEAKING,
    LO,
    LOOP,
    MOVE,
    NODE,
    RAN,
    RHO,
    RUN,
    SLID,
    SLIDE,
    STATE,
    STEP,
    TRIPS,
    USED,
    VALUE,
    WINDOWS,
    WHAT,
    X,
    add,
    ahead,
    busiest,
    constant_charges,
    covers,
    digit,
    finish,
    least_cycles,
    leaving,
    paid,
    place,
    product,
    sifted,
    spread,
)
from formulations.shortest_path.potentials import STATUSES, inside
from formulations.shortest_path.tables import CAPACITY, GRAIN, LEAKS, LEVELS, REGIONS, UNIT, WORK, Ints

Floats = NDArray[np.float64]
I, O = 1, 2  # noqa: E741

COUNT, HEAPED, BEST, BEST_VECTOR, BEST_HI, BEST_LO, BEST_CYCLES, POPPED, FULL, RELAXED = range(10)
"""What a search has reached: labels, entries of the heap; the best nest's label, last vector, energy and cycles; counts."""
STATE_SIZE = 10

ENERGY, LATENCY, EDP, WEIGHTED = range(4)


class Goal(NamedTuple):
    """What is minimized: one of the kinds (energy + weight x cycles), under a cap on cycles (negative: none).

    ``widest[r]`` is the largest product of spatial factors from region r's fan-out on; ``best`` has one value, which
    nests have to undercut; `timed`: cycles count.
    """

    kind: int
    weight: float
    cap: int
    timed: bool
    widest: Ints
    best: Floats


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def push(keys, entries, state, key, entry):
    """Put an entry into the heap."""
    n = state[HEAPED]
    state[HEAPED] += 1
    while n > 0:
        above = (n - 1) >> 1
        if keys[above] <= key:
            break
        keys[n], entries[n] = keys[above], entries[above]
        n = above
    keys[n], entries[n] = key, entry


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def pop(keys, entries, state):
    """Take the entry of the least key out of the heap."""
    first = entries[0]
    state[HEAPED] -= 1
    count = state[HEAPED]
    key, entry = keys[count], entries[count]
    n = 0
    while True:
        below = 2 * n + 1
        if below >= count:
            break
        if below + 1 < count and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= key:
            break
        keys[n], entries[n] = keys[below], entries[below]
        n = below
    keys[n], entries[n] = key, entry
    return first


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def value_of(goal, energy, cycles):
    """The objective of an energy (without leakage) and cycles."""
    if goal.cap >= 0 and cycles > goal.cap:
        return np.inf
    if goal.kind == LATENCY:
        return cycles + energy / (1.0 + energy)
    if goal.kind == EDP:
        return energy * cycles
    if goal.kind == WEIGHTED:
        return energy + goal.weight * cycles
    return energy


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def worse(m, goal, bound):
    """Can nothing from a bound on be better than the best?"""
    step = 1.0 if goal.kind != ENERGY else float(m.flags[GRAIN])
    return bound == np.inf or bound - abs(bound) * 1e-13 > goal.best[0] - 0.5 * step


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def room_left(m, goal, row, base, cycles):
    """The energy still to come from which on a label cannot be better than the best."""
    leaked = float(row[LEAKING]) * cycles
    if goal.kind == LATENCY:
        return np.inf
    most = goal.best[0]
    if goal.kind == EDP:
        most /= max(cycles, 1)
    elif goal.kind == WEIGHTED:
        most -= goal.weight * cycles
    return (most - leaked) * (1 + 1e-12) - base


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def base_of(m, row):
    """What a label has paid, with the drains of its last output node."""
    base = paid(row)
    if row[DRAIN]:
        base += row[DRAIN] * m.rates[row[LAST + O], 0]
    return base


@njit(cache=True)
def enter(t, m, guide, goal, labels, after, heads, keys, entries, state, row, came, move, what, value, charges):
    """A new label, unless it cannot be better than the best or one at its place is as good."""
    state[RELAXED] += 1
    base = base_of(m, row)
    cycles = least_cycles(m, row, goal.widest) if goal.timed else 0
    if worse(m, goal, value_of(goal, base + float(row[LEAKING]) * cycles, cycles)):
        return
    rest = ahead(t, m, row, guide, charges, room_left(m, goal, row, base, cycles))
    bound = value_of(goal, base + rest + float(row[LEAKING]) * cycles, cycles)
    if rest == np.inf or worse(m, goal, bound):
        return
    row[FROM], row[MOVE], row[WHAT], row[VALUE], row[DEAD] = came, move, what, value, 0
    levels = m.flags[LEVELS]
    place = ((row[IN] * levels + row[LAST]) * levels + row[LAST + 1]) * levels + row[LAST + 2]
    place = place * len(t.outs) + row[X]
    current, before = heads[place], -1
    while current >= 0:
        if covers(t, m, labels[current], row, goal.timed):
            return
        follower = after[current]
        if covers(t, m, row, labels[current], goal.timed):
            labels[current, DEAD] = 1
            if before < 0:
                heads[place] = follower
            else:
                after[before] = follower
        else:
            before = current
        current = follower
    n = state[COUNT]
    state[COUNT] += 1
    labels[n] = row
    after[n] = heads[place]
    heads[place] = n
    push(keys, entries, state, bound, 2 * n)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def more_nodes(m, row, tensor):
    """May a tensor have another node in a label's region; may it have one further inside? As two bits."""
    found = 0
    for j in range(digit(m, row, tensor), m.members.shape[1]):
        level = m.members[row[IN], j]
        if level < 0:
            break
        if m.may_keep[level, tensor]:
            found = 1
            break
    for r in range(row[IN] + 1, m.flags[REGIONS]):
        for level in m.members[r]:
            if level >= 0 and m.may_keep[level, tensor]:
                return found | 2
    return found


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def looped(t, m, row, dim, there, trips):
    """A loop over a dim, to the place `there` of its divisors, that moves the input as a whole."""
    lack = t.lacks[dim]
    row[X] -= (t.place[row[X], dim] - there) * t.stride[dim]
    more = more_nodes(m, row, lack) if lack >= 0 else 0
    if more & 2:
        row[RHO] = row[RHO] * trips if row[RUN] == lack + 1 else trips
        row[RUN] = lack + 1
        row[STATE] |= RAN
    elif more:
        row[RUN], row[RHO] = lack + 1, 1
        row[STATE] |= RAN
    else:
        row[RUN], row[RHO] = 0, 1
        row[STATE] &= ~RAN
    if lack != I:
        row[SLIDE], row[TRIPS], row[STEP] = -1, 1, 0


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def expand(t, m, guide, goal, labels, after, heads, keys, entries, state, current, row, charges):
    """Loops and nodes behind a label."""
    dims = len(t.lacks)
    x, region = labels[current, X], labels[current, IN]
    slides = more_nodes(m, labels[current], I) > 0
    for dim in range(dims):
        bare = labels[current, STATE] & BARE
        if bare and not labels[current, WINDOWS] >> dim & 1:
            continue
        here = t.place[x, dim]
        extent = t.divisors[dim, here]
        if t.halo[dim] and slides:
            for there in range(here):
                if extent % t.divisors[dim, there]:
                    continue
                row[:] = labels[current]
                looped(t, m, row, dim, there, extent // t.divisors[dim, there])
                trips = extent // t.divisors[dim, there]
                row[SLIDE], row[TRIPS] = dim, trips
                row[STEP] = t.coefficient[dim] * t.divisors[dim, there]
                enter(t, m, guide, goal, labels, after, heads, keys, entries, state, row, current, SLID, dim, trips, charges)
            continue
        for k in range(t.down.shape[2]):
            there = t.down[dim, here, k]
            if there >= 0:
                row[:] = labels[current]
                trips = extent // t.divisors[dim, there]
                looped(t, m, row, dim, there, trips)
                enter(t, m, guide, goal, labels, after, heads, keys, entries, state, row, current, LOOP, dim, trips, charges)
    for tensor in range(len(m.tops)):
        if labels[current, STATE] & RAN and labels[current, RUN] == tensor + 1:
            continue
        for j in range(digit(m, labels[current], tensor), m.members.shape[1]):
            level = m.members[region, j]
            if level < 0:
                break
            used = labels[current, USED + level] + t.words[tensor, x] * t.bits[tensor]
            if m.may_keep[level, tensor] and (m.levels[level, CAPACITY] < 0 or used <= m.levels[level, CAPACITY]):
                row[:] = labels[current]
                place(t, m, row, tensor, level)
                row[STATE] &= ~BARE
                enter(t, m, guide, goal, labels, after, heads, keys, entries, state, row, current, NODE, tensor, level, charges)
            if not m.may_skip[level, tensor]:
                break


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def limbs(goal, high, low, cycles):
    """The exact objective in three parts, most significant first."""
    if goal.kind == LATENCY:
        return cycles, high, low
    if goal.kind == EDP:
        a, b = product(low, cycles)
        c, d = product(high, cycles)
        d += a
        return c + (d >> 60), d & (BASE - 1), b
    if goal.kind == WEIGHTED:
        a, b = product(int(goal.weight), cycles)
        b += low
        return 0, high + a + (b >> 60), b & (BASE - 1)
    return 0, high, low


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def better(goal, state, row, cycles):
    """Is a complete nest better than the best?"""
    if state[BEST] < 0:
        return value_of(goal, paid(row), cycles) < goal.best[0]
    a = limbs(goal, row[HI], row[LO], cycles)
    b = limbs(goal, state[BEST_HI], state[BEST_LO], state[BEST_CYCLES])
    return a < b


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def cross(t, m, guide, goal, labels, after, heads, keys, entries, state, current, row, charges):
    """The fan-out of a label's region, with every vector."""
    region, x = labels[current, IN], labels[current, X]
    constant = np.empty((3, 4))
    constant_charges(t, m, labels[current], guide, constant)
    base = base_of(m, labels[current])
    port = busiest(m, labels[current]) if goal.timed else 0
    most = room_left(m, goal, labels[current], base, 0)
    rows = guide.rows[guide.begin[region + 1] : guide.begin[region + 1] + STATUSES]
    for n in range(m.first[region], m.first[region + 1]):
        y = inside(t, x, m.spots[n])
        if y < 0:
            continue
        if goal.timed:
            work = -(-m.flags[WORK] // (labels[current, INSTANCES] * m.kids[n] * goal.widest[region + 1]))
            cycles = -(-max(work, port) // m.flags[UNIT])
            if goal.cap >= 0 and cycles > goal.cap:
                continue
            most = room_left(m, goal, labels[current], base, cycles)
        if goal.kind != LATENCY and sifted(t, m, guide, region + 1, y, constant, rows, charges, most):
            continue
        row[:] = labels[current]
        spread(t, m, row, m.vectors[n], y)
        enter(t, m, guide, goal, labels, after, heads, keys, entries, state, row, current, CROSS, region, n, charges)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def complete(t, m, goal, labels, state, current, row):
    """The last fan-out, with every vector: nests."""
    region, x = labels[current, IN], labels[current, X]
    for n in range(m.first[region], m.first[region + 1]):
        if inside(t, x, m.spots[n]) < 0:
            continue
        row[:] = labels[current]
        spread(t, m, row, m.vectors[n], 0)
        finish(t, m, row)
        cycles = least_cycles(m, row, goal.widest)
        if m.flags[LEAKS]:
            add(row, row[LEAKING], cycles)
        if (goal.cap < 0 or cycles <= goal.cap) and better(goal, state, row, cycles):
            state[BEST_HI], state[BEST_LO], state[BEST], state[BEST_VECTOR] = row[HI], row[LO], current, n
            state[BEST_CYCLES] = cycles
            goal.best[0] = value_of(goal, paid(row), cycles)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def advance(t, m, guide, goal, labels, after, heads, keys, entries, state, entry, row, charges):
    """Extend a label: an even entry by loops and nodes, an odd one by the fan-out of its region."""
    current = entry >> 1
    if labels[current, DEAD]:
        return
    state[POPPED] += 1
    if entry & 1:
        if labels[current, IN] + 1 == m.flags[REGIONS]:
            complete(t, m, goal, labels, state, current, row)
            return
        cross(t, m, guide, goal, labels, after, heads, keys, entries, state, current, row, charges)
        return
    expand(t, m, guide, goal, labels, after, heads, keys, entries, state, current, row, charges)
    label = labels[current]
    base = base_of(m, label)
    cycles = least_cycles(m, label, goal.widest) if goal.timed else 0
    rest = leaving(t, m, label, guide, charges, room_left(m, goal, label, base, cycles))
    bound = value_of(goal, base + rest + float(label[LEAKING]) * cycles, cycles)
    if rest < np.inf and not worse(m, goal, bound):
        push(keys, entries, state, bound, entry + 1)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def is_full(t, m, labels, keys, state):
    """May the next step not fit the arrays?"""
    most = 4 * t.divisors.size + 64 + len(m.vectors)
    return state[COUNT] + most > len(labels) or state[HEAPED] + 2 * most > len(keys)


@njit(cache=True)
def search(t, m, guide, goal, labels, after, heads, keys, entries, state, steps):
    """Extend labels, best bound first, until the best value is proved, so many are done or the arrays are full.

    Returns the least bound of what is left (infinite if nothing is).
    """
    row = np.empty(labels.shape[1], np.int64)
    charges = np.empty((3, 4))
    for _ in range(steps):
        if state[HEAPED] == 0 or worse(m, goal, keys[0]):
            return np.inf
        if is_full(t, m, labels, keys, state):
            state[FULL] = 1
            return keys[0]
        entry = pop(keys, entries, state)
        advance(t, m, guide, goal, labels, after, heads, keys, entries, state, entry, row, charges)
    return keys[0] if state[HEAPED] else np.inf


@njit(cache=True)
def beam(t, m, guide, goal, labels, after, heads, keys, entries, state, width):
    """A first nest: of the labels of as many steps, only the best few are extended."""
    row = np.empty(labels.shape[1], np.int64)
    charges = np.empty((3, 4))
    front = np.empty(width, np.int64)
    while state[HEAPED]:
        count = 0
        while state[HEAPED] and count < width:
            front[count] = pop(keys, entries, state)
            count += 1
        state[HEAPED] = 0
        for n in range(count):
            if is_full(t, m, labels, keys, state):
                return
            advance(t, m, guide, goal, labels, after, heads, keys, entries, state, front[n], row, charges)
