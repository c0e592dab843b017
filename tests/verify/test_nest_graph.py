"""The checker's own search over every nest: floors against the shortest path, brute force, and without its rules."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optimizer
from formulations.engines import engine_of
from formulations.nest_check import is_nest_of
from formulations.nest_cost import costed
from formulations.nest_rules import NestRules
from formulations.problem import UNLIMITED, LayerProblem
from formulations.stop import Stop
from optimizer.architecture.reader import load_architecture
from optimizer.checker.again.nest_graph import ALL_RULES, Rules, Verdict, decide_floor
from optimizer.checker.again.nest_graph.criteria import criteria_of
from optimizer.checker.again.nest_graph.groups import least_of, split
from optimizer.checker.again.nest_graph.lattice import lattice_of
from optimizer.checker.again.nest_graph.layer import Layer, layer_of
from optimizer.checker.again.nest_graph.places import machines
from optimizer.checker.again.nest_graph.potential import Potentials
from optimizer.pricing.lowering import lower
from tests.support.all_items import every_nest
from tests.support.layer_cases import Case as RandomCase
from tests.support.layer_cases import cases
from tests.support.nest_cases import Case
from tests.support.profiles import examples, nightly

FAST, SLOW = 3, 30
NUMBERS = [pytest.param(n, marks=[] if n < FAST else pytest.mark.slow) for n in range(SLOW)]
OFF = [ALL_RULES._replace(**{name: False}) for name in Rules._fields]


def settles(problem: LayerProblem, objective: str, cap: int | None = None, rules: Rules = ALL_RULES) -> None:
    """The least value of all nests is a floor; one unit more is refuted by a nest of that value."""
    best = engine_of("path").solve(problem, objective, latency_cap=UNLIMITED if cap is None else cap)
    if best is None:
        found = decide_floor(problem, objective, 1 << 58, latency_cap=cap, rules=rules)  # type: ignore[arg-type]
        assert found.verdict is Verdict.PROVED
        return
    value = best.energy if objective == "energy" else best.latency
    if objective == "latency":  # the engine's optimum is one of whole cycles
        cycles = -(-value // problem.latency_unit)
        value = (cycles - 1) * problem.latency_unit + 1
    proved = decide_floor(problem, objective, value, latency_cap=cap, rules=rules)  # type: ignore[arg-type]
    assert proved.verdict is Verdict.PROVED
    forged = best.energy + 1 if objective == "energy" else best.latency + 1
    refuted = decide_floor(problem, objective, forged, latency_cap=cap, rules=rules)  # type: ignore[arg-type]
    assert refuted.verdict is Verdict.REFUTED
    assert refuted.nest is not None
    assert is_nest_of(problem, refuted.nest)
    assert costed(problem, refuted.nest.items) == refuted.nest
    assert cap is None or refuted.nest.latency <= cap


@pytest.mark.parametrize("number", NUMBERS)
def test_optima_of_the_shortest_path_are_floors(number: int) -> None:
    """Random layers on random machines: bypass, fan-outs, windows, strides, both accountings, leakage."""
    problem = Case(number, 5, leaks=True).problem
    settles(problem, "energy")
    settles(problem, "latency")
    cheapest, fastest = (engine_of("path").solve(problem, objective) for objective in ("energy", "latency"))
    if cheapest is not None and fastest is not None:
        unit = problem.latency_unit
        settles(problem, "energy", (cheapest.latency + fastest.latency) // 2 // unit * unit)
        outer = problem.levels[0]
        weighty = replace(outer, leak_energy=outer.leak_energy + cheapest.energy // max(1, cheapest.latency // unit))
        settles(replace(problem, levels=(weighty, *problem.levels[1:])), "energy")


@pytest.mark.slow
@pytest.mark.parametrize("number", range(8))
def test_optima_of_real_layers_are_floors(number: int) -> None:
    """AlexNet on the largest point of `edge_small`: the optimum is proved, one unit more refuted."""
    layer = optimizer.load("alexnet").mac_layers()[number]
    settles(lower(layer, list(load_architecture("edge_small").points())[-1]), "energy")


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10 if nightly() else 4))
def test_no_false_floor_of_a_layer_is_accepted(block: int) -> None:
    """Random layers: energy, cycles, a cap on cycles; one more than the optimum is refuted."""
    for number in range(100 + 20 * block, 120 + 20 * block):
        problem = Case(number, 3, leaks=bool(number % 2)).problem
        settles(problem, "energy")
        settles(problem, "latency")
        fastest = engine_of("path").solve(problem, "latency")
        if fastest is not None:
            settles(problem, "energy", -(-fastest.latency // problem.latency_unit) * problem.latency_unit)


@pytest.mark.parametrize("number", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in range(4, 12))])
def test_what_is_kept_of_a_layer_does_not_depend_on_hardware(number: int) -> None:
    """Statements about a layer on other hardware are settled in any order, with the arrays kept of the layer."""
    problem = Case(number, 4).problem
    outer, *levels = problem.levels
    tight = (None if n.capacity_bits is None else n.capacity_bits // 2 for n in levels)
    other = replace(problem, levels=(outer, *(replace(n, capacity_bits=c) for n, c in zip(levels, tight, strict=True))))
    alone = tuple(replace(n, fanout=(1, 1)) for n in problem.levels)
    assert layer_of(problem) is layer_of(other)
    for one in (problem, other, replace(problem, levels=alone), problem):
        settles(one, "energy")


@pytest.mark.slow
@settings(max_examples=examples(60, dev=5), deadline=None)
@given(st.one_of(cases(pins=True), cases(halo=True, depths=(2, 3, 4), small=True), cases(sparse=True)))
def test_special_layers(case: RandomCase) -> None:
    """Pinned operands, sums that resume, N:M blocks, restricted axes, ports, rounded accesses."""
    settles(case.problem, "energy")


@pytest.mark.parametrize("number", [1, 9, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, *range(10, 18)))])
def test_floors_by_exhaustion(number: int) -> None:
    problem = Case(number, 3, leaks=True).problem
    nests = every_nest(problem, 20_000)
    if nests is None:
        pytest.skip("too many nests")
    for objective in ("energy", "latency"):
        least = min((getattr(nest, objective) for nest in nests), default=1 << 50)
        assert decide_floor(problem, objective, least).verdict is Verdict.PROVED  # type: ignore[arg-type]
        verdict = decide_floor(problem, objective, least + 1).verdict  # type: ignore[arg-type]
        assert verdict is (Verdict.REFUTED if nests else Verdict.PROVED)


@pytest.mark.parametrize("rules", OFF, ids=Rules._fields)
@pytest.mark.parametrize("number", [pytest.param(n, marks=[] if n < 1 else pytest.mark.slow) for n in range(12)])
def test_every_rule_can_be_switched_off(number: int, rules: Rules) -> None:
    """Without bounds, the lemma on places of loops, dominance, groups, rooms, extents ahead: the same answers."""
    problem = Case(number, 4 if rules.bounds else 3).problem
    settles(problem, "energy", rules=rules)


@pytest.mark.parametrize("number", [pytest.param(n, marks=[] if n < 1 else pytest.mark.slow) for n in range(10)])
def test_bounds_of_a_group_hold_for_each_of_its_kinds(number: int) -> None:
    problem = Case(number, 5, leaks=True).problem
    layer = Layer(problem, lattice_of(problem.extents))
    criteria = criteria_of(problem, "energy", 1 << 40, None)
    for machine in machines(problem):
        potentials = Potentials(machine, layer, criteria, lambda: None)
        for kinds in potentials.kinds[:1] if potentials.possible else ():
            groups = [group for parts in (1, 2, 4) for group in split(list(kinds), parts)]
            assert {kind for group in groups for kind in group} == set(kinds)
            for group in groups:
                least = potentials.rows(1, least_of(group), 0)
                for kind in group:
                    own = potentials.rows(1, kind, 0)
                    assert all((a <= b * (1 + 1e-12) + 1e-6).all() for a, b in zip(least, own, strict=True))


def test_energies_of_a_hundred_bits() -> None:
    """Costs are kept modulo 2**64 and as floating numbers; nests are counted exactly."""
    problem = Case(1, 5).problem
    large = (1 << 55) // max(level.read_energy for level in problem.levels)
    levels = tuple(
        replace(
            level,
            read_energy=level.read_energy * large + 1,
            fill_energy=level.fill_energy * large + 1,
            update_energy=level.update_energy * large,
        )
        for level in problem.levels
    )
    huge = replace(problem, levels=levels)
    best = engine_of("path").solve(huge)
    assert best is not None and best.energy > 1 << 62
    assert decide_floor(huge, "energy", best.energy).verdict is Verdict.PROVED
    assert decide_floor(huge, "energy", best.energy + 1).verdict is Verdict.REFUTED


def test_what_it_cannot_decide() -> None:
    """Rules for nests, no time, a stop, numbers beyond 64 bits."""
    problem = Case(1, 5).problem
    stop = Stop()
    stop.request()
    levels = tuple(replace(level, read_energy=1 << 70) for level in problem.levels)
    for found in (
        decide_floor(replace(problem, rules=NestRules(least_used=2)), "energy", 1),
        decide_floor(problem, "energy", 1 << 50, time_limit_s=0.0),
        decide_floor(problem, "energy", 1 << 50, stop=stop),
        decide_floor(replace(problem, levels=levels), "energy", 1),
    ):
        assert found.verdict is Verdict.UNDECIDED
    assert math.isfinite(found.labels)
