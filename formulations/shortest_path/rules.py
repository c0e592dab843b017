"""Rules for nests (:mod:`formulations.nest_rules`) as filters on the steps of labels.

A label of a problem with rules has three more columns: ``START``, the point at which its region began; ``SEEN``, the
dims (bits) with loops in the region; ``TURNED``, the rules of stationary tensors (bits) under which no loop may move
the tensor any more until its node is placed. Only labels that agree in these columns, as far as the rules ask for them,
are compared; under a share of multipliers also only those with as many instances.

Which of the search's own rules (:mod:`formulations.shortest_path`) stay? R1 moves nodes above loops that their tensors
lack: tiles and the order of loops stay. R3 does not change which loops a region has. R4 is off but in the last region,
whose loops behind all nodes are put in an order that keeps the rules; those are asked of them when the nest is
complete. R2 moves a loop to another region: it is off where rules ask for regions. There, a fan-out with all factors 1
is no boundary, so such vectors are left to the machines without that fan-out. R6 and like dims are off. All bounds stay
bounds: fewer nests are left.
"""

from __future__ import annotations

import math
from graphlib import CycleError, TopologicalSorter

import numpy as np

from formulations.nest_rules import NO_RULES, Allowed, NestRules
from formulations.problem import LayerProblem
from formulations.shortest_path import labels as k
from formulations.shortest_path.tables import Flags, Ints, Lattice, Machine

START, SEEN, TURNED = range(3)
"""Columns, from :func:`labels.first_of_rules` on."""


def held(allowed: Allowed, numbers: Ints) -> Flags:
    """Which numbers are allowed?"""
    most = np.iinfo(np.int64).max if allowed.most is None else allowed.most
    found: Flags = (numbers >= allowed.least) & (numbers <= most) & (numbers % allowed.multiple == 0)
    return found


class Filter:
    """The rules of a problem on its lattice and machine; without rules nothing is filtered.

    `widest[r]` are the most instances from region r's fan-out on (:func:`tables.most_instances`).
    """

    def __init__(self, problem: LayerProblem, t: Lattice, m: Machine, widest: Ints) -> None:
        self._rules: NestRules = problem.rules
        self._t, self._m, self._widest = t, m, widest
        self.on = problem.rules != NO_RULES
        self._inner = np.zeros((m.regions, len(t.lacks)), np.int64)
        for level in range(len(m.levels)):
            for outer, inner in self._rules.inside(level):
                self._inner[m.region[level], outer] |= 1 << inner
        self._orders: dict[int, tuple[int, ...] | None] = {}

    def order_of(self, dims: int) -> tuple[int, ...] | None:
        """An order of loops over some dims (bits), outermost first, that the last region may have; None without one."""
        if dims not in self._orders:
            inner = self._inner[-1].tolist()
            graph = {
                d: {outer for outer in range(len(inner)) if dims >> outer & 1 and inner[outer] >> d & 1}
                for d in range(len(inner))
                if dims >> d & 1
            }
            try:
                self._orders[dims] = tuple(TopologicalSorter(graph).static_order())
            except CycleError:
                self._orders[dims] = None
        return self._orders[dims]

    def enter(self, rows: Ints) -> None:
        """Labels begin a region."""
        if self.on:
            first = k.first_of_rules(self._m)
            rows[first + START], rows[first + SEEN] = rows[k.X], 0

    def may_loop(self, rows: Ints, region: int, dim: int) -> Flags:
        """May a loop over a dim follow?"""
        first, may = k.first_of_rules(self._m), np.ones(rows.shape[1], bool)
        may &= rows[first + SEEN] & self._inner[region, dim] == 0
        for n, rule in enumerate(self._rules.stationary):
            if self._t.lacks[dim] != rule.tensor:
                may &= (rows[first + TURNED] >> n & 1 == 0) | (rows[k.LAST + rule.tensor] >= rule.level)
        return may

    def note_loop(self, rows: Ints, dim: int) -> None:
        """A loop over a dim has been placed."""
        if not self.on:
            return
        first = k.first_of_rules(self._m)
        rows[first + SEEN] |= 1 << dim
        for n, rule in enumerate(self._rules.stationary):
            if self._t.lacks[dim] == rule.tensor:
                rows[first + TURNED] |= 1 << n

    def may_place(self, rows: Ints, tensor: int, level: int) -> Flags:
        """May a node be placed, for the size of its tile?"""
        may, x = np.ones(rows.shape[1], bool), rows[k.X]
        for rule in self._rules.tiles:
            if (rule.tensor, rule.level) == (tensor, level):
                sizes = self._t.words[tensor, x] if rule.dim is None else self._t.extents[rule.dim, x]
                may &= held(rule.allowed, sizes)
        return may

    def may_leave(self, rows: Ints, region: int, of: Ints, vectors: Ints) -> Flags:
        """May labels pass the fan-out of a region with these vectors? Behind the last one the nest is complete."""
        t, m, first = self._t, self._m, k.first_of_rules(self._m)
        last = region + 1 == m.regions
        factors = m.vectors[:, vectors]
        may: Flags = rows[k.INSTANCES, of] * m.kids[vectors] * self._widest[region + 1] >= self._rules.least_used
        start = rows[first + START, of]
        for rule in self._rules.temporal:
            if m.region[rule.level] == region:
                inside = factors[rule.dim] if last else t.extents[rule.dim, rows[k.X, of]]
                may &= held(rule.allowed, t.extents[rule.dim, start] // inside)
        if last and self._inner[region].any():
            left = t.extents[:, rows[k.X, of]] > factors
            for dim in range(len(left)):
                seen = rows[first + SEEN, of] & self._inner[region, dim]
                may &= ~(left[dim] & (seen != 0))
            masks = (left << np.arange(len(left))[:, None]).sum(axis=0)
            known, place = np.unique(masks, return_inverse=True)
            may &= np.array([self.order_of(mask) is not None for mask in known.tolist()], bool)[place.reshape(-1)]
        return may

    def placed(self, rows: Ints, places: Ints) -> Ints:
        """Numbers of places and of what the rules ask: labels of one number may be completed in the same ways.

        Raises
        ------
        OverflowError
            If there are more than 2^62 of them.
        """
        rules, first, t = self._rules, k.first_of_rules(self._m), self._t
        columns = [(SEEN, 1 << len(t.lacks))] if rules.orders else []
        columns += [(TURNED, 1 << len(rules.stationary))] if rules.stationary else []
        columns += [(START, t.size)] if rules.temporal else []
        most = self._m.regions * len(self._m.levels) ** 3 * t.size * math.prod(size for _, size in columns)
        if most >= 1 << 62:
            raise OverflowError(f"the rules of a layer tell {most} kinds of labels apart, at most 2^62 are possible")
        for column, size in columns:
            places = places * size + rows[first + column]
        return places
