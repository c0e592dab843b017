"""Admissible bounds: the least costs of what stands inside of a place, of the graph without what couples its steps.

``plain[place][x, k]`` is at most the cost, by criterion k, of everything inside of a place with extents x. Against the
graph

1. loops stand anywhere (they cost nothing themselves);
2. a level's bits count node by node: every tile fits alone;
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
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from formulations.problem import I, O, W
from optimizer.checker.again.nest_graph.criteria import Criteria
from optimizer.checker.again.nest_graph.groups import Narrowing, Rows, least_of, split
from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.layer import Layer
from optimizer.checker.again.nest_graph.places import Machine
from optimizer.checker.again.nest_graph.prices import INF, Graph, Kind, Kinds, Prices
from optimizer.checker.again.nest_graph.spread import Vector, copies, least_shares, vectors
from optimizer.checker.again.nest_graph.tables import Filler, spread_over


class Tables(NamedTuple):
    """Bounds at all places of a region; with a tensor held across the next fan-out; what they are made of."""

    plain: list[Floats]
    closing: list[list[Floats]]
    graph: Graph
    bottom: Floats
    closing_bottom: Floats


BATCH, MOST_ENTRIES = 16, 1 << 23
"""Kinds whose tables are filled together, and entries of these tables."""
FIRST_GROUPS, PARTS = 32, 4
"""Groups of kinds to begin with, and into how many a group is split."""


class Potentials:
    """Bounds of one machine."""

    def __init__(
        self, machine: Machine, layer: Layer, criteria: Criteria, check: Callable[[], None], *, cuts: bool = True,
        grouped: bool = True,
    ) -> None:  # fmt: skip
        self.machine, self.layer, self.criteria, self._check = machine, layer, criteria, check
        self.cuts, self.grouped = cuts, grouped
        problem = machine.problem
        last = len(machine.regions) - 1
        self.factors: list[list[Vector]] = []
        for r, levels in enumerate(machine.regions):
            found = vectors(problem, levels[-1])
            self.factors.append([v for v in found if math.prod(v) > 1] if r < last else found)
        self.alive: dict[Kind, NDArray[np.bool_]] = {}
        self.possible = all(self.factors)
        if not self.possible:
            return
        self.prices = Prices(machine, layer, criteria, self.factors)
        self.most, self.idle = self.prices.most, self.prices.idle
        self._tables: dict[int, Tables] = {}
        self._spreads: dict[Vector, tuple[Ints, Ints]] = {}
        self._bottoms: dict[tuple[int, int], tuple[Floats, Floats]] = {}
        self.kinds = [self._kinds(r) for r in range(last)]
        self.held = layer.held.copy()
        if last == 1:
            self._hold_inputs()

    def _hold_inputs(self) -> None:
        """Least words of the input that a level outside of a fan-out reads for nodes held right inside of it.

        With extents z outside of the fan-out and factors s, the tiles have the extents z / s. All of them bring in
        ``traffic(z / s)`` words, of which the share of distinct tiles is read, and a slide lowers that by no more than
        the share of a width that a step is. Dims that the input lacks divide it by what stands inside, and nothing
        else: so the least over s is taken once for them all.
        """
        layer, lattice = self.layer, self.layer.lattice
        lacks = np.flatnonzero(layer.lacks[I])
        best = np.full(lattice.size, INF)
        for v in {tuple(1 if d in lacks else f for d, f in enumerate(v)) for v in self.factors[0]} | {
            (1,) * len(layer.lacks[I])
        }:
            x, z = spread_over(layer, v)
            good = (lattice.vectors[z][:, lacks] == 1).all(axis=1)
            x, z = x[good], z[good]
            read = layer.traffic[I, x] * layer.least_share(x, z, -1) * layer.distinct_inputs(v, x) / math.prod(v)
            best[z] = np.minimum(best[z], read)
        index = (np.arange(lattice.size)[:, None] // lattice.strides) % lattice.counts
        base = np.arange(lattice.size) - (index[:, lacks] * lattice.strides[lacks]).sum(axis=1)
        times = np.prod(lattice.vectors[:, lacks], axis=1)
        self.held[I] = np.maximum(self.held[I], np.maximum(self.held[I], best)[base] / times)

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

    def tables(self, region: int, kind: Kinds | None, free: int = 0) -> Tables:
        """Bounds of a region inside of fan-outs of some kinds; the nodes of the tensors in `free` cost nothing."""
        if region == 0 and free in self._tables:
            return self._tables[free]
        self._check()
        bottom, closing_bottom = self.bottom(region, kind, free)
        graph = self.prices.graph(region, kind, free)
        closes = 3 if region + 1 < len(self.machine.regions) else 0
        found = Tables(
            *Filler(self.layer, graph, self.held, closes).inside(bottom, closing_bottom), graph, bottom, closing_bottom
        )
        if region == 0:
            self._tables[free] = found
        return found

    def _reached(self) -> tuple[Floats, Floats]:
        """Least costs of what stands outside of the bottom of the outermost region, by the parents there: without a
        held tensor, and with one."""
        machine = self.machine
        graph = self.prices.graph(0, None)
        ends = sum(1 for place in machine.places[1] if place.nodes == 0)
        energy = machine.problem.steps * machine.problem.step_energy
        start = self.criteria.scale * energy + self.criteria.idle * self.idle
        return Filler(self.layer, graph, self.held, 3).outside(start, ends)

    def rows(self, region: int, kind: Kinds, free: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Least costs right inside of a fan-out: of its roof; with a tensor V held there; with V and the input held
        there, without what the input brings in; and the price of that."""
        machine, layer = self.machine, self.layer
        tables = self.tables(region, kind, free)
        starts = [p for p, place in enumerate(machine.places[region]) if place.nodes == 0]
        rows = np.stack([tables.plain[p] for p in starts])
        closing = np.full((3, *rows.shape), INF)
        both, slid = np.full(closing.shape, INF), np.full((len(starts), rows.shape[-1]), INF)
        families: dict[int, Tables] = {free: tables}
        alone = layer.slides and self.single(region, I)
        for e, p in enumerate(starts):
            for v in range(len(tables.closing)):
                closing[v, e] = tables.closing[v][p]
            place = machine.places[region][p]
            for tensor, level, after in machine.moves(place):
                inside = free
                if not self.single(region, tensor):
                    inside |= 1 << tensor
                if layer.slides and tensor != I and not self.single(region, I):
                    inside |= 1 << I
                if inside not in families:
                    families[inside] = self.tables(region, kind, inside)
                fits, values = layer.fits(tensor, level), families[inside].plain
                closing[tensor, e, fits] = np.minimum(closing[tensor, e], values[machine.number[after]])[fits]
                for other, deeper, last in machine.moves(after) if alone and tensor != I else ():
                    if other == I:
                        good = fits & layer.fits(I, deeper)
                        found = np.minimum(both[tensor, e], values[machine.number[last]])
                        both[tensor, e, good] = found[good]
            if alone:
                prices = [tables.graph.alpha[p, m] for m, (t, _, _) in enumerate(machine.moves(place)) if t == I]
                slid[e] = np.min(prices, axis=0) if prices else 0.0
        return rows, closing, both, slid

    def bottom(self, region: int, kind: Kinds | None, free: int) -> tuple[Floats, Floats]:
        """Least costs from the bottom of a region on; with a held tensor."""
        machine, size = self.machine, self.layer.lattice.size
        if region + 1 == len(machine.regions):
            return self.prices.multipliers(kind), np.zeros((0, 0, 0, 0))
        if (region, free) not in self._bottoms:
            ends = sum(1 for place in machine.places[region + 1] if place.nodes == 0)
            bottom = np.full((ends, size, len(self.criteria.scale)), INF)
            closing = np.full((3, *bottom.shape), INF)
            if region == 0 and self.cuts:
                self._narrow(bottom, closing)
            else:
                self._lift(region, free, bottom, closing)
            self._bottoms[region, free] = bottom, closing
        found, closing = self._bottoms[region, free]
        many = 1 if kind is None else len(kind.instances)
        return np.tile(found, (1, 1, many)), np.tile(closing, (1, 1, 1, many))

    def batch(self, region: int, tables: int) -> int:
        """How many kinds of fan-outs are done together, with this number of tables of every place."""
        entries = self.layer.lattice.size * len(self.machine.places[region]) * len(self.criteria.scale) * tables
        return max(1, min(BATCH, MOST_ENTRIES // entries))

    def _batches(self, region: int, free: int, kinds: list[Kind]) -> Iterator[Rows]:
        """Least costs inside of fan-outs of each of some kinds below a region, those of a few of them at a time."""
        count, batch = len(self.criteria.scale), self.batch(region + 1, 1)
        for first in range(0, len(kinds), batch):
            self._check()
            some = kinds[first : first + batch]
            found = self.rows(region + 1, Kinds.of(some), free)
            for n in range(len(some)):
                yield Rows(*(np.ascontiguousarray(one[..., n * count : (n + 1) * count]) for one in found))

    def _lifted(self, vector: Vector, rows: Rows, idle: Floats) -> tuple[Ints, Floats, Floats]:
        """Extents outside of a fan-out with some factors and the least costs there, without and with a held tensor.

        Where a loop outside of the fan-out is sat out by V and slides the input, the input's node may stand at the roof
        as well and then brings in the share of a width that a step is, or more of it; `both` are the costs besides.
        """
        x, z = self._spread(vector)
        closing = rows.closing[:, :, x, :]
        for v in (W, O):
            share = self.layer.least_share(x, z, v)
            if (share < 1.0).any():
                brought = (share * self.layer.traffic[I, x])[None, :, None] * rows.slid[:, None, :]
                cost = np.where(share[None, :, None] < 1.0, brought + rows.both[v][:, x, :], INF)
                closing[v] = np.minimum(closing[v], cost)
        return z, rows.plain[:, x, :] + idle, closing + idle

    def _spread(self, vector: Vector) -> tuple[Ints, Ints]:
        if vector not in self._spreads:
            self._spreads[vector] = spread_over(self.layer, vector)
        return self._spreads[vector]

    def _lift(self, region: int, free: int, bottom: Floats, closing: Floats) -> None:
        kinds = self.kinds[region]
        for (kind, some), rows in zip(kinds.items(), self._batches(region, free, list(kinds)), strict=True):
            idle = self.prices.delta(region, kind.instances)
            for vector in some:
                z, here, held = self._lifted(vector, rows, idle)
                bottom[:, z] = np.minimum(bottom[:, z], here)
                closing[:, :, z] = np.minimum(closing[:, :, z], held)

    def _narrow(self, bottom: Floats, closing: Floats) -> None:
        """The bottom of the outermost region, from the kinds of fan-outs that can lead below all limits.

        If what stands outside of every vector of extents costs too much together with the least inside, no nest with
        such a fan-out is below the limits. So costs of kinds left out are not needed. Kinds are left out in groups
        (:mod:`groups`).
        """
        reach, reach_closing = self._reached()
        limit, kinds, left = self.criteria.limit, self.kinds[0], {}
        narrowing = Narrowing(
            self.layer, kinds, {kind: self.prices.delta(0, kind.instances) for kind in kinds}, limit, reach,
            reach_closing, self._spread, self._check,
        )  # fmt: skip
        groups = split(list(kinds), FIRST_GROUPS) if self.grouped else [[kind] for kind in kinds]
        while groups:
            inner: list[list[Kind]] = []
            for group, rows in zip(groups, self._batches(0, 0, [least_of(group) for group in groups]), strict=True):
                found = narrowing.left(group, rows)
                if len(group) > 1:
                    inner += split(found, PARTS)
                for kind in found if len(group) == 1 else ():
                    alive = np.zeros(bottom.shape[:2], np.bool_)
                    for vector in kinds[kind]:
                        z, here, held = self._lifted(vector, rows, narrowing.idle[kind])
                        good = (reach[:, z] + here <= limit).all(axis=2)
                        good |= (reach_closing[:, :, z] + held <= limit).all(axis=3).any(axis=0)
                        alive[:, z] |= good
                        bottom[:, z] = np.minimum(bottom[:, z], here)
                        closing[:, :, z] = np.minimum(closing[:, :, z], held)
                    if alive.any():
                        left[kind], self.alive[kind] = kinds[kind], alive
            groups = inner
        self.kinds[0] = {kind: some for kind, some in kinds.items() if kind in left}
