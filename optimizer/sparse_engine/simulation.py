"""A run of the clocked simulator beside the masked matrices, with patterns by the interleaver program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optimizer.bodies.sparse import SimulationFigures
from optimizer.errors import SpecError
from optimizer.sparse_engine.engine import Engine
from optimizer.sparse_engine.fixed_point import Format
from optimizer.sparse_engine.interleaving import Pattern, interleave
from optimizer.sparse_engine.parameters import random_sample, start
from optimizer.sparse_engine.patterns import AccessPattern
from optimizer.sparse_engine.pipeline import Pipeline
from optimizer.sparse_engine.reference import MaskedNetwork


def patterns_of(engine: Engine, *, hazard_free: bool = True, **options: Any) -> list[Pattern]:
    """A pattern per junction; from junction 2 on free of hazards at the engine's latency, if asked for.

    `options` are those of :func:`optimizer.sparse_engine.interleaving.interleave`.
    """
    latency = 1 + engine.proctime if hazard_free else None
    return [
        interleave(junction, latency=latency if number else None, **options)
        for number, junction in enumerate(engine.junctions)
    ]


def hazard_free_patterns(engine: Engine, *, forwarding: bool, seed: int = 0) -> list[AccessPattern]:
    """The patterns that a simulation needs.

    Raises
    ------
    SpecError
        If a junction has none without hazards, and there is no forwarding.
    """
    found = patterns_of(engine, hazard_free=not forwarding, seed=seed)
    for number, pattern in enumerate(found, 1):
        if pattern.pattern is None:
            raise SpecError(
                f"junction {number} has no pattern without hazards",
                field="z",
                value=engine.parallel[number - 1],
                allowed=f"a memory depth above {1 + engine.proctime} (1 + PROCTIME)",
                remedy="choose a smaller z or PROCTIME, or simulate with forwarding",
            )
    return [pattern.pattern for pattern in found if pattern.pattern is not None]


def simulate(
    engine: Engine,
    patterns: Sequence[AccessPattern],
    form: Format,
    *,
    inputs: int = 20,
    rate_shift: int = 3,
    forwarding: bool = False,
    seed: int = 0,
) -> SimulationFigures:
    """Train on random inputs, clock by clock and by masked matrices, and compare every word.

    Parameters
    ----------
    engine : Engine
    patterns : sequence of AccessPattern
    form : Format
    inputs : int
        How many.
    rate_shift : int
        The learning rate is ``2^-rate_shift``.
    forwarding : bool
        May partial deltas be taken from the pipeline?
    seed : int
        Of weights and inputs.

    Raises
    ------
    ConflictError
        If a memory is asked for more than its ports give, or a row is read before its sum is written.
    """
    network = engine.network
    parameters, sample = start(network, form, seed), random_sample(network, form, inputs, seed)
    run = Pipeline(engine, patterns, parameters, form, rate_shift, forwarding=forwarding).run(sample)
    model = MaskedNetwork(network, [p.left_of_edge() for p in patterns], parameters, form, rate_shift)
    outputs = model.train(sample)
    equal = run.parameters.equals(model.parameters()) and np.array_equal(run.outputs, outputs)
    return SimulationFigures(
        equal=equal,
        inputs=inputs,
        clocks=run.clocks,
        blocks=run.clocks // engine.block_cycle,
        block_cycle=engine.block_cycle,
        accesses=run.accesses,
        forwarding=forwarding,
        forwarded=run.forwarded,
        learned=not parameters.equals(run.parameters),
        word=f"1+{form.integer}+{form.fraction}",
        rate_shift=rate_shift,
        seed=seed,
    )
