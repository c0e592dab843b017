"""Hardware sizes as part of the program: one layer on a menu of hardware points."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from ortools.sat.python import cp_model

from formulations.nest_program.machines import subsets, without
from formulations.problem import LayerProblem, PortSpec, ProblemLevel
from formulations.rows import Literal, forbid, negate


@dataclass(frozen=True)
class SizedProblem:
    """The same layer on several hardware points.

    ``points`` may differ in the numbers of their levels (capacity, energies, leakage, ports, access size,
    fan-out), but not in the layer, the number of levels, the tensors a level may keep, or the dims a fan-out may
    unroll.

    Raises
    ------
    ValueError
        If the points differ in anything else.
    """

    points: tuple[LayerProblem, ...]

    def __post_init__(self) -> None:
        if len({_fixed_part(point) for point in self.points}) != 1:
            raise ValueError("the points of a sized problem must share layer, level structure and accounting")

    @property
    def latency_unit(self) -> int:
        """Latency units per cycle that make every point's ports whole."""
        return math.lcm(*(point.latency_unit for point in self.points))

    @property
    def widest(self) -> LayerProblem:
        """The first point with, per level and axis, the widest fan-out of all."""
        points = self.aligned()

        def wide(number: int) -> ProblemLevel:
            fanouts = [point.levels[number].fanout for point in points]
            return replace(points[0].levels[number], fanout=(max(x for x, _ in fanouts), max(y for _, y in fanouts)))

        return replace(points[0], levels=tuple(wide(number) for number in range(len(points[0].levels))))

    def machines(self) -> list[SizedProblem]:
        """The menu without every set of the fan-outs that bound regions (:mod:`machines`)."""
        inner = [n for n, level in enumerate(self.widest.levels[:-1]) if math.prod(level.fanout) > 1]
        return [SizedProblem(tuple(without(point, some) for point in self.points)) for some in subsets(inner)]

    def aligned(self) -> tuple[LayerProblem, ...]:
        """The points with the common latency unit."""
        return tuple(_with_unit(point, self.latency_unit) for point in self.points)


def _fixed_part(point: LayerProblem) -> tuple[object, ...]:
    levels = tuple((level.keep_options, level.spatial_x, level.spatial_y) for level in point.levels)
    return point.shape, point.step_energy, point.drain_reads, point.pinned, point.resumes, point.rules, levels


def _with_unit(point: LayerProblem, unit: int) -> LayerProblem:
    factor = unit // point.latency_unit

    def port(spec: PortSpec) -> PortSpec:
        return PortSpec(spec.multiplier * factor, spec.divisor)

    def scaled(level: ProblemLevel) -> ProblemLevel:
        read, write, both = level.ports
        return replace(level, ports=(port(read), port(write), port(both)))

    return replace(point, levels=tuple(scaled(level) for level in point.levels), latency_unit=unit)


class Sizes:
    """Variables: ``point[h]`` Boolean per hardware point; ``entry[l, j]`` Boolean per distinct size of a level.

    1. exactly one ``point``
    2. ``point[h]  =>  entry[l, j]`` for the entry that h takes at level l; exactly one entry per level.

    Where there is nothing to choose the literal is the constant true.
    """

    def __init__(self, model: cp_model.CpModel, points: tuple[LayerProblem, ...]) -> None:
        self.point: list[Literal] = [True] if len(points) == 1 else [model.new_bool_var("point") for _ in points]
        if len(points) > 1:
            model.add_exactly_one(self.point)  # (1)
        self.menus = [self._menu(model, points, level) for level in range(len(points[0].levels))]

    def chosen(self, number: Callable[[cp_model.LinearExprT], int]) -> int:
        """Number of the hardware point of a solution, given the values of expressions."""
        return next(n for n, literal in enumerate(self.point) if isinstance(literal, bool) or number(literal))

    def _menu(
        self, model: cp_model.CpModel, points: tuple[LayerProblem, ...], level: int
    ) -> list[tuple[ProblemLevel, Literal]]:
        specs = list(dict.fromkeys(point.levels[level] for point in points))
        if len(specs) == 1:
            return [(specs[0], True)]
        menu: list[tuple[ProblemLevel, Literal]] = [(spec, model.new_bool_var("entry")) for spec in specs]
        model.add_exactly_one([literal for _, literal in menu])  # (2)
        for point, literal in zip(points, self.point, strict=True):
            entry = next(chosen for spec, chosen in menu if spec == point.levels[level])
            forbid(model, [literal, negate(entry)])
        return menu
