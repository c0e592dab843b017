"""Rules for mappings and fused groups: against all nests, all options, all partitions, and groups without rules."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings

from optimizer.fusion.group_pricer import GroupPricer
from optimizer.fusion.plan import Plan, PricedRun
from optimizer.golden.group_walk import walk_fused
from optimizer.golden.rules import broken_rules
from optimizer.mapping.rule_check import breaches
from optimizer.pricing.lowering import lift, lower
from optimizer.problem.goal import INFEASIBLE_COST, Aim
from optimizer.workload.layer import Layer
from optimizer.workload.mapping_rules import KeepRule, MappingRule, Numbers, TileRule, UnrollRule
from tests.support.all_items import every_nest
from tests.support.fusion_cases import Case, cases, claim_of, network_pricer
from tests.support.group_checks import (
    AIMS,
    MOST_OPTIONS,
    SEEDS,
    check_best,
    check_some_plans,
    in_sequence,
    partitions,
    small_enough,
    values_of_groups,
)
from tests.support.profiles import RELAXED, examples
from tests.support.ruled_cases import random_rule, ruled, with_rules, without_rules

SMALL = cases(sizes=(2, 3), largest=4) | cases(sizes=(2, 3), largest=2, chain=True, wide=True)


@settings(max_examples=examples(200, dev=3), suppress_health_check=RELAXED)
@given(cases() | cases(sizes=(2, 3), largest=4, chain=True, wide=True), SEEDS)
def test_plans_keep_the_rules_and_are_what_the_walk_counts(case: Case, seed: int) -> None:
    assume(check_some_plans(ruled(case, seed), seed))


@pytest.mark.slow
@settings(max_examples=examples(1000), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 6)) | cases(sizes=(2, 4), largest=4, chain=True, wide=True), SEEDS)
def test_plans_keep_the_rules_and_are_what_the_walk_counts_often(case: Case, seed: int) -> None:
    assume(check_some_plans(ruled(case, seed, 3), seed))


# --- Against all nests --------------------------------------------------------------------------------------


def some_plans(case: Case, seed: int, most: int) -> list[tuple[GroupPricer, Aim, Plan]]:
    """Plans of some options of some group."""
    rng, found = random.Random(seed), []
    pricers = network_pricer(case)._groups
    if pricers:
        pricer, aim = rng.choice(pricers), rng.choice(AIMS)
        options = list(pricer._options(case.hardware, aim))
        for option in rng.sample(options, min(most, len(options))):
            plan = pricer._price(option, case.hardware, aim, INFEASIBLE_COST)
            if plan is not None:
                found.append((pricer, aim, plan))
    return found


def least_of_all(case: Case, layer: Layer, run: PricedRun, aim: Aim) -> int | None:
    """The least value of all nests of a run that keep the rules of a layer, read off by walk and model alike.

    INFEASIBLE_COST if none does; None if there are too many to look at. Of the ways to lay the factors of a fan-out
    along its axes one is looked at, which rules for an axis must know.
    """
    part = layer.with_extents(dict(run.shape.extents))
    problem = lower(
        replace(part, rules=tuple(rule for rule in part.rules if isinstance(rule, UnrollRule))),
        case.hardware,
        accounting=case.accounting,
        pinned=run.pinned,
        room_bits=run.room_bits,
        resumes=run.shape.resumes,
    )
    nests = every_nest(problem, 4000)
    values = []
    for nest in nests or ():
        mapping = lift(part, problem, nest)
        wrong = list(broken_rules(part, case.hardware, mapping))
        assert len(wrong) == len(list(breaches(part, case.hardware, mapping)))
        if not wrong:
            values.append(aim.value(nest.energy, -(-nest.latency // problem.latency_unit)))
    return None if nests is None else min(values, default=INFEASIBLE_COST)


def check_nests(case: Case, seed: int) -> bool:
    """Under random rules the runs of some options of a group have the best nests that keep them; were there any?"""
    rng, looked = random.Random(seed), False
    for pricer, aim, plan in some_plans(case, seed, 3):
        for run in plan.runs:
            layer = case.network.graph.nodes[run.shape.layer]["layer"]
            rules = tuple(random_rule(layer, case.hardware, rng) for _ in range(rng.randint(1, 3)))
            least = least_of_all(case, replace(layer, rules=rules), run, aim)
            if least is None:
                continue
            other = with_rules(case.network, {layer.name: rules})
            again = next(p for p in network_pricer(replace(case, network=other))._groups if p.group == pricer.group)
            frame = next(f for f in again._frames if f.tiling.cut == plan.cut)
            rooms = again._rooms(frame, plan.choice, case.hardware)
            found = None
            if rooms is not None:
                ruled_layer = other.graph.nodes[layer.name]["layer"]
                found = again._runs.price(
                    ruled_layer,
                    case.hardware,
                    aim,
                    dict(run.shape.extents),
                    run.pinned,
                    run.room_bits,
                    resumes=run.shape.resumes,
                )
            shapes = frame.shapes(layer, plan.choice)
            if rooms is None and len(shapes) > 1:
                continue  # another run may break them
            looked = True
            assert (INFEASIBLE_COST if found is None else found.value) == least, rules
    return looked


@pytest.mark.slow
@settings(max_examples=examples(150, dev=2), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 3), largest=3), SEEDS)
def test_runs_have_the_best_of_all_nests_that_keep_the_rules(case: Case, seed: int) -> None:
    assume(check_nests(case, seed))


@pytest.mark.slow
@settings(max_examples=examples(800), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 3), largest=4) | cases(sizes=(2, 3), largest=2, chain=True, wide=True), SEEDS)
def test_runs_have_the_best_of_all_nests_that_keep_the_rules_often(case: Case, seed: int) -> None:
    assume(check_nests(case, seed))


# --- Against all options and partitions ---------------------------------------------------------------------


@settings(max_examples=examples(40, dev=1), suppress_health_check=RELAXED)
@given(SMALL, SEEDS)
def test_the_best_plan_is_the_least_of_all(case: Case, seed: int) -> None:
    check_best(ruled(case, seed))


@pytest.mark.slow
@settings(max_examples=examples(150), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 4), largest=4) | cases(sizes=(2, 3), largest=4, chain=True, wide=True), SEEDS)
def test_the_best_plan_is_the_least_of_all_often(case: Case, seed: int) -> None:
    check_best(ruled(case, seed))


def check_network(case: Case) -> None:
    """The best cover is the best of all partitions, some layers of which may have no mapping by themselves."""
    pricer, graph = network_pricer(case), case.network.graph
    assume(small_enough(pricer._groups, case.hardware, MOST_OPTIONS))
    orders = [blocks for blocks in partitions(list(graph)) if in_sequence(graph, blocks)]
    for aim in AIMS:
        singles = [pricer._single(layer, case.hardware, aim) for layer in case.network.layers()]
        values = {frozenset([single.layer]): single.value(aim) for single in singles if single is not None}
        values |= values_of_groups(pricer, case, aim)
        covers = [sum(values[b] for b in blocks) for blocks in orders if all(b in values for b in blocks)]
        price = pricer.price(case.hardware, aim.objective, weight=aim.weight)
        if not covers:
            assert price is None
            continue
        assert price is not None and price.fused is not None
        assert price.value == aim.value(price.energy, price.latency) == min(covers)
        for plan in price.fused.plans:
            walked = walk_fused(case.network, case.hardware, claim_of(plan, case), accounting=case.accounting)
            assert walked.violations == ()


@pytest.mark.slow
@settings(max_examples=examples(40, dev=2), suppress_health_check=RELAXED)
@given(SMALL, SEEDS)
def test_the_best_groups_are_the_best_of_all_partitions(case: Case, seed: int) -> None:
    check_network(ruled(case, seed))


@pytest.mark.slow
@settings(max_examples=examples(150), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 5), largest=4), SEEDS)
def test_the_best_groups_are_the_best_of_all_partitions_often(case: Case, seed: int) -> None:
    check_network(ruled(case, seed, 3))


# --- Against fewer rules ------------------------------------------------------------------------------------


def least(case: Case, aim: Aim) -> int:
    """The optimum of a network; INFEASIBLE_COST if it has no design."""
    price = network_pricer(case).price(case.hardware, aim.objective, weight=aim.weight)
    return INFEASIBLE_COST if price is None else price.value


def idle(layer: Layer, case: Case) -> tuple[MappingRule, ...]:
    """Rules that exclude nothing."""
    dims, levels = tuple(dim for dim, _ in layer.dims), case.hardware.levels
    return (
        KeepRule("outermost", levels[0].name, ("W", "I", "O"), kept=True),
        UnrollRule("any dim", levels[-1].name, None, dims),
        TileRule("any tile", levels[1].name, "W", None, Numbers(1, 1 << 40)),
        *(KeepRule(f"must {role}", levels[1].name, (role,), kept=True) for role in sorted(levels[1].must_keep)),
    )


def check_fewer(case: Case, seed: int) -> None:
    """No rule makes a design better; those that exclude nothing change nothing."""
    free, rng = without_rules(case), random.Random(seed)
    layers, aim = case.network.mac_layers(), rng.choice(AIMS)
    some = {layer.name: (random_rule(layer, case.hardware, rng),) for layer in layers}
    more = {layer.name: (*some[layer.name], random_rule(layer, case.hardware, rng)) for layer in layers}
    nothing = {layer.name: idle(layer, case) for layer in layers}
    best, *others, same = (
        least(replace(case, network=with_rules(case.network, rules)), aim) for rules in ({}, some, more, nothing)
    )
    assert best == same == least(free, aim)
    assert best <= others[0] <= others[1]


@pytest.mark.slow
@settings(max_examples=examples(60, dev=2), suppress_health_check=RELAXED)
@given(SMALL, SEEDS)
def test_more_rules_are_never_better(case: Case, seed: int) -> None:
    assume(case.network.mac_layers())
    check_fewer(case, seed)


@pytest.mark.slow
@settings(max_examples=examples(300), suppress_health_check=RELAXED)
@given(cases(sizes=(2, 5), largest=4), SEEDS)
def test_more_rules_are_never_better_often(case: Case, seed: int) -> None:
    assume(case.network.mac_layers())
    check_fewer(case, seed)


@settings(max_examples=examples(60, dev=1), suppress_health_check=RELAXED)
@given(SMALL, SEEDS)
def test_prices_under_rules_are_kept_apart_from_others(case: Case, seed: int) -> None:
    """One cache of runs for a network with rules and the same without: each has the values that it has alone."""
    other, shared = ruled(case, seed), network_pricer(case)
    for one in (case, other, case):
        mixed = network_pricer(one)
        mixed._runs = shared._runs
        for group in mixed._groups:
            group._runs = shared._runs
        for aim in AIMS:
            price = mixed.price(case.hardware, aim.objective, weight=aim.weight)
            assert (INFEASIBLE_COST if price is None else price.value) == least(one, aim)
