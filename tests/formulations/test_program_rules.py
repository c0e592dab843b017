"""Rules for nests in the program: against all nests of tiny layers, and against the shortest path."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from formulations.cp_sat import SolverStatus
from formulations.faults import FaultError
from formulations.nest import LoopItem, Nest
from formulations.nest_check import is_nest_of
from formulations.nest_program import program as program_module
from formulations.nest_program.orders import ordered
from formulations.nest_program.sizing import SizedProblem
from formulations.nest_program.solve import find_below, solve
from formulations.nest_rules import NO_RULES, Allowed, Factor, NestRules, Order, Stationary, Tile
from formulations.problem import LayerProblem
from formulations.shortest_path.solve import first_nest
from formulations.shortest_path.solve import solve as shortest
from formulations.stop import Stop
from tests.support.all_items import every_nest
from tests.support.layer_cases import Case as RandomCase
from tests.support.layer_cases import cases
from tests.support.nest_cases import Case, cycles_of
from tests.support.profiles import RELAXED, examples
from tests.support.random_nests import random_nest
from tests.support.rule_cases import random_rules, ruled, rules_that_a_nest_keeps

Cost = tuple[int, int]


def cost(problem: LayerProblem, nest: Nest | None) -> Cost | None:
    """Energy and whole cycles."""
    return None if nest is None else (nest.energy, cycles_of(problem, nest))


def by_program(problem: LayerProblem, objective: str) -> Cost | None:
    """What the program finds, which keeps the rules."""
    found = solve(problem, objective)  # type: ignore[arg-type]
    assert found.status is (SolverStatus.INFEASIBLE if found.solution is None else SolverStatus.OPTIMAL)
    assert found.solution is None or is_nest_of(problem, found.solution)
    return cost(problem, found.solution)


def drawn(problem: LayerProblem, seed: int, most: int) -> LayerProblem:
    """The problem under random rules; half of the time they are those that some nest keeps."""
    rng = random.Random(seed)
    rules = random_rules(problem, rng, rng.randint(1, most))
    nest = random_nest(problem, rng, 40) if rng.random() < 0.5 else None
    return ruled(problem, rules if nest is None else rules_that_a_nest_keeps(problem, rules, nest))


def check_with_all_nests(problem: LayerProblem) -> None:
    assume(problem.rules != NO_RULES)
    nests = every_nest(problem, 6_000)
    assume(nests is not None)
    pairs = [(nest.energy, cycles_of(problem, nest)) for nest in nests or ()]
    assert by_program(problem, "energy") == min(pairs, default=None)
    assert by_program(problem, "latency") == min(pairs, key=lambda pair: pair[::-1], default=None)


def check_with_the_path(problem: LayerProblem) -> None:
    for objective in ("energy", "latency"):
        assert by_program(problem, objective) == cost(problem, shortest(problem, objective).nest)
    cheapest = solve(problem).solution
    if cheapest is None:
        return
    weight = 1 + cheapest.energy // cycles_of(problem, cheapest)
    path, found = (find(problem, "weighted", weight=weight) for find in (shortest, solve))
    assert path.nest is not None
    assert found.bound == path.nest.energy + weight * cycles_of(problem, path.nest)


TINY = st.one_of(cases(depths=(2, 3), small=True), cases(halo=True, depths=(2, 3), small=True))
SEEDS = st.integers(0, 1 << 30)


@settings(max_examples=examples(200, dev=5), suppress_health_check=RELAXED)
@given(TINY, SEEDS)
def test_it_is_the_best_of_all_nests_that_keep_the_rules(case: RandomCase, seed: int) -> None:
    check_with_all_nests(drawn(case.problem, seed, 4))


@pytest.mark.slow
@settings(max_examples=examples(400, dev=100), suppress_health_check=RELAXED)
@given(st.one_of(TINY, cases(pins=True, small=True), cases(sparse=True)), SEEDS)
def test_it_is_the_best_of_all_nests_that_keep_the_rules_often(case: RandomCase, seed: int) -> None:
    check_with_all_nests(drawn(case.problem, seed, 4))


@pytest.mark.parametrize("number", [3, 4, *(pytest.param(n, marks=pytest.mark.slow) for n in range(5, 45))])
def test_it_agrees_with_the_shortest_path(number: int) -> None:
    """Random layers on random machines under random rules; where none keeps them, both say so."""
    check_with_the_path(drawn(Case(number, 5, leaks=True).problem, number, 4))


@pytest.mark.slow
@settings(max_examples=examples(300, dev=60), suppress_health_check=RELAXED)
@given(cases(halo=True, depths=(2, 3, 3), small=True), SEEDS)
def test_it_agrees_with_the_shortest_path_along_windows(case: RandomCase, seed: int) -> None:
    check_with_the_path(drawn(case.problem, seed, 6))


def unruled() -> tuple[LayerProblem, Nest]:
    """A problem without rules, and its best nest."""
    problem = Case(14, 7, leaks=True).problem
    nest = solve(problem).solution
    assert nest is not None
    return problem, nest


def test_a_floor_is_proved_and_refuted_under_rules() -> None:
    problem, nest = unruled()
    wide = replace(problem, rules=NestRules(least_used=2))
    best = solve(wide).solution
    assert best is not None and best.energy > nest.energy
    assert find_below(wide, "energy", best.energy).status is SolverStatus.INFEASIBLE
    found = find_below(wide, "energy", best.energy + 1)
    assert found.solution is not None and found.solution.energy == best.energy
    assert is_nest_of(wide, found.solution)


def test_orders_that_contradict_each_other_leave_no_loops_over_all_of_their_dims() -> None:
    """A chain of three rules of one region closes; where all extents are loops there, there is no nest."""
    problem = Case(44, 4).problem
    assert len(problem.extents) == 3
    alone = tuple(replace(level, fanout=(1, 1)) for level in problem.levels)
    circle = tuple(Order(level, dims) for level, dims in ((0, (0, 1)), (1, (1, 2)), (1, (2, 0))))
    assert solve(replace(problem, levels=alone, rules=NestRules(orders=circle))).status is SolverStatus.INFEASIBLE
    assert solve(replace(problem, levels=alone, rules=NestRules(orders=circle[:2]))).solution is not None
    check_with_the_path(replace(problem, rules=NestRules(orders=circle)))


@pytest.mark.parametrize("least", [2, 1 << 40])
def test_a_fan_out_without_children_has_no_spatial_factors(least: int) -> None:
    """The outermost level of this machine has no fan-out: a rule that asks for spatial factors there has no nest."""
    problem = Case(21, 5, leaks=True).problem
    assert math.prod(problem.levels[0].fanout) == 1
    asked = replace(problem, rules=NestRules(spatial=(Factor(0, 2, Allowed(least)),)))
    assert solve(asked).status is SolverStatus.INFEASIBLE
    assert shortest(asked).nest is None and shortest(asked, "latency").nest is None
    assert first_nest(asked, "energy", Stop()) is None


def test_a_level_without_choices_has_no_nest() -> None:
    """Two tensors are stationary at a level that keeps one of them at most."""
    problem, _ = unruled()
    rules = NestRules(stationary=tuple(Stationary(1, tensor) for tensor in range(3)))
    levels = tuple(replace(level, keep_options=()) if n == 1 else level for n, level in enumerate(problem.levels))
    empty = replace(problem, levels=levels, rules=rules)
    assert solve(empty).status is SolverStatus.INFEASIBLE
    assert shortest(empty).nest is None


def test_sizes_are_part_of_a_program_under_rules() -> None:
    """Points share their rules, or are refused."""
    problem, _ = unruled()
    rules = NestRules(least_used=2, orders=(Order(0, (0, 1)),))
    more = replace(problem.levels[0], read_energy=problem.levels[0].read_energy + 1)
    points = [replace(problem, rules=rules, levels=(top, *problem.levels[1:])) for top in (problem.levels[0], more)]
    program = program_module.NestProgram(SizedProblem(tuple(points)))
    assert program.points[0].rules == rules
    with pytest.raises(ValueError, match="must share"):
        SizedProblem((points[0], replace(points[1], rules=NO_RULES)))


def test_the_extent_of_a_dim_that_a_tile_lacks_is_refused() -> None:
    problem, _ = unruled()
    tensor = next(t for t in range(3) if len(problem.relevant(t)) < len(problem.extents))
    dim = next(d for d in range(len(problem.extents)) if d not in problem.relevant(tensor))
    with pytest.raises(ValueError, match="does not index"):
        solve(replace(problem, rules=NestRules(tiles=(Tile(1, tensor, dim, Allowed(1, 1)),))))


def test_a_nest_that_breaks_a_rule_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of nests has the last word."""
    monkeypatch.setattr(program_module, "keeps_rules", lambda *_: False)
    with pytest.raises(FaultError, match="keeps its rules"):
        solve(replace(unruled()[0], rules=NestRules(least_used=2)))


def test_loops_without_an_order_are_a_fault() -> None:
    loops = [LoopItem(0, 2), LoopItem(1, 2)]
    assert ordered(loops, [0, 1], lambda one, other: (one, other) == (0, 1)) == loops[::-1]
    with pytest.raises(FaultError, match="no order"):
        ordered(loops, [0, 1], lambda *_: True)
