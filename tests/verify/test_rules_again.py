"""Floors under constraints on mappings: proved without them where that is enough, refuted only under them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from formulations.engines import PathEngine
from formulations.nest_rules import NestRules
from formulations.problem import LayerProblem
from optimizer.checker.again import statements
from optimizer.checker.bound_weights import Bearing
from optimizer.checker.claims.solve import rebuild
from optimizer.checker.effort import Route
from optimizer.checker.statements import Statement
from tests.support.pair_results import make

NO_NEST = NestRules(least_used=1 << 20)


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


@pytest.mark.usefixtures("ruled")
def test_a_nest_that_breaks_constraints_refutes_nothing() -> None:
    one, accounting = stated()
    higher = replace(one, lower_bound=one.lower_bound + 10**9)
    for ask in (statements.by_own_search, statements.by_program):
        assert ask(higher, accounting, 60.0) is None
    found = statements.decide(higher, accounting, PathEngine(), seconds=60.0, until=None)
    assert found == (Route.PATH, "", "")


def test_without_constraints_it_does() -> None:
    one, accounting = stated()
    higher = replace(one, lower_bound=one.lower_bound + 10**9)
    for ask in (statements.by_own_search, statements.by_program):
        found = ask(higher, accounting, 60.0)
        assert found is not None and found.route is None and "energy units" in found.refuted
