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
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from formulations.problem import I, LayerProblem, O, W
from optimizer.checker.again.nest_graph.criteria import Criteria, idle_energy
from optimizer.checker.again.nest_graph.lattice import Floats, Ints, Lattice, sliding_dims, words
from optimizer.checker.again.nest_graph.places import Machine, Place
from optimizer.checker.again.nest_graph.potential_kernel import INF, fill_places, lift
from optimizer.checker.again.nest_graph.spread import Vector, copies, distinct, least_shares, vectors

OUTER_PARTS = 12
INNER_PARTS = 4


class Kind(NamedTuple):
    """What costs inside of a fan-out depend on: shares of distinct tiles, copies of outputs, and instances."""

    shares: tuple[float, float, float]
    copies: int
    instances: int


class Tables(NamedTuple):
    """Bounds at all places of a region."""

    plain: Floats
    closing: Floats
    alpha: Floats
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

    def __init__(self, machine: Machine, layer: Layer, criteria: Criteria) -> None:
        self.machine, self.layer, self.criteria = machine, layer, criteria
        problem = machine.problem
        last = len(machine.regions) - 1
        self.factors: list[list[Vector]] = []
        for r, levels in enumerate(machine.regions):
            found = vectors(problem, levels[-1])
            self.factors.append([v for v in found if math.prod(v) > 1] if r < last else found)
        self.possible = all(self.factors)
        if not self.possible:
            return
        self.most = [max(math.prod(v) for v in some) for some in self.factors]
        self.idle = idle_energy(machine, self.most)
        self._tables: dict[tuple[int, Kind | None, int], Tables] = {}
        self._bottoms: dict[tuple[int, int], tuple[Floats, Floats]] = {}
        self.kinds = [self._kinds(r) for r in range(last)]

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
        parts = OUTER_PARTS if region == 0 else INNER_PARTS
        return levels[0], parts, max(1, -(-capacity // parts))

    def tables(self, region: int, kind: Kind | None, free: int = 0, *, keep: bool = False) -> Tables:
        """Bounds of a region inside of a fan-out of a kind; the nodes of the tensors in `free` cost nothing."""
        key = (region, kind, free)
        if key in self._tables:
            return self._tables[key]
        machine, layer, lattice = self.machine, self.layer, self.layer.lattice
        problem, places = machine.problem, machine.places[region]
        bottom, closing_bottom = self._bottom(region, kind, free)
        most = max((sum(1 for _ in machine.moves(place)) for place in places), default=0)
        criteria = len(self.criteria.scale)
        moves = np.full((len(places), max(1, most), 3), -1, np.int64)
        alpha, beta = np.zeros((2, criteria, len(places), max(1, most)))
        relaxed = np.zeros((len(places), max(1, most)), np.bool_)
        ends, roof = np.full(len(places), -1, np.int64), np.zeros(len(places), np.bool_)
        closes = 3 if region + 1 < len(machine.regions) else 0
        commit_alpha, commit_beta = np.zeros((2, criteria, len(places), max(1, closes)))
        last = region + 1 == len(machine.regions)
        for p, place in enumerate(places):
            roof[p] = region > 0 and place.nodes == 0
            if machine.complete(place):
                ends[p] = p if last else machine.start(region + 1, place.parents)
            for m, (tensor, level, after) in enumerate(machine.moves(place)):
                moves[p, m] = tensor, level, machine.number[after]
                relaxed[p, m] = tensor == I and layer.slides and place.parents[I] in machine.regions[region]
                if not free >> tensor & 1:
                    pair = self._price(region, kind, place, tensor, level)
                    alpha[:, p, m], beta[:, p, m] = pair
            for v in range(closes):
                if machine.deeper(region, v):
                    if not free >> v & 1:
                        pair = self._commit(region, kind, place, v)
                        commit_alpha[:, p, v], commit_beta[:, p, v] = pair
        budgeted, parts, unit = self.budget(region)
        shape = (criteria, len(places), parts + 1, lattice.size)
        plain, closing = np.full(shape, INF), np.full((criteria, closes, *shape[1:]), INF)
        capacity = [-1 if n == 0 or level.capacity_bits is None else level.capacity_bits
                    for n, level in enumerate(problem.levels)]  # fmt: skip
        fill_places(
            lattice.smaller, lattice.dim_of, layer.tiles, layer.traffic, layer.held, layer.width, layer.axis_of,
            layer.coefficient, lattice.vectors, lattice.quotient, lattice.counts, lattice.strides,
            moves, alpha, beta, relaxed, ends, commit_alpha, commit_beta, layer.lacks, roof, bottom, closing_bottom,
            np.array(problem.bits, np.int64), np.array(capacity, np.int64), budgeted, parts, unit, plain, closing,
        )  # fmt: skip
        found = Tables(plain, closing, alpha, moves)
        if keep or len(machine.regions) > 2:
            self._tables[key] = found
        return found

    def rows(self, region: int, kind: Kind, free: int) -> tuple[Floats, Floats, Floats]:
        """Least costs right inside of a fan-out: of its roof; with a tensor V held there; and the largest price of the
        input's node at the roof."""
        machine, layer = self.machine, self.layer
        tables = self.tables(region, kind, free)
        starts = [p for p, place in enumerate(machine.places[region]) if place.nodes == 0]
        budgeted, parts, unit = self.budget(region)
        rows = tables.plain[:, starts, parts, :]
        closing = np.full((len(rows), 3, len(starts), layer.lattice.size), INF)
        slid = np.zeros((len(rows), len(starts)))
        for e, p in enumerate(starts):
            for v in range(3):
                if tables.closing.shape[1]:
                    closing[:, v, e] = tables.closing[:, v, p, parts]
            for tensor, level, after in machine.moves(machine.places[region][p]):
                inside = free
                if not self.single(region, tensor):
                    inside |= 1 << tensor
                if layer.slides and tensor != I and not self.single(region, I):
                    inside |= 1 << I
                part = self.tables(region, kind, inside, keep=True) if inside != free else tables
                size = layer.tiles[tensor] * machine.problem.bits[tensor]
                capacity = machine.problem.levels[level].capacity_bits
                fits = np.ones(len(size), np.bool_) if capacity is None else size <= capacity
                index = np.full(len(size), parts)
                if level == budgeted and capacity is not None:
                    index = np.maximum(0, -(-(np.minimum(parts * unit, capacity) - size) // unit))
                values = part.plain[:, machine.number[after], index, np.arange(len(size))]
                closing[:, tensor, e] = np.minimum(closing[:, tensor, e], np.where(fits, values, INF))
            price = tables.alpha[:, p, :] * (tables.moves[p, :, 0] == I)
            if layer.slides and self.single(region, I):
                slid[:, e] = price.max(axis=1)
        return np.ascontiguousarray(rows), closing, slid

    def _bottom(self, region: int, kind: Kind | None, free: int) -> tuple[Floats, Floats]:
        machine, layer, lattice = self.machine, self.layer, self.layer.lattice
        if region + 1 == len(machine.regions):
            return self._multipliers(kind), np.zeros((0, 0, 0, 0))
        if (region, free) not in self._bottoms:
            ends = sum(1 for place in machine.places[region + 1] if place.nodes == 0)
            criteria = len(self.criteria.scale)
            bottom = np.full((criteria, ends, lattice.size), INF)
            closing = np.full((criteria, 3, ends, lattice.size), INF)
            for inner, some in self.kinds[region].items():
                rows, closing_rows, slid = self.rows(region + 1, inner, free)
                lift(
                    lattice.vectors, lattice.strides, lattice.counts, lattice.quotient, np.array(some, np.int64),
                    rows, self.delta(region, inner.instances), closing_rows, layer.traffic, layer.width,
                    layer.axis_of, layer.coefficient, slid, bottom, closing,
                )  # fmt: skip
            self._bottoms[region, free] = bottom, closing
        return self._bottoms[region, free]

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
                share *= min(least_shares(self.machine.problem, v)[tensor] for v in self.factors[r])
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
                found *= max(copies(problem, v, O) for v in self.factors[r])
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
