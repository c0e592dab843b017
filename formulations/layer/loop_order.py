"""The order of the nodes of every block."""

from __future__ import annotations

from ortools.sat.python import cp_model

from formulations.layer.bypass import TENSORS, Kept
from formulations.layer.rows import Literal, forbid, negate
from formulations.problem import LayerProblem


class Orders:
    """Variables: ``above[l, T, U]`` for T < U, Boolean: T's node stands outside of U's at level l.

    ``above[l, U, T]`` is its negation.

    1. No cycle: not ``above[0,1] and above[1,2] and above[2,0]``, nor the reverse.
    2. A tensor that is not kept stands outermost (it has no node; this fixes its literals):
       ``not kept[T] and kept[U]  =>  above[T, U]``, and of two that are not kept the first.
    """

    def __init__(self, model: cp_model.CpModel, problem: LayerProblem, kept: Kept) -> None:
        self._above: dict[tuple[int, int, int], Literal] = {}
        for level in range(1, len(problem.levels)):
            for first in TENSORS:
                for second in TENSORS[first + 1 :]:
                    literal = model.new_bool_var("above")
                    self._above[level, first, second] = literal
                    self._above[level, second, first] = negate(literal)
                    absent = negate(kept.at(level, first)), negate(kept.at(level, second))
                    forbid(model, [absent[0], negate(literal)])  # (2)
                    forbid(model, [absent[1], negate(absent[0]), literal])
            forbid(model, [self.above(level, 0, 1), self.above(level, 1, 2), self.above(level, 2, 0)])  # (1)
            forbid(model, [self.above(level, 1, 0), self.above(level, 2, 1), self.above(level, 0, 2)])

    def above(self, level: int, first: int, second: int) -> Literal:
        """Does the node of `first` stand outside of that of `second`?"""
        return self._above[level, first, second]
