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
from optimizer.checker.again.nest_graph.spread import Kind, Vector, distinct

INF = 1e300


NO_KIND = Kind((1.0, 1.0, 1.0), 1, 1)
"""Of the outermost region, which no fan-out bounds."""


class Graph(NamedTuple):
    """Of every place of a region the nodes that may come next, (tensor, level, place); prices; the place's number among
    ends.

    A price per word is ``price[0, 0] + price[0, 1] share`` with the share of the node's tensor, and besides them a node
    costs ``price[1, 0] + price[1, 1] copies``: each of shape (criteria, places, nodes). Prices of holding a tensor
    have the shape (criteria, places, tensors).
    """

    moves: Ints
    relaxed: NDArray[np.bool_]
    ends: Ints
    roof: NDArray[np.bool_]
    price: Floats
    commit: Floats

    def of_nodes(self, kind: Kind) -> Floats:
        """``alpha, beta`` of the nodes inside of a fan-out, shape (2, criteria, places, nodes)."""
        shares = np.array([*kind.shares, 1.0])[self.moves[:, :, 0]]
        return np.stack(
            [self.price[0, 0] + self.price[0, 1] * shares, self.price[1, 0] + self.price[1, 1] * kind.copies]
        )

    def of_holding(self, kind: Kind) -> Floats:
        """``alpha, beta`` of holding tensors, shape (2, criteria, places, 3)."""
        shares = np.array(kind.shares)
        return np.stack(
            [self.commit[0, 0] + self.commit[0, 1] * shares, self.commit[1, 0] + self.commit[1, 1] * kind.copies]
        )


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
        kinds = [[layer.kind(v) for v in some] for some in factors]
        self._best = [[min(s) for s in zip(*(kind.shares for kind in some), strict=True)] for some in kinds]
        self._bottom: Floats | None = None
        self._copies = [max(kind.copies for kind in some) for some in kinds]

    def graph(self, region: int, free: int = 0) -> Graph:
        """The nodes that may come next at the places of a region, and their prices."""
        machine, places = self.machine, self.machine.places[region]
        most = max(1, *(len(machine.moves(place)) for place in places))
        count, last = len(self.criteria.scale), region + 1 == len(machine.regions)
        moves = np.full((len(places), most, 3), -1, np.int64)
        relaxed = np.zeros((len(places), most), np.bool_)
        ends, roof = np.full(len(places), -1, np.int64), np.zeros(len(places), np.bool_)
        price, commit = np.zeros((2, 2, count, len(places), most)), np.zeros((2, 2, count, len(places), 3))
        for p, place in enumerate(places):
            roof[p] = region > 0 and place.nodes == 0
            if machine.complete(place):
                ends[p] = p if last else machine.start(region + 1, place.parents)
            for m, (tensor, level, after) in enumerate(machine.moves(place)):
                moves[p, m] = tensor, level, machine.number[after]
                relaxed[p, m] = tensor == I and self.layer.slides and place.has(I)
                if not free >> tensor & 1:
                    own_read, fill, _ = self._bits[level]
                    price[..., p, m] = self._of_node(region, place, tensor, (own_read, fill), level)
            for v in range(0 if last else 3):
                if machine.deeper(region, v) and not free >> v & 1:
                    commit[..., p, v] = self._of_holding(region, place, v)
        return Graph(moves, relaxed, ends, roof, price, commit)

    def at_multipliers(self, kind: Kind) -> Floats:
        """Least costs of what the multipliers take, with extents that are the factors of the last fan-out; in an array
        that the next call fills again."""
        if self._bottom is None:
            self._parts = self._multipliers()
            count, places = self._parts.shape[1:3]
            self._bottom = np.full((count, places, self.layer.lattice.size), INF)
        weights = np.array([1.0, *kind.shares, kind.copies])
        self._bottom[:, :, self._last[0]] = np.tensordot(weights, self._parts, 1)
        return self._bottom

    def _multipliers(self) -> Floats:
        """What the multipliers take, shape (5, criteria, places, factors): a constant, per share of W, I and O, and per
        copy of outputs."""
        machine, problem = self.machine, self.machine.problem
        region, count = len(machine.regions) - 1, len(self.criteria.scale)
        places, (codes, differ, instances) = machine.places[region], self._last
        found = np.zeros((5, count, len(places), len(codes)))
        found[0] += np.array([self.delta(region, int(n)) for n in instances]).T[:, None, :]
        for p, place in enumerate(places):
            for tensor, parent in enumerate(place.parents):
                step, (read, _, update) = problem.step_bits[tensor], self._bits[parent]
                asked = problem.steps * step * differ[tensor] / instances
                share, own = self._share(region, tensor, parent)
                price = (read + update if tensor == O else read) * share
                found[1 + tensor if own else 0, :, p] += price[:, None] * asked
                if tensor == O:
                    first, own = self._first(region, parent)
                    found[4 if own else 0, :, p] -= (first * min(step, problem.bits[O]) * read)[:, None]
        return found

    def _of_a_bit(self, level: int) -> tuple[Floats, Floats, Floats]:
        """Cost of a bit read, filled and updated in all instances together; ports count at level 0 only."""
        spec, criteria = self.machine.problem.levels[level], self.criteria
        prices = (spec.read_energy, spec.fill_energy, spec.update_energy)
        r, f, u = (criteria.scale * price / spec.access_bits for price in prices)
        return r + criteria.price[:, 0, level], f + criteria.price[:, 1, level], u + criteria.price[:, 1, level]

    def _share(self, region: int, tensor: int, parent: int) -> tuple[float, bool]:
        """The best share of fan-outs between a node and its parent but the last, and whether that is one of them."""
        outer = self.machine.region_of(parent)
        return math.prod(self._best[r][tensor] for r in range(outer, region - 1)), outer < region

    def _first(self, region: int, level: int) -> tuple[float, bool]:
        """Most words of partial sums that come to a level for the first time, but for copies of the last fan-out
        outside of the region; and whether those count too."""
        problem, inner = self.machine.problem, self.machine.region_of(level)
        words = 0.0 if problem.resumes else float(problem.volume(O))
        return words * math.prod(self._copies[r] for r in range(min(inner, region - 1))), 0 < region <= inner

    def _of_holding(self, region: int, place: Place, tensor: int) -> Floats:
        """The least price of a held node: at the cheapest level further in, with one copy."""
        machine = self.machine
        inner = [n for some in machine.regions[region + 1 :] for n in some if machine.keeps(n, tensor)]
        fill = np.min([self._bits[n][1] for n in inner], axis=0)
        own = np.min([self._bits[n][0] for n in inner], axis=0)
        return self._of_node(region, place, tensor, (own, fill), machine.regions[region][-1])

    def _of_node(self, region: int, place: Place, tensor: int, own: tuple[Floats, Floats], level: int) -> Floats:
        """Price of a node with these prices of own reads and fills, as a graph has it; what comes first is that of a
        level."""
        problem, parent = self.machine.problem, place.parents[tensor]
        word, (share, last) = problem.bits[tensor], self._share(region, tensor, parent)
        read, _, update = self._bits[parent]
        own_read, fill = own
        found = np.zeros((2, 2, len(read)))
        found[0, 0] = word * (fill + problem.drain_reads * own_read) if tensor == O else word * fill
        found[0, int(last)] += word * share * (read + update if tensor == O else read)
        for words, price in ((self._first(region, level), fill), (self._first(region, parent), read)):
            if tensor == O:
                found[1, int(words[1])] -= word * words[0] * price
        return found

    def delta(self, region: int, instances: int) -> Floats:
        """What fewer children than the most of a fan-out add to leakage, per criterion."""
        factors = [*self.most[:region], instances, *self.most[region + 1 :]]
        found: Floats = self.criteria.idle * (idle_energy(self.machine, factors) - self.idle)
        return found
