"""The choice of a hoisted node."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ortools.sat.python import cp_model

from formulations.layer.bypass import TENSORS, Kept
from formulations.layer.hoisting import shared_axes
from formulations.layer.loop_order import Orders
from formulations.layer.rows import Literal, forbid, imply, negate
from formulations.problem import AxisSpec, Hoist, LayerProblem

Choice = tuple[Hoist, cp_model.IntVar]
"""A hoist and its literal."""


class Hoisted:
    """Variables: ``hoisted[T, l, o]`` Boolean: the node of T at level l stands above the loops over irr(T) of block o.

    There is one per hoist that can pay in some mapping (:mod:`formulations.layer.hoisting`).

    1. at most one hoist
    2. ``hoisted[T, l, o]  =>  kept[l, T]``, and ``not kept[n, T]`` for ``o < n < l``
    3. ``hoisted[T, l, o]  =>`` no kept node stands above T's in block l
    4. ``hoisted[T, l, o] and kept[o, T]  =>`` no kept node stands below T's in block o (``o > 0``)

    5. ``hoisted[T, l, o]  =>`` another tensor is kept at a level n, ``o < n < l``, or children of a fan-out n,
       ``o <= n < l``, share words along an axis of the input where a dim of irr(T) meets another: else the hoist
       cannot pay.

    ``passes[l, T, U]`` Boolean, a permission: T's node at level l is hoisted past a level that keeps U.

    6. ``passes[l, T, U]  =>  hoisted[T, l, o]`` for some o, and with each of these ``kept[n, U]`` for some n,
       ``o < n < l``

    The loops that the node passes are those of :mod:`formulations.layer.tiling`.
    """

    def __init__(self, model: cp_model.CpModel, kept: Kept, orders: Orders, options: Sequence[Hoist]) -> None:
        self._model, self._kept = model, kept
        self._passes: dict[tuple[int, int, int], Literal] = {}
        self.choices: list[Choice] = [(hoist, model.new_bool_var("hoisted")) for hoist in options]
        if len(options) > 1:
            model.add_at_most_one([literal for _, literal in self.choices])  # (1)
        for hoist, literal in self.choices:
            tensor, level, outer = hoist.tensor, hoist.level, hoist.outer
            imply(model, [literal], kept.at(level, tensor) == 1)  # (2)
            for between in range(outer + 1, level):
                forbid(model, [literal, kept.at(between, tensor)])
            for other in TENSORS:
                if other == tensor:
                    continue
                forbid(model, [literal, kept.at(level, other), orders.above(level, other, tensor)])  # (3)
                if outer:
                    below = orders.above(outer, tensor, other)
                    forbid(model, [literal, kept.at(outer, tensor), kept.at(outer, other), below])  # (4)

    def of(self, level: int, tensor: int) -> list[Choice]:
        """Hoists of one node."""
        return [choice for choice in self.choices if (choice[0].level, choice[0].tensor) == (level, tensor)]

    def over_levels(self, level: int, tensor: int) -> list[Choice]:
        """Hoists of one node past other levels."""
        return [choice for choice in self.of(level, tensor) if choice[0].outer + 1 < level]

    def into(self, outer: int) -> list[Choice]:
        """Hoists to one block."""
        return [choice for choice in self.choices if choice[0].outer == outer]

    def closing(self, level: int, tensor: int) -> list[Choice]:
        """Hoists of a tensor above loops of a block."""
        return [choice for choice in self.choices if choice[0].tensor == tensor and choice[0].passes_loops_of(level)]

    def across(self, level: int) -> list[Choice]:
        """Hoists that pass a block."""
        return [choice for choice in self.choices if choice[0].outer < level < choice[0].level]

    def passes(self, level: int, tensor: int, other: int) -> Literal:
        """May loops stand below T's node at a level for the sake of U, kept at a level that the node passes?"""
        key = (level, tensor, other)
        if key not in self._passes:
            self._passes[key] = self._add_passes(level, tensor, other)
        return self._passes[key]

    def _add_passes(self, level: int, tensor: int, other: int) -> Literal:
        choices = self.over_levels(level, tensor)
        if other in (-1, tensor) or not choices:
            return False
        passes = self._model.new_bool_var("passes")
        forbid(self._model, [passes, *(negate(literal) for _, literal in choices)])  # (6)
        for hoist, literal in choices:
            between = [self._kept.at(n, other) for n in range(hoist.outer + 1, level)]
            forbid(self._model, [passes, literal, *map(negate, between)])
        return passes

    def pay(self, problem: LayerProblem, plain: Callable[[int, AxisSpec], Literal]) -> None:
        """(5), where ``plain(n, axis)`` says that no children of fan-out n share words along an axis."""
        for hoist, literal in self.choices:
            passed = range(hoist.outer + 1, hoist.level)
            idle = [negate(self._kept.at(n, other)) for n in passed for other in TENSORS if other != hoist.tensor]
            for axis in shared_axes(problem, hoist.tensor):
                idle += [plain(n, axis) for n in range(hoist.outer, hoist.level)]
            forbid(self._model, [literal, *idle])
