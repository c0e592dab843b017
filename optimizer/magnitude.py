"""Layers whose costs would leave the 64-bit integers of the search are refused, not searched wrongly."""

from __future__ import annotations

import math
from fractions import Fraction

from optimizer.errors import SpecError
from optimizer.hardware import Hardware, Level
from optimizer.workload import Layer, Operand

LARGEST = 2**60 - 1
"""The search takes scaled energies above it for infinite."""


def check_magnitude(layers: list[tuple[Layer, int]], points: list[Hardware]) -> None:
    """Refuse a layer if its dearest mapping, which uses no word twice, costs more than the integers hold.

    The search scales energies so that those of words, which share accesses, are whole numbers.

    Parameters
    ----------
    layers : list of (Layer, int)
        Layers with their steps (multiply-accumulates, or blocks of them) under the largest padding.
    points : list of Hardware
        All points of an architecture.

    Raises
    ------
    SpecError
    """
    copies = list(zip(*(point.levels for point in points), strict=True))
    fixed = max(point.mac_energy for point in points)
    fixed += sum(max(level.leak_energy * math.prod(level.mesh) for level in levels) for levels in copies)
    dearest = [(levels[0], *_dearest(list(levels), filled=n > 0)) for n, levels in enumerate(copies)]
    for layer, steps in layers:
        scale = math.lcm(*(_scale(level, layer) for level in {level for levels in copies for level in levels}))
        words = sum(_word(operand, *prices) for prices in dearest for operand in layer.operands)
        most = math.floor(LARGEST / (scale * (fixed * _longest(layer) + words)))
        if steps > most:
            raise SpecError(
                "the layer has too many multiply-accumulates for exact 64-bit costs", field=layer.name, value=steps,
                allowed=f"at most {most:,} on this architecture",
                remedy="use a smaller batch or sequence, or split the layer",
            )  # fmt: skip


def _longest(layer: Layer) -> int:
    """Most cycles, and multiply-accumulates, of a step."""
    return 1 if layer.block is None else layer.block.size


def _scale(level: Level, layer: Layer) -> int:
    """What makes the energies of all words at a level whole numbers."""
    energies = (level.read_energy, level.fill_energy, level.update_energy)
    bits = {width for operand in layer.operands for width in (operand.bits, operand.step_bits)}
    words = (Fraction(width * energy, level.access_bits) for width in bits for energy in energies)
    return math.lcm(*(word.denominator for word in words))


def _dearest(levels: list[Level], *, filled: bool) -> tuple[int, int]:
    """The largest energy of an access by W or I, and by O, that passes a level."""
    read = max(level.read_energy + (level.fill_energy if filled else 0) for level in levels)
    return read, read + max(level.update_energy for level in levels)


def _word(operand: Operand, level: Level, read: int, written: int) -> Fraction:
    if operand.role in level.must_bypass:
        return Fraction(0)
    bits = max(operand.bits, operand.step_bits)
    return Fraction(bits * (written if operand.role == "O" else read), level.access_bits)
