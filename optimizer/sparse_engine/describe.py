"""Everything about an engine as plain data: rates, memories, arithmetic, device use, savings against the dense one."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from optimizer.errors import SpecError
from optimizer.sparse_engine.device_use import device_use
from optimizer.sparse_engine.engine import Engine, arithmetic_per_clock, storage_words
from optimizer.sparse_engine.estimator import early_estimate


def engine_data(engine: Engine) -> dict[str, Any]:
    """What makes an engine, but for the width of its words."""
    return {
        "neurons": list(engine.network.neurons),
        "out_degrees": list(engine.network.out_degrees),
        "z": list(engine.parallel),
        "proctime": engine.proctime,
        "exact": {"clock_mhz": str(engine.clock_mhz)},
    }


def describe(engine: Engine, input_bits: int = 8) -> dict[str, Any]:
    """An engine and its costs under the keys of a result's ``design``.

    Times in microseconds, rates in inputs per second, ratios against the same network with all connections. Under
    ``exact`` stand numbers that a float may round.
    """
    network = engine.network
    dense, words = network.dense(), storage_words(network)
    return {
        "neurons": list(network.neurons),
        "out_degrees": list(network.out_degrees),
        "in_degrees": list(network.in_degrees),
        "weights": list(network.weights),
        "density": float(network.density),
        "z": list(engine.parallel),
        "width_bits": engine.width_bits,
        "proctime": engine.proctime,
        "clock_mhz": float(engine.clock_mhz),
        "cycles": [junction.cycles for junction in engine.junctions],
        "depths": [junction.depth for junction in engine.junctions],
        "block_cycle": engine.block_cycle,
        "time_us": float(engine.time_us),
        "inputs_per_s": float(10**6 / engine.time_us),
        "speed_up": engine.speed_up,
        "input_words_per_clock": engine.input_words,
        "device_use": device_use(engine, input_bits),
        "arithmetic_per_clock": arithmetic_per_clock(engine),
        "storage_words": words,
        "storage_bits": words["total"] * engine.width_bits,
        "against_dense": {
            "storage": float(Fraction(storage_words(dense)["total"], words["total"])),
            "products": float(Fraction(sum(dense.weights), sum(network.weights))),
        },
        "early_estimate": _early(engine),
        "exact": {"clock_mhz": str(engine.clock_mhz), "time_us": str(engine.time_us)},
    }


def _early(engine: Engine) -> dict[str, Any] | None:
    """The early estimator's figures; None where it does not apply."""
    try:
        estimate = early_estimate(engine.network, engine.parallel[0], engine.width_bits)
    except SpecError:
        return None
    return {
        "z": list(estimate.parallel),
        "multipliers": estimate.multipliers,
        "dsp": estimate.dsp,
        "memory_bits": float(estimate.memory_bits),
    }
