"""Lower bounds of labels, one label at a time (:mod:`formulations.shortest_path.bounds` says what they mean)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from formulations.shortest_path.kernels.steps import INPUT, OUTPUT
from formulations.shortest_path.labels import APART, COPIES, DIGIT, KIDS, LAST, RHO, RUN, SLIDE, TRIPS, X
from formulations.shortest_path.statuses import FREE, HELD, NONE, TIGHT

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


READS, UPDATES = 0, 2
"""Columns of ``Terms.rates``, as in :mod:`prices`."""
AGAIN, FILLS, WITHOUT, ASKED, LATER = range(5)
"""Last places of ``Terms.regions``."""


class Terms(NamedTuple):
    """What charges are made of.

    ``traffic``, ``divisors``, ``place``, ``stride``, ``leaves`` and ``rates`` as in :class:`Lattice` and
    :class:`Machine`. ``regions`` are by region and tensor: ``AGAIN``, ``FILLS`` and ``LATER`` as in
    :class:`Prices`, ``WITHOUT`` as in :class:`Machine`; ``ASKED`` are the bits that the multipliers ask of a parent in
    front of the region's fan-out at least. ``visits`` are the bits of first visits of a copy where a node is filled,
    ``step_visits`` where multipliers ask (0 if first visits are like all others).
    """

    traffic: Floats
    divisors: Ints
    place: Ints
    stride: Ints
    leaves: Ints
    rates: Floats
    regions: Floats
    visits: float
    step_visits: float


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def price(p: Terms, level: int, tensor: int, bits: float, first: float) -> float:
    """Serving bits of a tensor at a level."""
    if tensor != OUTPUT:
        return bits * p.rates[level, READS]
    return bits * p.rates[level, UPDATES] + max(0.0, bits - first) * p.rates[level, READS]


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def broken(p: Terms, rows: Ints, n: int, tensor: int) -> float:
    """Bits that come into the next node at least, if no loop moves it any more; negative if the tensor is not held."""
    x, rho = rows[n, X], 1
    if rows[n, RUN] == tensor + 1:
        rho = rows[n, RHO]
    slides = tensor == INPUT and rows[n, SLIDE] >= 0
    if rho <= 1 and not slides:
        return -1.0
    if slides:
        d = rows[n, SLIDE]
        here = p.place[d, x]
        outer, up = p.divisors[d, here] * rows[n, TRIPS], here
        while p.divisors[d, up] != outer:
            up += 1
        x += (up - here) * p.stride[d]
    return p.traffic[tensor, x] / rho


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def charge(p: Terms, rows: Ints, n: int, region: int, here: int, known: bool, filled: bool, out: Floats) -> None:
    """Per tensor and status what the next node costs at its parent, if it stands from a region on.

    ``here`` is the region of the label, ``known`` whether the tables include what nodes cost at parents in the region.
    """
    for tensor in range(3):
        out[tensor, :] = np.inf
        level = rows[n, LAST + tensor]
        share = rows[n, APART + tensor] / rows[n, KIDS + tensor]
        first, first_steps = rows[n, COPIES] * share * p.visits, rows[n, COPIES] * share * p.step_visits
        if known and (region == 0 or rows[n, DIGIT + tensor] > 0):
            out[tensor, FREE] = 0.0
        else:
            bits = p.traffic[tensor, rows[n, X]]
            out[tensor, TIGHT] = price(p, level, tensor, bits * share, first)
            if p.regions[region, tensor, AGAIN] < np.inf:
                out[tensor, FREE] = price(p, level, tensor, bits * p.regions[region, tensor, AGAIN] * share, first)
            if p.regions[region, tensor, WITHOUT] > 0:
                out[tensor, NONE] = price(p, level, tensor, p.regions[here, tensor, ASKED] * share, first_steps)
        bits = broken(p, rows, n, tensor)
        if bits >= 0:
            out[tensor, HELD] = price(p, level, tensor, bits * share, first)
            if filled:
                if tensor == OUTPUT:
                    bits = max(0.0, bits - rows[n, COPIES] * p.regions[region, tensor, LATER] * p.visits)
                out[tensor, HELD] += (
                    bits * p.regions[region, tensor, FILLS] if p.regions[region, tensor, FILLS] < np.inf else np.inf
                )


@njit(cache=True, no_cfunc_wrapper=True)
def ahead(p: Terms, rows: Ints, region: int, values: Floats, slopes: Floats, statuses: Ints, spans: Ints) -> Floats:
    """What labels of a region have still to pay: `spans[w, i, o]` are the columns of the tables of a code."""
    found, charges = np.empty(len(rows)), np.empty((3, 4))
    for n in range(len(rows)):
        charge(p, rows, n, region, region, True, True, charges)
        span = spans[rows[n, DIGIT], rows[n, DIGIT + 1], rows[n, DIGIT + 2]]
        row, slope, more, least = values[rows[n, X]], slopes[rows[n, X]], rows[n, COPIES] - 1, np.inf
        for s in range(span[0], span[1]):
            total = charges[0, statuses[s, 0]] + charges[1, statuses[s, 1]] + charges[2, statuses[s, 2]]
            total += row[s] + more * slope[s]
            least = min(least, total)
        found[n] = max(0.0, least)
    return found


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _may_leave(p: Terms, rows: Ints, n: int, region: int) -> bool:
    """May a label leave the region, as its last nodes stand?"""
    may = True
    for tensor in range(3):
        may &= p.leaves[region, tensor, rows[n, DIGIT + tensor]] != 0
    return may


@njit(cache=True, no_cfunc_wrapper=True)
def at_multipliers(p: Terms, rows: Ints, region: int) -> Floats:
    """What the multipliers ask behind the last fan-out at least."""
    found = np.zeros(len(rows))
    for n in range(len(rows)):
        if not _may_leave(p, rows, n, region):
            found[n] = np.inf
            continue
        for tensor in range(3):
            share = rows[n, APART + tensor] / rows[n, KIDS + tensor]
            first = rows[n, COPIES] * share * p.step_visits
            found[n] += price(p, rows[n, LAST + tensor], tensor, p.regions[region, tensor, ASKED] * share, first)
    return found


@njit(cache=True, no_cfunc_wrapper=True)
def leaving(
    p: Terms, rows: Ints, region: int, values: Floats, slopes: Floats, statuses: Ints, parents: Ints, spans: Ints
) -> Floats:
    """What labels have still to pay that leave the region before the given one.

    `spans[s]` are the columns of the same statuses with known parents of the tensors without a node inside.
    """
    found, charges = np.empty(len(rows)), np.empty((3, 4))
    for n in range(len(rows)):
        if not _may_leave(p, rows, n, region - 1):
            found[n] = np.inf
            continue
        charge(p, rows, n, region, region - 1, False, True, charges)
        row, slope, more, least = values[rows[n, X]], slopes[rows[n, X]], rows[n, COPIES] - 1, np.inf
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
                            fits &= rows[n, KIDS + tensor] == 1 and parents[other, tensor] == rows[n, LAST + tensor]
                    if fits:
                        total = max(total, rest)
                least = min(least, total)
        found[n] = max(0.0, least)
    return found
