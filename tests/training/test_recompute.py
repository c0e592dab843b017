"""Kept and recomputed activations: the program against all choices, chains with known answers, bad input."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace as changed

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formulations.cp_sat import SolverStatus
from formulations.networks.checkpoint_search import MemoryLimits, solve_memory
from optimizer.errors import SpecError
from optimizer.golden.training_memory import replay
from optimizer.recompute.costs import RecomputeCosts, overhead_of, work_costs
from optimizer.recompute.lifetimes import lifetimes
from optimizer.recompute.run import lower
from optimizer.workload.network import Network
from tests.support.choices import slow_if
from tests.support.profiles import examples
from tests.support.runs import plan_memory
from tests.support.training_graphs import chain, training_graph, training_graphs


def answers(network: Network, costs: RecomputeCosts, reserve: int) -> Iterator[tuple[int, int]]:
    """(overhead, peak) of every choice that runs and fits on chip."""
    names = [a.name for a in lifetimes(network).activations]
    options = ("keep", "redo", "drop", "chip") if reserve else ("keep", "redo", "drop")
    for row in itertools.product(options, repeat=len(names)):
        choices = dict(zip(names, row, strict=True))
        found = replay(network, choices)
        if not found.breaches and found.on_chip_bits <= reserve:
            yield overhead_of(found, choices, costs), found.peak.off_chip_bits


@settings(max_examples=examples(60))
@given(training_graphs(), st.integers(0, 8), st.data())
def test_agrees_with_all_choices(network, reserve, data) -> None:
    costs = work_costs(network)
    if reserve:
        costs = changed(costs, gain={name: len(name) + n for n, name in enumerate(costs.redo)})
    every = set(answers(network, costs, reserve))
    peaks = sorted({peak for _, peak in every})
    cap = data.draw(st.sampled_from([None, peaks[0] - 1, *peaks]))
    goal = data.draw(st.sampled_from(["overhead", "peak"]))
    plan = plan_memory(network, goal=goal, limits=MemoryLimits(cap), reserve_bits=reserve, costs=costs, workers=1)
    within = [answer for answer in every if cap is None or answer[1] <= cap]
    if not within:
        assert plan.outcome.status is SolverStatus.INFEASIBLE
        assert (plan.least_peak.status, plan.least_peak.value) == (SolverStatus.OPTIMAL, peaks[0])
        return
    order = (0, 1) if goal == "overhead" else (1, 0)
    best = min((answer[order[0]], answer[order[1]]) for answer in within)
    assert plan.outcome.status is SolverStatus.OPTIMAL and plan.outcome.second_proved
    assert (plan.outcome.value, plan.outcome.second) == best
    assert plan.replay.peak.off_chip_bits == best[goal == "overhead"]


@settings(max_examples=examples(40))
@given(training_graphs(most=6))
def test_lifetimes_agree_with_the_replay(network) -> None:
    lives = lifetimes(network)
    found = replay(network, {a.name: "keep" if a.reads else "drop" for a in lives.activations})
    totals = [sum(row) for row in zip(*lives.over_time().values(), strict=True)]
    assert [moment.off_chip_bits for moment in found.moments] == totals


@settings(max_examples=examples(25))
@given(training_graphs(), st.integers(0, 6))
def test_cap_on_overhead(network, cap) -> None:
    every = set(answers(network, work_costs(network), 0))
    plan = plan_memory(network, goal="peak", limits=MemoryLimits(None, cap), workers=1)
    assert plan.outcome.value == min(peak for overhead, peak in every if overhead <= cap)


@pytest.mark.parametrize("length", slow_if([36], [4, 9, 16, 25, 36]))
def test_chain_needs_about_two_roots(length) -> None:
    """Chen et al. 2016: segments of sqrt(n), peak about 2 sqrt(n), at most one more forward pass.

    When a segment is computed again there are the kept tensors before it, its own tensors, and two gradients. Segments
    may grow towards the beginning, where fewer tensors are kept: the longest chain of peak m has about m^2 / 2 layers.
    """
    plan = plan_memory(chain(length), goal="peak", workers=1)
    assert plan.outcome.status is SolverStatus.OPTIMAL and plan.outcome.second <= length - 1
    root = length**0.5
    assert plan.outcome.value <= 2 * root + 2
    assert plan.outcome.value >= (2 * length) ** 0.5
    assert plan.keep_all.peak.off_chip_bits == length + 1


def test_chain_by_segments_of_chen() -> None:
    """16 layers, every fourth output kept: each segment is computed again at once, before its last gradient."""
    choices = {f"f{n}": "keep" if n % 4 == 3 else "redo" for n in range(16)}
    found = replay(chain(16), choices)
    assert not found.breaches and found.operations == 12
    again = [moment for moment in found.moments if moment.again]
    assert [moment.layer for moment in again] == [f"f{n}" for start in (12, 8, 4, 0) for n in range(start, start + 3)]
    assert found.peak.off_chip_bits == 8


def test_brief_tensors_are_freed_between() -> None:
    """f1 and f3 are read by no gradient: only one of them is there at a time while f2 and f4 are computed again."""
    network = training_graph(
        [(1, 1, []), (10, 1, [0]), (1, 1, [1]), (10, 1, [2]), (1, 1, [3]), (30, 1, [4])],
        [(0, [5]), (0, [4]), (0, [2]), (0, [0])],
    )
    choices = {"f0": "keep", "f1": "redo", "f2": "redo", "f3": "redo", "f4": "redo", "f5": "keep"}
    found = replay(network, choices)
    assert [(m.layer, m.off_chip_bits) for m in found.moments if m.again] == [
        ("f1", 11),
        ("f2", 12),
        ("f3", 12),
        ("f4", 13),
    ]


def test_on_chip_takes_no_memory_off_chip() -> None:
    network = chain(6)
    plan = plan_memory(network, goal="peak", reserve_bits=3, workers=1)
    without = plan_memory(network, goal="peak", workers=1)
    assert plan.outcome.value < without.outcome.value
    assert 0 < plan.replay.on_chip_bits <= 3


def test_dropped_tensor_that_is_needed_is_a_breach() -> None:
    assert "needs f2" in replay(chain(4), {"f0": "keep", "f1": "keep", "f2": "drop", "f3": "keep"}).breaches[0]


def test_choice_must_be_known() -> None:
    with pytest.raises(SpecError, match="no such choice"):
        replay(chain(2), {"f0": "keep"})


def test_time_limit_leaves_a_bound() -> None:
    memory = lower(lifetimes(chain(40)), work_costs(chain(40)))
    outcome = solve_memory(memory, "peak", time_limit_s=0.01, workers=1)
    assert outcome.status in (SolverStatus.UNKNOWN, SolverStatus.FEASIBLE, SolverStatus.OPTIMAL)
    assert outcome.bound <= (2 * 40**0.5 + 2)


def test_least_peak_in_many_turns(monkeypatch) -> None:
    """Turns too short for a proof give the same answer."""
    once = plan_memory(chain(16), goal="peak", workers=1).outcome
    monkeypatch.setattr("formulations.networks.checkpoint_search.TURN_S", 0.002)
    again = plan_memory(chain(16), goal="peak", workers=1).outcome
    assert again.status is SolverStatus.OPTIMAL and (again.value, again.second) == (once.value, once.second)


def test_replay_sees_a_wrong_claim(monkeypatch) -> None:
    """A program that counts one tensor too few is not believed."""
    real: dict[str, object] = {}

    def lowered(*given):
        memory = lower(*given)
        real["memory"] = memory
        return changed(memory, tensors=tuple(changed(t, bits=0) for t in memory.tensors))

    monkeypatch.setattr("optimizer.recompute.run.lower", lowered)
    with pytest.raises(Exception, match="does not confirm"):
        plan_memory(chain(5), goal="peak", workers=1)


def test_no_training_step_is_refused() -> None:
    network = Network("inference")
    for layer in chain(2).layers():
        network.add(layer)
    with pytest.raises(SpecError, match="not a training step"):
        lifetimes(network)
