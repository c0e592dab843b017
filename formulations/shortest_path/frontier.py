"""Labels that a search has reached: kept once per place unless none is as good, and those still to be extended."""

from __future__ import annotations

import numpy as np

from formulations.shortest_path import labels as k
from formulations.shortest_path.kernels.dominance import insert, rehash
from formulations.shortest_path.rules import Filter
from formulations.shortest_path.tables import Flags, Floats, Ints, Machine

DOMINANCE = True
"""Are labels left out that others cover?"""


class Frontier:
    """Labels and open entries: twice the number of a label, plus 1 if the label's fan-out is to be passed.

    Attributes
    ----------
    count
        How many there are.
    passed
        Per label, the value up to which its fan-out was passed (:meth:`search.Search._pass`).
    """

    def __init__(self, m: Machine, size: int, timing: int, rules: Filter | None = None) -> None:
        self._machine, self._size, self._timing, self._rules = m, size, timing, rules
        self._store = np.zeros((1 << 10, k.width(m)), np.int64)
        self._places = np.zeros(1 << 10, np.int64)
        self._nexts = np.full(1 << 10, -1, np.int64)
        self._heads = np.full(1 << 11, -1, np.int64)
        self.passed = np.full(1 << 10, -np.inf)
        self.count = 0
        self.entries = np.zeros(0, np.int64)
        self.bounds = np.zeros(0)
        self.guesses = np.zeros(0)
        self.cycles = np.zeros(0, np.int64)

    @property
    def rows(self) -> Ints:
        """Labels, a column each."""
        rows: Ints = self._store.T
        return rows

    def labels(self, numbers: Ints) -> Ints:
        """A copy of some labels."""
        return np.ascontiguousarray(self._store[numbers].T)

    def column(self, column: int, numbers: Ints) -> Ints:
        """A column of some labels."""
        found: Ints = self._store[numbers, column]
        return found

    def push(self, entries: Ints, bounds: Floats, guesses: Floats, cycles: Ints) -> None:
        """Open entries, with bounds and guesses of their values and the least cycles."""
        self.entries = np.concatenate((self.entries, entries))
        self.bounds = np.concatenate((self.bounds, bounds))
        self.guesses = np.concatenate((self.guesses, guesses))
        self.cycles = np.concatenate((self.cycles, cycles))

    def keep(self, chosen: Ints | Flags) -> None:
        """Forget all open entries but these."""
        self.entries, self.bounds = self.entries[chosen], self.bounds[chosen]
        self.guesses, self.cycles = self.guesses[chosen], self.cycles[chosen]

    def take(self, most: int, by: Floats) -> Ints:
        """The open entries of the least values, at most so many; labels that are of no use any more are dropped."""
        if len(by) > most:
            chosen = np.argpartition(by, most)[:most]
        else:
            chosen = np.arange(len(by))
        taken = self.entries[chosen]
        rest = np.ones(len(by), bool)
        rest[chosen] = False
        self.keep(rest)
        found: Ints = taken[self._store[taken >> 1, k.DEAD] == 0]
        return found

    def insert(self, rows: Ints) -> tuple[Ints, Ints]:
        """Keep labels (best first) that none at their place covers: their numbers, and which of the given ones."""
        self._grow(rows.shape[1])
        m = self._machine
        kept = insert(
            self._store,
            self.count,
            self._places,
            self._heads,
            self._nexts,
            rows,
            self._place(rows),
            m.region,
            self._timing,
            bool(m.rounds.any()),
            DOMINANCE,
        )
        numbers = np.arange(self.count, self.count + len(kept))
        self.count += len(kept)
        return numbers, kept

    def _place(self, rows: Ints) -> Ints:
        """Numbers of region, last nodes, point, and what rules ask."""
        levels = len(self._machine.levels)
        last = rows[k.LAST : k.LAST + 3]
        places = ((rows[k.IN] * levels + last[0]) * levels + last[1]) * levels + last[2]
        found: Ints = places * self._size + rows[k.X]
        return found if self._rules is None else self._rules.placed(rows, found)

    def _grow(self, more: int) -> None:
        """Make room for so many labels, and one to work on."""
        room = len(self._store)
        if self.count + more < room:
            return
        while self.count + more >= room:
            room *= 2
        added = room - len(self._store)
        self._store = np.concatenate((self._store, np.zeros((added, self._store.shape[1]), np.int64)))
        self._places = np.concatenate((self._places, np.zeros(added, np.int64)))
        self._nexts = np.concatenate((self._nexts, np.full(added, -1, np.int64)))
        self.passed = np.concatenate((self.passed, np.full(added, -np.inf)))
        self._heads = np.full(2 * room, -1, np.int64)
        rehash(self._places, self._store, self.count, self._heads, self._nexts)
