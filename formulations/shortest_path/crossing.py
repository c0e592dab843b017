"""What labels have to pay behind the fan-out of their region, for every vector.

Two labels at one point whose last nodes have the same levels, children and distinct tiles are charged the same behind a
fan-out, but for a tensor whose next node is held: what comes into that depends on the loops outside of it. So the least
of values and charges is tabulated per vector and set of held tensors for all of them at once (``sums``), without what
held nodes are charged; a label adds that for each set of tensors that it holds, and takes the least.
"""

from __future__ import annotations

import numpy as np

from formulations.shortest_path import labels as k
from formulations.shortest_path.bounds import Chart, Charts
from formulations.shortest_path.fan_out import jumps_of
from formulations.shortest_path.kernels import crossing as kernels
from formulations.shortest_path.kernels.crossing import Fan, Quick, Table
from formulations.shortest_path.tables import TENSORS, Floats, Ints, Lattice, Machine

MOST, CHUNK, SLACK = 1 << 21, 1 << 16, 0.05
"""Entries of a table, beyond which it is made anew; entries made at once at most; how much larger a limit of entries is
than asked for, as part of the goal."""
KEY = (k.X, *(column + tensor for column in (k.LAST, k.KIDS, k.APART) for tensor in TENSORS), k.COPIES)
KINDS = len(kernels.HELDS)


def quick_of(chart: Chart) -> Quick:
    """The least values and slopes of the combinations that hold the same tensors."""
    spans = [[np.arange(*span) for span in chart.spans[held]] for held in kernels.HELDS.tolist()]
    columns = [np.concatenate(rows) for rows in spans]
    values, slopes = (
        np.stack([rows[:, some].min(axis=1, initial=np.inf) for some in columns], axis=1)
        for rows in (chart.values, chart.slopes)
    )
    return Quick(values, slopes)


class Crossing:
    """A table of one region's fan-out.

    A bound takes it that distinct tiles of all children hold at least what the tile in front of the fan-out touches; of
    weights and outputs as much: ``traffic(child) / children * apart`` is at least ``traffic``. Filling a node that is
    held depends on the vector and is not among the charges. What multipliers ask of parents depends on the vector's own
    multicast.

    Entries are made up to a limit for every set of held tensors. A label whose limit is higher has them made again.
    """

    def __init__(self, t: Lattice, m: Machine, charts: Charts, region: int) -> None:
        self._terms, self._chart, self._region = charts.terms, charts.entered[region + 1], region
        fan = m.fan(region)
        spots, multicast = (np.ascontiguousarray(rows[:, fan]) for rows in (m.spots, charts.multicast))
        self._fan = Fan(spots, jumps_of(spots), multicast, t.shift, t.place)
        self._quick = quick_of(self._chart)
        self._forget()

    def _forget(self) -> None:
        """An empty table."""
        self._used = 0
        self._table = Table(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, KINDS)))
        self._found: dict[tuple[int, ...], int] = {}
        self._spans = np.zeros((0, 2), np.int64)
        self._limits = np.zeros((0, KINDS))

    def _grow(self, more: int) -> None:
        """Make room for so many entries."""
        room = len(self._table.points)
        if self._used + more > room:
            added = max(more, room)
            self._table = Table(
                *(np.concatenate((old, np.empty((added, *old.shape[1:]), old.dtype))) for old in self._table)
            )

    def within(self, rows: Ints, limits: Floats, slack: float) -> tuple[Ints, Ints, Ints, Floats]:
        """Labels (numbers of rows), vectors (from the fan-out's first), points behind, and what is still to be paid.

        Only what is within the labels' limits.
        """
        costs = kernels.held_costs(self._terms, rows)
        left = np.full(costs.shape, -np.inf)
        np.subtract(limits[:, None], costs, out=left, where=costs < np.inf)
        spans = self._spans_of(rows, left, slack)
        room = int((spans[:, 1] - spans[:, 0]).sum())
        of, at, rest = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
        count = kernels.offers(self._table, spans, costs, limits, of, at, rest)
        of, at = of[:count], at[:count]
        return of, self._table.vectors[at], self._table.points[at], rest[:count]

    def _spans_of(self, rows: Ints, limits: Floats, slack: float) -> Ints:
        """The entries of labels; those that are missing are made."""
        if self._used > MOST:
            self._forget()
        keys = zip(*rows[list(KEY)].tolist(), strict=True)
        records = np.array([self._found.setdefault(key, len(self._found)) for key in keys], np.int64)
        new = len(self._found) - len(self._spans)
        self._spans = np.concatenate((self._spans, np.zeros((new, 2), np.int64)))
        self._limits = np.concatenate((self._limits, np.full((new, KINDS), -np.inf)))
        once, first, of = np.unique(records, return_index=True, return_inverse=True)
        asked = np.full((len(once), KINDS), -np.inf)
        np.maximum.at(asked, of.reshape(-1), limits)
        short = (asked > self._limits[once]).any(axis=1)
        if short.any():
            again = once[short]
            np.add(asked, slack, out=asked, where=asked > -np.inf)
            self._limits[again] = np.maximum(self._limits[again], asked[short])
            self._make(rows, first[short], again)
        return self._spans[records]

    def _make(self, rows: Ints, some: Ints, records: Ints) -> None:
        """Make the entries of some labels, a few at a time."""
        vectors = self._fan.spots.shape[1]
        for begin in range(0, len(some), -(-CHUNK // vectors)):
            now = slice(begin, begin + -(-CHUNK // vectors))
            self._grow(len(some[now]) * vectors + 1)
            ends = kernels.tabulate(
                self._terms,
                rows,
                self._region + 1,
                some[now],
                self._limits[records[now]],
                self._fan,
                self._chart.values,
                self._chart.slopes,
                self._chart.statuses,
                self._chart.spans,
                self._quick,
                self._table,
                self._used,
            )
            self._spans[records[now]] = np.stack((np.concatenate(([self._used], ends[:-1])), ends), axis=1)
            self._used = int(ends[-1])
