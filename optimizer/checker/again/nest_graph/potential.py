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
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.problem import I, LayerProblem, O, W
from optimizer.checker.again.nest_graph.criteria import Criteria, idle_energy
from optimizer.checker.again.nest_graph.lattice import Floats, Ints, Lattice, sliding_dims, words
from optimizer.checker.again.nest_graph.places import Machine, Place
from optimizer.checker.again.nest_graph.potential_kernel import INF, fill_places, held_inputs, lift
from optimizer.checker.again.nest_graph.reach_kernel import divide_some, reach_places
from optimizer.checker.again.nest_graph.spread import Vector, copies, distinct, least_shares, vectors

OUTER_PARTS = 12
INNER_PARTS = 6


class Kind(NamedTuple):
    """What costs inside of a fan-out depend on: shares of distinct tiles, copies of outputs, and instances."""

    shares: tuple[float, float, float]
    copies: int
    instances: int


class Part(NamedTuple):
    """Extents and first places from which bounds are needed; extents with all of their divisors."""

    wanted: NDArray[np.bool_]
    starts: tuple[int, ...]


class Graph(NamedTuple):
    """Of every place the nodes that may come next, (tensor, level, place), with ``alpha * words + beta`` for a price;
    its number among ends; prices of holding a tensor; whether it is the roof."""

    moves: Ints
    alpha: Floats
    beta: Floats
    relaxed: NDArray[np.bool_]
    ends: Ints
    commit_alpha: Floats
    commit_beta: Floats
    roof: NDArray[np.bool_]


class Tables(NamedTuple):
    """Bounds at all places of a region."""

    plain: Floats
    closing: Floats
    alpha: Floats
    beta: Floats
    moves: Ints


@dataclass
class Layer:
    """Arrays of a layer."""

    problem: LayerProblem
    lattice: Lattice

    def __post_init__(self) -> None:
        problem, lattice = self.problem, self.lattice
        self.tiles = words(problem, lattice)
        outside = np.prod(np.array(problem.extents, np.float64) / lattice.vectors, axis=1)
        self.traffic = self.tiles * outside
        dims = len(problem.extents)
        self.axis_of, self.coefficient = np.full(dims, -1, np.int64), np.ones(dims, np.int64)
        for d, axis, c in sliding_dims(problem):
            self.axis_of[d], self.coefficient[d] = axis, c
        self.width = np.ones((max(1, len(problem.input_axes)), lattice.size))
        for a, axis in enumerate(problem.input_axes):
            for d, c in axis.terms:
                self.width[a] += c * (lattice.vectors[:, d] - 1)
        self.terms = np.full((len(problem.input_axes), 4), -1, np.int64)
        for a, axis in enumerate(problem.input_axes):
            self.terms[a, : 2 * len(axis.terms)] = [n for term in axis.terms for n in term]
        self.slides = bool((self.axis_of >= 0).any())
        self.lacks = np.array([[lack == t for lack in problem.irrelevant_to] for t in range(3)], np.bool_)
        self.lacks = self.lacks.reshape(3, dims)
        sitting = np.prod(
            np.where(self.lacks[I], np.array(problem.extents) / lattice.vectors, 1.0), axis=1, dtype=np.float64
        )
        self.held = self.traffic.astype(np.float64).copy()
        self.held[I] = problem.least_words(I) * sitting


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
        self._bits = [self._of_a_bit(level) for level in range(len(problem.levels))]
        self._best = [[min(s) for s in zip(*(least_shares(problem, v) for v in some), strict=True)]
                      for some in self.factors]  # fmt: skip
        self._copies = [max((copies(problem, v, O) for v in some), default=1) for some in self.factors]
        self.possible = all(self.factors)
        if not self.possible:
            return
        self.most = [max(math.prod(v) for v in some) for some in self.factors]
        self.idle = idle_energy(machine, self.most)
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

    def delta(self, region: int, instances: int) -> Floats:
        """What fewer children than the most of a fan-out add to leakage, per criterion."""
        factors = [*self.most[:region], instances, *self.most[region + 1 :]]
        found: Floats = self.criteria.idle * (idle_energy(self.machine, factors) - self.idle)
        return found

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

    def graph(self, region: int, kind: Kind | None, free: int = 0, asked: NDArray[np.bool_] | None = None) -> Graph:
        """The nodes that may come next at the places of a region, and their prices."""
        machine, layer = self.machine, self.layer
        places = machine.places[region]
        most = max((sum(1 for _ in machine.moves(place)) for place in places), default=0)
        criteria = len(self.criteria.scale)
        moves = np.full((len(places), max(1, most), 3), -1, np.int64)
        alpha, beta = np.zeros((2, criteria, len(places), max(1, most)))
        relaxed = np.zeros((len(places), max(1, most)), np.bool_)
        ends, roof = np.full(len(places), -1, np.int64), np.zeros(len(places), np.bool_)
        commit_alpha, commit_beta = np.zeros((2, criteria, len(places), 3))
        last = region + 1 == len(machine.regions)
        for p, place in enumerate(places):
            if asked is not None and not asked[p]:
                continue
            roof[p] = region > 0 and place.nodes == 0
            if machine.complete(place):
                ends[p] = p if last else machine.start(region + 1, place.parents)
            for m, (tensor, level, after) in enumerate(machine.moves(place)):
                moves[p, m] = tensor, level, machine.number[after]
                relaxed[p, m] = tensor == I and layer.slides and place.has(I)
                if not free >> tensor & 1:
                    alpha[:, p, m], beta[:, p, m] = self._price(region, kind, place, tensor, level)
            for v in range(0 if last else 3):
                if machine.deeper(region, v) and not free >> v & 1:
                    commit_alpha[:, p, v], commit_beta[:, p, v] = self._commit(region, kind, place, v)
        return Graph(moves, alpha, beta, relaxed, ends, commit_alpha, commit_beta, roof)

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
        bottom, closing_bottom = self._bottom(region, kind, free)
        wanted, asked = np.ones(size, np.bool_), np.ones(len(places), np.bool_)
        if part is not None:
            wanted = part.wanted
            asked = np.zeros(len(places), np.bool_)
            asked[list(part.starts)] = True
            for p, place in enumerate(places):
                if asked[p]:
                    asked[[machine.number[after] for _, _, after in machine.moves(place)]] = True
        graph = self.graph(region, kind, free, asked)
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
        graph = self.graph(0, None)
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

    def _bottom(self, region: int, kind: Kind | None, free: int) -> tuple[Floats, Floats]:
        machine, size = self.machine, self.layer.lattice.size
        if region + 1 == len(machine.regions):
            return self._multipliers(kind), np.zeros((0, 0, 0, 0))
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
            rows, self.delta(region, kind.instances), closing_rows, both, layer.traffic, layer.width,
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

    def _multipliers(self, kind: Kind | None) -> Floats:
        """Least costs of what the multipliers take, with extents that are the factors of the last fan-out."""
        machine, lattice, problem = self.machine, self.layer.lattice, self.machine.problem
        region = len(machine.regions) - 1
        places, ones = machine.places[region], (1,) * len(problem.extents)
        bottom = np.full((len(self.criteria.scale), len(places), lattice.size), INF)
        for vector in self.factors[region]:
            n, code = math.prod(vector), lattice.code(vector)
            for p, place in enumerate(places):
                cost = self.delta(region, n)
                for tensor, parent in enumerate(place.parents):
                    share = distinct(problem, vector, ones, tensor) / n * self._share(region, kind, tensor, parent)
                    step = problem.step_bits[tensor]
                    asked = problem.steps * share * step
                    read, _, update = self._per_bit(parent)
                    cost = cost + asked * read
                    if tensor == O:
                        first = self._first(region, kind, parent) * min(step, problem.bits[O])
                        cost = cost + asked * update - first * read
                bottom[:, p, code] = cost
        return bottom

    def _per_bit(self, level: int) -> tuple[Floats, Floats, Floats]:
        return self._bits[level]

    def _of_a_bit(self, level: int) -> tuple[Floats, Floats, Floats]:
        """Cost of a bit read, filled and updated in all instances together; ports count at level 0 only."""
        spec, criteria = self.machine.problem.levels[level], self.criteria
        prices = (spec.read_energy, spec.fill_energy, spec.update_energy)
        r, f, u = (criteria.scale * price / spec.access_bits for price in prices)
        return r + criteria.price[:, 0, level], f + criteria.price[:, 1, level], u + criteria.price[:, 1, level]

    def _share(self, region: int, kind: Kind | None, tensor: int, parent: int) -> float:
        share = 1.0
        for r in range(self.machine.region_of(parent), region):
            if r == region - 1 and kind is not None:
                share *= kind.shares[tensor]
            else:
                share *= self._best[r][tensor]
        return share

    def _first(self, region: int, kind: Kind | None, level: int) -> float:
        """Most first visits of outputs at a level."""
        problem, machine = self.machine.problem, self.machine
        if problem.resumes:
            return 0.0
        outside, found = machine.region_of(level), problem.volume(O)
        for r in range(outside):
            if r == region - 1 and kind is not None:
                found *= kind.copies
            else:
                found *= self._copies[r]
        return float(found)

    def _price(self, region: int, kind: Kind | None, place: Place, tensor: int, level: int) -> tuple[Floats, Floats]:
        problem, parent = self.machine.problem, place.parents[tensor]
        word, share = problem.bits[tensor], self._share(region, kind, tensor, parent)
        read, _, update = self._per_bit(parent)
        own_read, fill, _ = self._per_bit(level)
        if tensor != O:
            return word * (fill + share * read), 0 * read
        alpha = word * (fill + problem.drain_reads * own_read + share * (read + update))
        beta = -word * (self._first(region, kind, level) * fill + self._first(region, kind, parent) * read)
        return alpha, beta

    def _commit(self, region: int, kind: Kind | None, place: Place, tensor: int) -> tuple[Floats, Floats]:
        """The least price of a held node: at the cheapest level further in, with one copy."""
        machine, problem = self.machine, self.machine.problem
        inner = [n for some in machine.regions[region + 1 :] for n in some if machine.keeps(n, tensor)]
        parent, word = place.parents[tensor], problem.bits[tensor]
        share = self._share(region, kind, tensor, parent)
        read, _, update = self._per_bit(parent)
        fill = np.min([self._per_bit(n)[1] for n in inner], axis=0)
        own = np.min([self._per_bit(n)[0] for n in inner], axis=0)
        if tensor == I:
            return word * (fill + share * read), 0 * read
        if tensor == W:
            return word * (fill + share * read), 0 * read
        alpha = word * (fill + problem.drain_reads * own + share * (read + update))
        here = machine.regions[region][-1]
        first = self._first(region, kind, here)
        return alpha, -word * (first * fill + self._first(region, kind, parent) * read)


def _together(kinds: list[Kind]) -> Kind:
    """A kind that is nowhere dearer than any of these."""
    shares = tuple(min(column) for column in zip(*(kind.shares for kind in kinds), strict=True))
    return Kind(shares, max(kind.copies for kind in kinds), max(kind.instances for kind in kinds))  # type: ignore[arg-type]


def codes_of(lattice: Lattice, some: list[Vector]) -> Ints:
    """Indices of factors among the divisors of their dims."""
    rows = [[list(lattice.values[d, : lattice.counts[d]]).index(s) for d, s in enumerate(v)] for v in some]
    return np.array(rows, np.int64).reshape(len(some), len(lattice.counts))
