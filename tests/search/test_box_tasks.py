"""Explorations whose visits are tasks: the same optimum and boxes whoever runs them, and nothing lost when stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from optimizer import api
from optimizer.problem.aggregate import Aggregate
from optimizer.problem.problem import Problem
from optimizer.scaling import tasks
from optimizer.scaling.pool import Outcome, Payload, SerialPool, Work
from optimizer.search.exploration import Exploration
from optimizer.search.prepared_problem import prepare, prepare_again
from optimizer.search.processes import explore_spread
from optimizer.workload.reader import parse_network
from tests.support.choices import slow_unless
from tests.support.tiny_problem import NETWORK, TINY, under

OTHER = """
name: other
layers:
  - {name: wide, type: matmul, dims: {M: 16, N: 2, K: 9}}
"""


def problem(text: str = NETWORK, objective: str = "edp", budgets: dict[str, str] | None = None) -> dict[str, Any]:
    """A problem as it comes back from a file."""
    prepared = prepare(Problem(parse_network(text), under(budgets or {}), objective))
    data: dict[str, Any] = json.loads(json.dumps(prepared.problem))
    return data


class Backwards:
    """Runs the last task first, and hands every payload and outcome over as text."""

    def run(
        self, work: Work, payloads: Sequence[Payload], cache_dir: Path | None, done: Callable[[int, Outcome], None]
    ) -> None:
        for number, payload in reversed(list(enumerate(payloads))):
            done(number, json.loads(json.dumps(work(json.loads(json.dumps(payload)), cache_dir))))


SOLVED = [
    (objective, budgets)
    for budgets in ({}, {"area_mm2": "0.07"}, {"latency_ms": "0.00052"})
    for objective in ("energy", "latency", "edp")
]


@pytest.mark.slow
@pytest.mark.parametrize(("objective", "budgets"), slow_unless([SOLVED[0], SOLVED[5]], SOLVED))
def test_the_optimum_is_that_of_a_solve(objective: str, budgets: dict[str, str]) -> None:
    solved = api.solve(parse_network(NETWORK), under(budgets), objective=objective)
    state = explore_spread([problem(NETWORK, objective, budgets)], pool=SerialPool())
    assert state.complete and state.value == solved.certificate.value
    assert state.bound == state.value


@pytest.mark.slow
def test_the_order_of_tasks_changes_no_answer() -> None:
    """Floors and boxes may differ: what a search proves is used by those that follow in the same process."""
    problems = [problem(), problem(OTHER)]
    both = Aggregate("geomean", (Fraction(1), Fraction(2)))
    one, other = (explore_spread(problems, aggregate=both, pool=pool) for pool in (SerialPool(), Backwards()))
    assert one.complete and other.complete and (one.value, one.bound) == (other.value, other.bound)
    assert one.best_point == other.best_point
    assert one.found is not None and other.found is not None
    assert one.found.rank == other.found.rank


def test_one_open_store_serves_all_rounds(tmp_path: Path) -> None:
    with mock.patch.object(tasks, "Store") as opened:
        first = explore_spread([problem()], pool=SerialPool(), cache_dir=tmp_path)
    assert first.complete and not opened.called
    idle = mock.Mock()
    again = explore_spread([problem()], pool=idle, cache_dir=tmp_path)
    assert again.closed == first.closed and again.found == first.found
    assert all(not call.args[1] for call in idle.run.call_args_list)


def test_a_problem_comes_back_as_it_was() -> None:
    stated = problem(budgets={"area_mm2": "0.07", "dram_gbps": "1.5"})
    assert prepare_again(stated).problem == stated


def test_out_of_time_all_is_open() -> None:
    state: Exploration = explore_spread([problem()], pool=SerialPool(), time_limit_s=0.0)
    assert not state.complete and state.value is None
    assert state.points("open") == len(TINY)


def test_bounds_hold_when_stopped_midway() -> None:
    whole = explore_spread([problem()], pool=SerialPool())

    class Tired(SerialPool):
        """Gives up after some tasks."""

        left = 5

        def run(self, work: Work, payloads: Sequence[Payload], cache_dir: Path | None, done: Any) -> None:
            for number, payload in enumerate(payloads):
                self.left -= 1
                done(number, work(payload, cache_dir) if self.left > 0 else {"complete": False})
            if self.left <= 0:
                raise KeyboardInterrupt

    state = explore_spread([problem()], pool=Tired())
    assert not state.complete and whole.value is not None
    assert state.bound <= whole.value and state.value is not None and state.value >= whole.value
    assert sum(state.points(by) for by in ("open", "bound", "solved", "infeasible")) == len(TINY)


def test_only_a_box() -> None:
    whole = explore_spread([problem()], pool=SerialPool())
    assert whole.found is not None
    alone = explore_spread([problem()], pool=SerialPool(), within=whole.found.box)
    assert alone.found == whole.found and alone.total == 1
