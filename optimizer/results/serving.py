"""The figures of a design for those who use the language model: time, speed and energy per token."""

from __future__ import annotations

from optimizer.architecture.budgets import UM2_PER_MM2
from optimizer.architecture.hardware import Hardware
from optimizer.bodies.solve import Design, ServingEntry
from optimizer.workload.network import Network

BITS_PER_BYTE = 8


def serving_entry(network: Network, hardware: Hardware, design: Design) -> ServingEntry | None:
    """What one run means: time to the first token or per output token, tokens per second, energy per token.

    Tokens per second and energy per token count the tokens of all sequences: those of the prompts in prefill, one per
    sequence in decode. Speed is also stated per watt and per mm2. None for networks that are no language model.
    """
    serving = network.serving
    if serving is None:
        return None
    decoding = serving.phase == "decode"
    joules = design.energy_pj * 1e-12 / serving.computed
    speed = serving.computed * 1e3 / design.latency_ms
    return ServingEntry(
        phase=serving.phase,
        batch=serving.batch,
        tokens=serving.tokens,
        first_token_ms=None if decoding else design.latency_ms,
        output_token_ms=design.latency_ms if decoding else None,
        tokens_per_s=speed,
        energy_per_token_j=None if hardware.energy_unit_pj is None else joules,
        tokens_per_s_per_w=speed / design.power_w if design.power_w else None,
        tokens_per_s_per_mm2=speed / (design.area_um2 / UM2_PER_MM2) if design.area_um2 else None,
        weight_bytes=-(-serving.weight_bits // BITS_PER_BYTE),
        cache_bytes=-(-serving.cache_bits // BITS_PER_BYTE),
    )
