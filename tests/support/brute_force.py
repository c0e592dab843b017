"""Optima by exhaustion of all loop nests, priced by the cost model."""

from __future__ import annotations

from formulations.problem import LayerProblem
from optimizer.mapping.cost import LayerCost
from optimizer.pricing.lowering import lift
from tests.support.all_items import every_nest
from tests.support.layer_cases import Case

Price = tuple[int, int]


def price(problem: LayerProblem, cost: LayerCost) -> Price:
    """(energy, latency) in the problem's units."""
    latency = cost.latency_cycles * problem.latency_unit
    assert latency.denominator == 1
    return cost.energy, latency.numerator


def prices_of_nests(case: Case, most: int) -> set[Price] | None:
    """(energy, latency) of all loop nests; None if there are more than so many to look at."""
    problem = case.problem
    nests = every_nest(problem, most)
    if nests is None:
        return None
    found = set()
    for nest in nests:
        priced = price(problem, case.cost(lift(case.layer, problem, nest)))
        assert priced == (nest.energy, nest.latency)
        found.add(priced)
    return found
