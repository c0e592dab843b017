"""The least energy still to come in front of a fan-out, over all of its vectors."""

from __future__ import annotations

import itertools

import numpy as np

from formulations.problem import LayerProblem
from formulations.shortest_path.kernels import fan_out as kernels
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
    values = np.ascontiguousarray(table.values.T)
    for vectors in axis_vectors(problem, fan):
        values = kernels.spread(values, spots_of(problem, vectors), t.shift, t.place)
    statuses, parents, rows = list(table.statuses), [(-1, -1, -1)] * len(table.values), [values.T]
    bypassed = [n for n, combination in enumerate(table.statuses) if NONE in combination]
    if bypassed:
        asked = _Asked(t, m, region, prices, table, bypassed)
        statuses += asked.statuses
        parents += asked.parents
        rows.append(asked.values())
    order = sorted(range(len(table.values), len(statuses)), key=lambda n: table.statuses.index(statuses[n]))
    order = [*range(len(table.values)), *order]
    return Behind(
        tuple(statuses[n] for n in order),
        tuple(parents[n] for n in order),
        np.ascontiguousarray(np.concatenate(rows)[order]),
    )


class _Asked:
    """The same where tensors have no node inside, with what the multipliers ask of their parents.

    That depends on a vector through its multicast of these tensors alone. So the least value is found for all vectors
    of one multicast first, then for every choice of parents.
    """

    def __init__(self, t: Lattice, m: Machine, region: int, prices: Prices, table: Table, numbers: list[int]) -> None:
        self._t, self._spots, self._table = t, np.ascontiguousarray(m.spots[:, m.fan(region - 1)]), table
        shared = prices.multicast[:, m.fan(region - 1)]
        firsts = first_bits(t, m, region - 1, prices.shared)
        self._order = sorted(numbers, key=lambda n: _lacking(table.statuses[n]))
        self._groups: list[tuple[int, int, int, int]] = []
        self._kinds: list[Ints] = []
        self._costs: list[Floats] = []
        self.statuses: list[Statuses] = []
        self.parents: list[Code] = []
        begin = 0
        for tensors, members in itertools.groupby(self._order, key=lambda n: _lacking(table.statuses[n])):
            rows = list(members)
            kind, kind_of = np.unique(shared[list(tensors)], axis=1, return_inverse=True)
            choices = [(w, i, o) for w, i, o in itertools.product(*_parents(m, region, table.statuses[rows[0]]))]
            choices = [choice for choice in choices if max(choice) >= 0]
            self._groups.append((begin, begin + len(rows), len(choices), len(self._costs)))
            self._kinds.append(kind_of.reshape(-1))
            for choice in choices:
                cost = np.zeros(kind.shape[1])
                for tensor, multicast in zip(tensors, kind, strict=True):
                    if choice[tensor] >= 0:
                        bits = float(m.steps) * t.step_bits[tensor] / prices.shared[region:, tensor].prod() / multicast
                        cost = cost + price(m, choice[tensor], tensor, bits, firsts)
                self._costs.append(cost)
                self.statuses += [table.statuses[n] for n in rows]
                self.parents += [choice] * len(rows)
            begin += len(rows)

    def values(self) -> Floats:
        """A row for each of the statuses with these parents."""
        costs = np.full((len(self._costs), max(map(len, self._costs))), np.inf)
        for row, cost in zip(costs, self._costs, strict=True):
            row[: len(cost)] = cost
        sizes = [(end - begin) * choices for begin, end, choices, _ in self._groups]
        by_point: Floats = kernels.bypass(
            np.ascontiguousarray(self._table.values[self._order].T),
            self._spots,
            self._t.shift,
            self._t.place,
            np.array(self._groups, np.int64),
            np.ascontiguousarray(np.array(self._kinds, np.int64).T),
            np.ascontiguousarray(costs.T),
            np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64),
        )
        found: Floats = by_point.T
        return found


def _lacking(statuses: Statuses) -> tuple[int, ...]:
    """Tensors without a node."""
    return tuple(tensor for tensor in TENSORS if statuses[tensor] == NONE)


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
