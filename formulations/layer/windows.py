"""Sliding windows: the loop over a halo dim right above the input's node fetches only new words."""

from __future__ import annotations

from ortools.sat.python import cp_model

from formulations.layer.bypass import TENSORS, Kept
from formulations.layer.hoisted import Hoisted
from formulations.layer.loop_order import Orders
from formulations.layer.rows import Literal, forbid, imply, negate
from formulations.layer.spatial import FanOuts
from formulations.layer.tiling import TilingChain
from formulations.problem import I, LayerProblem, O, W

OUTER = -1


class Windows:
    """Which loop moves the input's tile innermost, its trips, and the fan-outs between it and the node.

    A *run* is the set of loops right below one node (or of all loops of level 0), or those that close a block below a
    hoisted node of a tensor T that the block does not keep: the run of T there. Variables:

    * ``chosen[r, d]`` Boolean: halo dim d is innermost in run r; at most one per run.
    * ``used[l, d]`` Boolean: the input's node at level l slides along d; at most one d per level.
    * ``trips[l, d, p]``: exponents of the trips of that loop; ``between[l, d, p]``: of the spatial factors of d
      between that loop and the node. Meaningless unless used.
    * ``seen[l, d]`` Boolean, with ``seen_trips``, ``seen_between``: the innermost non-empty run outside of block l
      has chosen d.

    A use is a permission: it lowers the traffic, so conditions are one-sided. "No loops below a tensor" is meant of
    kept tensors; V(d) is the tensor irrelevant to d.

    1. ``used[l, d]`` needs a source. *Own block*: V(d) above I, no loops below a third tensor standing between
       them, ``chosen[(l, V), d]``; then ``trips = top - bottom - own``, ``between = 0``. *Outside*: no loops below
       any tensor above I, and ``seen[l, d]``; then trips and between are the seen ones.
    2. ``seen[1, d]``: ``chosen[level 0, d]``, trips ``D / bottom[0]``, between ``spatial[0]``.
    3. ``seen[l+1, d]`` needs a source. *Run of V(d)* or *run of I* in block l: no loops below any node inside of it,
       and ``chosen``; trips are ``top - bottom - own`` or ``own``, between is ``spatial[l]``. *Empty block*:
       ``top == bottom`` in all dims, and ``seen[l, d]``; trips are the same, between grows by ``spatial[l]``.

    A hoisted node of T parts the loops of the block it stands in; those over irr(T) stand below it and are not empty:

    4. ``hoisted[T, l, 0]``, T not I: the loops over irr(T) are the innermost run of block 0, so other dims are not
       chosen there.
    5. ``hoisted[I, l, 0]``: the node itself sees the other loops of block 0, so does no node further in: *empty block*
       does not hold at l. (irr(I) has no halo dim, so nothing slides along the loops below the node.)
    6. ``hoisted[T, l, o]``, ``o > 0``: the run of T is the innermost of block o, whether or not T is kept there; that
       of no other tensor is a source of ``seen[o+1, d]``.

    Below a node of T hoisted from level l past others stand, in T's run, also loops that no node of block l profits
    from:

    7. They are loops below T for *outside* of (1).
    8. The run is a source of ``seen[l+1, d]`` also where V(d) and I are not kept at l, with ``chosen[(l, T), d]``.
    """

    def __init__(
        self,
        model: cp_model.CpModel,
        problem: LayerProblem,
        kept: Kept,
        orders: Orders,
        fanouts: FanOuts,
        tiling: TilingChain,
        hoisted: Hoisted,
    ) -> None:
        self._model, self._problem, self._hoisted = model, problem, hoisted
        self._kept, self._orders, self._fanouts, self._tiling = kept, orders, fanouts, tiling
        self.dims = [d for d, halo in enumerate(problem.halo) if halo]
        levels = len(problem.levels)
        self._chosen: dict[tuple[int, int, int], Literal] = {}
        self._used: dict[tuple[int, int], Literal] = {}
        self._seen: dict[tuple[int, int], Literal] = {}
        self._trips: dict[tuple[int, int, int], cp_model.IntVar] = {}
        self._between: dict[tuple[int, int, int], cp_model.IntVar] = {}
        self._seen_trips: dict[tuple[int, int, int], cp_model.LinearExprT] = {}
        self._seen_between: dict[tuple[int, int, int], cp_model.LinearExprT] = {}
        if not self.dims:
            return
        self._add_runs(levels)
        for d in self.dims:
            for p in self._tiling.powers[d]:
                self._seen_trips[1, d, p] = tiling.top(0, d, p) - tiling.bottom(0, d, p)
                self._seen_between[1, d, p] = fanouts.exponent(0, d, p)
            self._seen[1, d] = self._chosen[0, OUTER, d]  # (2)
        for level in range(1, levels):
            uses = [self._add_use(level, d) for d in self.dims]
            model.add_at_most_one([use for use in uses if use is not False])
            if level + 1 < levels:
                for d in self.dims:
                    self._pass_on(level, d)

    def used(self, level: int, dim: int) -> Literal:
        """Does the input's node slide along the dim?"""
        return self._used.get((level, dim), False)

    def trips(self, level: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the trips of the loop that moves the tile."""
        return self._trips[level, dim, prime]

    def between(self, level: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the spatial factors between that loop and the node."""
        return self._between[level, dim, prime]

    def _add_runs(self, levels: int) -> None:
        for d in self.dims:
            self._chosen[0, OUTER, d] = self._model.new_bool_var("chosen")
        self._model.add_at_most_one([self._chosen[0, OUTER, d] for d in self.dims])
        for hoist, literal in self._hoisted.into(0):  # (4)
            for d in self.dims:
                if hoist.tensor not in (I, self._problem.irrelevant_to[d]):
                    forbid(self._model, [literal, self._chosen[0, OUTER, d]])
        for level in range(1, levels):
            for tensor in TENSORS:
                every = tensor == I or self._hoisted.over_levels(level, tensor)
                here = [d for d in self.dims if every or tensor == self._problem.irrelevant_to[d]]
                for d in here:
                    self._chosen[level, tensor, d] = self._model.new_bool_var("chosen")
                if here:
                    self._model.add_at_most_one([self._chosen[level, tensor, d] for d in here])

    def _exponents(self, d: int, high: str) -> dict[int, cp_model.IntVar]:
        return {p: self._model.new_int_var(0, v, high) for p, v in self._tiling.powers[d].items()}

    def _copy(
        self,
        source: Literal,
        d: int,
        target: tuple[dict[int, cp_model.IntVar], dict[int, cp_model.IntVar]],
        trips: dict[int, cp_model.LinearExprT],
        between: dict[int, cp_model.LinearExprT],
    ) -> None:
        for p in self._tiling.powers[d]:
            imply(self._model, [source], target[0][p] == trips[p])
            imply(self._model, [source], target[1][p] == between[p])

    def _add_use(self, level: int, d: int) -> Literal:
        model, tiling = self._model, self._tiling
        inputs, lacking = self._kept.at(level, I), self._problem.irrelevant_to[d]
        if inputs is False:
            return False
        use = self._used[level, d] = model.new_bool_var("used")
        trips, between = self._exponents(d, "trips"), self._exponents(d, "between")
        for p in tiling.powers[d]:
            self._trips[level, d, p], self._between[level, d, p] = trips[p], between[p]
        imply(model, [use], inputs == 1 if inputs is not True else True)
        outside = model.new_bool_var("outside")
        sources = [outside]
        imply(model, [outside], self._seen[level, d] == 1)  # (1)
        for tensor in TENSORS:
            if tensor != I:
                above = self._orders.above(level, tensor, I)
                imply(model, [outside, self._kept.at(level, tensor), above], tiling.loops_below(level, tensor) == 0)
                self._keep_out(level, tensor, outside)
        seen = (
            {p: self._seen_trips[level, d, p] for p in trips},
            {p: self._seen_between[level, d, p] for p in trips},
        )
        self._copy(outside, d, (trips, between), *seen)
        if lacking >= 0 and self._kept.at(level, lacking) is not False:
            own = model.new_bool_var("own block")
            sources.append(own)
            third = next(t for t in TENSORS if t not in (I, lacking))
            imply(model, [own], self._kept.at(level, lacking) == 1)
            imply(model, [own], self._orders.above(level, lacking, I) == 1)
            imply(model, [own], self._chosen[level, lacking, d] == 1)
            standing = [self._orders.above(level, lacking, third), self._orders.above(level, third, I)]
            imply(model, [own, *standing], tiling.loops_below(level, third) == 0)
            self._copy(own, d, (trips, between), self._run(level, lacking, d), dict.fromkeys(trips, 0))
        model.add(sum(sources) == use)
        return use

    def _keep_out(self, level: int, tensor: int, outside: Literal) -> None:
        """(7)."""
        for _, literal in self._hoisted.over_levels(level, tensor):
            for slot, p, _ in self._tiling.slots:
                other = self._problem.irrelevant_to[slot]
                if other not in (-1, tensor):
                    conditions = [outside, literal, negate(self._kept.at(level, other))]
                    if not self._problem.halo[slot]:
                        loops = self._tiling.top(level, slot, p) == self._tiling.bottom(level, slot, p)
                        imply(self._model, conditions, loops)

    def _run(self, level: int, tensor: int, d: int) -> dict[int, cp_model.LinearExprT]:
        tiling = self._tiling
        if tensor == I:
            return {p: tiling.own(level, d, p) for p in tiling.powers[d]}
        return {
            p: tiling.top(level, d, p) - tiling.bottom(level, d, p) - tiling.own(level, d, p) for p in tiling.powers[d]
        }

    def _pass_on(self, level: int, d: int) -> None:
        model, tiling, fanouts = self._model, self._tiling, self._fanouts
        trips, between = self._exponents(d, "trips"), self._exponents(d, "between")
        seen = self._seen[level + 1, d] = model.new_bool_var("seen")
        for p in tiling.powers[d]:
            self._seen_trips[level + 1, d, p], self._seen_between[level + 1, d, p] = trips[p], between[p]
        fan = {p: fanouts.exponent(level, d, p) for p in trips}
        empty = model.new_bool_var("empty block")
        sources = [empty]
        imply(model, [empty], self._seen[level, d] == 1)  # (3)
        for slot, p, _ in tiling.slots:
            imply(model, [empty], tiling.top(level, slot, p) == tiling.bottom(level, slot, p))
        grown = {p: self._seen_between[level, d, p] + fan[p] for p in trips}
        self._copy(empty, d, (trips, between), {p: self._seen_trips[level, d, p] for p in trips}, grown)
        for _, literal in self._hoisted.of(level, I):  # (5)
            forbid(model, [empty, literal])
        for tensor in {I, self._problem.irrelevant_to[d]} - {-1}:
            here = self._kept.at(level, tensor)
            hoisted = [literal for _, literal in self._hoisted.closing(level, tensor)]
            if here is False and not hoisted:
                continue
            run = model.new_bool_var("run")
            sources.append(run)
            forbid(model, [run, negate(here), *map(negate, hoisted)])
            imply(model, [run], self._chosen[level, tensor, d] == 1)
            for other in TENSORS:
                if other != tensor:
                    inside = [here, self._kept.at(level, other), self._orders.above(level, tensor, other)]
                    imply(model, [run, *inside], tiling.loops_below(level, other) == 0)
            for hoist, literal in self._hoisted.into(level):  # (6)
                if hoist.tensor != tensor:
                    forbid(model, [run, literal])
            self._copy(run, d, (trips, between), self._run(level, tensor, d), fan)
        sources += [self._passed_run(level, tensor, d, (trips, between), fan) for tensor in (W, O)]
        model.add(sum(sources) == seen)

    def _passed_run(
        self,
        level: int,
        tensor: int,
        d: int,
        target: tuple[dict[int, cp_model.IntVar], dict[int, cp_model.IntVar]],
        fan: dict[int, cp_model.LinearExprT],
    ) -> Literal:
        """(8), below a node of `tensor`."""
        model, lacking = self._model, self._problem.irrelevant_to[d]
        hoisted = [literal for _, literal in self._hoisted.over_levels(level, tensor)]
        if not hoisted or tensor == lacking:
            return False
        run = model.new_bool_var("passed run")
        forbid(model, [run, *map(negate, hoisted)])
        for absent in {I, lacking} - {-1}:
            forbid(model, [run, self._kept.at(level, absent)])
        for other in TENSORS:
            if other != tensor:
                imply(model, [run, self._kept.at(level, other)], self._tiling.loops_below(level, other) == 0)
        imply(model, [run], self._chosen[level, tensor, d] == 1)
        self._copy(run, d, target, self._run(level, tensor, d), fan)
        return run
