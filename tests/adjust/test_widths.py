"""The best widths against enumeration; the program of widths and its bounds against brute force."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formulations.cp_sat import SolverStatus
from formulations.networks.width_bound import WidthRelaxation
from formulations.networks.widths import Pairing, Table, WidthProblem, WidthProgram
from formulations.stop import Stop, StoppedError
from optimizer.api import solve
from optimizer.architecture.reader import parse_architecture
from optimizer.architecture.selection import single_point
from optimizer.files.exact_yaml import load_exact
from optimizer.network_adjustment.bottlenecks import candidates_of, find_bottlenecks, ratio_of
from optimizer.network_adjustment.pricer import WidthPricer
from optimizer.network_adjustment.request import Tolerance, WidthChanges
from optimizer.network_adjustment.resolution import at_resolution, image_of
from optimizer.network_adjustment.search import best_of
from optimizer.network_adjustment.space import WidthSpace
from optimizer.network_adjustment.ties import find_ties, resized
from optimizer.problem.problem import Problem
from optimizer.problem.progress import Progress
from optimizer.search.box_evaluation import BoxEvaluation
from optimizer.search.branch_and_bound import Asked, Explorer
from optimizer.search.network_bounds import NetworkBounds
from optimizer.search.prepared_problem import prepare
from optimizer.store.store import Store
from tests.support.adjust_cases import SMALL_ARCH, build, width_count
from tests.support.profiles import examples
from tests.support.runs import adjust

LOOSE = Tolerance(Fraction(-1), Fraction(1))


def small(**changes: object):
    return parse_architecture(load_exact(SMALL_ARCH) | changes)


@st.composite
def problems(draw: st.DrawFn) -> tuple[WidthProblem, list[list[int]]]:
    """Random classes, axes of one or two classes, tables over one or two axes, with costs."""
    classes = draw(st.integers(1, 3))
    widths = [tuple(sorted(draw(st.sets(st.integers(1, 9), min_size=1, max_size=3)))) for _ in range(classes)]
    axes = [(c,) for c in range(classes)]
    axes += draw(st.lists(st.lists(st.integers(0, classes - 1), min_size=2, max_size=2).map(tuple), max_size=1))
    bare = WidthProblem(tuple(widths), tuple(axes), (), (0, 0), (0, 0))
    tables, costs = [], []
    for _ in range(draw(st.integers(1, 3))):
        over = tuple(draw(st.lists(st.integers(0, len(axes) - 1), min_size=1, max_size=2, unique=True)))
        size = len(bare.entries(over))
        numbers = st.lists(st.integers(0, 30), min_size=size, max_size=size)
        tables.append(Table(over, tuple(draw(numbers)), tuple(draw(numbers))))
        costs.append(draw(st.lists(st.integers(0, 10**9), min_size=size, max_size=size)))
    low = st.integers(0, 25)
    spans = [(first, first + draw(st.integers(0, 40))) for first in (draw(low), draw(low))]
    pairings = []
    if len(axes) > 1 and draw(st.booleans()):
        over = tuple(draw(st.lists(st.integers(0, len(axes) - 1), min_size=2, max_size=2, unique=True)))
        pairings = [Pairing(over, draw(st.frozensets(st.sampled_from(bare.entries(over)))))]
    return WidthProblem(tuple(widths), tuple(axes), tuple(tables), spans[0], spans[1], tuple(pairings)), costs


def choices(problem: WidthProblem, costs: list[list[int]]):
    """(cost, entries) of every choice of widths within both ranges, in pairs that are allowed."""
    for widths in itertools.product(*problem.widths):
        sums = [sum(widths[c] for c in axis) for axis in problem.axes]
        if any(tuple(sums[axis] for axis in pairing.axes) not in pairing.allowed for pairing in problem.pairings):
            continue
        entries = []
        for table in problem.tables:
            totals = tuple(sum(widths[c] for c in problem.axes[axis]) for axis in table.axes)
            entries.append(problem.entries(table.axes).index(totals))
        words, macs = (
            sum(row[n] for row, n in zip(rows, entries, strict=True))
            for rows in ([t.words for t in problem.tables], [t.macs for t in problem.tables])
        )
        inside = problem.words[0] <= words <= problem.words[1] and problem.macs[0] <= macs <= problem.macs[1]
        if inside:
            yield sum(row[n] for row, n in zip(costs, entries, strict=True)), tuple(entries)


@given(problems())
@settings(max_examples=examples(100))
def test_program_and_bound_against_enumeration(case) -> None:
    problem, costs = case
    program = WidthProgram(problem)
    every = list(choices(problem, costs))
    answer = program.least(costs, range(program.columns), Stop())
    bound = WidthRelaxation(program).bound(costs)
    if not every:
        assert answer.status is SolverStatus.INFEASIBLE
        return
    best = min(every)[0]
    assert answer.status is SolverStatus.OPTIMAL and answer.bound == best
    assert sum(row[n] for row, n in zip(costs, answer.entries, strict=True)) == best
    assert bound.bound <= best
    for cost, entries in every:
        for table, n in enumerate(entries):
            assert bound.bound + bound.tolls[program.read[table][n]] <= cost
    span = best - bound.bound
    assert program.least(costs, bound.within(span), Stop()).bound == best


BLOCKS = [["inverted"], ["plain", "strided"], ["joined"], ["residual", "plain"], ["inverted", "pooled"]]
HALF = Fraction(1, 2)
REQUESTS = [
    WidthChanges(2, HALF, 3 * HALF, LOOSE, Tolerance(-HALF / 2, Fraction(0))),
    WidthChanges(3, HALF / 2, Fraction(2), Tolerance(Fraction(-1, 10), Fraction(1, 5)), LOOSE),
    WidthChanges(2, HALF, Fraction(2), Tolerance(Fraction(1, 20), Fraction(1)), LOOSE),
]


SLOWLY = pytest.mark.slow
QUICK = [(0, "energy")]
SLOW = [
    pytest.param(number, objective, marks=SLOWLY)
    for number in range(len(BLOCKS))
    for objective in ("energy", "latency", "edp")
    if (number, objective) not in QUICK
]


@pytest.mark.parametrize(("number", "objective"), [*QUICK, *SLOW])
def test_best_widths_against_enumeration(number, objective, tmp_path) -> None:
    network = build(BLOCKS[number], [4, 6, 5][: width_count(BLOCKS[number])])
    request = REQUESTS[number % len(REQUESTS)]
    compare(network, request, small(), objective, tmp_path)


@pytest.mark.slow
def test_hardware_chosen_with_the_widths(tmp_path) -> None:
    found = compare(build(["inverted"], [4, 8]), REQUESTS[0], small(array={"x": [2, 4], "y": 3}), "latency", tmp_path)
    assert found.state.total == 2


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["latency", *(pytest.param(name, marks=SLOWLY) for name in ("energy", "edp"))])
def test_resolution_chosen_with_the_widths(objective, tmp_path) -> None:
    network = build(["inverted"], [4, 6], 6, pooled=True)
    images = ((4, 4), (6, 6), (5, 7), (9, 9))
    tolerance = Tolerance(-HALF / 2, HALF / 4)
    request = WidthChanges(2, HALF, 2 * HALF, LOOSE, tolerance, resolutions=images)
    found = compare(network, request, small(), objective, tmp_path)
    assert [entry.image for entry in found.sizes] == [(6, 6), (4, 4), (5, 7), (9, 9)]
    assert found.state.total == 4 and found.adjusted is not None
    assert image_of(found.adjusted) == best_of(found.sizes).image


@pytest.mark.slow
@pytest.mark.parametrize(
    ("blocks", "ratios", "freeze", "objective"),
    [
        pytest.param(["inverted"], ["3/2", "3"], [], "edp", marks=SLOWLY),  # not the ratio that it has
        (["inverted"], ["2", "5/4"], ["stem"], "energy"),
        pytest.param(["inverted", "plain", "inverted"], ["1", "3/2", "2"], ["b1.plain"], "latency", marks=SLOWLY),
        pytest.param(["inverted", "strided", "inverted"], ["1", "2"], [], "energy", marks=SLOWLY),
    ],
)
def test_ratios_chosen_with_the_widths(blocks, ratios, freeze, objective, tmp_path) -> None:
    network = build(blocks, [4, 8, 6, 12][: width_count(blocks)], 4, pooled=True)
    some = Tolerance(-HALF, Fraction(1, 4))
    request = WidthChanges(2, HALF, 3 * HALF, LOOSE, some, tuple(freeze), expansion=tuple(map(Fraction, ratios)))
    images = ((4, 4), (5, 5)) if objective == "edp" else ()
    compare(network, replace(request, resolutions=images), small(), objective, tmp_path)


@pytest.mark.slow
def test_resolutions_without_widths_and_with_little_time(tmp_path) -> None:
    network = build(["inverted"], [4, 8], 6, pooled=True)
    close = Tolerance(Fraction(-1, 100), Fraction(1, 100))
    request = WidthChanges(low=Fraction(1), high=Fraction(1), macs=close, resolutions=((12, 12), (6, 6)))
    found = adjust(network, small(), request, cache_dir=tmp_path)
    assert [entry.state.value is None for entry in found.sizes] == [False, True] and found.state.complete
    assert found.state.bound == found.state.value == found.sizes[0].state.value
    found = adjust(network, small(), replace(request, resolutions=((12, 12),)), cache_dir=tmp_path)
    assert found.state.complete and found.after is None
    stopped = adjust(network, small(), request, time_limit_s=0.0)
    assert not stopped.state.complete and stopped.state.best is None and stopped.state.bound == 0


def compare(network, request, architecture, objective, folder):
    """Adjust, and solve every adjusted network by itself: the least of all is the optimum."""
    ties = find_ties(network, request.freeze)
    words, macs = request.limits(network)
    networks = [at_resolution(network, image) for image in request.resolutions] or [network]
    best, allowed = None, 0
    pairs = find_bottlenecks(network, ties) if request.expansion else ()
    candidates = candidates_of(ties, pairs, request) if pairs else map(request.candidates, ties.classes)
    for one, widths in itertools.product(networks, itertools.product(*candidates)):
        if any(ratio_of(pair, widths) not in request.expansion for pair in pairs):
            continue
        other = resized(one, ties, widths)
        if words[0] <= other.parameters <= words[1] and macs[0] <= other.macs <= macs[1]:
            allowed += 1
            value = solve(other, architecture, objective=objective, cache_dir=folder).certificate.value
            best = value if best is None else min(best, value)
    found = adjust(network, architecture, request, objective=objective, cache_dir=folder)
    assert allowed > 1 and found.state.value == best == found.state.bound and found.state.complete
    assert found.adjusted is not None and found.after is not None and found.after.certificate.value == best
    assert words[0] <= found.adjusted.parameters <= words[1] and macs[0] <= found.adjusted.macs <= macs[1]
    return found


def test_no_widths() -> None:
    request = WidthChanges(parameters=Tolerance(Fraction(1, 1000), Fraction(1, 999)))
    found = adjust(build(["inverted"], [8, 8]), small(), request)
    assert found.state.complete and found.state.best is None and found.after is None


def test_nothing_to_choose(tmp_path) -> None:
    network = build(["inverted"], [8, 8])
    for request in (
        WidthChanges(low=Fraction(1), high=Fraction(1)),
        WidthChanges(freeze=("stem", "b0.inverted.expand")),
    ):
        found = adjust(network, small(), request, cache_dir=tmp_path)
        assert found.widths == find_ties(network).widths and found.state.complete
    tolerance = Tolerance(Fraction(1, 100), Fraction(1, 50))
    found = adjust(
        network, small(), WidthChanges(low=Fraction(1), high=Fraction(1), macs=tolerance), cache_dir=tmp_path
    )
    assert found.state.best is None and found.state.complete


@pytest.mark.slow
def test_progress_and_a_search_that_is_given_up(tmp_path) -> None:
    network = build(["inverted", "plain"], [8, 16, 8])
    seen: list[Progress] = []
    request = WidthChanges(multiple=1, low=Fraction(1, 2), high=Fraction(3, 2), parameters=LOOSE, macs=LOOSE)
    full = adjust(network, small(), request, progress=seen.append, cache_dir=tmp_path)
    assert len(seen) == full.sizes[0].effort.rounds > 1 and "layers priced" in seen[-1].message
    space = WidthSpace(network, find_ties(network), request)
    pricer = WidthPricer(space, "timeloop", Store(tmp_path), watch=lambda *news: pricer.stop.request())
    with pytest.raises(StoppedError):
        pricer.price(single_point(small()))
    assert (
        pricer.stopped_search is not None and pricer.stopped_search.price is not None and full.state.value is not None
    )
    assert pricer.stopped_search.bound <= full.state.value <= pricer.stopped_search.price.value
    stopped = adjust(network, small(), request, time_limit_s=0.0)
    assert not stopped.state.complete and stopped.state.best is None


@pytest.mark.slow
def test_a_search_given_up_without_a_design_keeps_its_bound(tmp_path) -> None:
    """Neither the network as it is nor what the first rounds look at is within the tolerances."""
    network = build(["inverted", "plain"], [8, 16, 8])
    more = Tolerance(Fraction(1, 10), Fraction(1, 5))
    request = WidthChanges(multiple=1, low=Fraction(1, 2), high=Fraction(3, 2), parameters=more, macs=more)
    full = adjust(network, small(), request, cache_dir=tmp_path)
    space = WidthSpace(network, find_ties(network), request)
    pricer = WidthPricer(space, "timeloop", Store(tmp_path), watch=lambda *news: pricer.stop.request())
    prepared = prepare(Problem(network, small()), cache_dir=tmp_path)
    part = NetworkBounds([pricer], prepared.goal, lambda hardware: (0, 0))
    stopped = Explorer([part], prepared.points, None).run()
    assert stopped.best is None and not stopped.complete and full.state.value is not None
    assert 0 < stopped.bound <= full.state.value

    def given_up_at_once(asked: Sequence[Asked]) -> list[BoxEvaluation | None]:
        raise StoppedError

    assert Explorer([part], prepared.points, None, evaluations=given_up_at_once).run().bound == 0
