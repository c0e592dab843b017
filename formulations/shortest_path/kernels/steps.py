"""The steps that extend a label: a loop, a node, a fan-out (:mod:`formulations.shortest_path.labels`).

All work in place on one label. Its costs are exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from formulations.shortest_path.labels import (
    APART,
    BARE,
    BASE,
    COPIES,
    DEAD,
    DIGIT,
    DRAIN,
    FROM,
    HI,
    IN,
    INSTANCES,
    KIDS,
    LAST,
    LEAKING,
    LO,
    MOVE,
    RAN,
    RHO,
    RUN,
    SLIDE,
    STEP,
    TRIPS,
    USED,
    VALUE,
    WHAT,
    WINDOWS,
    X,
)

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
WEIGHT, INPUT, OUTPUT = range(3)

OUTS, WORDS, UNTOUCHED, EXTENTS = 0, 1, 4, 5
"""Columns of ``Board.points``; behind the extents stand the numbers of their divisors, and then the widths."""
SHIFT, TRIPS_OF, ALONE = range(3)
"""Last places of ``Board.spots``; ``ALONE``: may a loop of these trips come that the input does not slide along (rule
R3)?"""
LACKS, AXIS, COEFFICIENT, HALO, SECOND = range(5)
"""Columns of ``Board.dims``; ``SECOND``: the dim is the second one of twins."""
REGION, PLACE, CAPACITY, READ, FILL, UPDATE, LEAK, ACCESS, ROUNDS = range(9)
PORTS, MAY_KEEP, MAY_SKIP = 9, 15, 18
"""Columns of ``Board.levels``; from ``PORTS`` on multiplier and divisor of the ports for reads, writes, and both."""
MEMBER, MORE, WIDEST = 0, 1, 4
"""Last places of ``Board.regions``: the level of a place (-1: none), and per tensor whether one whose last node has
that place may have another one further inside (2), or in the region (1). The most instances from the region's fan-out
on (:func:`tables.most_instances`) are at place 0."""
CHILDREN, ORDERED, FACTORS = range(3)
"""Columns of ``Board.vectors``; ``ORDERED`` as of :class:`twins.Twins`."""
BITS, STEP_BITS, DRAINS, RESUMES, VOLUME, STEPS, WORK, UNIT, REGIONAL, AXES, ABOVE, BEFORE, FORGETS = (
    0,
    3,
    *range(6, 17),
)
"""Places in ``Board.numbers``; the last three say whether rules R1 and R2 hold, and whether labels forget."""


class Board(NamedTuple):
    """Lattice and machine for the steps (:class:`tables.Lattice`, :class:`tables.Machine`).

    A row per point, dim, level or vector. ``spots[d, p, q]`` is about the divisor q of dim d, and the step from the
    point of divisor p. ``regions`` are by region and place. Few arrays make short programs.
    """

    points: Ints
    spots: Ints
    dims: Ints
    levels: Ints
    regions: Ints
    vectors: Ints
    numbers: Ints


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def copy(row: Ints, to: Ints) -> None:
    """Make a label equal to another one."""
    for column in range(len(row)):
        to[column] = row[column]


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def add(row: Ints, a: int, b: int) -> None:
    """Add the product of two numbers below BASE to the energy."""
    mask = (1 << 30) - 1
    a1, a0, b1, b0 = a >> 30, a & mask, b >> 30, b & mask
    middle = a1 * b0 + a0 * b1
    low = a0 * b0 + ((middle & mask) << 30)
    high = a1 * b1 + (middle >> 30) + (low >> 60)
    low = (low & (BASE - 1)) + row[LO]
    row[HI] += high + (low >> 60)
    row[LO] = low & (BASE - 1)


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _charge(b: Board, row: Ints, level: int, bits: int, instances: int, energy: int) -> None:
    """Add the energy of accesses for so many bits of all instances."""
    access = b.levels[level, ACCESS]
    if b.levels[level, ROUNDS]:
        add(row, -(-(bits // instances) // access) * instances, energy)
    else:
        add(row, bits // access, energy)


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _serve(b: Board, row: Ints, tensor: int, bits: int, small: int) -> None:
    """Charge the last node of a tensor for what is asked of it; `small`: bits of a first visit."""
    levels, level = len(b.levels), row[LAST + tensor]
    instances = row[INSTANCES] // row[KIDS + tensor]
    if tensor == OUTPUT:
        _charge(b, row, level, bits, instances, b.levels[level, UPDATE])
        row[USED + 2 * levels + level] += bits // instances
        if not b.numbers[RESUMES]:
            bits -= b.numbers[VOLUME] * small * (row[COPIES] * row[APART + OUTPUT] // row[KIDS + OUTPUT])
        bits += row[DRAIN]
        row[DRAIN] = 0
    _charge(b, row, level, bits, instances, b.levels[level, READ])
    row[USED + levels + level] += bits // instances


@njit(inline="always")
def _filled(b: Board, row: Ints, tensor: int) -> int:
    """Words that come into nodes of a tensor which are placed here, all instances together."""
    x = row[X]
    outs = b.points[x, OUTS]
    if row[RUN] == tensor + 1:
        outs //= row[RHO]
    if tensor == INPUT and row[SLIDE] >= 0:
        held = b.points[x, WORDS + INPUT]
        wide = b.points[x, EXTENTS + 2 * len(b.dims) + b.dims[row[SLIDE], AXIS]]
        moved = held + (row[TRIPS] - 1) * (held // wide * min(wide, row[STEP]))
        return moved * (outs // row[TRIPS])
    return b.points[x, WORDS + tensor] * outs


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def put_node(b: Board, row: Ints, tensor: int, level: int) -> None:
    """Place a node, whose capacity has been looked at."""
    words, bits, instances = _filled(b, row, tensor), b.numbers[BITS + tensor], row[INSTANCES]
    _serve(b, row, tensor, words // row[KIDS + tensor] * row[APART + tensor] * bits, bits)
    row[LAST + tensor], row[KIDS + tensor], row[APART + tensor] = level, 1, 1
    row[DIGIT + tensor], row[BARE] = b.levels[level, PLACE], 0
    row[USED + level] += b.points[row[X], WORDS + tensor] * bits
    coming = words * bits
    if tensor == OUTPUT:
        if b.numbers[DRAINS]:
            row[DRAIN] = coming
        if not b.numbers[RESUMES]:
            coming -= b.numbers[VOLUME] * bits * row[COPIES]
    _charge(b, row, level, coming, instances, b.levels[level, FILL])
    row[USED + 2 * len(b.levels) + level] += coming // instances


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def put_loop(b: Board, row: Ints, dim: int, spot: int, more: int, slides: bool) -> None:
    """Put a loop over a dim, whose trips are the divisor at `spot`.

    `more` says of the tensor that lacks the dim: may it have another node in the region (1), one further inside (2)?
    `slides`: the input's next node may slide along this loop.
    """
    trips, lack = b.spots[dim, spot, spot, TRIPS_OF], b.dims[dim, LACKS]
    row[X] -= b.spots[dim, b.points[row[X], EXTENTS + len(b.dims) + dim], spot, SHIFT]
    run = lack + 1 if more > 0 else 0
    if more == 2:
        row[RHO] = row[RHO] * trips if row[RUN] == run else trips
    else:
        row[RHO] = 1
    row[RUN], row[RAN], row[BARE] = run, 1 if more > 0 else 0, 0
    if lack != INPUT:
        row[SLIDE], row[TRIPS], row[STEP] = -1, 1, 0
        if slides:
            row[SLIDE], row[TRIPS] = dim, trips
            row[STEP] = b.dims[dim, COEFFICIENT] * b.points[row[X], EXTENTS + dim]


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def forget(b: Board, row: Ints, tensor: int) -> None:
    """Forget what matters to no later step.

    Loops that the tensor's last node stays in, and a slide of the input, matter to another node of that tensor alone;
    bits in use at a level to another node there.
    """
    if not b.numbers[FORGETS]:
        return
    region = row[IN]
    if b.regions[region, row[DIGIT + tensor], MORE + tensor] == 0:
        if row[RUN] == tensor + 1:
            row[RUN], row[RHO], row[RAN] = 0, 1, 0
        if tensor == INPUT:
            row[SLIDE], row[TRIPS], row[STEP] = -1, 1, 0
    for place in range(1, b.regions.shape[1]):
        level = b.regions[region, place, MEMBER]
        if level >= 0:
            may = False
            for other in range(3):
                may |= b.levels[level, MAY_KEEP + other] != 0 and row[DIGIT + other] < place
            if not may:
                row[USED + level] = 0


@njit(inline="always")
def _greatest_common_divisor(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


@njit(inline="always")
def _starts(b: Board, axis: int, vector: int, y: int) -> int:
    """Distinct places along an axis of the input at which the tiles of the children start; y: extents of a child.

    They are the values of a sum over one or two dims (:func:`formulations.problem.distinct_sums`).
    """
    first = second = -1
    for d in range(len(b.dims)):
        if b.dims[d, AXIS] == axis:
            first, second = (d, -1) if first < 0 else (first, d)
    if first < 0:
        return 1
    m = b.vectors[vector, FACTORS + first]
    if second < 0:
        return m
    n = b.vectors[vector, FACTORS + second]
    over = b.dims[first, COEFFICIENT] * b.points[y, EXTENTS + first]
    under = b.dims[second, COEFFICIENT] * b.points[y, EXTENTS + second]
    common = _greatest_common_divisor(over, under)
    return m * n - max(0, m - under // common) * max(0, n - over // common)


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def spread(b: Board, row: Ints, vector: int, y: int) -> None:
    """Pass a fan-out with a vector, to the extents y of a child."""
    kids, windows = b.vectors[vector, CHILDREN], 0
    for d in range(len(b.dims)):
        factor, lack = b.vectors[vector, FACTORS + d], b.dims[d, LACKS]
        if factor > 1 and b.dims[d, HALO] == 1:
            windows |= 1 << d
        if lack != OUTPUT:
            row[APART + OUTPUT] *= factor
        else:
            row[COPIES] *= factor
        if lack != WEIGHT:
            row[APART + WEIGHT] *= factor
    for axis in range(b.numbers[AXES]):
        row[APART + INPUT] *= _starts(b, axis, vector, y)
    for tensor in range(3):
        row[KIDS + tensor] *= kids
        row[DIGIT + tensor] = 0
    row[INSTANCES] *= kids
    row[X], row[BARE], row[RAN], row[WINDOWS] = y, 1, 0, windows
    row[IN] += 1
    for level in range(len(b.levels)):
        if b.levels[level, REGION] == row[IN]:
            row[LEAKING] += b.levels[level, LEAK] * row[INSTANCES]


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def finish(b: Board, row: Ints) -> None:
    """Charge what the multipliers ask, behind the last fan-out."""
    for tensor in range(3):
        bits = b.numbers[STEPS] // row[KIDS + tensor] * row[APART + tensor] * b.numbers[STEP_BITS + tensor]
        _serve(b, row, tensor, bits, min(b.numbers[BITS + tensor], b.numbers[STEP_BITS + tensor]))


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def least_units(b: Board, row: Ints) -> int:
    """Latency units needed at least: by the busiest port so far, and by the most multipliers there may be."""
    levels = len(b.levels)
    most = -(-b.numbers[WORK] // (row[INSTANCES] * b.regions[row[IN], 0, WIDEST]))
    for level in range(levels):
        read, written = row[USED + levels + level], row[USED + 2 * levels + level]
        for port in range(3):
            divisor = b.levels[level, PORTS + 2 * port + 1]
            if divisor:
                bits = read if port == 0 else written if port == 1 else read + written
                most = max(most, -(-bits * b.levels[level, PORTS + 2 * port] // divisor))
    return most


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def note(row: Ints, came: int, move: int, what: int, value: int) -> None:
    """How a label was made."""
    row[FROM], row[MOVE], row[WHAT], row[VALUE], row[DEAD] = came, move, what, value, 0
