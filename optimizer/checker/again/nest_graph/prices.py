"""Prices of nodes, per word that comes in, as bounds take them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.problem import I, O
from optimizer.checker.again.nest_graph.criteria import Criteria, idle_energy
from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.layer import Layer
from optimizer.checker.again.nest_graph.places import Machine, Place
from optimizer.checker.again.nest_graph.spread import Vector, copies, distinct, least_shares

INF = 1e300


class Kind(NamedTuple):
    """What costs inside of a fan-out depend on: shares of distinct tiles, copies of outputs, and instances."""

    shares: tuple[float, float, float]
    copies: int
    instances: int


class Kinds(NamedTuple):
    """Some kinds, as arrays."""

    shares: Floats
    copies: Floats
    instances: tuple[int, ...]

    @staticmethod
    def of(kinds: list[Kind]) -> Kinds:
        """Arrays of kinds."""
        shares = np.array([kind.shares for kind in kinds]).T
        return Kinds(shares, np.array([kind.copies for kind in kinds], np.float64), tuple(k.instances for k in kinds))


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


class Prices:
    """Prices of nodes on one machine, of fan-outs with some factors."""

    def __init__(self, machine: Machine, layer: Layer, criteria: Criteria, factors: list[list[Vector]]) -> None:
        self.machine, self.layer, self.criteria, self.factors = machine, layer, criteria, factors
        problem = machine.problem
        self.most = [max(math.prod(v) for v in some) for some in factors]
        self.idle = idle_energy(machine, self.most)
        self._bits = [self._of_a_bit(level) for level in range(len(problem.levels))]
        ones, lattice = (1,) * len(problem.extents), layer.lattice
        self._last = (
            np.array([lattice.code(v) for v in factors[-1]], np.int64),
            np.array([[distinct(problem, v, ones, t) for v in factors[-1]] for t in range(3)], np.int64),
            np.array([math.prod(v) for v in factors[-1]], np.int64),
        )
        self._best = [[min(s) for s in zip(*(least_shares(problem, v) for v in some), strict=True)] for some in factors]
        self._copies = [max(copies(problem, v, O) for v in some) for some in factors]

    def graph(self, region: int, kind: Kinds | None, free: int = 0) -> Graph:
        """The nodes that may come next at the places of a region, and their prices."""
        machine, layer = self.machine, self.layer
        places = machine.places[region]
        most = max((sum(1 for _ in machine.moves(place)) for place in places), default=0)
        wide = len(self.criteria.scale) * (1 if kind is None else len(kind.instances))
        moves = np.full((len(places), max(1, most), 3), -1, np.int64)
        alpha, beta = np.zeros((2, len(places), max(1, most), wide))
        relaxed = np.zeros((len(places), max(1, most)), np.bool_)
        ends, roof = np.full(len(places), -1, np.int64), np.zeros(len(places), np.bool_)
        commit_alpha, commit_beta = np.zeros((2, len(places), 3, wide))
        last = region + 1 == len(machine.regions)
        for p, place in enumerate(places):
            roof[p] = region > 0 and place.nodes == 0
            if machine.complete(place):
                ends[p] = p if last else machine.start(region + 1, place.parents)
            for m, (tensor, level, after) in enumerate(machine.moves(place)):
                moves[p, m] = tensor, level, machine.number[after]
                relaxed[p, m] = tensor == I and layer.slides and place.has(I)
                if not free >> tensor & 1:
                    alpha[p, m], beta[p, m] = self._price(region, kind, place, tensor, level)
            for v in range(0 if last else 3):
                if machine.deeper(region, v) and not free >> v & 1:
                    commit_alpha[p, v], commit_beta[p, v] = self.commit(region, kind, place, v)
        return Graph(moves, alpha, beta, relaxed, ends, commit_alpha, commit_beta, roof)

    def multipliers(self, kind: Kinds | None) -> Floats:
        """Least costs of what the multipliers take, with extents that are the factors of the last fan-out."""
        machine, problem = self.machine, self.machine.problem
        region, criteria = len(machine.regions) - 1, len(self.criteria.scale)
        places, (codes, differ, instances) = machine.places[region], self._last
        many = 1 if kind is None else len(kind.instances)
        idle = np.array([self.delta(region, int(n)) for n in instances])
        bottom = np.full((len(places), self.layer.lattice.size, many * criteria), INF)
        for p, place in enumerate(places):
            cost = np.repeat(idle[:, None, :], many, axis=1)
            for tensor, parent in enumerate(place.parents):
                step, read, update = problem.step_bits[tensor], *(self._per_bit(parent)[n] for n in (0, 2))
                asked = problem.steps * step * differ[tensor] / instances
                price = (read + update if tensor == O else read) * self._share(region, kind, tensor, parent)
                cost = cost + asked[:, None, None] * price
                if tensor == O:
                    cost = cost - self._first(region, kind, parent) * min(step, problem.bits[O]) * read
            bottom[p, codes] = cost.reshape(len(codes), -1)
        return bottom

    def _per_bit(self, level: int) -> tuple[Floats, Floats, Floats]:
        return self._bits[level]

    def _of_a_bit(self, level: int) -> tuple[Floats, Floats, Floats]:
        """Cost of a bit read, filled and updated in all instances together; ports count at level 0 only."""
        spec, criteria = self.machine.problem.levels[level], self.criteria
        prices = (spec.read_energy, spec.fill_energy, spec.update_energy)
        r, f, u = (criteria.scale * price / spec.access_bits for price in prices)
        return r + criteria.price[:, 0, level], f + criteria.price[:, 1, level], u + criteria.price[:, 1, level]

    def _share(self, region: int, kind: Kinds | None, tensor: int, parent: int) -> Floats:
        """Per kind, shape (kinds, 1)."""
        share = np.ones((1, 1))
        for r in range(self.machine.region_of(parent), region):
            if r == region - 1 and kind is not None:
                share = share * kind.shares[tensor][:, None]
            else:
                share = share * self._best[r][tensor]
        return share

    def _first(self, region: int, kind: Kinds | None, level: int) -> Floats:
        """Most words of partial sums that come to a level for the first time."""
        problem, machine = self.machine.problem, self.machine
        found = np.full((1, 1), 0.0 if problem.resumes else float(problem.volume(O)))
        for r in range(machine.region_of(level)):
            found = found * (kind.copies[:, None] if r == region - 1 and kind is not None else self._copies[r])
        return found

    def _flat(self, kind: Kinds | None, *found: Floats) -> tuple[Floats, ...]:
        many = 1 if kind is None else len(kind.instances)
        return tuple(np.broadcast_to(one, (many, len(self.criteria.scale))).ravel() for one in found)

    def _price(self, region: int, kind: Kinds | None, place: Place, tensor: int, level: int) -> tuple[Floats, ...]:
        own_read, fill, _ = self._per_bit(level)
        return self._of_node(region, kind, place, tensor, (own_read, fill), level)

    def commit(self, region: int, kind: Kinds | None, place: Place, tensor: int) -> tuple[Floats, ...]:
        """The least price of a held node: at the cheapest level further in, with one copy."""
        machine = self.machine
        inner = [n for some in machine.regions[region + 1 :] for n in some if machine.keeps(n, tensor)]
        fill = np.min([self._per_bit(n)[1] for n in inner], axis=0)
        own = np.min([self._per_bit(n)[0] for n in inner], axis=0)
        return self._of_node(region, kind, place, tensor, (own, fill), machine.regions[region][-1])

    def _of_node(
        self, region: int, kind: Kinds | None, place: Place, tensor: int, own: tuple[Floats, Floats], level: int
    ) -> tuple[Floats, ...]:
        """``alpha, beta`` of a node with these prices of own reads and fills; what comes first is that of a level."""
        problem, parent = self.machine.problem, place.parents[tensor]
        word, share = problem.bits[tensor], self._share(region, kind, tensor, parent)
        read, _, update = self._per_bit(parent)
        own_read, fill = own
        if tensor != O:
            return self._flat(kind, word * (fill + share * read), 0 * read)
        alpha = word * (fill + problem.drain_reads * own_read + share * (read + update))
        first, before = self._first(region, kind, level), self._first(region, kind, parent)
        return self._flat(kind, alpha, -word * (first * fill + before * read))

    def delta(self, region: int, instances: int) -> Floats:
        """What fewer children than the most of a fan-out add to leakage, per criterion."""
        factors = [*self.most[:region], instances, *self.most[region + 1 :]]
        found: Floats = self.criteria.idle * (idle_energy(self.machine, factors) - self.idle)
        return found
