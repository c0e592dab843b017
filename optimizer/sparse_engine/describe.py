"""Everything about an engine: rates, memories, arithmetic, device use, savings against the dense one."""

from __future__ import annotations

from fractions import Fraction

from optimizer.bodies.sparse import DenseRatios, EarlyFigures, EngineEntry, ExactClock, ExactRates, SimulatedEngine
from optimizer.errors import SpecError
from optimizer.sparse_engine.device_use import device_use
from optimizer.sparse_engine.engine import Engine, arithmetic_per_clock, storage_words
from optimizer.sparse_engine.estimator import early_estimate


def simulated_engine(engine: Engine, form: str) -> SimulatedEngine:
    """What makes an engine, and the format of its words."""
    return SimulatedEngine(
        neurons=tuple(engine.network.neurons),
        out_degrees=tuple(engine.network.out_degrees),
        z=tuple(engine.parallel),
        proctime=engine.proctime,
        exact=ExactClock(clock_mhz=engine.clock_mhz),
        format=form,
    )


def describe(engine: Engine, input_bits: int = 8) -> EngineEntry:
    """An engine and its costs; ratios are against the same network with all connections."""
    network = engine.network
    dense, words = network.dense(), storage_words(network)
    return EngineEntry(
        neurons=tuple(network.neurons),
        out_degrees=tuple(network.out_degrees),
        in_degrees=tuple(network.in_degrees),
        weights=tuple(network.weights),
        density=float(network.density),
        z=tuple(engine.parallel),
        width_bits=engine.width_bits,
        proctime=engine.proctime,
        clock_mhz=float(engine.clock_mhz),
        cycles=tuple(junction.cycles for junction in engine.junctions),
        depths=tuple(junction.depth for junction in engine.junctions),
        block_cycle=engine.block_cycle,
        time_us=float(engine.time_us),
        inputs_per_s=float(10**6 / engine.time_us),
        speed_up=engine.speed_up,
        input_words_per_clock=engine.input_words,
        device_use=device_use(engine, input_bits),
        arithmetic_per_clock=arithmetic_per_clock(engine),
        storage_words=words,
        storage_bits=words["total"] * engine.width_bits,
        against_dense=DenseRatios(
            storage=float(Fraction(storage_words(dense)["total"], words["total"])),
            products=float(Fraction(sum(dense.weights), sum(network.weights))),
        ),
        early_estimate=_early(engine),
        exact=ExactRates(clock_mhz=engine.clock_mhz, time_us=engine.time_us),
    )


def _early(engine: Engine) -> EarlyFigures | None:
    """The early estimator's figures; None where it does not apply."""
    try:
        estimate = early_estimate(engine.network, engine.parallel[0], engine.width_bits)
    except SpecError:
        return None
    return EarlyFigures(
        z=tuple(estimate.parallel),
        multipliers=estimate.multipliers,
        dsp=estimate.dsp,
        memory_bits=float(estimate.memory_bits),
    )
