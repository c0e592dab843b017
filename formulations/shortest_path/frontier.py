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
    rows, count
        Labels, a row each, and how many there are.
    passed
        Per label, the value up to which its fan-out was passed (:meth:`search.Search._pass`).
    """

    def __init__(self, m: Machine, size: int, timing: int, rules: Filter) -> None:
        self._machine, self._size, self._timing, self._told_apart = m, size, timing, rules.told_apart()
        self._rounds = bool(m.rounds.any())
        self.rows = np.zeros((1 << 10, k.width(m)), np.int64)
        self._places = np.zeros(1 << 10, np.int64)
        self._nexts = np.full(1 << 10, -1, np.int64)
        self._heads = np.full(1 << 11, -1, np.int64)
        self.passed = np.full(1 << 10, -np.inf)
        self.count = 0
        self.entries = np.zeros(0, np.int64)
        self.bounds = np.zeros(0)
        self.guesses = np.zeros(0)
        self.cycles = np.zeros(0, np.int64)

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
        found: Ints = taken[self.rows[taken >> 1, k.DEAD] == 0]
        return found

    def insert(self, rows: Ints, order: Ints) -> tuple[Ints, Ints]:
        """Keep labels (some rows, best first) that none at their place covers: their numbers, and which of the rows."""
        self._grow(len(order))
        m = self._machine
        kept = insert(
            self.rows,
            self.count,
            self._places,
            self._heads,
            self._nexts,
            rows,
            order,
            m.region,
            self._size,
            *self._told_apart,
            self._timing,
            self._rounds,
            DOMINANCE,
        )
        numbers = np.arange(self.count, self.count + len(kept))
        self.count += len(kept)
        return numbers, kept

    def _grow(self, more: int) -> None:
        """Make room for so many labels, and one to work on."""
        room = len(self.rows)
        if self.count + more < room:
            return
        while self.count + more >= room:
            room *= 2
        added = room - len(self.rows)
        self.rows = np.concatenate((self.rows, np.zeros((added, self.rows.shape[1]), np.int64)))
        self._places = np.concatenate((self._places, np.zeros(added, np.int64)))
        self._nexts = np.concatenate((self._nexts, np.full(added, -1, np.int64)))
        self.passed = np.concatenate((self.passed, np.full(added, -np.inf)))
        self._heads = np.full(2 * room, -1, np.int64)
        rehash(self._places, self.rows, self.count, self._heads, self._nexts, self._timing, self._rounds)
