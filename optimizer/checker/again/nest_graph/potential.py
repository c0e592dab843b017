"""Admissible bounds: the least costs of what stands inside of a place, of the graph without what couples its steps.

``plain[k, place, b, x]`` is at most the cost, by criterion k, of everything inside of a place with extents x and b of
the level's parts of bits free. Against the graph

1. loops stand anywhere (they cost nothing themselves);
2. a level's bits count node by node; of the only level of a region also their sum, rounded in favour of the nest;
3. accesses are not rounded;
4. of fan-outs further out than the next one, shares of distinct tiles and copies of outputs are the best ones;
5. what a node saves by loops that it sits out across fan-outs: with X the extents outside of these loops, a tensor V
   without windows brings in ``|V| prod over irr(V) of D_d / X_d`` words times the copies over irr(V), which are at
   least 1. This is paid at X (*commit*), and only loops over irr(V) follow up to the next fan-out: ``closing``. There
   the first node of V is free; so are further ones (a *family* of tables in which V's nodes cost nothing). The input
   brings in every word that takes part at least once per pass over irr(I). A slide lowers what it brings in at the
   roof by no more than the share of a width that a step is.

Every rule leaves out a constraint or lowers a cost, so the least cost of the graph is not below it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.problem import I, O
from optimizer.checker.again.nest_graph.criteria import Criteria
from optimizer.checker.again.nest_graph.kernels.fill import INF, fill_places
from optimizer.checker.again.nest_graph.kernels.lift import held_inputs, lift
from optimizer.checker.again.nest_graph.kernels.reach import divide_some, reach_places
from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.layer import Layer, codes_of
from optimizer.checker.again.nest_graph.places import Machine
from optimizer.checker.again.nest_graph.prices import Kind, Prices
from optimizer.checker.again.nest_graph.spread import Vector, copies, least_shares, vectors

OUTER_PARTS = 12
INNER_PARTS = 6


class Part(NamedTuple):
    """Extents and first places from which bounds are needed; extents with all of their divisors."""

    wanted: NDArray[np.bool_]
    starts: tuple[int, ...]


class Tables(NamedTuple):
    """Bounds at all places of a region."""

    plain: Floats
    closing: Floats
    alpha: Floats
    beta: Floats
    moves: Ints


class Potentials:
    """Bounds of one machine."""

    def __init__(
        self, machine: Machine, layer: Layer, criteria: Criteria, check: Callable[[], None], *, cuts: bool = True
    ) -> None:
        self.machine, self.layer, self.criteria, self._check, self.cuts = machine, layer, criteria, check, cuts
        problem = machine.problem
        last = len(machine.regions) - 1
        self.factors: list[list[Vector]] = []
        for r, levels in enumerate(machine.regions):
            found = vectors(problem, levels[-1])
            self.factors.append([v for v in found if math.prod(v) > 1] if r < last else found)
        self._coarse = False
        self.alive: dict[Kind, NDArray[np.bool_]] = {}
        self.possible = all(self.factors)
        if not self.possible:
            return
        self.prices = Prices(machine, layer, criteria, self.factors)
        self.most, self.idle = self.prices.most, self.prices.idle
        self._tables: dict[tuple[int, Kind | None, int], Tables] = {}
        self._bottoms: dict[tuple[int, int], tuple[Floats, Floats]] = {}
        self.kinds = [self._kinds(r) for r in range(last)]
        self.held = layer.held.copy()
        if last == 1:
            lacks = layer.lacks[I]
            some = {tuple(1 if lack else f for f, lack in zip(v, lacks, strict=True)) for v in self.factors[0]}
            unique = sorted({*some, (1,) * len(lacks)})
            held_inputs(
                layer.lattice.vectors, layer.lattice.strides, layer.lattice.counts, layer.lattice.quotient,
                layer.lacks, codes_of(layer.lattice, unique), np.array(unique, np.int64), layer.traffic[I],
                layer.terms, layer.width, layer.axis_of, layer.coefficient, self.held[I],
            )  # fmt: skip

    def _kinds(self, region: int) -> dict[Kind, list[Vector]]:
        found: dict[Kind, list[Vector]] = {}
        problem, cap = self.machine.problem, self.criteria.cap
        for vector in self.factors[region]:
            n = math.prod(vector)
            widest = math.prod(self.most) // self.most[region] * n
            if cap is not None and problem.work * problem.latency_unit > cap * widest:
                continue
            kind = Kind(least_shares(problem, vector), copies(problem, vector, O), n)
            found.setdefault(kind, []).append(vector)
        return found

    def single(self, region: int, tensor: int) -> bool:
        """Is there at most one level from a region on that may keep a tensor?"""
        levels = [level for some in self.machine.regions[region:] for level in some]
        return sum(self.machine.keeps(level, tensor) for level in levels) <= 1

    def budget(self, region: int) -> tuple[int, int, int]:
        """The level whose bits are summed (-1: none), its parts, and bits of a part."""
        levels = [level for level in self.machine.regions[region] if level]
        if len(levels) != 1:
            return -1, 0, 1
        capacity = self.machine.problem.levels[levels[0]].capacity_bits
        if capacity is None:
            return -1, 0, 1
        parts = OUTER_PARTS if region == 0 else 1 if self._coarse else INNER_PARTS
        return levels[0], parts, max(1, -(-capacity // parts))

    def _common(self) -> tuple[object, ...]:
        layer, lattice = self.layer, self.layer.lattice
        return (
            lattice.smaller, lattice.dim_of, layer.tiles, layer.traffic, self.held, layer.width, layer.axis_of,
            layer.coefficient, lattice.vectors, lattice.quotient, lattice.counts, lattice.strides,
        )  # fmt: skip

    def _rooms(self, region: int) -> tuple[object, ...]:
        problem = self.machine.problem
        capacity = [-1 if n == 0 or level.capacity_bits is None else level.capacity_bits
                    for n, level in enumerate(problem.levels)]  # fmt: skip
        return np.array(problem.bits, np.int64), np.array(capacity, np.int64), *self.budget(region)

    def tables(self, region: int, kind: Kind | None, free: int = 0, part: Part | None = None) -> Tables:
        """Bounds of a region inside of a fan-out of a kind; the nodes of the tensors in `free` cost nothing.

        With a `part` only for the extents that it marks, and from its first places on.
        """
        key = (region, kind, free)
        if key in self._tables:
            return self._tables[key]
        self._check()
        machine, size = self.machine, self.layer.lattice.size
        places = machine.places[region]
        bottom, closing_bottom = self.bottom(region, kind, free)
        wanted, asked = np.ones(size, np.bool_), np.ones(len(places), np.bool_)
        if part is not None:
            wanted = part.wanted
            asked = np.zeros(len(places), np.bool_)
            asked[list(part.starts)] = True
            for p, place in enumerate(places):
                if asked[p]:
                    asked[[machine.number[after] for _, _, after in machine.moves(place)]] = True
        graph = self.prices.graph(region, kind, free, asked)
        closes = 3 if region + 1 < len(machine.regions) else 0
        shape = (len(self.criteria.scale), len(places), self.budget(region)[1] + 1, size)
        plain, closing = np.full(shape, INF), np.full((shape[0], closes, *shape[1:]), INF)
        fill_places(
            *self._common(), *graph[:7], self.layer.lacks, graph.roof, bottom, closing_bottom, *self._rooms(region),
            wanted, asked, plain, closing,
        )  # fmt: skip
        found = Tables(plain, closing, graph.alpha, graph.beta, graph.moves)
        if part is None and region == 0:
            self._tables[key] = found
        return found

    def _reached(self) -> tuple[Floats, Floats]:
        """Least costs of what stands outside of the bottom of the outermost region, by the parents there: without a
        held tensor, and with one."""
        machine, size = self.machine, self.layer.lattice.size
        graph = self.prices.graph(0, None)
        parts = self.budget(0)[1]
        criteria, places = len(self.criteria.scale), machine.places[0]
        ends = sum(1 for place in machine.places[1] if place.nodes == 0)
        plain, closing = (
            np.full((criteria, len(places), parts + 1, size), INF),
            np.full((criteria, 3, len(places), parts + 1, size), INF),
        )
        bottom, closing_bottom = np.full((criteria, ends, size), INF), np.full((criteria, 3, ends, size), INF)
        energy = machine.problem.steps * machine.problem.step_energy
        plain[:, 0, parts, size - 1] = self.criteria.scale * energy + self.criteria.idle * self.idle
        reach_places(
            *self._common(), *graph[:7], self.layer.lacks, *self._rooms(0), plain, closing, bottom, closing_bottom
        )
        return bottom, closing_bottom

    def rows(
        self, region: int, kind: Kind, free: int, part: Part | None = None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Least costs right inside of a fan-out: of its roof; with a tensor V held there; with V and the input held
        there, without what the input brings in; and the price of that."""
        machine = self.machine
        tables = self.tables(region, kind, free, part)
        starts = [p for p, place in enumerate(machine.places[region]) if place.nodes == 0]
        parts = self.budget(region)[1]
        rows = tables.plain[:, starts, parts, :]
        closing = np.full((len(rows), 3, len(starts), self.layer.lattice.size), INF)
        both, slid = np.full(closing.shape, INF), np.full((len(rows), len(starts)), INF)
        families: dict[int, Tables] = {free: tables}
        alone = self.layer.slides and self.single(region, I)
        for e, p in enumerate(starts):
            if part is not None and p not in part.starts:
                continue
            for v in range(tables.closing.shape[1]):
                closing[:, v, e] = tables.closing[:, v, p, parts]
            place = machine.places[region][p]
            for tensor, level, after in machine.moves(place):
                inside = free
                if not self.single(region, tensor):
                    inside |= 1 << tensor
                if self.layer.slides and tensor != I and not self.single(region, I):
                    inside |= 1 << I
                if inside not in families:
                    families[inside] = self.tables(region, kind, inside, part)
                left = self._left(region, tensor, level, parts)
                values = self._row(families[inside], machine.number[after], left)
                closing[:, tensor, e] = np.minimum(closing[:, tensor, e], values)
                for other, deeper, last in machine.moves(after) if alone and tensor != I else ():
                    if other == I:
                        rest = self._left(region, I, deeper, left)
                        values = self._row(families[inside], machine.number[last], rest)
                        both[:, tensor, e] = np.minimum(both[:, tensor, e], values)
            if alone:
                prices = [tables.alpha[:, p, m] for m, (t, _, _) in enumerate(machine.moves(place)) if t == I]
                slid[:, e] = np.min(prices, axis=0) if prices else 0.0
        return np.ascontiguousarray(rows), closing, both, slid

    def _left(self, region: int, tensor: int, level: int, left: Ints | int) -> Ints:
        """Parts of bits that a node leaves, by extents; -1 where it does not fit."""
        budgeted, _, unit = self.budget(region)
        size = self.layer.tiles[tensor] * self.machine.problem.bits[tensor]
        capacity = self.machine.problem.levels[level].capacity_bits
        before = np.broadcast_to(left, size.shape)
        if capacity is None:
            return np.asarray(before)
        inside = before
        if level == budgeted:
            inside = np.maximum(-1, -(-(np.minimum(before * unit, capacity) - size) // unit))
            inside = np.where(np.minimum(before * unit, capacity) < size, -1, inside)
        found: Ints = np.where((size <= capacity) & (before >= 0), inside, -1)
        return found

    def _row(self, tables: Tables, place: int, left: Ints) -> Floats:
        values: Floats = tables.plain[:, place, np.maximum(left, 0), np.arange(len(left))]
        return np.where(left >= 0, values, INF)

    def bottom(self, region: int, kind: Kind | None, free: int) -> tuple[Floats, Floats]:
        """Least costs from the bottom of a region on; with a held tensor."""
        machine, size = self.machine, self.layer.lattice.size
        if region + 1 == len(machine.regions):
            return self.prices.multipliers(kind), np.zeros((0, 0, 0, 0))
        if (region, free) not in self._bottoms:
            ends = sum(1 for place in machine.places[region + 1] if place.nodes == 0)
            criteria = len(self.criteria.scale)
            bottom = np.full((criteria, ends, size), INF)
            closing = np.full((criteria, 3, ends, size), INF)
            if region == 0:
                self._narrow(bottom, closing)
            else:
                for inner, some in self.kinds[region].items():
                    self._lift(region, inner, some, free, None, bottom, closing)
            self._bottoms[region, free] = bottom, closing
        return self._bottoms[region, free]

    def _lift(
        self, region: int, kind: Kind, some: list[Vector], free: int, part: Part | None, bottom: Floats,
        closing: Floats,
    ) -> None:  # fmt: skip
        layer, lattice = self.layer, self.layer.lattice
        rows, closing_rows, both, slid = self.rows(region + 1, kind, free, part)
        lift(
            lattice.vectors, lattice.strides, lattice.counts, lattice.quotient, np.array(some, np.int64),
            rows, self.prices.delta(region, kind.instances), closing_rows, both, layer.traffic, layer.width,
            layer.axis_of, layer.coefficient, layer.lacks, slid, bottom, closing,
        )  # fmt: skip

    def _narrow(self, bottom: Floats, closing: Floats) -> None:
        """The bottom of the outermost region, from the kinds of fan-outs that can lead below all limits.

        A set of kinds is taken for one kind with the least shares and the most copies and instances of its members. If
        what stands outside of every vector of extents costs too much together with the least inside, no nest with such
        a fan-out is below the limits; else the set is cut in two. So costs of kinds left out are not needed.
        """
        reach, reach_closing = self._reached()
        items = sorted(self.kinds[0].items(), key=lambda item: item[0])
        size, starts = self.layer.lattice.size, tuple(range(bottom.shape[1]))
        stack = [(items, Part(np.ones(size, np.bool_), starts))] if items else []
        left: dict[Kind, list[Vector]] = {}
        while stack:
            some, part = stack.pop()
            kind = some[0][0] if len(some) == 1 else _together([one for one, _ in some])
            here, here_closing = np.full(bottom.shape, INF), np.full(closing.shape, INF)
            self._coarse = len(some) > 1
            self._lift(0, kind, [v for _, found in some for v in found], 0, part, here, here_closing)
            self._coarse = False
            limit = self.criteria.limit[:, None, None]
            alive = (reach + here <= limit).all(axis=0)
            for v in range(3):
                alive |= (reach_closing[:, v] + here_closing[:, v] <= limit).all(axis=0)
            if not self.cuts:
                alive[:] = True
            if not alive.any():
                continue
            if len(some) == 1:
                left[kind] = some[0][1]
                self.alive[kind] = alive
                np.minimum(bottom, here, out=bottom)
                np.minimum(closing, here_closing, out=closing)
                continue
            wanted = alive.any(axis=0)
            divide_some(self.layer.lattice.smaller, wanted)
            inner = Part(wanted, tuple(e for e in starts if alive[e].any()))
            spread = np.log([[*one.shares, one.copies] for one, _ in some])
            column = int(np.argmax(spread.max(axis=0) - spread.min(axis=0)))
            some = [some[n] for n in np.argsort(spread[:, column], kind="stable")]
            stack += [(some[: len(some) // 2], inner), (some[len(some) // 2 :], inner)]
        self.kinds[0] = left


def _together(kinds: list[Kind]) -> Kind:
    """A kind that is nowhere dearer than any of these."""
    shares = tuple(min(column) for column in zip(*(kind.shares for kind in kinds), strict=True))
    return Kind(shares, max(kind.copies for kind in kinds), max(kind.instances for kind in kinds))
