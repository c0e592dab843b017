"""The least energy still to come in front of a fan-out, over all of its vectors."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from formulations.problem import O
from formulations.shortest_path.kernels import fan_out as kernels
from formulations.shortest_path.prices import Prices, first_steps, price
from formulations.shortest_path.statuses import NONE, Behind, Code, Statuses, Table, slopes_of
from formulations.shortest_path.tables import TENSORS, Floats, Ints, Lattice, Machine
from formulations.stop import Stop

CHUNK = 1 << 20
"""Pairs of a point and a vector that are looked at at once."""


def behind_fan_out(
    t: Lattice, m: Machine, region: int, prices: Prices, table: Table, most: int, mirror: Ints, stop: Stop
) -> Behind:
    """What lies behind the fan-out that leads into a region, whose table (no nodes yet) is given.

    `most` are the copies of the output in front of it at most, `mirror` as in :func:`twins.mirror_of`.

    Raises
    ------
    StoppedError
        If giving up was requested.
    """
    one, top = (_Fan(t, m, region, prices, table, copies, mirror, stop) for copies in (1, most))
    values = np.maximum(0.0, one.values())
    slopes = slopes_of(values, values if most == 1 else top.values(), most)
    order = sorted(range(len(table.values), len(values)), key=lambda n: table.statuses.index(one.statuses[n]))
    order = [*range(len(table.values)), *order]
    return Behind(
        tuple(one.statuses[n] for n in order),
        tuple(one.parents[n] for n in order),
        np.ascontiguousarray(values[order]),
        np.ascontiguousarray(slopes[order]),
    )


class _Fan:
    """The least values behind a fan-out for so many copies of the output in front of it, with or without parents.

    Where tensors have no node inside, the multipliers ask their parents. What that costs depends on a vector through
    its multicast of these tensors alone. So the least value is found for all vectors of one multicast first, then for
    every choice of parents.
    """

    def __init__(
        self, t: Lattice, m: Machine, region: int, prices: Prices, table: Table, copies: int, mirror: Ints, stop: Stop
    ) -> None:
        fan, self._mirror, self._stop = m.fan(region - 1), mirror, stop
        self._first = np.flatnonzero(mirror >= np.arange(len(mirror)))
        self._table, shared, spots = table, prices.multicast[:, fan], np.ascontiguousarray(m.spots[:, fan])
        self._way = copies * shared[O].astype(float) - 1, spots, jumps_of(spots), t.shift, t.place
        self._few = 1 + CHUNK // spots.shape[1]
        bypassed = [n for n, combination in enumerate(table.statuses) if NONE in combination]
        self._order = sorted(bypassed, key=lambda n: _kind(table.statuses[n]))
        self._groups: list[tuple[int, int, int, int]] = []
        self._kinds: list[Ints] = []
        self._costs: list[Floats] = []
        self.statuses: list[Statuses] = list(table.statuses)
        self.parents: list[Code] = [(-1, -1, -1)] * len(table.values)
        begin = 0
        for (tensors, _), members in itertools.groupby(self._order, key=lambda n: _kind(table.statuses[n])):
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
                        cost = cost + price(m, choice[tensor], tensor, bits, first_steps(t, m, np.array(float(copies))))
                self._costs.append(cost)
                self.statuses += [table.statuses[n] for n in rows]
                self.parents += [choice] * len(rows)
            begin += len(rows)

    def values(self) -> Floats:
        """A row for each of the statuses with these parents."""
        free = self._free()
        found = np.concatenate((free, self._asked())) if self._order else free
        later = np.flatnonzero(self._mirror < np.arange(len(self._mirror)))
        found[:, later] = found[:, self._mirror[later]]
        return found

    def _some(self) -> Iterator[Ints]:
        """The first one of every point and its image, a few at a time; between them the search may be given up."""
        for begin in range(0, len(self._first), self._few):
            self._stop.check()
            yield self._first[begin : begin + self._few]

    def _free(self) -> Floats:
        """Those of parents that are not known; what copies add depends on the status of the output most."""
        kinds = np.array([statuses[O] for statuses in self._table.statuses])
        order = np.argsort(kinds, kind="stable")
        least = np.full(self._table.values.T.shape, np.inf)
        source = np.ascontiguousarray(self._table.values[order].T)
        slopes = np.stack([self._table.slopes[kinds == kind].min(axis=0) for kind in np.unique(kinds)], axis=1)
        ends = np.cumsum(np.unique(kinds, return_counts=True)[1])
        for some in self._some():
            kernels.spread(source, slopes, ends, *self._way, some, least)
        found = np.empty_like(self._table.values)
        found[order] = least.T
        return found

    def _asked(self) -> Floats:
        """Those whose parents the multipliers ask."""
        costs = np.full((len(self._costs), max(map(len, self._costs))), np.inf)
        for row, cost in zip(costs, self._costs, strict=True):
            row[: len(cost)] = cost
        sizes = [(end - begin) * choices for begin, end, choices, _ in self._groups]
        groups, kinds = np.array(self._groups, np.int64), np.ascontiguousarray(np.array(self._kinds, np.int64).T)
        source, by_kind = np.ascontiguousarray(self._table.values[self._order].T), np.ascontiguousarray(costs.T)
        slopes = np.stack([self._table.slopes[self._order[a:b]].min(axis=0) for a, b, _, _ in self._groups], axis=1)
        rows = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
        found = np.full((len(source), sum(sizes)), np.inf)
        for some in self._some():
            kernels.bypass(source, slopes, *self._way, some, groups, kinds, by_kind, rows, found)
        by_row: Floats = found.T
        return by_row


def jumps_of(spots: Ints) -> Ints:
    """How :func:`kernels.fan_out.reach` goes through the vectors of a fan-out, which are sorted."""
    dims, count = spots.shape
    changes = (spots[:, 1:] != spots[:, :-1]).argmax(axis=0)
    firsts = np.concatenate(([0], changes)).astype(np.int64)
    jumps = np.full((dims + 1, count), count, np.int64)
    jumps[dims] = firsts
    for d in range(dims):
        starts = np.flatnonzero(firsts[1:] <= d) + 1
        behind = np.searchsorted(starts, np.arange(count), side="right")
        jumps[d] = np.append(starts, count)[behind]
    return jumps


def _kind(statuses: Statuses) -> tuple[tuple[int, ...], int]:
    """Tensors without a node, and the status of the output, on which most of what copies add depends."""
    return tuple(tensor for tensor in TENSORS if statuses[tensor] == NONE), statuses[O]


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
