"""The layer program on known optima, menus of hardware, hints, caps and time limits."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from formulations.layer.hoisting import hoists, legal_hoists

from formulations.cp_sat import SolverStatus, costs_of, expression_value, solve_layer, solve_sized
from formulations.nest_program.sizing import SizedProblem
from formulations.problem import Hoist, I, LayerProblem, LayerSolution, LevelTiling, O, W
from optimizer.architecture.hardware import Hardware, Level
from optimizer.pricing.lowering import lower
from optimizer.workload.layer import Layer, conv, matmul
from tests.support.choices import slow_if


def two_levels(words: int, mesh: tuple[int, int] = (16, 16), energy: int = 6) -> Hardware:
    bandwidth = Fraction(64)
    dram = Level("DRAM", None, (1, 1), 8, 200, 200, 200, shared_bits_per_cycle=bandwidth)
    keep = frozenset("WIO")
    wide = 8 * bandwidth
    glb = Level("GLB", words * 8, (1, 1), 8, energy, energy, energy, shared_bits_per_cycle=wide, must_keep=keep)
    return Hardware((dram, glb), mesh, 1)


def product(m: int, n: int, k: int) -> Layer:
    return matmul("layer", {"M": m, "N": n, "K": k}, bits={"W": 8, "I": 8, "O": 8})


def solved(problem: LayerProblem, objective: str = "energy", cap: int | None = None) -> LayerSolution:
    outcome = solve_layer(problem, objective, latency_cap=cap)  # type: ignore[arg-type]
    assert outcome.status is SolverStatus.OPTIMAL and outcome.solution is not None
    return outcome.solution


@pytest.mark.parametrize(
    ("layer", "words", "side", "energy", "cycles"),
    [
        (product(64, 64, 64), 2048, 16, 5439488, None),
        (product(36, 36, 36), 512, 8, 1653696, None),
        (product(100, 60, 84), 2048, 16, 9214080, 5557.5),
    ],
)
def test_known_optima(layer: Layer, words: int, side: int, energy: int, cycles: float | None) -> None:
    problem = lower(layer, two_levels(words, (side, side)), accounting="looptree")
    solution = solved(problem)
    assert solution.energy == energy
    if cycles is not None:
        assert solution.latency / problem.latency_unit <= cycles


TIMES = [("latency", 5302.5), ("edp", 50120078400)]


@pytest.mark.parametrize(("objective", "best"), slow_if(TIMES[1:], TIMES))
def test_known_optima_of_time(objective: str, best: float) -> None:
    problem = lower(product(100, 60, 84), two_levels(2048), accounting="looptree")
    solution = solved(problem, objective)
    cycles = Fraction(solution.latency, problem.latency_unit)
    assert (cycles if objective == "latency" else solution.energy * cycles) <= best


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


@pytest.mark.parametrize("objective", slow_if(["latency"], ["energy", "latency", "edp"]))
def test_a_menu_is_the_best_of_its_points(objective: str) -> None:
    points = menu()
    keys = {"energy": lambda e, t: (e, t), "latency": lambda e, t: (t, e), "edp": lambda e, t: (e * t, e)}
    costs = [(s.energy, s.latency) for s in (solved(point, objective) for point in points)]
    outcome = solve_sized(SizedProblem(tuple(points)), objective)  # type: ignore[arg-type]
    assert outcome.status is SolverStatus.OPTIMAL and outcome.solution is not None
    best = min(costs, key=lambda pair: keys[objective](*pair))
    assert (outcome.solution.energy, outcome.solution.latency) == best
    assert costs[outcome.point] == best


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
    problem = menu()[3]
    cheapest = solved(problem)
    fastest = solved(problem, "latency")
    assert solved(problem, "energy", fastest.latency).latency == fastest.latency
    assert solved(problem, "energy", cheapest.latency).energy == cheapest.energy
    assert solve_layer(problem, latency_cap=fastest.latency - 1).status is SolverStatus.INFEASIBLE


def test_no_mapping_fits() -> None:
    outcome = solve_layer(lower(product(8, 8, 8), two_levels(2)))
    assert outcome.status is SolverStatus.INFEASIBLE and outcome.solution is None


def test_a_hint_changes_no_optimum() -> None:
    problem = menu()[1]
    cheapest, fastest = solved(problem), solved(problem, "latency")
    outcome = solve_layer(problem, hint=fastest)
    assert outcome.solution is not None and outcome.bound == cheapest.energy
    assert (outcome.solution.energy, outcome.solution.latency) == (cheapest.energy, cheapest.latency)


def test_expression_of_a_solution() -> None:
    problem = menu()[1]
    solution = solved(problem, "edp")
    assert costs_of(problem, solution) == (solution.energy, solution.latency)
    assert expression_value(problem, solution, "edp") == solution.energy * solution.latency


def test_a_mapping_outside_of_the_space_is_refused() -> None:
    small, large = menu()[0], menu()[3]
    with pytest.raises(ValueError, match="declared space"):
        costs_of(small, solved(large))


def test_a_single_iteration() -> None:
    problem = lower(product(1, 1, 1), two_levels(8))
    assert solved(problem).latency >= 1


def test_time_limit_gives_a_bound_that_holds() -> None:
    layer = conv("layer", {"K": 64, "C": 64, "P": 56, "Q": 56, "R": 3, "S": 3})
    outcome = solve_layer(lower(layer, two_levels(65536)), time_limit_s=0.3)
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
    (product(1, 1, 2), chip(keeping(2, 6, "WI"), keeping(4, 1, "WIO")), Hoist(O, 2, 0), 1061),
    # O stays in the registers while K runs in the block of level 1, which keeps all of I while N runs outside of O
    (product(1, 2, 2), chip(keeping(2, 20, "I"), keeping(2, 6, "WI"), keeping(3, 1, "WIO")), Hoist(O, 3, 1), 1842),
    # I stays while N runs in DRAM's block: M, which W of the buffer profits from, runs inside of I
    (product(2, 2, 1), chip(keeping(1, 6, "W"), keeping(2, 1, "I")), Hoist(I, 2, 0), 1646),
    # W stays while P runs in DRAM's block: children one output apart share inputs, children two apart do not
    (
        conv("layer", {"P": 4, "R": 2}, bits={"W": 8, "I": 8, "O": 8}),
        chip(replace(keeping(1, 1, "W"), mesh=(2, 2)), mesh=(2, 2)),
        Hoist(W, 1, 0),
        2420,
    ),
    # W stays in the registers while P runs in DRAM's block: the input right below it slides along P, too
    (
        conv("layer", {"C": 2, "P": 6, "R": 2}, bits={"W": 8, "I": 8, "O": 8}),
        chip(keeping(12, 6, "IO"), keeping(10, 1, "WI"), mesh=(2, 1)),
        Hoist(W, 2, 0),
        5166,
    ),
]


@pytest.mark.parametrize(("layer", "hardware", "hoist", "energy"), HOISTED)
def test_a_hoisted_node_pays(layer: Layer, hardware: Hardware, hoist: Hoist, energy: int) -> None:
    solution = solved(lower(layer, hardware))
    assert (solution.hoist, solution.energy) == (hoist, energy)
    assert costs_of(lower(layer, hardware), solution) == (solution.energy, solution.latency)


def test_hoists_that_can_pay() -> None:
    small, large = keeping(4, 6, "WI"), keeping(4, 1, "WIO")
    assert hoists(lower(product(2, 2, 2), chip(small, large))) == (Hoist(O, 2, 0),)
    assert set(legal_hoists(lower(product(2, 2, 2), chip(small, large)))) == {
        Hoist(W, 1, 0),
        Hoist(W, 2, 1),
        Hoist(I, 1, 0),
        Hoist(O, 2, 1),
        Hoist(O, 2, 0),
    }
    assert hoists(lower(product(2, 2, 2), chip(keeping(None, 6, "WI"), large))) == ()
    layer = conv("layer", {"K": 2, "C": 2, "P": 4, "R": 3})
    assert hoists(lower(layer, chip(large, mesh=(2, 2)))) == ()
    below = replace(large, mesh=(2, 2))
    assert hoists(lower(layer, chip(below, mesh=(2, 2)))) == (Hoist(W, 1, 0), Hoist(O, 1, 0))
    assert hoists(lower(layer, chip(replace(below, mesh=(2, 1)), mesh=(2, 1)))) == ()


def loops_in(level: int, hoist: Hoist | None) -> LayerSolution:
    """The mapping of a layer with K = 2 on DRAM, a buffer of W and I, and registers, whose loop is in one block."""
    cuts = [(2,) if n <= level else (1,) for n in range(4)]
    orders = ((W, I, O), (W, I), (O, W, I))
    blocks = zip(orders, cuts[:-1], cuts[1:], strict=True)
    return LayerSolution(tuple(LevelTiling(o, top, bottom, top, (1,)) for o, top, bottom in blocks), 0, 0, hoist)


def test_hoists_of_given_mappings() -> None:
    problem = lower(product(1, 1, 2), chip(keeping(4, 6, "WI"), keeping(5, 1, "WIO")))
    inside, outside = costs_of(problem, loops_in(2, None)), costs_of(problem, loops_in(0, Hoist(O, 2, 0)))
    assert outside == inside < costs_of(problem, loops_in(0, None))
    for hoist in (Hoist(O, 2, 0), Hoist(O, 2, 1)):  # above no loops: the same as no hoist
        assert costs_of(problem, loops_in(2, hoist)) == inside
    with pytest.raises(ValueError, match="declared space"):  # cannot pay: left out
        costs_of(problem, loops_in(1, Hoist(O, 2, 1)))
    assert solve_layer(problem, hint=loops_in(1, Hoist(O, 2, 1))).status is SolverStatus.OPTIMAL
