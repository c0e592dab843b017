"""What must hold of random fused groups: the walk counts what a plan says, the best plan is the least of all."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import networkx as nx
from hypothesis import assume
from hypothesis import strategies as st

from formulations.engines import Engine
from optimizer.architecture.hardware import Hardware
from optimizer.fusion.group_pricer import GroupPricer
from optimizer.fusion.network_pricer import NetworkPricer
from optimizer.fusion.plan import Plan
from optimizer.golden.group_walk import walk_fused
from optimizer.problem.goal import INFEASIBLE_COST, Aim
from tests.support.fusion_cases import Case, claim_of, network_pricer
from tests.support.profiles import examples

AIMS = (Aim(), Aim("latency"), Aim(weight=3))
SEEDS = st.integers(0, 1 << 30)
MOST_OPTIONS = examples(1500, dev=60)
"""Options of a group that are all priced, at most; cases with more are passed over."""


def check_plan(case: Case, plan: Plan, reserved: list[int]) -> None:
    """The walk counts what the plan says, and the buffer never holds more than was reserved."""
    walked = walk_fused(case.network, case.hardware, claim_of(plan, case), accounting=case.accounting)
    assert walked.violations == ()
    assert (walked.energy, walked.latency) == (plan.energy, plan.latency)
    for name, bits in zip(plan.members, reserved, strict=True):
        assert walked.held_bits[name] <= bits, name


def check_some_plans(case: Case, seed: int, engine: Engine | None = None) -> bool:
    """Check some options of some group; was there one that fits?"""
    rng = random.Random(seed)
    pricers = network_pricer(case, engine=engine)._groups
    if not pricers:
        return False
    pricer, aim = rng.choice(pricers), rng.choice(AIMS)
    options = list(pricer._options(case.hardware, aim))
    checked = False
    for option in rng.sample(options, min(4, len(options))):
        plan = pricer._price(option, case.hardware, aim, INFEASIBLE_COST)
        if plan is not None:
            check_plan(case, plan, option.frame.reserved_bits(option.choice))
            assert option.bound <= aim.value(plan.energy, plan.latency)
            checked = True
    return checked


def every_plan(pricer: GroupPricer, hardware: Hardware, aim: Aim) -> list[int]:
    """Values of all options, priced without bounds; none of them is below its bound."""
    found = []
    for option in pricer._options(hardware, aim):
        plan = pricer._price(option, hardware, aim, INFEASIBLE_COST)
        if plan is not None:
            found.append(aim.value(plan.energy, plan.latency))
            assert option.bound <= found[-1]
    return found


def small_enough(pricers: list[GroupPricer], hardware: Hardware, most: int) -> bool:
    """Are there few enough options to price all?"""
    return sum(1 for p in pricers for _ in itertools.islice(p._options(hardware, Aim()), most + 1)) <= most


def check_best(case: Case, engine: Engine | None = None) -> None:
    """The best plan of every group is the least of all."""
    pricers = network_pricer(case, engine=engine)._groups
    assume(pricers and small_enough(pricers, case.hardware, MOST_OPTIONS))
    for pricer, aim in itertools.product(pricers, AIMS):
        least = min(every_plan(pricer, case.hardware, aim), default=INFEASIBLE_COST)
        assert pricer.bound(case.hardware, aim) <= least
        offer = pricer.best(case.hardware, aim)
        assert offer.bound == least and (offer.plan is None) == (least == INFEASIBLE_COST)
        if least < INFEASIBLE_COST:
            assert pricer.best(case.hardware, aim, least).plan is None
            assert pricer.best(case.hardware, aim, least).bound == least
            assert pricer.best(case.hardware, aim, least + 1).bound == least


def partitions(items: list[str]) -> Iterator[list[frozenset[str]]]:
    """Every partition."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for count in range(len(rest) + 1):
        for others in itertools.combinations(rest, count):
            for more in partitions([name for name in rest if name not in others]):
                yield [frozenset([first, *others]), *more]


def in_sequence(graph: nx.DiGraph, blocks: list[frozenset[str]]) -> bool:
    """Can the blocks run one after the other?"""
    owner = {name: number for number, block in enumerate(blocks) for name in block}
    between = nx.DiGraph((owner[a], owner[b]) for a, b in graph.edges if owner[a] != owner[b])
    return nx.is_directed_acyclic_graph(between)


def values_of_groups(pricer: NetworkPricer, case: Case, aim: Aim) -> dict[frozenset[str], int]:
    """The least value of every group that fits."""
    found = {}
    for group in pricer._groups:
        values = every_plan(group, case.hardware, aim)
        if values:
            found[frozenset(group.group.members)] = min(values)
    return found
