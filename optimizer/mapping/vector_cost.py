"""Cost of layers without multiply-accumulates: they stream their tensors through the vector unit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optimizer.architecture.hardware import Hardware
from optimizer.mapping.cost import Accounting, port_cycles
from optimizer.workload.layer import VectorLayer


@dataclass(frozen=True)
class VectorCost:
    """Energy units, whole cycles and words moved to and from the outermost level, of one run."""

    energy: int
    latency_cycles: int
    dram_words: int


def vector_cost(layer: VectorLayer, hardware: Hardware, accounting: Accounting) -> VectorCost:
    """Every tensor is read, or written, once at the outermost level; operations run at full lanes.

    Energy is that of the accesses plus the operations; latency the larger of ``operations / lanes`` and the
    outermost ports' time, in whole cycles.
    """
    dram = hardware.levels[0]
    energy = layer.operations * hardware.vector_energy
    for tensors, each in ((layer.reads, dram.read_energy), (layer.writes, dram.update_energy)):
        energy += sum(-(-words * bits // dram.access_bits) * each for words, bits in tensors)
    read_bits = sum(words * bits for words, bits in layer.reads)
    write_bits = sum(words * bits for words, bits in layer.writes)
    compute = -(-layer.operations // hardware.vector_lanes)
    cycles = max(compute, math.ceil(port_cycles(dram, read_bits, write_bits, accounting)))
    words = sum(words for words, _ in (*layer.reads, *layer.writes))
    return VectorCost(energy, cycles, words)
