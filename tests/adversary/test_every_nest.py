"""The search against the exact optimum over every nest."""

from __future__ import annotations

import math
from random import Random

import pytest

from formulations.engines import PathEngine
from optimizer.mapping.cost import evaluate
from optimizer.pricing.lowering import lower
from tests.adversary.annealing import search
from tests.adversary.duel import Instance, random_instance
from tests.adversary.every_nest import least_energy, without_leakage
from tests.adversary.layers import layer_of
from tests.adversary.machines import machine_of
from tests.adversary.task import primes, task_of

pytestmark = pytest.mark.slow
MOST_LOOPS = 9


def small_instance(number: int) -> Instance:
    """A random instance whose loops are few."""
    seeds = Random(number)
    while True:
        instance = random_instance(number, seeds.randrange(2**20))
        if sum(len(primes(extent)) for extent in layer_of(instance.layer).extents.values()) <= MOST_LOOPS:
            return instance


@pytest.mark.parametrize("number", range(60))
def test_the_optimum_is_that_over_every_nest(number: int) -> None:
    instance = small_instance(number)
    layer, architecture = layer_of(instance.layer), machine_of(instance.machine)
    hardware = without_leakage(next(iter(architecture.points())))
    problem = lower(layer, hardware, accounting=architecture.accounting)
    claimed, best = PathEngine().solve(problem), least_energy(layer, problem)
    task = task_of(layer, hardware, architecture.accounting, "energy")
    met, _ = search(task, steps=8000, restarts=2, seed=number)
    if best is None:
        assert claimed is None and met == math.inf
        return
    assert evaluate(layer, hardware, best.mapping, accounting=architecture.accounting).energy == best.energy
    assert best.energy <= met
    assert claimed is not None and claimed.energy == best.energy
