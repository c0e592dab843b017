"""Decisions by CP-SAT against optima: nothing is below the optimum, something is below the next value."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formulations.cp_sat import SolverStatus, find_below, solve_layer
from formulations.problem import LayerProblem
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
    best = solve_layer(problem, goal)
    if best.solution is None:
        assert find_below(problem, goal, 1 << 62).status is NOTHING
        return
    value = getattr(best.solution, goal)
    assert find_below(problem, goal, value).status is NOTHING
    found = find_below(problem, goal, value + 1)
    assert found.status is FOUND and found.solution is not None
    assert getattr(found.solution, goal) == value
    if goal == "energy":
        cap = best.solution.latency - 1
        faster = solve_layer(problem, "energy", latency_cap=cap)
        most = 1 << 62 if faster.solution is None else faster.solution.energy
        assert find_below(problem, goal, most, latency_cap=cap).status is NOTHING


@settings(max_examples=examples(5), suppress_health_check=list(HealthCheck))
@given(cases(small=True))
def test_numbers_too_large_are_no_answer(case: Case) -> None:
    with pytest.raises(OverflowError):
        find_below(leaking(case.problem, 1 << 62), "energy", 1)
