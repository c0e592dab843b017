"""Layers with known optima by both engines; menus of hardware as one program; caps and time limits."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings

from formulations.cp_sat import STATUS, SolverStatus, exact_solver
from formulations.engines import BothEngines, PathEngine
from formulations.nest import Nest
from formulations.nest_program.program import NestProgram
from formulations.nest_program.sizing import SizedProblem
from formulations.nest_program.solve import solve
from formulations.problem import LayerProblem
from optimizer.architecture.hardware import Hardware, Level
from optimizer.pricing.lowering import lower
from optimizer.workload.layer import Layer, conv, matmul
from tests.support.layer_cases import Case, cases
from tests.support.profiles import RELAXED, examples


def two_levels(words: int, mesh: tuple[int, int] = (16, 16), energy: int = 6) -> Hardware:
    bandwidth = Fraction(64)
    dram = Level("DRAM", None, (1, 1), 8, 200, 200, 200, shared_bits_per_cycle=bandwidth)
    keep = frozenset("WIO")
    wide = 8 * bandwidth
    glb = Level("GLB", words * 8, (1, 1), 8, energy, energy, energy, shared_bits_per_cycle=wide, must_keep=keep)
    return Hardware((dram, glb), mesh, 1)


def product(m: int, n: int, k: int) -> Layer:
    return matmul("layer", {"M": m, "N": n, "K": k}, bits={"W": 8, "I": 8, "O": 8})


def solved(problem: LayerProblem, objective: str = "energy") -> Nest:
    """The optimum, on which both engines agree."""
    found = BothEngines().solve(problem, objective)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("layer", "words", "side", "energy", "cycles"),
    [
        (product(64, 64, 64), 2048, 16, 5439488, None),
        (product(36, 36, 36), 512, 8, 1653696, None),
        (product(100, 60, 84), 2048, 16, 9214080, 5557.5),
    ],
)
def test_known_optima(layer: Layer, words: int, side: int, energy: int, cycles: float | None) -> None:
    """Known from searches of two-level tilings, which other nests do not beat."""
    problem = lower(layer, two_levels(words, (side, side)), accounting="looptree")
    found = PathEngine().solve(problem)
    assert found is not None and found.energy == energy
    if cycles is not None:
        assert found.latency / problem.latency_unit <= cycles


@pytest.mark.slow
def test_known_optimum_of_time() -> None:
    problem = lower(product(100, 60, 84), two_levels(2048), accounting="looptree")
    found = PathEngine().solve(problem, "latency")
    assert found is not None and Fraction(found.latency, problem.latency_unit) <= 5302.5


def menu() -> list[LayerProblem]:
    layer = conv("layer", {"K": 4, "C": 4, "P": 6, "R": 3}, stride=(2, 1))
    points = [
        two_levels(words, mesh, energy)
        for words, mesh, energy in (
            (16, (2, 2), 2),
            (48, (2, 2), 4),
            (48, (4, 1), 4),
            (128, (4, 4), 9),
        )
    ]
    return [lower(layer, point) for point in points]


def best_of_menu(points: list[LayerProblem], objective: str) -> tuple[int, LayerProblem] | None:
    """The least value of a menu that is part of one program (of every set of fan-outs), and the point that has it."""
    found = []
    for machine in SizedProblem(tuple(points)).machines():
        program = NestProgram(machine)
        goal = program.costs.energy if objective == "energy" else program.costs.latency
        program.model.minimize(goal.expression)
        solver = exact_solver(1, 0, None)
        if STATUS[solver.solve(program.model)] is SolverStatus.OPTIMAL:
            nest = program.nest(solver.value)
            value = nest.energy if objective == "energy" else nest.latency
            assert value == solver.value(goal.expression)
            found.append((value, points[program.sizes.chosen(solver.value)]))
    return min(found, key=lambda pair: pair[0], default=None)


@pytest.mark.parametrize("objective", ["energy", "latency"])
def test_a_menu_is_the_best_of_its_points(objective: str) -> None:
    points = menu()
    unit = SizedProblem(tuple(points)).latency_unit

    def value(point: LayerProblem) -> int:
        nest = PathEngine().solve(point, objective)
        assert nest is not None
        return nest.energy if objective == "energy" else nest.latency * (unit // point.latency_unit)

    best = best_of_menu(points, objective)
    assert best is not None
    assert best[0] == min(map(value, points)) == value(best[1])


def test_points_of_a_menu_with_their_own_latency_units() -> None:
    layer = product(8, 8, 8)
    points = [lower(layer, two_levels(64)), lower(layer, two_levels(32))]
    slow = replace(points[1], latency_unit=1)
    sized = SizedProblem((replace(points[0], latency_unit=3), slow))
    assert sized.latency_unit == 3
    ratio = {p.latency_unit for p in sized.aligned()}
    assert ratio == {3}


def test_points_of_a_menu_must_share_the_layer() -> None:
    with pytest.raises(ValueError, match="share layer"):
        SizedProblem((lower(product(8, 8, 8), two_levels(64)), lower(product(8, 8, 4), two_levels(64))))


def test_a_cap_on_latency() -> None:
    problem, engine = menu()[3], BothEngines()
    cheapest, fastest = solved(problem), solved(problem, "latency")
    for cap, like in ((fastest.latency, fastest), (cheapest.latency, cheapest)):
        capped = engine.solve(problem, latency_cap=cap)
        assert capped is not None and (capped.energy, capped.latency) == (like.energy, like.latency)
    assert engine.solve(problem, latency_cap=fastest.latency - 1) is None


def test_no_mapping_fits() -> None:
    assert BothEngines().solve(lower(product(8, 8, 8), two_levels(2))) is None


def test_a_single_iteration() -> None:
    problem = lower(product(1, 1, 1), two_levels(8))
    assert solved(problem).latency >= 1


def test_time_limit_gives_a_bound_that_holds() -> None:
    layer = conv("layer", {"K": 64, "C": 64, "P": 56, "Q": 56, "R": 3, "S": 3})
    outcome = solve(lower(layer, two_levels(65536)), time_limit_s=0.3)
    if outcome.solution is not None:
        assert outcome.bound <= outcome.solution.energy
    assert outcome.status is not SolverStatus.INFEASIBLE


def keeping(words: int | None, energy: int, keep: str) -> Level:
    kept = frozenset(keep)
    size = None if words is None else words * 8
    return Level("level", size, (1, 1), 8, energy, energy, energy, must_keep=kept, must_bypass=frozenset("WIO") - kept)


def chip(*levels: Level, mesh: tuple[int, int] = (1, 1)) -> Hardware:
    return Hardware((keeping(None, 200, "WIO"), *levels), mesh, 1)


HOISTED = [
    # O stays in the registers while K runs in DRAM's block: the buffer holds one word of W and I each
    (product(1, 1, 2), chip(keeping(2, 6, "WI"), keeping(4, 1, "WIO")), 1061),
    # O stays in the registers while K runs in the block of level 1, which keeps all of I while N runs outside of O
    (product(1, 2, 2), chip(keeping(2, 20, "I"), keeping(2, 6, "WI"), keeping(3, 1, "WIO")), 1842),
    # I stays while N runs in DRAM's block: M, which W of the buffer profits from, runs inside of I
    (product(2, 2, 1), chip(keeping(1, 6, "W"), keeping(2, 1, "I")), 1646),
    # W stays while P runs in DRAM's block: children one output apart share inputs, children two apart do not
    (
        conv("layer", {"P": 4, "R": 2}, bits={"W": 8, "I": 8, "O": 8}),
        chip(replace(keeping(1, 1, "W"), mesh=(2, 2)), mesh=(2, 2)),
        2420,
    ),
    # W stays in the registers while P runs in DRAM's block: the input right below it slides along P, too
    (
        conv("layer", {"C": 2, "P": 6, "R": 2}, bits={"W": 8, "I": 8, "O": 8}),
        chip(keeping(12, 6, "IO"), keeping(10, 1, "WI"), mesh=(2, 1)),
        5166,
    ),
]


@pytest.mark.parametrize(("layer", "hardware", "energy"), HOISTED)
def test_a_hoisted_node_pays(layer: Layer, hardware: Hardware, energy: int) -> None:
    """Energies counted by hand."""
    assert solved(lower(layer, hardware)).energy == energy


def test_a_resident_output_above_multipliers_that_share() -> None:
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
    assert solved(lower(layer, Hardware((outer, middle, inner), (2, 3), mac_energy=0))).energy == 234


def check_choices(case: Case) -> None:
    """The optimum is the best of those with all choices of kept tensors fixed."""
    problem, engine = case.problem, PathEngine()
    alone = []
    for keep in itertools.product(*(level.keep_options for level in problem.levels)):
        levels = tuple(replace(lv, keep_options=(k,)) for lv, k in zip(problem.levels, keep, strict=True))
        alone.append(engine.solve(replace(problem, levels=levels)))
    best = engine.solve(problem)
    assert (best and best.energy) == min((nest.energy for nest in alone if nest), default=None)


@settings(max_examples=examples(15, dev=2), suppress_health_check=RELAXED)
@given(cases(depths=(3,), small=True))
def test_choices_of_kept_tensors_do_not_mix(case: Case) -> None:
    check_choices(case)


@pytest.mark.slow
@settings(max_examples=examples(25), suppress_health_check=RELAXED)
@given(cases(depths=(4,), small=True))
def test_choices_of_kept_tensors_do_not_mix_on_four_levels(case: Case) -> None:
    check_choices(case)
