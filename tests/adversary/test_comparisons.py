"""Claims beside one another: more is never worse, the same machine has the same optimum, a menu that of its points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

import optimizer
from optimizer.architecture.selection import at
from optimizer.results.kinds import SolveResult
from optimizer.workload.network import Network
from tests.adversary.duel import Instance, claim, random_instance
from tests.adversary.layers import KINDS, layer_of, random_layer
from tests.adversary.machines import machine_of, random_machine
from tests.adversary.task import OBJECTIVES
from tests.adversary.variations import larger, side_by_side

Tally = Callable[..., None]


def value(result: SolveResult) -> Fraction | None:
    """The proved optimum; None where there is no mapping."""
    assert result.status in ("OPTIMAL", "INFEASIBLE")
    stated = result.certificate.value
    return None if stated is None else Fraction(stated)


def no_worse(one: Fraction | None, other: Fraction | None) -> bool:
    return other is None or (one is not None and one <= other)


def plain_instance(number: int, seed: int) -> Instance:
    """A random instance without menus and padding."""
    r = Random(1_000_003 * seed + number)
    kind = list(KINDS)[number % len(KINDS)]
    layer = random_layer(r, kind)
    dims = tuple(layer_of(layer).extents)
    machine = random_machine(r, dims, blocks=kind == "in_blocks", menus=False)
    return Instance(f"{kind} {seed}:{number}", layer, machine, r.choice(OBJECTIVES), {}, number)


def assert_monotone(numbers: range, tally: Tally) -> None:
    worse, count = [], 0
    for number in numbers:
        instance = plain_instance(number, seed=5)
        before = value(claim(instance))
        for what, machine in larger(instance.machine, Random(number)):
            after = value(claim(replace(instance, machine=machine)))
            count += 1
            if not no_worse(after, before):
                worse.append(f"{instance.name} {instance.objective}: {before}; with {what}: {after}")
    tally("more is no worse", {"pairs": count, "worse": len(worse)})
    assert not worse, "\n".join(worse)


def test_more_is_no_worse(tally: Tally) -> None:
    assert_monotone(range(1), tally)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_more_is_no_worse_in_many_cases(part: int, tally: Tally) -> None:
    assert_monotone(range(1 + part, 84, 4), tally)


def assert_same_in_both_orders(numbers: range, tally: Tally) -> None:
    """Nests are the same in both orders, but for the names of levels."""
    equal, faults = 0, []
    for number in numbers:
        instance = plain_instance(number, seed=6)
        orders = side_by_side(instance.machine, Random(number))
        if orders is None:
            continue
        one, other = (value(claim(replace(instance, machine=machine))) for machine in orders)
        if one == other:
            equal += 1
        else:
            faults.append(f"{instance.name} {instance.objective}: {one}, {other} in the two orders of the last levels")
    tally("side by side", {"equal": equal, "differ": len(faults)})
    assert not faults, "\n".join(faults)
    assert equal


@pytest.mark.slow
def test_memories_side_by_side(tally: Tally) -> None:
    assert_same_in_both_orders(range(6), tally)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_many_memories_side_by_side(part: int, tally: Tally) -> None:
    assert_same_in_both_orders(range(6 + part, 132, 4), tally)


def assert_menu_is_its_best_point(numbers: range, tally: Tally) -> None:
    """Of networks of two layers, on machines with menus."""
    wrong, count = [], 0
    for number in numbers:
        instance = random_instance(number, seed=8)
        r = Random(number)
        dims = tuple(layer_of(instance.layer).extents)
        architecture = machine_of(random_machine(r, dims, blocks=False, menus=True, most_levels=3))
        network = Network("two layers")
        for name in ("one", "other"):
            entry = random_layer(r, r.choice([kind for kind in KINDS if kind != "in_blocks"]))
            network.add(layer_of(entry | {"name": name}))
        points = list(architecture.points())
        joint = value(optimizer.solve(network, architecture, objective=instance.objective, workers=1))
        alone = [
            value(optimizer.solve(network, at(architecture, dict(hw.choices)), objective=instance.objective, workers=1))
            for hw in points
        ]
        count += len(points)
        best = min((one for one in alone if one is not None), default=None)
        if joint != best:
            wrong.append(f"{number} {instance.objective}: menu {joint}, points one by one {alone}")
    tally("menus", {"menus": len(numbers), "points": count, "other than the best point": len(wrong)})
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_menu_is_its_best_point(tally: Tally) -> None:
    assert_menu_is_its_best_point(range(1), tally)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(2))
def test_menus_are_their_best_points(part: int, tally: Tally) -> None:
    assert_menu_is_its_best_point(range(1 + part, 64, 2), tally)
