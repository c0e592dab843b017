"""The program: all variables, constraints and costs of one layer on one hardware point, over every nest."""

from __future__ import annotations

from ortools.sat.python import cp_model

from formulations.layer.bypass import Kept
from formulations.layer.footprint import fit
from formulations.layer.halo import InputAxes
from formulations.layer.objective import ObjectiveTerms
from formulations.layer.rows import Literal
from formulations.layer.spatial import FanOuts
from formulations.layer.traffic import Traffic
from formulations.nest import Nest, NodeItem
from formulations.nest_cost import costed
from formulations.nest_places import raised
from formulations.nest_program.magnitudes import check_magnitudes
from formulations.nest_program.nodes import Nodes
from formulations.nest_program.reading import Number, Reader
from formulations.nest_program.runs import Runs
from formulations.nest_program.slides import Slides
from formulations.nest_rules import NO_RULES
from formulations.problem import I, LayerProblem, ProblemLevel


class _Tiles(Nodes):
    """The tiles of nodes as costs ask for them."""

    runs: Runs

    def span(self, level: int, tensor: int) -> dict[int, cp_model.LinearExprT]:
        """Exponents of the trips of loops over irr(T) for which a node's tile comes in once."""
        return self.runs.span(NodeItem(tensor, level))


class NestProgram:
    """A CP-SAT program over every nest.

    Raises
    ------
    OverflowError
        If its numbers could leave the integers of the solver.
    ValueError
        On rules for nests.
    """

    def __init__(self, problem: LayerProblem) -> None:
        if problem.rules != NO_RULES:
            raise ValueError("the program takes no rules for nests")
        check_magnitudes(problem)
        self.problem = problem
        self.model = model = cp_model.CpModel()
        kept = Kept(model, problem)
        menus: list[list[tuple[ProblemLevel, Literal]]] = [[(level, True)] for level in problem.levels]
        self._fanouts = fanouts = FanOuts(model, problem, menus)
        self._nodes = nodes = _Tiles(model, problem, kept, fanouts)
        self._runs = nodes.runs = Runs(model, problem, nodes)
        self._slides = Slides(model, problem, nodes, self._runs, fanouts)
        inputs = [kept.at(level, I) for level in range(len(problem.levels))]
        capacities = [level.capacity_bits for level in problem.levels]
        axes = InputAxes(model, problem, inputs, fanouts, nodes, self._slides, capacities)
        fit(model, problem, kept, nodes, axes, menus)
        self.costs = ObjectiveTerms(model, problem, menus, fanouts, Traffic(model, problem, kept, fanouts, nodes, axes))

    def nest(self, number: Number) -> Nest:
        """The nest of a solution, given the values of expressions, with its exact costs."""
        reader = Reader(self.problem, self._nodes, self._runs, self._slides, self._fanouts, number)
        return costed(self.problem, raised(self.problem, reader.items()))
