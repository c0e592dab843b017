"""Which loop nests are in the declared space: what the searches return, and hand-made ones in and out of it."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given, settings

from formulations.lattice import search as lattice
from formulations.layer.solver import solve_layer
from optimizer.mapping.declared_space import outside_of_space
from optimizer.mapping.mapping import Item, Loop, Mapping, Node
from optimizer.pricing.lowering import lift
from optimizer.workload.layer import Layer, conv, matmul
from tests.support.brute_force import all_nests, fits, front, price
from tests.support.layer_cases import Case, cases
from tests.support.profiles import RELAXED, examples

MOST = 20000
CONV = conv("c", {"K": 4, "C": 4, "P": 8, "R": 3})
PRODUCT = matmul("m", {"M": 4, "N": 4, "K": 4})


def nest(*items: str) -> Mapping:
    """Items like ``W1`` (a node), ``P2@1`` (a loop of 2 trips in level 1), ``P2@1X`` (a spatial one)."""
    found: list[Item] = [Node(role, 0) for role in "WIO"]
    for text in items:
        name, _, place = text.partition("@")
        if not place:
            found.append(Node(text[0], int(text[1:])))
        else:
            axis = place[-1] if place[-1] in "XY" else None
            found.append(Loop(name[0], int(name[1:]), int(place.rstrip("XY")), axis))
    return Mapping(tuple(found))


IN = [
    (PRODUCT, nest("M4@0", "W1", "M2@1", "O1", "K4@1", "N4@1X"), "loops below their own nodes"),
    (PRODUCT, nest("N4@0", "W1", "M4@0", "K4@0X", "O1"), "W stays over the closing loops of level 0"),
    (PRODUCT, nest("K4@0", "W2", "M4@0", "O1", "I1", "N4@2"), "past level 1, N below the hoisted node profits I there"),
    (CONV, nest("K4@0", "W1", "P2@1", "I1", "P4@1", "C4@1X", "O2", "R3@2"), "P is split over W's node and I's"),
    (CONV, nest("K4@0", "C4@0", "I1", "P8@1", "R3@1"), "halo dims below I's node where W and O are not kept"),
    (PRODUCT, nest("M4@0", "N4@0", "K4@0"), "the outermost block alone"),
]
OUT = [
    (PRODUCT, nest("W1", "O1", "M4@1", "K4@1", "N4@1"), "M is W's, and stands below O"),
    (PRODUCT, nest("W2", "M4@0", "O2", "K4@0", "I1", "N4@1X"), "two hoisted nodes"),
    (CONV, nest("K4@0", "C4@0", "O1", "P8@1", "I1", "R3@1"), "P above I in a block that does not keep W"),
    (CONV, nest("K4@0", "I1", "P2@1", "O1", "W1", "P4@1", "C4@1", "R3@1"), "P below I's node, outside of W's"),
    (PRODUCT, nest("K4@0", "W2", "M4@0", "I1", "N2@1", "N2@1X", "O2"), "W is hoisted past a loop of I's in level 1"),
    (PRODUCT, nest("W1", "I1", "K4@1", "O2", "M2@1", "W3", "M2@1", "N4@1X"), "O, below which M stands, is not M's"),
]


@pytest.mark.parametrize(("layer", "mapping", "why"), IN)
def test_nests_of_the_space(layer: Layer, mapping: Mapping, why: str) -> None:
    assert outside_of_space(layer, mapping) is None, why


@pytest.mark.parametrize(("layer", "mapping", "why"), OUT)
def test_nests_outside_of_the_space(layer: Layer, mapping: Mapping, why: str) -> None:
    assert outside_of_space(layer, mapping) is not None, why


@settings(max_examples=examples(40), suppress_health_check=RELAXED)
@given(cases(depths=(1, 2, 3)))
def test_what_a_search_returns_is_in_the_space(case: Case) -> None:
    found = lattice.solve(case.problem, "energy").solution
    assume(found is not None)
    assert found is not None
    assert outside_of_space(case.layer, lift(case.layer, case.problem, found)) is None


def check_all_nests_of_the_space(case: Case) -> None:
    """The optimum is that of all nests which are in the space, whatever else a search may think of."""
    every = list(itertools.islice(all_nests(case.layer, case.hardware), MOST + 1))
    assume(len(every) <= MOST)
    costs = (case.cost(mapping) for mapping in every if outside_of_space(case.layer, mapping) is None)
    best = front(price(case.problem, cost) for cost in costs if fits(case.layer, case.hardware, cost))
    for objective in ("energy", "latency", "edp"):
        found = lattice.solve(case.problem, objective).solution
        value = None if found is None else (found.energy, found.latency)
        if objective == "edp" and best["edp"] is not None and value is not None:
            assert math.prod(value) == math.prod(best["edp"])
        else:
            assert value == best[objective], objective


@settings(max_examples=examples(120, dev=2), suppress_health_check=RELAXED)
@given(cases(small=True, halo=True, depths=(1, 2, 2, 3), fixed_keep=True))
def test_optimum_of_all_nests_in_the_space(case: Case) -> None:
    check_all_nests_of_the_space(case)


@settings(max_examples=examples(30), suppress_health_check=RELAXED)
@given(cases(depths=(1,)))
def test_a_single_level(case: Case) -> None:
    """Search, program and a list of all nests agree where no level is inside of the outermost."""
    for objective in ("energy", "latency", "edp"):
        found, other = lattice.solve(case.problem, objective).solution, solve_layer(case.problem, objective).solution
        assert found is not None and other is not None
        values, others = (found.energy, found.latency), (other.energy, other.latency)
        assert math.prod(values) == math.prod(others) if objective == "edp" else values == others
        cost = case.cost(lift(case.layer, case.problem, found))
        assert price(case.problem, cost) == (found.energy, found.latency)
