"""Where the nodes of a nest stand: extents inside of every node and around every region, and the order of nodes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

from ortools.sat.python import cp_model

from formulations.nest import NodeItem
from formulations.nest_program.bypass import TENSORS, Kept
from formulations.nest_program.spatial import FanOuts
from formulations.primes import Powers, extents_in_primes
from formulations.problem import LayerProblem
from formulations.rows import Literal, imply, negate, truth


@dataclass(frozen=True)
class Region:
    """Levels between two fan-outs, outermost first, and the nodes that may stand there; the last level's fan-out is the
    one inside of the region.
    """

    number: int
    levels: tuple[int, ...]
    nodes: tuple[NodeItem, ...]

    @property
    def fan(self) -> int:
        """The level whose fan-out is inside of the region."""
        return self.levels[-1]


def regions_of(problem: LayerProblem, kept: Kept) -> tuple[Region, ...]:
    """Regions, outermost first. Nodes of level 0, and those in its place, stand outside of everything."""
    found: list[Region] = []
    levels: list[int] = []
    for number, level in enumerate(problem.levels):
        levels.append(number)
        if math.prod(level.fanout) > 1 or number + 1 == len(problem.levels):
            nodes = [NodeItem(t, n) for n in levels if n for t in TENSORS if kept.at(n, t) is not False]
            found.append(Region(len(found), tuple(levels), tuple(nodes)))
            levels = []
    return tuple(found)


class Nodes:
    """Exponents (in ``0..v_p(D_d)``) of extents, per dim d and prime p of D_d; a vector below means all of them.

    Variables: ``roof[r]``, the extents of all loops from region r on, inside of the fan-out outside of it (``roof[0] =
    D``, 0 behind the last region); ``x[n]``, the extents inside of node n = (T, l) in its own region (where it bypasses
    the level they mean nothing); ``above[m, n]`` Boolean, of two nodes of different tensors in one region, m stands
    outside of n (of nodes of one tensor that of the outer level does). ``floor[r] = spatial[r] + roof[r+1]`` are the
    extents at the bottom of region r, outside of its fan-out.

    1. ``floor[r] <= x[n] <= roof[r]``, ``floor[r] <= roof[r]``
    2. ``not kept[n]  =>  x[n] == floor[r]``
    3. ``kept[m] and above[m, n]  =>  x[m] >= x[n]``. Orders that contradict themselves have equal extents, and mean
       the same as any order of these nodes.

    A loop right inside of a fan-out, in front of the nodes of the region there, can as well stand outside of it, but
    along a window that the fan-out splits (rule R2 of :mod:`formulations.shortest_path`). So there are loops in front
    of the first node only if one of them is along such a window, and then any others may come behind it. For r > 0:

    4. ``first[r, n]`` Boolean: exactly one of them or ``empty[r]`` holds; ``first[r, n] => kept[n]``, ``empty[r] =>
       not kept[n]``
    5. ``split[r, d]`` Boolean, false if d has no window, ``split[r, d] => sum_p spatial[r-1, d, p] >= 1``;
       ``slid[r]`` Boolean, ``slid[r] => sum_d split[r, d] >= 1``. ``first[r, n]`` and neither ``slid[r]`` nor
       ``split[r, d]`` ``=> x[n, d] == roof[r, d]``; with ``empty[r]`` the same of ``floor[r, d]``. ``first[r, n]``
       and ``slid[r] =>`` the sum over windows d of ``roof[r, d] - x[n, d]`` is at least 1; with ``empty[r]`` of
       ``roof[r, d] - floor[r, d]``

    Rules for nests may ask where a loop stands: under those for loops around a level and for stationary tensors,
    (4) and (5) are left out.
    """

    def __init__(self, model: cp_model.CpModel, problem: LayerProblem, kept: Kept, fanouts: FanOuts) -> None:
        self._model, self._problem, self._kept, self._fanouts = model, problem, kept, fanouts
        self.powers = extents_in_primes(problem)
        self.slots = [(d, p, v) for d, powers in enumerate(self.powers) for p, v in powers.items()]
        self.regions = regions_of(problem, kept)
        self._region = {level: region for region in self.regions for level in region.levels}
        self._roof = {
            (r, d, p): model.new_int_var(0, v, "roof") for r in range(1, len(self.regions)) for d, p, v in self.slots
        }
        self._extent = {
            (n, d, p): model.new_int_var(0, v, "inside")
            for region in self.regions
            for n in region.nodes
            for d, p, v in self.slots
        }
        self._above: dict[tuple[NodeItem, NodeItem], Literal] = {}
        asked = problem.rules.are_regional or bool(problem.rules.stationary)
        for region in self.regions:
            self._place(region)
            self._order(region)
            if region.number and not asked:
                self._enter(region)

    def region(self, level: int) -> Region:
        """The region of a level."""
        return self._region[level]

    def kept(self, node: NodeItem) -> Literal:
        """Is there such a node?"""
        return self._kept.at(node.level, node.tensor)

    def roof(self, region: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the extents from a region on."""
        if region == 0:
            return self.powers[dim].get(prime, 0)
        return self._roof.get((region, dim, prime), 0)

    def floor(self, region: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the extents at the bottom of a region."""
        return self._fanouts.exponent(self.regions[region].fan, dim, prime) + self.roof(region + 1, dim, prime)

    def inside(self, node: NodeItem, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the extents inside of a node."""
        return self._extent[node, dim, prime]

    def above(self, outer: NodeItem, inner: NodeItem) -> Literal:
        """Does a node stand outside of another one of its region?"""
        if outer.tensor == inner.tensor:
            return outer.level < inner.level
        known = self._above.get((outer, inner))
        return negate(self._above[inner, outer]) if known is None else known

    def top(self, level: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the extents inside of the fan-out outside of a level (the number of levels: the multipliers)."""
        return self.roof(self._region[level].number, dim, prime) if level in self._region else 0

    def tile(self, level: int, tensor: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the extents inside of a node."""
        return self._extent.get((NodeItem(tensor, level), dim, prime), 0)

    def highest(self, dims: Iterable[int]) -> Powers:
        """Bounds on the sums of exponents of some dims."""
        highest: Powers = {}
        for d in dims:
            for p, v in self.powers[d].items():
                highest[p] = highest.get(p, 0) + v
        return highest

    def _place(self, region: Region) -> None:
        for d, p, _ in self.slots:
            roof, floor = self.roof(region.number, d, p), self.floor(region.number, d, p)
            self._model.add(floor <= roof)  # (1)
            for n in region.nodes:
                extent = self._extent[n, d, p]
                self._model.add(floor <= extent)
                self._model.add(extent <= roof)
                imply(self._model, [negate(self.kept(n))], extent == floor)  # (2)

    def _order(self, region: Region) -> None:
        for m, n in itertools.combinations(region.nodes, 2):
            if m.tensor != n.tensor:
                self._above[m, n] = self._model.new_bool_var("above")
            for outer, inner in ((m, n), (n, m)):  # (3)
                conditions = [self.kept(outer), self.above(outer, inner)]
                for d, p, _ in self.slots:
                    imply(self._model, conditions, self._extent[outer, d, p] >= self._extent[inner, d, p])

    def _enter(self, region: Region) -> None:
        model, r = self._model, region.number
        firsts = [model.new_bool_var("first") for _ in region.nodes]
        empty = model.new_bool_var("empty")
        model.add_exactly_one([*firsts, empty])  # (4)
        splits: dict[int, Literal] = {}
        for d, powers in enumerate(self.powers):
            splits[d] = False
            if self._problem.halo[d]:
                splits[d] = model.new_bool_var("split")
                spread = sum(self._fanouts.exponent(self.regions[r - 1].fan, d, p) for p in powers)
                imply(model, [splits[d]], spread >= 1)
        slid = model.new_bool_var("slid")
        imply(model, [slid], sum(truth(split) for split in splits.values()) >= 1)
        for n, first in zip(region.nodes, firsts, strict=True):
            imply(model, [first], truth(self.kept(n)) == 1)
            imply(model, [empty], truth(self.kept(n)) == 0)
            self._begin(region, [first], slid, splits, {(d, p): self._extent[n, d, p] for d, p, _ in self.slots})
        self._begin(region, [empty], slid, splits, {(d, p): self.floor(r, d, p) for d, p, _ in self.slots})

    def _begin(
        self,
        region: Region,
        when: list[Literal],
        slid: Literal,
        splits: dict[int, Literal],
        inside: dict[tuple[int, int], cp_model.LinearExprT],
    ) -> None:
        """(5): the extents inside of the loops in front of the first node."""
        loops: dict[tuple[int, int], cp_model.LinearExprT] = {}
        for (d, p), extent in inside.items():
            loops[d, p] = self._roof[region.number, d, p] - extent
            imply(self._model, [*when, negate(slid), negate(splits[d])], loops[d, p] == 0)
        along = sum(count for (d, _), count in loops.items() if self._problem.halo[d])
        imply(self._model, [*when, slid], along >= 1)
