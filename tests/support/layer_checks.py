"""What must hold of a random layer: cost model, walk, program, lattice and enumeration agree."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import pytest
from formulations.layer.hoisting import hoists
from hypothesis import assume

from formulations.cp_sat import LayerOutcome, SolverStatus, costs_of, solve_layer
from formulations.nest_program.halo import distinct_starts
from formulations.problem import LayerProblem, LayerSolution
from optimizer.golden.walk import walk
from optimizer.pricing.lowering import lift
from tests.support.block_space import Choices, random_solution
from tests.support.brute_force import all_nests, optimum_of_blocks, optimum_of_nests, price
from tests.support.layer_cases import Case

OBJECTIVES = ("energy", "latency", "edp")
BLOCKS, NESTS = 6000, 12000


def can_pay(problem: LayerProblem, solution: LayerSolution) -> bool:
    """Does a hoisted node pass tiles of other tensors, or a fan-out whose children share input along an axis of two?"""
    hoist = solution.hoist
    assert hoist is not None
    if any(block.order for block in solution.levels[hoist.outer + 1 : hoist.level]):
        return True
    for level, block in enumerate(solution.levels[hoist.outer : hoist.level], hoist.outer):
        for axis in problem.input_axes:
            if len(axis.terms) > 1 and any(problem.irrelevant_to[d] == hoist.tensor for d, _ in axis.terms):
                below = solution.levels[level + 1].top
                factors = [block.spatial[d] for d, _ in axis.terms]
                if distinct_starts([c * below[d] for d, c in axis.terms], factors) < math.prod(factors):
                    return True
    return False


def joined(solution: LayerSolution) -> LayerSolution:
    """The same mapping with the loops that a hoisted node passes in one block, where no node or fan-out parts them.

    The program slides windows along the innermost loop of a block; of loops that two blocks share only that is one.
    """
    hoist, levels = solution.hoist, list(solution.levels)
    for level in range(hoist.level - 1, hoist.outer, -1) if hoist else ():
        outside, block = levels[level - 1], levels[level]
        if not block.order and set(outside.spatial) == {1}:
            levels[level - 1] = replace(outside, bottom=block.bottom)
            levels[level] = replace(block, top=block.bottom)
    return replace(solution, levels=tuple(levels))


def check_expression(case: Case, seed: int, choices: Choices = lambda legal: [None, *legal]) -> bool:
    """The walk counts what the cost model does on a random mapping, and so does the program; was there one?"""
    problem = case.problem
    solution = random_solution(problem, random.Random(seed), 200, choices)
    if solution is None:
        return False
    mapping = lift(case.layer, problem, solution)
    expected = price(problem, case.cost(mapping))
    walked = walk(
        case.layer,
        case.hardware,
        mapping,
        accounting=case.accounting,
        reuse="innermost",
        pinned=case.pinned,
        room_bits=case.room_bits,
        resumes=case.resumes,
    )
    assert walked.sound and not walked.violations
    assert (walked.energy, walked.latency_cycles * problem.latency_unit) == expected
    if solution.hoist is None or (solution.hoist in hoists(problem) and can_pay(problem, solution)):
        whole = joined(solution)
        assert price(problem, case.cost(lift(case.layer, problem, whole))) == expected
        assert costs_of(problem, whole) == expected
        return True
    with pytest.raises(ValueError, match="declared space"):
        costs_of(problem, solution)
    return True


def check_hoisted(case: Case, seed: int) -> bool:
    """The same of a mapping with a hoist that the program knows."""
    worth = hoists(case.problem)
    return check_expression(case, seed, lambda legal: [hoist for hoist in legal if hoist in worth])


def values(outcome: LayerOutcome) -> tuple[int, int] | None:
    """(energy, latency) of a proved outcome."""
    if outcome.status is SolverStatus.INFEASIBLE:
        return None
    assert outcome.status is SolverStatus.OPTIMAL and outcome.solution is not None
    return outcome.solution.energy, outcome.solution.latency


def check_priced(case: Case, problem: LayerProblem, outcome: LayerOutcome) -> None:
    """The cost model gives the solution's mapping the solution's costs."""
    if outcome.solution is not None:
        mapping = lift(case.layer, problem, outcome.solution)
        cost = case.cost(mapping)
        assert price(problem, cost) == (outcome.solution.energy, outcome.solution.latency)


def check_optimum(case: Case, expected: dict[str, tuple[int, int] | None]) -> None:
    problem = case.problem
    for objective in OBJECTIVES:
        outcome = solve_layer(problem, objective)  # type: ignore[arg-type]
        assert values(outcome) == expected[objective], objective
        check_priced(case, problem, outcome)


def check_blocks(case: Case) -> None:
    expected = optimum_of_blocks(case, BLOCKS)
    assume(expected is not None)
    assert expected is not None
    check_optimum(case, expected)


def check_nests(case: Case) -> None:
    assume(sum(1 for _ in itertools.islice(all_nests(case.layer, case.hardware), NESTS + 1)) <= NESTS)
    check_optimum(case, optimum_of_nests(case))


def check_lattice(case: Case) -> None:
    lattice = pytest.importorskip("formulations.lattice.search")
    problem = case.problem
    for objective in OBJECTIVES:
        found = lattice.solve(problem, objective).solution
        expected = None if found is None else (found.energy, found.latency)
        assert values(solve_layer(problem, objective)) == expected, objective  # type: ignore[arg-type]
