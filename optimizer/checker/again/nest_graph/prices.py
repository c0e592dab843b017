"""Prices of nodes, per word that comes in, as bounds take them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.problem import I, O, W
from optimizer.checker.again.nest_graph.criteria import Criteria, idle_energy
from optimizer.checker.again.nest_graph.kernels.fill import INF
from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.layer import Layer
from optimizer.checker.again.nest_graph.places import Machine, Place
from optimizer.checker.again.nest_graph.spread import Vector, copies, distinct, least_shares


class Kind(NamedTuple):
    """What costs inside of a fan-out depend on: shares of distinct tiles, copies of outputs, and instances."""

    shares: tuple[float, float, float]
    copies: int
    instances: int


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
        self._best = [[min(s) for s in zip(*(least_shares(problem, v) for v in some), strict=True)] for some in factors]
        self._copies = [max(copies(problem, v, O) for v in some) for some in factors]

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
                    commit_alpha[:, p, v], commit_beta[:, p, v] = self.commit(region, kind, place, v)
        return Graph(moves, alpha, beta, relaxed, ends, commit_alpha, commit_beta, roof)

    def multipliers(self, kind: Kind | None) -> Floats:
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

    def commit(self, region: int, kind: Kind | None, place: Place, tensor: int) -> tuple[Floats, Floats]:
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

    def delta(self, region: int, instances: int) -> Floats:
        """What fewer children than the most of a fan-out add to leakage, per criterion."""
        factors = [*self.most[:region], instances, *self.most[region + 1 :]]
        found: Floats = self.criteria.idle * (idle_energy(self.machine, factors) - self.idle)
        return found
