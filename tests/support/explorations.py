"""Small random explorations: a grid of chips, layers, a goal; their optimum by enumeration; what must hold of them."""

from __future__ import annotations

import itertools
from fractions import Fraction
from functools import cache

from hypothesis import strategies as st

from optimizer.architecture.boxes import PointSet, point_set
from optimizer.architecture.fabric import RESOURCES, Caps, vector
from optimizer.architecture.hardware import Hardware, Level
from optimizer.pricing.layer_pricer import Pricer
from optimizer.pricing.lowering import lower
from optimizer.problem.goal import Goal
from optimizer.search.branch_and_bound import Explorer
from optimizer.search.exploration import Exploration
from optimizer.search.network_bounds import NetworkBounds
from optimizer.store.store import Store
from optimizer.studies.metrics import Range
from optimizer.workload.layer import Layer, conv, matmul
from tests.support.all_items import every_nest
from tests.support.profiles import in_depth

LAYERS = (
    matmul("a", {"M": 2, "N": 4, "K": 3}),
    matmul("b", {"M": 4, "N": 1, "K": 4}),
    conv("c", {"K": 2, "C": 2, "P": 4, "R": 2}),
)
FEWER = (
    matmul("a", {"M": 2, "N": 2, "K": 3}),
    matmul("b", {"M": 4, "N": 1, "K": 2}),
    conv("c", {"K": 2, "C": 1, "P": 2, "R": 2}),
)
DRAWN = LAYERS if in_depth() else FEWER
"""Layers of random explorations, of which all mappings are priced: quick runs take smaller ones."""


def chip(size_words: int, array: int, energy: int, bandwidth: int) -> Hardware:
    """A two-level chip; the buffer's energy per access is independent of its size here."""
    levels = (
        Level("DRAM", None, (1, 1), 16, 40, 40, 40, shared_bits_per_cycle=Fraction(16 * bandwidth)),
        Level(
            "GLB",
            16 * size_words,
            (1, 1),
            16,
            energy,
            energy,
            energy,
            leak_energy=1,
            read_bits_per_cycle=Fraction(32),
            must_keep=frozenset("WIO"),
        ),
    )
    choices = (("array.x", array), ("GLB.size", (size_words, energy)), ("DRAM.bandwidth", bandwidth))
    area = 100 * size_words + 1000 * array
    blocks = -(-size_words // 4)
    resources = vector({"dsp": array, "bram18": blocks, "lut": 30 * array + size_words, "ff": 8 * bandwidth})
    return Hardware(
        levels, (array, 1), 1, energy_unit_pj=Fraction(1), area_um2=area, choices=choices, resources=resources
    )


def grid(draw: st.DrawFn) -> PointSet:
    """A small grid of chips, some of which constraints may leave out: buffers grow dearer per access as they grow."""
    sizes = sorted(draw(st.sets(st.integers(4, 14), min_size=1, max_size=3)))
    energies = sorted(draw(st.lists(st.integers(1, 9), min_size=len(sizes), max_size=len(sizes))))
    arrays = sorted(draw(st.sets(st.sampled_from([1, 2, 4]), min_size=1, max_size=2)))
    bandwidths = sorted(draw(st.sets(st.sampled_from([1, 2, 8]), min_size=1, max_size=2)))
    options = itertools.product(arrays, zip(sizes, energies, strict=True), bandwidths)
    chips = [chip(words, array, energy, b) for array, (words, energy), b in options]
    barred = draw(st.just(frozenset()) | st.frozensets(st.sampled_from(chips), max_size=len(chips) - 1))
    return point_set(chips, (lambda point: point not in barred) if barred else None)


@cache
def pareto(layer: Layer, hardware: Hardware) -> list[tuple[int, int]]:
    """All undominated (energy, cycles) of a layer, by enumeration of all nests."""
    nests = every_nest(lower(layer, hardware), 1 << 20)
    assert nests is not None
    found = {(nest.energy, nest.latency) for nest in nests}
    front: list[tuple[int, int]] = []
    for energy, latency in sorted(found):
        if not front or latency < front[-1][1]:
            front.append((energy, latency))
    return front


def brute_force(
    layers: list[tuple[Layer, int]], points: PointSet, goal: Goal, area_cap: int | None, limits: Caps = ()
) -> Fraction | None:
    """Best objective over all points and all combinations of Pareto-optimal mappings."""
    best: Fraction | None = None
    for point in points.points.values():
        if area_cap is not None and point.area_um2 > area_cap:
            continue
        if any(limit is not None and use > limit for use, limit in zip(point.resources, limits, strict=False)):
            continue
        fronts = [[(n * e, n * t) for e, t in pareto(layer, point)] for layer, n in layers]
        for choice in itertools.product(*fronts):
            energy, latency = sum(e for e, _ in choice), sum(t for _, t in choice)
            if goal.allows(energy, latency):
                value = goal.value(energy, latency)
                best = value if best is None else min(best, value)
    return best


def explore(
    layers: list[tuple[Layer, int]], points: PointSet, goal: Goal, area_cap: int | None, limits: Caps = ()
) -> Exploration:
    store = Store()
    pricers = [Pricer(layer, count, "timeloop", {}, store) for layer, count in layers]
    return Explorer([NetworkBounds(pricers, goal, lambda hardware: (0, 0))], points, area_cap, limits=limits).run()


Problem = tuple[list[tuple[Layer, int]], PointSet, Goal, int | None, Caps]
StudyCase = tuple[list[tuple[Layer, int]], PointSet, Goal, list[Range]]


def some_layers(draw: st.DrawFn) -> list[tuple[Layer, int]]:
    """One or two different layers, with how often each runs."""
    chosen = draw(st.lists(st.sampled_from(DRAWN), min_size=1, max_size=2, unique=True))
    return [(layer, draw(st.integers(1, 3))) for layer in chosen]


def check(problem: Problem) -> None:
    layers, points, goal, area_cap, limits = problem
    state = explore(layers, points, goal, area_cap, limits)
    assert state.complete
    assert state.value == brute_force(layers, points, goal, area_cap, limits)
    for entry in state.closed:
        if entry.by in RESOURCES:
            kind = RESOURCES.index(entry.by)
            assert all(point.resources[kind] > limits[kind] for point in points.inside(entry.box))
    if state.value is not None:
        assert state.bound <= state.value
        assert state.bound >= state.value * Fraction(999, 1000)
    held = [index for entry in state.closed for index, _ in points.indexed(entry.box)]
    assert sorted(held) == sorted(points.points)
    assert sum(entry.points for entry in state.closed) == state.total == len(held)
