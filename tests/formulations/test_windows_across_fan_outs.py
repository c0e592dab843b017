"""Windows that fan-outs split, with memories between that do not keep the input: where their loops stand matters.

Inside of such a fan-out a loop along the window comes before others that may not leave it; outside of it children share
more words. The shortest path once lost both.
"""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from formulations.nest_program import solve as program
from formulations.problem import LayerProblem
from formulations.shortest_path.solve import solve
from optimizer.architecture.hardware import Hardware, Level
from optimizer.checker.again.nest_graph import Verdict, decide_floor
from optimizer.pricing.lowering import lower
from optimizer.workload.layer import conv
from tests.support.choices import slow_unless


def level(name: str, words: int | None, mesh: tuple[int, int], energy: int, keep: str = "", bypass: str = "") -> Level:
    size = None if words is None else 16 * words
    return Level(name, size, mesh, 16, energy, energy, energy, must_keep=frozenset(keep), must_bypass=frozenset(bypass))


def chip(levels: tuple[Level, ...], array: tuple[int, int]) -> Hardware:
    return Hardware(levels, array, 1, energy_unit_pj=Fraction(1), area_um2=1, choices=())


def without_inputs_between(number: int) -> LayerProblem:
    """A memory between two fan-outs keeps weights or outputs, those inside of it the input."""
    draw = random.Random(number)
    one = draw.choice
    outer, inner = one([2, 3, 4]), one([1, 2, 3])
    energies = [one([50, 100, 200]), one([5, 10, 20]), one([1, 2, 5, 10]), one([1, 2, 4])]
    kept = one(["W", "O", "WO"])
    levels = (
        level("L0", None, (1, 1), energies[0]),
        level("L1", one([40, 100, 400]), (1, 1), energies[1], "I"),
        level("L2", one([1, 2, 3, 4, 6, 8, 12]), (outer, 1), energies[2], kept, "I"),
        level("L3", one([1, 2, 3, 4, 6, 8]), (outer * inner, 1), energies[3], "I", one(["", "W", "O", "WO"])),
    )
    dims = {"K": one([2, 3, 4]), "P": outer * one([2, 3, 4]), "R": one([2, 3])}
    dims |= {"C": 2} if draw.random() < 0.4 else {}
    return lower(conv("c", dims), chip(levels, (outer * inner, 1)))


def with_little_inside(number: int) -> LayerProblem:
    """Behind a fan-out that may split both dims of a window stands a memory that keeps little or nothing."""
    draw = random.Random(number)
    one = draw.choice
    mesh, more = (one([2, 3]), one([1, 2, 3])), (one([1, 2]), one([1, 2]))
    levels = (
        level("L0", None, (1, 1), one([50, 100])),
        level("L1", one([4, 8, 20, 60]), (1, 1), one([5, 10, 20]), "WIO"),
        level("L2", one([1, 2, 4]), mesh, one([1, 2, 5]), "", one(["I", "WI", "IO", "WIO"])),
    )
    dims = {"P": one([4, 6, 8, 9]), "R": one([2, 3, 4, 6])}
    dims |= {"K": one([2, 3, 4])} if draw.random() < 0.7 else {"G": 2}
    layer = conv("c", dims, stride=(one([1, 1, 2, 3]), 1), dilation=(one([1, 1, 2]), 1))
    return lower(layer, chip(levels, (mesh[0] * more[0], mesh[1] * more[1])))


FAMILIES = {"without inputs between": without_inputs_between, "with little inside": with_little_inside}
LOST = [("without inputs between", 70), ("without inputs between", 343), ("with little inside", 255)]
"""Some of those that were wrong."""
EVERY = [*LOST, *(("without inputs between", number) for number in (124, 256, 371, 432, 442, 487, 567, 572, 652, 657))]
EVERY += [(family, number) for family in FAMILIES for number in range(30)]


@pytest.mark.parametrize(("family", "number"), slow_unless(LOST, EVERY))
def test_three_searches_agree(family: str, number: int) -> None:
    problem = FAMILIES[family](number)
    found = solve(problem).nest
    other = program.solve(problem, "energy").solution
    assert (found is None) == (other is None)
    if found is None or other is None:
        return
    assert (found.energy, found.latency) == (other.energy, other.latency)
    assert decide_floor(problem, "energy", found.energy, time_limit_s=60).verdict is Verdict.PROVED
    assert decide_floor(problem, "energy", found.energy + 1, time_limit_s=60).verdict is Verdict.REFUTED
    cycles = -(-found.latency // problem.latency_unit)
    fastest = solve(problem, "latency").nest
    assert fastest is not None and -(-fastest.latency // problem.latency_unit) <= cycles
    capped, again = solve(problem, cap=cycles).nest, program.solve(problem, "energy", cap=cycles).solution
    assert capped is not None and again is not None and capped.energy == again.energy == found.energy
