"""Costs besides multiply-accumulate runs: words that move, and the work of vector layers."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting, port_cycles


@dataclass(frozen=True)
class Charge:
    """Total energy units and cycles of one item that is not a multiply-accumulate run; ``kind`` names it.

    ``load`` and ``store`` move a tensor between the outermost level and the buffer; ``vector`` is a layer's work.
    ``dram_words`` are moved at the outermost level.
    """

    kind: str
    name: str
    energy: int
    latency: int
    dram_words: int


@dataclass(frozen=True)
class Mover:
    """Energy and time of words that move at the outermost level and the buffer."""

    hardware: Hardware
    accounting: Accounting

    def load(self, name: str, parts: Counter[int], bits: int) -> Charge:
        """Words from the outermost level into the buffer, in parts: (words, number)."""
        dram, buffer = self.hardware.levels[:2]
        energy = latency = 0
        for words, count in parts.items():
            spent = self._energy(dram.access_bits, words * bits, dram.read_energy)
            spent += self._energy(buffer.access_bits, words * bits, buffer.fill_energy)
            cycles = self._cycles(0, words * bits, 0, 0, words * bits)
            energy, latency = energy + (spent + self._leak(cycles)) * count, latency + cycles * count
        return Charge("load", name, energy, latency, sum(words * count for words, count in parts.items()))

    def store(self, name: str, words: int, bits: int) -> Charge:
        """Words from the buffer to the outermost level."""
        dram, buffer = self.hardware.levels[:2]
        energy = self._energy(dram.access_bits, words * bits, dram.update_energy)
        energy += self._energy(buffer.access_bits, words * bits, buffer.read_energy)
        cycles = self._cycles(0, 0, words * bits, words * bits, 0)
        return Charge("store", name, energy + self._leak(cycles), cycles, words)

    def vector(
        self,
        operations: int,
        outside: list[tuple[int, int]],
        inside: list[tuple[int, int]],
        written_outside: list[tuple[int, int]],
        written_inside: list[tuple[int, int]],
    ) -> tuple[int, int]:
        """(energy, cycles) of operations that stream (words, bits) from and to both levels.

        As of a layer by itself, leakage is not charged.
        """
        dram, buffer = self.hardware.levels[:2]
        energy = operations * self.hardware.vector_energy
        for streams, level, each in (
            (outside, dram, dram.read_energy),
            (written_outside, dram, dram.update_energy),
            (inside, buffer, buffer.read_energy),
            (written_inside, buffer, buffer.update_energy),
        ):
            energy += sum(self._energy(level.access_bits, words * bits, each) for words, bits in streams)
        compute = -(-operations // self.hardware.vector_lanes)
        ports = self._cycles(compute, *(_bits(x) for x in (outside, written_outside, inside, written_inside)))
        return energy, ports

    @staticmethod
    def _energy(access_bits: int, bits: int, each: int) -> int:
        return -(-bits // access_bits) * each

    def _cycles(self, compute: int, dram_read: int, dram_written: int, read: int, written: int) -> int:
        dram, buffer = self.hardware.levels[:2]
        return max(
            compute,
            math.ceil(port_cycles(dram, dram_read, dram_written, self.accounting)),
            math.ceil(port_cycles(buffer, read, written, self.accounting)),
        )

    def _leak(self, cycles: int) -> int:
        return cycles * sum(level.leak_energy for level in self.hardware.levels[:2])


def _bits(streams: list[tuple[int, int]]) -> int:
    return sum(words * bits for words, bits in streams)
