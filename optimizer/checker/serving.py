"""What a result states about the use of a language model, from its network and the totals of its design."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from optimizer.workload.network import Network


def expected_serving(network: Network, data: dict[str, Any], *, joules: bool) -> dict[str, Any] | None:
    """The section ``serving`` that belongs to the stated energy and latency; None where there should be none.

    `joules`: energies have a unit, so that the energy per token is stated.
    """
    stated = network.serving
    if stated is None or "latency_ms" not in data:
        return None
    per_run = stated.batch if stated.phase == "decode" else stated.batch * stated.tokens
    found: dict[str, Any] = {"phase": stated.phase, "batch": stated.batch, "tokens": stated.tokens}
    found["output_token_ms" if stated.phase == "decode" else "first_token_ms"] = data["latency_ms"]
    found["tokens_per_s"] = per_run * 1e3 / data["latency_ms"]
    if joules:
        found["energy_per_token_j"] = data["energy_pj"] * 1e-12 / per_run
    if data.get("power_w"):
        found["tokens_per_s_per_w"] = found["tokens_per_s"] / data["power_w"]
    if data["area_um2"]:
        found["tokens_per_s_per_mm2"] = found["tokens_per_s"] / (data["area_um2"] / 1e6)
    for name, bits in (("weight_bytes", stated.weight_bits), ("cache_bytes", stated.cache_bits)):
        found[name] = math.ceil(Fraction(bits, 8))
    return found
