"""Is there a nest below a value? Labels of partial nests, outside in; none is followed that cannot lead there."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from formulations.nest import Nest
from formulations.stop import Stop
from optimizer.checker.again.nest_graph.bounds import Bounds, bounds_of
from optimizer.checker.again.nest_graph.columns import (
    ASKED,
    BEFORE,
    BITS,
    CLOSING,
    COST,
    EXTENTS,
    FAN_OUT,
    FREE_DIMS,
    INSTANCES,
    ITEM,
    OUTPUTS,
    PARENT,
    PARENT_OUTPUTS,
    RUN,
    RUN_TRIPS,
    SLIDE,
    SLIDE_INSIDE,
    SLIDE_TRIPS,
)
from optimizer.checker.again.nest_graph.criteria import Criteria, idle_energy
from optimizer.checker.again.nest_graph.dominance import undominated
from optimizer.checker.again.nest_graph.kernels.cross import cross
from optimizer.checker.again.nest_graph.kernels.step import expand
from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.layer import Layer, codes_of
from optimizer.checker.again.nest_graph.packed import Packed
from optimizer.checker.again.nest_graph.places import Machine, Place
from optimizer.checker.again.nest_graph.potential import Potentials
from optimizer.checker.again.nest_graph.prices import INF, NO_KIND
from optimizer.checker.again.nest_graph.rebuilt import nest_of
from optimizer.checker.again.nest_graph.rules import GaveUpError, Rules
from optimizer.checker.again.nest_graph.spread import Kind, Vector

MOST_LABELS = 4_000_000
ROOM = 1 << 15


@dataclass
class Counts:
    """What a search looked at."""

    labels: int = 0
    kept: int = 0


class Search:
    """A search on one machine."""

    def __init__(
        self, machine: Machine, layer: Layer, criteria: Criteria, rules: Rules, until: float, stop: Stop
    ) -> None:
        self.machine, self.layer, self.criteria, self.rules = machine, layer, criteria, rules
        self._until, self._stop = until, stop
        self.potentials = Potentials(machine, layer, criteria, self._check, rules)
        self.counts = Counts()
        problem = machine.problem
        self._history: list[tuple[int, Ints]] = []
        self._size = 0
        self._factors: dict[int, tuple[int, Vector]] = {}
        self._leaves: list[tuple[int, Ints, float]] = []
        dims = len(problem.extents)
        self._everything = (1 << dims) - 1
        timed = criteria.cap is not None or any(level.leak_energy for level in problem.levels)
        count = len(problem.levels)
        self._nothing = np.zeros((0, BITS + 3 * count), np.int64), np.zeros((0, 2 + len(criteria.scale)))
        self._scratch = np.zeros(4 * (dims + 1), np.int64)
        self._timed = [*range(BITS + count, BITS + 3 * count)] if timed else []

    def run(self) -> None:
        """Find all labels of complete nests that could be below the value."""
        potentials, machine, problem = self.potentials, self.machine, self.machine.problem
        if not potentials.possible:
            return
        self._packed = Packed(machine, self.layer, self.criteria, potentials.held)
        rows = np.zeros((1, BITS + 3 * len(problem.levels)), np.int64)
        row = rows[0]
        row[EXTENTS] = self.layer.lattice.size - 1
        row[[RUN, SLIDE, CLOSING]] = -1
        row[[RUN_TRIPS, SLIDE_TRIPS, SLIDE_INSIDE, INSTANCES, OUTPUTS, PARENT_OUTPUTS]] = 1
        row[ASKED : ASKED + 3] = row[PARENT : PARENT + 3] = 1
        row[FREE_DIMS], row[BEFORE] = self._everything, -1
        energy = problem.steps * problem.step_energy
        row[COST] = _wrapped(energy)
        reals = np.zeros((1, 2 + len(self.criteria.scale)))
        reals[0, 0], reals[0, 1] = energy, potentials.idle
        reals[0, 2:] = self.criteria.scale * energy
        tops = tuple(int(pin) for pin in problem.pinned)
        start = Place(0, (0,) * len(machine.regions[0]), tops)  # type: ignore[arg-type]
        bounds = bounds_of(potentials, 0, NO_KIND)
        self._region(0, None, {machine.number[start]: (rows, reals)}, [], bounds)

    def _check(self) -> None:
        if self._stop.requested or time.perf_counter() > self._until:
            raise GaveUpError

    def _keep(self, rows: Ints) -> int:
        base = self._size
        self._history.append((base, rows))
        self._size += len(rows)
        self.counts.kept += len(rows)
        if self._size > MOST_LABELS:
            raise GaveUpError
        return base

    def _region(
        self, region: int, kind: Kind | None, labels: dict[int, tuple[Ints, Floats]], factors: list[int],
        bounds: Bounds,
    ) -> None:  # fmt: skip
        machine = self.machine
        self._check()
        places = machine.places[region]
        found: dict[int, list[tuple[Ints, Floats]]] = {p: [pair] for p, pair in labels.items()}
        bottoms: dict[int, list[tuple[Ints, Floats]]] = {}
        last = region + 1 == len(machine.regions)
        for p, place in enumerate(places):
            if p not in found:
                continue
            rows, reals = self._best(region, found.pop(p))
            if not len(rows):
                continue
            base = self._keep(rows)
            for tensor, level, after in machine.moves(place):
                q = machine.number[after]
                pair = self._expand(rows, reals, base, region, (tensor, level, place.parents[tensor], q, -1),
                                    bounds)  # fmt: skip
                found.setdefault(q, []).append(pair)
            if machine.complete(place):
                end = p if last else machine.start(region + 1, place.parents)
                pair = self._expand(rows, reals, base, region, (-1, -1, -1, p, end), bounds)
                bottoms.setdefault(end, []).append(pair)
        through: dict[int, tuple[Ints, Floats, int]] = {}
        for end, pairs in bottoms.items():
            rows, reals = self._best(region, pairs)
            if len(rows):
                base = self._keep(rows)
                if last:
                    self._finish(rows, reals, base)
                through[end] = rows, reals, base
        if through and not last:
            self._through(region, through, factors)

    def _best(self, region: int, pairs: list[tuple[Ints, Floats]]) -> tuple[Ints, Floats]:
        rows, reals = pairs[0] if len(pairs) == 1 else _together(pairs)
        self.counts.labels += len(rows)
        if not self.rules.dominance:
            return rows, reals
        return undominated(rows, reals, [*(BITS + level for level in self.machine.regions[region]), *self._timed])

    def _given(self, region: int) -> tuple[Ints | Floats, ...]:
        """What the kernels are told of a region."""
        single = [self.potentials.single(region, v) for v in range(3)]
        sizes = self._packed.sizes(ruled=self.rules.canonical, bounded=self.rules.bounds)
        packed, lattice = self._packed, self.layer.lattice
        return (
            sizes, packed.of_dims, lattice.quotient, packed.of_points, packed.words,
            packed.of_tensors(region, single), packed.of_levels, packed.of_criteria,
        )  # fmt: skip

    def _filled(self, rows: int, run: Callable[[int, Ints, Floats, Ints], None]) -> tuple[Ints, Floats]:
        """All labels of a kernel that fills as many rows of arrays as there are, and goes on from where it stopped."""
        room, first, found, state = ROOM, 0, 0, np.zeros(2, np.int64)
        parts = [self._nothing]
        while first < rows:
            out = np.empty((room, self._nothing[0].shape[1]), np.int64)
            reals = np.empty((room, self._nothing[1].shape[1]))
            run(first, out, reals, state)
            self._check()
            room = room if state[0] else 4 * room
            first, found = int(state[1]), found + int(state[0])
            if found > MOST_LABELS or room > MOST_LABELS:
                raise GaveUpError
            parts.append((out[: state[0]].copy(), reals[: state[0]].copy()))
        return parts[1] if len(parts) == 2 else _together(parts)

    def _expand(
        self, rows: Ints, reals: Floats, base: int, region: int, move: tuple[int, int, int, int, int], bounds: Bounds
    ) -> tuple[Ints, Floats]:
        self._check()
        given, goal = self._given(region), np.array(move, np.int64)
        ahead, low = self._ahead(reals, region, move, bounds)
        return self._filled(
            len(rows),
            lambda first, out, out_reals, state: expand(
                rows, reals, base, first, goal, self._scratch, ahead, low, *given, *bounds, out, out_reals, state
            ),
        )

    def _ahead(
        self, reals: Floats, region: int, move: tuple[int, int, int, int, int], bounds: Bounds
    ) -> tuple[Ints, Floats]:
        """The extents to which loops may lead before a move, and the least costs from there on.

        *Proof.* After a loop no node stands right inside of a fan-out, so the bound of the label is that of its place
        (:func:`kernels.bound.least`): of all nodes inside, or with a held tensor, whose price per word is not negative.
        A node costs no less than nothing. So with these costs and those of the label before, no less than the bound of
        the label after: if they are above a limit, so is that. Extents are left out where they are with the least costs
        of all labels.
        """
        if not self.rules.bounds or not self.rules.early:
            low = np.full((len(self.criteria.limit), self.layer.lattice.size), -INF)
            return np.arange(self.layer.lattice.size), low
        place, end = move[3], move[4]
        low = (bounds.bottom[:, end] if end >= 0 else bounds.plain[:, place]).copy()
        for v in range(3):
            if self.machine.deeper(region, v):
                held = bounds.closing_bottom[:, v, end] if end >= 0 else bounds.closing[:, v, place]
                low = np.minimum(low, held + np.minimum(0.0, bounds.commit[1, :, place, v])[:, None])
        least = (reals[:, 2:] + self.criteria.idle * reals[:, 1:2]).min(axis=0)
        return np.flatnonzero((low + least[:, None] <= self.criteria.limit[:, None]).all(axis=0)), low

    def _through(self, region: int, bottoms: dict[int, tuple[Ints, Floats, int]], factors: list[int]) -> None:
        """All fan-outs, kind by kind, from labels (and the number of the first) by the place inside: labels of
        different kinds never meet."""
        machine, potentials = self.machine, self.potentials
        inner = region + 1
        chosen: dict[Kind, dict[int, Ints]] = {}
        for kind in potentials.kinds[region]:
            if self._too_slow(math.prod([*factors, kind.instances, *potentials.most[inner:]])):
                continue
            alive = potentials.alive.get(kind) if region == 0 else None
            some = {
                end: np.arange(len(rows)) if alive is None else np.flatnonzero(alive[end, rows[:, EXTENTS]])
                for end, (rows, _, _) in bottoms.items()
            }
            if any(len(one) for one in some.values()):
                chosen[kind] = some
        for kind, some in chosen.items():
            self._check()
            bounds = bounds_of(potentials, inner, kind)
            vectors, start = potentials.kinds[region][kind], len(self._factors)
            self._factors.update({start + n: (machine.regions[region][-1], v) for n, v in enumerate(vectors)})
            codes = codes_of(self.layer.lattice, vectors)
            idle = idle_energy(machine, [*factors, kind.instances, *potentials.most[inner:]])
            labels: dict[int, tuple[Ints, Floats]] = {}
            for end, here in some.items():
                rows, reals, base = bottoms[end]
                pair = self._cross(rows[here], reals[here], base + here, np.array(vectors, np.int64), codes,
                                   (start, end, idle), inner, bounds)  # fmt: skip
                if len(pair[0]):
                    labels[end] = pair
            if labels:
                self._region(inner, kind, labels, [*factors, kind.instances], bounds)

    def _cross(
        self, rows: Ints, reals: Floats, numbers: Ints, factors: Ints, codes: Ints, to: tuple[int, int, float],
        region: int, bounds: Bounds,
    ) -> tuple[Ints, Floats]:  # fmt: skip
        given = self._given(region)
        return self._filled(
            len(rows),
            lambda first, out, out_reals, state: cross(
                rows, reals, numbers, first, factors, codes, *to, self.layer.terms, *given, *bounds, out, out_reals,
                state,
            ),
        )  # fmt: skip

    def _too_slow(self, children: int) -> bool:
        problem, cap = self.machine.problem, self.criteria.cap
        return cap is not None and problem.work * problem.latency_unit > cap * children

    def _finish(self, rows: Ints, reals: Floats, base: int) -> None:
        """Note labels of complete nests: what is left is a vector of factors of the last fan-out."""
        lattice = self.layer.lattice
        codes = {lattice.code(vector) for vector in self.potentials.factors[-1]}
        for n in range(len(rows)):
            if int(rows[n, EXTENTS]) in codes:
                self._leaves.append((base + n, rows[n], float(reals[n, 2])))

    def nests(self) -> Iterator[Nest]:
        """The complete nests that were found, with their exact costs, those of the least bounds first."""
        number = len(self._factors)
        for label, row, _ in sorted(self._leaves, key=lambda leaf: leaf[2]):
            self._check()
            vector = tuple(int(e) for e in self.layer.lattice.vectors[row[EXTENTS]])
            last = row.copy()
            last[EXTENTS], last[ITEM] = 0, FAN_OUT + number
            self._factors[number] = self.machine.regions[-1][-1], vector
            yield nest_of(self.machine.problem, self.layer.lattice, [*self._chain(label), last], self._factors)

    def _chain(self, number: int) -> list[Ints]:
        chain: list[Ints] = []
        while number >= 0:
            base, rows = next(part for part in reversed(self._history) if part[0] <= number)
            chain.append(rows[number - base])
            number = int(chain[-1][BEFORE])
        return chain[::-1]


def _together(pairs: list[tuple[Ints, Floats]]) -> tuple[Ints, Floats]:
    return np.concatenate([rows for rows, _ in pairs]), np.concatenate([reals for _, reals in pairs])


def _wrapped(number: int) -> int:
    """A number modulo 2**64, with a sign."""
    number &= (1 << 64) - 1
    return number - (1 << 64) if number >> 63 else number
