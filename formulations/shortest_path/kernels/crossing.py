"""What lies behind fan-outs, vector by vector (:mod:`formulations.shortest_path.crossing`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from formulations.shortest_path.kernels.bounds import ASKED, WITHOUT, Terms, broken, charge, price
from formulations.shortest_path.kernels.fan_out import reach
from formulations.shortest_path.kernels.steps import OUTPUT
from formulations.shortest_path.labels import APART, COPIES, KIDS, LAST, X
from formulations.shortest_path.statuses import HELD, NONE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Fan(NamedTuple):
    """The vectors of a fan-out (places of their divisors), how to go through them (:func:`fan_out.reach`), their
    multicast, and the lattice's steps back.

    Of the output, the multicast are the copies that a vector makes of one.
    """

    spots: Ints
    jumps: Ints
    multicast: Ints
    shift: Ints
    place: Ints


class Table(NamedTuple):
    """Points, vectors and least costs by set of held tensors."""

    points: Ints
    vectors: Ints
    sums: Floats


class Quick(NamedTuple):
    """By point and set of held tensors the least value of its combinations, and the least slope."""

    values: Floats
    slopes: Floats


HELDS = np.array([0, 1, 2, 4, 3, 6])
"""Sets of held tensors (bits) that there are tables of."""


@njit(cache=True, no_cfunc_wrapper=True)
def held_costs(p: Terms, rows: Ints) -> Floats:
    """What held nodes are charged, per label and set of held tensors; infinite where one of them is not held."""
    costs = np.zeros((len(rows), len(HELDS)))
    for n in range(len(rows)):
        for tensor in range(3):
            bits = broken(p, rows, n, tensor)
            share = rows[n, APART + tensor] / rows[n, KIDS + tensor]
            first = rows[n, COPIES] * share * p.visits
            cost = np.inf if bits < 0 else price(p, rows[n, LAST + tensor], tensor, bits * share, first)
            for kind in range(len(HELDS)):
                if HELDS[kind] >> tensor & 1:
                    costs[n, kind] += cost
    return costs


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _least_parts(parts: Floats, groups: Ints, masks: Ints, limits: Floats, found: Floats) -> None:
    """The least charges by set of held tensors; infinite where nothing is within the limit."""
    found[:] = np.inf
    for kind in range(len(HELDS)):
        if limits[kind] > -np.inf:
            for mask in masks:
                for s in range(groups[HELDS[kind], mask, 0], groups[HELDS[kind], mask, 1]):
                    found[kind] = min(found[kind], parts[s])


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _is_out(values: Floats, slopes: Floats, more: int, parts: Floats, limits: Floats) -> bool:
    """Is no sum at a point within its limit?

    Each term of a sum is at least the one that stands for it here, and what multipliers ask comes on top. Sums and
    products in floating point grow with their terms, and these are added up in the same order: no margin is needed.
    """
    for kind in range(len(HELDS)):
        if parts[kind] < np.inf and (values[kind] + more * slopes[kind]) + parts[kind] <= limits[kind]:
            return False
    return True


@njit(cache=True, no_cfunc_wrapper=True)
def tabulate(
    p: Terms,
    rows: Ints,
    region: int,
    some: Ints,
    limits: Floats,
    fan: Fan,
    values: Floats,
    slopes: Floats,
    statuses: Ints,
    groups: Ints,
    quick: Quick,
    table: Table,
    used: int,
) -> Ints:
    """Append what lies behind a fan-out for some of the labels, with the vectors that lead there: where each ends.

    The least values and charges for every set of held tensors, without what held nodes are charged; only vectors of
    which one is within the limit of its set. ``groups[held, mask]`` are the combinations of statuses without the
    tensors of a mask. Vectors are left out before their sums are made if :class:`Quick` shows that none is.
    """
    charges, asked, gone, parts = np.empty((3, 4)), np.zeros(3), np.zeros(8), np.empty(len(statuses))
    least_parts = np.empty(len(HELDS))
    masks = np.array([mask for mask in range(8) if (groups[:, mask, 0] < groups[:, mask, 1]).any()])
    plain = len(masks) == 1 and masks[0] == 0
    ends, total = np.empty(len(some), np.int64), fan.spots.shape[1]
    points, vectors = np.empty(total, np.int64), np.empty(total, np.int64)
    for r in range(len(some)):
        n = some[r]
        charge(p, rows, n, region, region, False, False, charges)
        for s in range(len(statuses)):
            parts[s] = 0.0
            for tensor in range(3):
                if statuses[s, tensor] != HELD and statuses[s, tensor] != NONE:
                    parts[s] += charges[tensor, statuses[s, tensor]]
        _least_parts(parts, groups, masks, limits[r], least_parts)
        for c in range(reach(rows[n, X], fan.spots, fan.jumps, fan.shift, fan.place, points, vectors)):
            y, v = points[c], vectors[c]
            more = rows[n, COPIES] * fan.multicast[OUTPUT, v] - 1
            if _is_out(quick.values[y], quick.slopes[y], more, least_parts, limits[r]):
                continue
            for tensor in range(0 if plain else 3):
                asked[tensor] = np.inf
                if p.regions[region, tensor, WITHOUT] > 0:
                    share = rows[n, APART + tensor] / rows[n, KIDS + tensor]
                    bits = p.regions[region, tensor, ASKED] * share / fan.multicast[tensor, v]
                    first = rows[n, COPIES] * share * p.step_visits
                    asked[tensor] = price(p, rows[n, LAST + tensor], tensor, bits, first)
            for mask in range(1, 1 if plain else 8):
                gone[mask] = gone[mask & (mask - 1)] + asked[0 if mask & 1 else 1 if mask & 2 else 2]
            row, slope, good = values[y], slopes[y], False
            for kind in range(len(HELDS)):
                least, limit = np.inf, limits[r, kind]
                if limit > -np.inf:
                    for mask in masks:
                        if gone[mask] <= limit:
                            for s in range(groups[HELDS[kind], mask, 0], groups[HELDS[kind], mask, 1]):
                                least = min(least, (row[s] + more * slope[s]) + (parts[s] + gone[mask]))
                least = max(0.0, least)
                table.sums[used, kind] = least
                good |= least <= limit
            if good:
                table.points[used], table.vectors[used] = y, v
                used += 1
        ends[r] = used
    return ends


@njit(cache=True, no_cfunc_wrapper=True)
def offers(table: Table, spans: Ints, costs: Floats, limits: Floats, of: Ints, at: Ints, rest: Floats) -> int:
    """What labels have to pay behind their fan-out with every vector, where that is within their limits.

    Filled are labels, places in the table, and costs; returned is how many there are.
    """
    count = 0
    for n in range(len(limits)):
        for place in range(spans[n, 0], spans[n, 1]):
            least = np.inf
            for kind in range(len(HELDS)):
                if costs[n, kind] < np.inf:
                    least = min(least, table.sums[place, kind] + costs[n, kind])
            if least <= limits[n]:
                of[count], at[count], rest[count] = n, place, least
                count += 1
    return count
