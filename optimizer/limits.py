r"""Physical limits of a layer on a hardware point: what no mapping can beat.

Compute
    ``cycles >= ceil(MACs / multipliers)``; where N:M blocks make multipliers idle, more by their share.
Compulsory traffic
    Every word of W and I that takes part is read from the outermost level at least once and every word of O
    is written at least once. Words that a strided window skips are not counted.
Data movement
    ``words >= 2 MACs / sqrt(R S) - 2 S``, where ``S`` is the on-chip storage in words and ``R`` is how often
    the window uses one input word at most. For matrix products ``R = 1``, the bound ``2mnk / sqrt(S) - 2 S``
    of Smith, Lowery, Langou, van de Geijn, *A tight I/O lower bound for matrix multiplication*,
    arXiv:1702.02017 (2017). For convolutions it is the bound of Chen, Han, Wang, *Communication lower bound
    in convolution accelerators*, HPCA 2020, with their average reuse ``kernel area / stride^2`` replaced by
    the largest reuse of one word, so that it holds for every shape and without asymptotics.

    Proof. Cut a run into segments of ``x`` transfers, where each visit of a partial sum counts as one
    transfer (a visit ends with a write; where it does not start with a read, the write stands for it). A
    segment sees at most ``S + x`` words. Unfold the input: ``I`` words appear in at most ``R I`` places.
    Every dim indexes two of the three operands, so by Loomis and Whitney a segment computes at most
    ``sqrt(W O R I) <= sqrt(R) ((S + x) / 3)^(3/2)`` MACs; take ``x = 2 S`` and count the full segments.
    Hence the bound holds for the reads of W and I plus the *writes* of O; the reads of O come on top.
    In N:M blocks the same holds of blocks: their steps take the place of MACs, a transfer moves a word or what a
    step takes of one.

    ``S`` is all usable storage inside of the outermost level, in words of the narrowest operand, plus one
    word per multiplier for every operand that may reach the multipliers without being kept on chip (multicast
    and spatial reduction make the wires a storage of that size). One unbounded level inside voids the bound.
Energy
    MACs, plus the cheapest outermost accesses for the traffic above.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from optimizer.hardware import Hardware
from optimizer.workload import ROLES, Axis, Layer, Operand


@dataclass(frozen=True)
class Limits:
    """Lower bounds on one run of a layer.

    Parameters
    ----------
    compute_cycles : int
        Compute roofline.
    compulsory_dram_words : dict of role to int
        Words that must be read (W, I) or written (O) at the outermost level.
    data_movement_words : int
        The bound that follows from the on-chip storage; 0 where it says nothing.
    dram_words : int
        Words moved at the outermost level by any mapping: the larger of the two.
    energy : int
        In the hardware's energy unit.
    """

    compute_cycles: int
    compulsory_dram_words: dict[str, int]
    data_movement_words: int
    dram_words: int
    energy: int


def layer_limits(layer: Layer, hardware: Hardware) -> Limits:
    """The limits of a layer on a hardware point; see the module's docstring for formulas and sources."""
    compulsory = {operand.role: touched_words(operand, layer.extents) for operand in layer.operands}
    moved = data_movement_words(layer, hardware)
    return Limits(
        compute_cycles=-(-layer.steps * hardware.step_cycles(layer.block) // hardware.macs_per_cycle),
        compulsory_dram_words=compulsory,
        data_movement_words=moved,
        dram_words=max(sum(compulsory.values()), moved),
        energy=layer.macs * hardware.mac_energy + _dram_energy(layer, hardware, compulsory, moved),
    )


def lower_bounds(layer: Layer, hardware: Hardware) -> dict[str, Any]:
    """The limits as they stand in a result, energy in pJ (or normalized units)."""
    limits = layer_limits(layer, hardware)
    return {
        "compute_cycles": limits.compute_cycles,
        "compulsory_dram_words": dict(limits.compulsory_dram_words),
        "dram_words_bound": limits.dram_words,
        "energy_pj": hardware.energy_pj(limits.energy),
    }


def touched_words(operand: Operand, extents: dict[str, int]) -> int:
    """Words of a tensor that take part: index values that occur, so without the gaps of a stride.

    Axes that share a dim with an axis before them are left out, which can only lower the count.
    """
    seen: set[str] = set()
    words = 1
    for axis in operand.axes:
        dims = {dim for dim, _ in axis.terms}
        if not dims & seen:
            words *= _axis_uses(axis, extents)[0]
        seen |= dims
    return words


def window_reuse(operand: Operand, extents: dict[str, int]) -> int:
    """Most positions of the operand's own dims that share one word (1 without windows)."""
    return math.prod(_axis_uses(axis, extents)[1] for axis in operand.axes)


def _axis_uses(axis: Axis, extents: dict[str, int]) -> tuple[int, int]:
    """How many index values occur along an axis, and how many positions of its dims give one at most."""
    if len(axis.terms) == 1:
        return extents[axis.terms[0][0]], 1
    uses = Counter({0: 1})
    for dim, coefficient in axis.terms:
        wider: Counter[int] = Counter()
        for index, count in uses.items():
            for position in range(extents[dim]):
                wider[index + coefficient * position] += count
        uses = wider
    return len(uses), max(uses.values())


def storage_words(layer: Layer, hardware: Hardware) -> int | None:
    """The ``S`` of the data-movement bound; ``None`` if some inner level is unbounded."""
    narrowest = min(operand.least_bits for operand in layer.operands)
    words = 0
    for level in hardware.levels[1:]:
        if level.usable_bits is None:
            return None
        words += level.usable_bits // narrowest * math.prod(level.mesh)
    kept = frozenset[str]().union(*(level.must_keep for level in hardware.levels[1:]))
    return words + hardware.macs_per_cycle * len(set(ROLES) - kept)


def data_movement_words(layer: Layer, hardware: Hardware) -> int:
    """``2 MACs / sqrt(R S) - 2 S`` rounded up, or 0 if that is negative or void."""
    storage = storage_words(layer, hardware)
    if not storage:
        return 0
    reuse = window_reuse(layer.operand("I"), layer.extents)
    return max(0, _ceil_sqrt_ratio(4 * layer.steps**2, reuse * storage) - 2 * storage)


def _ceil_sqrt_ratio(numerator: int, denominator: int) -> int:
    """Least integer whose square is at least ``numerator / denominator``."""
    root = math.isqrt(numerator // denominator)
    return root if root * root * denominator >= numerator else root + 1


def _dram_energy(layer: Layer, hardware: Hardware, compulsory: dict[str, int], moved: int) -> int:
    """Cheapest outermost accesses for the compulsory words, and for the words of the data-movement bound."""
    outer = hardware.levels[0]

    def energy(words: int, bits: int, each: int) -> int:
        return -(-words * bits // outer.access_bits) * each

    kinds = {"W": outer.read_energy, "I": outer.read_energy, "O": outer.update_energy}
    needed = sum(energy(compulsory[o.role], o.least_bits, kinds[o.role]) for o in layer.operands)
    narrowest = min(operand.least_bits for operand in layer.operands)
    return max(needed, energy(moved, narrowest, min(outer.read_energy, outer.update_energy)))
