"""No claim of an optimum is beaten by any nest, and the adversary is sharp enough to say so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import evaluate
from optimizer.mapping.reader import from_items, to_items
from optimizer.workload.layer import Layer
from tests.adversary.annealing import mutate, seed_mutations, trivial
from tests.adversary.counting import cost, legal
from tests.adversary.duel import Duel, Effort, Instance, attack, claim, fight, random_instance
from tests.adversary.layers import KINDS, layer_of
from tests.adversary.machines import machine_of
from tests.adversary.task import Ints, Task, mapping_of, rows_of, task_of
from tests.support.profiles import examples

Tally = Callable[..., None]
FAST = range(examples(40, dev=4))
SLOW = range(4, 40 + examples(300))


def assert_unbeaten(numbers: Sequence[int], effort: Effort, tally: Tally) -> None:
    duels = [fight(random_instance(number), effort) for number in numbers]
    beaten = [duel for duel in duels if duel.beaten]
    counts = {
        "instances": len(duels),
        "reached": sum(duel.reached for duel in duels),
        "without a mapping": sum(duel.found is None for duel in duels),
        "beaten": len(beaten),
    }
    tally("adversary", counts)
    assert not beaten, "\n\n".join(map(str, beaten))
    assert counts["reached"] >= 0.75 * len(duels), counts


def test_no_optimum_is_beaten(tally: Tally) -> None:
    assert_unbeaten(FAST, Effort(steps=6000, restarts=2), tally)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_no_optimum_is_beaten_in_long_runs(part: int, tally: Tally) -> None:
    assert_unbeaten(SLOW[part::10], Effort(steps=15000, restarts=6), tally)


@cache
def walks(number: int, steps: int = 300) -> tuple[Layer, Hardware, str, Task, list[Ints]]:
    """Legal nests of a random instance, each some changes away from the one before."""
    instance = random_instance(number, seed=77)
    layer, architecture = layer_of(instance.layer), machine_of(instance.machine)
    hardware = next(architecture.points())
    task = task_of(layer, hardware, architecture.accounting, instance.objective)
    seed_mutations(number)
    rows, found = trivial(task, number), []
    for _ in range(steps):
        other = mutate(task, rows)
        if legal(task, other):
            rows = other
            found.append(rows)
    return layer, hardware, architecture.accounting, task, found[:: max(1, len(found) // 12)]


@pytest.mark.parametrize("number", range(2 * len(KINDS)))
def test_counts_are_those_of_the_cost_model(number: int) -> None:
    layer, hardware, accounting, task, nests = walks(number)
    for rows in nests:
        fits, energy, cycles = cost(task, rows)
        if not fits:
            continue
        mapping = from_items(to_items(mapping_of(layer, rows), hardware), layer, hardware)
        priced = evaluate(layer, hardware, mapping, accounting=accounting)  # type: ignore[arg-type]
        assert (energy, cycles) == (priced.energy, -(-priced.latency_cycles // 1))
        assert np.array_equal(cost(task, rows_of(layer, mapping))[1:], (energy, cycles))


def narrowed(instance: Instance) -> Instance:
    """The machine with the least room at every inner level that its nodes need to run at all."""
    levels = [
        level | ({"size": "8 words"} if number else {}) for number, level in enumerate(instance.machine["levels"])
    ]
    return replace(instance, machine=instance.machine | {"levels": levels})


def test_a_wrong_optimum_is_beaten() -> None:
    """The optimum of a machine with less room is no optimum of the machine."""
    beaten: list[Duel] = []
    for number in range(200, 200 + examples(9, dev=5)):
        instance = random_instance(number)
        stated = claim(narrowed(instance))
        if stated.status == "OPTIMAL" and stated.certificate.value != claim(instance).certificate.value:
            duel = attack(instance, stated, Effort(steps=5000, restarts=2))
            assert duel.beaten
            beaten.append(duel)
    assert len(beaten) >= 2
