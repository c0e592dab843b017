"""Labels of partial nests, from the outermost loop inwards, and the steps that extend them. Compiled.

A label stands for the loops, nodes and fan-outs of the outer part of a nest. All of its costs are exact and paid: what
comes into a node is known the moment it is placed, from the loops outside of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from formulations.shortest_path.potentials import (
    AGAIN,
    HELD,
    NONE,
    STATUSES,
    TIGHT,
    least_fill,
    outside,
    parent_of,
    price,
    traffic,
)
from formulations.shortest_path.potentials import FREE as POT_FREE
from formulations.shortest_path.tables import (
    ACCESS,
    CAPACITY,
    DRAINS,
    FILL,
    GRAIN,
    LEAK,
    LEVELS,
    PLACE,
    PORT,
    READ,
    REGION,
    REGIONS,
    RESUMES,
    ROUNDED,
    ROUNDS,
    STEPS,
    TIMED,
    UNIT,
    UPDATE,
    VOLUME,
    WORK,
    Ints,
    Lattice,
    Machine,
)

Floats = NDArray[np.float64]
W, I, O = 0, 1, 2  # noqa: E741

BASE = 1 << 60
"""Energies are pairs (high, low) that stand for ``high * BASE + low``."""

HI, LO, X, IN, RUN, RHO, SLIDE, TRIPS, STEP, LAST, KIDS, APART, COPIES, INSTANCES, DRAIN, STATE, FROM, MOVE, WHAT, VALUE, DEAD, WINDOWS = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
)  # fmt: skip
"""Columns of a label: energy, point of the lattice, region; RUN: the tensor (plus 1) that the last loops do not move, and
RHO their trips; SLIDE: the dim (or -1) along which the input's next node slides, with its trips and STEP; per tensor the
level of its LAST node, and of the fan-outs since, children (KIDS) and distinct tiles among them (APART); copies of the
output; instances; WINDOWS: dims of windows (bits) that the fan-out passed last splits; DRAIN: bits that drains read at the output's last node; how the label was made."""
LEAKING = 28
"""Energy that all instances of the levels so far leak per cycle."""
USED = 29
"""Then per level: bits in use, and the bits that one instance has read and written."""

BARE, RAN = 1, 2
"""Bits of a state: no node since the fan-out that was passed last; loops of this region are part of the run."""
START, LOOP, SLID, NODE, CROSS = range(5)
"""Moves: WHAT is a dim, a dim, tensor * levels + level, the region left; VALUE trips, trips, none, the vector."""


class Guide(NamedTuple):
    """What bounds labels: tables of all regions in one, their numbers (those of region r from ``begin[r]`` on), what lies
    behind the fan-outs per region inside (with what is asked of tensors' parents if they have no node there: ``bypass``, whose
    columns ``numbers`` has by region, statuses and parents), and prices.
    """

    tables: Floats
    rows: Ints
    begin: Ints
    inner: Floats
    bypass: Floats
    numbers: Ints
    shared: Floats
    prices: Floats


@njit(cache=True, inline="always", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def product(a, b):
    """The pair of a product of two numbers below BASE."""
    mask = (1 << 30) - 1
    a1, a0, b1, b0 = a >> 30, a & mask, b >> 30, b & mask
    middle = a1 * b0 + a0 * b1
    low = a0 * b0 + ((middle & mask) << 30)
    return a1 * b1 + (middle >> 30) + (low >> 60), low & (BASE - 1)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def add(row, a, b):
    """Add a product to a label's energy."""
    high, low = product(a, b)
    low += row[LO]
    row[HI] += high + (low >> 60)
    row[LO] = low & (BASE - 1)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def charge(m, row, level, bits, instances, energy):
    """Add the energy of accesses for so many bits of all instances."""
    access = m.levels[level, ACCESS]
    if m.levels[level, ROUNDS]:
        add(row, -(-(bits // instances) // access) * instances, energy)
    else:
        add(row, bits // access, energy)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def serve(t, m, row, tensor, bits, small):
    """Charge the last node of a tensor for what is asked of it; `small`: bits of a first visit."""
    level, levels = row[LAST + tensor], m.flags[LEVELS]
    instances = row[INSTANCES] // row[KIDS + tensor]
    if tensor != O:
        charge(m, row, level, bits, instances, m.levels[level, READ])
        row[USED + levels + level] += bits // instances
        return
    charge(m, row, level, bits, instances, m.levels[level, UPDATE])
    row[USED + 2 * levels + level] += bits // instances
    if not m.flags[RESUMES]:
        bits -= m.flags[VOLUME] * small * (row[COPIES] * row[APART + O] // row[KIDS + O])
    charge(m, row, level, bits + row[DRAIN], instances, m.levels[level, READ])
    row[USED + levels + level] += (bits + row[DRAIN]) // instances
    row[DRAIN] = 0


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def filled(t, row, tensor):
    """Words that come into a node of a tensor which is placed here, all instances together."""
    x = row[X]
    if tensor == I and row[SLIDE] >= 0:
        held, wide = t.words[I, x], t.widths[t.axis[row[SLIDE]], x]
        moved = held + (row[TRIPS] - 1) * (held // wide * min(wide, row[STEP]))
        rho = row[RHO] if row[RUN] == I + 1 else 1
        return moved * (t.outs[x] // rho // row[TRIPS])
    words = t.words[tensor, x] * t.outs[x]
    return words // row[RHO] if row[RUN] == tensor + 1 else words


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def place(t, m, row, tensor, level):
    """Place a node, whose capacity has been looked at."""
    words = filled(t, row, tensor)
    bits = t.bits[tensor]
    serve(t, m, row, tensor, words // row[KIDS + tensor] * row[APART + tensor] * bits, bits)
    row[LAST + tensor], row[KIDS + tensor], row[APART + tensor] = level, 1, 1
    row[USED + level] += t.words[tensor, row[X]] * bits
    spec, coming = m.levels[level], words * bits
    if tensor == O:
        if m.flags[DRAINS]:
            row[DRAIN] = coming
        if not m.flags[RESUMES]:
            coming -= m.flags[VOLUME] * bits * row[COPIES]
    charge(m, row, level, coming, row[INSTANCES], spec[FILL])
    row[USED + 2 * m.flags[LEVELS] + level] += coming // row[INSTANCES]


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def starts(t, axis, factors, y):
    """Distinct places along an axis of the input at which the tiles of the children start; y: extents of a child."""
    step, number = 0, 1
    for dim in range(len(t.lacks)):
        if t.axis[dim] == axis and factors[dim] > 1:
            other = t.coefficient[dim] * t.extents[y, dim]
            if step == 0:
                step, number = other, factors[dim]
            else:
                a, b = step, other
                while b:
                    a, b = b, a % b
                number = number * factors[dim] - max(0, number - other // a) * max(0, factors[dim] - step // a)
    return number


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def spread(t, m, row, factors, y):
    """Pass a fan-out, to the extents y of a child."""
    children, copies = 1, 1
    row[WINDOWS] = 0
    for d in range(len(t.lacks)):
        factor = factors[d]
        if factor == 1:
            continue
        if t.halo[d]:
            row[WINDOWS] |= 1 << d
        children *= factor
        if t.lacks[d] == O:
            copies *= factor
        else:
            row[APART + O] *= factor
        if t.lacks[d] != W:
            row[APART + W] *= factor
    for axis in range(len(t.widths)):
        row[APART + I] *= starts(t, axis, factors, y)
    for tensor in range(len(m.tops)):
        row[KIDS + tensor] *= children
    row[COPIES] *= copies
    row[INSTANCES] *= children
    row[X] = y
    row[IN] += 1
    row[STATE] = BARE
    leak(m, row)


@njit(cache=True)
def leak(m, row):
    """Add what the levels of a label's region leak."""
    for level in range(m.flags[LEVELS]):
        if m.levels[level, REGION] == row[IN]:
            row[LEAKING] += m.levels[level, LEAK] * row[INSTANCES]


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def busiest(m, row):
    """Latency units that the busiest port has needed so far."""
    levels, most = m.flags[LEVELS], 0
    if not m.flags[TIMED]:
        return 0
    for level in range(levels):
        read, written = row[USED + levels + level], row[USED + 2 * levels + level]
        for port, bits in ((0, read), (1, written), (2, read + written)):
            divisor = m.levels[level, PORT + 2 * port + 1]
            if divisor:
                most = max(most, -(-bits * m.levels[level, PORT + 2 * port] // divisor))
    return most


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def least_cycles(m, row, widest):
    """Cycles that a label needs at least; `widest[r]` is the largest product of factors from region r's fan-out on."""
    units = max(-(-m.flags[WORK] // (row[INSTANCES] * widest[row[IN]])), busiest(m, row))
    return -(-units // m.flags[UNIT])


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def finish(t, m, row):
    """Charge what the multipliers ask, behind the last fan-out."""
    for tensor in range(len(m.tops)):
        bits = m.flags[STEPS] // row[KIDS + tensor] * row[APART + tensor] * t.step_bits[tensor]
        serve(t, m, row, tensor, bits, min(t.bits[tensor], t.step_bits[tensor]))


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def code_of(m, row):
    """The code of a label's last nodes in its region."""
    code, k = 0, m.counts[row[IN]]
    for tensor in range(len(m.tops)):
        code = code * (k + 1) + digit(m, row, tensor)
    return code


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def digit(m, row, tensor):
    """The place of a tensor's last node in the region of a label (0: further out)."""
    level = row[LAST + tensor]
    return m.levels[level, PLACE] if m.levels[level, REGION] == row[IN] else 0


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def paid(row):
    """The energy of a label."""
    return row[HI] * 1152921504606846976.0 + row[LO]


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def broken(t, row, tensor):
    """Bits that come into the next node of a tensor at least, if no loop moves it any more."""
    x, rho = row[X], 1.0
    if row[RUN] == tensor + 1:
        rho = float(row[RHO])
    if tensor == I and row[SLIDE] >= 0:
        d = row[SLIDE]
        here, up = t.place[x, d], t.place[x, d] + 1
        while t.divisors[d, up] != t.divisors[d, here] * row[TRIPS]:
            up += 1
        x += (up - here) * t.stride[d]
    return traffic(t, tensor, x) / rho


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def best_sum(numbers, row, charges, most):
    """The least sum of charges and the value of their statuses, if it is below `most`; ``row[numbers[statuses]]`` is it."""
    least = most
    for a in range(charges.shape[1]):
        if charges[0, a] >= least:
            continue
        for b in range(charges.shape[1]):
            if charges[0, a] + charges[1, b] >= least:
                continue
            for c in range(charges.shape[1]):
                total = charges[0, a] + charges[1, b] + charges[2, c]
                if total >= least:
                    continue
                number = numbers[16 * a + 4 * b + c]
                if number >= 0:
                    least = min(least, total + row[number])
    return least if least < most else np.inf


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def best_leaving(m, row, guide, region, charges, most):
    """The same of statuses behind the fan-out that leads into a region."""
    least, levels = most, len(m.levels) + 1
    inner, bypass = guide.inner[region, row[X]], guide.bypass[row[X]]
    for a in range(charges.shape[1]):
        if charges[0, a] >= least:
            continue
        for b in range(charges.shape[1]):
            if charges[0, a] + charges[1, b] >= least:
                continue
            for c in range(charges.shape[1]):
                total = charges[0, a] + charges[1, b] + charges[2, c]
                if total >= least:
                    continue
                statuses = 16 * a + 4 * b + c
                value, number, alone = inner[statuses], 0, 0.0
                for tensor, status in ((0, a), (1, b), (2, c)):
                    number *= levels
                    if status == NONE:
                        number += row[LAST + tensor] + 1
                        alone += charges[tensor, NONE] if row[KIDS + tensor] == 1 else np.inf
                if number and alone < np.inf:
                    column = guide.numbers[(region * STATUSES + statuses) * levels**3 + number]
                    value = max(value, bypass[column] - alone)
                least = min(least, total + value)
    return least if least < most else np.inf


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def charge_of(t, m, row, guide, region, tensor, charges):
    """What a tensor's next node costs, per status, if it lies behind the fan-out that leads into a region."""
    x, level = row[X], row[LAST + tensor]
    share = row[APART + tensor] / row[KIDS + tensor]
    first = float(row[COPIES]) * share * m.flags[VOLUME] * max(t.bits[O], t.step_bits[O])
    charges[tensor] = np.inf
    bits = traffic(t, tensor, x)
    charges[tensor, TIGHT] = price(m, level, tensor, bits * share, first) - outside(m, guide.prices, region, tensor, bits)
    bits *= guide.prices[region, tensor, AGAIN]
    if bits < np.inf:
        charges[tensor, POT_FREE] = price(m, level, tensor, bits * share, first) - outside(
            m, guide.prices, region, tensor, bits
        )
    if m.without[region, tensor]:
        bits = float(m.flags[STEPS]) * t.step_bits[tensor] * share
        for r in range(row[IN], m.flags[REGIONS]):
            bits /= guide.shared[r, tensor]
        charges[tensor, NONE] = price(m, level, tensor, bits, first)
    held_charge(t, m, row, guide, region, tensor, charges)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def held_charge(t, m, row, guide, region, tensor, charges):
    """The same for a node that no loop has moved since its break."""
    if not ((row[RUN] == tensor + 1 and row[RHO] > 1) or (tensor == I and row[SLIDE] >= 0)):
        return
    share = row[APART + tensor] / row[KIDS + tensor]
    first = float(row[COPIES]) * share * m.flags[VOLUME] * max(t.bits[O], t.step_bits[O])
    bits = broken(t, row, tensor)
    total = least_fill(t, m, guide.prices, region, tensor, bits, guide.shared)
    if total < np.inf:
        charges[tensor, HELD] = total + price(m, row[LAST + tensor], tensor, bits * share, first)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def constant_charges(t, m, row, guide, charges):
    """What parents charge for a tensor's next node behind the fan-out of a label's region, per status, whatever the vector.

    Distinct tiles of all children hold at least what the tile in front of the fan-out touches; of weights and outputs as
    much: ``traffic(child) / children * apart`` is at least ``traffic``. (:func:`sifted` takes the rest of a charge.)
    """
    x, region = row[X], row[IN]
    charges[:] = np.inf
    for tensor in range(len(m.tops)):
        if not m.leaves[region, tensor, digit(m, row, tensor)]:
            continue
        level, share = row[LAST + tensor], row[APART + tensor] / row[KIDS + tensor]
        first = float(row[COPIES]) * share * m.flags[VOLUME] * max(t.bits[O], t.step_bits[O])
        bits = traffic(t, tensor, x) * share
        charges[tensor, TIGHT] = price(m, level, tensor, bits, first)
        again = guide.prices[region + 1, tensor, AGAIN]
        if again < np.inf:
            charges[tensor, POT_FREE] = price(m, level, tensor, bits * again, first)
        if m.without[region + 1, tensor]:
            bits = float(m.flags[STEPS]) * t.step_bits[tensor] * share
            for r in range(region, m.flags[REGIONS]):
                bits /= guide.shared[r, tensor]
            charges[tensor, NONE] = price(m, level, tensor, bits, first)
        if (row[RUN] == tensor + 1 and row[RHO] > 1) or (tensor == I and row[SLIDE] >= 0):
            charges[tensor, HELD] = price(m, level, tensor, broken(t, row, tensor) * share, first)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def sifted(t, m, guide, region, y, constant, rows, charges, most):
    """Is a label of no use behind the fan-out that leads into a region, at extents y, by a bound that is quick to tell?"""
    for tensor in range(len(m.tops)):
        bits = traffic(t, tensor, y)
        charges[tensor, TIGHT] = constant[tensor, TIGHT] - outside(m, guide.prices, region, tensor, bits)
        charges[tensor, POT_FREE] = np.inf
        if constant[tensor, POT_FREE] < np.inf:
            again = guide.prices[region, tensor, AGAIN]
            charges[tensor, POT_FREE] = constant[tensor, POT_FREE] - outside(m, guide.prices, region, tensor, bits * again)
        charges[tensor, NONE], charges[tensor, HELD] = constant[tensor, NONE], constant[tensor, HELD]
    return best_sum(rows, guide.tables[y], charges, most) == np.inf


@njit(cache=True)
def ahead(t, m, row, guide, charges, most):
    """A lower bound on what a label has still to pay."""
    region = row[IN]
    charges[:] = np.inf
    for tensor in range(len(m.tops)):
        if parent_of(m, region, tensor, digit(m, row, tensor)) >= 0:
            charges[tensor, POT_FREE] = 0.0
            held_charge(t, m, row, guide, region, tensor, charges)
        else:
            charge_of(t, m, row, guide, region, tensor, charges)
    first = guide.begin[region] + code_of(m, row) * STATUSES
    return best_sum(guide.rows[first : first + STATUSES], guide.tables[row[X]], charges, most)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def leaving(t, m, row, guide, charges, most):
    """The same if the label leaves its region now."""
    region = row[IN]
    for tensor in range(len(m.tops)):
        if not m.leaves[region, tensor, digit(m, row, tensor)]:
            return np.inf
    if region + 1 == m.flags[REGIONS]:
        total = 0.0
        for tensor in range(len(m.tops)):
            share = row[APART + tensor] / row[KIDS + tensor]
            first = float(row[COPIES]) * share * m.flags[VOLUME] * max(t.bits[O], t.step_bits[O])
            bits = float(m.flags[STEPS]) * t.step_bits[tensor] * share / guide.shared[region, tensor]
            total += price(m, row[LAST + tensor], tensor, bits, first)
        return total
    for tensor in range(len(m.tops)):
        charge_of(t, m, row, guide, region + 1, tensor, charges)
    return best_leaving(m, row, guide, region + 1, charges, most)


@njit(cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def covers(t, m, a, b, timed):
    """Is label a as good as label b, whatever comes (same point, region and last nodes)? `timed`: cycles count, too."""
    if a[HI] > b[HI] or (a[HI] == b[HI] and a[LO] > b[LO]):
        return False
    if a[COPIES] < b[COPIES] or a[DRAIN] > b[DRAIN] or a[STATE] & ~b[STATE]:
        return False
    if b[RHO] > 1 and (a[RUN] != b[RUN] or a[RHO] < b[RHO]):
        return False
    if a[STATE] & BARE and a[WINDOWS] != b[WINDOWS]:
        return False
    if a[STATE] & RAN and a[RUN] != b[RUN]:
        return False
    if b[SLIDE] >= 0 and (a[SLIDE] != b[SLIDE] or a[TRIPS] != b[TRIPS] or a[STEP] != b[STEP]):
        return False
    for tensor in range(len(m.tops)):
        if (timed or m.flags[ROUNDED]) and (a[INSTANCES] != b[INSTANCES] or a[KIDS + tensor] != b[KIDS + tensor]):
            return False
        if a[APART + tensor] * b[KIDS + tensor] > b[APART + tensor] * a[KIDS + tensor]:
            return False
    levels = m.flags[LEVELS]
    for level in range(levels):
        if m.levels[level, REGION] == a[IN] and a[USED + level] > b[USED + level]:
            return False
    if timed:
        if a[LEAKING] > b[LEAKING]:
            return False
        for n in range(USED + levels, USED + 3 * levels):
            if a[n] > b[n]:
                return False
    return True
