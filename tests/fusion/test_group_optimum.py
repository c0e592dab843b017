"""Fused groups against an independent walk, every option priced, and every partition of a network."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import networkx as nx
import pytest
from hypothesis import assume, given, settings

from formulations.networks.cover import Candidate, Cover
from optimizer.architecture.hardware import Hardware, Level
from optimizer.fusion.groups import FusionGroup, groups
from optimizer.fusion.network_pricer import NetworkPricer
from optimizer.fusion.plan import Frame, RunChoice
from optimizer.fusion.tilings import Along, Cut, GroupTiling, TileSteps, cuts
from optimizer.golden.group_claim import FusedClaim
from optimizer.golden.group_walk import walk_fused
from optimizer.problem.goal import INFEASIBLE_COST, Aim
from optimizer.workload.layer import Layer, VectorLayer, conv, matmul
from optimizer.workload.network import Network
from optimizer.workload.views import IDENTITY, IDENTITY_WINDOW, Grid, Window
from tests.support.fusion_cases import Case, cases, claim_by, network_pricer, networks
from tests.support.group_checks import (
    AIMS,
    MOST_OPTIONS,
    SEEDS,
    check_best,
    check_some_plans,
    every_plan,
    in_sequence,
    partitions,
    small_enough,
    values_of_groups,
)
from tests.support.profiles import RELAXED, examples


def plain_hardware(bits: int | None = None) -> Hardware:
    """A buffer next to the outermost level, of so many bits."""
    return Hardware((Level("DRAM", None, (1, 1), 8, 100, 0, 100), Level("GLB", bits, (1, 1), 8, 6, 6, 6)), (1, 1), 1)


# --- Plans against the walk ---------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=examples(60, dev=5), suppress_health_check=RELAXED)
@given(cases() | cases(sizes=(2, 3), largest=4, chain=True, wide=True), SEEDS)
def test_plans_are_what_the_walk_counts(case: Case, seed: int) -> None:
    assume(check_some_plans(case, seed))


@pytest.mark.slow
@settings(max_examples=examples(300), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 7)) | cases(sizes=(2, 4), largest=4, chain=True, wide=True), SEEDS)
def test_plans_are_what_the_walk_counts_often(case: Case, seed: int) -> None:
    assume(check_some_plans(case, seed))


def some_frame(group: FusionGroup, rng: random.Random) -> tuple[Frame, RunChoice]:
    """A random cut and choice; one with strips or slices, if a few cuts have any."""
    along, chosen = Along(group), list(cuts(group))
    rng.shuffle(chosen)
    frames = [Frame(GroupTiling(along, cut)) for cut in chosen[:12]]
    striped = [(frame, choice) for frame in frames for choice in frame.choices() if choice.strips or choice.slices]
    if striped and rng.random() < 0.7:
        return rng.choice(striped)
    frame = rng.choice(frames)
    return frame, rng.choice(list(frame.choices()))


def check_reserved(network: Network, seed: int) -> None:
    """What is reserved suffices, whether or not the group fits anywhere."""
    rng = random.Random(seed)
    found = list(groups(network, 8))
    if not found:
        return
    frame, choice = some_frame(rng.choice(found), rng)
    claim = claim_by(frame.group.members, frame.tiling.cut, choice, {})
    walked = walk_fused(network, plain_hardware(), claim, accounting="timeloop")
    assert walked.sound
    assert [fault for fault in walked.violations if "no mapping is given" not in fault] == []
    for name, bits in zip(frame.group.members, frame.reserved_bits(choice), strict=True):
        assert walked.held_bits[name] <= bits, name
    for name, positions in walked.computed.items():
        tensor = frame.tiling.tensors[name]
        assert positions * tensor.words == tensor.moved


@settings(max_examples=examples(300, dev=30), suppress_health_check=RELAXED)
@given(networks((2, 6)) | networks((2, 4), chain=True, wide=True), SEEDS)
def test_reserved_bits_suffice(network: Network, seed: int) -> None:
    check_reserved(network, seed)


@pytest.mark.slow
@settings(max_examples=examples(2000), suppress_health_check=RELAXED)
@given(networks((2, 7)) | networks((2, 5), chain=True, wide=True), SEEDS)
def test_reserved_bits_suffice_often(network: Network, seed: int) -> None:
    check_reserved(network, seed)


# --- Searches against all options and all partitions --------------------------------------------------------


def subsets(names: list[str]) -> Iterator[frozenset[str]]:
    """Every subset."""
    for count in range(len(names) + 1):
        yield from map(frozenset, itertools.combinations(names, count))


def check_choices(case: Case) -> None:
    """What no choice keeps in the buffer is of no use there."""
    pricers = network_pricer(case)._groups
    assume(pricers and small_enough(pricers, case.hardware, MOST_OPTIONS // 4))
    for pricer, aim in itertools.product(pricers, AIMS):
        least = pricer.best(case.hardware, aim).bound
        for frame in pricer._frames:
            weights = [layer.name for layer in frame.layers if "W" not in frame.sources[layer.name]]
            parts = {(choice.strips, choice.slices) for choice in frame.choices()}
            outside = list(pricer.group.outside)
            for resident, held, part in itertools.product(subsets(weights), subsets(outside), parts):
                option = pricer._option(frame, RunChoice(resident, held, *part), case.hardware, aim)
                plan = option and pricer._price(option, case.hardware, aim, INFEASIBLE_COST)
                assert plan is None or aim.value(plan.energy, plan.latency) >= least


@settings(max_examples=examples(12, dev=2), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 4), largest=4) | cases(sizes=(2, 3), largest=2, chain=True, wide=True))
def test_the_best_plan_is_the_least_of_all(case: Case) -> None:
    check_best(case)


@pytest.mark.slow
@settings(max_examples=examples(60), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 4), largest=8) | cases(sizes=(2, 3), largest=2, chain=True, wide=True))
def test_the_best_plan_is_the_least_of_all_often(case: Case) -> None:
    check_best(case)


@settings(max_examples=examples(60, dev=3), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 4), largest=4))
def test_no_choice_is_left_out(case: Case) -> None:
    check_choices(case)


def is_group(graph: nx.DiGraph, members: frozenset[str]) -> bool:
    """Is it connected, and does no path lead out of it and back?"""
    inside = graph.subgraph(members)
    if len(members) < 2 or not nx.is_weakly_connected(inside):
        return False
    others = set(graph) - members
    return not any(nx.ancestors(graph, n) & members and nx.descendants(graph, n) & members for n in others)


def values_alone(pricer: NetworkPricer, case: Case, aim: Aim) -> dict[frozenset[str], int] | None:
    """What every layer costs by itself; None if one does not fit."""
    singles = [pricer._single(layer, case.hardware, aim) for layer in case.network.layers()]
    found = {frozenset([single.layer]): single.value(aim) for single in singles if single is not None}
    return found if len(found) == len(singles) else None


def check_network(case: Case) -> None:
    """The best cover of the network is the best of all partitions."""
    graph, pricer = case.network.graph, network_pricer(case)
    subsets = (frozenset(c) for n in range(len(graph) + 1) for c in itertools.combinations(graph, n))
    assert {frozenset(p.group.members) for p in pricer._groups} == {s for s in subsets if is_group(graph, s)}
    assume(small_enough(pricer._groups, case.hardware, MOST_OPTIONS))
    for aim in AIMS:
        price = pricer.price(case.hardware, aim.objective, weight=aim.weight)
        alone = values_alone(pricer, case, aim)
        if alone is None:
            assert price is None
            continue
        values = alone | values_of_groups(pricer, case, aim)
        least = min(
            sum(values[block] for block in blocks)
            for blocks in partitions(list(graph))
            if all(block in values for block in blocks) and in_sequence(graph, blocks)
        )
        assert price is not None and price.fused is not None
        assert price.value == aim.value(price.energy, price.latency) == least <= sum(alone.values())
        again = network_pricer(case).price(case.hardware, aim.objective, weight=aim.weight, cutoff=least)
        assert again is not None and again.fused is None and again.value >= least


@pytest.mark.slow
@settings(max_examples=examples(12, dev=3), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 5), largest=4))
def test_the_best_groups_are_the_best_of_all_partitions(case: Case) -> None:
    check_network(case)


@pytest.mark.slow
@settings(max_examples=examples(60), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 7), largest=4))
def test_the_best_groups_are_the_best_of_all_partitions_often(case: Case) -> None:
    check_network(case)


def check_chain(case: Case) -> None:
    """The best groups of a chain are those of a dynamic program over the places where it is cut."""
    pricer, names = network_pricer(case), list(case.network.graph)
    assume(small_enough(pricer._groups, case.hardware, MOST_OPTIONS))
    for aim in AIMS:
        alone = values_alone(pricer, case, aim)
        assume(alone is not None)
        values = (alone or {}) | values_of_groups(pricer, case, aim)
        best = [0]
        for end in range(1, len(names) + 1):
            best.append(
                min(
                    best[start] + values[block]
                    for start in range(end)
                    if (block := frozenset(names[start:end])) in values
                )
            )
        price = pricer.price(case.hardware, aim.objective, weight=aim.weight)
        assert price is not None and price.value == best[-1]


@pytest.mark.slow
@settings(max_examples=examples(8, dev=3), suppress_health_check=RELAXED)
@given(cases(sizes=(3, 5), largest=4, chain=True))
def test_a_chain_by_dynamic_programming(case: Case) -> None:
    check_chain(case)


@pytest.mark.slow
@settings(max_examples=examples(40), suppress_health_check=RELAXED)
@given(cases(sizes=(3, 7), largest=4, chain=True))
def test_a_chain_by_dynamic_programming_often(case: Case) -> None:
    check_chain(case)


# --- By hand ------------------------------------------------------------------------------------------------


def rows_of(tiling: GroupTiling, name: str) -> TileSteps:
    return tiling.tensors[name].steps[1]


def two_convolutions() -> Network:
    """Columns of 8 rows, two convolutions of 3 x 1 with padding."""
    network, view = Network("two"), (IDENTITY_WINDOW, Window(1, 3, 1), IDENTITY_WINDOW)
    network.add(conv("first", {"K": 1, "C": 1, "P": 8, "R": 3}))
    network.add(conv("second", {"K": 1, "C": 1, "P": 8, "R": 3}), after={"first": "x"}, views={"first": view})
    return network


@pytest.mark.parametrize(
    ("halo", "computed", "kept", "held"),
    [
        ("cache", ((0, 3), (3, 5), (5, 7), (7, 8)), ((1, 3), (3, 5), (5, 7), (0, 0)), 4),
        ("recompute", ((0, 3), (1, 5), (3, 7), (5, 8)), ((0, 0),) * 4, 4),
    ],
)
def test_rows_between_two_convolutions(halo: str, computed: object, kept: object, held: int) -> None:
    network = two_convolutions()
    (group,) = groups(network, 2)
    cut = Cut((1, 4, 1), (halo, "cache"))
    frame = Frame(GroupTiling(Along(group), cut))
    first = rows_of(frame.tiling, "first")
    assert first.needed == ((0, 3), (1, 5), (3, 7), (5, 8))
    assert (first.computed, first.kept, first.held) == (computed, kept, held)
    assert rows_of(frame.tiling, "second").computed == ((0, 2), (2, 4), (4, 6), (6, 8))
    claim = FusedClaim(group.members, cut.parts, cut.halo, {})
    walked = walk_fused(network, plain_hardware(), claim, accounting="timeloop")
    assert walked.computed == {"first": 8 if halo == "cache" else 14, "second": 8}
    assert walked.held_bits == {"first": held * 16, "second": held * 16}
    assert frame.reserved_bits(RunChoice()) == [held * 16, held * 16]


def three_products() -> Network:
    """The chain of three matrix products of 256 x 64 x 64 at 8 bits."""
    network, bits = Network("three"), dict.fromkeys("WIO", 8)
    for name, before in (("one", None), ("two", "one"), ("three", "two")):
        layer = matmul(name, {"M": 256, "N": 64, "K": 64}, bits=bits)
        after, views = ({before: f"T_{before}"}, {before: IDENTITY}) if before else ({}, {})
        network.add(layer, after=after, views=views)
    return network


@pytest.mark.parametrize(("strips", "middle"), [(1, 128), (2, 96), (4, 80), (8, 72)])
def test_strips_free_what_only_earlier_ones_needed(strips: int, middle: int) -> None:
    network = three_products()
    group = next(g for g in groups(network, 3) if len(g.members) == 3)
    frame = Frame(GroupTiling(Along(group), Cut((1, 4, 1))))
    choice = RunChoice(strips=frozenset({("two", strips)}) if strips > 1 else frozenset())
    assert choice in set(frame.choices())
    row = 64 * 8
    assert frame.reserved_bits(choice) == [64 * row, middle * row, 64 * row]
    claim = FusedClaim(group.members, (1, 4, 1), ("cache", "cache"), {}, strips={"two": strips})
    walked = walk_fused(network, plain_hardware(), claim, accounting="timeloop")
    assert walked.held_bits == {"one": 64 * row, "two": middle * row, "three": 64 * row}


def shifted(network: Network, name: str, rows: int, before: int) -> None:
    """Append a layer that sees the rows of layer ``a`` so many rows later."""
    view = (IDENTITY_WINDOW, Window(before=before), IDENTITY_WINDOW)
    network.add(conv(name, {"K": 1, "C": 1, "P": rows}), after={"a": "x"}, views={"a": view})


def test_rows_before_the_first_ones_needed_are_computed_when_they_are() -> None:
    network = Network("gap")
    network.add(conv("a", {"K": 1, "C": 1, "P": 4}))
    shifted(network, "cropped", 2, -2)
    shifted(network, "stacked", 8, 4)
    group = next(g for g in groups(network, 3) if len(g.members) == 3)
    steps = rows_of(GroupTiling(Along(group), Cut((1, 2, 1))), "a")
    assert steps.needed == ((2, 3), (0, 4)) and steps.computed == ((2, 3), (0, 4))
    claim = FusedClaim(group.members, (1, 2, 1), ("cache", "cache"), {})
    walked = walk_fused(network, plain_hardware(), claim, accounting="timeloop")
    assert walked.computed == {"a": 5, "cropped": 2, "stacked": 8}


def test_strips_free_nothing_that_a_later_sample_needs() -> None:
    """``all`` needs all samples of ``a`` for each of its own, so strips of ``rows`` free nothing of it."""
    network, rows = Network("samples"), {"N": 2, "K": 1, "C": 1, "P": 4}
    network.add(conv("a", rows))
    network.add(conv("all", rows), after={"a": "x"})
    network.add(conv("rows", rows), after={"a": "x"}, views={"a": IDENTITY})
    network.add(conv("last", rows), after={"rows": "y"}, views={"rows": IDENTITY})
    group = next(g for g in groups(network, 4) if len(g.members) == 4)
    frame = Frame(GroupTiling(Along(group), Cut((2, 1, 1))))
    choice = RunChoice(strips=frozenset({("rows", 4)}))
    assert choice in set(frame.choices())
    claim = FusedClaim(group.members, (2, 1, 1), ("cache", "cache"), {}, strips={"rows": 4})
    walked = walk_fused(network, plain_hardware(), claim, accounting="timeloop")
    assert walked.held_bits["rows"] == (8 + 4) * 16
    assert frame.reserved_bits(choice)[2] == (8 + 4) * 16


# --- Groups and bounds by hand ------------------------------------------------------------------------------


def vector(name: str, reads: list[int], writes: list[int], grid: Grid, bits: tuple[int, int] = (8, 8)) -> VectorLayer:
    """A vector layer that reads and writes words of some bits."""
    return VectorLayer(
        name,
        "vector",
        tuple((words, bits[0]) for words in reads),
        tuple((words, bits[1]) for words in writes),
        1,
        grid=grid,
    )


def rows_of_one(name: str, **more: int) -> Layer:
    """A convolution of single rows to four positions, at 8 bits."""
    return conv(name, {"C": 1, "P": 4} | more, bits=dict.fromkeys("WIO", 8))


def pairs(network: Network) -> list[tuple[str, ...]]:
    """Members of all groups of two."""
    return [group.members for group in groups(network, 2)]


@pytest.mark.parametrize(
    ("first", "joins"),
    [
        (vector("first", [4], [4], (1, 4, 1)), True),
        (vector("first", [4], [4, 4], (1, 4, 1)), False),
        (vector("first", [4], [], (1, 4, 1)), False),
        (vector("first", [4], [6], (1, 4, 1)), False),
        (replace(rows_of_one("first"), multiplicity=2), False),
    ],
)
def test_layers_with_one_output_join(first: VectorLayer | Layer, joins: bool) -> None:
    network = Network("pair")
    network.add(first)
    for name, before in (("second", "first"), ("third", "second")):
        network.add(rows_of_one(name), after={before: "x"}, views={before: IDENTITY})
    assert pairs(network) == ([("first", "second"), ("second", "third")] if joins else [])


def test_a_vector_layer_reads_at_its_own_precision() -> None:
    """Sums of 16 bits are read as 8 bits; the constant is read from outside by both parts."""
    network = Network("precisions")
    network.add(conv("conv", {"C": 1, "P": 4}, bits={"W": 8, "I": 8, "O": 16}))
    network.add(vector("pool", [4, 3], [4], (1, 4, 1)), after={"conv": "x"}, views={"conv": IDENTITY})
    (group,) = groups(network, 2)
    frame = Frame(GroupTiling(Along(group), Cut((1, 2, 1))))
    (charge,) = frame.charges(plain_hardware(), "timeloop", RunChoice())
    assert charge.energy == 2 * (2 * 6 + 3 * 100 + 2 * 100)
    assert charge.dram_words == 2 * (3 + 2)


@pytest.mark.parametrize("role", ["W", "I", "O"])
def test_what_level_1_may_not_keep_is_not_pinned(role: str) -> None:
    network = Network("pair")
    network.add(rows_of_one("first"))
    network.add(rows_of_one("second"), after={"first": "x"}, views={"first": IDENTITY})
    dram, buffer = plain_hardware().levels
    case = Case(network, Hardware((dram, replace(buffer, must_bypass=frozenset(role))), (1, 1), 1), "timeloop")
    pricer = network_pricer(case)
    offer = pricer._groups[0].best(case.hardware, Aim())
    assert (offer.plan is not None) == (role == "W")
    assert offer.plan is None or not offer.plan.choice.resident
    assert pricer.price(case.hardware) is not None


def test_bounds_count_a_shared_input_once_and_no_padding() -> None:
    """Two readers of one tensor hold it: the bound counts its four words once, not six for each."""
    network = Network("shared")
    network.add(rows_of_one("source"))
    view = (IDENTITY_WINDOW, Window(1, 3, 1), IDENTITY_WINDOW)
    for name in ("left", "right"):
        network.add(rows_of_one(name, R=3), after={"source": "x"}, views={"source": view})
    network.add(
        vector("sum", [4, 4], [4], (1, 4, 1)),
        after={"left": "l", "right": "r"},
        views={
            "left": IDENTITY,
            "right": IDENTITY,
        },
    )
    case = Case(network, plain_hardware(), "timeloop")
    pricer = next(p for p in network_pricer(case)._groups if p.group.members == ("left", "right", "sum"))
    offer = pricer.best(case.hardware, Aim())
    assert offer.plan is not None and offer.plan.choice.held == {"source"}
    assert pricer.bound(case.hardware, Aim()) <= offer.bound


def test_bounds_where_the_outermost_level_serves_the_multipliers() -> None:
    """Every word is used once, so no plan keeps the first input in the buffer."""
    network = Network("once")
    network.add(rows_of_one("first"))
    network.add(rows_of_one("second"), after={"first": "x"}, views={"first": IDENTITY})
    case = Case(network, plain_hardware(), "timeloop")
    (pricer,) = network_pricer(case)._groups
    least = min(every_plan(pricer, case.hardware, Aim()))
    assert pricer.bound(case.hardware, Aim()) <= least
    cheap = Level("DRAM", None, (1, 1), 8, 2, 0, 2)
    expensive = replace(case, hardware=replace(case.hardware, levels=(cheap, case.hardware.levels[1])))
    assert pricer.bound(expensive.hardware, Aim()) <= min(every_plan(pricer, expensive.hardware, Aim()))


# --- The exact cover ----------------------------------------------------------------------------------------

CROSS = [(0, 1), (2, 3), (0, 3), (2, 1)]
"""Layers 0 and 2 are both read by layers 1 and 3, so groups (0, 3) and (2, 1) read from each other."""


def candidates(**values: int) -> list[Candidate]:
    """Candidates by the digits of their names."""
    return [Candidate(tuple(int(digit) for digit in name[1:]), value) for name, value in values.items()]


def test_groups_that_read_from_each_other_are_not_chosen_together() -> None:
    alone = {"g0": 10, "g1": 10, "g2": 10, "g3": 10}
    offered = candidates(**alone, g03=1, g21=2, g01=9)
    chosen = {offered[n].members for n in Cover(4, CROSS).best(offered)}
    assert chosen == {(0, 3), (1,), (2,)}
    one_way = [edge for edge in CROSS if edge != (2, 3)]
    assert {offered[n].members for n in Cover(4, one_way).best(offered)} == {(0, 3), (2, 1)}


def test_three_groups_in_a_ring_are_not_chosen_together() -> None:
    edges = [(0, 1), (2, 3), (4, 5), (0, 3), (2, 5), (4, 1)]
    offered = candidates(g0=5, g1=5, g2=5, g3=5, g4=5, g5=5, g03=1, g25=1, g41=1)
    found = [offered[n].members for n in Cover(6, edges).best(offered)]
    assert sorted(len(members) for members in found) == [1, 1, 2, 2]


def test_layers_that_no_candidate_holds() -> None:
    with pytest.raises(ValueError, match="do not cover"):
        Cover(3, [(0, 1)]).best(candidates(g0=1, g01=2))


# --- Optima that another tool found -------------------------------------------------------------------------


def chain_of(rows: int, widths: list[int]) -> Network:
    """Matrix products one after the other, each on the result of the one before."""
    network = Network("chain")
    for number, (inner, columns) in enumerate(itertools.pairwise(widths)):
        layer = matmul(f"mm{number}", {"M": rows, "K": inner, "N": columns}, bits=dict.fromkeys("WIO", 8))
        after = {f"mm{number - 1}": "x"} if number else {}
        network.add(layer, after=after, views=dict.fromkeys(after, IDENTITY))
    return network


@pytest.mark.parametrize(
    ("rows", "widths", "energy", "cycles"),
    [
        (128, [128, 32, 128], 13_295_616, 10_560),
        pytest.param(256, [64, 64, 64, 64], 34_897_920, 31_488, marks=pytest.mark.slow),
    ],
)
def test_chains_of_accelforge(rows: int, widths: list[int], energy: int, cycles: int) -> None:
    """Best known of a 16 x 16 array below a buffer of 8,192 words (AccelForge, looptree accounting).

    The first is all compulsory traffic; the second computes the middle product in strips.
    """
    dram = Level("DRAM", None, (1, 1), 8, 200, 200, 200, shared_bits_per_cycle=Fraction(64))
    buffer = Level("GLB", 8 * 8192, (1, 1), 8, 6, 6, 6, shared_bits_per_cycle=Fraction(512), must_keep=frozenset("WIO"))
    case = Case(chain_of(rows, widths), Hardware((dram, buffer), (16, 16), 1), "looptree")
    price = network_pricer(case).price(case.hardware)
    assert price is not None and (price.energy, price.latency) == (energy, cycles)


def test_a_wide_tensor_between_two_products_goes_in_slices() -> None:
    """Its rows of 2,048 words leave no room for tiles of other operands unless they are sliced."""
    dram = Level("DRAM", None, (1, 1), 8, 200, 200, 200, shared_bits_per_cycle=Fraction(64))
    buffer = Level("GLB", 8 * 8192, (1, 1), 8, 6, 6, 6, must_keep=frozenset("WIO"))
    case = Case(chain_of(512, [32, 2048, 32]), Hardware((dram, buffer), (16, 16), 1), "looptree")
    pricer = network_pricer(case)
    price = pricer.price(case.hardware)
    assert price is not None and price.fused is not None
    alone = sum(pricer._single(layer, case.hardware, Aim()).energy for layer in case.network.layers())
    (plan,) = price.fused.plans
    assert plan.choice.slices is not None and plan.choice.slices.gathers
    assert price.energy < 0.8 * alone
