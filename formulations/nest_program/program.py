"""The program: all variables, constraints and costs of one layer over every nest, on hardware points of a menu."""

from __future__ import annotations

from ortools.sat.python import cp_model

from formulations.faults import FaultError
from formulations.nest import Nest, NodeItem
from formulations.nest_cost import costed
from formulations.nest_places import raised
from formulations.nest_program.bypass import Kept
from formulations.nest_program.footprint import fit, largest_capacity
from formulations.nest_program.halo import InputAxes
from formulations.nest_program.magnitudes import check_magnitudes
from formulations.nest_program.nodes import Nodes
from formulations.nest_program.objective import ObjectiveTerms
from formulations.nest_program.orders import Orders
from formulations.nest_program.reading import Number, Reader
from formulations.nest_program.rules import Ruled
from formulations.nest_program.runs import Runs
from formulations.nest_program.sizing import SizedProblem, Sizes
from formulations.nest_program.slides import Slides
from formulations.nest_program.spatial import FanOuts
from formulations.nest_program.traffic import Traffic
from formulations.nest_rule_check import keeps_rules
from formulations.problem import I


class _Tiles(Nodes):
    """The tiles of nodes as costs ask for them."""

    runs: Runs

    def span(self, level: int, tensor: int) -> dict[int, cp_model.LinearExprT]:
        """Exponents of the trips of loops over irr(T) for which a node's tile comes in once."""
        return self.runs.span(NodeItem(tensor, level))


class NestProgram:
    """A CP-SAT program over every nest.

    Parameters
    ----------
    sized : SizedProblem
        A single point makes a program of fixed hardware. Its fan-outs are taken to bound regions (:mod:`machines`).

    Raises
    ------
    OverflowError
        If its numbers could leave the integers of the solver.
    ValueError
        On rules that make no sense.
    """

    def __init__(self, sized: SizedProblem) -> None:
        self.points = sized.aligned()
        self.problem = problem = sized.widest
        check_magnitudes(self.points)
        self.model = model = cp_model.CpModel()
        self.sizes = Sizes(model, self.points)
        menus = self.sizes.menus
        kept = Kept(model, problem)
        self._fanouts = fanouts = FanOuts(model, problem, menus)
        self._nodes = nodes = _Tiles(model, problem, kept, fanouts)
        self._runs = nodes.runs = Runs(model, problem, nodes)
        self._slides = Slides(model, problem, nodes, self._runs, fanouts)
        Ruled(model, problem, nodes, self._runs, fanouts)
        self._orders = Orders(model, problem, nodes, self._runs, self._slides)
        inputs = [kept.at(level, I) for level in range(len(problem.levels))]
        capacities = [largest_capacity(menu) for menu in menus]
        axes = InputAxes(model, problem, inputs, fanouts, nodes, self._slides, capacities)
        fit(model, problem, kept, nodes, axes, menus)
        self.costs = ObjectiveTerms(model, problem, menus, fanouts, Traffic(model, problem, kept, fanouts, nodes, axes))

    def nest(self, number: Number) -> Nest:
        """The nest of a solution, given the values of expressions, with its exact costs.

        Raises
        ------
        FaultError
            If it breaks a rule.
        """
        reader = Reader(self.problem, self._nodes, self._runs, self._slides, self._fanouts, self._orders, number)
        point = self.points[self.sizes.chosen(number)]
        nest = costed(point, raised(point, reader.items()))
        if not keeps_rules(point, nest):
            raise FaultError("the program says that a nest keeps its rules, but it does not")
        return nest
