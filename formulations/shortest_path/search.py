"""Best-first search over labels, a batch of them at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from formulations.nest import Nest
from formulations.problem import LayerProblem
from formulations.shortest_path import bounds
from formulations.shortest_path import labels as k
from formulations.shortest_path.board import board_of
from formulations.shortest_path.bounds import Charts
from formulations.shortest_path.crossing import SLACK, Crossing
from formulations.shortest_path.frontier import Frontier
from formulations.shortest_path.goal import Goal
from formulations.shortest_path.items import nest_items
from formulations.shortest_path.kernels import batches
from formulations.shortest_path.kernels.dominance import TIMED
from formulations.shortest_path.kernels.goal import hopeless
from formulations.shortest_path.kernels.steps import Board
from formulations.shortest_path.rules import Filter
from formulations.shortest_path.tables import Floats, Ints, Lattice, Machine, by_value
from formulations.shortest_path.twins import Twins

CLOSE = 0.005
"""A fan-out is passed with the vectors whose bounds are within this part of the least one."""


@dataclass(frozen=True)
class Ground:
    """What searches on one problem share."""

    problem: LayerProblem
    lattice: Lattice
    machine: Machine
    charts: Charts

    @cached_property
    def board(self) -> Board:
        """What the steps of labels read."""
        return board_of(self.lattice, self.machine, Twins(self.problem, self.lattice, self.machine))


class Search:
    """A search on one problem.

    Attributes
    ----------
    goal : Goal
        With the best value so far.
    best : Nest or None
        The best nest found.
    last : int
        The number of its last label; -1 without one.
    relaxed : int
        Labels made.
    """

    def __init__(self, ground: Ground, goal: Goal, greed: float) -> None:
        self.problem, self.t, self.m, self.charts = ground.problem, ground.lattice, ground.machine, ground.charts
        self.board, self.terms = ground.board, ground.charts.terms
        self.crossings = [Crossing(self.t, self.m, self.charts, region) for region in range(self.m.regions - 1)]
        self.goal, self.greed = goal, greed
        self.rules = Filter(self.problem, self.t, self.m)
        timing = TIMED if self.problem.rules.least_used > 1 else goal.timing(self.m)
        self.frontier = Frontier(self.m, self.t.size, timing, self.rules)
        self.best: Nest | None = None
        self.last = -1
        self.relaxed = 0
        self._most = int((self.t.counts - 1).sum()) + 3 * max(map(len, self.m.members))
        start = k.start_of(self.t, self.m, self.problem.steps * self.problem.step_energy)
        self.rules.enter(start)
        self._enter(start, 0)

    def is_poor(self, ratio: float) -> bool:
        """Is there no value to undercut yet, or one so many times the least bound?"""
        bounds = self.frontier.bounds
        return self.goal.best is None or (len(bounds) > 0 and self.goal.best > ratio * float(bounds.min()))

    @property
    def least(self) -> float:
        """The least bound of what is still open; infinite if nothing is."""
        return float(self.frontier.bounds.min(initial=np.inf))

    def step(self, width: int, *, greedy: bool = False) -> bool:
        """Extend the `width` most promising labels; False if none is left that may be better than the best."""
        frontier = self.frontier
        frontier.keep(~hopeless(self.goal.aim, frontier.bounds, frontier.cycles))
        if len(frontier.entries) == 0:
            return False
        self._extend(frontier.take(width, frontier.guesses if greedy else frontier.bounds))
        return True

    def _extend(self, entries: Ints) -> None:
        """Extend labels: even entries by loops and nodes, odd ones by the fan-out of their region."""
        inner, leaving = entries[entries & 1 == 0] >> 1, entries[entries & 1 == 1] >> 1
        for numbers, extend in ((leaving, self._leave), (inner, self._expand)):
            for region, chosen in by_value(self.frontier.rows[numbers, k.IN]):
                extend(numbers[chosen], region)

    def _expand(self, numbers: Ints, region: int) -> None:
        """Loops and nodes behind labels of a region; then they may leave it."""
        rows = self.frontier.rows[numbers]
        made = np.empty((len(rows) * self._most, rows.shape[1]), np.int64)
        count = batches.expand(self.board, rows, numbers, self.rules.may_extend(rows, region), made)
        self._push(2 * numbers + 1, rows, bounds.leaving(self.charts, rows, region))
        if count:
            self.rules.note_loops(made[:count])
            self._enter(made[:count], region)

    def _leave(self, numbers: Ints, region: int) -> None:
        """The fan-out of a region, with every vector; behind the last one nests are complete."""
        rows = self.frontier.rows[numbers]
        if region + 1 == self.m.regions:
            y = self.t.children(rows[:, k.X, None], self.m.spots[:, self.m.fan(region)])
            of, vectors = np.nonzero(y >= 0)
            vectors = vectors + self.m.first[region]
            if self.rules.on:
                may = self.rules.may_leave(rows, region, of, vectors)
                of, vectors = of[may], vectors[may]
            if len(of):
                self._complete(rows, numbers, of, vectors)
        else:
            self._pass(rows, numbers, region)

    def _pass(self, rows: Ints, numbers: Ints, region: int) -> None:
        """Pass a fan-out with the vectors whose bounds are about the least; the label stays open for the others."""
        base, least = batches.paid(self.board, self.terms, rows)
        most = self.goal.most_energy
        of, vectors, y, rest = self.crossings[region].within(rows, most - base, SLACK * most)
        vectors = vectors + self.m.first[region]
        may = self.rules.may_leave(rows, region, of, vectors) if self.rules.on else np.zeros(0, bool)
        passed = self.frontier.passed[numbers]
        now, limits, later, soonest = batches.sift(
            self.board, self.goal.aim, rows, base, least, of, vectors, rest, may, passed, CLOSE
        )
        self.frontier.passed[numbers] = limits
        self._come_back(numbers, base, later, soonest)
        if len(now):
            new = np.empty((len(now), rows.shape[1]), np.int64)
            batches.cross(self.board, rows, numbers, of[now], vectors[now], y[now], new)
            self.rules.enter(new)
            self._enter(new, region + 1)

    def _come_back(self, numbers: Ints, base: Floats, least: Floats, soonest: Ints) -> None:
        """Open labels again for the vectors that are left, of these least bounds and cycles."""
        again = np.flatnonzero(np.isfinite(least))
        if len(again):
            paid = base[again] * (self.goal.kind in ("energy", "weighted"))
            guesses = paid + (least[again] - paid) * self.greed
            self.frontier.push(2 * numbers[again] + 1, least[again], guesses, soonest[again])

    def _complete(self, rows: Ints, numbers: Ints, of: Ints, vectors: Ints) -> None:
        """Nests behind the last fan-out."""
        values, costs = batches.complete(self.board, self.goal.aim, rows, of, vectors)
        least = values.min()
        if not np.isfinite(least):
            return
        for n in np.flatnonzero(values <= least * (1 + 1e-12)):
            high, low, units = costs[n].tolist()
            energy = high * k.BASE + low
            if self.goal.note(self.m, energy, -(-units // self.m.unit)):
                self.last, vector = int(numbers[of[n]]), int(vectors[n])
                items = nest_items(self.problem, self.t, self.m, self.frontier.rows, self.last, vector, self.rules)
                self.best = Nest(items, energy, units)

    def _enter(self, rows: Ints, region: int) -> None:
        """New labels of a region, unless they cannot be better than the best or one at their place is as good."""
        self.relaxed += len(rows)
        rest = bounds.ahead(self.charts, rows, region)
        least, guesses, cycles = batches.weigh(self.board, self.terms, self.goal.aim, rows, rest, self.greed)
        good = np.flatnonzero(least < np.inf)
        if len(good) == 0:
            return
        numbers, kept = self.frontier.insert(rows, good[np.argsort(least[good], kind="stable")])
        self.frontier.push(2 * numbers, least[kept], guesses[kept], cycles[kept])

    def _push(self, entries: Ints, rows: Ints, rest: Floats) -> None:
        """Open entries of labels that have so much still to pay, unless they cannot be better than the best."""
        least, guesses, cycles = batches.weigh(self.board, self.terms, self.goal.aim, rows, rest, self.greed)
        good = np.flatnonzero(least < np.inf)
        self.frontier.push(entries[good], least[good], guesses[good], cycles[good])
