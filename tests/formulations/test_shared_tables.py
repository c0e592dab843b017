"""Tables of the lattice search are shared between choices of kept tensors and hardware points: never wrongly."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formulations.lattice.kernels.memo import Memo
from formulations.lattice.search import solve
from formulations.problem import Hoist, LayerProblem, O, ProblemLevel
from optimizer.architecture.hardware import Hardware, Level
from optimizer.pricing.lowering import lower
from optimizer.workload.layer import conv
from tests.support.layer_cases import Case, cases
from tests.support.profiles import RELAXED, examples


def energy(problem: LayerProblem, memo: Memo | None = None) -> int | None:
    found = solve(problem, memo=memo).solution
    return None if found is None else found.energy


def check_choices(case: Case) -> None:
    problem = lower(case.layer, case.hardware, accounting=case.accounting)
    alone = []
    for keep in itertools.product(*(level.keep_options for level in problem.levels)):
        levels = tuple(replace(lv, keep_options=(k,)) for lv, k in zip(problem.levels, keep, strict=True))
        alone.append(energy(replace(problem, levels=levels)))
    assert energy(problem) == min((x for x in alone if x is not None), default=None)


@settings(max_examples=examples(15), suppress_health_check=RELAXED)
@given(cases(depths=(3,)))
def test_choices_of_kept_tensors_do_not_mix(case: Case) -> None:
    check_choices(case)


@pytest.mark.slow
@settings(max_examples=examples(25), suppress_health_check=RELAXED)
@given(cases(depths=(4,)))
def test_choices_of_kept_tensors_do_not_mix_on_four_levels(case: Case) -> None:
    check_choices(case)


def _other(level: ProblemLevel, factor: int) -> ProblemLevel:
    """The level with other energies and half the capacity."""
    room = None if level.capacity_bits is None else level.capacity_bits // 2
    costs = {name: factor * getattr(level, name) for name in ("read_energy", "fill_energy", "update_energy")}
    return replace(level, capacity_bits=room, **costs)


@pytest.mark.slow
@settings(max_examples=examples(20, dev=2), suppress_health_check=RELAXED)
@given(cases(depths=(2, 3)), st.data())
def test_hardware_points_do_not_mix(case: Case, data: st.DataObject) -> None:
    problem = lower(case.layer, case.hardware, accounting=case.accounting)
    memo = Memo(problem)
    energy(problem, memo)
    for _ in range(3):
        number = data.draw(st.integers(0, len(problem.levels) - 1))
        changed = _other(problem.levels[number], data.draw(st.integers(1, 3)))
        problem = replace(problem, levels=(*problem.levels[:number], changed, *problem.levels[number + 1 :]))
        assert energy(problem, memo) == energy(problem)


def test_a_resident_output_above_multipliers_that_share() -> None:
    """Found by the random tests: the quick bound of a resident tensor must know the innermost fan-out's multicast."""
    layer = conv("layer", {"K": 1, "C": 1, "P": 3, "R": 2})
    layer = replace(layer, operands=tuple(replace(o, bits=16 if o.role == "W" else 8) for o in layer.operands))
    outer, middle, inner = (
        Level(
            name,
            size,
            (1, 1),
            access_bits=bits,
            read_energy=energy,
            fill_energy=0,
            update_energy=0,
            must_keep=frozenset(keep),
            must_bypass=frozenset(bypass),
        )
        for name, size, bits, energy, keep, bypass in (
            ("L0", None, 16, 27, "WIO", ""),
            ("L1", 24, 8, 18, "W", "IO"),
            ("L2", 24, 8, 9, "", ""),
        )
    )
    problem = lower(layer, Hardware((outer, middle, inner), (2, 3), mac_energy=0))
    found = solve(problem).solution
    assert found is not None and (found.energy, found.hoist) == (234, Hoist(O, 2, 0))
