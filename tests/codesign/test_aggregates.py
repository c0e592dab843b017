"""Aggregates of several networks, and the exploration under them, against plain arithmetic and enumeration."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.architecture.boxes import PointSet, point_set
from optimizer.errors import SpecError
from optimizer.pricing.layer_pricer import Pricer
from optimizer.problem.aggregate import KINDS, Aggregate
from optimizer.problem.goal import Goal
from optimizer.search.branch_and_bound import Explorer
from optimizer.search.network_bounds import NetworkBounds
from optimizer.store.store import Store
from optimizer.workload.layer import Layer
from tests.support.explorations import brute_force, grid, some_layers
from tests.support.profiles import examples

positive = st.fractions(min_value=Fraction(1, 1000), max_value=10**6, max_denominator=1000)


@given(st.data(), st.sampled_from(KINDS), st.integers(1, 4))
def test_a_value_within_its_limit_may_reach_the_best(data: st.DataObject, kind: str, count: int) -> None:
    weights = st.fractions(Fraction(1, 4), 4, max_denominator=4)
    aggregate = Aggregate(kind, tuple(data.draw(weights) for _ in range(count)))
    values = [data.draw(positive) for _ in range(count)]
    best = data.draw(positive)
    number = data.draw(st.integers(0, count - 1))
    limit = aggregate.limit(number, values, best)
    assert limit is not None

    def reached(value: Fraction) -> Fraction:
        return aggregate.value([*values[:number], value, *values[number + 1 :]])

    assert reached(limit * Fraction(1000001, 1000000) + Fraction(1, 10**9)) > best or limit < 0
    if reached(values[number]) <= best:
        assert values[number] <= limit, "nothing that reaches the best may be cut off"


def test_geometric_means_of_near_ties_are_told_apart() -> None:
    huge = 10**40
    mean = Aggregate("geomean", (Fraction(1), Fraction(1)))
    one, other = [Fraction(huge), Fraction(huge)], [Fraction(huge - 1), Fraction(huge + 1)]
    assert mean.value(other) < mean.value(one), "their logarithms agree to 80 digits"
    assert float(mean.mean(mean.value(one))) == float(mean.mean(mean.value(other)))
    weighted = Aggregate("geomean", (Fraction(1, 2), Fraction(3, 4)))
    assert weighted.powers == (2, 3)


@pytest.mark.parametrize(("kind", "weights"), [("mean", (1,)), ("max", (0,)), ("geomean", (1, -1))])
def test_bad_aggregates(kind: str, weights: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match=r"aggregate|weight"):
        Aggregate(kind, tuple(map(Fraction, weights)))


Networks = list[tuple[list[tuple[Layer, int]], Goal]]


@st.composite
def problems(draw: st.DrawFn) -> tuple[Networks, Aggregate, PointSet, int | None]:
    networks: Networks = []
    objective = draw(st.sampled_from(["energy", "latency", "edp"]))
    for _ in range(draw(st.integers(2, 3))):
        layers = some_layers(draw)
        goal = Goal(objective, latency_cap=draw(st.just(Goal("edp").latency_cap) | st.integers(20, 200)))
        networks.append((layers, goal))
    weights = tuple(draw(st.fractions(Fraction(1, 3), 3, max_denominator=3)) for _ in networks)
    aggregate = Aggregate(draw(st.sampled_from(KINDS)), weights)
    return networks, aggregate, grid(draw), draw(st.none() | st.integers(1500, 6000))


@settings(max_examples=examples(60, dev=1))
@given(problems())
def test_joint_optimum_is_that_of_enumeration(problem: tuple[Networks, Aggregate, PointSet, int | None]) -> None:
    networks, aggregate, points, area_cap = problem
    expected: Fraction | None = None
    for point in points.points.values():
        alone = [brute_force(layers, point_set([point]), goal, area_cap) for layers, goal in networks]
        values = [value for value in alone if value is not None]
        if len(values) == len(alone):
            joint = aggregate.value(values)
            expected = joint if expected is None else min(expected, joint)
    store = Store()
    parts = [
        NetworkBounds([Pricer(layer, n, "timeloop", {}, store) for layer, n in layers], goal, lambda hardware: (0, 0))
        for layers, goal in networks
    ]
    state = Explorer(parts, points, area_cap, aggregate).run()
    assert state.complete and state.value == expected
    assert state.bound == (expected or 0)
    for entry in state.closed:
        assert not entry.bounds or len(entry.bounds) == len(networks)
        assert entry.by != "solved" or aggregate.value(entry.bounds) == entry.bound
