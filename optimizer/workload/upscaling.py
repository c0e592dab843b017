"""Transposed convolutions as few ordinary ones: phases that read the same rows of the input are channels of one layer.

The phases of an axis (:mod:`optimizer.workload.phases`) cut the output into *blocks* of neighbouring rows, one row per
phase, and block m reads the rows of the input around row m. So one convolution of stride 1 over the blocks, whose
output channels are those of the operator times the phases of both axes, does the work of all phases: every row of the
input comes in as often as the best loop nest fetches it, not once per phase. Its kernel is as wide as the phases need
together; where a phase has no tap the weight is zero. Those products are done, take energy and time, and do not count
as multiply-accumulates of the network (:attr:`optimizer.workload.layer.Layer.real_taps`).

Where blocks begin is a choice: with 4 taps and stride 2, blocks that begin at an odd row need 2 rows of the input,
those that begin at an even row need 3. A beginning inside of the first block leaves rows at both borders, which are
parts of their own. The beginning is taken whose blocks need the fewest rows of the input, then the one with the fewest
parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from optimizer.workload.phases import Phase, phases
from optimizer.workload.views import Window


@dataclass(frozen=True)
class BlockPart:
    """Equal blocks of output rows along one axis.

    Parameters
    ----------
    rows : tuple of int
        Output rows of the first block, one per phase; those of block m lie ``m * stride`` further.
    blocks : int
        How many.
    first_input : int
        First input row that the first block reads; negative: padding. Block m begins m rows further.
    dilation : int
        Step between the input rows that a block reads.
    kernel : tuple of tuple of (int or None)
        Per phase, for every input row that a block reads, the tap of the operator; None where it has none.
    """

    rows: tuple[int, ...]
    blocks: int
    first_input: int
    dilation: int
    kernel: tuple[tuple[int | None, ...], ...]

    @property
    def taps(self) -> int:
        """Input rows that a block reads."""
        return len(self.kernel[0])

    @property
    def real_taps(self) -> Fraction:
        """Share of the products that have a tap."""
        return Fraction(sum(tap is not None for row in self.kernel for tap in row), len(self.rows) * self.taps)

    @property
    def window(self) -> Window:
        """Input rows that a block reads."""
        return Window(reach=(self.taps - 1) * self.dilation + 1, before=-self.first_input)


def block_parts(outputs: int, kernel: int, stride: int, dilation: int, padding: int) -> list[BlockPart]:
    """The parts of a transposed convolution along one axis; rows without taps are in none.

    Parameters are those of :func:`optimizer.workload.phases.phases`.
    """
    every = phases(outputs, kernel, stride, dilation, padding)
    choices = [_cut(every, begin, stride) for begin in range(len(every))]
    return min(choices, key=lambda parts: (max(part.taps for part in parts), len(parts)), default=[])


def phase_parts(outputs: int, kernel: int, stride: int, dilation: int, padding: int) -> list[BlockPart]:
    """Every phase along one axis as a part of its own, whose blocks are single rows.

    Parameters are those of :func:`optimizer.workload.phases.phases`.
    """
    return [_part([(phase, 0)], phase.outputs, stride) for phase in phases(outputs, kernel, stride, dilation, padding)]


def _cut(every: Sequence[Phase], begin: int, stride: int) -> list[BlockPart]:
    """Parts with blocks that begin at a phase: those before it are a block behind.

    ``starts`` is the row of every phase in the first whole block.
    """
    starts = [int(number < begin) for number in range(len(every))]
    blocks = min(phase.outputs - start for phase, start in zip(every, starts, strict=True))
    whole = [(phase, start) for phase, start in zip(every, starts, strict=True) if blocks > 0]
    head = [(phase, 0) for phase, start in zip(every, starts, strict=True) if start]
    end = [
        (phase, start + max(blocks, 0))
        for phase, start in zip(every, starts, strict=True)
        if phase.outputs > start + max(blocks, 0)
    ]
    found = [(some, count) for some, count in ((head, 1), (whole, blocks), (end, 1)) if some]
    return [_part(some, count, stride) for some, count in found]


def _part(some: Sequence[tuple[Phase, int]], blocks: int, stride: int) -> BlockPart:
    """Blocks of these phases, each from a row of its own on."""
    ordered = sorted(some, key=lambda one: one[0].first_output + one[1] * stride)
    reads = [
        {phase.first_input + row - n * phase.dilation: tap for n, tap in enumerate(phase.taps)}
        for phase, row in ordered
    ]
    first, last, step = min(map(min, reads)), max(map(max, reads)), ordered[0][0].dilation
    if any((row - first) % step for read in reads for row in read):
        step = 1
    return BlockPart(
        rows=tuple(phase.first_output + row * stride for phase, row in ordered),
        blocks=blocks,
        first_input=first,
        dilation=step,
        kernel=tuple(tuple(read.get(row) for row in range(first, last + 1, step)) for read in reads),
    )
