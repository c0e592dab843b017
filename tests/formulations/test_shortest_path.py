"""The shortest path over all nests: against every nest, an annealer; every rule switched off."""

from __future__ import annotations

import copy
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from formulations.engines import PathEngine
from formulations.merging import Merged
from formulations.nest import FanOutItem, LoopItem, Nest, NodeItem
from formulations.nest_check import is_nest_of
from formulations.problem import INFINITE, LayerProblem
from formulations.shortest_path import board, bounds, crossing, frontier, region_steps, region_tables, twins
from formulations.shortest_path import labels as k
from formulations.shortest_path import solve as path
from formulations.shortest_path.compulsory import compulsory_energy
from formulations.shortest_path.crossing import Crossing
from formulations.shortest_path.frontier import Frontier
from formulations.shortest_path.goal import Goal
from formulations.shortest_path.kernels.crossing import Quick
from formulations.shortest_path.kernels.dominance import TIMED, UNTIMED
from formulations.shortest_path.kernels.goal import Aim
from formulations.shortest_path.search import Search
from formulations.shortest_path.solve import StoppedPathError, first_nest, ground_of, root_of, solve
from formulations.shortest_path.solve import machines_of as machines_of_problem
from formulations.shortest_path.tables import Floats, Ints, Lattice, lattice_of, machine_of
from formulations.stop import Stop, StoppedError
from optimizer.architecture.reader import load_architecture, parse_architecture
from optimizer.errors import SpecError
from optimizer.golden.legality import structural
from optimizer.mapping.legality import check_mapping
from optimizer.pricing.lowering import lift, lower
from optimizer.workload.layer import Layer, conv, matmul
from tests.adversary.duel import Effort, Instance, best_found
from tests.adversary.every_nest import least_energy
from tests.support.choices import slow_if
from tests.support.nest_cases import Case, cycles_of, placed

CHAIN = {
    "name": "chain",
    "technology": "generic45",
    "clock_mhz": 1000,
    "word_bits": 16,
    "mac": {"energy": 1, "area_um2": 10},
    "array": {"x": 1, "y": 1},
    "levels": [
        {"name": "DRAM", "access_bits": 16, "energy": {"access": 100}},
        {"name": "A", "access_bits": 16, "area_um2": 1, "energy": {"access": 1}, "size": "16 words"},
        {"name": "B", "access_bits": 16, "area_um2": 1, "energy": {"access": 2}, "size": "64 words"},
    ],
}
FAST, SLOW = 4, 24
OBJECTIVES = ("energy", "latency", "weighted", "edp")
NUMBERS = [pytest.param(n, marks=[] if n < FAST else pytest.mark.slow) for n in range(SLOW)]


@pytest.mark.parametrize("number", slow_if([0, *range(FAST, SLOW)], range(SLOW)))
def test_it_is_the_best_of_every_nest(number: int) -> None:
    case = Case(number)
    found, best = solve(case.problem).nest, least_energy(case.layer, case.problem)
    assert (found is None) == (best is None)
    if found is not None and best is not None:
        case.checks(found)
        assert found.energy == best.energy
        assert case.legal(best.mapping)


@pytest.mark.parametrize("number", NUMBERS)
def test_optima_cost_what_the_cost_model_says(number: int) -> None:
    """Leakage and ports count; no optimum has a smaller value of another one's objective."""
    case = Case(number, leaks=True)
    goals = [Goal(objective, weight=3) for objective in OBJECTIVES]
    nests = [solve(case.problem, goal.kind, weight=3).nest for goal in goals]
    found = [nest for nest in nests if nest is not None]
    assert len(found) in (0, len(goals))
    for nest in found:
        case.checks(nest)
    for goal, best in zip(goals, found, strict=False):
        values = [goal.value(nest.energy, cycles_of(case.problem, nest)) for nest in found]
        assert goal.value(best.energy, cycles_of(case.problem, best)) == min(values)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(SLOW))
def test_an_annealer_over_all_nests_does_not_beat_it(number: int) -> None:
    case = Case(number, 11, leaks=True)
    for objective in ("energy", "latency", "edp"):
        found = solve(case.problem, objective).nest
        asked = Instance(case.instance.name, case.instance.layer, case.instance.machine, objective, {}, number)
        effort = Effort(steps=5000, restarts=2)
        met = best_found(case.layer, case.hardware, case.accounting, asked, {}, effort)
        if met is not None:
            assert found is not None
            cycles = -(-found.latency // case.problem.latency_unit)
            assert met.value >= Goal(objective).value(found.energy, cycles)


@pytest.mark.parametrize("number", NUMBERS)
def test_bounds_along_the_best_nest_are_below_its_energy(number: int) -> None:
    case = Case(number, 6)
    ground = ground_of(case.problem)
    tested = Search(ground, Unlimited("energy"), 1.0)
    while tested.step(512):
        pass
    rows = tested.frontier.rows
    if tested.best is None:
        return
    most, number, left = tested.best.energy * (1 + 1e-12), tested.last, True
    while number >= 0:
        row = rows[[number]]
        region, paid = int(row[0, k.IN]), float(row[0, k.HI]) * k.BASE + float(row[0, k.LO])
        drains = float(row[0, k.DRAIN]) * ground.machine.rates[row[0, k.LAST + 2], 0]
        assert paid + drains + bounds.ahead(ground.charts, row, region)[0] <= most
        if left:
            assert paid + drains + bounds.leaving(ground.charts, row, region)[0] <= most
        left, number = row[0, k.MOVE] == k.CROSS, int(row[0, k.FROM])


class Unlimited(Goal):
    """Bounds close nothing."""

    @property
    def aim(self) -> Aim:
        return super().aim._replace(best=np.inf)


WITHIN = Crossing.within


def everything(table: Crossing, rows: Ints, limits: Floats, slack: float) -> tuple[Ints, Ints, Ints, Floats]:
    """No vector is sifted out."""
    of, vectors, y, rest = WITHIN(table, rows, np.full(len(limits), np.inf), np.inf)
    return of, vectors, y, np.zeros(len(rest))


def never_out(chart: bounds.Chart) -> Quick:
    """No vector is left out before its sums are made."""
    shape = len(chart.values), crossing.KINDS
    return Quick(np.full(shape, -np.inf), np.zeros(shape))


def every_dim(t: Lattice) -> list[int]:
    """Rule R2 switched off, in the tables."""
    return list(range(len(t.lacks)))


def unmerged(problem: LayerProblem) -> Merged:
    """Like dims stay apart."""
    return Merged(problem, tuple((d,) for d in range(len(problem.extents))), problem)


@pytest.mark.parametrize("number", NUMBERS)
def test_rules_lose_nothing(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(number, 5)
    right = solve(case.problem).nest
    for rule in ("R1", "R2", "R3", "R5", "R6", "like dims", "forget", "tied", "needed", "quick", "sift", "first"):
        with monkeypatch.context() as patched:
            if rule == "R1":
                patched.setattr(board, "ABOVE", False)
            elif rule == "R2":
                patched.setattr(board, "BEFORE", False)
                patched.setattr(region_steps, "bare_dims", every_dim)
            elif rule == "R3":
                patched.setattr(board, "PRIME", False)
            elif rule == "R5":
                patched.setattr(frontier, "DOMINANCE", False)
            elif rule == "R6":
                patched.setattr(twins, "SYMMETRY", False)
            elif rule == "like dims":
                patched.setattr(path, "merge", unmerged)
            elif rule == "forget":
                patched.setattr(board, "FORGETS", False)
            elif rule == "tied":
                patched.setattr(Goal, "timing", lambda goal, m: TIMED)
            elif rule == "needed":
                patched.setattr(region_tables, "needed", lambda t, *_: np.ones(t.size, bool))
            elif rule == "first":
                patched.setattr(path, "SMALL", 0)
            elif rule == "quick":
                patched.setattr(crossing, "quick_of", never_out)
            else:
                patched.setattr(Crossing, "within", everything)
            found = solve(case.problem).nest
        costs = [nest and (nest.energy, nest.latency) for nest in (found, right)]
        assert costs[0] == costs[1], rule


@pytest.mark.parametrize("size", [4, 6])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_nest_and_its_swap_cost_the_same(size: int, objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = conv("square", {"K": 2, "C": 2, "P": size, "Q": size, "R": 2, "S": 2})
    data = copy.deepcopy(CHAIN) | {"array": {"x": 4, "y": 1}}
    problem = lower(layer, next(parse_architecture(data, file="chain.yaml").points()))
    assert twins.Twins(problem, lattice_of(problem), machine_of(problem)).untouched[-1]
    values = []
    for symmetry in (True, False):
        monkeypatch.setattr(twins, "SYMMETRY", symmetry)
        nest = solve(problem, objective, weight=3).nest
        assert nest is not None
        values.append((nest.energy, nest.latency))
    assert values[0] == values[1]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_first_nest_is_a_nest_with_its_costs(number: int) -> None:
    case = Case(number, leaks=number % 2 == 0)
    for objective in OBJECTIVES[:2]:
        found, best = first_nest(case.problem, objective, Stop()), solve(case.problem, objective).nest
        if found is not None:
            case.checks(found)
            goal = Goal(objective)
            assert best is not None
            values = [goal.value(nest.energy, cycles_of(case.problem, nest)) for nest in (best, found)]
            assert values[0] <= values[1]


@pytest.mark.parametrize("number", NUMBERS)
def test_what_any_nest_costs_at_least(number: int) -> None:
    case = Case(number, 7)
    for problem in machines_of_problem(case.problem):
        goal = Goal("energy")
        path._run(Search(ground_of(problem), goal, 1.0), Stop())
        assert goal.best is None or compulsory_energy(problem) <= goal.best * (1 + 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_nests_as_fast_as_any_may_be_are_those_of_a_search_by_latency(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(number, leaks=number % 2 == 0)
    limits = [(None, None)]
    asked = [path.solve(case.problem, "latency").nest]
    if asked[0] is not None:
        cycles = cycles_of(case.problem, asked[0])
        limits += [(cycles, None), (cycles - 1, None), (None, cycles), (None, cycles + 1)]
        asked += [path.solve(case.problem, "latency", cap=cap, below=below).nest for cap, below in limits[1:]]
    monkeypatch.setattr(path, "_fastest", lambda *_: path.PathOptimum(None, 0, 0))
    plain = [path.solve(case.problem, "latency", cap=cap, below=below).nest for cap, below in limits]
    assert [nest and (nest.energy, nest.latency) for nest in asked] == [
        nest and (nest.energy, nest.latency) for nest in plain
    ]


@pytest.mark.parametrize("number", NUMBERS)
def test_limits_are_kept(number: int) -> None:
    """The optimum under its own value as a limit, and just below it."""
    case = Case(number, 6, leaks=True)
    best, unit = solve(case.problem).nest, case.problem.latency_unit
    if best is None:
        assert solve(case.problem, "latency").nest is None
        return
    cycles = -(-best.latency // unit)
    again = solve(case.problem, below=best.energy + 1).nest
    assert again is not None and (again.energy, again.latency) == (best.energy, best.latency)
    assert solve(case.problem, below=best.energy).nest is None
    capped = solve(case.problem, cap=cycles).nest
    assert capped is not None and capped.energy == best.energy
    fast = solve(case.problem, "latency").nest
    assert fast is not None
    least = -(-fast.latency // unit)
    assert solve(case.problem, cap=least - 1).nest is None
    at_least = solve(case.problem, cap=least).nest
    assert at_least is not None and (at_least.energy, at_least.latency) == (fast.energy, fast.latency)
    assert (least, fast.energy) <= (cycles, best.energy) or least < cycles


def test_levels_without_a_fan_out_between_have_no_order() -> None:
    """A node of an outer level may follow loops that have moved the tile of an inner one."""
    architecture = parse_architecture(CHAIN)
    hardware = next(iter(architecture.points()))
    layer = matmul("m", {"M": 4, "N": 8, "K": 4})
    problem = lower(layer, hardware)
    for objective in OBJECTIVES[:2]:
        found = solve(problem, objective).nest
        assert found is not None and is_nest_of(problem, found)
        check_mapping(placed(lift(layer, problem, found)), layer, hardware)
    inner, outer = NodeItem(1, 2), NodeItem(2, 1)
    tops = tuple(NodeItem(tensor, 0) for tensor in range(3))
    moved = Nest((*tops, inner, LoopItem(0, 4), outer, LoopItem(1, 8), LoopItem(2, 4)), 1, 1)
    assert problem.irrelevant_to[0] != 1 and is_nest_of(problem, moved)
    check_mapping(placed(lift(layer, problem, moved)), layer, hardware)


@pytest.mark.parametrize("factors", [(2, 1, 1), (1, 1, 1)])
def test_a_fan_out_in_use_keeps_the_order_of_levels(factors: tuple[int, int, int]) -> None:
    hardware = next(iter(parse_architecture({**CHAIN, "array": {"x": 2, "y": 1, "below": "A"}}).points()))
    layer = matmul("m", {"M": 4, "N": 8, "K": 4})
    problem = lower(layer, hardware)
    tops = tuple(NodeItem(tensor, 0) for tensor in range(3))
    loops = [LoopItem(d, extent // factors[d]) for d, extent in enumerate(problem.extents)]
    nest = Nest((*tops, NodeItem(1, 2), loops[0], NodeItem(2, 1), FanOutItem(1, factors), *loops[1:]), 1, 1)
    assert is_nest_of(problem, nest) is (factors == (1, 1, 1))
    mapping = lift(layer, problem, nest)
    assert bool(structural(layer, hardware, mapping)) is (factors != (1, 1, 1))
    if factors == (1, 1, 1):
        check_mapping(placed(mapping), layer, hardware)
    else:
        with pytest.raises(SpecError, match="the loop over"):
            check_mapping(placed(mapping), layer, hardware)


def test_no_loop_is_inside_of_the_innermost_fan_out() -> None:
    hardware = next(iter(parse_architecture({**CHAIN, "array": {"x": 2, "y": 1, "below": "B"}}).points()))
    problem = lower(matmul("m", {"M": 4, "N": 8, "K": 4}), hardware)
    tops = tuple(NodeItem(tensor, 0) for tensor in range(3))
    fan, loops = FanOutItem(2, (2, 1, 1)), [LoopItem(0, 2), LoopItem(1, 8), LoopItem(2, 4)]
    assert is_nest_of(problem, Nest((*tops, *loops, fan), 1, 1))
    for inside in range(3):
        assert not is_nest_of(problem, Nest((*tops, *loops[:inside], fan, *loops[inside:]), 1, 1))


def test_more_room_is_never_worse() -> None:
    for number in range(FAST):
        case = Case(number, 6)
        found = solve(case.problem).nest
        levels = [
            level if level.capacity_bits is None else level.__class__(**{**vars(level), "capacity_bits": None})
            for level in case.problem.levels
        ]
        roomy = solve(case.problem.__class__(**{**vars(case.problem), "levels": tuple(levels)})).nest
        if found is not None:
            assert roomy is not None and roomy.energy <= found.energy


def test_energies_beyond_64_bits_are_exact() -> None:
    """Energies with many digits: a thousand times the digits of a small problem give a thousand times its energy."""
    case = Case(3)
    found = solve(case.problem).nest
    assert found is not None
    factor = 10**12 + 39
    levels = tuple(
        level.__class__(
            **{
                **vars(level),
                **{
                    name: getattr(level, name) * factor
                    for name in ("read_energy", "fill_energy", "update_energy", "leak_energy")
                },
            }
        )
        for level in case.problem.levels
    )
    dear = case.problem.__class__(
        **{**vars(case.problem), "levels": levels, "step_energy": case.problem.step_energy * factor}
    )
    again = solve(dear).nest
    assert again is not None and again.energy == found.energy * factor


def test_products_of_language_models_are_exact_and_what_is_too_large_is_refused() -> None:
    """The least energy of a product of 3e13 steps is at least that of a thousandth of it, a thousand times."""
    hardware = next(iter(load_architecture("eyeriss").points()))
    large = solve(lower(matmul("m", {"M": 131072, "N": 28672, "K": 8192}), hardware)).nest
    small = solve(lower(matmul("m", {"M": 128, "N": 28672, "K": 8192}), hardware)).nest
    assert large is not None and small is not None
    assert 900 * small.energy < large.energy <= 1024 * small.energy
    for extent in (2**20, 2**31):
        with pytest.raises(OverflowError, match="the shortest path needs less than"):
            solve(lower(matmul("m", {"M": extent, "N": extent, "K": extent}), hardware))


def test_a_stopped_search_ends() -> None:
    layer: Layer = matmul("large", {"M": 2**12, "N": 2**12, "K": 2**12})
    case = Case(1)
    problem = lower(layer, case.hardware, accounting=case.accounting)
    stop = Stop()
    stop.request()
    with pytest.raises(StoppedError):
        solve(problem, stop=stop)


def test_a_stopped_search_tells_a_bound() -> None:
    """Stopped after every number of checks, the bound is below the optimum, and a nest so far is not better."""
    case = Case(1, 6)
    for objective in OBJECTIVES:
        goal, unit = Goal(objective, weight=2), case.problem.latency_unit
        best = solve(case.problem, objective, weight=2).nest
        assert best is not None
        least = goal.value(best.energy, -(-best.latency // unit))
        for checks in (0, 2, 5, 9, 14):
            try:
                solve(case.problem, objective, weight=2, stop=Later(checks))
            except StoppedPathError as stopped:
                at = stopped.outcome
                assert at.bound is not None and 0 < at.bound <= least
                if at.nest is not None:
                    assert goal.value(at.nest.energy, -(-at.nest.latency // unit)) >= least
            else:
                assert checks > 0


@pytest.mark.parametrize("number", [n if n == 0 else pytest.param(n, marks=pytest.mark.slow) for n in range(SLOW)])
def test_floors_of_like_hardware_change_nothing(number: int) -> None:
    """One engine on many points finds what a search without floors finds; its floors are below every energy."""
    case, engine, random = Case(number, 6, leaks=True), PathEngine(), Random(number)
    for _ in range(4):
        levels = tuple(
            replace(
                level,
                capacity_bits=level.capacity_bits and level.capacity_bits * random.choice((1, 2, 4)),
                read_energy=level.read_energy * random.choice((1, 2, 3)),
                fill_energy=level.fill_energy * random.choice((1, 2)),
            )
            for level in case.problem.levels
        )
        problem = replace(case.problem, levels=levels)
        for objective in ("energy", "latency"):
            found, right = engine.solve(problem, objective), solve(problem, objective).nest
            assert (found and (found.energy, found.latency)) == (right and (right.energy, right.latency))
        for without in machines_of_problem(problem):
            best = solve(without).nest
            assert best is None or root_of(without) <= best.energy


class Later(Stop):
    """A request after so many checks."""

    def __init__(self, checks: int) -> None:
        super().__init__()
        self._left = checks

    def check(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise StoppedError


def test_a_nest_to_beat_counts_with_its_time() -> None:
    for number in range(FAST):
        case = Case(number, 6)
        path = PathEngine().solve(case.problem)
        if path is None:
            continue
        for cutoff, there in (((path.energy, 0), False), ((path.energy, path.latency + 1), True)):
            assert (PathEngine().solve(case.problem, cutoff=cutoff) is not None) is there
        assert PathEngine().solve(case.problem, latency_cap=INFINITE) == path


def test_frontiers_keep_one_of_equal_labels() -> None:
    ground = ground_of(Case(2).problem)
    tested = Search(ground, Goal("energy"), 1.0)
    start = tested.frontier.rows[np.zeros(3, np.int64)]
    kept_once = Frontier(ground.machine, ground.lattice.size, UNTIMED, tested.rules)
    numbers, kept = kept_once.insert(start, np.arange(3))
    assert len(numbers) == len(kept) == 1
    assert len(kept_once.insert(start, np.arange(3))[0]) == 0
