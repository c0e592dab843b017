"""Lower bounds of labels, one label at a time (:mod:`formulations.shortest_path.bounds` says what they mean)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from formulations.shortest_path.labels import APART, COPIES, DIGIT, KIDS, LAST, RHO, RUN, SLIDE, TRIPS, X
from formulations.shortest_path.statuses import FREE, HELD, NONE, TIGHT

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
INPUT, OUTPUT = 1, 2


class Terms(NamedTuple):
    """What charges are made of.

    ``reads``, ``updates`` per level and bit; ``again``, ``fills``, ``without`` and the lattice's arrays as in
    :class:`Prices`, :class:`Machine` and :class:`Lattice`. ``asked[r, T]`` are the bits that the multipliers ask of a
    parent in front of region r's fan-out at least, ``visits`` the bits of first visits of a copy where a node is
    filled, ``step_visits`` where multipliers ask (0 if first visits are like all others).
    """

    traffic: Floats
    divisors: Ints
    place: Ints
    stride: Ints
    reads: Floats
    updates: Floats
    again: Floats
    fills: Floats
    without: Ints
    asked: Floats
    visits: float
    step_visits: float
    later: Floats


@njit(cache=True)
def price(p: Terms, level: int, tensor: int, bits: float, first: float) -> float:
    """Serving bits of a tensor at a level."""
    if tensor != OUTPUT:
        return bits * p.reads[level]
    return bits * p.updates[level] + max(0.0, bits - first) * p.reads[level]


@njit(cache=True)
def broken(p: Terms, rows: Ints, n: int, tensor: int) -> float:
    """Bits that come into the next node at least, if no loop moves it any more; negative if the tensor is not held."""
    x, rho = rows[X, n], 1
    if rows[RUN, n] == tensor + 1:
        rho = rows[RHO, n]
    slides = tensor == INPUT and rows[SLIDE, n] >= 0
    if rho <= 1 and not slides:
        return -1.0
    if slides:
        d = rows[SLIDE, n]
        here = p.place[d, x]
        outer, up = p.divisors[d, here] * rows[TRIPS, n], here
        while p.divisors[d, up] != outer:
            up += 1
        x += (up - here) * p.stride[d]
    return p.traffic[tensor, x] / rho


@njit(cache=True)
def charge(p: Terms, rows: Ints, n: int, region: int, here: int, known: bool, filled: bool, out: Floats) -> None:
    """Per tensor and status what the next node costs at its parent, if it stands from a region on.

    ``here`` is the region of the label, ``known`` whether the tables include what nodes cost at parents in the region.
    """
    for tensor in range(3):
        out[tensor, :] = np.inf
        level = rows[LAST + tensor, n]
        share = rows[APART + tensor, n] / rows[KIDS + tensor, n]
        first, first_steps = rows[COPIES, n] * share * p.visits, rows[COPIES, n] * share * p.step_visits
        if known and (region == 0 or rows[DIGIT + tensor, n] > 0):
            out[tensor, FREE] = 0.0
        else:
            bits = p.traffic[tensor, rows[X, n]]
            out[tensor, TIGHT] = price(p, level, tensor, bits * share, first)
            if p.again[tensor] < np.inf:
                out[tensor, FREE] = price(p, level, tensor, bits * p.again[tensor] * share, first)
            if p.without[region, tensor]:
                out[tensor, NONE] = price(p, level, tensor, p.asked[here, tensor] * share, first_steps)
        bits = broken(p, rows, n, tensor)
        if bits >= 0:
            out[tensor, HELD] = price(p, level, tensor, bits * share, first)
            if filled:
                if tensor == OUTPUT:
                    bits = max(0.0, bits - rows[COPIES, n] * p.later[region] * p.visits)
                out[tensor, HELD] += bits * p.fills[region, tensor] if p.fills[region, tensor] < np.inf else np.inf


@njit(cache=True)
def ahead(p: Terms, rows: Ints, region: int, values: Floats, slopes: Floats, statuses: Ints, spans: Ints) -> Floats:
    """What labels of a region have still to pay: `spans[w, i, o]` are the columns of the tables of a code."""
    found, charges = np.empty(rows.shape[1]), np.empty((3, 4))
    for n in range(rows.shape[1]):
        charge(p, rows, n, region, region, True, True, charges)
        span = spans[rows[DIGIT, n], rows[DIGIT + 1, n], rows[DIGIT + 2, n]]
        row, slope, more, least = values[rows[X, n]], slopes[rows[X, n]], rows[COPIES, n] - 1, np.inf
        for s in range(span[0], span[1]):
            total = charges[0, statuses[s, 0]] + charges[1, statuses[s, 1]] + charges[2, statuses[s, 2]]
            total += row[s] + more * slope[s]
            least = min(least, total)
        found[n] = max(0.0, least)
    return found


@njit(cache=True)
def at_multipliers(p: Terms, rows: Ints, region: int) -> Floats:
    """What the multipliers ask behind the last fan-out at least."""
    found = np.zeros(rows.shape[1])
    for n in range(rows.shape[1]):
        for tensor in range(3):
            share = rows[APART + tensor, n] / rows[KIDS + tensor, n]
            first = rows[COPIES, n] * share * p.step_visits
            found[n] += price(p, rows[LAST + tensor, n], tensor, p.asked[region, tensor] * share, first)
    return found


@njit(cache=True)
def leaving(
    p: Terms, rows: Ints, region: int, values: Floats, slopes: Floats, statuses: Ints, parents: Ints, spans: Ints
) -> Floats:
    """What labels have still to pay that leave the region before the given one.

    `spans[s]` are the columns of the same statuses with known parents of the tensors without a node inside.
    """
    found, charges = np.empty(rows.shape[1]), np.empty((3, 4))
    for n in range(rows.shape[1]):
        charge(p, rows, n, region, region - 1, False, True, charges)
        row, slope, more, least = values[rows[X, n]], slopes[rows[X, n]], rows[COPIES, n] - 1, np.inf
        for s in range(len(spans)):
            total = charges[0, statuses[s, 0]] + charges[1, statuses[s, 1]] + charges[2, statuses[s, 2]]
            total += row[s] + more * slope[s]
            if total < least:
                for other in range(spans[s, 0], spans[s, 1]):
                    fits, rest = True, row[other] + more * slope[other]
                    for tensor in range(3):
                        if statuses[s, tensor] != NONE:
                            fits &= parents[other, tensor] < 0
                            rest += charges[tensor, statuses[s, tensor]]
                        else:
                            fits &= rows[KIDS + tensor, n] == 1 and parents[other, tensor] == rows[LAST + tensor, n]
                    if fits:
                        total = max(total, rest)
                least = min(least, total)
        found[n] = max(0.0, least)
    return found
