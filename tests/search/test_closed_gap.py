"""Where the bound meets the value a design is OPTIMAL, whatever stopped the search; designs are shared by networks."""

from __future__ import annotations

from typing import Any

import pytest
from ortools.sat.python import cp_model

from formulations.cp_sat import STATUS, SolverStatus
from formulations.networks.checkpoint_search import MemoryLimits, solve_memory
from formulations.networks.widths import Table, WidthProblem, WidthProgram
from formulations.stop import Stop
from optimizer import api
from optimizer.checker.again import verify, verify_joint
from optimizer.checker.stored import stored
from optimizer.features import front as front_study
from optimizer.multi_network import search
from optimizer.recompute.costs import work_costs
from optimizer.recompute.lifetimes import lifetimes
from optimizer.recompute.run import lower
from optimizer.report.solve import headline
from optimizer.results.kinds import CodesignResult
from optimizer.search.box_evaluation import BoxEvaluator
from optimizer.search.branch_and_bound import Explorer
from optimizer.search.exploration import Exploration
from optimizer.search.incumbents import Best
from optimizer.search.threads import priced
from optimizer.studies.front import FrontExplorer
from optimizer.workload.reader import parse_network
from tests.support.choices import slow_if, slow_unless
from tests.support.codesign_cases import joint
from tests.support.tiny_problem import NETWORK, TINY
from tests.support.training_graphs import chain


@pytest.mark.slow
def test_a_stopped_search_whose_bound_is_reached_is_optimal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first point is as fast as its multipliers allow, and no point has more of them."""
    whole = api.solve(parse_network(NETWORK), TINY, objective="latency")

    def interrupted(self: Explorer, *_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Explorer, "_round", interrupted)
    stopped = api.solve(parse_network(NETWORK), TINY, objective="latency")
    assert stopped.to_json()["hardware_points"]["open"] == 8
    assert stopped.status == "OPTIMAL" and stopped.certificate.value == whole.certificate.value
    assert "gap 0.0 %" in str(headline(stopped.body)) and verify(stopped).ok
    stopped = api.solve(parse_network(NETWORK), TINY, objective="energy")
    assert stopped.status == "FEASIBLE" and stopped.objective.bound < stopped.objective.value
    assert verify(stopped).ok
    forged = stored(stopped)
    forged.data["status"] = forged.certificate["status"] = "OPTIMAL"
    assert not verify(forged).ok


@pytest.mark.slow
def test_a_stopped_front_without_a_gap_is_optimal(monkeypatch: pytest.MonkeyPatch) -> None:
    step, stops = FrontExplorer._step, []

    def interrupted(self: FrontExplorer, heap: Any, state: Any, pool: Any) -> None:
        if all(node.known.lines and self._gap(node.box, state, node.known, node.fixed) is None for node in heap):
            stops.append(len(heap))
            raise KeyboardInterrupt
        step(self, heap, state, pool)

    whole = front_study(parse_network(NETWORK), TINY, [])
    monkeypatch.setattr(FrontExplorer, "_step", interrupted)
    stopped = front_study(parse_network(NETWORK), TINY, [])
    assert stops and stopped.to_json()["status"] == "OPTIMAL"
    exact = [[design["exact"] for design in result.to_json()["study"]["designs"]] for result in (whole, stopped)]
    assert exact[0] == exact[1] and verify(stopped).ok


def test_programs_whose_bound_is_reached_are_optimal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that is stopped right before it says OPTIMAL: its bound is there."""
    monkeypatch.setitem(STATUS, cp_model.OPTIMAL, SolverStatus.FEASIBLE)
    memory = lower(lifetimes(chain(6)), work_costs(chain(6)))
    for goal, limits in (("peak", MemoryLimits()), ("overhead", MemoryLimits(peak_bits=5))):
        outcome = solve_memory(memory, goal, limits, workers=1)  # type: ignore[arg-type]
        assert outcome.status is SolverStatus.OPTIMAL and outcome.bound == outcome.value
    problem = WidthProblem(((2, 4),), ((0,),), (Table((0,), (1, 2), (3, 4)),), (0, 9), (0, 9))
    program = WidthProgram(problem)
    found = program.least([[5, 3]], range(program.columns), Stop())
    assert found.status is SolverStatus.OPTIMAL and found.bound == 3


AGGREGATES = [
    {},
    {"aggregate": "weighted"},
    {"aggregate": "max", "relative": True},
    {"aggregate": "weighted", "relative": True},
]


def no_loss(found: CodesignResult) -> None:
    """No network is better off than by itself, no design better than the joint one; and it verifies."""
    assert found.status in ("OPTIMAL", "FEASIBLE")
    for entry in found.to_json()["cross"]:
        assert all(cell["loss_percent"] >= 0 for cell in entry["networks"].values() if "loss_percent" in cell)
        assert entry["improvement_percent"] is None or entry["improvement_percent"] >= 0
    for entry in found.to_json()["networks"]:
        assert entry["joint"]["loss_percent"] >= 0 and entry["alone"]["value"] <= entry["joint"]["value"]
        alone = found.alone[entry["name"]]
        bound, value = alone.certificate.bound, alone.certificate.value
        assert entry["alone"]["status"] == alone.status == ("OPTIMAL" if bound >= value else "FEASIBLE")
    failed = [f"{check.name}: {check.detail}" for check in verify_joint(found).checks if not check.ok]
    assert not failed


def stop_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each network by itself knows but one bad point when its time is over."""
    bad = ((0, 0), (3, 3)), ((0, 0), (0, 0))

    def stopped(self: search.Search, number: int, before: object) -> Exploration:
        incumbents = Best()
        self._run.run([number], incumbents=incumbents, within=bad[number])
        return priced(
            self._team.prepared_problems[number], self._run.run([number], incumbents=incumbents, deadline=0.0), 1
        )

    monkeypatch.setattr(search.Search, "_alone", stopped)


@pytest.mark.slow
@pytest.mark.parametrize("options", slow_unless([AGGREGATES[0], AGGREGATES[3]], AGGREGATES), ids=str)
@pytest.mark.parametrize("objective", slow_if(["edp"], ["energy", "edp"]))
def test_a_joint_design_is_one_for_each_network(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], objective: str
) -> None:
    stop_alone(monkeypatch)
    found = joint("small", "large", objective=objective, **options)
    no_loss(found)
    assert all(entry["alone"]["status"] == "FEASIBLE" for entry in found.to_json()["networks"])


@pytest.mark.slow
@pytest.mark.parametrize("options", slow_unless(AGGREGATES[::2], AGGREGATES), ids=str)
def test_every_single_design_is_one_to_beat_for_the_joint_search(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    """The joint search has no time at all; what is best of the table is kept."""
    stop_alone(monkeypatch)
    joined = search.Search._joint

    def stopped(self: search.Search, *args: Any) -> Exploration:
        self._run.deadline = 0.0
        return joined(self, *args)

    monkeypatch.setattr(search.Search, "_joint", stopped)
    found = joint("small", "large", **options)
    assert found.status == "FEASIBLE"
    no_loss(found)


@pytest.mark.slow
@pytest.mark.parametrize("number", slow_if([4, 14, 20], [1, 4, 9, 14, 20, 30]))
@pytest.mark.parametrize("options", AGGREGATES[::2], ids=str)
def test_whenever_it_stops_no_loss_is_negative(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], number: int
) -> None:
    evaluate, calls = BoxEvaluator.evaluate, []

    def interrupted(self: BoxEvaluator, *args: Any) -> Any:
        calls.append(args)
        if len(calls) == number:
            raise KeyboardInterrupt
        return evaluate(self, *args)

    monkeypatch.setattr(BoxEvaluator, "evaluate", interrupted)
    found = joint("small", "large", "conv", **options)
    monkeypatch.undo()
    if found.status == "UNKNOWN":
        assert verify_joint(found).ok
    else:
        no_loss(found)
