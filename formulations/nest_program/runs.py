"""Loops that a tensor sits out: those right outside of its node over dims that it lacks."""

from __future__ import annotations

from ortools.sat.python import cp_model

from formulations.nest import NodeItem
from formulations.nest_program.bypass import TENSORS
from formulations.nest_program.nodes import Nodes, Region
from formulations.problem import LayerProblem
from formulations.rows import Literal, imply, negate, truth


class Runs:
    """A tile stays where it is while loops run that its tensor V lacks. Directly outside of V's node in its own region
    there need be none: the node stands above them as well (rule R1 of :mod:`formulations.shortest_path`). So what it
    sits out beyond the loops inside of it are loops over irr(V) that close regions outside of its own, and only if no
    other loop stands between. Variables, in exponents of primes:

    * ``close[r, V]`` Boolean: the last loops of region r may be such a run of V; at most one V. ``run[r, d]`` are its
      loops over d in irr(V), 0 unless ``close[r, V]``.
    * ``within[r, n]`` Boolean: node n of region r stands inside of the closing run, or in the midst of it.
    * ``pass[r, V]`` Boolean: region r has no loops but those over irr(V) (r > 0).
    * ``sat[r, V, p]``, what a node of V at the roof of region r+1 sits out.
    * ``held[n]`` Boolean: node n = (V, l) stands at the roof of its region, and sits out what lies outside.

    1. ``run[r, d] <= roof[r, d] - floor[r, d]``
    2. ``kept[n] and not within[r, n]  =>  x[n, d] >= floor[r, d] + run[r, d]`` for all d
    3. ``within[r, n] and close[r, V]  =>  x[n, d] == floor[r, d]`` for d not in irr(V)
    4. ``pass[r, V]  =>  roof[r, d] == floor[r, d]`` for d not in irr(V)
    5. ``pass[r, V]  =>  sat[r, V] == sum_{d in irr(V)} (roof[r, d] - floor[r, d]) + sat[r-1, V]``, else
       ``sat[r, V] == sum_d run[r, d]``
    6. ``held[n]  =>  kept[n]`` and ``x[n] == roof[r]``
    7. ``span[n] == sum_{d in irr(V)} x[n, d] (+ sat[r-1, V]  if  held[n])``: the trips of loops over irr(V), all dims
       together, for which the node's tile comes in once.

    Nodes of inner regions may so stand above loops and nodes of outer ones: their tile is the same there.
    """

    def __init__(self, model: cp_model.CpModel, problem: LayerProblem, nodes: Nodes) -> None:
        self._model, self._problem, self._nodes = model, problem, nodes
        self.lacking = [
            [d for d, lacking in enumerate(problem.irrelevant_to) if lacking == tensor] for tensor in TENSORS
        ]
        self.slides = any(problem.halo)
        self._close: dict[tuple[int, int], cp_model.IntVar] = {}
        self._run: dict[tuple[int, int, int], cp_model.IntVar] = {}
        self._within: dict[NodeItem, cp_model.IntVar] = {}
        self._pass: dict[tuple[int, int], cp_model.IntVar] = {}
        self._sat: dict[tuple[int, int, int], cp_model.LinearExprT] = {}
        self._held: dict[NodeItem, cp_model.IntVar] = {}
        self._span: dict[NodeItem, dict[int, cp_model.LinearExprT]] = {}
        for region in nodes.regions:
            self._add_closing(region)
            self._add_sat(region)
            for node in region.nodes:
                self._add_held(region, node)

    def close(self, region: int, tensor: int) -> Literal:
        """May the last loops of a region be a run of a tensor?"""
        return self._close.get((region, tensor), False)

    def run(self, region: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the loops over a dim in the closing run of a region."""
        return self._run.get((region, dim, prime), 0)

    def within(self, node: NodeItem) -> Literal:
        """Does a node stand inside of, or within, the closing run of its region?"""
        return self._within.get(node, False)

    def passes(self, region: int, tensor: int) -> Literal:
        """Has a region no loops but those that a tensor lacks?"""
        return self._pass.get((region, tensor), False)

    def held(self, node: NodeItem) -> Literal:
        """Does a node sit out loops of regions outside of its own?"""
        return self._held.get(node, False)

    def span(self, node: NodeItem) -> dict[int, cp_model.LinearExprT]:
        """(7)"""
        return self._span.get(node, {})

    def seen_inside(self, region: int, tensor: int) -> bool:
        """May a region further in have a node of the tensor?"""
        return any(n.tensor == tensor for other in self._nodes.regions[region + 1 :] for n in other.nodes)

    def sat(self, region: int, tensor: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of what a node of the tensor at the roof of the next region sits out."""
        return self._sat.get((region, tensor, prime), 0)

    def _add_closing(self, region: Region) -> None:
        model, r = self._model, region.number
        for tensor in TENSORS:
            if self.lacking[tensor] and self.seen_inside(r, tensor):
                self._close[r, tensor] = model.new_bool_var("close")
        closing = [(tensor, self._close[r, tensor]) for tensor in TENSORS if (r, tensor) in self._close]
        model.add_at_most_one([literal for _, literal in closing])
        for tensor, literal in closing:
            for d in self.lacking[tensor]:
                for p, v in self._nodes.powers[d].items():
                    run = self._run[r, d, p] = model.new_int_var(0, v, "run")
                    model.add(run <= v * literal)
                    model.add(run <= self._nodes.roof(r, d, p) - self._nodes.floor(r, d, p))  # (1)
        for n in region.nodes if closing else ():
            within = self._within[n] = model.new_bool_var("within")
            imply(model, [negate(self._nodes.kept(n))], within == 1)
            for d, p, _ in self._nodes.slots:
                if (r, d, p) in self._run:
                    outside = self._nodes.inside(n, d, p) >= self._nodes.floor(r, d, p) + self._run[r, d, p]
                    imply(model, [within.negated()], outside)  # (2)
                for tensor, literal in closing:
                    if d not in self.lacking[tensor]:
                        same = self._nodes.inside(n, d, p) == self._nodes.floor(r, d, p)
                        imply(model, [within, literal], same)  # (3)

    def _add_sat(self, region: Region) -> None:
        model, nodes, r = self._model, self._nodes, region.number
        for tensor in TENSORS:
            if not self.seen_inside(r, tensor) or not (self.lacking[tensor] or (tensor == 1 and self.slides)):
                continue
            passing = None
            if r:
                passing = self._pass[r, tensor] = model.new_bool_var("pass")
                for d, p, _ in nodes.slots:
                    if d not in self.lacking[tensor]:
                        imply(model, [passing], nodes.roof(r, d, p) == nodes.floor(r, d, p))  # (4)
            for p, v in nodes.highest(self.lacking[tensor]).items():
                runs = sum(self._run.get((r, d, p), 0) for d in self.lacking[tensor])
                if passing is None:
                    self._sat[r, tensor, p] = runs
                    continue
                sat = self._sat[r, tensor, p] = model.new_int_var(0, v, "sat out")
                loops = sum(nodes.roof(r, d, p) - nodes.floor(r, d, p) for d in self.lacking[tensor])
                imply(model, [passing], sat == loops + self.sat(r - 1, tensor, p))  # (5)
                imply(model, [passing.negated()], sat == runs)

    def _add_held(self, region: Region, node: NodeItem) -> None:
        model, nodes, r, tensor = self._model, self._nodes, region.number, node.tensor
        highest = nodes.highest(self.lacking[tensor])
        inside = {
            p: sum(nodes.inside(node, d, p) for d in self.lacking[tensor] if p in nodes.powers[d]) for p in highest
        }
        slides = tensor == 1 and self.slides
        if r == 0 or not (highest or slides):
            self._span[node] = inside
            return
        held = self._held[node] = model.new_bool_var("held")
        imply(model, [held], truth(nodes.kept(node)) == 1)  # (6)
        for d, p, _ in nodes.slots:
            imply(model, [held], nodes.inside(node, d, p) == nodes.roof(r, d, p))
        self._span[node] = {}
        for p, v in highest.items():
            span = self._span[node][p] = model.new_int_var(0, v, "span")
            imply(model, [held], span == inside[p] + self.sat(r - 1, tensor, p))  # (7)
            imply(model, [held.negated()], span == inside[p])
            model.add(span >= inside[p])  # implied; for the linear relaxation
            model.add(span <= inside[p] + v * held)
        if not slides:
            sat = sum(self.sat(r - 1, tensor, p) for p in highest)
            imply(model, [held], sat >= 1)  # else it is not held
