"""Decisions by CP-SAT against optima: nothing is below the optimum, something is below the next value."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formulations.cp_sat import SolverStatus
from formulations.nest_check import is_nest_of
from formulations.nest_program.solve import find_below
from formulations.problem import LayerProblem
from formulations.shortest_path.solve import solve
from tests.support.layer_cases import Case, cases
from tests.support.profiles import examples

NOTHING, FOUND = SolverStatus.INFEASIBLE, SolverStatus.FEASIBLE
Goal = Literal["energy", "latency"]


def leaking(problem: LayerProblem, weight: int) -> LayerProblem:
    """The same machine, where the outermost level loses more energy per cycle."""
    outer = problem.levels[0]
    return replace(problem, levels=(replace(outer, leak_energy=outer.leak_energy + weight), *problem.levels[1:]))


@settings(max_examples=examples(12), suppress_health_check=list(HealthCheck))
@given(cases(small=True, halo=True), st.sampled_from(["energy", "latency"]), st.integers(0, 50))
def test_decisions_agree_with_optima(case: Case, goal: Goal, weight: int) -> None:
    problem = leaking(case.problem, weight)
    best = solve(problem, goal).nest
    if best is None:
        assert find_below(problem, goal, 1 << 62).status is NOTHING
        return
    cycles = -(-best.latency // problem.latency_unit)
    value = best.energy if goal == "energy" else (cycles - 1) * problem.latency_unit + 1
    assert find_below(problem, goal, value).status is NOTHING
    found = find_below(problem, goal, best.energy + 1 if goal == "energy" else best.latency + 1)
    assert found.status is FOUND and found.solution is not None
    assert is_nest_of(problem, found.solution)
    assert getattr(found.solution, goal) in range(value, getattr(best, goal) + 1)
    if goal == "energy":
        faster = solve(problem, "energy", cap=cycles - 1).nest
        most = 1 << 62 if faster is None else faster.energy
        assert find_below(problem, goal, most, latency_cap=(cycles - 1) * problem.latency_unit).status is NOTHING


@settings(max_examples=examples(5), suppress_health_check=list(HealthCheck))
@given(cases(small=True))
def test_numbers_too_large_are_no_answer(case: Case) -> None:
    with pytest.raises(OverflowError):
        find_below(leaking(case.problem, 1 << 62), "energy", 1)
