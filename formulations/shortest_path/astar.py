"""Best-first search over labels. Compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

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
    ahead,
    covers,
    digit,
    finish,
    leaving,
    paid,
    place,
    spread,
    weighed,
)
from formulations.shortest_path.potentials import inside
from formulations.shortest_path.tables import ACCESS, CAPACITY, GRAIN, LEVELS, READ, REGIONS

I, O = 1, 2  # noqa: E741

COUNT, HEAPED, BEST_HI, BEST_LO, BEST, BEST_VECTOR, POPPED, FULL, RELAXED = range(9)
"""What a search has reached: labels, entries of the heap, the best energy, its label and last vector; counts."""


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def worse(m, state, bound):
    """Can nothing below a bound be better than the best energy?"""
    best = state[BEST_HI] * 1152921504606846976.0 + state[BEST_LO]
    return bound == np.inf or bound - abs(bound) * 1e-13 > best - 0.5 * m.flags[GRAIN]


@njit(cache=True)
def limit(m, state):
    """A bound from which on nothing can be better than the best energy."""
    best = state[BEST_HI] * 1152921504606846976.0 + state[BEST_LO]
    return (best - 0.5 * m.flags[GRAIN]) * (1 + 1e-12)


@njit(cache=True)
def base_of(t, m, guide, row):
    """What a label has paid, with the drains of its last output node and the prices of bits in use."""
    base = paid(row) + weighed(m, row, guide)
    if row[DRAIN]:
        spec = m.levels[row[LAST + O]]
        base += row[DRAIN] / spec[ACCESS] * spec[READ]
    return base


@njit(cache=True)
def enter(t, m, guide, labels, after, heads, keys, entries, state, row, came, move, what, value, charges, greed):
    """A new label, unless it cannot be better than the best or one at its place is as good."""
    state[RELAXED] += 1
    base = base_of(t, m, guide, row)
    if worse(m, state, base):
        return
    rest = ahead(t, m, row, guide, charges, limit(m, state) - base)
    if worse(m, state, base + rest):
        return
    row[FROM], row[MOVE], row[WHAT], row[VALUE], row[DEAD] = came, move, what, value, 0
    levels = m.flags[LEVELS]
    key = ((row[IN] * levels + row[LAST]) * levels + row[LAST + 1]) * levels + row[LAST + 2]
    key = key * len(t.outs) + row[X]
    current, before = heads[key], -1
    while current >= 0:
        if covers(t, m, labels[current], row):
            return
        follower = after[current]
        if covers(t, m, row, labels[current]):
            labels[current, DEAD] = 1
            if before < 0:
                heads[key] = follower
            else:
                after[before] = follower
        else:
            before = current
        current = follower
    n = state[COUNT]
    state[COUNT] += 1
    labels[n] = row
    after[n] = heads[key]
    heads[key] = n
    push(keys, entries, state, base + greed * rest, 2 * n)


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def expand(t, m, guide, labels, after, heads, keys, entries, state, current, row, charges, greed):
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
                enter(t, m, guide, labels, after, heads, keys, entries, state, row, current, SLID, dim, trips, charges, greed)
            continue
        for k in range(t.down.shape[2]):
            there = t.down[dim, here, k]
            if there >= 0:
                row[:] = labels[current]
                trips = extent // t.divisors[dim, there]
                looped(t, m, row, dim, there, trips)
                enter(t, m, guide, labels, after, heads, keys, entries, state, row, current, LOOP, dim, trips, charges, greed)
    for tensor in range(3):
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
                enter(t, m, guide, labels, after, heads, keys, entries, state, row, current, NODE, tensor, level, charges, greed)
            if not m.may_skip[level, tensor]:
                break


@njit(cache=True)
def cross(t, m, guide, labels, after, heads, keys, entries, state, current, row, charges, greed):
    """The fan-out of a label's region, with every vector; behind the last one the nest is complete."""
    region, x = labels[current, IN], labels[current, X]
    last = region + 1 == m.flags[REGIONS]
    for n in range(m.first[region], m.first[region + 1]):
        y = inside(t, x, m.vectors[n])
        if y < 0:
            continue
        row[:] = labels[current]
        spread(t, m, row, m.vectors[n], 0 if last else y)
        if not last:
            enter(t, m, guide, labels, after, heads, keys, entries, state, row, current, CROSS, region, n, charges, greed)
            continue
        finish(t, m, row)
        if row[HI] < state[BEST_HI] or (row[HI] == state[BEST_HI] and row[LO] < state[BEST_LO]):
            state[BEST_HI], state[BEST_LO], state[BEST], state[BEST_VECTOR] = row[HI], row[LO], current, n


@njit(cache=True)
def search(t, m, guide, labels, after, heads, keys, entries, state, steps, greed):
    """Extend labels, best bound first, until the best energy is proved, so many are done or the arrays are full.

    Returns the least bound of what is left (infinite if nothing is). With `greed` above 1 the first nest ends it.
    """
    row = np.empty(labels.shape[1], np.int64)
    charges = np.empty((3, 4))
    most = 4 * t.divisors.size + 64 + len(m.vectors)
    for _ in range(steps):
        if state[HEAPED] == 0 or (greed == 1.0 and worse(m, state, keys[0])) or (greed > 1.0 and state[BEST] >= 0):
            return np.inf
        if state[COUNT] + most > len(labels) or state[HEAPED] + 2 * most > len(keys):
            state[FULL] = 1
            return keys[0]
        entry = pop(keys, entries, state)
        current = entry >> 1
        if labels[current, DEAD]:
            continue
        state[POPPED] += 1
        if entry & 1:
            cross(t, m, guide, labels, after, heads, keys, entries, state, current, row, charges, greed)
            continue
        expand(t, m, guide, labels, after, heads, keys, entries, state, current, row, charges, greed)
        base = base_of(t, m, guide, labels[current])
        rest = leaving(t, m, labels[current], guide, charges, limit(m, state) - base)
        if not worse(m, state, base + rest):
            push(keys, entries, state, base + greed * rest, entry + 1)
    return keys[0] if state[HEAPED] else np.inf
