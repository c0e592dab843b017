"""The least energy still to come in front of a fan-out, over all of its vectors."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from formulations.problem import LayerProblem
from formulations.shortest_path.prices import Prices, first_bits, price
from formulations.shortest_path.statuses import NONE, Behind, Code, Statuses, Table
from formulations.shortest_path.tables import (
    TENSORS,
    Floats,
    Ints,
    Lattice,
    Machine,
    axis_vectors,
    regions_of,
    spots_of,
)


def behind_fan_out(problem: LayerProblem, t: Lattice, m: Machine, region: int, prices: Prices, table: Table) -> Behind:
    """What lies behind the fan-out that leads into a region, whose table (no nodes yet) is given."""
    fan = regions_of(problem)[region - 1].fan
    values = table.values
    for vectors in axis_vectors(problem, fan):
        values = _spread(t, spots_of(problem, vectors), values)
    statuses, parents, rows = list(table.statuses), [(-1, -1, -1)] * len(values), list(values)
    bypassed = [n for n, combination in enumerate(table.statuses) if NONE in combination]
    if bypassed:
        for n, levels, row in _bypassed(t, m, region, prices, table, bypassed):
            statuses.append(table.statuses[n])
            parents.append(levels)
            rows.append(row)
    return Behind(tuple(statuses), tuple(parents), np.array(rows))


def _spread(t: Lattice, spots: Ints, values: Floats) -> Floats:
    """Per row and point the least value of the points that these factors lead to."""
    source = np.ascontiguousarray(values.T)
    least = np.full_like(source, np.inf)
    everywhere = np.arange(t.size)
    for n in range(spots.shape[1]):
        inner = t.children(everywhere, spots[:, n])
        fits = np.flatnonzero(inner >= 0)
        least[fits] = np.minimum(least[fits], source[inner[fits]])
    return np.ascontiguousarray(least.T)


def _bypassed(
    t: Lattice, m: Machine, region: int, prices: Prices, table: Table, numbers: list[int]
) -> Iterator[tuple[int, Code, Floats]]:
    """The same where tensors have no node inside, with what the multipliers ask of their parents.

    That depends on a vector through its multicast of these tensors alone. So the least value is found for all vectors
    of one multicast first, then for every choice of parents.
    """
    shared = prices.multicast[:, m.fan(region - 1)]
    none = [[tensor for tensor in TENSORS if table.statuses[n][tensor] == NONE] for n in numbers]
    kinds = [np.unique(shared[tensors], axis=1, return_inverse=True) for tensors in none]
    least = [np.full((kind.shape[1], t.size), np.inf) for kind, _ in kinds]
    everywhere = np.arange(t.size)
    for v, spots in enumerate(m.spots[:, m.fan(region - 1)].T):
        inner = t.children(everywhere, spots)
        fits = np.flatnonzero(inner >= 0)
        rows = table.values[np.array(numbers)[:, None], inner[fits]]
        for row, values, (_, kind_of) in zip(rows, least, kinds, strict=True):
            place = values[kind_of.reshape(-1)[v]]
            place[fits] = np.minimum(place[fits], row)
    firsts = first_bits(t, m, region - 1, prices.shared)
    for n, tensors, values, (kind, _) in zip(numbers, none, least, kinds, strict=True):
        for levels in itertools.product(*_parents(m, region, table.statuses[n])):
            if max(levels) < 0:
                continue
            cost = np.zeros(kind.shape[1])
            for tensor, multicast in zip(tensors, kind, strict=True):
                if levels[tensor] >= 0:
                    bits = float(m.steps) * t.step_bits[tensor] / prices.shared[region:, tensor].prod() / multicast
                    cost = cost + price(m, levels[tensor], tensor, bits, firsts)
            w, i, o = levels
            yield n, (w, i, o), (values + cost[:, None]).min(axis=0)


def _parents(m: Machine, region: int, statuses: Statuses) -> list[list[int]]:
    """Per tensor without a node from a region on the levels that may serve the multipliers (-1: not known)."""
    return [
        [
            n
            for n in range(len(m.levels))
            if m.region[n] < region and (n == m.tops[tensor] or (n > 0 and m.may_keep[n, tensor]))
        ]
        + ([-1] if region > 1 else [])
        if statuses[tensor] == NONE
        else [-1]
        for tensor in TENSORS
    ]
