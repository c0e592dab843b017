"""Floors under constraints on mappings: proved without them where that is enough, by CP-SAT under them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import optimizer
from formulations.engines import PathEngine
from formulations.nest_rules import NestRules
from formulations.problem import LayerProblem
from optimizer.architecture.reader import parse_architecture
from optimizer.checker.again import statements, verify
from optimizer.checker.bound_weights import LAYER_BOUNDS, Bearing, LayerBound
from optimizer.checker.claims.solve import rebuild
from optimizer.checker.effort import Route
from optimizer.checker.statements import Statement
from optimizer.checker.stored import StoredResult, stored
from optimizer.problem.goal import INFEASIBLE_COST
from optimizer.workload.layer import matmul
from tests.support.pair_results import make

NO_NEST = NestRules(least_used=1 << 20)
CHIP: dict[str, Any] = {
    "name": "chip",
    "technology": "generic45",
    "clock_mhz": 500,
    "array": {"x": 2, "y": 2},
    "levels": [
        {"name": "DRAM", "component": "dram", "bandwidth": {"shared": "8 GB/s"}},
        {"name": "GLB", "component": "sram", "size": "1 KiB"},
        {"name": "RF", "component": "regfile", "size": "16 words", "must_keep": ["W", "I", "O"]},
    ],
}
BINDING = ({"order": ["K", "M", "N"], "level": "GLB"}, {"temporal": "K", "level": "DRAM", "equals": 4})


def stated() -> tuple[Statement, Any]:
    """The least energy of the first layer on the chosen point."""
    result = make("energy", padding="none")
    claim = rebuild(result.data, result.certificate)
    return next(one.statement for one in Bearing(claim).layer_bounds() if one.own), claim.accounting


@pytest.fixture
def ruled(monkeypatch: pytest.MonkeyPatch) -> None:
    """No nest keeps the constraints."""
    true = statements.lower

    def lowered(*asked: Any, **more: Any) -> LayerProblem:
        return replace(true(*asked, **more), rules=NO_NEST)

    monkeypatch.setattr(statements, "lower", lowered)


@pytest.mark.usefixtures("ruled")
def test_what_no_nest_costs_none_that_keeps_constraints_costs() -> None:
    one, accounting = stated()
    for ask, route in ((statements.by_own_search, Route.CHECKER), (statements.by_program, Route.CP_SAT)):
        assert ask(one, accounting, 60.0) == (route, "", "")


@pytest.mark.slow
@pytest.mark.usefixtures("ruled")
def test_a_nest_that_breaks_constraints_refutes_nothing() -> None:
    """The checker's own search, which knows no constraints, leaves it open; CP-SAT proves it, and so does the path."""
    one, accounting = stated()
    for value in (one.lower_bound + 10**9, INFEASIBLE_COST):
        higher = replace(one, lower_bound=value)
        assert statements.by_own_search(higher, accounting, 60.0) is None
        assert statements.by_program(higher, accounting, 60.0) == (Route.CP_SAT, "", "")
        assert statements.by_engine(higher, accounting, PathEngine(), None) == (Route.PATH, "", "")
        found = statements.decide(higher, accounting, PathEngine(), seconds=60.0, until=None)
        assert found == (Route.CP_SAT, "", "")


def test_without_constraints_it_does() -> None:
    one, accounting = stated()
    higher = replace(one, lower_bound=one.lower_bound + 10**9)
    for ask in (statements.by_own_search, statements.by_program):
        found = ask(higher, accounting, 60.0)
        assert found is not None and found.route is None and "energy units" in found.refuted


def solved(*rules: dict[str, Any]) -> StoredResult:
    """The optimum of a product on one hardware point."""
    chip = parse_architecture(CHIP | ({"mapping": list(rules)} if rules else {}))
    return stored(optimizer.map_layer(matmul("fc", {"M": 8, "N": 12, "K": 16}), chip))


def bounds_of(result: StoredResult) -> list[LayerBound]:
    """What the bound of a result rests on."""
    return list(Bearing(rebuild(result.data, result.certificate)).layer_bounds())


def test_a_floor_that_constraints_raise_is_proved_again_by_cp_sat() -> None:
    free, bound = solved(), solved(*BINDING)
    least = [next(one.statement.lower_bound for one in bounds_of(result)) for result in (free, bound)]
    assert least[0] < least[1]
    for result, route in ((free, Route.CHECKER), (bound, Route.CP_SAT)):
        found = verify(result, seed=0)
        assert found.ok
        assert [set(tally.by) for tally in found.proofs if tally.what == LAYER_BOUNDS] == [{route}]
        assert route.value in next(check.detail for check in found.checks if check.name == "proof again")


def test_a_floor_that_is_too_high_under_constraints_is_refuted_by_cp_sat() -> None:
    """One more energy unit than the optimum under the constraints: a nest that keeps them is below."""
    bound = solved(*BINDING)
    accounting = rebuild(bound.data, bound.certificate).accounting
    one = bounds_of(bound)[0].statement
    assert statements.by_program(one, accounting, 60.0) == (Route.CP_SAT, "", "")
    found = statements.by_program(replace(one, lower_bound=one.lower_bound + 1), accounting, 60.0)
    assert found is not None and found.route is None and str(one.lower_bound) in found.refuted
