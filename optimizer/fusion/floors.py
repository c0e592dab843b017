"""Cheap bounds on what runs of a layer cost, whatever their tiles are."""

from __future__ import annotations

import math
from collections.abc import Mapping as Dict
from fractions import Fraction

from formulations.problem import distinct_sums
from optimizer.fusion.runs import Aim
from optimizer.hardware import Hardware
from optimizer.workload import ROLES, Layer, Operand


def floor_per_mac(layer: Layer, hardware: Hardware, aim: Aim) -> Fraction:
    """No mapping of any tile costs less per multiply-accumulate.

    Every operand of every multiply-accumulate is read (an output updated) at the innermost level that keeps it, which
    is none outside of one that must keep it, once for all multipliers that share it: at most the product of the
    fan-outs from there on, over the axes that may unroll a dim that lets them share (for inputs also the dims of
    windows, whose neighbours overlap). And no more multiply-accumulates run in a cycle than there are multipliers.
    """
    cycles = Fraction(1, hardware.macs_per_cycle)
    if aim.objective == "latency":
        return cycles
    energy = Fraction(hardware.mac_energy)
    for role in ROLES:
        innermost = max(n for n, level in enumerate(hardware.levels) if n == 0 or role in level.must_keep)
        energy += min(
            _served(layer, hardware, role, number) for number, level in enumerate(hardware.levels)
            if number >= innermost and role not in level.must_bypass
        )  # fmt: skip
    return energy + aim.weight * cycles


def least_words(operand: Operand, extents: Dict[str, int]) -> int:
    """Words of an operand that take part at all: strides may leave gaps in the input."""
    return math.prod(distinct_sums([(c, extents[dim]) for dim, c in axis.terms]) for axis in operand.axes)


def _served(layer: Layer, hardware: Hardware, role: str, number: int) -> Fraction:
    operand, level = layer.operand(role), hardware.levels[number]
    shared = math.prod(
        _sharing(layer, hardware, role, n, axis) for n in range(number, len(hardware.levels)) for axis in (0, 1)
    )
    each = level.update_energy if role == "O" else level.read_energy
    return Fraction(operand.bits * each, level.access_bits * shared)


def _sharing(layer: Layer, hardware: Hardware, role: str, number: int, axis: int) -> int:
    """Most children along one axis of a fan-out that can share words of an operand."""
    level = hardware.levels[number]
    allowed = (level.spatial_x, level.spatial_y)[axis]
    operand = layer.operand(role)
    windows = {dim for part in operand.axes if len(part.terms) > 1 for dim, _ in part.terms}
    sharing = any(
        extent > 1 and (allowed is None or dim in allowed) and (dim not in operand.dims or dim in windows)
        for dim, extent in layer.dims
    )
    return hardware.fanout(number)[axis] if sharing else 1
