"""The other plain alternative: random hardware points and random mappings for a given time."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from benchmarks.random_mapping import MappingSampler
from optimizer.architecture.architecture import Architecture
from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting, evaluate
from optimizer.workload.layer import Layer
from optimizer.workload.network import Network

SAMPLES = 100
"""Mappings of every layer that one visit of a hardware point draws."""


@dataclass(frozen=True)
class RandomOutcome:
    """The least energy met (energy units; None if some layer never fitted) and the mappings priced."""

    value: int | None
    mappings: int


def random_search(
    layers: Sequence[Layer], points: Sequence[Hardware], accounting: Accounting, *, seconds: float, seed: int
) -> RandomOutcome:
    """Least energy of a network by random choice, in one process.

    Every step visits a random hardware point and draws :data:`SAMPLES` mappings of every layer for it. The best
    mapping of every layer is kept per point, and a later visit to a point adds to it. The network's energy at a
    point is the sum over its layers.
    """
    deadline = time.perf_counter() + seconds
    rng = random.Random(seed)
    best: dict[int, list[int | None]] = {}
    value: int | None = None
    mappings = 0
    while time.perf_counter() < deadline:
        number = rng.randrange(len(points))
        known = best.setdefault(number, [None] * len(layers))
        for n, layer in enumerate(layers):
            sampler = MappingSampler(layer, points[number], accounting, rng)
            for _ in range(SAMPLES):
                if time.perf_counter() > deadline:
                    break
                mapping = sampler.draw()
                if mapping is None:
                    continue
                energy = evaluate(layer, points[number], mapping, accounting=accounting).energy
                known[n] = min(energy, known[n] or energy)
                mappings += 1
        energies = [energy for energy in known if energy is not None]
        if len(energies) == len(layers):
            total = sum(energy * layer.multiplicity for energy, layer in zip(energies, layers, strict=True))
            value = min(total, value or total)
    return RandomOutcome(value, mappings)


def search_on_cores(
    network: Network, architecture: Architecture, *, seconds: float, seed: int, workers: int
) -> RandomOutcome:
    """The best of `workers` random searches at the same time, with seeds `seed`, `seed` + 1, ..."""
    layers, points = network.mac_layers(), list(architecture.points())
    context = get_context("spawn")  # a process that holds threads cannot be copied safely
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        running = [
            pool.submit(random_search, layers, points, architecture.accounting, seconds=seconds, seed=seed + n)
            for n in range(workers)
        ]
        found = [future.result() for future in running]
    values = [outcome.value for outcome in found if outcome.value is not None]
    return RandomOutcome(min(values, default=None), sum(outcome.mappings for outcome in found))
