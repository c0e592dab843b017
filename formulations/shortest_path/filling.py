"""Tables of bounds as steps of a program: what lowers which values, in which order.

A step lowers the values of one column (a combination of statuses, and a number of copies of the output) by those of
another column plus costs, or by its own values at points further inside. Steps do not depend on sizes and energies, so
hardware points share them.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from formulations.shortest_path.kernels import filling as kernels
from formulations.shortest_path.tables import Flags, Floats, Ints, Lattice

Key = tuple[Hashable, ...]
EVERY = 0
"""The cost 0."""
SPARSE = 0.25
"""Points are listed if they are less than this part of all."""


@dataclass(frozen=True)
class Program:
    """Steps, part by part, and what the columns and costs in them are called.

    ``columns`` is how many there are; the given ones begin at ``given[key]``, costs at ``costs[key]``.
    """

    columns: int
    given: dict[Key, int]
    costs: dict[Key, int]
    steps: Ints
    ends: tuple[int, ...]


class Steps:
    """A program in the making."""

    def __init__(self, t: Lattice) -> None:
        self._columns, self._costs, self._steps, self._ends = 0, 1, list[tuple[int, ...]](), list[int]()
        self._given, self._priced, self._made = dict[Key, int](), dict[Key, int](), dict[Key, int]()
        self._primes = [sum(1 << n for n in np.flatnonzero(t.prime_dims == d).tolist()) for d in range(len(t.lacks))]

    def columns(self, count: int) -> int:
        """The first one of new columns, which are infinite at first."""
        self._columns += count
        return self._columns - count

    def given(self, key: Key, count: int) -> int:
        """The first one of so many columns that are given."""
        if key not in self._given:
            self._given[key] = self.columns(count)
        return self._given[key]

    def cost(self, key: Key, count: int) -> int:
        """The first one of so many costs."""
        if key not in self._priced:
            self._priced[key] = self._costs
            self._costs += count
        return self._priced[key]

    def lower(self, target: int, source: int, *costs: int) -> None:
        """Lower a column by another one with up to four costs."""
        some = [cost for cost in costs if cost != EVERY]
        self._steps.append((target, source, len(some), *some, *(EVERY,) * (4 - len(some)), 0))

    def close(self, target: int, dims: list[int]) -> None:
        """Loops over dims: every value at most that of the points inside that they reach."""
        primes = sum(self._primes[d] for d in dims)
        if primes:
            self._steps.append((target, -1, 0, EVERY, EVERY, EVERY, EVERY, primes))

    def moved(self, key: Key, source: int, cost: int, dim: int) -> int:
        """The column of another one's values over loops over a dim; made once per key, for which both are the same."""
        key = *key, source, cost, dim
        if key not in self._made:
            self._made[key] = self.columns(1)
            self.lower(self._made[key], source, cost)
            self.close(self._made[key], [dim])
        return self._made[key]

    def part(self) -> None:
        """A part ends."""
        self._ends.append(len(self._steps))

    def program(self) -> Program:
        """The steps so far."""
        steps = np.array(self._steps, np.int64).reshape(-1, 8)
        return Program(self._columns, self._given, self._priced, steps, tuple(self._ends))


def run(
    t: Lattice, program: Program, given: dict[Key, Floats], costs: dict[Key, Floats], within: list[Flags]
) -> Floats:
    """Take all steps: values, a row per column.

    Those of a part are taken at the points where its flag of `within` is set at least.
    """
    values = np.full((program.columns, t.size), np.inf)
    for key, first in program.given.items():
        values[first : first + len(given[key])] = given[key]
    prices = np.zeros((1 + sum(map(len, costs.values())), t.size))
    for key, first in program.costs.items():
        prices[first : first + len(costs[key])] = costs[key]
    begins = (0, *program.ends[:-1])
    parts, points = _parts(begins, program.ends, within)
    kernels.fill(values, prices, program.steps, parts, points, t.back)
    return values


def _parts(begins: Sequence[int], ends: Sequence[int], within: list[Flags]) -> tuple[Ints, Ints]:
    """Parts as the kernel takes them, and the points that they list."""
    parts, lists, first = [], [np.zeros(0, np.int64)], 0
    for begin, end, flags in zip(begins, ends, within, strict=True):
        some = np.flatnonzero(flags)
        if len(some) < SPARSE * len(flags):
            parts.append((begin, end, first, first + len(some)))
            lists.append(some)
            first += len(some)
        else:
            parts.append((begin, end, -1, -1))
    return np.array(parts, np.int64).reshape(-1, 4), np.concatenate(lists)
