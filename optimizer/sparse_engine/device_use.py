"""What an engine takes of an FPGA.

From the sources: multipliers of feedforward and backpropagation lie on DSP slices, one per product, those of the
update on lookup tables; so ``DSP = sum z_i + 2 sum_{i>=2} z_i``. The input takes ``ceil(z_1 / fo_1)`` words per clock.

The sources do not say how block RAM and lookup tables are counted. The following rules are ours:

* A product of words of up to 18 bits takes one DSP slice (25 x 18 bits in the DSP48E1).
* Weights and biases of a junction are read row by row together: one wide memory of ``(z + ceil(z / fi)) w`` bits and
  depth C in block RAM. A block of 18 kbit as simple dual port is 512 x 36, 1024 x 18, 2048 x 9, 4096 x 4, 8192 x 2 or
  16384 x 1; the best shape counts, and as many blocks as cover width and depth.
* Memories of activations, derivatives and deltas have addresses of their own. One of depth 1 is a register, up to 32
  rows take 4 lookup tables per 6 bits (RAM32M), up to 64 rows 4 per 3 bits (RAM64M), deeper ones block RAM. Deltas of
  the last layer lie in ``ceil(z_L / fi_L)`` memories.
* Lookup tables besides: ``w (w + 1)`` per update multiplier, 1 per adder bit (a tree has ``ceil(log2 fi)`` more bits
  than a word), and tables of activation and derivative of ``2^min(w, 12)`` entries at 64 bits per lookup table.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.sparse_engine.engine import Engine, Junction, bank_copies, log2_ceil

BLOCK_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
"""(bits, rows) of a block RAM of 18 kbit as simple dual port."""
LARGEST_WIDTH = 18
"""Bits of a word whose products take one DSP slice."""
TABLE_BITS = 12
RESOURCES = ("dsp", "bram18", "lut", "input_bits")
"""DSP slices, block RAMs of 18 kbit, lookup tables, bits of input per clock."""


def blocks_for(width_bits: int, depth: int) -> int:
    """Block RAMs of 18 kbit for one memory."""
    return min(-(-width_bits // bits) * -(-depth // rows) for bits, rows in BLOCK_SHAPES)


def bank_cost(width_bits: int, depth: int) -> tuple[int, int]:
    """(block RAMs, lookup tables) of one memory with an address of its own."""
    if depth > 64:
        return blocks_for(width_bits, depth), 0
    if depth > 32:
        return 0, 4 * -(-width_bits // 3)
    return 0, 4 * -(-width_bits // 6) if depth > 1 else 0


def banks(junction: Junction, number: int, layers: int) -> Iterator[tuple[str, int, int, int]]:
    """(kind, copies, memories, depth) of the banks that belong to junction `number` of `layers`.

    These are the banks of its left layer, and the deltas of the last layer.
    """
    copies = bank_copies(layers, number - 1)
    yield "activations", copies, junction.parallel, junction.depth
    if number > 1:
        yield "derivatives", copies, junction.parallel, junction.depth
        yield "deltas", 2, junction.parallel, junction.depth
    if number == layers:
        yield "deltas", 2, junction.right_parallel, -(-junction.right // junction.right_parallel)


def junction_use(junction: Junction, number: int, layers: int, width_bits: int, input_bits: int) -> dict[str, int]:
    """What junction `number` (from 1) of `layers` takes of each of :data:`RESOURCES`."""
    z, outputs = junction.parallel, junction.right_parallel
    back = z if number > 1 else 0
    blocks, tables = blocks_for((z + outputs) * width_bits, junction.cycles), 0
    for _, copies, memories, depth in banks(junction, number, layers):
        cost = bank_cost(width_bits, depth)
        blocks += copies * memories * cost[0]
        tables += copies * memories * cost[1]
    fan_in = junction.in_degree
    tables += z * width_bits * (width_bits + 1)
    tables += outputs * fan_in * (width_bits + log2_ceil(fan_in)) + (back + z + outputs) * width_bits
    tables += 2 * outputs * width_bits * -(-(2 ** min(width_bits, TABLE_BITS)) // 64)
    entering = -(-z // junction.out_degree) * input_bits if number == 1 else 0
    return {"dsp": z + 2 * back, "bram18": blocks, "lut": tables, "input_bits": entering}


def device_use(engine: Engine, input_bits: int = 8) -> dict[str, int]:
    """What an engine takes of each of :data:`RESOURCES`.

    Parameters
    ----------
    engine : Engine
    input_bits : int
        Bits of one input activation.
    """
    layers = engine.network.junctions
    uses = [
        junction_use(junction, number, layers, engine.width_bits, input_bits)
        for number, junction in enumerate(engine.junctions, 1)
    ]
    return {name: sum(use[name] for use in uses) for name in RESOURCES}
