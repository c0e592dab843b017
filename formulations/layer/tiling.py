"""Prime-exponent chain of tiles: the extents around and inside every block, and the tile of every node."""

from __future__ import annotations

from collections.abc import Iterable

from ortools.sat.python import cp_model

from formulations.layer.bypass import TENSORS, Kept
from formulations.layer.hoisted import Hoisted
from formulations.layer.loop_order import Orders
from formulations.layer.rows import Literal, imply, negate
from formulations.layer.spatial import FanOuts
from formulations.primes import Powers, extents_in_primes
from formulations.problem import Hoist, I, LayerProblem


class TilingChain:
    """Exponents of the extents, per level l, dim d and prime p of D_d (all in ``0..v_p(D_d)``).

    Variables: ``top[l,d,p]``, extents of all loops from the block of level l on (``top[0] = D``,
    ``top[L] = 1``); ``own[l,d,p]`` for halo dims, the loops over d right below the input's node;
    ``tile[l,T,d,p]``, extents below the node of T, for dims relevant to T.
    ``bottom[l] = spatial[l] + top[l+1]`` are the extents below the block's temporal loops.

    With V(d) the tensor irrelevant to d (if any) and "V above I" meaning both are kept in that order:

    1. ``bottom <= top``
    2. ``top == bottom`` where no kept node profits from a loop over d: V(d) is not kept (or there is none), and
       I is not kept or d is not a halo dim, V(d) is not hoisted to this block, and no node of the block is hoisted
       past a level that keeps V(d), nor, if d is a halo dim, past one that keeps I.
    3. A halo dim's ``own`` and the input's tile: V above I: ``tile[I] == bottom + own <= top``; I above V, or V hoisted
       to this block: ``own == 0``, ``tile[I] == top``; else V not kept: ``own == top - bottom``, ``tile[I] == top``;
       I not kept: ``own == 0``.
    4. Elsewhere ``tile[T] >= bottom``, and ``tile[T] >= top`` if V(d) stands below T, and ``tile[T] >= tile[I]``
       on halo dims if I stands below T, and ``tile[T] >= top`` if V(d) is hoisted to this block. (Tiles only take up
       capacity, so the least value counts.)

    A node of T hoisted from level l to block o:

    5. ``top[n,d] == bottom[n,d]`` for ``o < n < l`` and d not in irr(T), or all d if T is the input; what follows of
       loops of block o over irr(T) is meant of these blocks' loops over irr(T) too ("V(d) hoisted to this block").
    6. ``sum_{d in irr(T), p} (top[o] - bottom[o]) >= 1``: without such loops it would not be hoisted.
    7. ``span[l,T,p] == sum_{d in irr(T)} (top[l,d,p] + sum_{o <= n < l} (top[n,d,p] - bottom[n,d,p]))``, the extents of
       irr(T) below the node in one instance; of a node that is not hoisted they are ``sum top[l,d,p]``.
    8. ``tile[T] >= top`` at level l: all loops of the block stand below the node, which is its first.
    """

    def __init__(
        self,
        model: cp_model.CpModel,
        problem: LayerProblem,
        kept: Kept,
        orders: Orders,
        fanouts: FanOuts,
        hoisted: Hoisted,
    ) -> None:
        self._model, self._problem = model, problem
        self._kept, self._orders, self._fanouts, self._hoisted = kept, orders, fanouts, hoisted
        self.powers = extents_in_primes(problem)
        self._top: dict[tuple[int, int, int], cp_model.IntVar] = {}
        self._own: dict[tuple[int, int, int], cp_model.IntVar] = {}
        self._tile: dict[tuple[int, int, int, int], cp_model.IntVar] = {}
        self._span: dict[tuple[int, int], dict[int, cp_model.LinearExprT]] = {}
        self.slots = [(d, p, v) for d, powers in enumerate(self.powers) for p, v in powers.items()]
        for level in range(1, len(problem.levels)):
            for d, p, v in self.slots:
                self._top[level, d, p] = model.new_int_var(0, v, "top")
        for level in range(len(problem.levels)):
            for d, p, v in self.slots:
                model.add(self.bottom(level, d, p) <= self.top(level, d, p))  # (1)
                if level:
                    self._add_block(level, d, p, v)
        for hoist, literal in hoisted.choices:
            imply(model, [literal], self._closing(hoist, hoist.outer) >= 1)  # (6)

    def top(self, level: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the extent around a block."""
        if level == 0:
            return self.powers[dim].get(prime, 0)
        return self._top.get((level, dim, prime), 0)

    def bottom(self, level: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the extent below a block's temporal loops."""
        return self._fanouts.exponent(level, dim, prime) + self.top(level + 1, dim, prime)

    def own(self, level: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the loop over a halo dim right below the input's node."""
        return self._own.get((level, dim, prime), 0)

    def tile(self, level: int, tensor: int, dim: int, prime: int) -> cp_model.LinearExprT:
        """Exponent of the extent below a node."""
        return self._tile.get((level, tensor, dim, prime), 0)

    def span(self, level: int, tensor: int) -> dict[int, cp_model.LinearExprT]:
        """Exponents of the extents of irr(T) below the node of T in one instance of the level, all dims together."""
        if (level, tensor) not in self._span:
            self._span[level, tensor] = self._add_span(level, tensor)
        return self._span[level, tensor]

    def highest(self, dims: Iterable[int]) -> Powers:
        """Bounds on the sums of exponents of some dims."""
        highest: Powers = {}
        for d in dims:
            for p, v in self.powers[d].items():
                highest[p] = highest.get(p, 0) + v
        return highest

    def _add_span(self, level: int, tensor: int) -> dict[int, cp_model.LinearExprT]:
        dims = self._irrelevant(tensor)
        highest = self.highest(dims)
        tops = {p: sum(self.top(level, d, p) for d in dims) for p in highest}
        choices = self._hoisted.of(level, tensor)
        if not choices:
            return tops
        spans: dict[int, cp_model.LinearExprT] = {}
        for p, v in highest.items():
            span = spans[p] = self._model.new_int_var(0, v, "span")
            for hoist, literal in choices:  # (7)
                passed = [n for n in range(hoist.outer, level) if hoist.passes_loops_of(n)]
                imply(self._model, [literal], span == tops[p] + sum(self._closing(hoist, n, p) for n in passed))
            imply(self._model, [negate(literal) for _, literal in choices], span == tops[p])
            self._model.add(span >= tops[p])  # implied; for the linear relaxation
            self._model.add(span <= tops[p] + v * sum(literal for _, literal in choices))
        return spans

    def _irrelevant(self, tensor: int) -> list[int]:
        return [d for d, lacking in enumerate(self._problem.irrelevant_to) if lacking == tensor]

    def _closing(self, hoist: Hoist, level: int, prime: int | None = None) -> cp_model.LinearExprT:
        """Sum of the exponents of the loops of a block that a hoisted node stands above, of one prime or of all."""
        dims = self._irrelevant(hoist.tensor)
        return sum(
            self.top(level, d, p) - self.bottom(level, d, p)
            for d, p, _ in self.slots
            if d in dims and prime in (None, p)
        )

    def keeps(self, level: int, tensor: int) -> Literal:
        """Does the level keep the tensor? No tensor at all (-1) is never kept."""
        return tensor >= 0 and self._kept.at(level, tensor)

    def _add_block(self, level: int, d: int, p: int, v: int) -> None:
        lacking, halo = self._problem.irrelevant_to[d], self._problem.halo[d]
        top, bottom = self.top(level, d, p), self.bottom(level, d, p)
        profits = [self.keeps(level, lacking), self.keeps(level, I) if halo else False]
        closing = [literal for _, literal in self._hoisted.closing(level, lacking)]
        passed = [self._hoisted.passes(level, t, u) for t in TENSORS for u in ({lacking, I} if halo else {lacking})]
        imply(self._model, [negate(c) for c in (*profits, *closing, *passed)], bottom == top)  # (2)
        for hoist, literal in self._hoisted.across(level):
            if hoist.tensor != lacking or not hoist.passes_loops_of(level):
                imply(self._model, [literal], bottom == top)  # (5)
        if halo:
            self._add_input_tile(level, d, p, v)
        for tensor in TENSORS:
            if tensor == lacking or (tensor == I and halo):
                continue
            tile = self._model.new_int_var(0, v, "tile")
            self._tile[level, tensor, d, p] = tile
            here = self.keeps(level, tensor)
            imply(self._model, [here], tile >= bottom)  # (4)
            for _, literal in self._hoisted.of(level, tensor):
                imply(self._model, [literal], tile >= top)  # (8)
            if lacking >= 0:
                below = self._orders.above(level, tensor, lacking)
                imply(self._model, [here, self.keeps(level, lacking), below], tile >= top)
                for literal in closing:
                    imply(self._model, [here, literal], tile >= top)
            if halo:
                below = self._orders.above(level, tensor, I)
                imply(self._model, [here, self.keeps(level, I), below], tile >= self._tile[level, I, d, p])

    def _add_input_tile(self, level: int, d: int, p: int, v: int) -> None:
        lacking = self._problem.irrelevant_to[d]
        top, bottom = self.top(level, d, p), self.bottom(level, d, p)
        tile = self._tile[level, I, d, p] = self._model.new_int_var(0, v, "tile")
        own = self._own[level, d, p] = self._model.new_int_var(0, v, "own")
        inputs, others = self.keeps(level, I), self.keeps(level, lacking)
        closing = [literal for _, literal in self._hoisted.closing(level, lacking)]
        imply(self._model, [negate(inputs)], own == 0)  # (3)
        imply(self._model, [negate(inputs)], tile == top)
        imply(self._model, [inputs, negate(others), *map(negate, closing)], own == top - bottom)
        imply(self._model, [inputs, negate(others)], tile == top)
        for literal in closing:
            imply(self._model, [literal], own == 0)
            imply(self._model, [literal], tile == top)
        if lacking >= 0:
            outside = self._orders.above(level, lacking, I)
            imply(self._model, [inputs, others, outside], tile == bottom + own)
            imply(self._model, [inputs, others, outside], tile <= top)
            imply(self._model, [inputs, others, negate(outside)], own == 0)
            imply(self._model, [inputs, others, negate(outside)], tile == top)

    def loops_below(self, level: int, tensor: int) -> cp_model.LinearExprT:
        """Sum of the exponents of the temporal loops that stand right below a node (0: no loops).

        Of a tensor that is not kept: the loops that close the block below a hoisted node.
        ``sum_{d in irr(T)} (top - bottom - own)``, and for the input also ``sum_d own``. Level 0 has one run.
        """
        total: cp_model.LinearExprT = 0
        for d, p, _ in self.slots:
            if self._problem.irrelevant_to[d] == tensor:
                total = total + self.top(level, d, p) - self.bottom(level, d, p) - self.own(level, d, p)
            if tensor == I:
                total = total + self.own(level, d, p)
        return total
