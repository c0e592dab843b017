"""What lies behind fan-outs, vector by vector (:mod:`formulations.shortest_path.crossing`)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from formulations.shortest_path.kernels.bounds import Terms, broken, charge, price
from formulations.shortest_path.kernels.fan_out import child
from formulations.shortest_path.labels import APART, COPIES, KIDS, LAST, X
from formulations.shortest_path.statuses import HELD, NONE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
HELDS = np.array([0, 1, 2, 4, 3, 6])
"""Sets of held tensors (bits) that there are tables of."""


@njit(cache=True)
def reach(
    rows: Ints, firsts: Ints, spots: Ints, shift: Ints, place: Ints, points: Ints, vectors: Ints, used: int
) -> Ints:
    """Append the points behind a fan-out, and the vectors that lead there, for some of the labels: where each ends."""
    ends = np.empty(len(firsts), np.int64)
    for r in range(len(firsts)):
        for v in range(spots.shape[1]):
            y = child(rows[X, firsts[r]], spots, v, shift, place)
            if y >= 0:
                points[used], vectors[used] = y, v
                used += 1
        ends[r] = used
    return ends


@njit(cache=True)
def tabulate(
    p: Terms,
    rows: Ints,
    region: int,
    kind: int,
    cap: float,
    some: Ints,
    spans: Ints,
    points: Ints,
    vectors: Ints,
    multicast: Ints,
    values: Floats,
    statuses: Ints,
    groups: Ints,
    sums: Floats,
) -> None:
    """Fill the least values and charges of every vector, for labels (`some`) and one set of held tensors (a column).

    What held nodes are charged is not included. The combinations of statuses in ``groups[mask]`` are those without the
    tensors of a mask; they are left out if what the multipliers ask of these tensors' parents is above `cap`.
    """
    charges, asked, gone, parts = np.empty((3, 4)), np.zeros(3), np.zeros(8), np.empty(len(statuses))
    for r in range(len(some)):
        n = some[r]
        charge(p, rows, n, region, region, False, False, charges)
        for s in range(groups[0, 0], groups[7, 1]):
            parts[s] = 0.0
            for tensor in range(3):
                if statuses[s, tensor] != HELD and statuses[s, tensor] != NONE:
                    parts[s] += charges[tensor, statuses[s, tensor]]
        for at in range(spans[r, 0], spans[r, 1]):
            for tensor in range(3):
                asked[tensor] = np.inf
                if p.without[region, tensor]:
                    share = rows[APART + tensor, n] / rows[KIDS + tensor, n]
                    bits = p.asked[region, tensor] * share / multicast[tensor, vectors[at]]
                    first = rows[COPIES, n] * share * p.visits
                    asked[tensor] = price(p, rows[LAST + tensor, n], tensor, bits, first)
            row, least = values[points[at]], np.inf
            for mask in range(8):
                if mask:
                    gone[mask] = gone[mask & (mask - 1)] + asked[0 if mask & 1 else 1 if mask & 2 else 2]
                if gone[mask] <= cap:
                    for s in range(groups[mask, 0], groups[mask, 1]):
                        least = min(least, row[s] + (parts[s] + gone[mask]))
            sums[at, kind] = least


@njit(cache=True)
def offers(p: Terms, rows: Ints, spans: Ints, sums: Floats, limits: Floats, of: Ints, at: Ints, rest: Floats) -> int:
    """What labels have to pay behind their fan-out with every vector, where that is within their limits.

    Filled are labels, places in the tables, and costs; returned is how many there are.
    """
    count, costs = 0, np.zeros(len(HELDS))
    for n in range(rows.shape[1]):
        for kind in range(len(HELDS)):
            costs[kind] = 0.0
            for tensor in range(3):
                if HELDS[kind] >> tensor & 1:
                    bits = broken(p, rows, n, tensor)
                    share = rows[APART + tensor, n] / rows[KIDS + tensor, n]
                    first = rows[COPIES, n] * share * p.visits
                    costs[kind] += np.inf if bits < 0 else price(p, rows[LAST + tensor, n], tensor, bits * share, first)
        for place in range(spans[n, 0], spans[n, 1]):
            least = sums[place, 0]
            for kind in range(1, len(HELDS)):
                if costs[kind] < np.inf:
                    least = min(least, sums[place, kind] + costs[kind])
            if least <= limits[n]:
                of[count], at[count], rest[count] = n, place, least
                count += 1
    return count
