"""Layers whose costs would leave the 64-bit integers of the search are refused, not searched wrongly."""

from __future__ import annotations

import math
from fractions import Fraction

from optimizer.errors import SpecError
from optimizer.hardware import Hardware, Level
from optimizer.workload import Layer, Operand

LARGEST = 2**63 - 1


def check_magnitude(layers: list[tuple[Layer, int]], points: list[Hardware]) -> None:
    """Refuse a layer if its dearest mapping, which uses no word twice, costs more than the integers hold.

    The search counts energy in units over the lcm of the access widths.

    Parameters
    ----------
    layers : list of (Layer, int)
        Layers with their multiply-accumulates under the largest padding.
    points : list of Hardware
        All points of an architecture.

    Raises
    ------
    SpecError
    """
    copies = list(zip(*(point.levels for point in points), strict=True))
    scale = math.lcm(*(levels[0].access_bits for levels in copies))
    fixed = max(point.mac_energy for point in points)
    fixed += sum(max(level.leak_energy * math.prod(level.mesh) for level in levels) for levels in copies)
    dearest = [(levels[0], *_dearest(list(levels), filled=n > 0)) for n, levels in enumerate(copies)]
    for layer, macs in layers:
        words = sum(_word(operand, *prices) for prices in dearest for operand in layer.operands)
        most = math.floor(LARGEST / (scale * (fixed + words)))
        if macs > most:
            raise SpecError(
                "the layer has too many multiply-accumulates for exact 64-bit costs", field=layer.name, value=macs,
                allowed=f"at most {most:,} on this architecture",
                remedy="use a smaller batch or sequence, or split the layer",
            )  # fmt: skip


def _dearest(levels: list[Level], *, filled: bool) -> tuple[int, int]:
    """The largest energy of an access by W or I, and by O, that passes a level."""
    read = max(level.read_energy + (level.fill_energy if filled else 0) for level in levels)
    return read, read + max(level.update_energy for level in levels)


def _word(operand: Operand, level: Level, read: int, written: int) -> Fraction:
    if operand.role in level.must_bypass:
        return Fraction(0)
    return Fraction(operand.bits * (written if operand.role == "O" else read), level.access_bits)
