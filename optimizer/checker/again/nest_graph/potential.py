"""Admissible bounds: the least costs of what stands inside of a place, of the graph without what couples its steps.

``plain[k, place, x]`` is at most the cost, by criterion k, of everything inside of a place with extents x. Against the
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
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from formulations.problem import I
from optimizer.checker.again.nest_graph.criteria import Criteria
from optimizer.checker.again.nest_graph.groups import Below, Groups, Rows, least_of_all
from optimizer.checker.again.nest_graph.kernels.fill import gather
from optimizer.checker.again.nest_graph.lattice import Floats, Ints
from optimizer.checker.again.nest_graph.layer import Layer
from optimizer.checker.again.nest_graph.places import Machine
from optimizer.checker.again.nest_graph.prices import INF, NO_KIND, Prices
from optimizer.checker.again.nest_graph.rules import ALL_RULES, Rules
from optimizer.checker.again.nest_graph.spread import Kind, Vector, vectors
from optimizer.checker.again.nest_graph.tables import Filler, Room, Tables, fits_of


class Potentials:
    """Bounds of one machine."""

    def __init__(
        self, machine: Machine, layer: Layer, criteria: Criteria, check: Callable[[], None], rules: Rules = ALL_RULES
    ) -> None:
        self.machine, self.layer, self.criteria, self._check, self._rules = machine, layer, criteria, check, rules
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
        self._fits = fits_of(machine, layer)
        self._outermost: Tables | None = None
        self._fillers: dict[tuple[int, int], Filler] = {}
        self._rooms: dict[int, Room] = {}
        self._bottoms: dict[tuple[int, int], tuple[Floats, Floats]] = {}
        self._inside: dict[int, Ints] = {}
        self.kinds = [self._kinds(r) for r in range(last)]
        self.held = layer.held.copy()
        if last == 1:
            self.held[I] = layer.held_inputs(tuple(self.factors[0]))

    def _kinds(self, region: int) -> dict[Kind, list[Vector]]:
        found: dict[Kind, list[Vector]] = {}
        problem, cap = self.machine.problem, self.criteria.cap
        for vector in self.factors[region]:
            n = math.prod(vector)
            widest = math.prod(self.most) // self.most[region] * n
            if cap is not None and problem.work * problem.latency_unit > cap * widest:
                continue
            found.setdefault(self.layer.kind(vector), []).append(vector)
        return found

    def single(self, region: int, tensor: int) -> bool:
        """Is there at most one level from a region on that may keep a tensor?"""
        levels = [level for some in self.machine.regions[region:] for level in some]
        return sum(self.machine.keeps(level, tensor) for level in levels) <= 1

    def tables(self, region: int, kind: Kind, free: int = 0, room: Room | None = None) -> Tables:
        """Bounds of a region inside of a fan-out of some kind, in a room; the nodes of the tensors in `free` cost
        nothing."""
        if region == 0 and self._outermost is not None:
            return self._outermost
        self._check()
        found = self._filler(region, free).inside(kind, *self.bottom(region, kind, free), room)
        if region == 0:
            self._outermost = found
        return found

    def _room(self, region: int) -> Room:
        if region not in self._rooms:
            self._rooms[region] = Room(self.machine, self.layer, region, self._fits, narrow=self._rules.room)
        return self._rooms[region]

    def _filler(self, region: int, free: int) -> Filler:
        if (region, free) not in self._fillers:
            closes = 3 if region + 1 < len(self.machine.regions) else 0
            self._fillers[region, free] = Filler(
                self.layer, self.prices.graph(region, free), self._room(region), self._fits, self.held, closes
            )
        return self._fillers[region, free]

    def _reached(self) -> Floats:
        """Least costs of what stands outside of the bottom of the outermost region, by the parents there: without a
        held tensor, and with one."""
        machine = self.machine
        filler = Filler(self.layer, self.prices.graph(0), self._room(0), self._fits, self.held, 3)
        ends = sum(1 for place in machine.places[1] if place.nodes == 0)
        energy = machine.problem.steps * machine.problem.step_energy
        return filler.outside(self.criteria.scale * energy + self.criteria.idle * self.idle, ends)

    def room(self, region: int, extents: Ints) -> Room:
        """The room that stands inside of some extents."""
        return self._room(region).within(self.layer.lattice.divisors_of(extents))

    def rows(self, region: int, kind: Kind, free: int, room: Room | None = None, inside: Ints | None = None) -> Rows:
        """Least costs right inside of a fan-out: of all extents, or of some with the room inside of these."""
        machine, layer = self.machine, self.layer
        tables = self.tables(region, kind, free, room)
        starts = [p for p, place in enumerate(machine.places[region]) if place.nodes == 0]
        everywhere = inside is None
        if inside is None:
            inside = self._inside.get(region, np.arange(layer.lattice.size))
        costs = np.full((len(inside), len(starts), 7, len(self.criteria.scale)), INF)
        low, slid = np.full((*costs.shape[:2], 4, costs.shape[3]), INF), np.full(costs.shape[1::2], INF)
        always = (0, 0, 0, 0)
        roof = [(e, 0, 0, p, *always) for e, p in enumerate(starts)]
        gather(inside, tables.plain, np.array(roof), self._fits, costs, low)
        for v in range(tables.closing.shape[1]):
            held = [(e, 1 + v, 1 + v, p, *always) for e, p in enumerate(starts)]
            gather(inside, np.ascontiguousarray(tables.closing[:, v]), np.array(held), self._fits, costs, low)
        for within, picks in self._picks(region, free, starts).items():
            source = tables.plain if within == free else self.tables(region, kind, within, room).plain
            gather(inside, source, np.array(picks), self._fits, costs, low)
        if layer.slides and self.single(region, I):
            for e, p in enumerate(starts):
                prices = [tables.price[0, :, p, m] for m, (t, _, _) in enumerate(tables.moves[p]) if t == I]
                slid[e] = np.min(prices, axis=0) if prices else 0.0
        found = Rows(inside, costs, low, slid)
        return self._finite(region, found) if everywhere else found

    def _picks(self, region: int, free: int, starts: list[int]) -> dict[int, list[tuple[int, ...]]]:
        """Places at which a held tensor stands right inside of a fan-out, and the input too, for `gather`; by the
        tensors whose nodes cost nothing."""
        machine, slides = self.machine, self.layer.slides
        found: dict[int, list[tuple[int, ...]]] = {}
        for e, p in enumerate(starts):
            for tensor, level, after in machine.moves(machine.places[region][p]):
                within = free if self.single(region, tensor) else free | 1 << tensor
                if slides and tensor != I and not self.single(region, I):
                    within |= 1 << I
                picks = found.setdefault(within, [])
                picks.append((e, 1 + tensor, 1 + tensor, machine.number[after], tensor, level, tensor, level))
                for other, deeper, end in machine.moves(after) if slides and tensor != I else ():
                    if other == I and self.single(region, I):
                        picks.append((e, 4 + tensor, 1 + tensor, machine.number[end], tensor, level, I, deeper))
        return found

    def _finite(self, region: int, rows: Rows) -> Rows:
        """Rows without extents at which nothing may stand, which do not depend on the kind, as prices are finite."""
        if region in self._inside or not self._rules.room:
            return rows
        good = least_of_all(rows.low).min(axis=1) < INF / 2
        self._inside[region] = rows.inside[good]
        return Rows(rows.inside[good], rows.costs[good], rows.low[good], rows.slid)

    def bottom(self, region: int, kind: Kind, free: int) -> tuple[Floats, Floats]:
        """Least costs from the bottom of a region on; with a held tensor."""
        machine, count = self.machine, len(self.criteria.scale)
        if region + 1 == len(machine.regions):
            return self.prices.at_multipliers(kind), np.zeros((count, 0, 1, 1))
        if (region, free) not in self._bottoms:
            ends = sum(1 for place in machine.places[region + 1] if place.nodes == 0)
            outer = region == 0 and self._rules.bounds
            below = Below.of(self.layer, self.criteria, ends, self._reached() if outer else None)
            groups = Groups(self.layer, self.kinds[region], lambda n: self.prices.delta(region, n), below, self._check)
            groups.run(
                lambda kind, room, inside: self.rows(region + 1, kind, free, room, inside),
                lambda inside: self.room(region + 1, inside) if self._rules.room else self._room(region + 1),
                grouped=outer and self._rules.groups,
            )
            if outer:
                self.alive = groups.alive
                self.kinds[0] = {kind: some for kind, some in self.kinds[0].items() if kind in self.alive}
            self._bottoms[region, free] = below.bottom[:, 0].copy(), below.bottom[:, 1:].copy()
        return self._bottoms[region, free]

    def outermost(self) -> Tables:
        """Bounds of the outermost region."""
        return self.tables(0, NO_KIND)
