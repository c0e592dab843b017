"""The figures of a design for those who use the language model: time, speed and energy per token."""

from __future__ import annotations

from optimizer.architecture.hardware import Hardware
from optimizer.bodies.solve import Design, ServingEntry
from optimizer.workload.network import Network

BITS_PER_BYTE = 8


def serving_entry(network: Network, hardware: Hardware, design: Design) -> ServingEntry | None:
    """What one run means: the time to the first token or per output token, tokens per second, energy per token.

    Tokens per second and energy per token count the tokens of all sequences: those of the prompts in prefill, one per
    sequence in decode. None for networks that are no language model.
    """
    serving = network.serving
    if serving is None:
        return None
    decoding = serving.phase == "decode"
    joules = design.energy_pj * 1e-12 / serving.computed
    return ServingEntry(
        phase=serving.phase,
        batch=serving.batch,
        tokens=serving.tokens,
        first_token_ms=None if decoding else design.latency_ms,
        output_token_ms=design.latency_ms if decoding else None,
        tokens_per_s=serving.computed * 1e3 / design.latency_ms,
        energy_per_token_j=None if hardware.energy_unit_pj is None else joules,
        weight_bytes=-(-serving.weight_bits // BITS_PER_BYTE),
        cache_bytes=-(-serving.cache_bits // BITS_PER_BYTE),
    )
