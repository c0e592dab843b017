"""The program over every nest: against the shortest path, the closed-form cost, stops and limits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formulations.cp_sat import SolverStatus
from formulations.engines import CpSatEngine, PathEngine
from formulations.faults import FaultError
from formulations.nest import Nest
from formulations.nest_cost import costed
from formulations.nest_program import solve as program_solve
from formulations.nest_program.magnitudes import check_magnitudes
from formulations.nest_program.sizing import SizedProblem
from formulations.nest_program.solve import ProgramOutcome, solve
from formulations.rows import LARGEST
from formulations.shortest_path.goal import Goal
from formulations.shortest_path.solve import solve as shortest
from formulations.stop import Stop, StoppedError
from optimizer.pricing.lowering import lift
from tests.adversary.every_nest import least_energy
from tests.support.all_items import every_nest
from tests.support.brute_force import price
from tests.support.layer_cases import Case as RandomCase
from tests.support.layer_cases import cases
from tests.support.nest_cases import Case, cycles_of
from tests.support.profiles import examples

FAST, SLOW = 2, 9
NUMBERS = [pytest.param(n, marks=[] if n < FAST else pytest.mark.slow) for n in range(SLOW)]


def agree(case: Case, objective: str, weight: int = 0, cap: int | None = None, below: int | None = None) -> Nest | None:
    """Both find the same value, and what the program finds costs that."""
    problem = case.problem
    path = shortest(problem, objective, weight=weight, cap=cap, below=below).nest
    found = solve(problem, objective, weight=weight, cap=cap, below=below)  # type: ignore[arg-type]
    assert found.status is (SolverStatus.INFEASIBLE if path is None else SolverStatus.OPTIMAL)
    assert (path is None) == (found.solution is None)
    if path is None or found.solution is None:
        return None
    case.checks(found.solution)
    goal = Goal(objective, weight=weight)
    values = [goal.value(nest.energy, cycles_of(problem, nest)) for nest in (path, found.solution)]
    assert values[0] == values[1] == found.bound
    if objective != "weighted":  # ties are broken alike
        assert (path.energy, cycles_of(problem, path)) == (found.solution.energy, cycles_of(problem, found.solution))
    return found.solution


@pytest.mark.parametrize("number", NUMBERS)
def test_it_agrees_with_the_shortest_path(number: int) -> None:
    """Random layers on random machines: bypass, fan-outs, windows, strides, both accountings, leakage."""
    case = Case(number, 5 if number < 4 else 6, leaks=True)
    cheapest, fastest = agree(case, "energy"), agree(case, "latency")
    if cheapest is None or fastest is None:
        return
    most, least = cycles_of(case.problem, cheapest), cycles_of(case.problem, fastest)
    agree(case, "weighted", max(1, cheapest.energy // most))
    agree(case, "energy", cap=(most + least) // 2)
    agree(case, "energy", cap=least - 1)
    agree(case, "energy", below=cheapest.energy + 1)
    agree(case, "energy", below=cheapest.energy)


@pytest.mark.slow
@settings(max_examples=examples(150, dev=2))
@given(st.one_of(cases(pins=True), cases(halo=True, depths=(2, 3, 4), small=True), cases(sparse=True)))
def test_it_agrees_where_layers_are_special(case: RandomCase) -> None:
    """Pinned operands, sums that resume, N:M blocks, restricted axes, ports."""
    problem = case.problem
    for objective in ("energy", "latency"):
        path, found = shortest(problem, objective).nest, solve(problem, objective).solution  # type: ignore[arg-type]
        assert (path is None) == (found is None)
        if path is None or found is None:
            return
        assert (path.energy, cycles_of(problem, path)) == (found.energy, cycles_of(problem, found))
        cost = case.cost(lift(case.layer, problem, found))
        assert price(problem, cost) == (found.energy, found.latency)
        assert costed(problem, path.items) == path


@pytest.mark.parametrize("number", [1, 9, *(pytest.param(n, marks=pytest.mark.slow) for n in (5, *range(10, 18)))])
def test_it_is_the_best_of_all_nests_by_exhaustion(number: int) -> None:
    problem = Case(number, 3, leaks=True).problem
    nests = every_nest(problem, 20_000)
    if nests is None:
        pytest.skip("too many nests")
    energy, latency = solve(problem).solution, solve(problem, "latency").solution
    pairs = [(nest.energy, cycles_of(problem, nest)) for nest in nests]
    if not pairs:
        assert energy is None and latency is None
        return
    assert energy is not None and latency is not None
    assert (energy.energy, cycles_of(problem, energy)) == min(pairs)
    assert (latency.energy, cycles_of(problem, latency)) == min(pairs, key=lambda pair: pair[::-1])


@pytest.mark.slow
@pytest.mark.parametrize("number", range(4))
def test_another_search_over_all_nests_finds_the_same(number: int) -> None:
    case = Case(number)
    best, found = least_energy(case.layer, case.problem), solve(case.problem).solution
    assert (best is None) == (found is None)
    if best is not None and found is not None:
        assert best.energy == found.energy


@pytest.mark.parametrize("number", range(4))
def test_the_cost_of_a_nest_is_that_of_the_cost_model(number: int) -> None:
    case = Case(number, 5, leaks=True)
    for objective in ("energy", "latency"):
        nest = shortest(case.problem, objective).nest
        if nest is not None:
            case.checks(nest)
            assert costed(case.problem, nest.items) == nest


def test_a_fan_out_that_is_not_used_bounds_no_region() -> None:
    """The best nest uses no fan-out, and has a node of the inner level outside of one of the outer level."""
    problem = Case(14, 7, leaks=True).problem
    machines = SizedProblem((problem,)).machines()
    assert len(machines) == 2
    alone = solve(machines[1].widest).solution
    found = solve(problem).solution
    assert alone is not None
    assert found is not None
    assert (found.energy, found.latency) == (alone.energy, alone.latency)


def test_stopped_before_it_begins() -> None:
    stop = Stop()
    stop.request()
    with pytest.raises(StoppedError):
        solve(Case(0).problem, stop=stop)


def test_without_time_nothing_is_claimed() -> None:
    found = solve(Case(0).problem, time_limit_s=0.0)
    assert found == ProgramOutcome(SolverStatus.UNKNOWN, None, 0)


def test_what_is_not_proved_is_not_called_optimal() -> None:
    """Ended at once, a solve has a nest at most, and a bound below it."""
    problem = Case(5, 9).problem
    best = shortest(problem).nest
    assert best is not None
    for limit in (0.02, 0.05, 0.1):
        found = solve(problem, time_limit_s=limit)
        assert found.bound <= best.energy
        assert found.solution is None or found.solution.energy >= best.energy
        if found.status is SolverStatus.OPTIMAL:
            assert found.solution is not None
            assert found.solution.energy == found.bound == best.energy


def test_the_engine_answers_like_the_other_one() -> None:
    problem = Case(3, 7, leaks=True).problem
    first, second = PathEngine().solve(problem), CpSatEngine().solve(problem)
    assert first is not None
    assert second is not None
    assert (first.energy, first.latency) == (second.energy, second.latency)
    assert CpSatEngine().solve(problem, cutoff=(first.energy, 0)) is None
    assert CpSatEngine().solve(problem, cutoff=(first.energy, first.latency + 1)) is not None
    assert CpSatEngine().solve(problem, "latency", latency_cap=1) is None


def test_large_numbers_are_refused_before_the_program_is_built() -> None:
    problem = Case(5, 9).problem
    with pytest.raises(OverflowError, match="may reach"):
        check_magnitudes([problem], LARGEST)
    with pytest.raises(OverflowError, match="may reach"):
        solve(problem, "weighted", weight=LARGEST)


def test_a_wrong_cost_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nest's own cost has the last word."""
    right = program_solve.NestProgram.nest

    def wrong(self: program_solve.NestProgram, number: object) -> Nest:
        nest = right(self, number)  # type: ignore[arg-type]
        return Nest(nest.items, nest.energy - 1, nest.latency)

    monkeypatch.setattr(program_solve.NestProgram, "nest", wrong)
    with pytest.raises(FaultError, match="the program says"):
        solve(Case(1).problem)
