"""Best-first search over labels, a batch of them at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from formulations.nest import Nest
from formulations.problem import I, LayerProblem, O
from formulations.shortest_path import bounds
from formulations.shortest_path import labels as k
from formulations.shortest_path.bounds import Charts
from formulations.shortest_path.crossing import SLACK, Crossing
from formulations.shortest_path.frontier import Frontier
from formulations.shortest_path.goal import Goal
from formulations.shortest_path.items import nest_items
from formulations.shortest_path.kernels.dominance import TIMED
from formulations.shortest_path.rules import Filter
from formulations.shortest_path.tables import TENSORS, Flags, Floats, Ints, Lattice, Machine, by_value, most_instances
from formulations.shortest_path.twins import Twins

CLOSE, NEAR = 0.005, 0.25
"""A fan-out is passed with the vectors whose bounds are within this part of the least one; in a beam, within that."""


@dataclass(frozen=True)
class Ground:
    """What searches on one problem share."""

    problem: LayerProblem
    lattice: Lattice
    machine: Machine
    charts: Charts


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
        self.crossings = [Crossing(self.t, self.m, self.charts, region) for region in range(self.m.regions - 1)]
        self.goal, self.greed = goal, greed
        self.widest = most_instances(self.m)
        self.more = _more_nodes(self.m)
        self.twins = Twins(self.problem, self.t, self.m)
        self.rules = Filter(self.problem, self.t, self.m, self.widest)
        timing = TIMED if self.problem.rules.least_used > 1 else goal.timing(self.m)
        self.frontier = Frontier(self.m, self.t.size, timing, self.rules)
        self.best: Nest | None = None
        self.last = -1
        self.relaxed = 0
        self._forgets = False
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
        frontier.keep(~self.goal.hopeless(frontier.bounds, frontier.cycles))
        if len(frontier.entries) == 0:
            return False
        self._extend(frontier.take(width, frontier.guesses if greedy else frontier.bounds))
        return True

    def beam_step(self, width: int) -> bool:
        """The same, and all others are forgotten: this looks for a nest and proves nothing."""
        self._forgets = True
        entries = self.frontier.take(width, self.frontier.guesses)
        self.frontier.keep(np.zeros(0, np.int64))
        self._extend(entries)
        return len(self.frontier.entries) > 0

    def _extend(self, entries: Ints) -> None:
        """Extend labels: even entries by loops and nodes, odd ones by the fan-out of their region."""
        inner, leaving = entries[entries & 1 == 0] >> 1, entries[entries & 1 == 1] >> 1
        for numbers, extend in ((leaving, self._leave), (inner, self._expand)):
            for region, chosen in by_value(self.frontier.column(k.IN, numbers)):
                extend(numbers[chosen], region)

    def _expand(self, numbers: Ints, region: int) -> None:
        """Loops and nodes behind labels of a region; then they may leave it.

        Loops behind the last node are left for the last region (rule R4), unless rules ask where they stand.
        """
        rows = self.frontier.labels(numbers)
        may = np.flatnonzero(self._more(rows, region).any(axis=0) | self.rules.on)
        inner, of = rows[:, may], numbers[may]
        made = [*self._loops(inner, of, region), *self._nodes(inner, of, region)]
        base, cycles = self._base(rows)
        rest = bounds.leaving(self.charts, self.m, rows, region)
        self._push(2 * numbers + 1, rows, base, rest, cycles)
        if made:
            self._enter(np.concatenate(made, axis=1), region)

    def _more(self, rows: Ints, region: int) -> Ints:
        """By tensor and label: may it have another node further inside (2), or in the region (1)?"""
        return np.stack([self.more[region, tensor, rows[k.DIGIT + tensor]] for tensor in TENSORS])

    def _loops(self, rows: Ints, numbers: Ints, region: int) -> list[Ints]:
        t, made, more = self.t, [], self._more(rows, region)
        for d in range(len(t.lacks)):
            slides = (more[I] > 0) & (t.halo[d] == 1)
            may = np.ones(rows.shape[1], bool) if t.regional else may_loop(rows, d)
            if self.rules.on:
                may &= self.rules.may_loop(rows, region, d)
            may &= self.twins.may_loop(rows[k.X], d)
            here = t.place[d, rows[k.X]]
            fits = (t.quotient[d, here, 1 : int(here.max(initial=0)) + 1] >= 0).T & may
            alone = [stands_alone(t, d, spot) for spot in range(1, len(fits) + 1)]
            fits[~np.array(alone, bool)] &= slides
            spots, chosen = np.nonzero(fits)
            if len(chosen):
                spots, new, lack = spots + 1, rows[:, chosen], t.lacks[d]
                left = more[lack][chosen] if lack >= 0 else np.zeros(len(chosen), np.int64)
                k.loop(t, new, d, spots, left, slides[chosen])
                self.rules.note_loop(new, d)
                made.append(_made(new, numbers[chosen], k.LOOP, d, t.divisors[d, spots]))
        return made

    def _nodes(self, rows: Ints, numbers: Ints, region: int) -> list[Ints]:
        t, m, made = self.t, self.m, []
        members = m.members[region]
        for tensor in TENSORS:
            may = may_place(rows, tensor)
            bits = t.words[tensor, rows[k.X]] * t.bits[tensor]
            digits = rows[k.DIGIT + tensor]
            for place, level in enumerate(members, 1):
                if m.may_keep[level, tensor]:
                    capacity = m.levels[level].capacity_bits
                    fits = may & (digits < place)
                    if capacity is not None:
                        fits &= rows[k.USED + level] + bits <= capacity
                    if self.rules.on:
                        fits &= self.rules.may_place(rows, tensor, level)
                    chosen = np.flatnonzero(fits)
                    if len(chosen):
                        new = rows[:, chosen]
                        k.place(t, m, new, tensor, level)
                        k.forget(m, new, self.more[region], tensor)
                        made.append(_made(new, numbers[chosen], k.NODE, tensor, level))
                if not m.may_skip[level, tensor]:
                    may = may & (digits >= place)
        return made

    def _leave(self, numbers: Ints, region: int) -> None:
        """The fan-out of a region, with every vector; behind the last one nests are complete."""
        rows = self.frontier.labels(numbers)
        if region + 1 == self.m.regions:
            y = self.t.children(rows[k.X, :, None], self.m.spots[:, self.m.fan(region)])
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
        """Pass a fan-out with the vectors whose bounds are about the least; the label stays open for the others.

        A beam, which forgets, does not come back for the others.
        """
        base, least = self._base(rows)
        most = self.goal.most_energy
        of, vectors, y, rest = self.crossings[region].within(rows, most - base, SLACK * most)
        vectors = vectors + self.m.first[region]
        may = self.twins.may_spread(rows[k.X, of], vectors)
        if self.rules.on:
            may &= self.rules.may_leave(rows, region, of, vectors)
        of, vectors, y, rest = of[may], vectors[may], y[may], rest[may]
        values, cycles = self._behind(rows, base, least, of, vectors, rest)
        left = ~self.goal.hopeless(values, cycles) & (values > self.frontier.passed[numbers][of])
        of, vectors, y, values, cycles = of[left], vectors[left], y[left], values[left], cycles[left]
        nearest = np.full(len(numbers), np.inf)
        np.minimum.at(nearest, of, values)
        limits = nearest * (1 + (NEAR if self._forgets else CLOSE))
        now = values <= limits[of]
        if not self._forgets:
            self.frontier.passed[numbers] = limits
            self._come_back(numbers, base, of[~now], values[~now], cycles[~now])
        good = np.flatnonzero(now)
        if len(good):
            new = rows[:, of[good]]
            k.spread(self.t, self.m, new, vectors[good], y[good])
            for tensor in TENSORS:
                k.forget(self.m, new, self.more[region + 1], tensor)
            self.rules.enter(new)
            self._enter(_made(new, numbers[of[good]], k.CROSS, region, vectors[good]), region + 1)

    def _come_back(self, numbers: Ints, base: Floats, of: Ints, values: Floats, cycles: Ints) -> None:
        """Open labels again for the vectors that are left."""
        least, soonest = np.full(len(numbers), np.inf), np.full(len(numbers), np.iinfo(np.int64).max)
        np.minimum.at(least, of, values)
        np.minimum.at(soonest, of, cycles)
        again = np.flatnonzero(np.isfinite(least))
        paid = self.goal.values(base[again], np.zeros(len(again), np.int64))
        guesses = paid + (least[again] - paid) * self.greed
        self.frontier.push(2 * numbers[again] + 1, least[again], guesses, soonest[again])

    def _behind(
        self, rows: Ints, base: Floats, least: Ints, of: Ints, vectors: Ints, rest: Floats
    ) -> tuple[Floats, Ints]:
        """Quick bounds on labels behind a fan-out, of values and of cycles."""
        m = self.m
        widest = self.widest[int(rows[k.IN, 0]) + 1]
        work = -(-m.work // (rows[k.INSTANCES, of] * m.kids[vectors] * widest))
        cycles = np.maximum(least[of], -(-work // m.unit))
        return self.goal.values(base[of] + rest + rows[k.LEAKING, of].astype(float) * cycles, cycles), cycles

    def _complete(self, rows: Ints, numbers: Ints, of: Ints, vectors: Ints) -> None:
        """Nests behind the last fan-out."""
        t, m = self.t, self.m
        new = rows[:, of]
        k.spread(t, m, new, vectors, np.zeros(len(of), np.int64))
        k.finish(t, m, new)
        units = k.least_units(m, new, self.widest)
        cycles = -(-units // m.unit)
        if m.leaks:
            k.add(new, new[k.LEAKING], cycles)
        values = self.goal.values(k.paid(new), cycles)
        if len(values) == 0 or not np.isfinite(values.min()):
            return
        for n in np.flatnonzero(values <= values.min() * (1 + 1e-12)):
            energy = int(new[k.HI, n]) * k.BASE + int(new[k.LO, n])
            if self.goal.note(m, energy, int(cycles[n])):
                number, vector = int(numbers[of[n]]), int(vectors[n])
                items = nest_items(self.problem, t, m, self.frontier.rows, number, vector, self.rules)
                self.best, self.last = Nest(items, energy, int(units[n])), int(numbers[of[n]])

    def _base(self, rows: Ints) -> tuple[Floats, Ints]:
        """What labels have paid, with the drains of their last output nodes; and the cycles that they need at least."""
        base = k.paid(rows)
        if self.m.drains:
            base = base + rows[k.DRAIN] * self.m.rates[rows[k.LAST + O], 0]
        return base, k.least_cycles(self.m, rows, self.widest)

    def _enter(self, rows: Ints, region: int) -> None:
        """New labels of a region, unless they cannot be better than the best or one at their place is as good."""
        rows = np.ascontiguousarray(rows)
        self.relaxed += rows.shape[1]
        base, cycles = self._base(rows)
        rest = bounds.ahead(self.charts, rows, region)
        value = self.goal.values(base + rest + rows[k.LEAKING].astype(float) * cycles, cycles)
        good = np.flatnonzero(~self.goal.hopeless(value, cycles))
        good = good[np.argsort(value[good], kind="stable")]
        if len(good) == 0:
            return
        numbers, kept = self.frontier.insert(np.ascontiguousarray(rows[:, good]))
        kept = good[kept]
        self._push(2 * numbers, rows[:, kept], base[kept], rest[kept], cycles[kept])

    def _push(self, entries: Ints, rows: Ints, base: Floats, rest: Floats, cycles: Ints) -> None:
        leaked = rows[k.LEAKING].astype(float) * cycles
        value = self.goal.values(base + rest + leaked, cycles)
        good = np.flatnonzero(~self.goal.hopeless(value, cycles))
        base, rest, cycles, value = base[good], rest[good], cycles[good], value[good]
        guess = self.goal.values(base + rest * self.greed + leaked[good], cycles)
        if self.goal.kind == "latency":
            guess = guess * (1 + 1e-3 * (base + rest * self.greed) / (1 + base + rest))
        self.frontier.push(entries[good], value, guess, cycles)


def may_place(rows: Ints, tensor: int) -> Flags:
    """Is a node not right below loops of its region that its tensor lacks (rule R1)?"""
    found: Flags = (rows[k.RAN] == 0) | (rows[k.RUN] != tensor + 1)
    return found


def may_loop(rows: Ints, dim: int) -> Flags:
    """Is a loop behind a node, or over a window that the fan-out in front splits (rule R2)?"""
    found: Flags = (rows[k.BARE] == 0) | (rows[k.WINDOWS] >> dim & 1 == 1)
    return found


def stands_alone(t: Lattice, dim: int, spot: int) -> bool:
    """Is a loop's number of trips prime (rule R3)?"""
    return spot in t.primes[dim]


def _made(rows: Ints, came: Ints, move: int, what: int, value: Ints | int) -> Ints:
    """The same labels, with how they were made."""
    rows[k.FROM], rows[k.MOVE], rows[k.WHAT], rows[k.VALUE], rows[k.DEAD] = came, move, what, value, 0
    return rows


def _more_nodes(m: Machine) -> Ints:
    """By region, tensor and place of its last node: may it have one further inside (2), or in the region (1)?"""
    most = max(len(row) for row in m.members)
    more = np.zeros((m.regions, 3, most + 1), np.int64)
    for r in range(m.regions):
        for tensor in TENSORS:
            inside = any(m.may_keep[n, tensor] for row in m.members[r + 1 :] for n in row)
            for digit in range(len(m.members[r]) + 1):
                here = any(m.may_keep[n, tensor] for n in m.members[r][digit:])
                more[r, tensor, digit] = 2 if inside else int(here)
    return more
