"""Rules for the order of loops around a level, as constraints; and an order of the loops between two nodes."""

from __future__ import annotations

from collections.abc import Callable

from ortools.sat.python import cp_model

from formulations.faults import FaultError
from formulations.nest import LoopItem, NodeItem
from formulations.nest_program.bypass import TENSORS
from formulations.nest_program.nodes import Nodes, Region
from formulations.nest_program.runs import Runs
from formulations.nest_program.slides import Slides
from formulations.problem import I, LayerProblem
from formulations.rows import Literal, forbid, imply, negate

Pair = tuple[int, int]


class Orders:
    """Of the loops of a region, all over a dim a stand outside of all over b, if a rule of one of its levels says so
    (*a before b*). Loops between two nodes stand in any order, so it is asked of what separates loops: nodes, closing
    runs, and the loop along which the input slides. Variables, of dims that rules name:

    * ``idle[r, d]`` Boolean: region r has no loop over d, ``roof[r, d] == floor[r, d]``.
    * ``outer[n, d]`` Boolean: no loop over d of the region stands outside of node n, ``x[n, d] == roof[r, d]``;
      ``inner[n, d]`` Boolean: none stands inside, ``x[n, d] == floor[r, d]``.
    * ``runs[r, d]`` Boolean: loops over d are in the closing run, ``run[r, d] >= 1  =>  runs[r, d]``.
    * ``before[r, a, b]``: true where a rule says so; else, where rules of several levels make a chain, Boolean.

    1. ``before[r, a, c] and before[r, c, b]  =>  before[r, a, b] or idle[r, c]``
    2. ``before[r, a, a]  =>  idle[r, a]``: orders that contradict each other
    3. ``before[r, a, b] and kept[n]  =>  inner[n, a] or outer[n, b]``
    4. ``before[r, a, b] and runs[r, a]  =>  idle[r, b]`` for a in irr(V), b not in irr(V): the loops over b are outside
       of the closing run of V.
    5. ``before[r, d, b] and own[n, d]  =>  outer[n, b]`` for b not in irr(I): no loop that moves I is between the loop
       along which n slides and n.
    6. ``before[r, d, b] and own[n, d] and within[r, n] and close[r, V]  =>  idle[r, b]`` for d in irr(V), b not in
       irr(V): the loop along which n slides is part of the closing run.
    7. ``before[r, d, b] and tail[r, d]  =>  idle[r, b]`` for b not in irr(I); with ``close[r, V]`` and d in irr(V) for
       b not in irr(V): as (5) and (6), for nodes of inner regions.

    Where these hold, loops between two nodes have an order that keeps the rules and lets everything be sat out that the
    program takes to be: :func:`ordered` finds it. What had to stand both outside and inside of a loop would do so
    through a chain of (before, run, slide), and (4) to (7) exclude the shortest of these.
    """

    def __init__(
        self, model: cp_model.CpModel, problem: LayerProblem, nodes: Nodes, runs: Runs, slides: Slides
    ) -> None:
        self._model, self._nodes, self._runs, self._slides = model, nodes, runs, slides
        self._idle: dict[tuple[int, int], cp_model.IntVar] = {}
        self._outer: dict[tuple[NodeItem, int], cp_model.IntVar] = {}
        self._inner: dict[tuple[NodeItem, int], cp_model.IntVar] = {}
        self._running: dict[tuple[int, int], Literal] = {}
        self.pairs = [
            frozenset(pair for level in region.levels for pair in problem.rules.inside(level))
            for region in nodes.regions
        ]
        for region, pairs in zip(nodes.regions, self.pairs, strict=True):
            before = self._closure(region.number, pairs)
            for (a, b), known in before.items():
                if a == b:
                    forbid(model, [known, negate(self._is_idle(region.number, a))])  # (2)
                else:
                    self._part(region, a, b, known)
                    self._end(region.number, a, b, known)
                    self._slide(region, a, b, known)

    def _closure(self, region: int, pairs: frozenset[Pair]) -> dict[Pair, Literal]:
        """``before`` of a region. (1)"""
        before: dict[Pair, Literal] = dict.fromkeys(sorted(pairs), True)
        grown = True
        while grown:
            joined = {(a, b) for a, c in before for e, b in before if c == e} - before.keys()
            before |= {pair: self._model.new_bool_var("before") for pair in sorted(joined)}
            grown = bool(joined)
        for a, c in before:
            for e, b in before:
                if c == e and before[a, b] is not True:
                    conditions = [before[a, c], before[c, b], negate(before[a, b])]
                    forbid(self._model, [*conditions, negate(self._is_idle(region, c))])
        return before

    def _part(self, region: Region, a: int, b: int, known: Literal) -> None:
        """Nodes between loops. (3)"""
        for n in region.nodes:
            parted = [negate(self._is_inner(region, n, a)), negate(self._is_outer(region, n, b))]
            forbid(self._model, [known, self._nodes.kept(n), *parted])

    def _end(self, r: int, a: int, b: int, known: Literal) -> None:
        """Closing runs, and what the input slides along at the end of a region. (4), (7)"""
        busy = negate(self._is_idle(r, b))
        for tensor in self._parting(a, b):
            forbid(self._model, [known, self._runs_over(r, a), busy])
            forbid(self._model, [known, self._slides.tail(r, a), self._runs.close(r, tensor), busy])
        if b not in self._runs.lacking[I]:
            forbid(self._model, [known, self._slides.tail(r, a), busy])

    def _slide(self, region: Region, d: int, b: int, known: Literal) -> None:
        """What the input's nodes slide along in their own region. (5), (6)"""
        r = region.number
        for n in region.nodes:
            own = self._slides.own(n, d)
            if b not in self._runs.lacking[I] and own is not False:
                forbid(self._model, [known, own, negate(self._is_outer(region, n, b))])
            for tensor in self._parting(d, b) if own is not False else ():
                inside = [self._runs.within(n), self._runs.close(r, tensor)]
                forbid(self._model, [known, own, *inside, negate(self._is_idle(r, b))])

    def _parting(self, a: int, b: int) -> list[int]:
        """Tensors that lack a dim and have another one."""
        lacking = self._runs.lacking
        return [tensor for tensor in TENSORS if a in lacking[tensor] and b not in lacking[tensor]]

    def _is_idle(self, r: int, d: int) -> Literal:
        if (r, d) not in self._idle:
            idle = self._idle[r, d] = self._model.new_bool_var("idle")
            for p in self._nodes.powers[d]:
                imply(self._model, [idle], self._nodes.roof(r, d, p) == self._nodes.floor(r, d, p))
        return self._idle[r, d]

    def _is_outer(self, region: Region, n: NodeItem, d: int) -> Literal:
        if (n, d) not in self._outer:
            outer = self._outer[n, d] = self._model.new_bool_var("outer")
            for p in self._nodes.powers[d]:
                roof = self._nodes.roof(region.number, d, p)
                imply(self._model, [outer], self._nodes.inside(n, d, p) == roof)
        return self._outer[n, d]

    def _is_inner(self, region: Region, n: NodeItem, d: int) -> Literal:
        if (n, d) not in self._inner:
            inner = self._inner[n, d] = self._model.new_bool_var("inner")
            for p in self._nodes.powers[d]:
                floor = self._nodes.floor(region.number, d, p)
                imply(self._model, [inner], self._nodes.inside(n, d, p) == floor)
        return self._inner[n, d]

    def _runs_over(self, r: int, d: int) -> Literal:
        if (r, d) not in self._running:
            running = self._running[r, d] = self._model.new_bool_var("runs")
            for p in self._nodes.powers[d]:
                imply(self._model, [running.negated()], self._runs.run(r, d, p) == 0)
        return self._running[r, d]


def ordered(loops: list[LoopItem], ranks: list[int], follows: Callable[[int, int], bool]) -> list[LoopItem]:
    """Loops so that each stands inside of all those that it has to follow, else by rank.

    Parameters
    ----------
    loops : list of LoopItem
    ranks : list of int
        Of every loop; smaller ones are further out where there is a choice.
    follows : callable
        Does a loop (by number) have to stand inside of another one?

    Raises
    ------
    FaultError
        If there is no such order: the program has let loops stand where they cannot.
    """
    left, found = sorted(range(len(loops)), key=lambda n: (ranks[n], n)), list[LoopItem]()
    while left:
        ready = [n for n in left if not any(follows(n, other) for other in left if other != n)]
        if not ready:
            raise FaultError("the program has loops between two nodes that no order suits")
        left.remove(ready[0])
        found.append(loops[ready[0]])
    return found
