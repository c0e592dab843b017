"""The capacity of the outermost memory: whether what a network keeps there fits."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from optimizer.architecture.budgets import Budgets
from optimizer.files.quantities import size_text
from optimizer.problem.budget_text import rounded_up
from optimizer.workload.network import Network
from optimizer.workload.stored import stored_in

BITS_PER_GIB = 8 * 2**30
BUDGET = "dram_gib"
"""The budget of capacity."""
REASON = "memory"
"""Why the boxes of a certificate are closed where the network does not fit."""


class Excess(NamedTuple):
    """Bytes that do not fit: of the memory, of learned words, of keys, values and states (None: no language model)."""

    capacity_bytes: int
    weight_bytes: int
    cache_bytes: int | None


def excess_of(network: Network, budgets: Budgets) -> Excess | None:
    """What does not fit into the outermost memory; None where there is room, or no limit."""
    stored = stored_in(network)
    if budgets.dram_gib is None or stored.bits <= budgets.dram_gib * BITS_PER_GIB:
        return None
    cache = None if stored.cache_bits is None else -(-stored.cache_bits // 8)
    return Excess(int(budgets.dram_gib * BITS_PER_GIB / 8), -(-stored.weight_bits // 8), cache)


def excess_text(excess: Excess) -> str:
    """What has to be stored, and where, in words."""
    cache = "" if excess.cache_bytes is None else f", keys, values and states {size_text(8 * excess.cache_bytes)}"
    room = size_text(8 * excess.capacity_bytes)
    return f"weights need {size_text(8 * excess.weight_bytes)}{cache}; the outermost memory holds {room}"


def memory_relaxation(network: Network, budgets: Budgets, excess: Excess) -> dict[str, object]:
    """The least capacity that holds what is stored: with less there is no design."""
    assert budgets.dram_gib is not None
    return {
        "budget": BUDGET,
        "limit": float(budgets.dram_gib),
        "least": float(rounded_up(Fraction(stored_in(network).bits, BITS_PER_GIB))),
        "exact": False,
        "text": f"{excess_text(excess)}; together {size_text(stored_in(network).bits)}",
    }
