"""Which tensors every level keeps."""

from __future__ import annotations

from ortools.sat.python import cp_model

from formulations.problem import LayerProblem
from formulations.rows import Literal, forbid, imply, negate

TENSORS = (0, 1, 2)


class Kept:
    """Variables: ``kept[l, T]`` Boolean, tensor T has a node at level l (a constant where there is no choice).

    1. ``(kept[l, W], kept[l, I], kept[l, O])`` is one of the level's options.
    """

    def __init__(self, model: cp_model.CpModel, problem: LayerProblem) -> None:
        self._model = model
        self._levels = len(problem.levels)
        self._literals: list[list[Literal]] = []
        self._links: dict[tuple[int, int, int], Literal] = {}
        for level in problem.levels:
            options = set(level.keep_options)
            row: list[Literal] = []
            for tensor in TENSORS:
                values = {option[tensor] for option in options}
                row.append(values.pop() if len(values) == 1 else model.new_bool_var("kept"))
            self._literals.append(row)
            free = [tensor for tensor in TENSORS if not isinstance(row[tensor], bool)]
            if free:  # (1)
                allowed = {tuple(int(option[tensor]) for tensor in free) for option in options}
                model.add_allowed_assignments([row[tensor] for tensor in free], sorted(allowed))

    def at(self, level: int, tensor: int) -> Literal:
        """Does the level keep the tensor?"""
        return self._literals[level][tensor]

    def link(self, parent: int, child: int, tensor: int) -> Literal:
        """Is `child` the next keeper inside of `parent`? The number of levels stands for the multipliers.

        ``link == kept[parent] and kept[child] and none kept between``
        """
        key = (parent, child, tensor)
        if key not in self._links:
            conditions = [
                self.at(parent, tensor),
                *(negate(self.at(n, tensor)) for n in range(parent + 1, child)),
            ]
            if child < self._levels:
                conditions.append(self.at(child, tensor))
            self._links[key] = self._all_of(conditions)
        return self._links[key]

    def _all_of(self, conditions: list[Literal]) -> Literal:
        if any(c is False for c in conditions):
            return False
        variables = [c for c in conditions if c is not True]
        if len(variables) <= 1:
            return variables[0] if variables else True
        both = self._model.new_bool_var("link")
        for c in variables:
            imply(self._model, [both], c == 1)
        forbid(self._model, [*variables, negate(both)])
        return both
