"""Labels that a search has reached: kept once per place unless none is as good, and those still to be extended."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from formulations.shortest_path import labels as k
from formulations.shortest_path.labels import covering
from formulations.shortest_path.rules import Filter
from formulations.shortest_path.tables import Floats, Ints, Machine


class Frontier:
    """Labels and open entries: twice the number of a label, plus 1 if the label's fan-out is to be passed.

    Attributes
    ----------
    rows
        Labels, a column each.
    count
        How many there are.
    passed
        Per label, the value up to which its fan-out was passed (:meth:`search.Search._pass`).
    """

    def __init__(self, m: Machine, size: int, timed: bool, rules: Filter | None = None) -> None:
        self._machine, self._size, self._timed, self._rules = m, size, timed, rules
        self.rows = np.zeros((k.width(m), 1 << 10), np.int64)
        self.passed = np.full(1 << 10, -np.inf)
        self.count = 0
        self._at: dict[int, list[int]] = {}
        self.entries = np.zeros(0, np.int64)
        self.bounds = np.zeros(0)
        self.guesses = np.zeros(0)

    def push(self, entries: Ints, bounds: Floats, guesses: Floats) -> None:
        """Open entries, with bounds and guesses of their values."""
        self.entries = np.concatenate((self.entries, entries))
        self.bounds = np.concatenate((self.bounds, bounds))
        self.guesses = np.concatenate((self.guesses, guesses))

    def keep(self, chosen: Ints) -> None:
        """Forget all open entries but these."""
        self.entries, self.bounds, self.guesses = self.entries[chosen], self.bounds[chosen], self.guesses[chosen]

    def take(self, most: int, by: Floats) -> Ints:
        """The open entries of the least values, at most so many; labels that are of no use any more are dropped."""
        if len(by) > most:
            chosen = np.argpartition(by, most)[:most]
        else:
            chosen = np.arange(len(by))
        taken = self.entries[chosen]
        rest = np.ones(len(by), bool)
        rest[chosen] = False
        self.keep(np.flatnonzero(rest))
        found: Ints = taken[self.rows[k.DEAD, taken >> 1] == 0]
        return found

    def insert(self, rows: Ints) -> tuple[Ints, Ints]:
        """Keep labels (best first) that none at their place covers: their numbers, and which of the given ones."""
        places = self._places(rows)
        order = np.argsort(places, kind="stable")
        unique, begins = np.unique(places[order], return_index=True)
        groups = np.split(order, begins[1:])
        good = np.ones(rows.shape[1], bool)
        pairs = [_pairs(group) for group in groups if len(group) > 1]
        if pairs:
            first, second = np.concatenate(pairs, axis=1)
            good[second[self._covering(rows, first, rows, second)]] = False
        self._compare(rows, unique, groups, good)
        kept = np.flatnonzero(good)
        return self._append(rows[:, kept], places[kept]), kept

    def _compare(self, rows: Ints, unique: Ints, groups: list[Ints], good: Ints) -> None:
        """Compare with the labels kept at the same places: new ones may be covered, old ones become useless."""
        olds: list[int] = []
        news: list[int] = []
        for place, group in zip(unique.tolist(), groups, strict=True):
            known = self._at.get(place)
            if known:
                for n in group[good[group]].tolist():
                    olds += known
                    news += [n] * len(known)
        if not olds:
            return
        old, new = np.array(olds), np.array(news)
        good[new[self._covering(self.rows, old, rows, new)]] = False
        left = good[new]
        old, new = old[left], new[left]
        useless = np.unique(old[self._covering(rows, new, self.rows, old)])
        self.rows[k.DEAD, useless] = 1
        for number, place in zip(useless.tolist(), self._places(self.rows[:, useless]).tolist(), strict=True):
            self._at[place].remove(number)

    def _covering(self, a: Ints, first: Ints, b: Ints, second: Ints) -> Ints:
        """Of pairs of labels those of which the first is as good, and may be completed in the same ways."""
        found = covering(self._machine, a, first, b, second, self._timed)
        if self._rules is None or not self._rules.on:
            return found
        return found[self._rules.covers(a[:, first[found]], b[:, second[found]])]

    def _places(self, rows: Ints) -> Ints:
        """Numbers of region, last nodes and point."""
        levels = len(self._machine.levels)
        last = rows[k.LAST : k.LAST + 3]
        places = ((rows[k.IN] * levels + last[0]) * levels + last[1]) * levels + last[2]
        found: Ints = places * self._size + rows[k.X]
        return found

    def _append(self, rows: Ints, places: Ints) -> Ints:
        numbers = np.arange(self.count, self.count + rows.shape[1])
        while self.count + rows.shape[1] > self.rows.shape[1]:
            self.rows = np.concatenate((self.rows, np.zeros_like(self.rows)), axis=1)
            self.passed = np.concatenate((self.passed, np.full_like(self.passed, -np.inf)))
        self.rows[:, numbers] = rows
        for number, place in zip(numbers.tolist(), places.tolist(), strict=True):
            self._at.setdefault(place, []).append(number)
        self.count += rows.shape[1]
        return numbers


def _pairs(group: Ints) -> Ints:
    """All pairs of a group, in order."""
    return group[_triangle(len(group))]


@lru_cache(maxsize=256)
def _triangle(count: int) -> Ints:
    return np.stack(np.triu_indices(count, 1))
