"""The layer program: all variables, constraints and costs of one layer on one hardware point, or on a menu of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ortools.sat.python import cp_model

from formulations.integer_range import check_range
from formulations.layer.bypass import TENSORS, Kept
from formulations.layer.footprint import fit, largest_capacity
from formulations.layer.halo import InputAxes
from formulations.layer.hoisted import Hoisted
from formulations.layer.hoisting import hoists
from formulations.layer.loop_order import Orders
from formulations.layer.objective import ObjectiveTerms
from formulations.layer.rows import Literal
from formulations.layer.sizing import SizedProblem, Sizes
from formulations.layer.spatial import FanOuts
from formulations.layer.tiling import TilingChain
from formulations.layer.traffic import Traffic
from formulations.layer.windows import Windows
from formulations.nest_rules import NO_RULES
from formulations.primes import factorize, value
from formulations.problem import Hoist, I, LayerProblem, LayerSolution, LevelTiling


class LayerProgram:
    """A CP-SAT program over the declared space of mappings.

    Parameters
    ----------
    sized : SizedProblem
        A single point makes a program of fixed hardware.

    Raises
    ------
    OverflowError
        If costs could leave the integers of the solver.
    ValueError
        If a point has rules for nests.
    """

    def __init__(self, sized: SizedProblem) -> None:
        self.points = sized.aligned()
        for point in self.points:
            check_range(point)
            if point.rules != NO_RULES:
                raise ValueError("the program takes no rules for nests")
        self.problem = problem = self.points[0]
        self.model = model = cp_model.CpModel()
        self.sizes = Sizes(model, self.points)
        menus = self.sizes.menus
        self.kept = Kept(model, problem)
        self.fanouts = FanOuts(model, problem, menus)
        self.orders = Orders(model, problem, self.kept)
        worth = dict.fromkeys(hoist for point in self.points for hoist in hoists(point))
        self.hoisted = Hoisted(model, self.kept, self.orders, tuple(worth))
        self.tiling = TilingChain(model, problem, self.kept, self.orders, self.fanouts, self.hoisted)
        self.windows = Windows(model, problem, self.kept, self.orders, self.fanouts, self.tiling, self.hoisted)
        capacities = [largest_capacity(menu) for menu in menus]
        kept_inputs = [self.kept.at(level, I) for level in range(len(problem.levels))]
        axes = InputAxes(model, problem, kept_inputs, self.fanouts, self.tiling, self.windows, capacities)
        fit(model, problem, self.kept, self.tiling, axes, menus)
        traffic = Traffic(model, problem, self.kept, self.fanouts, self.tiling, axes)
        self.hoisted.pay(problem, traffic.multicast.plain)
        self.objective = ObjectiveTerms(model, problem, menus, self.fanouts, traffic)

    def decisions(self, solution: LayerSolution) -> Iterator[tuple[cp_model.LinearExprT, int]]:
        """(expression, value) of every decision that a solution makes; the rest of the program follows from them."""
        for level, block in enumerate(solution.levels):
            for d, p, _ in self.tiling.slots:
                yield self.fanouts.exponent(level, d, p), factorize(block.spatial[d]).get(p, 0)
                if level:
                    yield self.tiling.top(level, d, p), factorize(block.top[d]).get(p, 0)
                    if self.problem.halo[d] and I in block.order:
                        yield self.tiling.tile(level, I, d, p), factorize(self._input_tile(block, d)).get(p, 0)
            if level:
                yield from self._choices(level, block)
        hoist = self._passing(solution)
        for option, literal in self.hoisted.choices:
            yield literal, int(option == hoist)
        if hoist is not None and all(option != hoist for option, _ in self.hoisted.choices):
            yield 0, 1  # a hoist that the program leaves out

    def _passing(self, solution: LayerSolution) -> Hoist | None:
        """The hoist of a solution, to the outermost block of which it passes loops, if there is one."""
        hoist = solution.hoist
        if hoist is None:
            return None
        dims = [d for d, lacking in enumerate(self.problem.irrelevant_to) if lacking == hoist.tensor]
        passed = (
            n
            for n in range(hoist.outer, hoist.level)
            if hoist.passes_loops_of(n) and any(solution.levels[n].top[d] != solution.levels[n].bottom[d] for d in dims)
        )
        outer = next(passed, None)
        return None if outer is None else replace(hoist, outer=outer)

    def _input_tile(self, block: LevelTiling, dim: int) -> int:
        lacking = self.problem.irrelevant_to[dim]
        above = block.order[: block.order.index(I)]
        return block.input_tile[dim] if lacking in above else block.top[dim]

    def _choices(self, level: int, block: LevelTiling) -> Iterator[tuple[cp_model.LinearExprT, int]]:
        for tensor in TENSORS:
            yield _integer(self.kept.at(level, tensor)), int(tensor in block.order)
        for n, first in enumerate(block.order):
            for second in block.order[n + 1 :]:
                yield _integer(self.orders.above(level, first, second)), 1
        for d in self.windows.dims:  # the window itself stays open: it is used where it saves words
            if d != block.window:
                yield _integer(self.windows.used(level, d)), 0

    def read(self, solver: cp_model.CpSolver, energy: int, latency: int) -> LayerSolution:
        """The mapping a solver holds, with the costs given."""
        blocks = tuple(self._block(solver, level) for level in range(len(self.problem.levels)))
        hoist = next((option for option, literal in self.hoisted.choices if solver.boolean_value(literal)), None)
        return LayerSolution(blocks, energy, latency, hoist)

    def chosen_point(self, solver: cp_model.CpSolver) -> int:
        """Number of the hardware point a solver holds."""
        return next(n for n, literal in enumerate(self.sizes.point) if literal is True or solver.boolean_value(literal))

    def _block(self, solver: cp_model.CpSolver, level: int) -> LevelTiling:
        tiling, dims = self.tiling, range(len(self.problem.extents))

        def holds(literal: Literal) -> bool:
            return literal if isinstance(literal, bool) else bool(solver.boolean_value(literal))

        def number(exponent: object, d: int) -> int:
            return value({p: solver.value(exponent(level, d, p)) for p in tiling.powers[d]})  # type: ignore[operator]

        top = tuple(number(tiling.top, d) for d in dims)
        bottom = tuple(number(tiling.bottom, d) for d in dims)
        spatial = tuple(number(self.fanouts.exponent, d) for d in dims)
        kept = [t for t in TENSORS if holds(self.kept.at(level, t))]
        if level == 0:
            return LevelTiling(tuple(kept), top, bottom, top, spatial)
        order = sorted(kept, key=lambda t: sum(holds(self.orders.above(level, u, t)) for u in kept if u != t))
        inputs = top
        window = -1
        if I in kept:
            inputs = tuple(
                number(lambda n, d, p: tiling.tile(n, I, d, p), d) if self.problem.halo[d] else top[d] for d in dims
            )
            window = next((d for d in self.windows.dims if holds(self.windows.used(level, d))), -1)
        return LevelTiling(tuple(order), top, bottom, inputs, spatial, window)


def _integer(literal: Literal) -> cp_model.LinearExprT:
    return int(literal) if isinstance(literal, bool) else literal


def layer_program(problem: LayerProblem) -> LayerProgram:
    """The program of one layer on fixed hardware."""
    return LayerProgram(SizedProblem((problem,)))
