"""What labels have to pay behind the fan-out of their region, for every vector.

Two labels at one point whose last nodes have the same levels, children and distinct tiles are charged the same behind a
fan-out, but for a tensor whose next node is held: what comes into that depends on the loops outside of it. So the least
of values and charges is tabulated per vector and set of held tensors for all of them at once (``sums``), without what
held nodes are charged; a label adds that for each set of tensors that it holds, and takes the least.
"""

from __future__ import annotations

import numpy as np

from formulations.shortest_path import labels as k
from formulations.shortest_path.bounds import Charts
from formulations.shortest_path.kernels import crossing as kernels
from formulations.shortest_path.tables import TENSORS, Flags, Floats, Ints, Lattice, Machine

MOST = 1 << 21
"""Entries of the tables; beyond, they are made anew."""
KEY = (k.X, *(column + tensor for column in (k.LAST, k.KIDS, k.APART) for tensor in TENSORS), k.COPIES)


class Crossing:
    """Tables of one region's fan-out.

    A bound takes it that distinct tiles of all children hold at least what the tile in front of the fan-out touches; of
    weights and outputs as much: ``traffic(child) / children * apart`` is at least ``traffic``. Filling a node that is
    held depends on the vector and is not among the charges. What multipliers ask of parents depends on the vector's own
    multicast.
    """

    def __init__(self, t: Lattice, m: Machine, charts: Charts, region: int, floor: float) -> None:
        self._t, self._terms, self._chart, self._region = t, charts.terms, charts.entered[region + 1], region
        self._floor = floor
        self._spots = np.ascontiguousarray(m.spots[:, m.fan(region)])
        self._multicast = np.ascontiguousarray(charts.multicast[:, m.fan(region)])
        self._room = 0
        self._points = self._vectors = np.zeros(0, np.int64)
        self._sums = np.zeros((0, len(kernels.HELDS)))
        self._forget()

    def _forget(self) -> None:
        self._found: dict[tuple[int, ...], int] = {}
        self._spans = np.zeros((0, 2), np.int64)
        self._done = np.zeros((0, len(kernels.HELDS)), bool)
        self._used = 0

    def within(self, rows: Ints, limits: Floats, most: float) -> tuple[Ints, Ints, Ints, Floats]:
        """Labels (numbers of rows), vectors (from the fan-out's first), points behind, and what is still to be paid.

        Only what is within the labels' limits; for all labels to come those are at most those of a label that has paid
        the floor, in front of a value of at `most`.
        """
        records = self._records(rows)
        self._fill(rows, records, most - self._floor)
        spans = self._spans[records]
        room = int((spans[:, 1] - spans[:, 0]).sum())
        of, at, rest = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
        count = kernels.offers(self._terms, rows, spans, self._sums, limits, of, at, rest)
        of, at = of[:count], at[:count]
        return of, self._vectors[at], self._points[at], rest[:count]

    def _records(self, rows: Ints) -> Ints:
        """The tables that labels share; those of new ones are empty."""
        if self._used + rows.shape[1] * self._spots.shape[1] > self._room:
            self._grow(rows.shape[1] * self._spots.shape[1])
        records = np.empty(rows.shape[1], np.int64)
        new: list[int] = []
        for n, key in enumerate(zip(*rows[list(KEY)].tolist(), strict=True)):
            record = self._found.setdefault(key, len(self._found))
            if record == len(self._spans) + len(new):
                new.append(n)
            records[n] = record
        if new:
            firsts = np.array(new, np.int64)
            ends = kernels.reach(
                rows, firsts, self._spots, self._t.shift, self._t.place, self._points, self._vectors, self._used
            )
            begins = np.concatenate(([self._used], ends[:-1]))
            self._spans = np.concatenate((self._spans, np.stack((begins, ends), axis=1)))
            self._done = np.concatenate((self._done, np.zeros((len(new), self._done.shape[1]), bool)))
            self._used = int(ends[-1])
        return records

    def _grow(self, more: int) -> None:
        """Make room for so many entries; pages are taken up when they are written."""
        self._forget()
        if more > self._room:
            self._room = max(MOST, more)
            self._points, self._vectors = np.empty(self._room, np.int64), np.empty(self._room, np.int64)
            self._sums = np.empty((self._room, len(kernels.HELDS)))

    def _fill(self, rows: Ints, records: Ints, cap: float) -> None:
        """Fill the tables that labels need."""
        held = np.zeros(rows.shape[1], np.int64)
        for tensor in TENSORS:
            held |= _holds(rows, tensor).astype(np.int64) << tensor
        for kind, tensors in enumerate(kernels.HELDS.tolist()):
            need = np.flatnonzero(((held & tensors) == tensors) & ~self._done[records, kind])
            if len(need):
                once, first = np.unique(records[need], return_index=True)
                self._done[once, kind] = True
                kernels.tabulate(
                    self._terms,
                    rows,
                    self._region + 1,
                    kind,
                    cap,
                    need[first],
                    self._spans[once],
                    self._points,
                    self._vectors,
                    self._multicast,
                    self._chart.values,
                    self._chart.statuses,
                    self._chart.spans[tensors],
                    self._sums,
                )


def _holds(rows: Ints, tensor: int) -> Flags:
    """Is a tensor's next node one that the last loops do not move, or slide along?"""
    held: Flags = (rows[k.RUN] == tensor + 1) & (rows[k.RHO] > 1)
    return held | (rows[k.SLIDE] >= 0) if tensor == 1 else held
