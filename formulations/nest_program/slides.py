"""Loops along which the input's tiles slide: only the new words come in."""

from __future__ import annotations

from ortools.sat.python import cp_model

from formulations.nest import NodeItem
from formulations.nest_program.nodes import Nodes, Region
from formulations.nest_program.runs import Runs
from formulations.nest_program.spatial import FanOuts
from formulations.problem import I, LayerProblem
from formulations.rows import Literal, forbid, imply, truth


class Slides:
    """The innermost loop outside of an input's node that moves its tile may slide it along a window. Of dims d with a
    window (two terms on its axis), variables:

    * ``own[n, d]`` Boolean: node n = (I, l) of region r slides along a loop over d of its own region; ``far[n, d]``
      Boolean: along one outside of the region; ``used[n, d] == own[n, d] + far[n, d]``, at most one per node.
      ``trips[n, d]``: exponents of its trips, ``between[n, d]`` of the spatial factors of d between loop and node.
    * ``near[m, n]`` Boolean, node m of region r: m stands between that loop and n, and no loop that moves I does.
    * ``tail[r, d]`` Boolean, at most one per region: the last loop of region r that moves I is one over d, of
      ``last[r, d]`` trips. ``after[r, m]`` Boolean: node m stands inside of it.
    * ``seen[r, d]`` Boolean: what a node of I at the roof of region r+1 slides along is a loop over d, of
      ``seen_trips[r, d]``, with ``seen_between[r, d]``.

    They are permissions; each names its loop's place.

    1. ``own[n, d]  =>  roof[r, d] >= x[n, d] + trips[n, d]``, ``between[n, d] == 0``
    2. ``own[n, d] and kept[m] and above[m, n] and not near[m, n]  =>  x[m, d] >= x[n, d] + trips[n, d]``
    3. ``near[m, n]  =>  x[m, e] == x[n, e]`` for e not in irr(I); two nodes of I that are near see the same loop:
       ``own[n, d] and kept[m] and near[m, n]  =>  not own[m, e]`` for e other than d, and with ``own[m, d]`` trips are
       equal
    4. ``own[n, d] and within[r, n]  =>  not close[r, V]`` for V other than I that has d: the closing run would stand
       between.
    5. ``tail[r, d]  =>  roof[r, d] >= floor[r, d] + last[r, d]``, ``not close[r, V]`` for V other than I that has d
    6. ``tail[r, d] and kept[m] and not after[r, m]  =>  x[m, d] >= floor[r, d] + last[r, d]``
    7. ``after[r, m]  =>  x[m, e] == floor[r, e]`` for e not in irr(I); a node of I there sees the same loop (3)
    8. ``seen[r, d]`` needs a source: ``tail[r, d]``, with trips ``last[r, d]`` and between ``spatial[r, d]``; or
       ``pass[r, I]`` and ``seen[r-1, d]``, with its trips, and its between plus ``spatial[r, d]``
    9. ``far[n, d]  =>  held[n]`` and ``seen[r-1, d]``, with its trips and between
    10. ``held[n]  =>`` it sits out some loop, or ``far[n, d]`` for some d
    """

    def __init__(
        self, model: cp_model.CpModel, problem: LayerProblem, nodes: Nodes, runs: Runs, fanouts: FanOuts
    ) -> None:
        self._model, self._problem, self._nodes, self._runs, self._fanouts = model, problem, nodes, runs, fanouts
        self.dims = [d for axis in problem.input_axes if len(axis.terms) > 1 for d, _ in axis.terms]
        self._moving = [slot for slot in nodes.slots if slot[0] not in runs.lacking[I]]
        self._own: dict[tuple[NodeItem, int], Literal] = {}
        self._used: dict[tuple[NodeItem, int], Literal] = {}
        self._trips: dict[tuple[NodeItem, int, int], cp_model.IntVar] = {}
        self._between: dict[tuple[NodeItem, int, int], cp_model.LinearExprT] = {}
        self._tail: dict[tuple[int, int], cp_model.IntVar] = {}
        self._last: dict[tuple[int, int, int], cp_model.IntVar] = {}
        self._seen: dict[tuple[int, int], cp_model.IntVar] = {}
        self._seen_trips: dict[tuple[int, int, int], cp_model.LinearExprT] = {}
        self._seen_between: dict[tuple[int, int, int], cp_model.LinearExprT] = {}
        for region in nodes.regions:
            inputs = [n for n in region.nodes if n.tensor == I]
            for n in inputs:
                self._add_use(region, n)
            for n in inputs:
                self._place_own(region, n)
            if self.dims and runs.seen_inside(region.number, I):
                self._add_tail(region)
                for d in self.dims:
                    self._add_seen(region, d)

    def used(self, level: int, dim: int) -> Literal:
        """Does the input's node at a level slide along the dim?"""
        return self._used.get((NodeItem(I, level), dim), False)

    def trips(self, level: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the trips of the loop that moves the tile."""
        return self._trips.get((NodeItem(I, level), dim, prime), 0)

    def between(self, level: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the spatial factors between that loop and the node."""
        return self._between.get((NodeItem(I, level), dim, prime), 0)

    def own(self, node: NodeItem, dim: int) -> Literal:
        """Does a node slide along a loop of its own region?"""
        return self._own.get((node, dim), False)

    def tail(self, region: int, dim: int) -> Literal:
        """Is the last loop of a region that moves the input one over the dim?"""
        return self._tail.get((region, dim), False)

    def last(self, region: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the trips of that loop."""
        return self._last[region, dim, prime]

    def _add_use(self, region: Region, n: NodeItem) -> None:
        """Variables of a node, (9) and (10)."""
        model, nodes, r, held = self._model, self._nodes, region.number, self._runs.held(n)
        fars: list[Literal] = []
        for d in self.dims:
            own = self._own[n, d] = model.new_bool_var("own")
            used = self._used[n, d] = own
            far = None
            if (r - 1, d) in self._seen:
                far, used = model.new_bool_var("far"), model.new_bool_var("slides")
                self._used[n, d] = used
                fars.append(far)
                model.add(own + far == used)
                imply(model, [far], held == 1)
                model.add_implication(far, self._seen[r - 1, d])
            imply(model, [used], truth(nodes.kept(n)) == 1)
            for p, v in nodes.powers[d].items():
                trips = self._trips[n, d, p] = model.new_int_var(0, v, "trips")
                model.add(trips <= v * used)
                self._between[n, d, p] = 0
                if far is not None:
                    between = self._between[n, d, p] = model.new_int_var(0, v, "between")
                    imply(model, [far], trips == self._seen_trips[r - 1, d, p])
                    imply(model, [far], between == self._seen_between[r - 1, d, p])
                    model.add(between <= v * far)
        model.add_at_most_one([self._used[n, d] for d in self.dims])
        if not isinstance(held, bool):
            sat = sum(self._runs.sat(r - 1, I, p) for p in nodes.highest(self._runs.lacking[I]))
            imply(model, [held], sat + sum(fars) >= 1)  # (10)

    def _place_own(self, region: Region, n: NodeItem) -> None:
        """(1) to (4)"""
        model, nodes, r = self._model, self._nodes, region.number
        for d in self.dims:
            own = self._own[n, d]
            for p in nodes.powers[d]:
                imply(model, [own], nodes.roof(r, d, p) >= nodes.inside(n, d, p) + self._trips[n, d, p])  # (1)
            for tensor in self._sitting_out(d):
                forbid(model, [own, self._runs.within(n), self._runs.close(r, tensor)])  # (4)
        for m in region.nodes if self.dims else ():
            if m == n or nodes.above(m, n) is False:
                continue
            near = model.new_bool_var("near")
            for e, p, _ in self._moving:  # (3)
                imply(model, [near], nodes.inside(m, e, p) == nodes.inside(n, e, p))
            for d in self.dims:
                outside = [self._own[n, d], nodes.kept(m), nodes.above(m, n), near.negated()]
                for p in nodes.powers[d]:  # (2)
                    imply(model, outside, nodes.inside(m, d, p) >= nodes.inside(n, d, p) + self._trips[n, d, p])
                if m.tensor == I:
                    self._same_loop([self._own[n, d], near], d, m, {p: self._trips[n, d, p] for p in nodes.powers[d]})

    def _same_loop(self, conditions: list[Literal], d: int, m: NodeItem, trips: dict[int, cp_model.IntVar]) -> None:
        """A node of the input sees this loop over d, or none."""
        for e in self.dims:
            if e != d:
                forbid(self._model, [*conditions, self._own[m, e]])
        for p, trip in trips.items():
            imply(self._model, [*conditions, self._own[m, d]], self._trips[m, d, p] == trip)

    def _sitting_out(self, d: int) -> list[int]:
        """Tensors other than I which have the dim."""
        return [tensor for tensor in (0, 2) if d not in self._runs.lacking[tensor]]

    def _add_tail(self, region: Region) -> None:
        """(5) to (7)"""
        model, nodes, r = self._model, self._nodes, region.number
        for d in self.dims:
            tail = self._tail[r, d] = model.new_bool_var("tail")
            for p, v in nodes.powers[d].items():
                last = self._last[r, d, p] = model.new_int_var(0, v, "last")
                model.add(last <= v * tail)
                model.add(nodes.roof(r, d, p) >= nodes.floor(r, d, p) + last)  # (5)
            for tensor in self._sitting_out(d):
                forbid(model, [tail, self._runs.close(r, tensor)])
        model.add_at_most_one([self._tail[r, d] for d in self.dims])
        for m in region.nodes:
            after = model.new_bool_var("after")
            for e, p, _ in self._moving:  # (7)
                imply(model, [after], nodes.inside(m, e, p) == nodes.floor(r, e, p))
            for d in self.dims:
                for p in nodes.powers[d]:  # (6)
                    outside = nodes.inside(m, d, p) >= nodes.floor(r, d, p) + self._last[r, d, p]
                    imply(model, [self._tail[r, d], nodes.kept(m), after.negated()], outside)
                if m.tensor == I:
                    last = {p: self._last[r, d, p] for p in nodes.powers[d]}
                    self._same_loop([self._tail[r, d], after], d, m, last)

    def _add_seen(self, region: Region, d: int) -> None:
        """(8)"""
        model, r, tail = self._model, region.number, self._tail[region.number, d]
        primes = self._nodes.powers[d]
        spread = {p: self._fanouts.exponent(region.fan, d, p) for p in primes}
        if r == 0 or (r - 1, d) not in self._seen:
            self._seen[r, d] = tail
            self._seen_trips.update({(r, d, p): self._last[r, d, p] for p in primes})
            self._seen_between.update({(r, d, p): spread[p] for p in primes})
            return
        seen, before = model.new_bool_var("seen"), model.new_bool_var("before")
        self._seen[r, d] = seen
        model.add(tail + before == seen)
        imply(model, [before], self._runs.passes(r, I) == 1)
        model.add_implication(before, self._seen[r - 1, d])
        for p, v in primes.items():
            trips, between = model.new_int_var(0, v, "seen trips"), model.new_int_var(0, v, "seen between")
            self._seen_trips[r, d, p], self._seen_between[r, d, p] = trips, between
            imply(model, [tail], trips == self._last[r, d, p])
            imply(model, [tail], between == spread[p])
            imply(model, [before], trips == self._seen_trips[r - 1, d, p])
            imply(model, [before], between == self._seen_between[r - 1, d, p] + spread[p])
