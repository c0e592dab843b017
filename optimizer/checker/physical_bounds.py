"""Lower bounds over all mappings of a layer, counted again: words, port cycles, energy.

Written from the definitions in :mod:`optimizer.mapping.lower_bounds`, and with the same names in results; it shares no
code with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from optimizer.architecture.hardware import Hardware, Level
from optimizer.checker.index_values import index_values
from optimizer.golden.walk import step_bits, step_cycles
from optimizer.workload.layer import Layer, Operand


def physical_bounds(layer: Layer, hardware: Hardware) -> dict[str, Any]:
    """The section ``lower_bounds`` of a layer in a result."""
    counted = _Counted(layer, hardware)
    compute = math.ceil(Fraction(counted.steps * step_cycles(layer, hardware), math.prod(hardware.mac_mesh)))
    ports = dict(counted.ports())
    limit, cycles = "compute", Fraction(compute)
    for name, busy in ports.items():
        if busy > cycles:
            limit, cycles = name, busy
    return {
        "compute_cycles": compute,
        "bandwidth_cycles": {name: _plain(busy) for name, busy in ports.items()},
        "latency_cycles": _plain(cycles),
        "latency_limit": limit,
        "compulsory_dram_words": counted.words,
        "dram_words_bound": max(sum(counted.words.values()), counted.moved),
        "energy_pj": hardware.energy_pj(counted.energy()),
    }


def energy_at_least(layer: Layer, hardware: Hardware) -> int:
    """Lower bound on the energy units of any mapping of a layer, padded or not."""
    return _Counted(layer, hardware).energy()


def _plain(value: Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)


class _Counted:
    """Words and accesses of one run of a layer that are needed whatever the mapping."""

    def __init__(self, layer: Layer, hardware: Hardware) -> None:
        self.layer, self.hardware, self.steps = layer, hardware, math.prod(layer.extents.values())
        self._moving = {tensor.role: min(tensor.bits, step_bits(layer, tensor)) for tensor in layer.operands}
        uses = {tensor.role: list(self._axes(tensor)) for tensor in layer.operands}
        self.words = {role: math.prod(words for words, _ in axes if words) for role, axes in uses.items()}
        self.moved = self._moved(math.prod(most for _, most in uses["I"]))

    def _axes(self, tensor: Operand) -> Iterator[tuple[int, int]]:
        """Per axis: words that occur (0 if a dim was on an axis before), and how many positions share one at most."""
        met: set[str] = set()
        for axis in tensor.axes:
            words, most = index_values(tuple((c, self.layer.extents[dim]) for dim, c in axis.terms))
            yield (0 if met & {dim for dim, _ in axis.terms} else words), most
            met.update(dim for dim, _ in axis.terms)

    def _moved(self, reuse: int) -> int:
        """Words that pass the ports of the outermost level because the on-chip levels cannot hold everything."""
        hardware, narrow = self.hardware, min(self._moving.values())
        inner = hardware.levels[1:]
        sizes = [level.size_bits // level.buffering for level in inner if level.size_bits is not None]
        if len(sizes) < len(inner):
            return 0
        unkept = [role for role in "WIO" if not any(role in level.must_keep for level in inner)]
        room = len(unkept) * math.prod(hardware.mac_mesh)
        room += sum(bits // narrow * math.prod(level.mesh) for bits, level in zip(sizes, inner, strict=True))
        if room == 0:
            return 0
        square = math.ceil(Fraction(4 * self.steps**2, reuse * room))
        return max(0, math.isqrt(square - 1) + 1 - 2 * room)

    def ports(self) -> Iterator[tuple[str, Fraction]]:
        """Every port with a bandwidth and compulsory traffic, and its cycles."""
        for number, level in enumerate(self.hardware.levels):
            there = {r: n * self._moving[r] for r, n in self.words.items() if number == 0 or r in level.must_keep}
            inputs, outputs = there.get("W", 0) + there.get("I", 0), there.get("O", 0)
            taken = {"read ": inputs, "write ": outputs + (inputs if number > 0 else 0)}
            taken[""] = sum(taken.values())
            if number == 0:
                taken[""] = max(taken[""], self.moved * min(self._moving.values()))
            widths = (level.read_bits_per_cycle, level.write_bits_per_cycle, level.shared_bits_per_cycle)
            for (way, bits), width in zip(taken.items(), widths, strict=True):
                if width is not None and bits > 0:
                    yield f"{level.name} {way}bandwidth", Fraction(bits, math.prod(level.mesh)) / width

    def energy(self) -> int:
        """Energy units of the multiply-accumulates, plus for each tensor those of the cheapest level that can serve the
        multipliers.
        """
        outer = self.hardware.levels[0]
        apart = inside = 0
        for tensor in self.layer.operands:
            once = _cost(self.words[tensor.role] * self._moving[tensor.role], outer, _price(outer, tensor))
            homes = [n for n in range(len(self.hardware.levels)) if self._home(tensor.role, n)]
            within = {n: self._fills(tensor) + self._serving(tensor, n) for n in homes if n > 0}
            apart += min(max(once, self._serving(tensor, 0)) if n == 0 else once + within[n] for n in homes)
            inside += 0 if 0 in homes else min(within.values())
        narrow = min(self._moving.values())
        streamed = inside + _cost(self.moved * narrow, outer, min(outer.read_energy, outer.update_energy))
        macs = self.steps * (1 if self.layer.block is None else self.layer.block.kept)
        return macs * self.hardware.mac_energy + max(apart, streamed)

    def _home(self, role: str, number: int) -> bool:
        """Can the innermost tile of a tensor be at this level?"""
        levels = self.hardware.levels
        forced = any(role in level.must_keep for level in levels[number + 1 :])
        return role not in levels[number].must_bypass and not forced

    def _fills(self, tensor: Operand) -> int:
        """Words of W or I written into every level that must keep them."""
        if tensor.role == "O":
            return 0
        bits = self.words[tensor.role] * tensor.bits
        inner = self.hardware.levels[1:]
        return sum(_cost(bits, level, level.fill_energy) for level in inner if tensor.role in level.must_keep)

    def _serving(self, tensor: Operand, number: int) -> int:
        """Least accesses at a level: one access serves at most the multipliers below it and the reuse of the tensor."""
        level, width = self.hardware.levels[number], step_bits(self.layer, tensor)
        below = 1
        for n in range(number, len(self.hardware.levels)):
            x, y = self.hardware.fanout(n)
            below *= x * y
        bits = math.ceil(Fraction(self.steps * width, below))
        if tensor.role != "I":
            own = math.prod(extent for dim, extent in self.layer.dims if dim in tensor.dims)
            bits = max(bits, own * width)
        return _cost(bits, level, _price(level, tensor))


def _price(level: Level, tensor: Operand) -> int:
    return level.update_energy if tensor.role == "O" else level.read_energy


def _cost(bits: int, level: Level, price: int) -> int:
    return math.ceil(Fraction(bits, level.access_bits)) * price
