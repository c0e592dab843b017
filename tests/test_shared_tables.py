"""Tables of the lattice search are shared between choices of kept tensors and hardware points: never wrongly."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer_cases import Case, cases

from formulations.kernels.layout import pack_layer
from formulations.kernels.memo import Memo
from formulations.lattice import solve
from formulations.problem import LevelSpec, Problem
from optimizer.lowering import lower

RELAXED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def energy(problem: Problem, memo: Memo | None = None) -> int | None:
    found = solve(problem, memo=memo).solution
    return None if found is None else found.energy


def check_choices(case: Case) -> None:
    problem = lower(case.layer, case.hardware, accounting=case.accounting)
    alone = []
    for keep in itertools.product(*(level.keep_options for level in problem.levels)):
        levels = tuple(replace(lv, keep_options=(k,)) for lv, k in zip(problem.levels, keep, strict=True))
        alone.append(energy(replace(problem, levels=levels)))
    assert energy(problem) == min((x for x in alone if x is not None), default=None)


@settings(max_examples=15, deadline=None, suppress_health_check=RELAXED, derandomize=True)
@given(cases(depths=(3,)))
def test_choices_of_kept_tensors_do_not_mix(case: Case) -> None:
    check_choices(case)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=RELAXED)
@given(cases(depths=(4,)))
def test_choices_of_kept_tensors_do_not_mix_on_four_levels(case: Case) -> None:
    check_choices(case)


def _other(level: LevelSpec, factor: int) -> LevelSpec:
    """The level with other energies and half the capacity."""
    room = None if level.capacity_bits is None else level.capacity_bits // 2
    costs = {name: factor * getattr(level, name) for name in ("read_energy", "fill_energy", "update_energy")}
    return replace(level, capacity_bits=room, **costs)


@settings(max_examples=20, deadline=None, suppress_health_check=RELAXED, derandomize=True)
@given(cases(depths=(2, 3)), st.data())
def test_hardware_points_do_not_mix(case: Case, data: st.DataObject) -> None:
    problem = lower(case.layer, case.hardware, accounting=case.accounting)
    memo = Memo(pack_layer(problem))
    energy(problem, memo)
    for _ in range(3):
        number = data.draw(st.integers(0, len(problem.levels) - 1))
        changed = _other(problem.levels[number], data.draw(st.integers(1, 3)))
        problem = replace(problem, levels=(*problem.levels[:number], changed, *problem.levels[number + 1 :]))
        assert energy(problem, memo) == energy(problem)
