"""What must hold of a random layer: cost model, walk, closed-form cost, both engines and enumeration agree."""

from __future__ import annotations

import random

from hypothesis import assume

from formulations.engines import CpSatEngine, PathEngine, Sought
from formulations.nest import Nest
from formulations.nest_check import is_nest_of
from formulations.nest_cost import costed
from optimizer.golden.walk import walk
from optimizer.pricing.lowering import lift
from tests.support.brute_force import price, prices_of_nests
from tests.support.layer_cases import Case
from tests.support.random_nests import random_nest

SOUGHT = (Sought("energy"), Sought("latency"), Sought("weighted", weight=7))
NESTS = 3000


def check_random_nest(case: Case, seed: int) -> bool:
    """The walk counts what the cost model does on a random nest, and so does the closed form; was there a nest?"""
    nest = random_nest(case.problem, random.Random(seed))
    if nest is None:
        return False
    mapping = lift(case.layer, case.problem, nest)
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
    assert price(case.problem, case.cost(mapping)) == (nest.energy, nest.latency)
    assert (walked.energy, walked.latency_cycles * case.problem.latency_unit) == (nest.energy, nest.latency)
    return True


def check_unbeaten(case: Case, seed: int) -> bool:
    """No random nest is better than the optimum; was there one?"""
    rng = random.Random(seed)
    nests = [nest for nest in (random_nest(case.problem, rng) for _ in range(20)) if nest is not None]
    for sought in SOUGHT:
        best = optimum(case, sought)
        assert best is not None or not nests
        for nest in nests if best else ():
            assert sought.value(case.problem, best) <= sought.value(case.problem, nest)
    return bool(nests)


def optimum(case: Case, sought: Sought) -> Nest | None:
    """The optimum of the path, with its costs by the cost model."""
    problem = case.problem
    best = PathEngine().search(problem, sought, None)
    if best is not None:
        assert is_nest_of(problem, best) and costed(problem, best.items) == best
        assert price(problem, case.cost(lift(case.layer, problem, best))) == (best.energy, best.latency)
    return best


def check_engines(case: Case) -> None:
    """The program finds what the path does: ties of energy go to latency, those of latency to energy."""
    problem = case.problem
    for sought in SOUGHT:
        path, program = optimum(case, sought), CpSatEngine().search(problem, sought, None)
        assert (path is None) == (program is None)
        if path is not None and program is not None:
            assert sought.value(problem, path) == sought.value(problem, program), sought
            if sought.objective != "weighted":
                whole = [(nest.energy, -(-nest.latency // problem.latency_unit)) for nest in (path, program)]
                assert whole[0] == whole[1], sought


def check_nests(case: Case) -> None:
    """Both find the best of all nests."""
    found = prices_of_nests(case, NESTS)
    assume(found is not None)
    assert found is not None
    problem = case.problem
    nests = [Nest((), *priced) for priced in found]
    for sought in SOUGHT:
        least = min((sought.value(problem, nest) for nest in nests), default=None)
        for best in (optimum(case, sought), CpSatEngine().search(problem, sought, None)):
            assert (None if best is None else sought.value(problem, best)) == least, sought
