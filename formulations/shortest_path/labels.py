"""Labels of partial nests, from the outermost loop inwards, and the steps that extend them.

A label stands for the loops, nodes and fan-outs of the outer part of a nest. All of its costs are exact and paid: what
comes into a node is known the moment it is placed, from the loops outside of it. Labels are columns of an integer
array; every step works on many of them at once, in place.
"""

from __future__ import annotations

import numpy as np

from formulations.problem import I, O, W
from formulations.shortest_path.tables import TENSORS, Floats, Ints, Lattice, Machine, by_value

BASE = 1 << 60
"""Energies are pairs (high, low) that stand for ``high * BASE + low``."""

HI, LO, X, IN, RUN, RHO, SLIDE, TRIPS, STEP = range(9)
"""Energy, point of the lattice, region; the tensor (plus 1) that the last loops do not move, and their trips; the dim
(or -1) along which the input's next node slides, with its trips and its step."""
DIGIT, LAST, KIDS, APART = 9, 12, 15, 18
"""Per tensor: the place of its last node in the region (0: none), the level of its last node, and of the fan-outs
since, children and distinct tiles among them."""
COPIES, INSTANCES, DRAIN, BARE, RAN, WINDOWS, LEAKING, FROM, MOVE, WHAT, VALUE, DEAD = range(21, 33)
"""Copies of the output; instances; bits that drains read at the output's last node; no node since the last fan-out;
loops of this region are part of the run; dims of windows (bits) that the fan-out passed last splits; energy that all
instances of the levels so far leak per cycle; how the label was made; is it of no use any more?"""
USED = 33
"""Then per level: bits in use, and the bits that one instance has read and written."""

RULES = 3
"""Then, for a problem with rules, theirs (:mod:`formulations.shortest_path.rules`)."""

LOOP, NODE, CROSS = range(3)
"""Moves: WHAT is a dim, a tensor, the region left; VALUE trips, level, the vector."""


def first_of_rules(m: Machine) -> int:
    """The first column of rules, if there are any."""
    return USED + 3 * len(m.levels)


def width(m: Machine) -> int:
    """Columns of a label."""
    return first_of_rules(m) + (RULES if m.ruled else 0)


def start_of(t: Lattice, m: Machine, energy: int) -> Ints:
    """The label of the empty nest, with this energy."""
    row = np.zeros((width(m), 1), np.int64)
    row[HI], row[LO] = divmod(energy, BASE)
    row[X], row[RHO], row[SLIDE], row[TRIPS] = t.size - 1, 1, -1, 1
    row[LAST : LAST + 3, 0], row[KIDS : KIDS + 3], row[APART : APART + 3] = m.tops, 1, 1
    row[COPIES], row[INSTANCES], row[FROM] = 1, 1, -1
    _leak(m, row, 0)
    return row


def paid(rows: Ints) -> Floats:
    """Energies, without what the output's last drains will cost."""
    energies: Floats = rows[HI] * float(BASE) + rows[LO]
    return energies


def product(a: Ints, b: Ints | int) -> tuple[Ints, Ints]:
    """The pairs of products of numbers below BASE."""
    mask = (1 << 30) - 1
    a1, a0, b1, b0 = a >> 30, a & mask, b >> 30, b & mask
    middle = a1 * b0 + a0 * b1
    low = a0 * b0 + ((middle & mask) << 30)
    high: Ints = a1 * b1 + (middle >> 30) + (low >> 60)
    return high, low & (BASE - 1)


def add(rows: Ints, a: Ints, b: Ints | int) -> None:
    """Add products to energies."""
    high, low = product(a, b)
    low = low + rows[LO]
    rows[HI] += high + (low >> 60)
    rows[LO] = low & (BASE - 1)


def place(t: Lattice, m: Machine, rows: Ints, tensor: int, level: int) -> None:
    """Place nodes, whose capacity has been looked at."""
    words, bits = _filled(t, rows, tensor), int(t.bits[tensor])
    _serve(m, rows, tensor, words // rows[KIDS + tensor] * rows[APART + tensor] * bits, bits)
    rows[LAST + tensor], rows[KIDS + tensor], rows[APART + tensor] = level, 1, 1
    rows[DIGIT + tensor], rows[BARE] = m.place[level], 0
    rows[USED + level] += t.words[tensor, rows[X]] * bits
    coming = words * bits
    if tensor == O:
        if m.drains:
            rows[DRAIN] = coming
        if not m.resumes:
            coming = coming - m.volume * bits * rows[COPIES]
    _charge(m, rows, level, coming, rows[INSTANCES], m.levels[level].fill_energy)
    rows[USED + 2 * len(m.levels) + level] += coming // rows[INSTANCES]


def _filled(t: Lattice, rows: Ints, tensor: int) -> Ints:
    """Words that come into nodes of a tensor which are placed here, all instances together."""
    x = rows[X]
    outs = t.outs[x] // np.where(rows[RUN] == tensor + 1, rows[RHO], 1)
    whole: Ints = t.words[tensor, x] * outs
    if tensor != I:
        return whole
    held, slides = t.words[I, x], rows[SLIDE] >= 0
    wide = t.widths[t.axis[rows[SLIDE]], x]
    moved = held + (rows[TRIPS] - 1) * (held // wide * np.minimum(wide, rows[STEP]))
    found: Ints = np.where(slides, moved * (outs // rows[TRIPS]), whole)
    return found


def _serve(m: Machine, rows: Ints, tensor: int, bits: Ints, small: int) -> None:
    """Charge the last nodes of a tensor for what is asked of them; `small`: bits of a first visit."""
    levels = len(m.levels)
    for level, chosen in by_value(rows[LAST + tensor].copy()):
        some = rows if len(chosen) == rows.shape[1] else rows[:, chosen]
        of = bits if some is rows else bits[chosen]
        spec, instances = m.levels[level], some[INSTANCES] // some[KIDS + tensor]
        if tensor != O:
            _charge(m, some, level, of, instances, spec.read_energy)
            some[USED + levels + level] += of // instances
        else:
            _charge(m, some, level, of, instances, spec.update_energy)
            some[USED + 2 * levels + level] += of // instances
            if not m.resumes:
                of = of - m.volume * small * (some[COPIES] * some[APART + O] // some[KIDS + O])
            of = of + some[DRAIN]
            _charge(m, some, level, of, instances, spec.read_energy)
            some[USED + levels + level] += of // instances
            some[DRAIN] = 0
        if some is not rows:
            rows[:, chosen] = some


def _charge(m: Machine, rows: Ints, level: int, bits: Ints, instances: Ints, energy: int) -> None:
    """Add the energy of accesses for so many bits of all instances."""
    access = m.levels[level].access_bits
    if m.rounds[level]:
        add(rows, -(-(bits // instances) // access) * instances, energy)
    else:
        add(rows, bits // access, energy)


def loop(t: Lattice, rows: Ints, dim: int, spots: Ints, more: Ints, slides: Ints) -> None:
    """Put loops over a dim, whose trips are the divisors at `spots`.

    `more` says of the tensor that lacks the dim: may it have another node in the region (1), one further inside (2)?
    `slides`: the input's next node may slide along this loop.
    """
    trips, lack = t.divisors[dim, spots], int(t.lacks[dim])
    rows[X] -= t.shift[dim, t.place[dim, rows[X]], spots]
    run = np.where(more > 0, lack + 1, 0)
    rows[RHO] = np.where(more == 2, np.where(rows[RUN] == run, rows[RHO], 1) * trips, 1)
    rows[RUN], rows[RAN] = run, more > 0
    if lack != I:
        rows[SLIDE] = np.where(slides, dim, -1)
        rows[TRIPS] = np.where(slides, trips, 1)
        rows[STEP] = np.where(slides, t.coefficient[dim] * t.extents[dim, rows[X]], 0)


def forget(m: Machine, rows: Ints, more: Ints, tensor: int) -> None:
    """Forget of labels of one region what matters to no later step.

    Loops that the tensor's last node stays in, and a slide of the input, matter to another node of that tensor alone;
    bits in use at a level to another node there. `more[T, k]`: may T have another node behind the k-th place?
    """
    last = more[tensor, rows[DIGIT + tensor]] == 0
    run = last & (rows[RUN] == tensor + 1)
    rows[RUN][run], rows[RHO][run], rows[RAN][run] = 0, 1, 0
    if tensor == I:
        rows[SLIDE][last], rows[TRIPS][last], rows[STEP][last] = -1, 1, 0
    for level in m.members[int(rows[IN, 0])]:
        may = np.zeros(rows.shape[1], bool)
        for other in np.flatnonzero(m.may_keep[level]):
            may |= rows[DIGIT + other] < m.place[level]
        rows[USED + level][~may] = 0


def spread(t: Lattice, m: Machine, rows: Ints, vectors: Ints, y: Ints) -> None:
    """Pass fan-outs with these vectors, to the extents y of a child."""
    factors = m.vectors[:, vectors]
    rows[WINDOWS] = (((factors > 1) & (t.halo == 1)[:, None]) << np.arange(len(t.lacks))[:, None]).sum(axis=0)
    kids = m.kids[vectors]
    rows[APART + O] *= factors[t.lacks != O].prod(axis=0)
    rows[APART + W] *= factors[t.lacks != W].prod(axis=0)
    for axis in range(len(t.widths)):
        rows[APART + I] *= _starts(t, axis, factors, y)
    rows[KIDS : KIDS + 3] *= kids
    rows[COPIES] *= factors[t.lacks == O].prod(axis=0)
    rows[INSTANCES] *= kids
    rows[X], rows[BARE], rows[RAN] = y, 1, 0
    rows[DIGIT : DIGIT + 3] = 0
    rows[IN] += 1
    if (rows[IN] < m.regions).all():
        _leak(m, rows, int(rows[IN, 0]))


def _starts(t: Lattice, axis: int, factors: Ints, y: Ints) -> Ints:
    """Distinct places along an axis of the input at which the tiles of the children start; y: extents of a child.

    They are the values of a sum over one or two dims (:func:`formulations.problem.distinct_sums`).
    """
    dims = np.flatnonzero(t.axis == axis)
    if len(dims) == 1:
        found: Ints = factors[dims[0]]
        return found
    if len(dims) == 0:
        return np.ones(len(y), np.int64)
    d, e = dims
    a, b = t.coefficient[d] * t.extents[d, y], t.coefficient[e] * t.extents[e, y]
    common = np.gcd(a, b)
    m, n = factors[d], factors[e]
    sums: Ints = m * n - np.maximum(0, m - b // common) * np.maximum(0, n - a // common)
    return sums


def _leak(m: Machine, rows: Ints, region: int) -> None:
    """Add what the levels of a region leak."""
    for level in np.flatnonzero(m.region == region):
        rows[LEAKING] += m.levels[level].leak_energy * rows[INSTANCES]


def finish(t: Lattice, m: Machine, rows: Ints) -> None:
    """Charge what the multipliers ask, behind the last fan-out."""
    for tensor in TENSORS:
        bits = m.steps // rows[KIDS + tensor] * rows[APART + tensor] * t.step_bits[tensor]
        _serve(m, rows, tensor, bits, int(min(t.bits[tensor], t.step_bits[tensor])))


def busiest(m: Machine, rows: Ints) -> Ints:
    """Latency units that the busiest port has needed so far."""
    levels, most = len(m.levels), np.zeros(rows.shape[1], np.int64)
    for level, spec in enumerate(m.levels):
        read, written = rows[USED + levels + level], rows[USED + 2 * levels + level]
        for port, bits in zip(spec.ports, (read, written, read + written), strict=True):
            if port.divisor:
                most = np.maximum(most, -(-bits * port.multiplier // port.divisor))
    return most


def least_units(m: Machine, rows: Ints, widest: Ints) -> Ints:
    """Latency units that labels need at least; `widest[r]`: the most instances from region r's fan-out on."""
    found: Ints = np.maximum(-(-m.work // (rows[INSTANCES] * widest[rows[IN]])), busiest(m, rows))
    return found


def least_cycles(m: Machine, rows: Ints, widest: Ints) -> Ints:
    """The same in whole cycles."""
    return -(-least_units(m, rows, widest) // m.unit)
